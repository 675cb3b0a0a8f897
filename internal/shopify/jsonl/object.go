package jsonl

// field is one key of an object that is read into a T.
type field[T any] struct {
	name string
	must bool // present and not null
	read func(s *scanner, v *T)
}

// object reads an object into v by a table of at most 64 fields, in the order
// in which Shopify writes them, which is the order of the document. Other
// fields are skipped; a null leaves v as it is.
func object[T any](s *scanner, fields []field[T], v *T) {
	start, seen, next := s.i, uint64(0), 0
	for ok := s.open('{'); ok; ok = s.more('{') {
		i := next
		if i == len(fields) || !s.key(fields[i].name) {
			i = find(fields, next, s.text())
			s.colon()
		}
		if i < 0 {
			s.skip()
			continue
		}
		if seen&(1<<i) != 0 {
			s.fail(s.i, "appears twice")
			return
		}
		seen |= 1 << i
		next = i + 1
		f := &fields[i]
		if s.peek() != 'n' || !s.word("null") {
			f.read(s, v)
		} else if f.must {
			s.fail(s.i, "is null")
		}
	}
	if seen == 1<<len(fields)-1 || s.err != nil {
		return
	}
	for i := range fields {
		if fields[i].must && seen&(1<<i) == 0 {
			s.failMissing(start, fields[i].name)
			return
		}
	}
}

// key moves past a key and its colon where they are written as expected.
func (s *scanner) key(name string) bool {
	b, i, end := s.b, s.i, s.i+len(name)+3
	if end > len(b) || b[i] != '"' || string(b[i+1:end-2]) != name || b[end-2] != '"' || b[end-1] != ':' {
		return false
	}
	s.i = end
	s.space()
	return true
}

// find returns the index of the field of that name, most likely one of those
// from next on, and -1 where it isn't read.
func find[T any](fields []field[T], next int, name []byte) int {
	for i := next; i < len(fields); i++ {
		if string(name) == fields[i].name {
			return i
		}
	}
	for i := range fields[:next] {
		if string(name) == fields[i].name {
			return i
		}
	}
	return -1
}
