-- Which products have which tags today. Their sales are in the lakehouse.

-- name: TagMembers :many
-- The tags of a selection, and the products of each as the lakehouse's query
-- takes them: ids with commas between, always in the same order. Products that are gone from Shopify have
-- sold, too, and are left out of the count alone.
SELECT t.tag_id, t.name, coalesce(t.category, '')::text AS category,
    count(p.product_id) FILTER (WHERE p.archived_at IS NULL) AS products,
    coalesce(string_agg(l.product_id::text, ',' ORDER BY l.product_id), '')::text AS members
FROM product_tag t
LEFT JOIN link_product_product_tag l ON l.tag_id = t.tag_id
LEFT JOIN product p ON p.product_id = l.product_id
WHERE @every::boolean
   OR lower(t.name) = ANY(@names::text[])
   OR t.category = sqlc.narg(category)::text
   OR t.tag_id IN (SELECT g.tag_id FROM link_product_category_product_tag g WHERE g.category_id = sqlc.narg(group_id)::uuid)
GROUP BY t.tag_id
ORDER BY t.tag_id;

-- name: TagCoverage :many
-- Products by how many tags of a category they have: none, one, or several,
-- which is 2.
SELECT least(coalesce(n.tags, 0), 2)::integer AS tags,
    count(*) FILTER (WHERE p.archived_at IS NULL) AS products,
    string_agg(p.product_id::text, ',' ORDER BY p.product_id)::text AS members
FROM product p
LEFT JOIN (
    SELECT l.product_id, count(*) AS tags
    FROM link_product_product_tag l
    JOIN product_tag t ON t.tag_id = l.tag_id
    WHERE t.category = @category::text
    GROUP BY l.product_id) n ON n.product_id = p.product_id
GROUP BY 1
ORDER BY 1;

-- name: AnalysedGroup :one
SELECT category_id, name, coalesce(category, '')::text AS category
FROM product_category WHERE category_id = @group_id AND archived_at IS NULL;
