-- +goose Up

-- How far a stream has been read. It moves only by compare-and-set, after the
-- proof of the run that moves it.
CREATE TABLE watermark (
    stream  text PRIMARY KEY,
    value   timestamptz NOT NULL,
    version bigint NOT NULL,
    run_id  uuid NOT NULL
);
CREATE TABLE watermark_history (
    stream   text NOT NULL,
    version  bigint NOT NULL,
    value    timestamptz NOT NULL,
    run_id   uuid NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, version)
);

-- A time that a stream has not been read for: where a run could not reach back
-- to its watermark. It stays until a run has read over it.
CREATE TABLE ingest_gap (
    gap_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream    text NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL,
    run_id    uuid NOT NULL,
    reason    text NOT NULL,
    filled_by uuid
);

-- A record that could not be loaded. A later run fetches it by id.
CREATE TABLE rejected_record (
    run_id          uuid NOT NULL,
    source          text NOT NULL,        -- the stream's file, or 'by_id'
    line_no         bigint NOT NULL,      -- from 1 in the file
    subject_type    text NOT NULL,        -- Order, LineItem, Product; '' where unreadable
    subject_id      bigint,               -- the order or product to fetch; null where unreadable
    reason          text NOT NULL,
    record          text NOT NULL,        -- the first 4 KiB of the line; an orphan's id
    resolved_run_id uuid,
    PRIMARY KEY (run_id, source, line_no)
);
CREATE INDEX rejected_record_open ON rejected_record (subject_id) WHERE resolved_run_id IS NULL;

-- Working tables of the one run that is under way, emptied when it opens and
-- closes. ingest_product: the products that its file held; ingest_sweep: the ids
-- that the index has afterwards.
CREATE TABLE ingest_product (
    product_id bigint PRIMARY KEY,
    updated_at timestamptz NOT NULL
);
CREATE TABLE ingest_sweep (
    stream     text NOT NULL,
    subject_id bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (subject_id, stream)
);
