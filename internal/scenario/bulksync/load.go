package bulksync

import (
	"bytes"
	"context"
	"fmt"

	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/orders"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/shopify/jsonl"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// cursor says how far a pass has read a file, and what it found on the way. It
// is what a chunk's step returns.
type cursor struct {
	bulk.Position
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
	rejects []reject // beside those of the chunk
}

// file is the archived result of a stream.
type file struct {
	bulk.File
	Stream string
}

// bring gets the files of all streams and loads them. Shopify works on all
// streams at once while we wait for one after the other; a replay takes them from
// the archive instead, and loads nothing unless all is there as it was written.
func (j *job) bring() error {
	if j.replays() {
		return j.recall()
	}
	for _, stream := range j.plan.Streams {
		if err := j.bulk.Start(stream.export()); err != nil {
			return err
		}
	}
	for _, stream := range j.plan.Streams {
		files, err := j.bulk.Fetch(stream.export())
		if err != nil {
			return err
		}
		if err := j.loadAll(stream.Stream, files); err != nil {
			return err
		}
	}
	return nil
}

// loadAll loads the files of a stream, one after the other.
func (j *job) loadAll(stream string, files []bulk.File) error {
	for _, f := range files {
		loaded := file{f, stream}
		if err := j.load(loaded); err != nil {
			return err
		}
		j.files = append(j.files, loaded)
	}
	return nil
}

// load reads a file in its passes: products, or sweeps of ids, in one; orders
// in two, roots and then children, for children may come before their parent.
// A chunk is one step and one transaction; while the database merges one, the
// next is parsed.
func (j *job) load(f file) error {
	passes := []pass{{"products", (*chunk).takeProduct, j.mergeProducts}}
	if f.Stream == Orders {
		passes = []pass{{"roots", (*chunk).takeRoot, j.mergeRoots}, {"children", (*chunk).takeChild, j.mergeChildren}}
	}
	counts := j.counts.stream(f.Stream)
	counts.addFile(f)
	for _, p := range passes {
		at, err := j.read(f.File, p)
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
func (j *job) read(f bulk.File, p pass) (at cursor, err error) {
	if len(f.Parts) == 0 {
		return cursor{Position: bulk.Position{Done: true}}, nil
	}
	ahead := orders.NewWriter(j.id, j.zone) // drafts beside the transactions of the run's own
	feed := bulk.NewFeed(j.run.Context(), j.archive, f, func() *chunk { return newChunk(j, p, ahead) })
	defer feed.Close()
	for n := 1; !at.Done && err == nil; n++ {
		at, err = workflow.Tx(j.run, step(p.name, f.Name, n), func(ctx context.Context) (applied[cursor], error) {
			c, end, err := feed.Next(ctx, at.Position)
			if err != nil {
				return nil, err
			}
			j.progress.Set(ctx, step(p.name, f.Name), end.Offset, f.Bytes, "bytes")
			next := at
			next.Position = end
			return func(ctx context.Context, tx pg.Tx) (cursor, error) { return j.merge(ctx, tx, f.Name, c, next) }, nil
		})
	}
	return at, err
}

// merge applies a chunk and adds to the cursor what became of it.
func (j *job) merge(ctx context.Context, tx pg.Tx, source string, c *chunk, at cursor) (cursor, error) {
	m, err := c.pass.merge(ctx, tx, c)
	if err != nil {
		return at, err
	}
	at.Rows += c.rows
	at.Duplicates += c.duplicates
	at.Written += m.written
	at.Rejected += int64(len(c.rejects) + len(m.rejects))
	if err := j.reject(ctx, tx, source, c.rejects); err != nil {
		return at, err
	}
	return at, j.reject(ctx, tx, source, m.rejects)
}

// chunk is a piece of a file, parsed and ready to be copied.
type chunk struct {
	job        *job
	pass       pass
	ahead      *orders.Writer
	rows       int64
	duplicates int64
	rejects    []reject

	seen     map[shop.ID]uint64 // hashes of what the chunk holds
	orders   *orders.Batch
	lines    *orders.Lines
	products *catalog.Batch
	ids      *pg.Copy // of a sweep

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

func newChunk(j *job, p pass, ahead *orders.Writer) *chunk {
	return &chunk{
		job: j, pass: p, ahead: ahead, seen: make(map[shop.ID]uint64, j.set.ChunkRows),
		orders: orders.NewBatch(j.zone), lines: orders.NewLines(), products: catalog.NewBatch(),
		ids: pg.NewCopy("subject_id", "updated_at"),
	}
}

func (c *chunk) Take(l jsonl.Line) (fits bool) { return c.pass.take(c, l) }

// Ready drafts what there will be to tell of the chunk's lines. Where that fails,
// their transaction does it.
func (c *chunk) Ready(ctx context.Context) {
	if err := c.ahead.Draft(ctx, c.job.db, c.lines); err != nil && ctx.Err() == nil {
		c.job.log.Warn("the sales of a chunk are not drafted", "run", c.job.id, "error", err)
	}
}

func (c *chunk) Reset() {
	c.rows, c.duplicates, c.rejects = 0, 0, nil
	clear(c.seen)
	c.orders.Reset()
	c.lines.Reset()
	c.products.Reset()
	c.ids.Reset()
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
	case c.full():
		return false, false
	}
	c.seen[id] = hash
	c.rows++
	return true, false
}

func (c *chunk) full() bool { return int(c.rows) >= c.job.set.ChunkRows }

func (c *chunk) refuse(l jsonl.Line, kind string, subject shop.ID, reason string) {
	c.rejects = append(c.rejects, reject{l.No, kind, subject, reason, bytes.Clone(l.Raw[:min(len(l.Raw), maxRejectBytes)])})
}

// maxRejectBytes of a rejected line are kept; the whole is in the archive.
const maxRejectBytes = 4096

var tooLong = fmt.Sprintf("the line is longer than %d MiB", jsonl.MaxLine>>20)

// takeRoot takes orders, and whatever is neither order nor child.
func (c *chunk) takeRoot(l jsonl.Line) bool {
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
		c.orders.Again(c.order.ID)
	} else if fits {
		c.orders.Add(&c.order, l.No)
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
	if fits && !again && !c.lines.Add(&c.line, l.No) {
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
	if c.full() {
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
	if c.full() {
		return false
	}
	c.rows++
	c.ids.Row()
	c.ids.ID(id)
	c.ids.Time(updated)
	return true
}
