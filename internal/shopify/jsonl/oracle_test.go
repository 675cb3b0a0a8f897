package jsonl

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// The oracle reads the same lines a second way: with encoding/json into a
// tree, and from the tree by plain rules. It shares no code with the decoder
// but shop's own parsers, and panics with refused where a line is refused.

var errRefused = errors.New("refused")

func refused() { panic(errRefused) }

// pairs is an object with its keys as often as they came.
type pairs []struct {
	key   string
	value any
}

// judge parses raw and reads it by read; ok is false where either refuses.
func judge[T any](raw []byte, read func(pairs) T) (v T, ok bool) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case error(errRefused):
			ok = false
		default:
			panic(r)
		}
	}()
	if !json.Valid(raw) || !utf8.Valid(raw) || halfPairOrNUL(raw) || depth(raw) > MaxDepth {
		refused()
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return read(asObject(tree(d))), true
}

func tree(d *json.Decoder) any {
	token, err := d.Token()
	if err != nil {
		panic(err)
	}
	switch token {
	case json.Delim('{'):
		o := pairs{}
		for d.More() {
			key, value := tree(d), tree(d)
			o = append(o, struct {
				key   string
				value any
			}{key.(string), value})
		}
		_, _ = d.Token()
		return o
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, tree(d))
		}
		_, _ = d.Token()
		return list
	}
	return token
}

var escapes = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|.)`)

// halfPairOrNUL looks at the escapes of a valid text.
func halfPairOrNUL(raw []byte) bool {
	high, end := rune(0), -1
	for _, m := range escapes.FindAllIndex(raw, -1) {
		var r rune
		if e := string(raw[m[0]:m[1]]); len(e) == 6 {
			n, _ := strconv.ParseUint(e[2:], 16, 16)
			if r = rune(n); r == 0 {
				return true
			}
		}
		paired := high != 0 && end == m[0] && utf16.DecodeRune(high, r) != utf8.RuneError
		if high != 0 && !paired {
			return true
		}
		if high, end = 0, m[1]; utf16.IsSurrogate(r) && !paired {
			high = r
		}
	}
	return high != 0
}

func depth(raw []byte) (deepest int) {
	d, now := json.NewDecoder(bytes.NewReader(raw)), 0
	for {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			now++
			deepest = max(deepest, now)
		case json.Delim('}'), json.Delim(']'):
			now--
		}
	}
}

// must and may return the value of a key that appears once; may returns nil
// where it is missing.
func (o pairs) must(key string) any {
	v := o.may(key)
	if v == nil {
		refused()
	}
	return v
}

func (o pairs) may(key string) (v any) {
	n := 0
	for _, p := range o {
		if p.key == key {
			v = p.value
			n++
		}
	}
	if n > 1 {
		refused()
	}
	return v
}

// as returns v as a T, the zero T for nil, and refuses another type.
func as[T any](v any) (t T) {
	if v == nil {
		return t
	}
	t, ok := v.(T)
	if !ok {
		refused()
	}
	return t
}

func asObject(v any) pairs {
	if _, ok := v.(pairs); !ok {
		refused()
	}
	return v.(pairs)
}

// each reads a list of objects.
func each(v any, read func(pairs)) {
	for _, e := range as[[]any](v) {
		read(asObject(e))
	}
}

func asID(v any, kind string) shop.ID {
	if v == nil {
		return 0
	}
	text := as[string](v)
	id, err := shop.ParseID(text)
	if err != nil || strings.HasPrefix(text, "gid:") && !strings.HasPrefix(text, "gid://shopify/"+kind+"/") {
		refused()
	}
	return id
}

func asTime(v any) (t time.Time) {
	if v == nil {
		return t
	}
	quoted, _ := json.Marshal(as[string](v))
	if json.Unmarshal(quoted, &t) != nil {
		refused()
	}
	return t.UTC()
}

func asInt(v any) int {
	n, err := strconv.ParseInt(string(as[json.Number](v)), 10, 32)
	if err != nil {
		refused()
	}
	return int(n)
}

func asCurrency(v any) string {
	code := as[string](v)
	if !regexp.MustCompile(`\A[A-Z]{3}\z`).MatchString(code) {
		refused()
	}
	return code
}

// asPrice reads a money bag, 0 for nil.
func asPrice(v any) shop.Amount {
	if v == nil {
		return 0
	}
	bag := asObject(v)
	if p := bag.may("presentmentMoney"); p != nil {
		asMoney(p)
	}
	return asMoney(bag.must("shopMoney"))
}

func asMoney(v any) shop.Amount {
	a, err := shop.ParseAmount(as[string](asObject(v).must("amount")))
	if err != nil {
		refused()
	}
	return a
}

func asSum(v any, key string) (sum shop.Amount) {
	each(v, func(o pairs) {
		a := asPrice(o.must(key))
		if (sum+a > sum) != (a > 0) {
			refused()
		}
		sum += a
	})
	return sum
}

func asTags(v any) (tags []string) {
	list := as[[]any](v)
	for _, e := range list {
		if e == nil {
			refused()
		}
		tag, known := strings.TrimSpace(as[string](e)), false
		for _, t := range tags {
			known = known || strings.EqualFold(t, tag)
		}
		if tag != "" && !known {
			tags = append(tags, tag)
		}
	}
	if len(list) > maxTags {
		refused()
	}
	return tags
}

func (o pairs) isA(name string) {
	if v := o.may("__typename"); v != nil && as[string](v) != name {
		refused()
	}
}

// within returns the id inside an object.
func within(v any, kind string) shop.ID {
	if v == nil {
		return 0
	}
	return asID(asObject(v).must("id"), kind)
}

// nextCursor reads the pageInfo of a connection.
func nextCursor(connection pairs) string {
	info := asObject(connection.must("pageInfo"))
	more, cursor := as[bool](info.must("hasNextPage")), as[string](info.may("endCursor"))
	if more && cursor == "" {
		refused()
	}
	if !more {
		return ""
	}
	return cursor
}
