package lake_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestWhatIsAppendedIsThere(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.append(t, sales(1, 60, 0)...)
	last := l.append(t, sales(61, 100, 0)...)
	l.drain(t, last)

	got := read(t, l.Lake, "")
	if len(got) != 100 || len(newest(got)) != 100 {
		t.Fatalf("%d rows of %d lines, want 100 of 100", len(got), len(newest(got)))
	}
	if first := got[0]; first.line != 1 || first.net != shop.AmountScale || first.sequence != 1<<20 {
		t.Errorf("the first row is %+v", first)
	}
	plan, err := l.Plan(t.Context(), rows.TableSales, "")
	if err != nil || len(plan.Files) != 4 || plan.Sequence != last || plan.HasDeletes {
		t.Errorf("plan %+v, %v: want a file for each of 4 months, and batch %d", plan, err, last)
	}
	status, err := l.Status(t.Context())
	if err != nil || len(status) != 3 {
		t.Fatalf("status of %d tables, %v", len(status), err)
	}
	for _, s := range status {
		if s.Table == rows.TableSales && (s.Rows != 100 || s.Committed != last || s.Last != last || s.WaitingRows != 0) {
			t.Errorf("status %+v", s)
		}
	}
}

func TestOpenTwiceFindsTheSameTables(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.drain(t, l.append(t, sales(1, 10, 0)...))
	again := l.open(t, l.db)
	if n := len(read(t, again, "")); n != 10 {
		t.Errorf("%d rows, want 10", n)
	}
	tbl, err := again.Load(t.Context(), rows.TableSales)
	if err != nil || !lake.Synced(t.Context(), tbl) {
		t.Errorf("files are not synced to the disk (%v)", err)
	}
}

func TestFolderWithAnOddName(t *testing.T) {
	t.Parallel()
	l := &lab{db: pgtest.DB(t)}
	l.warehouse = (&url.URL{Scheme: "file", Path: filepath.Join(t.TempDir(), "a b%41+ü")}).String()
	l.Lake = l.open(t, l.db)
	l.drain(t, l.append(t, sales(1, 10, 0)...))
	plan, err := l.Plan(t.Context(), rows.TableSales, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range plan.Files {
		if _, err := os.Stat(f.Path); err != nil {
			t.Error(err)
		}
	}
	l.checkLines(t, 10)
	l.age(t)
	if swept, err := l.Sweep(t.Context(), rows.TableSales, false); err != nil || len(swept.Files) != 0 {
		t.Errorf("swept %+v, %v", swept, err)
	}
	l.checkLines(t, 10)
}

func TestPlanLeavesOutOtherMonths(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.drain(t, l.append(t, sales(1, 40, 0)...))
	february := time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)
	plan, err := l.PlanBetween(t.Context(), rows.TableSales, "", february, february.AddDate(0, 1, 0))
	if err != nil || len(plan.Files) != 1 || !strings.Contains(plan.Files[0].Path, "2025-02") {
		t.Errorf("plan of February: %+v, %v", plan.Files, err)
	}
}

func TestQuestionsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	if _, err := l.Plan(t.Context(), "measurement.nothing", ""); !errors.Is(err, errs.NotFound) {
		t.Errorf("plan of a table that isn't there: %v", err)
	}
	if _, err := l.Plan(t.Context(), rows.TableSales, lake.TagOf("nobody")); !errors.Is(err, errs.NotFound) || errs.Remedy(err) == "" {
		t.Errorf("plan as of a run that isn't there: %v", err)
	}
	if plan, err := l.Plan(t.Context(), rows.TableSales, ""); err != nil || plan.Snapshot != 0 || len(plan.Columns) != 19 {
		t.Errorf("plan of an empty table: %+v, %v", plan, err)
	}
	if err := l.Drain(t.Context(), rows.TableSales, 1); !errors.Is(err, errs.Invalid) {
		t.Errorf("waiting for a batch that was never appended: %v", err)
	}
}

func TestWarehouseIsRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for name, warehouse := range map[string]string{
		"nothing":              "",
		"a relative folder":    "file:data",
		"another store":        "gs://bucket/lake",
		"an unknown parameter": "s3://bucket/lake?secret=hunter2",
		"not a URL":            "file://%zz",
	} {
		_, err := lake.Open(t.Context(), lake.Config{DB: l.db, Warehouse: warehouse})
		if !errors.Is(err, errs.Invalid) || errs.Remedy(err) == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStaleHandleIsAConflict pins the words by which the library says that
// somebody else was faster: a new version may choose others.
func TestStaleHandleIsAConflict(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	stale, err := l.Load(t.Context(), rows.TableSales)
	if err != nil {
		t.Fatal(err)
	}
	l.append(t, sales(1, 10, 0)...)
	l.drain(t, 1)
	tx := stale.NewTransaction()
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		t.Fatal(err)
	}
	if err := tx.SetProperties(iceberg.Properties{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err == nil || !lake.Conflict(err) {
		t.Errorf("a commit on top of a snapshot that is gone: %v", err)
	}
}

func TestRunCommitsByItself(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *lake.Config) { c.FlushAge = time.Millisecond })
	go l.Run(t.Context())
	seq := l.append(t, sales(1, 10, 0)...)
	l.wait(t, func() bool {
		at, err := l.Committed(t.Context(), rows.TableSales)
		return err == nil && at == seq
	})
	l.wait(t, func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status[1].WaitingRows == 0
	})
}

func TestTwoDatabasesShareAWarehouse(t *testing.T) {
	t.Parallel()
	one := newLab(t)
	other := &lab{db: pgtest.DB(t), warehouse: one.warehouse}
	other.Lake = other.open(t, other.db)
	one.drain(t, one.append(t, sales(1, 5, 0)...))
	other.drain(t, other.append(t, sales(6, 8, 0)...))
	one.age(t) // all files of the folder
	if swept, err := other.Sweep(t.Context(), rows.TableSales, false); err != nil || len(swept.Files) != 0 {
		t.Errorf("one swept up the other's files: %v, %v", swept.Files, err)
	}
	one.checkLines(t, 5)
}

func TestAnotherWarehouseThanTheTablesHaveIsRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, err := lake.Open(t.Context(), lake.Config{DB: l.db, Warehouse: "file://" + t.TempDir()})
	if !errors.Is(err, errs.Conflict) || errs.Remedy(err) == "" {
		t.Errorf("another folder: %v", err)
	}
}
