package shopify

import (
	"bufio"
	"bytes"
	"context"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// window is how many roots a row may be away from its place. Rows are put into
// slots of a ring, one for each root to come, so that a file is shuffled in
// constant memory and always in the same way.
const window = 4096

// rowWriter writes the rows of an export. As Shopify does without grouping, it
// does not keep children beside their parent: most follow it closely, some come
// long after it, some before; those of one parent keep their order.
type rowWriter struct {
	w        *writer
	out      *bufio.Writer
	ctx      context.Context
	fault    BulkFault
	progress func(objects, roots int)

	ring           [window][]byte
	place          int // of the next slot to go out
	objects, roots int
	bytes          int64
	err            error
}

// root writes one object of the root connection with its children, and reports
// whether there is to be another.
func (r *rowWriter) root(p *plan, v any, id shop.ID) bool {
	if r.err != nil || r.ctx.Err() != nil || r.limited() && r.roots >= r.fault.Roots {
		return false
	}
	dropped := r.fault.Drop != nil && r.fault.Drop(id)
	if dropped && r.fault.Uncounted {
		return true
	}
	luck := mix(uint64(id))
	own := 0
	if luck%32 == 0 && len(p.nested) > 0 {
		own = int(luck >> 8 % 40) // after some of its children
	}
	r.row(p, v, own, 0, "", dropped)
	r.children(p, v, luck, dropped)
	if n := r.roots; n < len(r.fault.Lines) {
		r.slot(0, func(b []byte) []byte { return append(append(b, r.fault.Lines[n]...), '\n') })
	}
	if r.roots++; r.roots%1000 == 0 {
		r.progress(r.objects, r.roots)
	}
	r.emit()
	return true
}

// limited reports whether the operation ends early by a fault.
func (r *rowWriter) limited() bool {
	return r.fault.ErrorCode != "" || r.fault.Cancel || r.fault.Canceling > 0
}

func (r *rowWriter) children(p *plan, v any, luck uint64, dropped bool) {
	for i := range p.nested {
		child := &p.nested[i]
		n := child.field.length(r.w, v)
		if r.fault.MaxChildren > 0 {
			n = min(n, r.fault.MaxChildren)
		}
		offset, spread := 0, uint64(3)
		if luck>>16%64 == 0 {
			spread = 1500 // far away
		}
		for k := range n {
			luck = mix(luck)
			offset = min(offset+int(luck%spread), window-64)
			item := child.field.item(r.w, v, k)
			r.row(child.plan, item, offset, rowID(v), p.typ, dropped)
			r.children(child.plan, item, luck, dropped)
		}
	}
}

// row puts one object into the slot offset places ahead.
func (r *rowWriter) row(p *plan, v any, offset int, parent shop.ID, parentType string, dropped bool) {
	r.objects++
	if dropped {
		return
	}
	r.slot(offset, func(b []byte) []byte {
		w := r.w
		w.b = b
		p.appendOpen(w, v)
		if parent != 0 {
			w.raw(`,"__parentId":`)
			w.gid(parentType, parent)
		}
		w.b = append(w.b, '}')
		return append(r.faulty(w.b, len(b)), '\n')
	})
}

// faulty returns rows whose last one, from an offset on, has what the fault
// does to it.
func (r *rowWriter) faulty(rows []byte, from int) []byte {
	if r.fault.Change != nil {
		rows = append(rows[:from], r.fault.Change(bytes.Clone(rows[from:]))...)
	}
	if r.fault.Twice > 0 && r.objects%r.fault.Twice == 0 {
		rows = append(append(rows, '\n'), rows[from:]...)
	}
	return rows
}

func (r *rowWriter) slot(offset int, write func([]byte) []byte) {
	i := (r.place + offset) % window
	r.ring[i] = write(r.ring[i])
}

// emit writes the slot whose turn it is.
func (r *rowWriter) emit() {
	i := r.place % window
	rows := r.ring[i]
	if r.fault.NoFinalNewline && len(rows) > 0 {
		if r.bytes > 0 {
			r.put([]byte{'\n'})
		}
		rows = rows[:len(rows)-1]
	}
	r.put(rows)
	r.ring[i] = r.ring[i][:0]
	r.place++
}

func (r *rowWriter) put(b []byte) {
	n, err := r.out.Write(b)
	r.bytes += int64(n)
	if err != nil && r.err == nil {
		r.err = err
	}
}

// finish writes what is left in the ring.
func (r *rowWriter) finish() error {
	for range window {
		r.emit()
	}
	if r.err != nil {
		return r.err
	}
	return r.out.Flush()
}

// mix scrambles a number (splitmix64), for luck that is the same every time.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
