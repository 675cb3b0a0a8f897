package app

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// tell appends sales of 10.00 each to the outbox and returns the batch's number.
func tell(t *testing.T, p *Platform, lines int) (seq int64) {
	t.Helper()
	b := rows.NewSales()
	for i := range lines {
		b.Add(rows.Sale{
			LineItemID: shop.ID(i + 1), OrderID: 1, Quantity: 1, GrossSales: 100_000, NetSales: 100_000, Currency: "USD",
			OccurredAt: noon, OrderUpdatedAt: noon, RunID: "0198c0de-0000-7000-8000-000000000001",
		})
	}
	body, err := b.Body()
	if err == nil {
		err = p.DB.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
			seq, err = outbox.Append(ctx, tx, rows.TableSales, lines, body)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// netSales asks the lakehouse what the sales of a day came to.
func netSales(t *testing.T, h *Lakehouse) (lines int64, sum shop.Amount) {
	t.Helper()
	args := map[string]any{"since": noon.Add(-time.Hour), "until": noon.Add(time.Hour)}
	err := h.Duck.Query(t.Context(), "sales_totals", "", args, func(scan func(...any) error) error {
		var currency string
		var units int64
		var gross, discount shop.Amount
		return scan(&currency, &lines, &units, &gross, &discount, &sum)
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, sum
}

// It runs by itself, so that what is left of it can be told from what others do.
func TestCloseLeavesNothingBehind(t *testing.T) { //nolint:paralleltest // see above
	url := pgtest.URL(t)
	before := runtime.NumGoroutine()
	p := platform(t, url, "brand.myshopify.com")
	a, err := Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Lake.Drain(t.Context(), rows.TableSales, tell(t, p, 3)); err != nil {
		t.Fatal(err)
	}
	if lines, sum := netSales(t, a.Lakehouse); lines != 3 || sum != 300_000 {
		t.Errorf("the lakehouse knows %d lines of %s", lines, sum)
	}
	folder := filepath.Join(p.DataDir, "duck")
	if left := names(t, folder); len(left) != 2 {
		t.Errorf("queries have %v, not a folder and its lock", left)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if left := names(t, folder); len(left) != 0 {
		t.Errorf("folders of queries were left: %v", left)
	}
	if err := a.Duck.Query(t.Context(), "sales_totals", "", nil, nil); errs.Kind(err) != "canceled" {
		t.Errorf("the closed engine answers %v", err)
	}
	p.DB.Close()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines became %d:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestLaunchBringsFactsIntoTheLakehouse(t *testing.T) {
	t.Parallel()
	p := platform(t, pgtest.URL(t), "brand.myshopify.com")
	p.Config.LakeFlushRows = 1_000
	a, err := Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	seq := tell(t, p, 1_000)
	if err := a.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		at, err := a.Lake.Committed(t.Context(), rows.TableSales)
		if err != nil {
			t.Fatal(err)
		}
		if at == seq {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after half a minute the lakehouse is at batch %d of %d", at, seq)
		}
	}
	if lines, _ := netSales(t, a.Lakehouse); lines != 1_000 {
		t.Errorf("the lakehouse knows %d lines", lines)
	}
}

func TestOpenLakehouse(t *testing.T) {
	t.Parallel()
	t.Run("refuses a database that lacks migrations", func(t *testing.T) {
		t.Parallel()
		_, err := platform(t, empty(t), "").OpenLakehouse(t.Context())
		if errs.Kind(err) != "conflict" || errs.Remedy(err) != "run `macrodata migrate`" {
			t.Errorf("OpenLakehouse gave %v with the remedy %q", err, errs.Remedy(err))
		}
	})
	t.Run("needs no shop, and a folder whose name needs escaping will do", func(t *testing.T) {
		t.Parallel()
		p := platform(t, pgtest.URL(t), "")
		p.DataDir = filepath.Join(t.TempDir(), "a b%20c#d")
		h, err := p.OpenLakehouse(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Lake.Drain(t.Context(), rows.TableSales, tell(t, p, 2)); err != nil {
			t.Fatal(err)
		}
		if lines, _ := netSales(t, h); lines != 2 {
			t.Errorf("the lakehouse knows %d lines", lines)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if left := names(t, filepath.Join(p.DataDir, "warehouse")); len(left) == 0 {
			t.Error("the warehouse is somewhere else")
		}
	})
}

func TestCheckWarehouse(t *testing.T) {
	t.Parallel()
	p := platform(t, pgtest.URL(t), "")
	if err := p.CheckWarehouse(t.Context()); err != nil {
		t.Errorf("the default warehouse: %v", err)
	}
	file := filepath.Join(p.DataDir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Config.Warehouse = "file://" + file + "/warehouse"
	if err := p.CheckWarehouse(t.Context()); err == nil || !strings.Contains(errs.Remedy(err), "MACRODATA_WAREHOUSE") {
		t.Errorf("a warehouse that can't be written gave %v with the remedy %q", err, errs.Remedy(err))
	}
}
