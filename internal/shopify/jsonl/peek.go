package jsonl

import (
	"bytes"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Head is what a line says of itself.
type Head struct {
	Type     string  // __typename, "" where it wasn't asked for
	ID       shop.ID // 0 where the line has none
	ParentID shop.ID // 0 for a root
}

// IsChild reports whether the line belongs to another.
func (h Head) IsChild() bool { return h.ParentID != 0 }

// Peek reads what a line is. It is much cheaper than to decode it, because a
// line written as Shopify does is not read to its end: that the rest is valid
// only decoding tells. A line that Peek refuses is neither root nor child.
func Peek(raw []byte) (Head, error) {
	if h, ok := glance(raw); ok {
		return h, nil
	}
	var h Head
	s := newScanner(raw)
	object(s, headFields, &h)
	return h, s.end()
}

var headFields = []field[Head]{
	{"__typename", false, func(s *scanner, h *Head) { h.Type = readType(s) }},
	{"id", false, func(s *scanner, h *Head) { h.ID = s.id("") }},
	{"__parentId", false, func(s *scanner, h *Head) { h.ParentID = s.id("") }},
}

func readType(s *scanner) string { return s.enum("Order", "LineItem", "Product") }

// glance reads the head of a line that begins with its type and id and, where
// it has a parent, ends with it. It gives up on any other.
//
// What it takes for a key can't be text: within a string a quote has a
// backslash before it, and none of the patterns allows for one.
func glance(raw []byte) (Head, bool) {
	s := scanner{b: raw}
	if !s.word(`{`) || !s.key("__typename") || s.peek() != '"' {
		return Head{}, false
	}
	h := Head{Type: readType(&s)}
	id := false
	if s.err == nil && s.word(`,`) && s.key("id") {
		h.ID, id = s.plainID("")
	}
	if !id {
		return Head{}, false
	}
	parent := bytes.LastIndex(raw[max(s.i, len(raw)-80):], []byte(`,"__parentId":`))
	if parent < 0 {
		// The key may still be elsewhere, or spelled with escapes.
		rest := raw[s.i:]
		return h, !bytes.Contains(rest, []byte("__parentId")) && !bytes.Contains(rest, []byte(`\u00`))
	}
	s.i = max(s.i, len(raw)-80) + parent + 1
	s.key("__parentId")
	if h.ParentID, id = s.plainID(""); !id || !s.word("}") || s.i != len(raw) {
		return Head{}, false
	}
	return h, true
}
