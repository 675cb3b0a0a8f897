package shopify

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	sandbox "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// TestOrdersAreWhole has an order of more lines than any page, and a refund of
// most of them.
func TestOrdersAreWhole(t *testing.T) {
	t.Parallel()
	s := &shelf{orders: []sandbox.Order{order(1, 3, 1), order(2, 120, 70), order(3, 1, 0), order(4, 60, 60)}}
	_, c := simulator(t, s, nil)
	found, err := c.Orders(t.Context(), []shop.ID{4, 9, 2, 1})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found.Missing, []shop.ID{9}) || len(found.Rejected) != 0 || len(found.Items) != 3 {
		t.Fatalf("%d orders, missing %v, rejected %v", len(found.Items), found.Missing, found.Rejected)
	}
	for i, id := range []shop.ID{4, 2, 1} {
		got, want := found.Items[i], s.orders[id-1]
		if got.ID != id || got.Total != want.Total || got.Email != want.Email || !got.UpdatedAt.Equal(want.UpdatedAt) {
			t.Errorf("order %d is %+v, want %+v", id, got, want.Order)
		}
		if got.RefundCount != 1 {
			t.Fatalf("order %d has %d refunds, want one", id, got.RefundCount)
		}
		lineID := func(l shop.Line) shop.ID { return l.ID }
		checkIDs(t, got.Lines, lineID, want.Lines, func(l sandbox.Line) shop.ID { return l.ID })
		refunded := func(l shop.RefundLine) shop.ID { return l.LineID }
		checkIDs(t, got.Refunds[0].Lines, refunded, want.Refunds[0].Lines, refunded)
	}
}

func checkIDs[G, W any](t *testing.T, got []G, gotID func(G) shop.ID, want []W, wantID func(W) shop.ID) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d entries, want %d", len(got), len(want))
		return
	}
	for i := range got {
		if gotID(got[i]) != wantID(want[i]) {
			t.Errorf("entry %d is %d, want %d", i, gotID(got[i]), wantID(want[i]))
		}
	}
}

func TestRefundsComeWithAllTheirLines(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	var ids []shop.ID
	for id := range shop.ID(150) {
		s.orders = append(s.orders, order(id+1, 20, int(id)%20))
		ids = append(ids, id+1)
	}
	server, c := simulator(t, s, nil)
	found, err := c.Refunds(t.Context(), append(ids, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Items) != 150 || !slices.Equal(found.Missing, []shop.ID{1000}) {
		t.Fatalf("%d orders, missing %v", len(found.Items), found.Missing)
	}
	for i, got := range found.Items {
		want := s.orders[i]
		if got.OrderID != want.ID || !got.UpdatedAt.Equal(want.UpdatedAt) || len(got.Refunds) != len(want.Refunds) {
			t.Fatalf("refunds are %+v, want those of %+v", got, want.Order)
		}
		for j, r := range got.Refunds {
			if r.ID != want.Refunds[j].ID || r.Total != want.Refunds[j].Total || !slices.Equal(r.Lines, want.Refunds[j].Lines) {
				t.Errorf("refund is %+v, want %+v", r, want.Refunds[j])
			}
		}
	}
	if n := server.Stats().Requests["OrderRefunds"]; n > 20 {
		t.Errorf("%d requests for 150 orders, want batches as large as the cost allows", n)
	}
}

func TestProductsByID(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	var ids []shop.ID
	for id := shop.ID(1); id <= 150; id++ {
		s.products = append(s.products, sandbox.Product{Product: shop.Product{
			ID: id, Title: "Case", Handle: "case", Vendor: "Brand", Status: "ACTIVE", Tags: []string{"a", "b"}, CreatedAt: noon, UpdatedAt: noon,
		}})
		ids = append(ids, id)
	}
	server, c := simulator(t, s, nil)
	found, err := c.Products(t.Context(), ids)
	if err != nil || len(found.Items) != 150 || found.Items[149].ID != 150 {
		t.Fatalf("%d products, %v", len(found.Items), err)
	}
	if n := server.Stats().Requests["ProductsByID"]; n != 3 {
		t.Errorf("%d requests, want 3: 5, 100 and 45 ids", n)
	}
}

func TestUnreadableOrderIsRejectedAlone(t *testing.T) {
	t.Parallel()
	s := &shelf{orders: []sandbox.Order{order(1, 1, 0), order(2, 1, 0), order(3, 1, 0)}}
	s.orders[1].Name = "#1002\x00"
	_, c := simulator(t, s, nil)
	found, err := c.Orders(t.Context(), []shop.ID{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Items) != 2 || len(found.Rejected) != 1 || found.Rejected[0].ID != 2 || !strings.Contains(found.Rejected[0].Reason, "name") {
		t.Errorf("%d orders, rejected %v; want the second rejected for its name", len(found.Items), found.Rejected)
	}
}

// priced refuses requests of more than a number of ids, and tells no cost.
type priced struct {
	limit int
	sizes []int
}

func (p *priced) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Variables struct{ IDs []string }
	}
	json.NewDecoder(r.Body).Decode(&req)
	p.sizes = append(p.sizes, len(req.Variables.IDs))
	if len(req.Variables.IDs) > p.limit {
		coded("MAX_COST_EXCEEDED")(w, r)
		return
	}
	io.WriteString(w, `{"data":{"nodes":[`+strings.TrimSuffix(strings.Repeat("null,", len(req.Variables.IDs)), ",")+`]}}`)
}

func TestBatchesShrinkWhereTheyCostTooMuch(t *testing.T) {
	t.Parallel()
	p := &priced{limit: 2}
	c, _ := clientOf(t, p, quick)
	found, err := c.Refunds(t.Context(), []shop.ID{1, 2, 3, 4, 5})
	if err != nil || len(found.Missing) != 5 || !slices.Equal(p.sizes, []int{5, 2, 2, 1}) {
		t.Errorf("%d ids in requests of %v, %v", len(found.Missing), p.sizes, err)
	}
	p.limit = 0
	if _, err := c.Refunds(t.Context(), []shop.ID{1}); errs.Kind(err) != "too_large" {
		t.Errorf("one that is always too costly: %v", err)
	}
}

func TestAnswerForOtherIDsIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"too few":    `{"data":{"nodes":[null]}}`,
		"another id": `{"data":{"nodes":[{"id":"gid://shopify/Order/5","updatedAt":"2026-11-22T00:00:00Z","refunds":[]},null]}}`,
	} {
		c, _ := clientOf(t, text(200, body), quick)
		if _, err := c.Refunds(t.Context(), []shop.ID{1, 2}); errs.Kind(err) != "corrupt" {
			t.Errorf("%s: error is %v, want a corrupt", name, err)
		}
	}
}

func TestDocumentsOfScopes(t *testing.T) {
	t.Parallel()
	documents, err := loadDocuments()
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(maps.Keys(scopedFields(documents))); !slices.Equal(got, []string{"read_customers"}) {
		t.Errorf("documents have fields of %v; Preflight and operators know read_customers only", got)
	}
}
