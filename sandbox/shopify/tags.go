package shopify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Shopify's limits of a product's tags.
const (
	maxTags   = 250
	maxTagLen = 255 // characters
)

// AddedTag is a tag that an app added to a product.
type AddedTag struct {
	Tag string    `json:"tag"`
	At  time.Time `json:"at"`
}

// tagged is a shop with the tags that apps added. As in any shop, states are
// functions of time: a tag is there from when it was added, and the product was
// updated then.
type tagged struct {
	Shop
	file string // that it outlives the simulator in; "" for none

	mu    sync.Mutex
	added map[shop.ID][]AddedTag
}

func newTagged(s Shop, file string) (*tagged, error) {
	t := &tagged{Shop: s, file: file, added: map[shop.ID][]AddedTag{}}
	if file == "" {
		return t, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &t.added)
	}
	if err != nil {
		return nil, fmt.Errorf("shopify simulator: tags of before: %w", err)
	}
	return t, nil
}

// Products yields the products with their tags.
func (t *tagged) Products(now time.Time) iter.Seq[*Product] {
	return func(yield func(*Product) bool) {
		for p := range t.Shop.Products(now) {
			if !yield(t.with(p, now)) {
				return
			}
		}
	}
}

// Product returns a product with its tags.
func (t *tagged) Product(id shop.ID, now time.Time) (*Product, bool) {
	p, ok := t.Shop.Product(id, now)
	if ok {
		p = t.with(p, now)
	}
	return p, ok
}

func (t *tagged) with(p *Product, now time.Time) *Product {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.added[p.ID]
	if len(list) == 0 {
		return p
	}
	c := *p
	c.Tags = slices.Clone(p.Tags)
	for _, a := range list {
		if a.At.After(now) {
			continue
		}
		if !hasTag(c.Tags, a.Tag) {
			c.Tags = append(c.Tags, a.Tag)
		}
		if a.At.After(c.UpdatedAt) {
			c.UpdatedAt = a.At
		}
	}
	return &c
}

// hasTag compares as Shopify does, without regard to case.
func hasTag(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) })
}

// add adds the tags that a product hasn't got, and says whether there are any.
func (t *tagged) add(p *Product, tags []string, now time.Time) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed := false
	for _, tag := range tags {
		if has := append(slices.Clone(p.Tags), names(t.added[p.ID])...); !hasTag(has, tag) {
			t.added[p.ID] = append(t.added[p.ID], AddedTag{tag, now})
			changed = true
		}
	}
	if !changed || t.file == "" {
		return changed, nil
	}
	text, err := json.Marshal(t.added)
	if err == nil {
		err = os.WriteFile(t.file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(t.file+".new", t.file)
	}
	return changed, err
}

func names(list []AddedTag) (tags []string) {
	for _, a := range list {
		tags = append(tags, a.Tag)
	}
	return tags
}

// Tagged tells what apps added to a product.
func (s *Server) Tagged(id shop.ID) []AddedTag {
	s.tagged.mu.Lock()
	defer s.tagged.mu.Unlock()
	return slices.Clone(s.tagged.added[id])
}

// tagsPayload is the answer of tagsAdd.
type tagsPayload struct {
	product *Product
	errors  []userError
}

// addTags answers tagsAdd, for products alone. A tag that is there already is no
// error and no change.
func addTags(r *request, args map[string]any) (any, error) {
	gid, _ := args["id"].(string)
	refused := func(field, message string) *tagsPayload {
		return &tagsPayload{errors: []userError{{[]string{field}, message, ""}}}
	}
	node, err := r.node(gid, "")
	if err != nil {
		return nil, err
	}
	p, ok := node.(*Product)
	if !ok {
		return refused("id", "Product does not exist"), nil
	}
	var tags []string
	values, _ := args["tags"].([]any)
	for _, v := range values {
		text, _ := v.(string)
		for tag := range strings.SplitSeq(text, ",") { // a comma divides tags, also here
			if tag = strings.TrimSpace(tag); tag == "" {
				continue
			}
			if utf8.RuneCountInString(tag) > maxTagLen {
				return refused("tags", fmt.Sprintf("Tag is too long (maximum is %d characters)", maxTagLen)), nil
			}
			tags = append(tags, tag)
		}
	}
	fresh := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return hasTag(p.Tags, tag) })
	if len(p.Tags)+len(fresh) > maxTags {
		return refused("tags", fmt.Sprintf("Product can have a maximum of %d tags", maxTags)), nil
	}
	changed, err := r.s.tagged.add(p, tags, r.now)
	if changed {
		r.s.stats.add(func(c *Stats) { c.Tagged++ })
	}
	p, _ = r.s.config.Shop.Product(p.ID, r.now)
	return &tagsPayload{product: p}, err
}
