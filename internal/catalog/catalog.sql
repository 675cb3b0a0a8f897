-- name: ReadShop :one
SELECT shop_id, domain, name, currency, time_zone FROM shop;

-- name: SaveShop :exec
INSERT INTO shop (shop_id, domain, name, currency, time_zone)
VALUES (@shop_id, @domain, @name, @currency, @time_zone)
ON CONFLICT (only_one) DO UPDATE
SET domain = excluded.domain, name = excluded.name, currency = excluded.currency,
    time_zone = excluded.time_zone, updated_at = now()
WHERE (shop.domain, shop.name, shop.currency, shop.time_zone)
    IS DISTINCT FROM (excluded.domain, excluded.name, excluded.currency, excluded.time_zone);

-- name: ApplyProducts :execrows
-- Writes what is new or newer. An archived product that Shopify shows again is
-- one that was not gone.
INSERT INTO product (product_id, title, handle, vendor, product_type, status, image_url,
    created_at, published_at, source_updated_at, content_hash, run_id)
SELECT s.product_id, s.title, s.handle, s.vendor, s.product_type, s.status, s.image_url,
    s.created_at, s.published_at, s.source_updated_at, s.content_hash, @run_id
FROM stage_product s
LEFT JOIN product p ON p.product_id = s.product_id
WHERE p.product_id IS NULL
   OR s.source_updated_at > p.source_updated_at
   OR (s.source_updated_at = p.source_updated_at AND s.content_hash <> p.content_hash)
   OR (s.source_updated_at >= p.source_updated_at AND p.archived_at IS NOT NULL)
ON CONFLICT (product_id) DO UPDATE
SET title = excluded.title, handle = excluded.handle, vendor = excluded.vendor,
    product_type = excluded.product_type, status = excluded.status, image_url = excluded.image_url,
    created_at = excluded.created_at, published_at = excluded.published_at,
    source_updated_at = excluded.source_updated_at, content_hash = excluded.content_hash,
    last_seen_at = now(), archived_at = NULL, run_id = excluded.run_id
WHERE product.source_updated_at <= excluded.source_updated_at;

-- name: AddTags :execrows
-- Shopify's first spelling of a tag is kept.
INSERT INTO product_tag (name)
SELECT DISTINCT ON (lower(s.name)) s.name
FROM stage_product_tag s
LEFT JOIN product_tag t ON lower(t.name) = lower(s.name)
WHERE t.tag_id IS NULL
ORDER BY lower(s.name), s.name
ON CONFLICT (lower(name)) DO NOTHING;

-- name: UnlinkTags :execrows
-- Takes off the tags that a product has no longer. A staged product that lost
-- to a newer stored one leaves the links alone.
DELETE FROM link_product_product_tag l
USING stage_product s, product p
WHERE s.product_id = l.product_id
  AND p.product_id = s.product_id AND p.source_updated_at = s.source_updated_at
  AND NOT EXISTS (
      SELECT FROM stage_product_tag st
      JOIN product_tag t ON lower(t.name) = lower(st.name)
      WHERE st.product_id = l.product_id AND t.tag_id = l.tag_id);

-- name: LinkTags :execrows
INSERT INTO link_product_product_tag (product_id, tag_id)
SELECT DISTINCT st.product_id, t.tag_id
FROM stage_product_tag st
JOIN stage_product s ON s.product_id = st.product_id
JOIN product p ON p.product_id = s.product_id AND p.source_updated_at = s.source_updated_at
JOIN product_tag t ON lower(t.name) = lower(st.name)
LEFT JOIN link_product_product_tag l ON l.product_id = st.product_id AND l.tag_id = t.tag_id
WHERE l.tag_id IS NULL
ON CONFLICT DO NOTHING;

-- name: ArchiveProducts :execrows
UPDATE product SET archived_at = now(), run_id = @run_id
WHERE product_id = ANY(@product_ids::bigint[]) AND archived_at IS NULL;

-- name: LockTags :many
-- The tags of some names, each with the places where the list has it. Whoever
-- locks tags does so in the order of their ids.
SELECT x.place::bigint AS place, t.tag_id, t.name, t.category
FROM unnest(@names::text[]) WITH ORDINALITY AS x (name, place)
JOIN product_tag t ON lower(t.name) = lower(x.name)
ORDER BY t.tag_id
FOR NO KEY UPDATE OF t;

-- name: ClassifyTags :execrows
-- An empty category takes the classification off.
UPDATE product_tag t
SET category = nullif(x.category, ''),
    classified_by = CASE WHEN x.category <> '' THEN @classified_by::text END,
    classified_at = CASE WHEN x.category <> '' THEN now() END
FROM (SELECT unnest(@tag_ids::bigint[]) AS tag_id, unnest(@categories::text[]) AS category) x
WHERE t.tag_id = x.tag_id;

-- name: ProductsByLine :many
-- A page of products with what product lines go by.
SELECT p.product_id, p.title, p.vendor, p.product_type, p.product_line, g.tags::text[] AS tags
FROM product p
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(t.name), '{}') AS tags
    FROM link_product_product_tag l JOIN product_tag t ON t.tag_id = l.tag_id
    WHERE l.product_id = p.product_id) g
WHERE p.product_id > @after::bigint
ORDER BY p.product_id LIMIT @page_rows;

-- name: StagedByLine :many
-- The same of the staged products that a run wrote.
SELECT p.product_id, p.title, p.vendor, p.product_type, p.product_line, g.tags::text[] AS tags
FROM stage_product s
JOIN product p ON p.product_id = s.product_id AND p.run_id = @run_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(t.name), '{}') AS tags
    FROM link_product_product_tag l JOIN product_tag t ON t.tag_id = l.tag_id
    WHERE l.product_id = p.product_id) g
ORDER BY p.product_id;

-- name: MoveLines :exec
UPDATE product p SET product_line = x.line
FROM (SELECT unnest(@product_ids::bigint[]) AS product_id, unnest(@lines::text[]) AS line) x
WHERE p.product_id = x.product_id;
