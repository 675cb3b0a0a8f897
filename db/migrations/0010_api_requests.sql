-- +goose Up

-- The answers to requests with an Idempotency-Key, for 24 hours. A row is
-- claimed by the request that may do what is asked, until leased_until, and
-- answered with what it did; only the owner may answer.
CREATE TABLE idempotency_key (
    principal    text        NOT NULL,
    operation    text        NOT NULL,
    key          text        NOT NULL,
    request      bytea       NOT NULL, -- SHA-256 of what was asked
    owner        uuid        NOT NULL,
    leased_until timestamptz NOT NULL,
    status       integer,              -- NULL until answered
    header       jsonb,
    body         bytea,                -- NULL where it was too large to keep
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, operation, key)
);
CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at);

-- Who changed what, written in the transaction of the change. It is the audit
-- log, and what undo goes by.
CREATE TABLE change (
    change_id      uuid        PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT now(),
    principal_kind text        NOT NULL,
    principal_name text        NOT NULL,
    operation      text        NOT NULL,
    subject        text        NOT NULL, -- what kind of thing: "tag_group"
    subject_ids    text[]      NOT NULL,
    before         jsonb,                -- NULL where it was made
    after          jsonb,                -- NULL where it was removed
    request_id     text        NOT NULL,
    undoes         uuid        UNIQUE REFERENCES change, -- at most one undo of each
    CHECK (undoes <> change_id)
);
CREATE INDEX change_at ON change (at DESC, change_id DESC);
CREATE INDEX change_subject_ids ON change USING gin (subject_ids);
