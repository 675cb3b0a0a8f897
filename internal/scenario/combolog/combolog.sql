-- name: ComboTitles :many
-- What products of combos are called, those that are gone from Shopify too.
SELECT product_id, title, handle FROM product WHERE product_id = ANY (@ids::bigint[]);

-- name: ComboHandles :many
-- The products of some handles. Of two products one may have had it before.
SELECT product_id, title, handle, (archived_at IS NULL)::boolean AS living
FROM product
WHERE lower(handle) = ANY (@handles::text[])
ORDER BY product_id;

-- name: ComboProductNames :many
-- All products, for names that are looked up by likeness.
SELECT product_id, title, handle, (archived_at IS NULL)::boolean AS living FROM product ORDER BY product_id;

-- name: AddComboImport :exec
-- A request that is sent again finds its row there.
INSERT INTO combolog_import (run_id, body, created_by)
VALUES (@run_id, @body, @created_by)
ON CONFLICT (run_id) DO NOTHING;

-- name: ReadComboImport :one
SELECT * FROM combolog_import WHERE run_id = @run_id;

-- name: LockComboImport :one
SELECT * FROM combolog_import WHERE run_id = @run_id FOR UPDATE;

-- name: JudgeComboImport :exec
UPDATE combolog_import SET row_verdicts = @row_verdicts, body = NULL WHERE run_id = @run_id;

-- name: ConfirmComboImport :exec
UPDATE combolog_import SET written = @written WHERE run_id = @run_id;
