package shops_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

// ten rows, with one of everything that the mapping tells apart
const tenRows = header +
	"1001,A,WHITE HEART T-LIGHT,6,2011-06-01 09:00:00,2.55,17850.0,United Kingdom\n" +
	"1001,A,WHITE HEART T-LIGHT,6,2011-06-01 09:00:00,2.55,17850.0,United Kingdom\n" +
	"1001,B,,3,2011-06-01 08:59:00,0.001,17850.0,United Kingdom\n" +
	"1002,A,RED HEART,2,2011-06-03 12:00:00,2.55,17850.0,EIRE\n" +
	"C1003,A,RED HEART,-5,2011-06-04 10:00:00,2.00,17850.0,EIRE\n" + // 2 of 1002, 3 are a rest
	"C1004,A,RED HEART,-4,2011-06-05 10:00:00,2.55,17850.0,United Kingdom\n" + // 4 of 1001
	"C1005,B,,-1,2011-05-01 10:00:00,1,17850.0,United Kingdom\n" + // bought later
	"C1006,A,,-1,2011-06-06 10:00:00,1,,United Kingdom\n" + // nobody's
	"1007,A,damaged,-7,2011-06-07 10:00:00,0,,United Kingdom\n" +
	"1008,A,x,one,2011-06-07 10:00:00,0,,United Kingdom\n"

func TestRetailRowsBecomeOrders(t *testing.T) {
	t.Parallel()
	r, err := shops.FromOnlineRetail(strings.NewReader(tenRows), shops.RetailOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var orders []*shopify.Order
	for o := range r.Orders(r.Until()) {
		o, _ = r.Order(o.ID, r.Until())
		orders = append(orders, o)
	}
	if len(orders) != 2 {
		t.Fatalf("%d orders, want 2", len(orders))
	}
	a, b := orders[0], orders[1]
	if a.Name != "#1001" || len(a.Lines) != 3 || !a.CreatedAt.Equal(time.Date(2011, 6, 1, 7, 59, 0, 0, time.UTC)) || a.Country != "GB" || b.Country != "IE" {
		t.Errorf("order 1001 is %+v", a)
	}
	if a.Subtotal.String() != "30.603" || a.Refunded.String() != "10.20" || a.Lines[1].CurrentQuantity != 2 || !a.UpdatedAt.Equal(time.Date(2011, 6, 5, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("order 1001: subtotal %s, refunded %s, %+v", a.Subtotal, a.Refunded, a.Lines)
	}
	if len(b.Refunds) != 2 || b.Refunds[0].Total.String() != "4.00" || len(b.Refunds[1].Lines) != 0 || b.Refunds[1].Total.String() != "6.00" || b.Refunded.String() != "10.00" {
		t.Errorf("refunds of 1002 are %+v", b.Refunds)
	}
	for o := range r.Orders(b.CreatedAt) {
		if len(o.Refunds) > 0 || o.UpdatedAt.After(b.CreatedAt) {
			t.Errorf("a refund of %s was told before it was made", o.Name)
		}
	}
	product, _ := r.Product(a.Lines[0].ProductID, r.Until())
	if product.Title != "RED HEART" || strings.Join(product.Tags, "|") != "RED|HEART" {
		t.Errorf("product A is %+v", product)
	}

	l := r.Ledger()
	if l.Read.Rows != 10 || l.Lines.Rows != 4 || l.RefundLines != (shops.Tally{Rows: 2, Units: -6, Money: -142_000}) ||
		l.Rests != (shops.Tally{Rows: 1, Units: -3, Money: -60_000}) || l.Unmapped.Rows != 4 || len(l.UnmappedRows) != 4 {
		t.Errorf("ledger is %+v", l)
	}
	reconcile(t, l)
}

// reconcile holds a ledger against itself.
func reconcile(t *testing.T, l shops.Ledger) {
	t.Helper()
	rows := l.Lines.Rows + l.RefundLines.Rows + l.Unmapped.Rows
	units := l.Lines.Units + l.RefundLines.Units + l.Rests.Units + l.Unmapped.Units
	money := l.Lines.Money + l.RefundLines.Money + l.Rests.Money + l.Unmapped.Money
	if rows != l.Read.Rows || units != l.Read.Units || money != l.Read.Money {
		t.Errorf("parts: %d rows, %d units, %s; read: %+v", rows, units, money, l.Read)
	}
}

func TestRetailReadsGzip(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(tenRows))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := shops.FromOnlineRetail(&b, shops.RetailOptions{})
	if err != nil || r.Ledger().Read.Rows != 10 {
		t.Errorf("%v", err)
	}
	if _, err := shops.FromOnlineRetail(strings.NewReader("InvoiceNo,Quantity\n"), shops.RetailOptions{}); err == nil {
		t.Error("a file without the columns is accepted")
	}
}

// TestOnlineRetail reads the whole data set and holds it against its published
// check values.
func TestOnlineRetail(t *testing.T) {
	t.Parallel()
	const file = "../../../shared/data/online-retail/online-retail.csv.gz"
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		t.Skip("the data set Online Retail is not at ../shared/data/online-retail")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := shops.FromOnlineRetail(f, shops.RetailOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l := r.Ledger()
	reconcile(t, l)
	if l.Read.Rows != 541_909 || l.Read.Units != 5_176_450 || l.Read.Money.String() != "9747747.934" {
		t.Errorf("read %+v (%s)", l.Read, l.Read.Money)
	}
	var lines, units, refundLines, refundedUnits int
	var subtotal, refundedLines, refunded shop.Amount
	for o := range r.Orders(r.Until()) {
		lines += len(o.Lines)
		units += o.LineQuantity
		subtotal += o.Subtotal
		refunded += o.Refunded
		for _, f := range o.Refunds {
			for _, rl := range f.Lines {
				refundLines++
				refundedUnits += rl.Quantity
				refundedLines += rl.Subtotal
			}
		}
		for _, line := range o.Lines {
			if line.CurrentQuantity < 0 {
				t.Errorf("line %s has more refunded than sold", line.ID)
			}
		}
	}
	if lines != l.Lines.Rows || int64(units) != l.Lines.Units || subtotal != l.Lines.Money {
		t.Errorf("the shop has %d lines, %d units, %s; the ledger %+v", lines, units, subtotal, l.Lines)
	}
	if refundLines != l.RefundLines.Rows || int64(-refundedUnits) != l.RefundLines.Units || -refundedLines != l.RefundLines.Money ||
		-refunded != l.RefundLines.Money+l.Rests.Money {
		t.Errorf("the shop has %d refund lines, %d units, %s of %s; the ledger %+v, %+v", refundLines, refundedUnits, refundedLines, refunded, l.RefundLines, l.Rests)
	}
	products := 0
	for range r.Products(r.Until()) {
		products++
	}
	if products != 4070 {
		t.Errorf("%d products, want one for each of 4,070 stock codes", products)
	}
	t.Logf("lines %+v, refund lines %+v, rests %+v, unmapped %+v", l.Lines, l.RefundLines, l.Rests, l.Unmapped)
}
