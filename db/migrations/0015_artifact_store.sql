-- +goose Up

-- Artefacts of work, one table for all kinds. What a payload may hold is
-- decided in code, kind by kind, on every write.
CREATE TABLE macrodata_artifact (
    artifact_id  uuid        PRIMARY KEY,
    kind         text        NOT NULL,
    identifier   text        NOT NULL,
    title        text        NOT NULL,
    status       text        NOT NULL,
    payload      jsonb       NOT NULL,
    version      bigint      NOT NULL,
    content_hash bytea       NOT NULL CHECK (octet_length(content_hash) = 32), -- sha256: of the file, or else of the payload
    object_key   text,                                                         -- of the file in object storage
    media_type   text,
    byte_size    bigint,
    source_url   text,
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_by   text        NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    archived_at  timestamptz,
    -- Archived ones count, so that no identifier is given twice.
    UNIQUE (kind, identifier)
);
CREATE INDEX macrodata_artifact_newest ON macrodata_artifact (kind, artifact_id DESC);
