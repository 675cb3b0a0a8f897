-- name: InsertArtifact :one
-- No row where the kind has the identifier already.
INSERT INTO macrodata_artifact (artifact_id, kind, identifier, title, status, payload, version, content_hash,
    object_key, media_type, byte_size, source_url, created_by, updated_by)
VALUES (@artifact_id, @kind, @identifier, @title, @status, @payload, @version, @content_hash,
    sqlc.narg(object_key), sqlc.narg(media_type), sqlc.narg(byte_size), sqlc.narg(source_url), @by, @by)
ON CONFLICT (kind, identifier) DO NOTHING
RETURNING *;

-- name: ReadArtifact :one
SELECT * FROM macrodata_artifact WHERE kind = @kind AND artifact_id = @artifact_id;

-- name: FindArtifact :one
SELECT * FROM macrodata_artifact WHERE kind = @kind AND identifier = @identifier;

-- name: FindArtifacts :many
SELECT * FROM macrodata_artifact WHERE kind = @kind AND identifier = ANY (@identifiers::text[]) AND archived_at IS NULL;

-- name: LockArtifact :one
SELECT * FROM macrodata_artifact WHERE kind = @kind AND artifact_id = @artifact_id FOR UPDATE;

-- name: ListArtifacts :many
-- Ids are UUIDv7, so their order is that of creation.
SELECT * FROM macrodata_artifact
WHERE kind = @kind AND archived_at IS NULL
  AND (sqlc.narg(status)::text IS NULL OR status = sqlc.narg(status))
  AND (sqlc.narg(holds)::jsonb IS NULL OR payload @> sqlc.narg(holds))
  AND (sqlc.narg(text)::text IS NULL
    OR strpos(lower(concat_ws(' ', identifier, title, payload ->> 'notes')), lower(sqlc.narg(text))) > 0)
  AND (sqlc.narg(before)::uuid IS NULL OR artifact_id < sqlc.narg(before))
ORDER BY artifact_id DESC
LIMIT @row_limit;

-- name: WriteArtifact :one
-- Brings an archived one back, too.
UPDATE macrodata_artifact
SET title = @title, status = @status, payload = @payload, content_hash = @content_hash,
    object_key = sqlc.narg(object_key), media_type = sqlc.narg(media_type), byte_size = sqlc.narg(byte_size),
    source_url = sqlc.narg(source_url), version = version + 1, updated_by = @by, updated_at = now(), archived_at = NULL
WHERE artifact_id = @artifact_id
RETURNING *;

-- name: ArchiveArtifact :one
UPDATE macrodata_artifact
SET archived_at = now(), version = version + 1, updated_by = @by, updated_at = now()
WHERE artifact_id = @artifact_id
RETURNING *;
