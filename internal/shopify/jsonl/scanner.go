package jsonl

import "strconv"

// MaxDepth is how deep objects and lists may lie within each other. What we
// ask for is 9 deep.
const MaxDepth = 64

// scanner reads one JSON value from front to back. Its methods expect to stand
// at the first byte of what they read and leave it behind them; the first that
// fails notes the error and moves to the end of the input.
type scanner struct {
	b     []byte
	i     int // of the next byte
	depth int
	err   error

	unescaped []byte // text of the last string that had escapes

	// Where nested objects are read into; a local variable would be
	// allocated anew for each, because a table of functions fills it.
	bag   moneyBag
	ref   reference
	pages Pages
}

func newScanner(b []byte) *scanner {
	s := &scanner{b: b}
	s.space()
	return s
}

// end checks that nothing follows the value and returns the first error.
func (s *scanner) end() error {
	s.space()
	if s.err == nil && s.i < len(s.b) {
		s.err = refuse("", "more than one JSON value")
	}
	return s.err
}

// peek returns the next byte without moving, 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) space() {
	if s.i < len(s.b) && s.b[s.i] <= ' ' {
		s.spaces()
	}
}

func (s *scanner) spaces() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// open enters an object or a list and reports whether it has anything in it;
// an empty one is left behind.
func (s *scanner) open(bracket byte) bool {
	if s.peek() != bracket {
		if bracket == '{' {
			s.fail(s.i, "is no object")
		} else {
			s.fail(s.i, "is no list")
		}
		return false
	}
	if s.depth++; s.depth > MaxDepth {
		s.fail(s.i, "lies deeper than "+strconv.Itoa(MaxDepth)+" levels")
		return false
	}
	s.i++
	s.space()
	if s.peek() == bracket+2 { // '{' + 2 is '}', '[' + 2 is ']'
		s.i++
		s.depth--
		return false
	}
	return true
}

// more moves past the comma to the next element, or past the end of the
// object or list that bracket opened.
func (s *scanner) more(bracket byte) bool {
	s.space()
	switch s.peek() {
	case ',':
		s.i++
		s.space()
		return true
	case bracket + 2:
		s.i++
		s.depth--
		return false
	}
	s.unexpected()
	return false
}

// unexpected fails for the byte at which JSON ends to be JSON.
func (s *scanner) unexpected() {
	if s.i >= len(s.b) {
		s.fail(s.i, "JSON ends too early")
		return
	}
	s.fail(s.i, "is no JSON at byte "+strconv.Itoa(s.i))
}

// colon moves past the colon after a key, to the value.
func (s *scanner) colon() {
	s.space()
	if s.peek() != ':' {
		s.unexpected()
		return
	}
	s.i++
	s.space()
}

// word moves past a literal and reports whether it was there.
func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

// skip moves past a value of any kind, checking that it is valid.
func (s *scanner) skip() {
	switch c := s.peek(); {
	case c == '"':
		s.quoted()
	case c == '{':
		for ok := s.open('{'); ok; ok = s.more('{') {
			s.quoted()
			s.colon()
			s.skip()
		}
	case c == '[':
		for ok := s.open('['); ok; ok = s.more('[') {
			s.skip()
		}
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	case s.word("true") || s.word("false") || s.word("null"):
	default:
		s.unexpected()
	}
}

// number moves past a number as JSON spells it and returns it.
func (s *scanner) number() []byte {
	from := s.i
	if s.peek() == '-' {
		s.i++
	}
	if s.peek() == '0' {
		s.i++
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.i++
		s.digits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		s.digits()
	}
	return s.b[from:s.i]
}

// digits moves past one digit or more.
func (s *scanner) digits() {
	from := s.i
	for s.i < len(s.b) && s.b[s.i]-'0' <= 9 {
		s.i++
	}
	if s.i == from {
		s.unexpected()
	}
}
