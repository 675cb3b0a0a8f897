package jsonl

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// refuse returns the error of a field.
func refuse(path, reason string) error {
	if path == "" {
		return fmt.Errorf("%s: %w", reason, errs.Invalid)
	}
	return fmt.Errorf("%s: %s: %w", path, reason, errs.Invalid)
}

// fail refuses the input for what is at an offset. The first failure holds;
// after it the scanner stands at the end of its input, so that whoever reads on
// finds nothing and comes back.
func (s *scanner) fail(at int, reason string) {
	if s.err == nil {
		s.err = refuse(locate(s.b, at), reason)
	}
	s.i = len(s.b)
}

// failMissing refuses the object that starts at an offset for a field it lacks.
func (s *scanner) failMissing(at int, name string) {
	if s.err == nil {
		s.err = refuse(strings.TrimPrefix(locate(s.b, at)+"."+name, "."), "is missing")
	}
	s.i = len(s.b)
}

// step is one part of the way into a value: a key of an object or, where list
// is set, the number of an element.
type step struct {
	key     string
	index   int
	list    bool
	wantKey bool // the next string is a key
}

// locate returns the path of the value at an offset, such as
// "fulfillments[2].createdAt". All before the offset was scanned already, so
// it need not be checked again; finding the path only now keeps the scanner
// from noting it all the way.
func locate(b []byte, at int) string {
	var way []step
	for i := 0; i < at && i < len(b); i++ {
		switch b[i] {
		case '{':
			way = append(way, step{wantKey: true})
		case '[':
			way = append(way, step{list: true})
		case '}', ']':
			way = way[:max(0, len(way)-1)]
		case ',':
			if n := len(way); n > 0 {
				way[n-1].index++
				way[n-1].wantKey = !way[n-1].list
			}
		case '"':
			end := closing(b, i)
			if n := len(way); n > 0 && way[n-1].wantKey && end < at {
				way[n-1].key = string(b[i+1 : end])
				way[n-1].wantKey = false
			}
			i = end
		}
	}
	return write(way)
}

// closing returns the offset of the quote that ends the string at i.
func closing(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return min(i, len(b))
}

// write joins the steps of a way. Of keys that are no names it shows little:
// they are not ours.
func write(way []step) string {
	path := ""
	for _, p := range way {
		switch {
		case p.list:
			path += "[" + strconv.Itoa(p.index) + "]"
		case p.key == "" || p.wantKey:
			return strings.TrimPrefix(path, ".")
		case len(p.key) <= 40 && !strings.ContainsFunc(p.key, notInName):
			path += "." + p.key
		default:
			path += "." + fmt.Sprintf("%.20q", p.key)
		}
	}
	return strings.TrimPrefix(path, ".")
}

func notInName(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}
