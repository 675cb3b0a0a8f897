package performance_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api/apitest"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/scenario/performance"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// asOf is the day as of which most tests measure.
const asOf shop.Day = "2026-06-30"

// lab serves the metrics of a database of its own.
type lab struct {
	testing.TB
	db      *pg.DB
	service *performance.Service
	door    apitest.Door
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return newLabOf(t)
}

func newLabOf(t testing.TB) *lab {
	t.Helper()
	db := pgtest.DB(t)
	l := &lab{TB: t, db: db, service: performance.New(db)}
	declared := l.service.Scenario()
	l.door = apitest.Open(t, db, declared.Endpoints, declared.Undoers...)
	l.exec(`INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', 'America/New_York')`)
	return l
}

func (l *lab) exec(sql string, args ...any) {
	l.Helper()
	_, err := l.db.Exec(l.Context(), sql, args...)
	must(l, err)
}

// measure has all products measured as a sync does, and returns how many
// metrics that wrote.
func (l *lab) measure(day shop.Day, history time.Time) (written int64) {
	l.Helper()
	run := uuid.New()
	for after := shop.ID(0); ; {
		must(l, l.db.InTx(l.Context(), func(ctx context.Context, tx pg.Tx) error {
			last, n, err := l.service.Refresh(ctx, tx, run, day, history, after)
			after, written = last, written+n
			return err
		}))
		if after == 0 {
			return written
		}
	}
}

// product adds an active product, published long ago.
func (l *lab) product(id int, title string) {
	l.Helper()
	l.exec(`INSERT INTO product (product_id, title, handle, vendor, product_type, product_line, status, created_at, published_at,
		source_updated_at, content_hash, run_id) VALUES ($1, $2, 'p' || $1::bigint, 'v', 't', 'IPH', 'ACTIVE', '2025-01-01', '2025-01-02', '2026-01-01', 0, gen_random_uuid())`, id, title)
}

// sell adds an order of one line.
func (l *lab) sell(order, product, quantity int, price string, at string) {
	l.Helper()
	l.exec(`INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, currency, taxes_included, subtotal, discount,
		shipping, tax, total, refunded, presentment_currency, presentment_total, tags, is_test, is_edited, refund_count, content_hash, run_id)
		VALUES ($1, '#' || $1::bigint, $2, $2, $2, 'USD', false, 0, 0, 0, 0, 0, 0, 'USD', 0, '{}', false, false, 0, 0, gen_random_uuid())`, order, at)
	l.exec(`INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, title, quantity, current_quantity, unit_price, discount,
		included_tax, is_gift_card, content_hash, run_id) VALUES ($1, $1, 1, $2, 't', $3, $3, $4::text::numeric, 0, 0, false, 0, gen_random_uuid())`, order, product, quantity, price)
}

// answer is what a request is answered.
type answer struct{ apitest.Answer }

// into reads the data of an answer that is expected to have this status.
func (a answer) into(status int, v any) {
	a.Want(status)
	if v != nil {
		a.JSON(&struct {
			Data any `json:"data"`
		}{v})
	}
}

func (l *lab) send(method, path, ifMatch, body string) answer {
	l.Helper()
	var headers []string
	if ifMatch != "" {
		headers = append(headers, "If-Match: "+ifMatch)
	}
	return answer{l.door.Send(method, path, body, headers...)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// row is what tests read of an entry of the list.
type row struct {
	ProductID    string
	Title        string
	Handle       string
	AsOf         string
	Tier         string
	Flags        []string
	Trend        string
	FirstSaleDay string
	Units        map[string]int64
	NetSales     map[string]shop.Money
	IsActive     bool
	MetricID     string
	Overridden   []string
	ManualIDs    []string `json:"manualMetricIds"`
	Measured     *struct {
		Units    map[string]int64
		NetSales map[string]shop.Money
	}
}

// list reads all pages of a list.
func (l *lab) list(query string) (all []row) {
	l.Helper()
	for cursor := ""; ; {
		got := l.send(http.MethodGet, "/api/performance-metrics?"+query+cursor, "", "")
		var page struct {
			Data       []row
			Pagination struct{ NextCursor *string }
		}
		got.into(http.StatusOK, nil)
		must(l, json.Unmarshal([]byte(got.Body), &page))
		if all = append(all, page.Data...); page.Pagination.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *page.Pagination.NextCursor
	}
}

// ids are the products of a list, in order.
func (l *lab) ids(query string) string {
	l.Helper()
	var list []string
	for _, r := range l.list(query) {
		list = append(list, r.ProductID)
	}
	return strings.Join(list, " ")
}
