package jsonl

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// maxTags is more than Shopify allows on anything, and few enough to compare
// each with each. Empty and equal ones count too.
const maxTags = 1000

// string reads a string into one of its own.
func (s *scanner) string() string { return string(s.text()) }

// enum reads a string and returns the equal one of those that are likely,
// which spares a copy.
func (s *scanner) enum(likely ...string) string {
	text := s.text()
	for _, l := range likely {
		if string(text) == l {
			return l
		}
	}
	return string(text)
}

// currency reads an ISO 4217 code.
func (s *scanner) currency() string {
	at := s.i
	code := s.enum("USD", "EUR", "GBP", "CAD", "AUD")
	if len(code) != 3 || strings.ContainsFunc(code, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		s.fail(at, "is no currency code of three capital letters")
	}
	return code
}

// typename checks the type of the object.
func (s *scanner) typename(want string) {
	at := s.i
	if got := s.text(); string(got) != want {
		s.fail(at, "is not "+want)
	}
}

// bool reads true or false.
func (s *scanner) bool() bool {
	switch {
	case s.word("true"):
		return true
	case s.word("false"):
	default:
		s.fail(s.i, "is neither true nor false")
	}
	return false
}

// int reads an integer of 32 bits, which is what GraphQL's Int is.
func (s *scanner) int() int {
	at := s.i
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		s.fail(at, "is no number")
		return 0
	}
	digits := s.number()
	n, err := strconv.ParseInt(string(digits), 10, 32)
	if err != nil {
		s.fail(at, "is no integer of 32 bits")
	}
	return int(n)
}

// id reads the id of an object of a type, or of any where the type is "".
func (s *scanner) id(objectType string) shop.ID {
	if id, ok := s.plainID(objectType); ok {
		return id
	}
	at := s.i
	text := s.text()
	id, err := shop.ParseID(string(text))
	if err != nil {
		s.fail(at, "is no gid://shopify/… with a positive number")
		return 0
	}
	if kind, ok := gidType(text); ok && objectType != "" && kind != objectType {
		s.fail(at, "is the id of another type than "+objectType)
		return 0
	}
	return id
}

// plainID reads an id as Shopify writes it in files, with escaped slashes, or
// as other programs do. It leaves anything else untouched.
func (s *scanner) plainID(objectType string) (shop.ID, bool) {
	rest, ok := bytes.CutPrefix(s.b[s.i:], []byte(`"gid:\/\/shopify\/`))
	slash := `\/`
	if !ok {
		if rest, ok = bytes.CutPrefix(s.b[s.i:], []byte(`"gid://shopify/`)); !ok {
			return 0, false
		}
		slash = "/"
	}
	if objectType == "" {
		n := 0
		for n < len(rest) && (rest[n]|0x20)-'a' < 26 {
			n++
		}
		if n == 0 {
			return 0, false
		}
		rest = rest[n:]
	} else if rest, ok = bytes.CutPrefix(rest, []byte(objectType)); !ok {
		return 0, false
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(slash)); !ok {
		return 0, false
	}
	id, n := shop.ID(0), 0
	for n < len(rest) && n <= 18 && rest[n]-'0' <= 9 { // 18 digits can't overflow
		id = id*10 + shop.ID(rest[n]-'0')
		n++
	}
	if id == 0 || n > 18 || n == len(rest) || rest[n] != '"' {
		return 0, false
	}
	s.i = len(s.b) - len(rest) + n + 1
	return id, true
}

// gidType returns the type of a global id, and false for plain digits.
func gidType(gid []byte) (string, bool) {
	rest, ok := bytes.CutPrefix(gid, []byte("gid://shopify/"))
	kind, _, _ := bytes.Cut(rest, []byte("/"))
	return string(kind), ok
}

// time reads an instant of RFC 3339.
func (s *scanner) time() time.Time {
	at := s.i
	text := s.text()
	if t, ok := plainTime(text); ok {
		return t
	}
	var t time.Time
	if err := t.UnmarshalText(text); err != nil {
		s.fail(at, "is no time such as 2026-11-22T00:00:00Z")
	}
	return t.UTC()
}

// plainTime reads "2026-11-22T00:00:00Z" and nothing else.
func plainTime(b []byte) (time.Time, bool) {
	if len(b) != 20 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != 'Z' {
		return time.Time{}, false
	}
	year := two(b[0:])*100 + two(b[2:])
	month, day := two(b[5:]), two(b[8:])
	hour, minute, second := two(b[11:]), two(b[14:]), two(b[17:])
	if year < 1 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 || hour|minute|second < 0 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day
}

// two reads two digits; where they aren't, the result is far below 0.
func two(b []byte) int {
	tens, ones := b[0]-'0', b[1]-'0'
	if tens > 9 || ones > 9 {
		return -1 << 20
	}
	return int(tens)*10 + int(ones)
}

// amount reads a decimal in quotes.
func (s *scanner) amount() shop.Amount {
	at := s.i
	a, err := shop.ParseAmount(s.text())
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("%s: %w", locate(s.b, at), err)
		s.i = len(s.b)
	}
	return a
}

// add adds to a sum of amounts.
func (s *scanner) add(sum *shop.Amount, a shop.Amount) {
	if a > 0 && *sum > math.MaxInt64-a || a < 0 && *sum < math.MinInt64-a {
		s.fail(s.i, "sum of amounts is beyond range")
		return
	}
	*sum += a
}

// tags reads a list of tags: trimmed, without empty ones, and without those
// that equal an earlier one but for case.
func (s *scanner) tags(tags []string) []string {
	n := 0
	for ok := s.open('['); ok; ok = s.more('[') {
		if n++; n > maxTags {
			s.fail(s.i, "is a tag beyond the first "+strconv.Itoa(maxTags))
			break
		}
		if tag := bytes.TrimSpace(s.text()); len(tag) > 0 && !contains(tags, tag) {
			tags = append(tags, string(tag))
		}
	}
	return tags
}

func contains(tags []string, tag []byte) bool {
	for _, t := range tags {
		if len(t) == len(tag) && t == string(tag) || strings.EqualFold(t, string(tag)) {
			return true
		}
	}
	return false
}
