-- +goose Up

-- What staff set for the whole program: one document under one name. Until
-- somebody has written it there is no row, and the defaults hold.
CREATE TABLE setting (
    name       text        PRIMARY KEY,
    version    bigint      NOT NULL,
    value      jsonb       NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
