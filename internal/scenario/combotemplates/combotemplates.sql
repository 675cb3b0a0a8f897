-- name: NoteMaking :exec
INSERT INTO combotemplates_making (run_id, combo_id, actions, principal_kind, principal_name)
VALUES (@run_id, @combo_id, @actions, @principal_kind, @principal_name);

-- name: ReadMaking :one
SELECT * FROM combotemplates_making WHERE run_id = @run_id;

-- name: StartedMaking :exec
UPDATE combotemplates_making SET started_at = now() WHERE run_id = @run_id AND started_at IS NULL;

-- name: WaitingMakings :many
-- Those whose process had time to start them, and didn't.
SELECT run_id FROM combotemplates_making
WHERE started_at IS NULL AND created_at < now() - make_interval(secs => @seconds)
ORDER BY created_at
LIMIT 1000;

-- name: DesignTags :many
-- The tags of some products that are classified as design.
SELECT DISTINCT t.name
FROM link_product_product_tag l
JOIN product_tag t ON t.tag_id = l.tag_id
WHERE l.product_id = ANY (@ids::bigint[]) AND t.category = 'design'
ORDER BY t.name;
