package shops

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// article is what never changes of a product. Product 0 is the gift card; the
// others are designs on product lines, one design after the other.
type article struct {
	title  string
	design string // "" for the gift card
	line   productLine
	sku    string
}

func (g *Generated) article(p int) article {
	if p < len(g.static) {
		return g.static[p]
	}
	return g.makeArticle(p)
}

func (g *Generated) makeArticle(p int) article {
	if p == 0 {
		return article{"Gift Card", "", productLine{"", "Gift Card", "Paper Moth", 2500, []string{"25", "50", "100"}}, ""}
	}
	design, line := g.split(p)
	name := designName(design)
	l := g.lines[line]
	return article{name + " – " + l.name, name, l, "PM-" + strconv.Itoa(design) + "-" + strings.ReplaceAll(l.name, " ", "")}
}

func (g *Generated) split(p int) (design, line int) {
	return (p - 1) / len(g.lines), (p - 1) % len(g.lines)
}

// planDesigns spreads the designs: a third are older than the first order.
func (g *Generated) planDesigns(span time.Duration) {
	designs := (g.options.Products - 1 + len(g.lines) - 1) / len(g.lines)
	g.early = designs/3 + 1
	g.spacing = max(span/time.Duration(max(designs-g.early, 0)+1), time.Hour)
}

// productCreatedAt ascends with p.
func (g *Generated) productCreatedAt(p int) time.Time {
	const history = 365 * 24 * time.Hour
	if p == 0 {
		return g.options.From.Add(-history - 24*time.Hour)
	}
	design, line := g.split(p)
	var at time.Time
	if design < g.early {
		at = g.options.From.Add(-history + time.Duration(design)*(history-96*time.Hour)/time.Duration(g.early))
	} else {
		at = g.options.From.Add(time.Duration(design-g.early+1) * g.spacing)
	}
	if p >= g.options.Products && !at.After(g.options.Anchor) {
		at = g.options.Anchor.Add(time.Hour) // the last design is short of lines until then
	}
	return at.Add(time.Duration(line) * time.Minute).Truncate(time.Second)
}

func (g *Generated) productDeletedAt(p int) time.Time {
	d := diceFor(g.options.Seed, 'y', int64(p))
	if p == 0 || !d.chance(10) {
		return time.Time{}
	}
	return g.productCreatedAt(p).Add(time.Duration(d.between(100, 600)*24) * time.Hour)
}

// Products yields the products of an instant.
func (g *Generated) Products(now time.Time) iter.Seq[*shopify.Product] {
	return func(yield func(*shopify.Product) bool) {
		for p := 0; !g.productCreatedAt(p).After(now); p++ {
			if product, ok := g.product(p, now); ok && !yield(product) {
				return
			}
		}
	}
}

// Product returns one product as of an instant.
func (g *Generated) Product(id shop.ID, now time.Time) (*shopify.Product, bool) {
	p, ok := indexOfProduct(id)
	if !ok || g.productCreatedAt(p).After(now) {
		return nil, false
	}
	return g.product(p, now)
}

// product builds a product as of now: published a day after it was made,
// touched every few months (put on sale and taken off), in the end archived.
func (g *Generated) product(p int, now time.Time) (*shopify.Product, bool) {
	if at := g.productDeletedAt(p); !at.IsZero() && !at.After(now) {
		return nil, false
	}
	a, d, createdAt := g.article(p), diceFor(g.options.Seed, 'p', int64(p)), g.productCreatedAt(p)
	r := &shopify.Product{Product: shop.Product{
		ID: productID(p), Title: a.title, Handle: handle(a.title, p), Vendor: a.line.vendor, ProductType: a.line.kind,
		Status: "DRAFT", CreatedAt: createdAt, UpdatedAt: createdAt, Tags: g.tags(p, a, &d),
	}}
	if !d.chance(30) {
		r.ImageURL = "https://cdn.example.com/paper-moth/" + r.Handle + ".jpg?v=" + strconv.FormatInt(createdAt.Unix(), 10)
	}
	happened := func(after time.Duration) bool {
		at := createdAt.Add(after)
		if at.After(now) {
			return false
		}
		if at.After(r.UpdatedAt) {
			r.UpdatedAt = at
		}
		return true
	}
	const day = 24 * time.Hour
	if !d.chance(20) && happened(day) { // some stay drafts
		r.Status, r.PublishedAt = "ACTIVE", createdAt.Add(day)
		if d.chance(20) {
			r.Status = "UNLISTED"
		}
		if archived := time.Duration(d.between(200, 500)) * day; d.chance(150) && p > 0 && happened(archived) {
			r.Status = "ARCHIVED"
		}
	}
	period := time.Duration(d.between(40, 160)) * day
	for k := time.Duration(1); happened(k * period); k++ {
		if k%2 == 1 {
			r.Tags = append(r.Tags, "Sale")
		} else {
			r.Tags = r.Tags[:len(r.Tags)-1]
		}
	}
	return r, true
}

// tags are the design, the product line, season, studio and collection. Some
// products spell a tag in another case.
func (g *Generated) tags(p int, a article, d *dice) []string {
	if p == 0 {
		return []string{"Gift Card"}
	}
	design, _ := g.split(p)
	of := diceFor(g.options.Seed, 't', int64(design)) // what all products of a design share
	tags := []string{a.design, a.line.name, seasons()[of.n(4)], "designer:" + designers()[of.n(8)], collections()[of.n(7)]}
	if of.chance(300) {
		tags = append(tags, "Bestseller")
	}
	if d.chance(100) {
		tags[2] = strings.ToLower(tags[2])
	}
	return tags
}

// handle is the title in the characters of an address, unique by its number.
func handle(title string, p int) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return r < '0' || r > 'z' || r > '9' && r < 'a' }) {
		b.WriteString(word)
		b.WriteByte('-')
	}
	return b.String() + strconv.Itoa(p)
}
