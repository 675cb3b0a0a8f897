package orders_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestStatementsNoteTheHoursThatTheyTouch(t *testing.T) {
	t.Parallel()
	look := pgtest.DB(t).Pool()
	for _, c := range []struct{ name, sql, want string }{
		{"an order that comes in", `INSERT INTO order_header SELECT (r).* FROM (SELECT jsonb_populate_record(h,
			'{"order_id": 9, "processed_at": "2025-01-09 10:59:59+05:45"}') AS r FROM order_header h WHERE order_id = 1) s`, "09T05"},
		{"a cancelled order that comes in", `INSERT INTO order_header SELECT (r).* FROM (SELECT jsonb_populate_record(h,
			'{"order_id": 9, "cancelled_at": "2025-01-09"}') AS r FROM order_header h WHERE order_id = 1) s`, ""},
		{"an order that is stored again with other data", `INSERT INTO order_header SELECT * FROM order_header WHERE order_id = 1
			ON CONFLICT (order_id) DO UPDATE SET processed_at = '2025-01-07 00:00Z'`, "01T10 07T00"},
		{"several orders at once", `UPDATE order_header SET processed_at = processed_at + interval '1 hour' WHERE order_id < 3`, "01T10 01T11 02T10 02T11"},
		{"a change that doesn't count", `UPDATE order_header SET name = '', tags = '{x}', refunds_read_at = now(), closed_at = now()`, ""},
		{"a cancelled order", `UPDATE order_header SET cancelled_at = now() WHERE order_id = 1`, "01T10"},
		{"a cancelled order whose cancellation moves", `UPDATE order_header SET cancelled_at = now() WHERE order_id = 3`, ""},
		{"an order that becomes a test", `UPDATE order_header SET is_test = true WHERE order_id = 1`, "01T10 03T10 04T10"},
		{"an order that is marked as deleted", `UPDATE order_header SET deleted_at = now() WHERE order_id = 1`, "01T10 03T10 04T10"},
		{"an order that gets another id", `UPDATE order_header SET order_id = 7 WHERE order_id = 1`, "01T10 03T10 04T10"},
		{"an order whose row is deleted", `DELETE FROM order_header WHERE order_id = 1`, "01T10"},
		{"a fulfillment that comes in", `INSERT INTO order_fulfillment (fulfillment_id, order_id, status, created_at, updated_at, run_id)
			VALUES (9, 1, 'OPEN', '2025-01-09 23:59:59.999Z', now(), gen_random_uuid())`, "09T23"},
		{"a fulfillment with another status", `UPDATE order_fulfillment SET status = 'OPEN' WHERE fulfillment_id = 1`, "03T10"},
		{"a fulfillment at another time", `UPDATE order_fulfillment SET created_at = '2025-01-08Z' WHERE fulfillment_id = 1`, "03T10 08T00"},
		{"a fulfillment of another order", `UPDATE order_fulfillment SET order_id = 2 WHERE fulfillment_id = 1`, "03T10"},
		{"a fulfillment that was delivered", `UPDATE order_fulfillment SET delivered_at = now(), display_status = 'DELIVERED'`, ""},
		{"a fulfillment that is gone", `DELETE FROM order_fulfillment WHERE fulfillment_id = 2`, "04T10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx, err := look.Begin(t.Context())
			must(t, err)
			defer tx.Rollback(t.Context()) //nolint:errcheck // there is nothing to keep
			_, err = tx.Exec(t.Context(), "SET LOCAL TimeZone = 'Asia/Kathmandu'")
			must(t, err)
			fill(t, tx)
			_, err = tx.Exec(t.Context(), c.sql)
			must(t, err)
			var got string
			must(t, tx.QueryRow(t.Context(), `SELECT coalesce(string_agg(to_char(hour AT TIME ZONE 'UTC', 'DD"T"HH24'), ' ' ORDER BY hour), '')
				FROM summary_hour`).Scan(&got))
			if got != c.want {
				t.Errorf("noted %q, want %q", got, c.want)
			}
		})
	}
}

// fill stores orders 1 to 3 of the first days of 2025, the last one cancelled,
// and two fulfillments of order 1, all at 10:00, with no hour noted.
func fill(t *testing.T, tx pgx.Tx) {
	t.Helper()
	for n := 1; n <= 3; n++ {
		_, err := tx.Exec(t.Context(), `INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, cancelled_at, currency,
			taxes_included, subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total, tags, is_test, is_edited,
			refund_count, content_hash, run_id)
			VALUES ($1::int, '', $2::timestamptz, $2, $2, CASE WHEN $1 = 3 THEN $2 END, 'USD', false, 0, 0, 0, 0, 0, 0, 'USD', 0, '{}', false, false, 0, 0, gen_random_uuid())`,
			n, time.Date(2025, 1, n, 10, 0, 0, 0, time.UTC))
		must(t, err)
	}
	for n := 1; n <= 2; n++ {
		_, err := tx.Exec(t.Context(), `INSERT INTO order_fulfillment (fulfillment_id, order_id, status, created_at, updated_at, run_id)
			VALUES ($1, 1, 'SUCCESS', $2, $2, gen_random_uuid())`, n, time.Date(2025, 1, n+2, 10, 0, 0, 0, time.UTC))
		must(t, err)
	}
	_, err := tx.Exec(t.Context(), "DELETE FROM summary_hour")
	must(t, err)
}
