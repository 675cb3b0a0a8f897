package bulksync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/shopify/jsonl"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// cursor says how far a pass has read a file, and what it found on the way. It
// is what a chunk's step returns, so a resumed run goes on after the last
// chunk that was committed.
type cursor struct {
	Offset int64 `json:"offset"` // bytes
	Line   int64 `json:"line"`   // whole lines before Offset
	Done   bool  `json:"done"`   // the file has ended

	Rows       int64 `json:"rows"`       // of this pass's kind
	Written    int64 `json:"written"`    // rows that changed anything
	Rejected   int64 `json:"rejected"`   // lines that can't be stored
	Duplicates int64 `json:"duplicates"` // lines that came again, word for word
}

// pass is one reading of a file.
type pass struct {
	name  string
	take  func(c *chunk, l jsonl.Line) (fits bool) // false: the chunk ends before this line
	merge func(ctx context.Context, tx pg.Tx, c *chunk) (merged, error)
}

// merged is what a chunk came to in the database.
type merged struct {
	written int64
	orphans []reject // lines that no order of this file belongs to
}

// load reads a file in its passes: products, or sweeps of ids, in one; orders
// in two, roots and then children, for children may come before their parent.
// A chunk is one step and one transaction; while the database merges one, the
// next is parsed.
func (j *job) load(f file) error {
	zone, err := j.plan.zone()
	if err != nil {
		return err
	}
	passes := []pass{{"products", (*chunk).takeProduct, j.mergeProducts}}
	if f.Stream == Orders {
		passes = []pass{
			{"roots", func(c *chunk, l jsonl.Line) bool { return c.takeRoot(l, zone) }, j.mergeRoots},
			{"children", (*chunk).takeChild, j.mergeChildren},
		}
	}
	counts := j.counts.stream(f.Stream)
	counts.addFile(f)
	for _, p := range passes {
		at, err := j.read(f, p)
		if err != nil {
			return err
		}
		counts.addPass(p.name, at)
		if tooManyRejects(at.Rejected, at.Line, j.set.RejectShare) {
			return errs.WithRemedy(
				fmt.Errorf("%d of %d lines can't be stored: %w", at.Rejected, at.Line, errs.Corrupt),
				fmt.Sprintf("see `macrodata runs %s` for the reasons; the file is kept", j.id))
		}
	}
	return nil
}

// read makes one pass over a file.
func (j *job) read(f file, p pass) (at cursor, err error) {
	if len(f.Parts) == 0 {
		return cursor{Done: true}, nil
	}
	feed := j.feed(f, p)
	defer feed.close()
	for n := 1; !at.Done && err == nil; n++ {
		at, err = workflow.Tx(j.run, step(p.name, f.Name, n), func(ctx context.Context) (applied[cursor], error) {
			c, err := feed.chunk(ctx, at)
			if err != nil {
				return nil, err
			}
			j.progress.Set(ctx, step(p.name, f.Name), c.end.Offset, f.Bytes, "bytes")
			return func(ctx context.Context, tx pg.Tx) (cursor, error) { return j.merge(ctx, tx, f, p, c, at) }, nil
		})
	}
	return at, err
}

// merge applies a chunk and returns the cursor behind it.
func (j *job) merge(ctx context.Context, tx pg.Tx, f file, p pass, c *chunk, at cursor) (cursor, error) {
	next := c.end
	next.Rows, next.Duplicates = at.Rows+c.rows, at.Duplicates+c.duplicates
	m, err := p.merge(ctx, tx, c)
	if err != nil {
		return at, err
	}
	next.Written = at.Written + m.written
	next.Rejected = at.Rejected + int64(len(c.rejects)+len(m.orphans))
	if err := j.reject(ctx, tx, f.Name, c.rejects); err != nil {
		return at, err
	}
	return next, j.reject(ctx, tx, f.Name, m.orphans)
}

// chunk is a piece of a file, parsed and ready to be copied.
type chunk struct {
	begin, end cursor // Offset, Line and Done
	limit      int
	rows       int64
	duplicates int64
	again      []int64 // orders that came again, word for word
	rejects    []reject

	seen         map[shop.ID]uint64 // hashes of what the chunk holds
	orders       *pg.Copy
	fulfillments *pg.Copy
	lines        *lineStage
	ids          *pg.Copy
	products     *catalog.Batch

	order shop.Order // reused from line to line
	line  shop.Line
}

// reject is a line that can't be stored, and why.
type reject struct {
	line    int64
	kind    string // Order, LineItem, Product, "" where unreadable
	subject shop.ID
	reason  string
	record  []byte
}

func newChunk(limit int) *chunk {
	return &chunk{
		limit: limit, seen: make(map[shop.ID]uint64, limit),
		orders: newOrderCopy(), fulfillments: newFulfillmentCopy(), lines: newLineStage(), ids: newIDCopy(),
		products: catalog.NewBatch(),
	}
}

func (c *chunk) reset() {
	c.rows, c.duplicates, c.again, c.rejects = 0, 0, c.again[:0], nil
	clear(c.seen)
	for _, b := range []*pg.Copy{c.orders, c.fulfillments, c.ids} {
		b.Reset()
	}
	c.lines.reset()
	c.products.Reset()
}

// admit says whether an object still fits: one that the chunk holds already,
// but otherwise, begins the next chunk, for a statement can't write a row
// twice. One that it holds word for word is counted and left out.
func (c *chunk) admit(id shop.ID, hash uint64) (fits, again bool) {
	held, known := c.seen[id]
	switch {
	case known && held == hash:
		c.duplicates++
		return true, true
	case known:
		return false, false
	case int(c.rows) >= c.limit:
		return false, false
	}
	c.seen[id] = hash
	c.rows++
	return true, false
}

func (c *chunk) refuse(l jsonl.Line, kind string, subject shop.ID, reason string) {
	c.rejects = append(c.rejects, reject{l.No, kind, subject, reason, bytes.Clone(l.Raw[:min(len(l.Raw), maxRejectBytes)])})
}

// maxRejectBytes of a rejected line are kept; the whole is in the archive.
const maxRejectBytes = 4096

var tooLong = fmt.Sprintf("the line is longer than %d MiB", jsonl.MaxLine>>20)

// takeRoot takes orders, and whatever is neither order nor child.
func (c *chunk) takeRoot(l jsonl.Line, zone *time.Location) bool {
	head, err := jsonl.Peek(l.Raw)
	switch {
	case l.TooLong:
		c.refuse(l, "", 0, tooLong)
		return true
	case err == nil && head.IsChild():
		return true
	case err == nil:
		err = jsonl.DecodeOrder(l.Raw, &c.order)
	}
	if err != nil {
		kind, subject := subjectOf(head)
		c.refuse(l, kind, subject, err.Error())
		return true
	}
	fits, again := c.admit(c.order.ID, c.order.Hash^uint64(c.order.UpdatedAt.UnixNano()))
	if again {
		c.again = append(c.again, int64(c.order.ID))
	} else if fits {
		stageOrder(c.orders, c.fulfillments, &c.order, l.No, zone)
	}
	return fits
}

// subjectOf is what to ask for by id in place of a line that takeRoot refused:
// of a line item its order, where the line got as far as to name it.
func subjectOf(h jsonl.Head) (kind string, id shop.ID) {
	switch {
	case h.Type == "LineItem":
		return h.Type, h.ParentID
	case h.ID == 0:
		return "", 0
	}
	return "Order", h.ID
}

// takeChild takes lines of orders. What takeRoot refused it passes over.
func (c *chunk) takeChild(l jsonl.Line) bool {
	if l.TooLong {
		return true
	}
	head, err := jsonl.Peek(l.Raw)
	if err != nil || !head.IsChild() {
		return true
	}
	if err := jsonl.DecodeLine(l.Raw, &c.line); err != nil {
		c.refuse(l, "LineItem", head.ParentID, err.Error())
		return true
	}
	fits, again := c.admit(c.line.ID, c.line.Hash)
	if fits && !again && !c.lines.add(&c.line, l.No) {
		c.refuse(l, "LineItem", head.ParentID, "quantity × price is beyond what can be counted")
	}
	return fits
}

func (c *chunk) takeProduct(l jsonl.Line) bool {
	if l.TooLong {
		c.refuse(l, "", 0, tooLong)
		return true
	}
	var p shop.Product
	if err := jsonl.DecodeProduct(l.Raw, &p); err != nil {
		head, _ := jsonl.Peek(l.Raw)
		c.refuse(l, "Product", head.ID, err.Error())
		return true
	}
	if int(c.rows) >= c.limit {
		return false
	}
	c.rows++
	c.products.Add(p, l.No)
	return true
}

// takeID takes a line of a sweep. One that can't be read is refused; the
// proof then fails on it.
func (c *chunk) takeID(l jsonl.Line) bool {
	id, updated, err := jsonl.DecodeID(l.Raw)
	if err != nil {
		c.refuse(l, "", 0, err.Error())
		return true
	}
	if int(c.rows) >= c.limit {
		return false
	}
	c.rows++
	stageID(c.ids, id, updated)
	return true
}

// feed parses a file ahead of the database, one chunk at most, in two buffers
// that take turns.
type feed struct {
	job    *job
	file   file
	pass   pass
	cancel context.CancelFunc
	ready  chan *chunk
	free   chan *chunk
	failed error // set before ready is closed
	last   *chunk
}

func (j *job) feed(f file, p pass) *feed { return &feed{job: j, file: f, pass: p} }

// chunk returns the piece that begins where at ends. A retry gets the same
// piece again.
func (f *feed) chunk(ctx context.Context, at cursor) (*chunk, error) {
	if f.last != nil && f.last.begin.Offset == at.Offset && f.last.begin.Line == at.Line {
		return f.last, nil
	}
	if f.ready == nil {
		f.start(at)
	}
	if f.last != nil {
		f.free <- f.last // both buffers fit
		f.last = nil
	}
	select {
	case c, ok := <-f.ready:
		if !ok {
			failed := f.failed
			f.close()
			return nil, failed
		}
		f.last = c
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// start begins to parse at a cursor. It has a context of its own, for it
// outlives the step that asked first.
func (f *feed) start(at cursor) {
	ctx, cancel := context.WithCancel(f.job.run.Context())
	f.cancel = cancel
	f.ready, f.free = make(chan *chunk), make(chan *chunk, 2)
	f.free <- newChunk(f.job.set.ChunkRows)
	f.free <- newChunk(f.job.set.ChunkRows)
	go f.parse(ctx, at, f.ready, f.free)
}

// close stops parsing; the next call of chunk begins anew.
func (f *feed) close() {
	if f.cancel != nil {
		f.cancel()
	}
	f.cancel, f.ready, f.free, f.last = nil, nil, nil, nil
}

func (f *feed) parse(ctx context.Context, at cursor, ready chan<- *chunk, free <-chan *chunk) {
	defer close(ready)
	in := f.job.openArchive(ctx, f.file, at.Offset)
	defer in.Close() //nolint:errcheck // only read
	lines := jsonl.NewReader(in, at.Offset, at.Line)
	next, err := lines.Next()
	for {
		var c *chunk
		select {
		case c = <-free:
		case <-ctx.Done():
			return
		}
		c.reset()
		c.begin = cursor{Offset: at.Offset, Line: at.Line}
		for err == nil && f.pass.take(c, next) {
			at = cursor{Offset: next.End, Line: next.No}
			next, err = lines.Next()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			f.failed = err
			return
		}
		at.Done = err != nil
		c.end = at
		select {
		case ready <- c:
		case <-ctx.Done():
			return
		}
		if at.Done {
			return
		}
	}
}
