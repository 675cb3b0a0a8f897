BEGIN;
\copy floor_product (product_id, title, handle, vendor, product_type, status, image_url, created_at, published_at, source_updated_at, content_hash) FROM 'products.csv' (FORMAT csv)
\copy floor_tag (tag_id, name) FROM 'tags.csv' (FORMAT csv)
\copy floor_link (product_id, tag_id) FROM 'links.csv' (FORMAT csv)
INSERT INTO product (product_id, title, handle, vendor, product_type, status, image_url, created_at,
    published_at, source_updated_at, content_hash, run_id)
SELECT product_id, title, handle, vendor, product_type, status, image_url, created_at, published_at,
    source_updated_at, content_hash, '00000000-0000-0000-0000-000000000000'
FROM floor_product
ON CONFLICT (product_id) DO UPDATE
SET title = excluded.title, handle = excluded.handle, vendor = excluded.vendor,
    product_type = excluded.product_type, status = excluded.status, image_url = excluded.image_url,
    created_at = excluded.created_at, published_at = excluded.published_at,
    source_updated_at = excluded.source_updated_at, content_hash = excluded.content_hash,
    run_id = excluded.run_id;
INSERT INTO product_tag (tag_id, name) OVERRIDING SYSTEM VALUE
SELECT tag_id, name FROM floor_tag
ON CONFLICT (tag_id) DO NOTHING;
INSERT INTO link_product_product_tag (product_id, tag_id)
SELECT product_id, tag_id FROM floor_link
ON CONFLICT DO NOTHING;
COMMIT;
