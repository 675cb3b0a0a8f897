-- name: ClaimKey :one
-- Claims a key that nobody has used for a day, or whose owner did not answer in
-- time; no row where it is somebody else's. Whoever goes on with an unanswered
-- request goes on under the id that the first one had.
INSERT INTO idempotency_key AS k (principal, operation, key, request, owner, leased_until)
VALUES (@principal, @operation, @key, @request, @owner, now() + interval '30 seconds')
ON CONFLICT (principal, operation, key) DO UPDATE
SET request = excluded.request, owner = excluded.owner, leased_until = excluded.leased_until,
    status = NULL, header = NULL, body = NULL,
    created_at = CASE WHEN k.created_at < now() - interval '24 hours' THEN now() ELSE k.created_at END
WHERE k.created_at < now() - interval '24 hours'
   OR k.status IS NULL AND k.leased_until < now() AND k.request = excluded.request
RETURNING created_at;

-- name: ReadKey :one
SELECT request, status, header, body FROM idempotency_key
WHERE principal = @principal AND operation = @operation AND key = @key;

-- name: AnswerKey :execrows
UPDATE idempotency_key SET status = @status, header = @header, body = @body
WHERE principal = @principal AND operation = @operation AND key = @key AND owner = @owner AND status IS NULL;

-- name: ReleaseKey :exec
-- The row stays, for what the first try began must be found by the next.
UPDATE idempotency_key SET leased_until = '-infinity'
WHERE principal = @principal AND operation = @operation AND key = @key AND owner = @owner AND status IS NULL;

-- name: DropOldKeys :execrows
DELETE FROM idempotency_key WHERE ctid IN (
    SELECT ctid FROM idempotency_key WHERE created_at < now() - interval '24 hours' LIMIT 10000
);

-- name: InsertChange :exec
INSERT INTO change (change_id, principal_kind, principal_name, operation, subject, subject_ids, before, after, request_id, undoes)
VALUES (@change_id, @principal_kind, @principal_name, @operation, @subject, @subject_ids,
        sqlc.narg(before), sqlc.narg(after), @request_id, sqlc.narg(undoes));

-- name: LockChange :one
-- Two undos of one change come one after the other.
SELECT * FROM change WHERE change_id = @change_id FOR UPDATE;

-- name: ReadChange :one
SELECT c.*, u.change_id AS undone_by FROM change c
LEFT JOIN change u ON u.undoes = c.change_id
WHERE c.change_id = @change_id;

-- name: UndoOf :one
SELECT change_id FROM change WHERE undoes = @undoes;

-- name: ListChanges :many
SELECT c.change_id, c.at, c.principal_kind, c.principal_name, c.operation, c.subject, c.subject_ids,
       c.request_id, c.undoes, u.change_id AS undone_by
FROM change c
LEFT JOIN change u ON u.undoes = c.change_id
WHERE (sqlc.narg(operation)::text IS NULL OR c.operation = sqlc.narg(operation))
  AND (sqlc.narg(subject)::text IS NULL OR c.subject = sqlc.narg(subject))
  AND (sqlc.narg(subject_id)::text IS NULL OR c.subject_ids @> ARRAY[sqlc.narg(subject_id)::text])
  AND (sqlc.narg(principal)::text IS NULL OR c.principal_name = sqlc.narg(principal))
  AND (sqlc.narg(before_at)::timestamptz IS NULL
       OR (c.at, c.change_id) < (sqlc.narg(before_at)::timestamptz, sqlc.narg(before_id)::uuid))
ORDER BY c.at DESC, c.change_id DESC
LIMIT @row_limit;

-- name: DropOldChanges :execrows
-- A change goes after its undo, for that names it.
DELETE FROM change WHERE change_id IN (
    SELECT c.change_id FROM change c
    WHERE c.at < @before::timestamptz AND NOT EXISTS (SELECT 1 FROM change u WHERE u.undoes = c.change_id)
    LIMIT 10000
);
