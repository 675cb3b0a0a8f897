-- What staff are shown of tags without a category.

-- name: ListUnclassified :many
-- Tags without a category, with their products that are still in Shopify and the
-- sales of all that ever had them: counted orders, net sales in the shop's
-- currency. What sold most comes first. Lines are added up by product before
-- products are multiplied by their tags; LATERAL with OFFSET or LIMIT has lines and
-- orders looked up by key, however small the planner thinks the tables are.
WITH listed AS MATERIALIZED (
    SELECT DISTINCT x.product_id FROM product_tag t
    JOIN link_product_product_tag x ON x.tag_id = t.tag_id
    WHERE t.category IS NULL
), sold AS MATERIALIZED (
    SELECT l.product_id, sum(l.quantity)::bigint AS units,
        coalesce(sum(l.net_sales) FILTER (WHERE o.currency = (SELECT currency FROM shop)), 0) AS net_sales
    FROM listed i
    JOIN LATERAL (
        SELECT x.product_id, x.order_id, x.quantity, x.net_sales FROM order_line_item x
        WHERE x.product_id = i.product_id AND NOT x.is_gift_card OFFSET 0) l ON true
    JOIN LATERAL (
        SELECT x.currency FROM order_header x
        WHERE x.order_id = l.order_id AND x.cancelled_at IS NULL AND NOT x.is_test AND x.deleted_at IS NULL LIMIT 1) o ON true
    GROUP BY l.product_id
), tag AS (
    SELECT t.tag_id, t.name, t.first_seen_at,
        count(p.product_id) FILTER (WHERE p.archived_at IS NULL)::bigint AS products,
        coalesce(sum(s.units), 0)::bigint AS units, coalesce(sum(s.net_sales), 0)::numeric AS net_sales
    FROM product_tag t
    LEFT JOIN link_product_product_tag l ON l.tag_id = t.tag_id
    LEFT JOIN product p ON p.product_id = l.product_id
    LEFT JOIN sold s ON s.product_id = l.product_id
    WHERE t.category IS NULL
      AND (sqlc.narg(words)::text IS NULL OR position(lower(sqlc.narg(words)) IN lower(t.name)) > 0)
    GROUP BY t.tag_id
)
SELECT tag_id, name, first_seen_at, products, units, net_sales, coalesce((SELECT currency FROM shop), '')::text AS currency
FROM tag
WHERE sqlc.narg(after_tag)::bigint IS NULL
   OR (net_sales, units, products, -tag_id) < (sqlc.narg(after_net)::numeric, sqlc.narg(after_units)::bigint, sqlc.narg(after_products)::bigint, -sqlc.narg(after_tag)::bigint)
ORDER BY net_sales DESC, units DESC, products DESC, tag_id
LIMIT @row_limit;

-- name: CountUnclassified :one
SELECT count(*) FROM product_tag
WHERE category IS NULL AND (sqlc.narg(words)::text IS NULL OR position(lower(sqlc.narg(words)) IN lower(name)) > 0);

-- name: ListClassified :many
-- All that is classified, to compare spellings with.
SELECT name, category::text AS category FROM product_tag WHERE category IS NOT NULL ORDER BY tag_id LIMIT 50000;

-- name: ListTwins :many
-- Classified tags that share products with some tags: how many, of how many. Only
-- those that share nearly all of both matter to anybody.
WITH own AS (
    SELECT tag_id, count(*) AS products FROM link_product_product_tag
    WHERE tag_id = ANY (@tag_ids::bigint[]) GROUP BY tag_id
), shared AS (
    SELECT a.tag_id, b.tag_id AS twin_id, count(*) AS shared
    FROM link_product_product_tag a
    JOIN link_product_product_tag b ON b.product_id = a.product_id
    JOIN product_tag t ON t.tag_id = b.tag_id AND t.category IS NOT NULL
    WHERE a.tag_id = ANY (@tag_ids::bigint[])
    GROUP BY a.tag_id, b.tag_id
)
SELECT s.tag_id, t.name, t.category::text AS category, s.shared, o.products,
    (SELECT count(*) FROM link_product_product_tag l WHERE l.tag_id = s.twin_id) AS twin_products
FROM shared s
JOIN own o ON o.tag_id = s.tag_id
JOIN product_tag t ON t.tag_id = s.twin_id
WHERE s.shared * 10 >= o.products * 8
ORDER BY s.tag_id, s.shared DESC, t.tag_id
LIMIT 20000;

-- name: BoundTags :many
-- Groups of a category that hold some tags.
SELECT DISTINCT ON (l.tag_id) l.tag_id, g.name
FROM link_product_category_product_tag l
JOIN product_category g ON g.category_id = l.category_id
WHERE l.tag_id = ANY (@tag_ids::bigint[]) AND g.category IS NOT NULL AND g.archived_at IS NULL
ORDER BY l.tag_id, lower(g.name);
