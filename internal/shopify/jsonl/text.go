package jsonl

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string. The result is part of the input, or of a buffer that
// the next string with escapes overwrites.
func (s *scanner) text() []byte {
	raw, escaped := s.quoted()
	if !escaped {
		return raw
	}
	s.unescaped = unescape(s.unescaped[:0], raw)
	return s.unescaped
}

// quoted moves past a string and returns what is between its quotes, and
// whether there are escapes in it. All that makes text unfit is refused here.
func (s *scanner) quoted() (raw []byte, escaped bool) {
	if s.peek() != '"' {
		s.notString()
		return nil, false
	}
	b, from := s.b, s.i+1
	for i := from; ; {
		i = plain(b, i)
		if i >= len(b) {
			s.fail(s.i, "text is not closed")
			return nil, false
		}
		size, reason := 0, ""
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return b[from:i], escaped
		case c == '\\':
			escaped = true
			size, reason = escape(b[i:])
		case c < ' ':
			reason = "text holds a control character that is not escaped"
		default:
			var r rune
			if r, size = utf8.DecodeRune(b[i:]); r == utf8.RuneError && size == 1 {
				reason = "text is not valid UTF-8"
			}
		}
		if reason != "" {
			s.fail(s.i, reason)
			return nil, false
		}
		i += size
	}
}

func (s *scanner) notString() {
	switch c := s.peek(); {
	case c == '{' || c == '[' || c == 't' || c == 'f' || c == 'n' || c == '-' || c >= '0' && c <= '9':
		s.fail(s.i, "is no string")
	default:
		s.unexpected()
	}
}

// plain returns the offset, from i on, of the first byte that needs a look: a
// quote, a backslash, a control character or one beyond ASCII.
func plain(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		// In each term the lowest byte whose high bit is set is one that
		// matches; a borrow can only mislead above it.
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^('"'*ones), w^('\\'*ones)
		m := ((w-' '*ones)&^w | (quote-ones)&^quote | (slash-ones)&^slash | w) & highs
		if m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}

// escape returns the length of the escape sequence at the start of b, or why
// it is refused.
func escape(b []byte) (size int, reason string) {
	if len(b) < 2 {
		return 0, "text is not closed"
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
	default:
		return 0, "text holds an unknown escape"
	}
	r, ok := hex4(b)
	switch {
	case !ok:
		return 0, "text holds an unknown escape"
	case r == 0:
		return 0, "text holds U+0000, which PostgreSQL can't store"
	case !utf16.IsSurrogate(r):
		return 6, ""
	}
	if low, ok := hex4(b[6:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
		return 12, ""
	}
	return 0, "text holds half of a surrogate pair"
}

// hex4 reads the sequence \uXXXX at the start of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}

// unescape appends the text of a string whose escapes were checked.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		i += 2
		switch c = raw[i-1]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(raw[i-2:])
			i += 4
			if utf16.IsSurrogate(r) {
				low, _ := hex4(raw[i:])
				r = utf16.DecodeRune(r, low)
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
