package rows_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func schemaOf(t testing.TB, name string) *arrow.Schema {
	t.Helper()
	for _, table := range rows.Tables() {
		if table.Name == name {
			return table.Schema
		}
	}
	t.Fatalf("no table %s", name)
	return nil
}

var noon = time.Date(2025, 6, 1, 12, 0, 0, 123456000, time.UTC)

var full = rows.Sale{
	LineItemID: 1, OrderID: 2, ProductID: 3, VariantID: 4, SKU: "IPH-1",
	Quantity: 5, RefundedQuantity: 1, GrossSales: 123456, Discount: 1, NetSales: -98765, Currency: "USD", Country: "DE",
	OccurredAt: noon, OrderUpdatedAt: noon.Add(time.Hour), IsCancelled: true, IsTest: true, Deleted: true, RunID: "r",
}

func TestSalesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	b := rows.NewSales()
	b.Add(full)
	b.Add(rows.Sale{LineItemID: 9, OrderID: 8, Currency: "EUR", OccurredAt: noon, OrderUpdatedAt: noon, RunID: "r"})
	if b.Len() != 2 {
		t.Errorf("%d rows, want 2", b.Len())
	}
	want := []string{
		`[1 2 3 4 IPH-1 5 1 12.3456 0.0001 -9.8765 USD DE 2025-06-01T12:00:00.123456Z 2025-06-01T13:00:00.123456Z true true true r]`,
		`[9 8 (null) (null) (null) 0 0 0 0 0 EUR (null) 2025-06-01T12:00:00.123456Z 2025-06-01T12:00:00.123456Z false false false r]`,
	}
	if diff := cmp.Diff(want, readBack(t, rows.TableSales, body(t, b))); diff != "" {
		t.Error(diff)
	}
	if b.Len() != 0 {
		t.Errorf("%d rows after they were taken, want 0", b.Len())
	}
}

func TestEventsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	b := rows.NewTelemetry()
	b.Add(rows.Event{EventID: "e", OccurredAt: noon, Scenario: "bulksync", RunID: "r", Step: "load", Attempt: 2,
		Event: "attempt_errored", Level: "warn", Rows: 3, Bytes: 4, Duration: 1500 * time.Microsecond,
		ErrorCode: "unavailable", Message: "gone", Attributes: json.RawMessage(`{"a":1}`)})
	b.Add(rows.Event{EventID: "f", OccurredAt: noon, Scenario: "bulksync", RunID: "r", Event: "workflow_started", Level: "info"})
	want := []string{
		`[e 2025-06-01T12:00:00.123456Z bulksync r load 2 attempt_errored warn 3 4 1 unavailable gone {"a":1}]`,
		`[f 2025-06-01T12:00:00.123456Z bulksync r (null) 0 workflow_started info 0 0 0 (null) (null) (null)]`,
	}
	if diff := cmp.Diff(want, readBack(t, rows.TableTelemetry, body(t, b))); diff != "" {
		t.Error(diff)
	}
}

func TestMetricsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	b := rows.NewPerformance()
	day, units, net, active := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC), int64(3), shop.Amount(-123456), true
	b.Add(rows.Metric{MetricID: "m", ProductID: 3, AsOf: day, FirstSaleDay: &day, Units: [6]*int64{5: &units},
		NetSales: [6]*shop.Amount{0: &net}, IsActive: &active, Source: "manual", Note: "n", RecordedBy: "ops",
		RecordedAt: noon, Version: 2, Deleted: true})
	b.Add(rows.Metric{MetricID: "l", ProductID: 4, AsOf: day, Source: "sync", RecordedBy: "run", RecordedAt: noon, Version: 1})
	want := []string{
		`[m 3 2025-06-01 2025-06-01 (null) (null) (null) (null) (null) 3 -12.3456 (null) (null) (null) (null) (null) true manual n ops 2025-06-01T12:00:00.123456Z 2 true]`,
		`[l 4 2025-06-01 (null) (null) (null) (null) (null) (null) (null) (null) (null) (null) (null) (null) (null) (null) sync (null) run 2025-06-01T12:00:00.123456Z 1 false]`,
	}
	if diff := cmp.Diff(want, readBack(t, rows.TablePerformance, body(t, b))); diff != "" {
		t.Error(diff)
	}
}

func TestResetForgets(t *testing.T) {
	t.Parallel()
	b := rows.NewSales()
	b.Add(full)
	b.Reset()
	b.Add(full)
	if got := readBack(t, rows.TableSales, body(t, b)); len(got) != 1 {
		t.Errorf("%d rows, want 1", len(got))
	}
}

func TestWhatIsNoBatchOfTheTable(t *testing.T) {
	t.Parallel()
	b := rows.NewSales()
	b.Add(full)
	sale := body(t, b)
	telemetry := body(t, rows.NewTelemetry())
	for name, body := range map[string][]byte{
		"nothing":          nil,
		"no Arrow stream":  []byte("hello"),
		"half a stream":    sale[:len(sale)/2],
		"no stream inside": compressed(t, "hello"),
		"of another table": telemetry,
		"two bodies":       append(bytes.Clone(sale), sale...),
	} {
		record, err := rows.NewReader().Read(schemaOf(t, rows.TableSales), body)
		if !errors.Is(err, errs.Corrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if record != nil {
			record.Release()
		}
	}
}

func TestLaterRowsHaveGreaterSequences(t *testing.T) {
	t.Parallel()
	if a, b := rows.SequenceOf(1, 1<<20-1), rows.SequenceOf(2, 0); a >= b {
		t.Errorf("the last of batch 1 has %d, the first of batch 2 has %d", a, b)
	}
}

func compressed(t testing.TB, plain string) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return enc.EncodeAll([]byte(plain), nil)
}

func body(t testing.TB, b interface{ Body() ([]byte, error) }) []byte {
	t.Helper()
	body, err := b.Body()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func readBack(t testing.TB, table string, body []byte) (list []string) {
	t.Helper()
	record, err := rows.NewReader().Read(schemaOf(t, table), body)
	if err != nil {
		t.Fatal(err)
	}
	defer record.Release()
	for row := range int(record.NumRows()) {
		var values []string
		for _, c := range record.Columns() {
			values = append(values, c.ValueStr(row))
		}
		list = append(list, fmt.Sprint(values))
	}
	return list
}

func BenchmarkSales(b *testing.B) {
	s := rows.NewSales()
	bytes := 0
	for i := 0; b.Loop(); i++ {
		full.LineItemID++
		s.Add(full)
		if s.Len() == 5000 {
			body, err := s.Body()
			if err != nil {
				b.Fatal(err)
			}
			bytes += len(body)
		}
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "bytes/row")
}
