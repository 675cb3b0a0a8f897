package bulk

import (
	"context"
	"errors"
	"io"

	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/shopify/jsonl"
)

// Position is how far a file has been read. A step that loads a chunk returns
// it, so that a resumed run goes on after the last chunk that was committed.
type Position struct {
	Offset int64 `json:"offset"` // bytes
	Line   int64 `json:"line"`   // whole lines before Offset
	Done   bool  `json:"done"`   // the file has ended
}

// Chunk is a piece of a file on its way into the database.
type Chunk interface {
	Reset()                        // empties it
	Take(l jsonl.Line) (fits bool) // false: the chunk ends before this line
	Ready(ctx context.Context)     // all of its lines are taken
}

// Feed parses a file ahead of the database, one chunk at most, in two buffers
// that take turns. Next and Close are for one goroutine; chunks are filled in
// another.
type Feed[C Chunk] struct {
	run     context.Context // of the workflow: parsing outlives the step that asked first
	archive *blob.Store
	file    File
	empty   func() C

	cancel context.CancelFunc
	ready  chan *piece[C]
	free   chan *piece[C]
	failed error // set before ready is closed
	last   *piece[C]
}

// piece is a chunk and where it stands.
type piece[C Chunk] struct {
	chunk      C
	begin, end Position
}

// NewFeed returns a feed of an archived file, which makes its two buffers by
// empty. Nothing is read yet.
func NewFeed[C Chunk](run context.Context, archive *blob.Store, f File, empty func() C) *Feed[C] {
	return &Feed[C]{run: run, archive: archive, file: f, empty: empty}
}

// Next returns the chunk that begins at a position, and where it ends. A retry
// gets the same chunk again. It is good until the next chunk is asked for.
func (f *Feed[C]) Next(ctx context.Context, at Position) (c C, end Position, err error) {
	if f.last != nil && f.last.begin == at {
		return f.last.chunk, f.last.end, nil
	}
	if f.ready == nil {
		f.start(at)
	}
	if f.last != nil {
		f.free <- f.last // both buffers fit
		f.last = nil
	}
	select {
	case next, ok := <-f.ready:
		if !ok {
			failed := f.failed
			f.Close()
			return c, at, failed
		}
		f.last = next
		return next.chunk, next.end, nil
	case <-ctx.Done():
		return c, at, context.Cause(ctx)
	}
}

// start begins to parse at a position.
func (f *Feed[C]) start(at Position) {
	ctx, cancel := context.WithCancel(f.run)
	f.cancel = cancel
	f.ready, f.free = make(chan *piece[C]), make(chan *piece[C], 2)
	f.free <- &piece[C]{chunk: f.empty()}
	f.free <- &piece[C]{chunk: f.empty()}
	go f.parse(ctx, at, f.ready, f.free)
}

// Close stops parsing; the next call of Next begins anew.
func (f *Feed[C]) Close() {
	if f.cancel != nil {
		f.cancel()
	}
	f.cancel, f.ready, f.free, f.last = nil, nil, nil, nil
}

func (f *Feed[C]) parse(ctx context.Context, at Position, ready chan<- *piece[C], free <-chan *piece[C]) {
	defer close(ready)
	in := Open(ctx, f.archive, f.file, at.Offset)
	defer in.Close() //nolint:errcheck // only read
	lines := jsonl.NewReader(in, at.Offset, at.Line)
	next, err := lines.Next()
	for {
		var p *piece[C]
		select {
		case p = <-free:
		case <-ctx.Done():
			return
		}
		p.chunk.Reset()
		p.begin = at
		for err == nil && p.chunk.Take(next) {
			at = Position{Offset: next.End, Line: next.No}
			next, err = lines.Next()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			f.failed = err
			return
		}
		at.Done = err != nil
		p.end = at
		p.chunk.Ready(ctx)
		select {
		case ready <- p:
		case <-ctx.Done():
			return
		}
		if at.Done {
			return
		}
	}
}
