package lake_test

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// TestCommittersAndACompactionAtOnce lets two committers without leases, and a
// compaction, fight over one table. Whatever comes of it, every snapshot is the
// state after some batch.
func TestCommittersAndACompactionAtOnce(t *testing.T) {
	t.Parallel()
	const lines = 12
	rounds := *commits
	if testing.Short() {
		rounds /= 2
	}
	smallFiles := func(c *lake.Config) { c.SmallFiles, c.FlushRows = 4, 1 }
	l := newLab(t, smallFiles)
	last := int64(rounds)
	states := []map[int64]row{{}} // what counts after each batch
	for b := range rounds {
		batch := sales(b%lines+1, b%lines+5, b/lines)
		seq := l.append(t, batch...)
		state := maps.Clone(states[b])
		for i, s := range batch {
			r := row{int64(s.LineItemID), s.OrderUpdatedAt.UnixMicro(), rows.SequenceOf(seq, i), s.NetSales, false}
			state[r.line] = newest([]row{state[r.line], r})[r.line]
		}
		states = append(states, state)
	}

	ctx, stop := context.WithCancel(t.Context())
	var committers, compaction sync.WaitGroup
	for range 2 {
		other := l.open(t, l.db, smallFiles)
		committers.Go(func() {
			for {
				at, err := other.CommitNext(t.Context(), rows.TableSales)
				if err != nil {
					t.Errorf("commit: %v", err)
				}
				if err != nil || at >= last {
					return
				}
			}
		})
	}
	compactions := 0
	compaction.Go(func() {
		for last := false; !last; {
			last = ctx.Err() != nil // once more when the committers are done
			c, err := l.Compact(t.Context(), rows.TableSales)
			// It may lose too many races in a row, and then has done nothing.
			if err != nil && !errors.Is(err, errs.Unavailable) {
				t.Errorf("compact: %v", err)
			}
			if c.FilesBefore > 0 {
				compactions++
			}
		}
	})
	committers.Wait()
	stop()
	compaction.Wait()
	if compactions == 0 {
		t.Error("nothing was compacted")
	}

	tbl, err := l.Load(t.Context(), rows.TableSales)
	if err != nil {
		t.Fatal(err)
	}
	snapshots := tbl.Metadata().Snapshots()
	t.Logf("%d snapshots, %d compactions", len(snapshots), compactions)
	if len(snapshots) < rounds {
		t.Errorf("%d snapshots of %d commits", len(snapshots), rounds)
	}
	known := map[string][]row{}
	for _, s := range snapshots {
		at := lake.SequenceIn(tbl, &s)
		if got := newest(readSnapshot(t, tbl, s.SnapshotID, known)); !maps.Equal(got, states[at]) {
			t.Fatalf("the snapshot after batch %d has %v, want %v", at, got, states[at])
		}
		if got, _, _ := chosen(t, l.Lake, strconv.FormatInt(s.SnapshotID, 10), known); !maps.Equal(got, states[at]) {
			t.Fatalf("the snapshot after batch %d is read as %v, want %v", at, got, states[at])
		}
	}
	proof.Note(t, proof.Story{Family: 11, Name: "two writers and a compaction race", Faults: compactions, Runs: rounds})
}
