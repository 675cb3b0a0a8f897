package taganalytics

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// fingerprint tells things apart by what they consist of.
type fingerprint [sha256.Size]byte

func fingerprintOf(list []string) (f fingerprint) {
	h := sha256.New()
	for _, text := range list {
		fmt.Fprintf(h, "%d:%s", len(text), text)
	}
	h.Sum(f[:0])
	return f
}

// products are those of some groups: each once, with the groups that it is in.
type products struct {
	ids    []int64   // in order
	groups [][]int32 // of each, numbered from 1
}

// productsOf reads the members of groups, ids with commas between.
func productsOf(members []string) (p products, err error) {
	in := map[int64][]int32{}
	for i, list := range members {
		for text := range strings.SplitSeq(list, ",") {
			if text == "" {
				continue
			}
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return p, fmt.Errorf("id of a product: %w: %w", err, errs.Corrupt)
			}
			in[id] = append(in[id], int32(i+1))
		}
	}
	p.ids = slices.Sorted(maps.Keys(in))
	p.groups = make([][]int32, len(p.ids))
	for i, id := range p.ids {
		p.groups[i] = in[id]
	}
	return p, nil
}

func (p products) bytes() int64 {
	n := int64(len(p.ids)) * (8 + 24)
	for _, groups := range p.groups {
		n += 4 * int64(cap(groups))
	}
	return n
}

// texts returns the ids in lists of at most so many, with commas between.
func (p products) texts(most int) (lists []string) {
	for part := range slices.Chunk(p.ids, most) {
		var b strings.Builder
		for i, id := range part {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.FormatInt(id, 10))
		}
		lists = append(lists, b.String())
	}
	return lists
}
