-- Queries of the daily summaries. What is to be counted again stands in
-- summary_hour, where triggers of the migration note it.

-- name: TouchedHours :many
-- UTC hours with changes that are not in the summaries yet, the first ones.
SELECT DISTINCT hour FROM summary_hour ORDER BY hour LIMIT @row_limit;

-- name: TakeHours :exec
-- Takes the notes of these hours, a bounded number: what is left is taken next
-- time. It has to come before the counting. Notes of transactions under way
-- are not seen and stay, and what they changed isn't counted yet.
DELETE FROM summary_hour s
USING (SELECT n.hour, n.note FROM summary_hour n
       WHERE n.hour = ANY(@hours::timestamptz[])
       ORDER BY n.hour, n.note LIMIT 50000) t
WHERE s.hour = t.hour AND s.note = t.note;

-- name: SummarizeDays :one
-- Counts days anew, each from one instant until another, and writes those that
-- come to something else: how many.
--
-- LATERAL with LIMIT looks an order up by key, whatever the planner thinks. A
-- fulfillment whose order isn't stored counts.
WITH bounds AS (
    SELECT unnest(@days::date[]) AS day,
        unnest(@since::timestamptz[]) AS since,
        unnest(@until::timestamptz[]) AS until
), counted AS MATERIALIZED (
    SELECT b.day, o.orders, f.fulfillments, f.succeeded, f.failed, f.cancelled
    FROM bounds b
    CROSS JOIN LATERAL (
        SELECT count(*) AS orders FROM order_header h
        WHERE h.processed_at >= b.since AND h.processed_at < b.until
          AND h.cancelled_at IS NULL AND NOT h.is_test AND h.deleted_at IS NULL
    ) o
    CROSS JOIN LATERAL (
        SELECT count(*) AS fulfillments,
            count(*) FILTER (WHERE x.status = 'SUCCESS') AS succeeded,
            count(*) FILTER (WHERE x.status IN ('FAILURE', 'ERROR')) AS failed,
            count(*) FILTER (WHERE x.status = 'CANCELLED') AS cancelled
        FROM order_fulfillment x
        LEFT JOIN LATERAL (SELECT h.is_test OR h.deleted_at IS NOT NULL AS left_out FROM order_header h
                           WHERE h.order_id = x.order_id LIMIT 1) h ON true
        WHERE x.created_at >= b.since AND x.created_at < b.until
          AND h.left_out IS NOT TRUE
    ) f
), written AS (
    INSERT INTO fulfillment_daily_summary AS s (day, orders, fulfillments, succeeded, failed, cancelled, open, run_id)
    SELECT c.day, c.orders, c.fulfillments, c.succeeded, c.failed, c.cancelled,
        c.fulfillments - c.succeeded - c.failed - c.cancelled, @run_id
    FROM counted c
    WHERE c.orders > 0 OR c.fulfillments > 0
    ON CONFLICT (day) DO UPDATE
    SET orders = excluded.orders, fulfillments = excluded.fulfillments, succeeded = excluded.succeeded,
        failed = excluded.failed, cancelled = excluded.cancelled, open = excluded.open, run_id = excluded.run_id
    WHERE (s.orders, s.fulfillments, s.succeeded, s.failed, s.cancelled)
        IS DISTINCT FROM
          (excluded.orders, excluded.fulfillments, excluded.succeeded, excluded.failed, excluded.cancelled)
    RETURNING 1
), dropped AS (
    DELETE FROM fulfillment_daily_summary s
    USING counted c
    WHERE s.day = c.day AND c.orders = 0 AND c.fulfillments = 0
    RETURNING 1
)
SELECT ((SELECT count(*) FROM written) + (SELECT count(*) FROM dropped))::bigint AS written;

-- name: TouchAllDays :exec
-- Notes an hour in each half day from which a day with a summary can take its
-- rows, whatever the time zone: it begins at most 14 hours before its date does
-- in UTC, and ends at most 12 after. What has no summary yet is noted already.
INSERT INTO summary_hour (hour)
SELECT DISTINCT s.day::timestamp AT TIME ZONE 'UTC' + n * interval '12 hours'
FROM fulfillment_daily_summary s, generate_series(-2, 3) n;

-- name: EmptySummaries :exec
DELETE FROM fulfillment_daily_summary;
