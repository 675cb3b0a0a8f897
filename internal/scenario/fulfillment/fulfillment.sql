-- What was ordered and sent, by the shop's days. The daily summary is written by
-- whoever writes orders.

-- name: ListFulfillmentDays :many
-- So many days down from one. A day without a row is one on which nothing was
-- ordered or sent.
SELECT d.day::date AS day, coalesce(s.orders, 0) AS orders, coalesce(s.fulfillments, 0) AS fulfillments,
    coalesce(s.succeeded, 0) AS succeeded, coalesce(s.failed, 0) AS failed,
    coalesce(s.cancelled, 0) AS cancelled, coalesce(s.open, 0) AS open
FROM (SELECT sqlc.arg(last_day)::date - generate_series(0, sqlc.arg(days)::int - 1) AS day) d
LEFT JOIN fulfillment_daily_summary s ON s.day = d.day
ORDER BY d.day DESC;

-- name: SumFulfillmentDays :one
SELECT coalesce(sum(orders), 0)::bigint AS orders, coalesce(sum(fulfillments), 0)::bigint AS fulfillments,
    coalesce(sum(succeeded), 0)::bigint AS succeeded, coalesce(sum(failed), 0)::bigint AS failed,
    coalesce(sum(cancelled), 0)::bigint AS cancelled, coalesce(sum(open), 0)::bigint AS open
FROM fulfillment_daily_summary
WHERE day BETWEEN @first_day::date AND @last_day::date;

-- name: HoursToFulfil :one
-- From the order to each fulfillment of a period that succeeded: how many there
-- are, the median and the ninth decile. What was sent before the order counts as
-- processed took no time.
SELECT count(*) AS fulfillments,
    coalesce(percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY x.hours), '{}')::float8[] AS deciles
FROM (
    SELECT greatest(extract(epoch FROM f.created_at - h.processed_at), 0)::float8 / 3600 AS hours
    FROM order_fulfillment f
    JOIN order_header h ON h.order_id = f.order_id
    WHERE f.created_at >= @since AND f.created_at < @until AND f.status = 'SUCCESS'
      AND NOT h.is_test AND h.deleted_at IS NULL
) x;

-- name: IsDayUncounted :one
-- Whether something has changed in a period, which begins and ends anywhere
-- within an hour, that the summary hasn't counted yet.
SELECT EXISTS (SELECT FROM summary_hour WHERE hour > sqlc.arg(since)::timestamptz - interval '1 hour' AND hour < sqlc.arg(until)::timestamptz) AS uncounted;
