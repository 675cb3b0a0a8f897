package cli

import (
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

// measuredOnce are two products and what they sold, one of them by hand.
const measuredOnce = `
INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', 'America/New_York');
INSERT INTO product (product_id, title, handle, vendor, product_type, product_line, status, created_at, published_at, source_updated_at, content_hash, run_id) VALUES
(1, 'Waves', 'waves', 'v', 't', 'IPH', 'ACTIVE', '2025-01-01', '2025-01-01', '2026-01-01', 0, '01900000-0000-7000-8000-000000000001'),
(2, 'Owl', 'owl', 'v', 't', 'SAM', 'ARCHIVED', '2025-01-01', '2025-01-01', '2026-01-01', 0, '01900000-0000-7000-8000-000000000001');
INSERT INTO performance_day (as_of, run_id, currency, history_since) VALUES ('2026-06-30', '01900000-0000-7000-8000-000000000001', 'USD', '2026-01-01T00:00:00Z');
INSERT INTO performance_metric (metric_id, product_id, as_of, source, units_last_7_days, units_last_14_days, units_last_30_days, units_total,
    net_sales_last_7_days, net_sales_last_14_days, net_sales_last_30_days, net_sales_total, is_active, recorded_by, recorded_at, version) VALUES
('01900000-0000-7000-8000-00000000000a', 1, '2026-06-30', 'sync', 9, 12, 20, 99, 90.5, 120, 200, 990, true, 'run', '2026-07-01', 1),
('01900000-0000-7000-8000-00000000000b', 2, '2026-06-30', 'sync', 0, 0, 0, 5, 0, 0, 0, 50, false, 'run', '2026-07-01', 1);
INSERT INTO performance_metric (metric_id, product_id, as_of, source, units_total, recorded_by, recorded_at, version) VALUES
('01900000-0000-7000-8000-00000000000c', 2, '2026-06-30', 'manual', 7, 'ops@example.com', '2026-07-01', 1)`

func TestMetrics(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, pg.Config{URL: url, MaxConns: 1})
	if _, err := db.Pool().Exec(t.Context(), measuredOnce); err != nil {
		t.Fatal(err)
	}
	environ := []string{"MACRODATA_DATABASE_URL=" + url}
	for name, args := range map[string][]string{
		"metrics":              {"metrics"},
		"metrics-json":         {"metrics", "--tier", "archive_candidate", "--as-of", "2026-06-30", "--json"},
		"metrics-summary":      {"metrics", "summary"},
		"metrics-summary-json": {"metrics", "summary", "--as-of", "2026-06-30", "--json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, run(environ, args...).want(t, done).stdout)
		})
	}
}
