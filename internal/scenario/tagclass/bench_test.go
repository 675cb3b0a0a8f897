package tagclass_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api/apitest"
	"github.com/macrodata-dev/macrodata/internal/scenario/tagclass"
)

// BenchmarkClassify classifies 10,000 tags in one request, and undoes it.
func BenchmarkClassify(b *testing.B) {
	d := open(b)
	d.Exec(`INSERT INTO product_tag (name) SELECT 'Tag number ' || n FROM generate_series(1, 10000) n`)
	var done apitest.Answer
	for b.Loop() {
		done = d.Send(http.MethodPost, bulk, tenThousand())
		if got := apitest.Data[tagclass.Classified](done, http.StatusOK); got.Classified != tagclass.MaxMappings {
			b.Fatalf("%+v", got.Counts)
		}
		b.StopTimer()
		done.Undo().Want(http.StatusOK)
		b.StartTimer()
	}
}

// tenThousand are as many mappings as a request may have.
func tenThousand() string {
	var body strings.Builder
	body.WriteString(`{"mappings":[`)
	for n := range tagclass.MaxMappings {
		fmt.Fprintf(&body, `{"tag":"TAG number %d","category":"design"},`, n+1)
	}
	return strings.TrimSuffix(body.String(), ",") + `]}`
}

// BenchmarkUnclassified lists tags of 5,000 products with 530,000 order lines of
// which the planner knows nothing.
func BenchmarkUnclassified(b *testing.B) {
	d := open(b)
	d.Exec(`ALTER TABLE order_line_item SET (autovacuum_enabled = false)`)
	d.Exec(`ALTER TABLE order_header SET (autovacuum_enabled = false)`)
	d.Exec(aShop)
	d.Exec(`INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id)
		SELECT n, 'p', 'p' || n, '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid() FROM generate_series(100, 5099) n`)
	d.Exec(`INSERT INTO product_tag (tag_id, name) OVERRIDING SYSTEM VALUE SELECT n + 100, 'Tag ' || n FROM generate_series(1, 2000) n`)
	d.Exec(`INSERT INTO link_product_product_tag SELECT p, t.tag_id FROM generate_series(100, 5099) p
		JOIN product_tag t ON t.name IN ('Tag ' || p % 2000, 'Tag ' || p % 1999, 'Tag ' || p % 1997)`)
	for chunk := range 5 {
		d.Exec(`INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, currency, taxes_included, subtotal, discount,
				shipping, tax, total, refunded, presentment_currency, presentment_total, tags, is_test, is_edited, refund_count, content_hash, run_id)
			SELECT n, '#' || n, now(), now(), now(), 'USD', false, 0, 0, 0, 0, 0, 0, 'USD', 0, '{}', false, false, 0, 0, gen_random_uuid()
			FROM generate_series($1::integer * 53000 + 100, $1 * 53000 + 53099) n`, chunk)
		for line := range 2 {
			d.Exec(`INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, title, quantity, current_quantity, unit_price, discount,
					included_tax, is_gift_card, content_hash, run_id)
				SELECT n * 2 + $2, n, $2 + 1, 100 + (n * 7 + $2 * 13) % 5000, '', 1, 1, 10, 0, 0, false, 0, gen_random_uuid()
				FROM generate_series($1::integer * 53000 + 100, $1 * 53000 + 53099) n`, chunk, line)
		}
	}
	for b.Loop() {
		d.Send(http.MethodGet, unclassified, "").Want(http.StatusOK)
	}
}
