package bulksync

import (
	"context"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// pagesAhead are asked for while the database applies the one before them:
// Shopify answers in tenths of a second, and takes several questions at once.
const pagesAhead = 3

// pages reads a list of ids ahead and fetches what they name. What is written of
// a page must not change which ids the list has behind it.
type pages struct {
	run   context.Context // of the workflow: pages outlive the step that asked first
	list  lister
	fetch func(ctx context.Context, ids []shop.ID) (applied[idCursor], error)

	cancel context.CancelFunc
	ready  chan chan idPage // in the list's order
	last   *idPage
}

// idPage is a piece of the list, fetched.
type idPage struct {
	after, next int64 // ids of the list before it, and with it
	done        bool  // it is the last
	ids         int
	write       applied[idCursor]
	err         error
}

// next returns the piece that begins after an id. A retry gets the same piece
// again, unless it was the fetching that failed.
func (p *pages) next(ctx context.Context, after int64) (idPage, error) {
	if p.last != nil && p.last.after == after {
		return *p.last, nil
	}
	if p.ready == nil {
		p.start(after)
	}
	var next idPage
	select {
	case answer, open := <-p.ready:
		if !open { // the list was cut before its end
			p.close()
			return idPage{}, context.Cause(p.run)
		}
		select {
		case next = <-answer:
		case <-ctx.Done():
			p.close()
			return idPage{}, context.Cause(ctx)
		}
	case <-ctx.Done():
		return idPage{}, context.Cause(ctx)
	}
	if next.err != nil {
		p.close() // the next attempt asks anew
		return idPage{}, next.err
	}
	p.last = &next
	return next, nil
}

func (p *pages) start(after int64) {
	ctx, cancel := context.WithCancel(p.run)
	p.cancel, p.ready = cancel, make(chan chan idPage, pagesAhead-1)
	go p.read(ctx, after, p.ready)
}

// close stops reading; the next call of next begins anew.
func (p *pages) close() {
	if p.cancel != nil {
		p.cancel()
	}
	p.cancel, p.ready, p.last = nil, nil, nil
}

// read goes through the list and has each page fetched beside the others.
func (p *pages) read(ctx context.Context, after int64, ready chan<- chan idPage) {
	defer close(ready)
	for done := false; !done; {
		next := idPage{after: after}
		var ids []int64
		ids, next.next, next.done, next.err = p.list(ctx, after)
		next.ids = len(ids)
		answer := make(chan idPage, 1)
		select {
		case ready <- answer: // waits while enough are asked for
		case <-ctx.Done():
			return
		}
		after, done = next.next, next.done || next.err != nil // from here on next is the fetcher's
		go func() {
			if next.err == nil && len(ids) > 0 {
				next.write, next.err = p.fetch(ctx, shopIDs(ids))
			}
			answer <- next
		}()
	}
}
