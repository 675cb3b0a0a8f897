package lake_test

import (
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

func TestCompactionDropsSupersededVersions(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *lake.Config) { c.SmallFiles = 3 })
	for version := range 5 {
		l.drain(t, l.append(t, sales(1, 40, version)...))
	}
	// Late delivery of an old version, and a tombstone, which must stay.
	l.drain(t, l.append(t, sales(1, 10, 2)...))
	gone := sale(40, 9)
	gone.Deleted = true
	l.drain(t, l.append(t, gone))
	if err := l.Tag(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	before := read(t, l.Lake, "")

	c, err := l.Compact(t.Context(), rows.TableSales)
	if err != nil || c.RowsBefore != 211 || c.RowsAfter != 40 || c.FilesAfter != 4 {
		t.Errorf("compacted %+v, %v: want 211 rows to become 40 in 4 files", c, err)
	}
	after := read(t, l.Lake, "")
	if len(after) != 40 || !maps.Equal(newest(before), newest(after)) {
		t.Errorf("%d rows remain, and not those that count", len(after))
	}
	if !newest(after)[40].deleted {
		t.Error("the tombstone is gone")
	}
	if tagged := read(t, l.Lake, lake.TagOf("before")); len(tagged) != 211 {
		t.Errorf("the tagged snapshot has %d rows, want all 211", len(tagged))
	}
	if again, err := l.Compact(t.Context(), rows.TableSales); err != nil || again.FilesBefore != 0 {
		t.Errorf("compacted again: %+v, %v", again, err)
	}
	if at, err := l.Committed(t.Context(), rows.TableSales); err != nil || at != 7 {
		t.Errorf("after the compaction the table is at batch %d, %v", at, err)
	}
}

func TestExpiryKeepsTaggedSnapshots(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *lake.Config) { c.KeepSnapshots = time.Nanosecond })
	for i := range 24 {
		l.drain(t, l.append(t, sale(4*i+1, 0)))
		if i == 1 {
			for range 2 { // a step may run twice
				if err := l.Tag(t.Context(), "two"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	forgotten, err := l.Expire(t.Context(), rows.TableSales)
	if err != nil || forgotten != 3 {
		t.Errorf("%d snapshots forgotten, %v: want 3, for 20 are kept and one is tagged", forgotten, err)
	}
	l.age(t)
	if swept, err := l.Sweep(t.Context(), rows.TableSales, false); err != nil || len(swept.Files) == 0 {
		t.Errorf("nothing swept: %+v, %v", swept, err)
	}
	if n := len(read(t, l.Lake, lake.TagOf("two"))); n != 2 {
		t.Errorf("as of the tagged run there are %d rows, want 2", n)
	}
	if n := len(read(t, l.Lake, "")); n != 24 {
		t.Errorf("now there are %d rows, want 24", n)
	}
}

func TestTagsExpire(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *lake.Config) { c.KeepTags = time.Millisecond })
	l.drain(t, l.append(t, sale(1, 0)))
	if err := l.Tag(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	l.wait(t, func() bool {
		if _, err := l.Expire(t.Context(), rows.TableSales); err != nil {
			t.Fatal(err)
		}
		_, err := l.Plan(t.Context(), rows.TableSales, lake.TagOf("old"))
		return errors.Is(err, errs.NotFound)
	})
	if n := len(read(t, l.Lake, "")); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func TestSweepRespectsTheGraceTime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.drain(t, l.append(t, sales(1, 4, 0)...))
	plan, err := l.Plan(t.Context(), rows.TableSales, "")
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(filepath.Dir(plan.Files[0].Path), "left-by-a-killed-committer.parquet")
	l.age(t)
	if err := os.WriteFile(left, []byte("PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if swept, err := l.Sweep(t.Context(), rows.TableSales, false); err != nil || len(swept.Files) != 0 {
		t.Errorf("swept within the grace time: %+v, %v", swept, err)
	}
	l.age(t)
	if swept, err := l.Sweep(t.Context(), rows.TableSales, true); err != nil || len(swept.Files) != 1 || swept.Bytes != 4 {
		t.Errorf("a dry run after the grace time: %+v, %v", swept, err)
	}
	if swept, err := l.Sweep(t.Context(), rows.TableSales, false); err != nil || len(swept.Files) != 1 {
		t.Errorf("swept after the grace time: %+v, %v", swept, err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there (%v)", err)
	}
	if n := len(read(t, l.Lake, "")); n != 4 {
		t.Errorf("%d rows, want 4", n)
	}
}

func TestManifestsAreMerged(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 5 {
		l.drain(t, l.append(t, sale(4*i+1, 0)))
	}
	merged, err := l.RewriteManifests(t.Context(), rows.TableSales)
	if err != nil || merged != 5 || len(read(t, l.Lake, "")) != 5 {
		t.Errorf("%d manifests merged, %v: want 5", merged, err)
	}
}

// age makes all files of the warehouse older than any grace time.
func (l *lab) age(t testing.TB) {
	t.Helper()
	u, err := url.Parse(l.warehouse)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-365 * 24 * time.Hour)
	err = filepath.WalkDir(u.Path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, old, old)
	})
	if err != nil {
		t.Fatal(err)
	}
}
