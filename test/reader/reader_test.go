// Package reader reads the lakehouse with programs that share no code with the
// one that writes it.
package reader

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// contents is what a reader finds in a snapshot of measurement.sales. Amounts
// are in ten-thousandths.
type contents struct {
	Rows         int    `json:"rows"`
	Quantity     int    `json:"quantity"`
	Net          string `json:"net"`
	Lines        int    `json:"lines"`
	CountedLines int    `json:"countedLines"`
	CountedNet   string `json:"countedNet"`
}

// readers are commands that take the path of a table's metadata and, maybe, the
// id of a snapshot.
var readers = map[string]struct{ check, run []string }{
	"icebird":   {[]string{"node", "-e", "import('icebird')"}, []string{"node", "icebird.mjs"}},
	"pyiceberg": {[]string{python(), "-c", "import pyiceberg, pyarrow"}, []string{python(), "pyiceberg_reader.py"}},
}

// python is PYTHON where PyIceberg is not with the system's own.
func python() string {
	if p := os.Getenv("PYTHON"); p != "" {
		return p
	}
	return "python3"
}

// remedies say how to get a reader.
var remedies = map[string]string{
	"icebird":   "run make deps",
	"pyiceberg": "install pyiceberg[pyarrow] and set PYTHON to that Python",
}

func TestOthersReadTheSame(t *testing.T) {
	t.Parallel()
	for name, r := range readers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := exec.CommandContext(t.Context(), r.check[0], r.check[1:]...).CombinedOutput(); err != nil {
				t.Skipf("%s can't be used here: %s: %v %.200s", name, remedies[name], err, out)
			}
			read := func(l *lab, snapshot int64) contents { return l.read(t, r.run, snapshot) }
			tellTheStory(t, read)
		})
	}
}

// tellTheStory has a reader look at a table at every stage of its life.
func tellTheStory(t *testing.T, read func(l *lab, snapshot int64) contents) {
	l := newLab(t)
	r := rand.New(rand.NewPCG(7, 8))
	check := func(when string, want contents, snapshot int64) {
		t.Helper()
		if diff := cmp.Diff(want, read(l, snapshot)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	for range 3 {
		l.deliver(t, r, 400)
	}
	check("after appends", whole(l.delivered, l.delivered), 0)
	if err := l.Tag(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	plan, err := l.Plan(t.Context(), rows.TableSales, lake.TagOf("first"))
	if err != nil {
		t.Fatal(err)
	}
	first := whole(l.delivered, l.delivered)

	l.deliver(t, r, 400)
	if c, err := l.Compact(t.Context(), rows.TableSales); err != nil || c.RowsAfter == c.RowsBefore {
		t.Fatalf("compacted %+v, %v", c, err)
	}
	compacted := whole(newestOf(l.delivered), l.delivered)
	check("after compaction", compacted, 0)
	check("as of the run, after compaction", first, plan.Snapshot)

	if _, err := l.RewriteManifests(t.Context(), rows.TableSales); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Expire(t.Context(), rows.TableSales); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Sweep(t.Context(), rows.TableSales, false); err != nil {
		t.Fatal(err)
	}
	check("after expiry", compacted, 0)
	check("as of the run, after expiry", first, plan.Snapshot)
}

// whole is what a reader should find in a table that holds some rows, where
// others were delivered too and superseded.
func whole(held, delivered []rows.Sale) (c contents) {
	var net, countedNet shop.Amount
	for _, s := range held {
		c.Rows++
		c.Quantity += s.Quantity
		net += s.NetSales
	}
	for _, s := range newestOf(delivered) {
		c.Lines++
		if !s.IsCancelled && !s.IsTest && !s.Deleted {
			c.CountedLines++
			countedNet += s.NetSales
		}
	}
	c.Net, c.CountedNet = strconv.FormatInt(int64(net), 10), strconv.FormatInt(int64(countedNet), 10)
	return c
}

func newestOf(delivered []rows.Sale) (list []rows.Sale) {
	newest := map[shop.ID]rows.Sale{}
	for _, s := range delivered {
		if old, ok := newest[s.LineItemID]; !ok || !s.OrderUpdatedAt.Before(old.OrderUpdatedAt) {
			newest[s.LineItemID] = s
		}
	}
	for _, s := range newest {
		list = append(list, s)
	}
	return list
}

// lab is a lakehouse in a folder.
type lab struct {
	*lake.Lake
	db        *pg.DB
	delivered []rows.Sale
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{db: pgtest.DB(t)}
	opened, err := lake.Open(t.Context(), lake.Config{
		DB: l.db, Warehouse: (&url.URL{Scheme: "file", Path: t.TempDir()}).String(), Poll: 5 * time.Millisecond,
		SmallFiles: 2, KeepSnapshots: time.Nanosecond, OrphanGrace: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() }) //nolint:errcheck // nothing is left to lose
	l.Lake = opened
	return l
}

// deliver brings random versions of lines into the table, in one batch.
func (l *lab) deliver(t *testing.T, r *rand.Rand, lines int) {
	t.Helper()
	b := rows.NewSales()
	for range lines {
		s := sale(1+r.IntN(lines), r.IntN(4))
		l.delivered = append(l.delivered, s)
		b.Add(s)
	}
	body, err := b.Body()
	if err != nil {
		t.Fatal(err)
	}
	var seq int64
	err = l.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
		seq, err = outbox.Append(ctx, tx, rows.TableSales, lines, body)
		return err
	})
	if err == nil {
		err = l.Drain(t.Context(), rows.TableSales, seq)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sale is a line whose values follow from its id and version.
func sale(line, version int) rows.Sale {
	r := rand.New(rand.NewPCG(uint64(line), uint64(version)))
	amount := shop.Amount(r.Int64N(9_000_000_000))
	start := time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)
	return rows.Sale{
		LineItemID: shop.ID(line), OrderID: shop.ID(line/2 + 1), Quantity: r.IntN(4),
		GrossSales: 2 * amount, Discount: amount, NetSales: amount, Currency: "USD",
		OccurredAt: start.AddDate(0, line%3, line%20), OrderUpdatedAt: start.AddDate(1, 0, version),
		IsCancelled: r.IntN(10) == 0, IsTest: line%50 == 0, Deleted: r.IntN(15) == 0,
		RunID: "0198c0de-0000-7000-8000-000000000001",
	}
}

// read runs a reader on the table as the catalog has it, or on a snapshot of it.
func (l *lab) read(t *testing.T, command []string, snapshot int64) (c contents) {
	t.Helper()
	var location string
	err := l.db.QueryRow(t.Context(), `SELECT metadata_location FROM lake.iceberg_tables
		WHERE table_namespace = 'measurement' AND table_name = 'sales'`).Scan(&location)
	if err != nil {
		t.Fatal(err)
	}
	args := slices.Concat(command[1:], []string{strings.TrimPrefix(location, "file://")})
	if snapshot != 0 {
		args = append(args, strconv.FormatInt(snapshot, 10))
	}
	out, err := exec.CommandContext(t.Context(), command[0], args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("%v: %.2000s", command, exit.Stderr)
	}
	if err == nil {
		err = json.Unmarshal(out, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}
