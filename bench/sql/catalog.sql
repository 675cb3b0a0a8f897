-- A shop of 20,000 products, as many as the sales have, each with five of 300
-- tags. Some tags are on many products, most on few.
INSERT INTO shop (shop_id, domain, name, currency, time_zone)
VALUES (1, 'bench.myshopify.com', 'Bench', 'USD', 'America/New_York');

INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, published_at, source_updated_at, content_hash, run_id)
SELECT 8000000000000 + n * 32768, 'Product ' || n, 'product-' || n, 'Bench', 'Case', 'ACTIVE',
    '2024-01-01', '2024-01-01', '2026-01-01', n, '0198c0de-0000-7000-8000-000000000001'
FROM generate_series(0, 19999) n;

INSERT INTO product_tag (name) SELECT 'Tag ' || n FROM generate_series(1, 300) n;

INSERT INTO link_product_product_tag (product_id, tag_id)
SELECT DISTINCT 8000000000000 + n * 32768, t.tag_id
FROM generate_series(0, 19999) n
CROSS JOIN generate_series(1, 5) k
JOIN product_tag t ON t.name = 'Tag ' || 1 + floor(300 * power((n * 7919 + k * 104729) % 10007 / 10007.0, 2))::int;

ANALYZE;
