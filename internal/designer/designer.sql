-- Which tags are with which designer. The artefacts are written by their own
-- package.

-- name: LockDesigner :one
-- Whether living or archived: a name that comes again is the same artefact.
SELECT artifact_id, version, archived_at
FROM macrodata_artifact
WHERE kind = 'agent_assignment' AND identifier = @identifier
FOR UPDATE;

-- name: FindDesigner :one
-- No row where nobody living has the name.
SELECT artifact_id
FROM macrodata_artifact
WHERE kind = 'agent_assignment' AND identifier = @identifier AND archived_at IS NULL;

-- name: TagsByName :many
-- The tags of some names, each with the places where the list has it. Their
-- names never change, so nobody has to be kept from them.
SELECT x.place::bigint AS place, t.name
FROM unnest(@names::text[]) WITH ORDINALITY AS x (name, place)
JOIN product_tag t ON lower(t.name) = lower(x.name);
