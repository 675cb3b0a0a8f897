package jsonl

import (
	"bufio"
	"errors"
	"io"
)

// MaxLine is the longest line, in bytes, that a [Reader] keeps. The longest
// seen from Shopify are a few MiB.
const MaxLine = 64 << 20

const (
	readSize = 256 << 10
	keepSize = 1 << 20 // a buffer larger than this is let go after its line
)

// Line is one line of a file.
type Line struct {
	Raw     []byte // without the newline; valid until the next call of Next
	No      int64  // from 1
	Offset  int64  // of its first byte in the file
	End     int64  // of the byte after its newline
	TooLong bool   // longer than MaxLine; Raw is nil
}

// Cut reports whether the line has no newline, as only the last of a file
// may. It is then either whole or what a broken download left.
func (l Line) Cut() bool { return !l.TooLong && l.End == l.Offset+int64(len(l.Raw)) }

// Reader splits a stream into lines in one pass. It holds one line and a fixed
// buffer in memory.
type Reader struct {
	in     *bufio.Reader
	long   []byte // a line that did not fit into in's buffer
	no     int64
	offset int64
}

// NewReader returns a reader of r, which stands at byte offset of its file
// after line whole lines. To go on after a line, give its End and No; to read
// from the beginning, 0 and 0.
func NewReader(r io.Reader, offset, line int64) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, readSize), no: line, offset: offset}
}

// Next returns the next line, and io.EOF after the last. Where reading fails
// it returns that error and nothing of the line that it interrupted.
func (r *Reader) Next() (Line, error) {
	if cap(r.long) > keepSize {
		r.long = nil
	}
	raw, size, err := r.read()
	if err != nil && !errors.Is(err, io.EOF) {
		return Line{}, err
	}
	if size == 0 {
		return Line{}, io.EOF
	}
	r.no++
	line := Line{Raw: raw, No: r.no, Offset: r.offset, End: r.offset + size, TooLong: raw == nil}
	r.offset = line.End
	return line, nil
}

// read returns the next line without its newline, nil where it is too long,
// and its size in the file.
func (r *Reader) read() (raw []byte, size int64, err error) {
	part, err := r.in.ReadSlice('\n')
	size = int64(len(part))
	if !errors.Is(err, bufio.ErrBufferFull) {
		return chomp(part), size, err
	}
	r.long = append(r.long[:0], part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		part, err = r.in.ReadSlice('\n')
		size += int64(len(part))
		if size <= MaxLine+1 {
			r.grow(len(part))
			r.long = append(r.long, part...)
		}
	}
	raw = r.long
	if size > int64(len(raw)) {
		return nil, size, err
	}
	if raw = chomp(raw); len(raw) > MaxLine {
		return nil, size, err
	}
	return raw, size, err
}

// grow makes room for n bytes more of a long line, by doubling: what append would
// throw away on the way is several times the line.
func (r *Reader) grow(n int) {
	if have, need := cap(r.long), len(r.long)+n; need > have {
		larger := make([]byte, len(r.long), max(need, min(2*have, MaxLine+1)))
		copy(larger, r.long)
		r.long = larger
	}
}

// chomp cuts the newline off.
func chomp(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		return b[:n-1]
	}
	return b
}
