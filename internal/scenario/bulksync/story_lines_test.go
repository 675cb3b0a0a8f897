package bulksync_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// heapBound is how much the heap may grow by while a file of 430 MB is loaded. A
// line of 40 MB is held, in a buffer that doubles as it grows, and what it leaves
// behind waits for the collector, who lets the heap double.
const heapBound = 360 << 20

// It measures the heap of the process, so nothing runs beside it.
func TestLinesOfManyMegabytesAndOrdersOfManyLines(t *testing.T) { //nolint:paralleltest // see above
	w := newWorld(t, setup{
		archive: "file://" + t.TempDir(), settings: bulksync.Settings{RejectShare: 0.5},
		api: func(c *simulator.Config) { c.Plan = 1_000_000 }, // an order of 5,000 lines costs a whole bucket to read by id
	})
	large := largeOrder(w.order(w.ids(isPlain)[0]), 5000)
	w.shop.Add(large)
	w.clock.advance(time.Hour)
	first := w.run(full(), runs.Completed)
	w.same()
	if first.Counts.Orders.Children < 5000 {
		t.Fatalf("only %d lines came", first.Counts.Orders.Children)
	}

	victims := w.ids(func(o *simulator.Order) bool { return len(o.Lines) == 1 })[:10]
	file := filepath.Join(t.TempDir(), "orders.jsonl")
	numbers := spoilt(t, file, w.exported(2), victims)
	must(t, w.api.Prepare("lineItems", file))
	grown := heapGrowth(func() {
		r := w.run(full(), runs.CompletedWithRejects)
		listed := w.rejects(r)
		for i, number := range numbers {
			got := listed[number]
			if i == 0 && (got.reason != "the line is longer than 64 MiB" || got.subject != 0) {
				t.Errorf("the line of 70 MB is listed as %d: %s", got.subject, got.reason)
			}
			if i > 0 && (got.subject != victims[i] || !strings.Contains(got.reason, "name")) {
				t.Errorf("line %d is listed as %d: %s", number, got.subject, got.reason)
			}
			if len(got.record) > 5000 {
				t.Errorf("%d bytes of it are kept", len(got.record))
			}
		}
	})
	t.Logf("the heap grew by %d MB at most", grown>>20)
	if grown > heapBound {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	w.api.Unprepare()
	w.clock.advance(time.Hour)
	next := w.run(incremental(), runs.Completed)
	if next.Counts.Orders.Retried < 9 {
		t.Errorf("%d orders were fetched by id", next.Counts.Orders.Retried)
	}
	w.ends(t, proof.Story{Family: 5, Name: "lines of 40 and 70 MB, an order of 5,000 lines", Faults: len(victims) + 1, Runs: 3})
}

// largeOrder returns an order of many lines, made after another's.
func largeOrder(o *simulator.Order, lines int) *simulator.Order {
	o.ID, o.CreatedAt, o.UpdatedAt = o.ID+1, time.Time{}, time.Time{}
	o.Fulfillments, o.FulfillmentCount, o.LineQuantity = nil, 0, 0
	one := o.Lines[0]
	o.Lines = nil
	for i := range lines {
		one.ID, one.OrderID, one.Title = 7_000_000_000_000+shop.ID(i), o.ID, fmt.Sprint("Line ", i)
		o.Lines = append(o.Lines, one)
		o.LineQuantity += one.Quantity
	}
	return o
}

// spoilt writes a file in which the lines of some orders are of many megabytes,
// the first of 70 and the others of 40, and returns their numbers.
func spoilt(t *testing.T, name string, file []byte, victims []shop.ID) []int {
	t.Helper()
	out, err := os.Create(name)
	must(t, err)
	defer out.Close()
	w := bufio.NewWriter(out)
	numbers, number := make([]int, len(victims)), 0
	filler := bytes.Repeat([]byte("a"), 1<<20)
	for line := range bytes.Lines(file) {
		number++
		i := slices.IndexFunc(victims, func(id shop.ID) bool {
			return bytes.HasPrefix(line, []byte(`{"__typename":"Order","id":"`+strings.ReplaceAll(id.GID("Order"), "/", `\/`)+`"`))
		})
		if i < 0 {
			w.Write(line) //nolint:errcheck // Flush says so
			continue
		}
		numbers[i] = number
		head, _, _ := bytes.Cut(line, []byte(`"name":`))
		w.Write(head)             //nolint:errcheck // Flush says so
		w.WriteString(`"name":"`) //nolint:errcheck // Flush says so
		for range 40 + 30*btoi(i == 0) {
			w.Write(filler) //nolint:errcheck // Flush says so
		}
		w.WriteString("\x00\"}\n") //nolint:errcheck // Flush says so
	}
	must(t, w.Flush())
	if slices.Contains(numbers, 0) {
		t.Fatalf("not all orders are in the file: %v", numbers)
	}
	return numbers
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// heapGrowth returns by how much the heap grew at most while fn ran.
func heapGrowth(fn func()) (most uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	heap := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	base := heap()
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		every := time.NewTicker(2 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-done:
				return
			case <-every.C:
				if now := heap(); now > base {
					most = max(most, now-base)
				}
			}
		}
	}()
	fn()
	close(done)
	<-watched
	return most
}
