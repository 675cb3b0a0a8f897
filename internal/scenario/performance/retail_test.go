package performance_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// retailCSV is the UCI data set "Online Retail" (doi 10.24432/C5BW33, CC BY
// 4.0), which is not part of the repository.
const retailCSV = "../../../../shared/data/online-retail/online-retail.csv.gz"

// TestARealShopsMetricsAreThoseOfItsFile compares, for all articles of which
// the file has sales and nothing else, every number with the file's own rows.
func TestARealShopsMetricsAreThoseOfItsFile(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("541,909 rows take too long for -short")
	}
	f, err := os.Open(retailCSV)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the data set is not there: put online-retail.csv.gz into ../shared/data/online-retail, beside the repository")
	}
	must(t, err)
	retail, err := shops.FromOnlineRetail(f, shops.RetailOptions{})
	must(t, err)
	must(t, f.Close())
	l := newLab(t)
	l.exec(`UPDATE shop SET currency = 'GBP', time_zone = 'Europe/London'`)
	l.load(retail)
	const end shop.Day = "2011-12-09"
	began := time.Now()
	n := l.measure(end, time.Time{})
	t.Logf("%d products were measured in %s", n, time.Since(began).Round(time.Millisecond))

	raw, compared := rawSales(t), 0
	for _, r := range l.list("limit=500&sort=title&asOf=" + string(end)) {
		days, plain := raw[strings.ToLower(r.Handle)]
		if !plain {
			continue
		}
		compared++
		want := days.sum(t, end)
		for w, name := range []string{"first7Days", "first14Days", "last7Days", "last14Days", "last30Days", "total"} {
			if r.Units[name] != want.units[w] || r.NetSales[name].Amount != want.money[w] {
				t.Errorf("%s, %s: %d units, %s; the file has %d, %s", r.Handle, name, r.Units[name], r.NetSales[name].Amount, want.units[w], want.money[w])
			}
		}
		if r.FirstSaleDay != want.first {
			t.Errorf("%s: first sale %s, the file has %s", r.Handle, r.FirstSaleDay, want.first)
		}
	}
	if t.Logf("%d articles were compared", compared); compared < 1000 {
		t.Errorf("only %d articles could be compared", compared)
	}
}

// load stores all products and orders of a shop, with what was refunded of
// their lines.
func (l *lab) load(retail *shops.Retail) {
	l.Helper()
	headers := `INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, currency, taxes_included, subtotal, discount,
		shipping, tax, total, refunded, presentment_currency, presentment_total, tags, is_test, is_edited, refund_count, content_hash, run_id)
		SELECT order_id, 'x', at, at, at, 'GBP', false, 0, 0, 0, 0, 0, 0, 'GBP', 0, '{}', false, false, 0, 0, gen_random_uuid()
		FROM (SELECT unnest($1::bigint[]) AS order_id, unnest($2::timestamptz[]) AS at) o`
	lines := `INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, title, quantity, current_quantity, unit_price, discount,
		refunded_subtotal, included_tax, is_gift_card, content_hash, run_id)
		SELECT id, order_id, 1, product_id, 't', quantity, quantity, price::numeric, 0, refunded::numeric, 0, false, 0, gen_random_uuid()
		FROM (SELECT unnest($1::bigint[]) AS id, unnest($2::bigint[]) AS order_id, unnest($3::bigint[]) AS product_id,
			unnest($4::integer[]) AS quantity, unnest($5::text[]) AS price, unnest($6::text[]) AS refunded) l`
	var ids []int64
	var handles []string
	var at []time.Time
	now := retail.Until().Add(time.Hour)
	for p := range retail.Products(now) {
		ids, handles, at = append(ids, int64(p.ID)), append(handles, p.Handle), append(at, p.CreatedAt)
	}
	l.exec(`INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, published_at, source_updated_at, content_hash, run_id)
		SELECT id, handle, handle, 'v', 't', 'ACTIVE', at, at, at, 0, gen_random_uuid()
		FROM (SELECT unnest($1::bigint[]) AS id, unnest($2::text[]) AS handle, unnest($3::timestamptz[]) AS at) p`, ids, handles, at)
	ids, at = nil, nil
	var line struct {
		id, order, product []int64
		quantity           []int32
		price, refunded    []string
	}
	flush := func() {
		must(l, l.db.InTx(l.Context(), func(ctx context.Context, tx pg.Tx) error {
			if _, err := tx.Exec(ctx, headers, ids, at); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, lines, line.id, line.order, line.product, line.quantity, line.price, line.refunded)
			return err
		}))
		ids, at = nil, nil
		line.id, line.order, line.product, line.quantity, line.price, line.refunded = nil, nil, nil, nil, nil, nil
	}
	for o := range retail.Orders(now) {
		ids, at = append(ids, int64(o.ID)), append(at, o.ProcessedAt)
		refunded := map[shop.ID]shop.Amount{}
		for _, r := range o.Refunds {
			for _, part := range r.Lines {
				refunded[part.LineID] += part.Subtotal
			}
		}
		for i := range o.Lines {
			x := &o.Lines[i]
			line.id, line.order, line.product = append(line.id, int64(x.ID)), append(line.order, int64(o.ID)), append(line.product, int64(x.ProductID))
			line.quantity = append(line.quantity, int32(x.Quantity))
			line.price, line.refunded = append(line.price, x.UnitPrice.String()), append(line.refunded, refunded[x.ID].String())
		}
		if len(line.id) > 40_000 {
			flush()
		}
	}
	flush()
}

// rawDays are an article's sales by day, as the file's rows have them.
type rawDays map[string]struct {
	units int64
	money shop.Amount
}

// rawSales adds up the file's rows by article and day, of the articles whose
// rows are all sales: no cancellation, nothing free, nothing less than one, and
// one spelling, for the shop has an article for each.
func rawSales(t testing.TB) map[string]rawDays {
	t.Helper()
	f, err := os.Open(retailCSV)
	must(t, err)
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	must(t, err)
	in := csv.NewReader(unzipped)
	in.ReuseRecord = true
	_, err = in.Read() // names of columns
	must(t, err)
	all, other, spelled := map[string]rawDays{}, map[string]bool{}, map[string]string{}
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		must(t, err)
		code := strings.ToLower(row[1])
		quantity, err := strconv.ParseInt(row[3], 10, 64)
		must(t, err)
		price, err := shop.ParseAmount(row[5])
		if must(t, err); quantity <= 0 || price <= 0 || row[0][0] < '0' || row[0][0] > '9' || spelled[code] != "" && spelled[code] != row[1] {
			other[code] = true
		}
		spelled[code] = strings.Clone(row[1])
		if all[code] == nil {
			all[code] = rawDays{}
		}
		d := all[code][row[4][:10]]
		d.units, d.money = d.units+quantity, d.money+price*shop.Amount(quantity)
		all[code][row[4][:10]] = d
	}
	for code := range other {
		delete(all, code)
	}
	return all
}

// rawSums are what the file says of an article, by window.
type rawSums struct {
	first string
	units [6]int64
	money [6]shop.Amount
}

func (days rawDays) sum(t testing.TB, end shop.Day) (s rawSums) {
	t.Helper()
	last, err := time.Parse(time.DateOnly, string(end))
	must(t, err)
	s.first = "9999-12-31"
	for d := range days {
		s.first = min(s.first, d)
	}
	first, err := time.Parse(time.DateOnly, s.first)
	must(t, err)
	before := func(from time.Time, n int) string { return from.AddDate(0, 0, n).Format(time.DateOnly) }
	for d, sold := range days {
		for w, in := range [6]bool{
			d < before(first, 7), d < before(first, 14), d > before(last, -7), d > before(last, -14), d > before(last, -30), true,
		} {
			if in {
				s.units[w] += sold.units
				s.money[w] += sold.money
			}
		}
	}
	return s
}
