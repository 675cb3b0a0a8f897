// Package catalog tries the lakehouse on servers of others: an S3-compatible
// object store, and the REST catalog of the Iceberg project. `make extra` gets
// them; without them the tests are skipped.
package catalog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestMain(m *testing.M) {
	os.Setenv("AWS_ACCESS_KEY_ID", accessKey)     //nolint:errcheck // a failure shows in the tests
	os.Setenv("AWS_SECRET_ACCESS_KEY", secretKey) //nolint:errcheck // as above
	pgtest.Main(m)
}

func TestLifeOfATable(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) site{
		"in a bucket, with the catalog in the database": bucketAndDatabase,
		"in a folder, with a REST catalog":              folderAndREST,
		"in a bucket, with a REST catalog":              bucketAndREST,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			l := &lab{site: s, db: pgtest.DB(t)}
			l.openAtOnce(t)
			l.live(t)
		})
	}
}

// openAtOnce has several processes make the tables.
func (l *lab) openAtOnce(t *testing.T) {
	t.Helper()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			opened, err := lake.Open(t.Context(), l.config())
			if err != nil {
				t.Errorf("open at once: %v", err)
				return
			}
			opened.Close() //nolint:errcheck // nothing is left to lose
		})
	}
	all.Wait()
	l.Lake = l.open(t)
}

// live takes a table through all that happens to one.
func (l *lab) live(t *testing.T) {
	for range 3 {
		l.append(t)
	}
	l.drain(t)
	l.check(t, "after appends", "", after(3, 3))
	if err := l.Tag(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}

	l.race(t, 9)
	if _, err := l.Compact(t.Context(), rows.TableSales); err != nil {
		t.Fatal(err)
	}
	l.check(t, "after compaction", "", after(12, 1))
	l.check(t, "as of the run, after compaction", lake.TagOf("first"), after(3, 3))

	if _, err := l.RewriteManifests(t.Context(), rows.TableSales); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Expire(t.Context(), rows.TableSales); err != nil {
		t.Fatal(err)
	}
	l.sweep(t)
	l.check(t, "after expiry", "", after(12, 1))
	l.check(t, "as of the run, after expiry", lake.TagOf("first"), after(3, 3))
	l.append(t)
	l.drain(t)
	l.check(t, "and on it goes", "", after(13, 2))
}

// race has two committers, a compaction and tags fight over the table.
func (l *lab) race(t *testing.T, batches int) {
	t.Helper()
	for range batches {
		l.append(t)
	}
	var committers, others sync.WaitGroup
	for range 2 {
		opened := l.open(t)
		committers.Go(func() {
			if err := opened.Drain(t.Context(), rows.TableSales, l.last); err != nil {
				t.Errorf("drain: %v", err)
			}
		})
	}
	done := make(chan struct{})
	for name, do := range map[string]func(*lake.Lake) error{
		"compact": func(x *lake.Lake) error { _, err := x.Compact(t.Context(), rows.TableSales); return err },
		"tag":     func(x *lake.Lake) error { return x.Tag(t.Context(), "again") },
	} {
		opened := l.open(t)
		others.Go(func() {
			for ended := false; !ended; {
				select {
				case <-done:
					ended = true // once more when the committers are through
				default:
				}
				// It may lose too many races in a row, and then has done nothing.
				if err := do(opened); err != nil && !errors.Is(err, errs.Unavailable) && !errors.Is(err, errs.Conflict) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	committers.Wait()
	close(done)
	others.Wait()
}

// sweep has a file swept that a killed committer may have left.
func (l *lab) sweep(t *testing.T) {
	t.Helper()
	plan, err := l.Plan(t.Context(), rows.TableSales, "")
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(filepath.Dir(l.site.folder(plan.Files[0].Path)), "left-by-a-killed-committer.parquet")
	if err := os.WriteFile(left, []byte("PAR1"), 0o644); err != nil {
		t.Fatal(err)
	}
	swept, err := l.Sweep(t.Context(), rows.TableSales, false)
	if err != nil {
		t.Fatal(err)
	}
	name := func(path string) bool { return strings.HasSuffix(path, filepath.Base(left)) }
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) || !slices.ContainsFunc(swept.Files, name) {
		t.Errorf("the file is still there (%v), swept were %q", err, swept.Files)
	}
}
