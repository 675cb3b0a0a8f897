-- +goose Up

-- The number of a stream's last batch. Its row lock is what keeps the numbers
-- without gaps and in commit order: a writer holds it until it commits.
CREATE TABLE outbox_stream (
    stream   text   PRIMARY KEY, -- the lakehouse table that it feeds
    last_seq bigint NOT NULL
);

-- Batches of facts on their way to the lakehouse, written in the transaction
-- of the change that they tell of. Dropped once the lakehouse has them.
CREATE TABLE outbox (
    stream     text        NOT NULL,
    seq        bigint      NOT NULL,
    rows       integer     NOT NULL,
    bytes      integer     NOT NULL,
    body       bytea       NOT NULL, -- Arrow IPC stream, compressed
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stream, seq)
);
-- Bodies are compressed before they come here: trying again is work for nothing.
ALTER TABLE outbox ALTER COLUMN body SET STORAGE EXTERNAL;

-- Who may do what only one process should do at a time. It saves work; that
-- nothing is done twice is kept by other means, for a lease can be lost.
CREATE TABLE lease (
    name       text        PRIMARY KEY,
    owner      uuid        NOT NULL,
    expires_at timestamptz NOT NULL
);
