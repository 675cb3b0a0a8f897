package cli

import (
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

// orderedOnce is a shop with two orders, of which one was sent.
const orderedOnce = `
INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', 'America/New_York');
INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, cancelled_at, financial_status, fulfillment_status, currency, taxes_included,
    subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total, email, tags, is_test, is_edited, refund_count, content_hash, run_id) VALUES
(5123, '#1001', '2026-06-01T03:00:00Z', '2026-06-01T03:00:00Z', '2026-06-01T03:00:00Z', NULL, 'PAID', 'FULFILLED', 'USD', false,
    20, 0, 5, 1, 26, 0, 'USD', 26, 'ann@example.com', '{vip}', false, false, 0, 0, '01900000-0000-7000-8000-000000000001'),
(5124, '#1002', '2026-06-01T05:00:00Z', '2026-06-01T05:00:00Z', '2026-06-01T05:00:00Z', '2026-06-02T00:00:00Z', 'VOIDED', NULL, 'USD', false,
    20, 0, 5, 1, 26, 0, 'USD', 26, NULL, '{}', false, false, 0, 0, '01900000-0000-7000-8000-000000000001');
INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, title, quantity, current_quantity, unit_price, discount, included_tax, is_gift_card, content_hash, run_id) VALUES
(1, 5123, 1, 7, 'Waves', 2, 2, 10, 0, 0, false, 0, '01900000-0000-7000-8000-000000000001');
INSERT INTO order_fulfillment (fulfillment_id, order_id, status, created_at, updated_at, run_id) VALUES
(1, 5123, 'SUCCESS', '2026-06-02T03:00:00Z', '2026-06-02T03:00:00Z', '01900000-0000-7000-8000-000000000001');
INSERT INTO fulfillment_daily_summary VALUES
('2026-05-31', 1, 0, 0, 0, 0, 0, '01900000-0000-7000-8000-000000000001'), ('2026-06-01', 0, 1, 1, 0, 0, 0, '01900000-0000-7000-8000-000000000001');
DELETE FROM summary_hour;`

func environOf(t *testing.T, sql string) []string {
	t.Helper()
	url := pgtest.URL(t)
	db := pgtest.Open(t, pg.Config{URL: url, MaxConns: 1})
	if _, err := db.Pool().Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	return []string{"MACRODATA_DATABASE_URL=" + url}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	environ := environOf(t, orderedOnce)
	golden(t, "orders-lookup", run(environ, "orders", "lookup", "1001", "ann@EXAMPLE.com", "#100", "5124", "nonsense").want(t, done).stdout)
	golden(t, "orders-lookup-json", run(environ, "orders", "lookup", "#1001", "--json").want(t, done).stdout)
	run(environ, "orders", "lookup").want(t, misuse)
	run(environ, "orders", "lookup", " ").want(t, misuse)
}

func TestFulfillment(t *testing.T) {
	t.Parallel()
	environ := environOf(t, orderedOnce)
	golden(t, "fulfillment", run(environ, "fulfillment", "--from", "2026-05-30", "--to", "2026-06-01").want(t, done).stdout)
	golden(t, "fulfillment-json", run(environ, "fulfillment", "--from", "2026-06-01", "--to", "2026-06-01", "--json").want(t, done).stdout)
	run(environ, "fulfillment", "--from", "yesterday").want(t, misuse)
	run(environ, "fulfillment", "--from", "2026-06-02", "--to", "2026-06-01").want(t, misuse)
}
