-- Which products are whose. Their sales are in the lakehouse.

-- name: DesignedProducts :many
-- All products by the designers of their tags, who come with each of their tags
-- and are told by their numbers, in order. Products that are gone from Shopify
-- have sold, too, and are left out of the count alone. Those of nobody are only
-- counted: whatever isn't somebody's is theirs.
WITH assigned AS (
    SELECT t.tag_id, x.designer_no
    FROM (SELECT unnest(@designers::integer[]) AS designer_no, unnest(@tags::text[]) AS tag) x
    JOIN product_tag t ON lower(t.name) = lower(x.tag)
), designed AS (
    SELECT l.product_id, array_agg(DISTINCT a.designer_no ORDER BY a.designer_no) AS designers
    FROM assigned a
    JOIN link_product_product_tag l ON l.tag_id = a.tag_id
    GROUP BY l.product_id
)
SELECT coalesce(d.designers, '{}')::integer[] AS designers,
    count(p.product_id) FILTER (WHERE p.archived_at IS NULL) AS products,
    coalesce(string_agg(d.product_id::text, ','), '')::text AS members
FROM product p
FULL JOIN designed d ON d.product_id = p.product_id
GROUP BY 1
ORDER BY 1;
