package bulk_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shopify/jsonl"
)

// pair is a chunk of two lines.
type pair struct {
	lines []string
	ready bool
}

func (p *pair) Reset() { *p = pair{} }

func (p *pair) Take(l jsonl.Line) bool {
	if len(p.lines) == 2 {
		return false
	}
	p.lines = append(p.lines, string(l.Raw))
	return true
}

func (p *pair) Ready(context.Context) { p.ready = true }

func TestAFeedReadsAFileChunkByChunk(t *testing.T) {
	t.Parallel()
	archive := open(t, "one\ntwo\nthr", "ee\nfour\nfive\n")
	f := bulk.File{Parts: []bulk.Part{{Key: "0", Bytes: 11}, {Key: "1", Bytes: 13}}}
	feed := bulk.NewFeed(t.Context(), archive, f, func() *pair { return &pair{} })
	defer feed.Close()
	next := func(feed *bulk.Feed[*pair], at bulk.Position, want ...string) bulk.Position {
		t.Helper()
		p, end, err := feed.Next(t.Context(), at)
		if err != nil || !p.ready || !slices.Equal(p.lines, want) {
			t.Fatalf("from %+v on: %q, ready: %v, %v; want %q", at, p.lines, p.ready, err, want)
		}
		return end
	}
	second := next(feed, bulk.Position{}, "one", "two")
	if want := (bulk.Position{Offset: 8, Line: 2}); second != want {
		t.Errorf("the first chunk ends at %+v, want %+v", second, want)
	}
	third := next(feed, second, "three", "four")
	if again := next(feed, second, "three", "four"); again != third {
		t.Errorf("a retry ends at %+v", again)
	}
	end := next(feed, third, "five")
	if want := (bulk.Position{Offset: 24, Line: 5, Done: true}); end != want {
		t.Errorf("the file ends at %+v, want %+v", end, want)
	}

	resumed := bulk.NewFeed(t.Context(), archive, f, func() *pair { return &pair{} })
	defer resumed.Close()
	next(resumed, second, "three", "four")
}

func TestAFeedThatFailedBeginsAnew(t *testing.T) {
	t.Parallel()
	archive := open(t, "one\ntwo\nthree\n")
	f := bulk.File{Parts: []bulk.Part{{Key: "0", Bytes: 14}, {Key: "1", Bytes: 10}}}
	feed := bulk.NewFeed(t.Context(), archive, f, func() *pair { return &pair{} })
	defer feed.Close()
	_, at, err := feed.Next(t.Context(), bulk.Position{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := feed.Next(t.Context(), at); !errors.Is(err, errs.NotFound) {
			t.Errorf("without its second part: %v", err)
		}
	}
	put(t, archive, "1", "four\nfive\n")
	p, end, err := feed.Next(t.Context(), at)
	if err != nil || !slices.Equal(p.lines, []string{"three", "four"}) || end.Done {
		t.Errorf("with it: %q, %+v, %v", p.lines, end, err)
	}
}
