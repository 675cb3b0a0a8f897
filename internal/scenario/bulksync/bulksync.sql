-- What the daily Shopify bulk sync notes of a run: its roots, sweeps, rejected
-- records, marks and gaps, and what its proof compares.

-- name: RecordProducts :exec
INSERT INTO ingest_product (product_id, updated_at)
SELECT s.product_id, s.source_updated_at
FROM stage_product s
ON CONFLICT (product_id) DO UPDATE
SET updated_at = greatest(ingest_product.updated_at, excluded.updated_at);

-- name: DropReplayedProducts :exec
-- A replay was read before what is stored: where times are equal it loses, and to
-- a product that was archived since.
DELETE FROM stage_product s USING product p
WHERE p.product_id = s.product_id
  AND (p.source_updated_at > s.source_updated_at OR p.archived_at IS NOT NULL
       OR p.source_updated_at = s.source_updated_at AND p.content_hash <> s.content_hash);

-- name: AnalyzeLoaded :exec
-- The planner still thinks that a table is as small as it was before the load,
-- and would compare every row with every other. The columns that rows are found
-- by are enough, at a fifth of the time of all.
ANALYZE ingest_root (stream, subject_id, outcome, deliveries), ingest_product, product (product_id, source_updated_at),
    order_header (order_id, processed_at, source_updated_at, deleted_at),
    order_line_item (line_item_id, order_id, is_gift_card), order_fulfillment (fulfillment_id, order_id, created_at);

-- name: AnalyzeSweep :exec
ANALYZE ingest_sweep;

-- name: CountRoots :one
-- Distinct orders or products of the files.
SELECT CASE WHEN @stream::text = 'products' THEN (SELECT count(*) FROM ingest_product)
    ELSE (SELECT count(*) FROM ingest_root WHERE stream = @stream) END::bigint AS roots;

-- name: RecordSweep :exec
INSERT INTO ingest_sweep (stream, subject_id, updated_at)
SELECT DISTINCT ON (s.subject_id) @stream, s.subject_id, s.updated_at
FROM stage_sweep s ORDER BY s.subject_id, s.updated_at DESC
ON CONFLICT (subject_id, stream) DO NOTHING;

-- name: SweepOrders :many
-- Orders that the index has and the store has not, or has older, or deleted.
SELECT w.subject_id FROM ingest_sweep w
LEFT JOIN order_header h ON h.order_id = w.subject_id
WHERE w.stream = 'orders' AND w.subject_id > @after
  AND (h.order_id IS NULL OR h.source_updated_at < w.updated_at OR h.deleted_at IS NOT NULL)
ORDER BY w.subject_id LIMIT @row_limit;

-- name: SweepProducts :many
SELECT w.subject_id FROM ingest_sweep w
LEFT JOIN product p ON p.product_id = w.subject_id
WHERE w.stream = 'products' AND w.subject_id > @after
  AND (p.product_id IS NULL OR p.source_updated_at < w.updated_at OR p.archived_at IS NOT NULL)
ORDER BY w.subject_id LIMIT @row_limit;

-- name: GoneOrders :many
-- Stored orders last changed in the swept window that the index has no longer,
-- of those that the app should see.
SELECT h.order_id FROM order_header h
LEFT JOIN ingest_sweep w ON w.stream = 'orders' AND w.subject_id = h.order_id
WHERE h.order_id > @after AND h.deleted_at IS NULL AND w.subject_id IS NULL
  AND h.created_at >= coalesce(sqlc.narg(horizon)::timestamptz, '-infinity')
  AND h.source_updated_at >= coalesce(sqlc.narg(since)::timestamptz, '-infinity') AND h.source_updated_at < @until
ORDER BY h.order_id LIMIT @row_limit;

-- name: GoneProducts :many
SELECT p.product_id FROM product p
LEFT JOIN ingest_sweep w ON w.stream = 'products' AND w.subject_id = p.product_id
WHERE p.product_id > @after AND p.archived_at IS NULL AND w.subject_id IS NULL
  AND p.source_updated_at >= coalesce(sqlc.narg(since)::timestamptz, '-infinity') AND p.source_updated_at < @until
ORDER BY p.product_id LIMIT @row_limit;

-- name: NextUnreadRefunds :many
-- Orders whose refunds this program has not read since they last changed, of
-- this run and left over from earlier ones.
SELECT order_id FROM order_header
WHERE refund_count > 0 AND refunds_read_at IS NULL AND deleted_at IS NULL AND order_id > @after
ORDER BY order_id LIMIT @row_limit;

-- name: CountUnreadRefunds :one
SELECT count(*) FROM order_header
WHERE refund_count > 0 AND refunds_read_at IS NULL AND deleted_at IS NULL;

-- name: UnevenOrders :many
-- Orders whose stored lines or fulfillments don't add up to what Shopify
-- counts, or that the file held more than once, among the next row_limit.
-- Shopify's count leaves out gift cards and tips, so an order with a tip shows
-- here too, and is settled by reading it whole.
WITH page AS (
    SELECT r.subject_id, r.line_quantity, r.fulfillment_count, r.deliveries FROM ingest_root r
    WHERE r.stream = 'orders' AND r.outcome <> 'superseded'
      AND r.subject_id > @after AND r.subject_id <= @upto
)
SELECT p.subject_id
FROM page p
CROSS JOIN LATERAL (SELECT coalesce(sum(x.quantity) FILTER (WHERE NOT x.is_gift_card), 0)::int AS units
                    FROM order_line_item x WHERE x.order_id = p.subject_id) l
CROSS JOIN LATERAL (SELECT count(*)::int AS fulfillments FROM order_fulfillment x WHERE x.order_id = p.subject_id) f
WHERE (p.line_quantity <> l.units OR p.fulfillment_count <> f.fulfillments OR p.deliveries > 1)
  AND NOT EXISTS (SELECT FROM ingest_root b
                  WHERE b.stream = 'by_id' AND b.subject_id = p.subject_id)
ORDER BY p.subject_id;

-- name: UnsettledOrders :one
-- Orders read whole whose fulfillments still aren't as many as Shopify counts.
SELECT count(*) FROM ingest_root b
JOIN order_header h ON h.order_id = b.subject_id AND h.source_updated_at = b.updated_at
WHERE b.stream = 'by_id' AND b.outcome <> 'superseded'
  AND b.fulfillment_count <> (SELECT count(*) FROM order_fulfillment f WHERE f.order_id = b.subject_id);

-- name: FileOrderDays :many
SELECT r.day::date AS day, r.currency::text AS currency, count(*) AS orders, sum(r.total)::numeric AS total
FROM ingest_root r
WHERE r.stream = 'orders' AND r.outcome <> 'superseded' AND r.deliveries = 1
GROUP BY r.day, r.currency ORDER BY r.day, r.currency;

-- name: FileLineDays :many
SELECT day, currency, lines, units, gross, discount FROM ingest_day ORDER BY day, currency;

-- name: StoreDays :many
-- The same sums from the store, for the orders between two ids.
SELECT r.day::date AS day, r.currency::text AS currency, count(*) AS orders, sum(h.total)::numeric AS total,
    coalesce(sum(l.lines), 0)::bigint AS lines, coalesce(sum(l.units), 0)::bigint AS units,
    coalesce(sum(l.gross), 0)::numeric AS gross, coalesce(sum(l.discount), 0)::numeric AS discount
FROM ingest_root r
JOIN order_header h ON h.order_id = r.subject_id
CROSS JOIN LATERAL (
    SELECT count(*) AS lines, sum(x.quantity) AS units, sum(x.unit_price * x.quantity) AS gross, sum(x.discount) AS discount
    FROM order_line_item x WHERE x.order_id = r.subject_id) l
WHERE r.stream = 'orders' AND r.outcome <> 'superseded' AND r.deliveries = 1
  AND r.subject_id > @after AND r.subject_id <= @upto
GROUP BY r.day, r.currency ORDER BY r.day, r.currency;

-- name: RejectedDays :many
-- Days of orders of which the file held a line that can't be stored. The store
-- may have that line from before.
SELECT DISTINCT r.day::date AS day, r.currency::text AS currency
FROM rejected_record x
JOIN ingest_root r ON r.stream = 'orders' AND r.subject_id = x.subject_id
WHERE x.run_id = @run_id AND x.subject_type = 'LineItem';

-- name: StoredProducts :one
-- How many of the file's products the store holds as delivered or newer.
SELECT count(*) FROM ingest_product f
JOIN product p ON p.product_id = f.product_id AND p.source_updated_at >= f.updated_at;

-- name: PageEnd :one
-- The id that ends the next page of roots; 0 after the last.
SELECT coalesce(max(subject_id), 0)::bigint FROM (
    SELECT r.subject_id FROM ingest_root r
    WHERE r.stream = @stream AND r.subject_id > @after
    ORDER BY r.subject_id LIMIT @row_limit) page;

-- name: RejectRecord :exec
INSERT INTO rejected_record (run_id, source, line_no, subject_type, subject_id, reason, record)
VALUES (@run_id, @source, @line_no, @subject_type, sqlc.narg(subject_id), @reason, @record)
ON CONFLICT (run_id, source, line_no) DO NOTHING;

-- name: CountRejects :one
-- Of this run, also those that it could settle by reading them by id.
SELECT count(*) FROM rejected_record WHERE run_id = @run_id;

-- name: ListRejects :many
SELECT * FROM rejected_record WHERE run_id = @run_id ORDER BY source, line_no LIMIT @row_limit;

-- name: OpenRejects :many
-- Subjects of earlier runs' rejected records, to be fetched by id.
SELECT DISTINCT subject_id::bigint AS subject_id FROM rejected_record
WHERE resolved_run_id IS NULL AND subject_id IS NOT NULL AND run_id <> @run_id
  AND (subject_type = 'Product') = (@stream::text = 'products') AND subject_id > @after
ORDER BY 1 LIMIT @row_limit;

-- name: ResolveRejects :execrows
UPDATE rejected_record SET resolved_run_id = @run_id
WHERE subject_id = ANY(@subject_ids::bigint[]) AND resolved_run_id IS NULL
  AND (subject_type = 'Product') = (@stream::text = 'products');

-- name: ReadWatermark :one
SELECT stream, value, version, run_id FROM watermark WHERE stream = @stream;

-- name: ListWatermarks :many
SELECT stream, value, version, run_id FROM watermark ORDER BY stream;

-- name: FirstWatermark :execrows
INSERT INTO watermark (stream, value, version, run_id) VALUES (@stream, @until, 1, @run_id)
ON CONFLICT (stream) DO NOTHING;

-- name: AdvanceWatermark :execrows
-- Compare-and-set: a run that read from above the mark, or beside another run,
-- changes nothing.
UPDATE watermark SET value = @until, version = version + 1, run_id = @run_id
WHERE stream = @stream AND version = @version AND value >= @since AND value < @until;

-- name: NoteWatermark :exec
INSERT INTO watermark_history (stream, version, value, run_id)
SELECT w.stream, w.version, w.value, w.run_id FROM watermark w WHERE w.stream = @stream
ON CONFLICT (stream, version) DO NOTHING;

-- name: ExtendGap :execrows
-- A gap that is open grows: the next run could reach back less far still.
UPDATE ingest_gap SET until = greatest(until, @until), since = least(since, @since)
WHERE stream = @stream AND filled_by IS NULL;

-- name: RecordGap :exec
INSERT INTO ingest_gap (stream, since, until, run_id, reason)
VALUES (@stream, @since, @until, @run_id, @reason);

-- name: OpenGaps :many
-- Times that no run has read yet, with when that was noticed.
SELECT g.stream, g.since, g.until, g.reason, r.created_at AS noted
FROM ingest_gap g JOIN ingest_run r USING (run_id)
WHERE g.filled_by IS NULL ORDER BY g.since LIMIT 100;

-- name: FillGaps :execrows
-- A run that has read from a time on fills the gaps that begin after it.
UPDATE ingest_gap SET filled_by = @run_id
WHERE stream = @stream AND filled_by IS NULL AND since >= @since;

-- name: ClearWorkingTables :exec
-- One run works at a time, and a run that was overtaken by another is not
-- resumed, so whatever is left belongs to nobody.
TRUNCATE ingest_product, ingest_sweep;

-- name: SaleDays :many
-- Shop days, in order, on which the run told of sales or its files have orders.
SELECT day FROM ingest_told
UNION
SELECT day FROM ingest_root
ORDER BY day;

-- name: StoreTotals :one
-- What is stored of orders and products that are not deleted, cancelled and
-- test orders included.
SELECT (SELECT count(*) FROM order_header WHERE deleted_at IS NULL) AS orders,
    (SELECT count(*) FROM order_line_item l JOIN order_header h USING (order_id) WHERE h.deleted_at IS NULL) AS lines,
    (SELECT coalesce(sum(quantity), 0)::bigint FROM order_line_item l JOIN order_header h USING (order_id) WHERE h.deleted_at IS NULL) AS units,
    (SELECT count(*) FROM order_refund_line r JOIN order_header h USING (order_id) WHERE h.deleted_at IS NULL) AS refund_lines,
    (SELECT count(*) FROM order_fulfillment f JOIN order_header h USING (order_id) WHERE h.deleted_at IS NULL) AS fulfillments,
    (SELECT count(*) FROM product WHERE archived_at IS NULL) AS products;

-- name: MoneyTotals :many
-- The same in money, by currency.
SELECT h.currency, sum(h.total)::numeric AS total, sum(h.refunded)::numeric AS refunded,
    sum(h.refund_adjustment)::numeric AS adjusted,
    sum((SELECT coalesce(sum(l.unit_price * l.quantity), 0) FROM order_line_item l WHERE l.order_id = h.order_id))::numeric AS gross
FROM order_header h WHERE h.deleted_at IS NULL
GROUP BY h.currency ORDER BY h.currency;

-- name: DropOldRejects :execrows
-- Those that were settled, of runs that are over for so long.
DELETE FROM rejected_record WHERE (run_id, source, line_no) IN (
    SELECT x.run_id, x.source, x.line_no FROM rejected_record x JOIN ingest_run r USING (run_id)
    WHERE r.finished_at < @before::timestamptz AND x.resolved_run_id IS NOT NULL LIMIT 10000);

-- name: BlankOldRejects :execrows
-- Those that are still open stay listed, without what Shopify sent.
UPDATE rejected_record SET record = '' WHERE (run_id, source, line_no) IN (
    SELECT x.run_id, x.source, x.line_no FROM rejected_record x JOIN ingest_run r USING (run_id)
    WHERE r.finished_at < @before::timestamptz AND x.resolved_run_id IS NULL AND x.record <> '' LIMIT 10000);
