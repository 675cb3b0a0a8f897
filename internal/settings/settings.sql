-- name: ReadSetting :one
SELECT version, value, updated_at FROM setting WHERE name = @name;

-- name: SeedSetting :exec
-- The row is there to be locked, so that two first writers come one after the
-- other, too.
INSERT INTO setting (name, version, value) VALUES (@name, 0, @value) ON CONFLICT DO NOTHING;

-- name: LockSetting :one
SELECT version, value FROM setting WHERE name = @name FOR UPDATE;

-- name: WriteSetting :one
UPDATE setting SET version = version + 1, value = @value, updated_at = now()
WHERE name = @name
RETURNING version, updated_at;

-- name: UsedTagCategories :many
-- Which categories tags are classified by, and how many tags each.
SELECT category::text AS category, count(*) AS tags
FROM product_tag
WHERE category IS NOT NULL
GROUP BY category
ORDER BY category;
