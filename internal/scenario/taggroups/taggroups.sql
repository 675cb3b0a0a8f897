-- What staff make of tags: named collections.

-- name: ListTagGroups :many
-- Living groups by name, with their tags and the products that have any of
-- them, each once.
SELECT g.category_id, g.name, g.category, g.description, g.version, g.created_by, g.created_at, g.updated_by, g.updated_at,
    lower(g.name)::text AS folded, t.tags::text[] AS tags, p.products::bigint AS products
FROM product_category g
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(t.name ORDER BY lower(t.name)), '{}') AS tags
    FROM link_product_category_product_tag l
    JOIN product_tag t ON t.tag_id = l.tag_id
    WHERE l.category_id = g.category_id) t
CROSS JOIN LATERAL (
    SELECT count(DISTINCT x.product_id) AS products
    FROM link_product_category_product_tag l
    JOIN link_product_product_tag x ON x.tag_id = l.tag_id
    JOIN product p ON p.product_id = x.product_id AND p.archived_at IS NULL
    WHERE l.category_id = g.category_id) p
WHERE g.archived_at IS NULL
  AND (sqlc.narg(group_id)::uuid IS NULL OR g.category_id = sqlc.narg(group_id))
  AND (sqlc.narg(category)::text IS NULL OR g.category = sqlc.narg(category))
  AND (sqlc.narg(words)::text IS NULL OR position(lower(sqlc.narg(words)) IN lower(g.name)) > 0)
  AND (sqlc.narg(after_name)::text IS NULL OR lower(g.name) > sqlc.narg(after_name))
ORDER BY lower(g.name)
LIMIT @row_limit;

-- name: LockTagGroup :one
SELECT * FROM product_category WHERE category_id = @category_id FOR UPDATE;

-- name: LockTagGroupByName :one
SELECT * FROM product_category WHERE lower(name) = lower(@name::text) AND archived_at IS NULL FOR UPDATE;

-- name: TagsOfGroup :many
SELECT t.name
FROM link_product_category_product_tag l
JOIN product_tag t ON t.tag_id = l.tag_id
WHERE l.category_id = @category_id
ORDER BY lower(t.name);

-- name: InsertTagGroup :exec
INSERT INTO product_category (category_id, name, category, description, version, created_by, updated_by)
VALUES (@category_id, @name, sqlc.narg(category), @description, 1, @by, @by);

-- name: UpdateTagGroup :exec
-- Brings a deleted one back, too.
UPDATE product_category
SET name = @name, category = sqlc.narg(category), description = @description,
    version = version + 1, updated_by = @by, updated_at = now(), archived_at = NULL
WHERE category_id = @category_id;

-- name: ArchiveTagGroup :exec
UPDATE product_category
SET archived_at = now(), version = version + 1, updated_by = @by, updated_at = now()
WHERE category_id = @category_id;

-- name: UnlinkGroupTags :exec
DELETE FROM link_product_category_product_tag
WHERE category_id = @category_id AND NOT tag_id = ANY (@tag_ids::bigint[]);

-- name: LinkGroupTags :exec
INSERT INTO link_product_category_product_tag (category_id, tag_id)
SELECT @category_id::uuid, unnest(@tag_ids::bigint[])
ON CONFLICT DO NOTHING;
