-- name: AppendBatch :one
-- The update of the stream's row waits for whoever appends to it until they
-- commit or roll back, so numbers have no gaps and follow the commits.
WITH numbered AS (
    INSERT INTO outbox_stream (stream, last_seq) VALUES (@stream, 1)
    ON CONFLICT (stream) DO UPDATE SET last_seq = outbox_stream.last_seq + 1
    RETURNING last_seq
)
INSERT INTO outbox (stream, seq, rows, bytes, body)
SELECT @stream, last_seq, @rows, @bytes, @body FROM numbered
RETURNING seq;

-- name: BatchSizes :many
SELECT seq, rows, bytes FROM outbox
WHERE stream = @stream AND seq > @after
ORDER BY seq LIMIT 1000;

-- name: ReadBatches :many
SELECT seq, rows, body, created_at FROM outbox
WHERE stream = @stream AND seq > @after AND seq <= @upto
ORDER BY seq;

-- name: DropBatches :execrows
DELETE FROM outbox
WHERE outbox.stream = @stream AND outbox.seq <= @upto
  AND outbox.seq < (SELECT min(o.seq) + 1000 FROM outbox AS o WHERE o.stream = outbox.stream);

-- name: StreamStatuses :many
SELECT s.stream, s.last_seq, coalesce(min(o.seq), 0)::bigint AS oldest,
       count(o.seq) AS batches, coalesce(sum(o.rows), 0)::bigint AS rows,
       coalesce(sum(o.bytes), 0)::bigint AS bytes,
       coalesce(extract(epoch FROM clock_timestamp() - min(o.created_at)), 0)::float8 AS age
FROM outbox_stream s LEFT JOIN outbox o ON o.stream = s.stream
GROUP BY s.stream, s.last_seq
ORDER BY s.stream;

-- name: WaitingAfter :one
SELECT coalesce(max(seq), 0)::bigint AS last_seq, coalesce(sum(rows), 0)::bigint AS rows,
       coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS age
FROM outbox
WHERE stream = @stream AND seq > @after;

-- name: LastBatch :one
SELECT last_seq FROM outbox_stream WHERE stream = @stream;

-- name: AcquireLease :execrows
INSERT INTO lease (name, owner, expires_at)
VALUES (@name, @owner, clock_timestamp() + make_interval(secs => @ttl_seconds))
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
WHERE lease.expires_at < clock_timestamp();

-- name: RenewLease :execrows
UPDATE lease SET expires_at = clock_timestamp() + make_interval(secs => @ttl_seconds)
WHERE name = @name AND owner = @owner AND expires_at > clock_timestamp();

-- name: ReleaseLease :exec
DELETE FROM lease WHERE name = @name AND owner = @owner;
