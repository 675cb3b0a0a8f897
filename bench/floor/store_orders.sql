-- Stores :orders orders of a year and a half with three lines each, for those
-- who read them. Nothing of it is measured; no trigger has to note what changed,
-- for the days are counted at the end.
SET synchronous_commit = off;
ALTER TABLE order_header DISABLE TRIGGER USER;
ALTER TABLE order_fulfillment DISABLE TRIGGER USER;

INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'bench.myshopify.com', 'Bench', 'USD', 'America/New_York');

INSERT INTO product (product_id, title, handle, vendor, product_type, product_line, status, image_url, created_at, source_updated_at, content_hash, run_id)
SELECT 8000000000000 + n * 32768, 'Luna Moth Print No. ' || n, 'luna-moth-print-' || n, 'Bench', 'Print', 'IPH', 'ACTIVE',
    'https://cdn.shopify.com/s/files/1/0001/luna-moth-' || n || '.jpg', '2024-01-01', '2024-01-01', n, '0198c0de-0000-7000-8000-000000000001'
FROM generate_series(0::bigint, greatest(100, :orders / 20) - 1) n;

INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, financial_status, fulfillment_status, currency, taxes_included,
    subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total, customer_id, email, shipping_country, source_name, tags,
    is_test, is_edited, refund_count, refunds_read_at, content_hash, run_id)
SELECT 6000000000000 + n * 32768, '#' || 1001 + n, t.at, t.at, t.at + interval '3 days', 'PAID', 'FULFILLED', 'USD', false,
    75, 7.5, 5, 4.13, 76.63, 0, 'USD', 76.63, 7000000000000 + n / 2, 'customer' || n / 2 || '@example.com', 'US', 'web', '{}',
    false, false, CASE WHEN n % 12 = 0 THEN 1 ELSE 0 END, t.at + interval '4 days', n, '0198c0de-0000-7000-8000-000000000001'
FROM generate_series(0::bigint, :orders - 1) n
CROSS JOIN LATERAL (SELECT timestamptz '2025-05-01' + n * (interval '548 days' / :orders) AS at) t;

INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, variant_id, sku, title, variant_title, vendor, quantity, current_quantity,
    unit_price, discount, included_tax, is_gift_card, content_hash, run_id)
SELECT 13000000000000 + (n * 3 + l) * 32768, 6000000000000 + n * 32768, l + 1, 8000000000000 + p.no * 32768, 45000000000000 + p.no * 32768,
    'SKU-' || p.no, 'Luna Moth Print No. ' || p.no, 'A4', 'Bench', 1, 1, 25, 2.5, 0, false, n, '0198c0de-0000-7000-8000-000000000001'
FROM generate_series(0::bigint, :orders - 1) n, generate_series(0, 2) l
CROSS JOIN LATERAL (SELECT (n * 7919 + l * 104729) % greatest(100, :orders / 20) AS no) p;

INSERT INTO order_fulfillment (fulfillment_id, order_id, status, display_status, created_at, updated_at, tracking_company, tracking_number, run_id)
SELECT 4000000000000 + n * 32768, h.order_id, CASE WHEN n % 50 = 0 THEN 'FAILURE' ELSE 'SUCCESS' END, 'DELIVERED',
    h.processed_at + (6 + n % 90) * interval '1 hour', h.processed_at + interval '5 days', 'USPS', '9400' || n, h.run_id
FROM generate_series(0::bigint, :orders - 1) n
JOIN order_header h ON h.order_id = 6000000000000 + n * 32768;

INSERT INTO order_refund_line (refund_id, line_item_id, order_id, quantity, subtotal, tax, created_at, run_id)
SELECT 9000000000000 + n, 13000000000000 + n * 3 * 32768, 6000000000000 + n * 32768, 1, 22.5, 0, '2026-10-01', '0198c0de-0000-7000-8000-000000000001'
FROM generate_series(0::bigint, :orders - 1, 12) n;

INSERT INTO fulfillment_daily_summary (day, orders, fulfillments, succeeded, failed, cancelled, open, run_id)
SELECT (processed_at AT TIME ZONE 'America/New_York')::date, count(*), count(*), count(*), 0, 0, 0, '0198c0de-0000-7000-8000-000000000001'
FROM order_header GROUP BY 1;

ALTER TABLE order_header ENABLE TRIGGER USER;
ALTER TABLE order_fulfillment ENABLE TRIGGER USER;

-- Otherwise the server would do this while it is measured.
VACUUM ANALYZE;
CHECKPOINT;
