-- What products sold, as many as are put in here, as a sync of today measures it:
-- few sold much, most sold little or nothing.
CREATE TEMP TABLE day AS SELECT (now() AT TIME ZONE 'America/New_York')::date AS today;
INSERT INTO shop (shop_id, domain, name, currency, time_zone)
VALUES (1, 'bench.myshopify.com', 'Bench', 'USD', 'America/New_York');

INSERT INTO product (product_id, title, handle, vendor, product_type, product_line, status, created_at, published_at, source_updated_at, content_hash, run_id)
SELECT 8000000000000 + n * 32768, (ARRAY['Midnight Bloom', 'Wild Fern', 'Neon Moth', 'Quiet Waves'])[1 + n %% 4] || ' ' || n, 'product-' || n, 'Bench', 'Case',
    CASE n %% 3 WHEN 0 THEN 'IPH' ELSE 'NOLINE' END, CASE WHEN n %% 50 = 0 THEN 'ARCHIVED' ELSE 'ACTIVE' END,
    now() - n %% 700 * interval '1 day', now() - n %% 700 * interval '1 day', '2026-01-01', n, '0198c0de-0000-7000-8000-000000000001'
FROM generate_series(0, %[1]d::bigint - 1) n;

INSERT INTO product_tag (name) SELECT 'Tag ' || n FROM generate_series(1, 300) n;
INSERT INTO link_product_product_tag (product_id, tag_id)
SELECT DISTINCT 8000000000000 + n * 32768, t.tag_id
FROM generate_series(0, %[1]d::bigint - 1) n CROSS JOIN generate_series(1, 5) k
JOIN product_tag t ON t.name = 'Tag ' || 1 + floor(300 * power((n * 7919 + k * 104729) %% 10007 / 10007.0, 2))::int;

INSERT INTO performance_day (as_of, run_id, currency) VALUES ((SELECT today FROM day), '0198c0de-0000-7000-8000-000000000001', 'USD');
INSERT INTO performance_metric (metric_id, product_id, as_of, source, first_sale_day,
    units_first_7_days, units_first_14_days, units_last_7_days, units_last_14_days, units_last_30_days, units_total,
    net_sales_first_7_days, net_sales_first_14_days, net_sales_last_7_days, net_sales_last_14_days, net_sales_last_30_days, net_sales_total,
    is_active, recorded_by, recorded_at, version)
SELECT gen_random_uuid(), 8000000000000 + n * 32768, (SELECT today FROM day), 'sync', (SELECT today FROM day) - (n %% 700)::int,
    u / 4, u / 3, u / 8, u / 5, u / 2, u, u / 4 * 20, u / 3 * 20, u / 8 * 20, u / 5 * 20, u / 2 * 20, u * 20,
    n %% 50 <> 0, '0198c0de-0000-7000-8000-000000000001', now(), 1
FROM (SELECT n, CASE WHEN n %% 50 = 0 THEN 0 ELSE floor(200 * power(n * 15485863 %% 10007 / 10007.0, 6))::int END AS u
    FROM generate_series(0, %[1]d::bigint - 1) n) x;
ANALYZE;
