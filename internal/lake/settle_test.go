package lake_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

// chosen reads a snapshot as readers do: what is settled as it is, of the rest
// the newest version of each line. It also returns how many files are settled,
// and how many aren't.
func chosen(t testing.TB, l *lake.Lake, asOf string, known map[string][]row) (lines map[int64]row, settled, rest int) {
	t.Helper()
	plan, err := l.Plan(t.Context(), rows.TableSales, asOf)
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := l.Load(t.Context(), rows.TableSales)
	if err != nil {
		t.Fatal(err)
	}
	readSnapshot(t, tbl, plan.Snapshot, known)
	var others []row
	lines = map[int64]row{}
	for _, f := range plan.Files {
		of := known["file://"+f.Path]
		if len(of) != int(f.Rows) {
			t.Fatalf("%s has %d rows, the plan says %d", f.Path, len(of), f.Rows)
		}
		if !f.Settled {
			rest++
			others = append(others, of...)
			continue
		}
		settled++
		for _, r := range of {
			if old, ok := lines[r.line]; ok {
				t.Errorf("as of %q, settled files have two versions of a line, %v and %v", asOf, old, r)
			}
			lines[r.line] = r
		}
	}
	for line, r := range newest(others) {
		if old, ok := lines[line]; ok {
			t.Errorf("as of %q, a settled file has %v, and another one has %v", asOf, old, r)
		}
		lines[line] = r
	}
	return lines, settled, rest
}

// TestSettledOrNotTheSameCounts delivers at random, versions out of order, twice
// and as tombstones, and compacts now and then. Each state is looked at when it
// is the latest, and again at the end, when other files are settled.
func TestSettledOrNotTheSameCounts(t *testing.T) {
	t.Parallel()
	const lines, rounds = 40, 20
	random := moments(t)
	l := newLab(t, func(c *lake.Config) { c.SmallFiles = 3 })
	known := map[string][]row{}
	var all []row
	states := map[string]map[int64]row{}
	var allSettled, mixed int
	for round := range rounds {
		month := 4 * random.IntN(lines/4) // whose lines are all in one
		batch := make([]rows.Sale, 1+random.IntN(lines/2))
		for i := range batch {
			line := 1 + random.IntN(lines)
			if round%3 > 0 {
				line = 1 + (month+4*i)%lines
			}
			batch[i] = sale(line, random.IntN(round+3))
			batch[i].Deleted = random.IntN(8) == 0
		}
		seq := l.append(t, batch...)
		l.drain(t, seq)
		for i, s := range batch {
			all = append(all, row{int64(s.LineItemID), s.OrderUpdatedAt.UnixMicro(), rows.SequenceOf(seq, i), s.NetSales, s.Deleted})
		}
		run := string(rune('a' + round))
		if random.IntN(2) == 0 {
			if err := l.Tag(t.Context(), run); err != nil {
				t.Fatal(err)
			}
			states[lake.TagOf(run)] = newest(all)
		}
		if random.IntN(3) == 0 || round == rounds/2 {
			if _, err := l.Compact(t.Context(), rows.TableSales); err != nil {
				t.Fatal(err)
			}
		}
		got, settled, rest := chosen(t, l.Lake, "", known)
		if !maps.Equal(got, newest(all)) {
			t.Fatalf("after batch %d there is %v, want %v", seq, got, newest(all))
		}
		if settled > 0 && rest > 0 {
			mixed++
		} else if settled > 0 {
			allSettled++
		}
	}
	for tag, state := range states {
		if got, _, _ := chosen(t, l.Lake, tag, known); !maps.Equal(got, state) {
			t.Errorf("as of %s there is %v, want %v", tag, got, state)
		}
	}
	t.Logf("%d states were settled, %d in part", allSettled, mixed)
	if mixed == 0 && allSettled == 0 {
		t.Error("no state was settled")
	}
}

func TestALateVersionUnsettlesItsMonth(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	known := map[string][]row{}
	l.drain(t, l.append(t, sales(1, 40, 1)...))
	l.drain(t, l.append(t, sales(1, 4, 2)...))
	check := func(when, asOf string, wantSettled, wantRest int) {
		t.Helper()
		lines, settled, rest := chosen(t, l.Lake, asOf, known)
		if len(lines) != 40 || settled != wantSettled || rest != wantRest {
			t.Errorf("%s: %d lines in %d settled and %d other files, want 40 in %d and %d",
				when, len(lines), settled, rest, wantSettled, wantRest)
		}
	}
	if err := l.Tag(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	check("before a compaction", "", 0, 8)
	l.compact(t, lake.Compacted{FilesBefore: 8, FilesAfter: 4, RowsBefore: 44, RowsAfter: 40, Settled: 4})
	check("after it", "", 4, 0)
	check("the run before", lake.TagOf("first"), 0, 8)
	if err := l.Tag(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}

	l.drain(t, l.append(t, sale(1, 0))) // older than what is there
	check("after a late version", "", 3, 2)
	check("the run before that", lake.TagOf("second"), 4, 0)
	l.compact(t, lake.Compacted{FilesBefore: 2, FilesAfter: 1, RowsBefore: 11, RowsAfter: 10, Settled: 1})
	check("after another compaction", "", 4, 0)
	check("the second run, whose file of the month has been replaced", lake.TagOf("second"), 3, 1)
	l.compact(t, lake.Compacted{})
}

func TestFilesWithoutSupersededVersionsStay(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *lake.Config) { c.SmallFiles = 3 })
	files := func() lake.Plan {
		plan, err := l.Plan(t.Context(), rows.TableSales, "")
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	l.drain(t, l.append(t, sales(1, 20, 0)...))
	l.drain(t, l.append(t, sales(21, 40, 0)...))
	before := files()
	l.compact(t, lake.Compacted{Settled: 4})
	after := files()
	for i := range before.Files {
		before.Files[i].Settled = true
	}
	if !slices.Equal(before.Files, after.Files) || before.Snapshot != after.Snapshot {
		t.Errorf("the files were %v and are %v", before.Files, after.Files)
	}
	l.drain(t, l.append(t, sales(41, 60, 0)...)) // a third small file
	l.compact(t, lake.Compacted{FilesBefore: 12, FilesAfter: 4, RowsBefore: 60, RowsAfter: 60, Settled: 4})
}

func TestACompactionLeavesWorkToTheNext(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *lake.Config) { c.CompactRows = 25 })
	l.drain(t, l.append(t, sales(1, 40, 0)...))
	l.compact(t, lake.Compacted{Settled: 2, Left: 2})
	plan, err := l.Plan(t.Context(), rows.TableSales, "")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(plan.Files, func(a, b lake.File) int { return strings.Compare(a.Path, b.Path) })
	for i, f := range plan.Files {
		if f.Settled != (i >= 2) {
			t.Errorf("%s is settled: %v, and the youngest two should be", f.Path, f.Settled)
		}
	}
	l.compact(t, lake.Compacted{Settled: 2})
}

func TestAnotherPartitioningUnsettles(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.drain(t, l.append(t, sales(1, 40, 0)...))
	l.compact(t, lake.Compacted{Settled: 4})
	partitions := func() (names []string) {
		t.Helper()
		plan, err := l.Plan(t.Context(), rows.TableSales, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range plan.Files {
			names = append(names, f.Partition)
		}
		slices.Sort(names)
		return names
	}
	before := partitions()
	tbl, err := l.Load(t.Context(), rows.TableSales)
	if err != nil {
		t.Fatal(err)
	}
	tx := tbl.NewTransaction()
	err = tx.UpdateSpec(true).AddField("order_id", iceberg.BucketTransform{NumBuckets: 2}, "").Commit()
	if err == nil {
		_, err = tx.Commit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, settled, rest := chosen(t, l.Lake, "", map[string][]row{}); settled != 0 || rest != 4 {
		t.Errorf("%d files are settled, %d are not", settled, rest)
	}
	if after := partitions(); len(slices.Compact(before)) != 4 || len(before[0]) != len("2025-02") || slices.Compact(after)[0] != "" {
		t.Errorf("files are of the months %v, and then of %v", before, after)
	}
	l.compact(t, lake.Compacted{})
}

func TestSupersededVersionsAreFoundInPasses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	random := rand.New(rand.NewPCG(1, 2))
	var all []row
	for range 3 {
		batch := make([]rows.Sale, 500)
		for i := range batch {
			batch[i] = sale(1+random.IntN(300), random.IntN(6))
		}
		seq := l.append(t, batch...)
		l.drain(t, seq)
		for i, s := range batch {
			all = append(all, row{int64(s.LineItemID), s.OrderUpdatedAt.UnixMicro(), rows.SequenceOf(seq, i), 0, false})
		}
	}
	counts := newest(all)
	sequences := make([]int64, len(all))
	want := make([]bool, len(all))
	for i, r := range all {
		sequences[i], want[i] = r.sequence, counts[r.line] != r
	}
	for _, perPass := range []int64{1 << 20, 700, 50} {
		n, got, err := l.Superseded(t.Context(), rows.TableSales, perPass, sequences)
		if err != nil || int(n) != len(all)-len(counts) || !slices.Equal(got, want) {
			t.Errorf("%d rows a pass: %d superseded, %v, want %d", perPass, n, err, len(all)-len(counts))
		}
	}
}

// compact compacts and says what should come of it.
func (l *lab) compact(t testing.TB, want lake.Compacted) {
	t.Helper()
	if got, err := l.Compact(t.Context(), rows.TableSales); err != nil || got != want {
		t.Errorf("compacted %+v, %v: want %+v", got, err, want)
	}
}
