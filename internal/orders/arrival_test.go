package orders_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/orders"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// TestTheNewestVersionWinsInAllOrdersOfArrival: three versions of an order come
// one after the other, each by a file, whole by id, or by a file that is replayed.
func TestTheNewestVersionWinsInAllOrdersOfArrival(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	replayer := *s
	replayer.Writer = orders.NewReplayer(uuid.New(), kathmandu)
	ways := []func(...shop.Order){
		func(list ...shop.Order) { s.file(list...) }, func(list ...shop.Order) { s.whole(list...) },
		func(list ...shop.Order) { replayer.file(list...) },
	}
	sequences := [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	routes := len(ways) * len(ways) * len(ways)
	for arrival, divisor := range []int{1, len(ways), len(ways) * len(ways)} {
		s.inTx(orders.Forget) // another run
		come := make([][]shop.Order, len(ways))
		for n, sequence := range sequences {
			for route := range routes { // an order for each
				way := route / divisor % len(ways)
				come[way] = append(come[way], order(shop.ID(n*routes+route+1), sequence[arrival]))
			}
		}
		for way, list := range come {
			ways[way](list...)
		}
	}
	all := len(sequences) * routes
	if n := s.number("SELECT count(*) FROM order_header WHERE source_updated_at = '" + monday.Add(2*time.Hour).Format(time.RFC3339) + "'"); n != all {
		t.Errorf("%d orders of %d are of the newest version", n, all)
	}
	if n := s.number("SELECT count(*) FROM (SELECT FROM order_line_item GROUP BY order_id HAVING count(*) = 2 AND sum(quantity) = 5) o"); n != all {
		t.Errorf("%d orders of %d have the lines of the newest version", n, all)
	}
	proof.Note(t, proof.Story{Family: 6, Name: "versions of orders in all orders of arrival", Faults: 2 * all, Runs: 3})
}

// TestAReplayLosesToWhatWasReadLater where times are equal, and to a deletion.
func TestAReplayLosesToWhatWasReadLater(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	late := order(1, 0)
	late.Hash, late.LineQuantity, late.Lines[1].Quantity, late.Lines[1].Hash = 9, 8, 7, 9
	s.file(late, order(2, 0), order(3, 0))
	s.delete(nil, 2)
	before := s.heard()
	s.inTx(orders.Forget)
	s.Writer = orders.NewReplayer(uuid.New(), kathmandu)
	written, orphans := s.file(order(1, 0), order(2, 0), order(3, 0))
	if written != 0 || len(orphans) != 0 || s.heard() != 0 || before == 0 {
		t.Errorf("%d rows were written, %d lines are orphans", written, len(orphans))
	}
	if n := s.number("SELECT count(*) FROM ingest_root WHERE outcome = 'superseded'"); n != 2 {
		t.Errorf("%d orders lost to what is stored", n)
	}
}
