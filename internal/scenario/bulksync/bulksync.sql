-- Queries of the daily Shopify bulk sync. A chunk of the file is copied into a
-- stage table and merged from there; rows that are stored already as delivered
-- are joined away, so that a second reading writes nothing.

-- name: ApplyOrders :one
-- Judges every order of the chunk, notes the judgement in ingest_root, and
-- writes what is to be applied. Of an order that is delivered twice the newer
-- version counts. The stream is 'orders' for the file, 'by_id' for what was
-- asked for by id.
--
-- LATERAL with LIMIT makes the planner look rows up by key, which costs the
-- same however large the table has grown. New rows are inserted plainly, for ON
-- CONFLICT costs a sixth more; no other run writes beside this one.
WITH judged AS MATERIALIZED (
    SELECT s.*,
        h.source_updated_at IS NULL AS is_new,
        CASE WHEN h.source_updated_at IS NULL OR s.source_updated_at > h.source_updated_at THEN 'applied'
             WHEN s.source_updated_at < h.source_updated_at THEN 'superseded'
             WHEN s.content_hash <> h.content_hash OR h.deleted_at IS NOT NULL THEN 'applied'
             ELSE 'unchanged' END AS outcome
    FROM stage_order s
    LEFT JOIN LATERAL (SELECT x.source_updated_at, x.content_hash, x.deleted_at FROM order_header x
                       WHERE x.order_id = s.order_id LIMIT 1) h ON true
), noted AS (
    INSERT INTO ingest_root (stream, subject_id, outcome, updated_at, day, currency, total,
        taxes_included, line_quantity, fulfillment_count, deliveries)
    SELECT @stream::text, j.order_id, j.outcome, j.source_updated_at, j.day, j.currency, j.total,
        j.taxes_included, j.line_quantity, j.fulfillment_count, j.deliveries
    FROM judged j
    ON CONFLICT (subject_id, stream) DO UPDATE
    SET deliveries = ingest_root.deliveries + excluded.deliveries,
        outcome = CASE WHEN excluded.outcome = 'applied' THEN 'applied' ELSE ingest_root.outcome END,
        updated_at = greatest(ingest_root.updated_at, excluded.updated_at),
        taxes_included = excluded.taxes_included, fulfillment_count = excluded.fulfillment_count
), inserted AS (
    INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at,
        cancelled_at, closed_at, financial_status, fulfillment_status, currency, taxes_included,
        subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total,
        customer_id, email, shipping_country, source_name, tags, is_test, is_edited, refund_count,
        refunds_read_at, content_hash, run_id)
    SELECT s.order_id, s.name, s.processed_at, s.created_at, s.source_updated_at,
        s.cancelled_at, s.closed_at, s.financial_status, s.fulfillment_status, s.currency, s.taxes_included,
        s.subtotal, s.discount, s.shipping, s.tax, s.total, s.refunded, s.presentment_currency, s.presentment_total,
        s.customer_id, s.email, s.shipping_country, s.source_name, s.tags, s.is_test, s.is_edited, s.refund_count,
        NULL, s.content_hash, @run_id
    FROM judged s
    WHERE s.is_new
    RETURNING 1
), updated AS (
    INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at,
        cancelled_at, closed_at, financial_status, fulfillment_status, currency, taxes_included,
        subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total,
        customer_id, email, shipping_country, source_name, tags, is_test, is_edited, refund_count,
        refunds_read_at, content_hash, run_id)
    SELECT s.order_id, s.name, s.processed_at, s.created_at, s.source_updated_at,
        s.cancelled_at, s.closed_at, s.financial_status, s.fulfillment_status, s.currency, s.taxes_included,
        s.subtotal, s.discount, s.shipping, s.tax, s.total, s.refunded, s.presentment_currency, s.presentment_total,
        s.customer_id, s.email, s.shipping_country, s.source_name, s.tags, s.is_test, s.is_edited, s.refund_count,
        NULL, s.content_hash, @run_id
    FROM judged s
    WHERE s.outcome = 'applied' AND NOT s.is_new
    ON CONFLICT (order_id) DO UPDATE
    SET name = excluded.name, processed_at = excluded.processed_at, created_at = excluded.created_at,
        source_updated_at = excluded.source_updated_at, cancelled_at = excluded.cancelled_at,
        closed_at = excluded.closed_at, financial_status = excluded.financial_status,
        fulfillment_status = excluded.fulfillment_status, currency = excluded.currency,
        taxes_included = excluded.taxes_included, subtotal = excluded.subtotal, discount = excluded.discount,
        shipping = excluded.shipping, tax = excluded.tax, total = excluded.total, refunded = excluded.refunded,
        presentment_currency = excluded.presentment_currency, presentment_total = excluded.presentment_total,
        customer_id = excluded.customer_id, email = excluded.email, shipping_country = excluded.shipping_country,
        source_name = excluded.source_name, tags = excluded.tags, is_test = excluded.is_test,
        is_edited = excluded.is_edited, refund_count = excluded.refund_count, refunds_read_at = NULL,
        content_hash = excluded.content_hash, deleted_at = NULL, run_id = excluded.run_id
    WHERE order_header.source_updated_at <= excluded.source_updated_at
    RETURNING 1
)
SELECT ((SELECT count(*) FROM inserted) + (SELECT count(*) FROM updated))::bigint AS written;

-- name: ApplyFulfillments :execrows
-- Fulfillments of an order that lost to a newer stored one are left out.
INSERT INTO order_fulfillment (fulfillment_id, order_id, status, display_status,
    created_at, updated_at, delivered_at, tracking_company, tracking_number, run_id)
SELECT s.fulfillment_id, s.order_id, s.status, s.display_status,
    s.created_at, s.updated_at, s.delivered_at, s.tracking_company, s.tracking_number, @run_id
FROM stage_fulfillment s
JOIN LATERAL (SELECT r.outcome FROM ingest_root r
              WHERE r.subject_id = s.order_id AND r.stream = @stream::text LIMIT 1) o ON o.outcome <> 'superseded'
LEFT JOIN LATERAL (SELECT x.* FROM order_fulfillment x WHERE x.fulfillment_id = s.fulfillment_id LIMIT 1) f ON true
WHERE (f.order_id, f.status, f.display_status, f.updated_at, f.delivered_at, f.tracking_company, f.tracking_number)
    IS DISTINCT FROM
      (s.order_id, s.status, s.display_status, s.updated_at, s.delivered_at, s.tracking_company, s.tracking_number)
ON CONFLICT (fulfillment_id) DO UPDATE
SET order_id = excluded.order_id, status = excluded.status, display_status = excluded.display_status,
    created_at = excluded.created_at, updated_at = excluded.updated_at, delivered_at = excluded.delivered_at,
    tracking_company = excluded.tracking_company, tracking_number = excluded.tracking_number,
    run_id = excluded.run_id;

-- name: ApplyLines :one
-- Lines of an order that lost to a newer stored one are superseded and left
-- out. A new line is numbered after the lines that its order has, in the file's
-- sequence. What the file holds is summed by day, to be held against the store
-- later; orders that it holds more than once are read whole instead. Answers
-- how many lines have their order in this file, and how many were written.
WITH known AS MATERIALIZED (
    SELECT t.*, r.day, r.currency, r.taxes_included, r.outcome, r.deliveries,
        (SELECT max(x.line_no) FROM order_line_item x WHERE x.order_id = t.order_id) AS last
    FROM stage_line_order t
    JOIN LATERAL (SELECT x.day, x.currency, x.taxes_included, x.outcome, x.deliveries FROM ingest_root x
                  WHERE x.subject_id = t.order_id AND x.stream = @stream::text LIMIT 1) r ON true
), days AS (
    INSERT INTO ingest_day (day, currency, lines, units, gross, discount)
    SELECT k.day, k.currency, sum(k.lines), sum(k.units), sum(k.gross), sum(k.discount)
    FROM known k
    WHERE @stream::text = 'orders' AND k.outcome <> 'superseded' AND k.deliveries = 1
    GROUP BY k.day, k.currency
    ON CONFLICT (day, currency) DO UPDATE
    SET lines = ingest_day.lines + excluded.lines, units = ingest_day.units + excluded.units,
        gross = ingest_day.gross + excluded.gross, discount = ingest_day.discount + excluded.discount
), inserted AS (
    -- An order without stored lines: nothing to compare with.
    INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, variant_id, sku, title,
        variant_title, vendor, quantity, current_quantity, unit_price, discount, included_tax,
        is_gift_card, content_hash, run_id)
    SELECT s.line_item_id, s.order_id, s.nth,
        s.product_id, s.variant_id, s.sku, s.title, s.variant_title, s.vendor,
        s.quantity, s.current_quantity, s.unit_price, s.discount,
        CASE WHEN k.taxes_included THEN s.tax ELSE 0 END,
        s.is_gift_card, s.content_hash, @run_id
    FROM stage_line s
    JOIN known k ON k.order_id = s.order_id
    WHERE k.outcome <> 'superseded' AND k.last IS NULL
    RETURNING 1
), updated AS (
    INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, variant_id, sku, title,
        variant_title, vendor, quantity, current_quantity, unit_price, discount, included_tax,
        is_gift_card, content_hash, run_id)
    SELECT s.line_item_id, s.order_id,
        coalesce(l.line_no, k.last + row_number() OVER (PARTITION BY s.order_id, l.line_no IS NULL ORDER BY s.line_no)),
        s.product_id, s.variant_id, s.sku, s.title, s.variant_title, s.vendor,
        s.quantity, s.current_quantity, s.unit_price, s.discount,
        CASE WHEN k.taxes_included THEN s.tax ELSE 0 END,
        s.is_gift_card, s.content_hash, @run_id
    FROM stage_line s
    JOIN known k ON k.order_id = s.order_id
    LEFT JOIN LATERAL (SELECT x.line_no, x.content_hash FROM order_line_item x
                       WHERE x.line_item_id = s.line_item_id LIMIT 1) l ON true
    WHERE k.outcome <> 'superseded' AND k.last IS NOT NULL
      AND (l.line_no IS NULL OR l.content_hash <> s.content_hash)
    ON CONFLICT (line_item_id) DO UPDATE
    SET order_id = excluded.order_id, product_id = excluded.product_id, variant_id = excluded.variant_id,
        sku = excluded.sku, title = excluded.title, variant_title = excluded.variant_title,
        vendor = excluded.vendor, quantity = excluded.quantity, current_quantity = excluded.current_quantity,
        unit_price = excluded.unit_price, discount = excluded.discount, included_tax = excluded.included_tax,
        is_gift_card = excluded.is_gift_card, content_hash = excluded.content_hash, run_id = excluded.run_id
    RETURNING 1
)
SELECT coalesce((SELECT sum(lines) FROM known), 0)::bigint AS matched,
    ((SELECT count(*) FROM inserted) + (SELECT count(*) FROM updated))::bigint AS written;

-- name: FindOrphans :many
-- Children whose parent is not in this file.
SELECT s.line_no, s.line_item_id, s.order_id
FROM stage_line s
WHERE NOT EXISTS (SELECT FROM ingest_root r WHERE r.subject_id = s.order_id AND r.stream = 'orders')
ORDER BY s.line_no;

-- name: RecordProductRoots :exec
INSERT INTO ingest_root (stream, subject_id, outcome, updated_at, deliveries)
SELECT @stream, s.product_id,
    CASE WHEN p.product_id IS NULL OR s.source_updated_at > p.source_updated_at THEN 'applied'
         WHEN s.source_updated_at < p.source_updated_at THEN 'superseded'
         WHEN s.content_hash <> p.content_hash OR p.archived_at IS NOT NULL THEN 'applied'
         ELSE 'unchanged' END,
    s.source_updated_at, s.deliveries
FROM stage_product s
LEFT JOIN product p ON p.product_id = s.product_id
ON CONFLICT (subject_id, stream) DO UPDATE
SET deliveries = ingest_root.deliveries + excluded.deliveries,
    outcome = CASE WHEN excluded.outcome = 'applied' THEN 'applied' ELSE ingest_root.outcome END,
    updated_at = greatest(ingest_root.updated_at, excluded.updated_at);

-- name: CountDuplicates :exec
-- Orders that the chunk held again, word for word.
UPDATE ingest_root SET deliveries = deliveries + 1
WHERE stream = @stream AND subject_id = ANY(@subject_ids::bigint[]);

-- name: AnalyzeLoaded :exec
-- The planner still thinks that a table is as small as it was before the load,
-- and would compare every row with every other.
ANALYZE ingest_root, product, order_header, order_line_item, order_fulfillment;

-- name: AnalyzeSweep :exec
ANALYZE ingest_sweep;

-- name: CountRoots :one
SELECT count(*) AS roots,
    count(*) FILTER (WHERE outcome = 'applied') AS applied,
    count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
    count(*) FILTER (WHERE outcome = 'superseded') AS superseded
FROM ingest_root WHERE stream = @stream;

-- name: NextUnreadRefunds :many
-- Orders whose refunds this program has not read since they last changed, of
-- this run and left over from earlier ones.
SELECT order_id FROM order_header
WHERE refund_count > 0 AND refunds_read_at IS NULL AND deleted_at IS NULL AND order_id > @after
ORDER BY order_id LIMIT @row_limit;

-- name: CountUnreadRefunds :one
SELECT count(*) FROM order_header
WHERE refund_count > 0 AND refunds_read_at IS NULL AND deleted_at IS NULL;

-- name: DropRefundLines :execrows
-- Refund lines that an order has no longer.
DELETE FROM order_refund_line r
USING stage_refund_order q
WHERE r.order_id = q.order_id
  AND NOT EXISTS (SELECT FROM stage_refund_line s
                  WHERE s.refund_id = r.refund_id AND s.line_item_id = r.line_item_id);

-- name: ApplyRefundLines :execrows
INSERT INTO order_refund_line (refund_id, line_item_id, order_id, quantity, subtotal, tax, created_at, run_id)
SELECT s.refund_id, s.line_item_id, s.order_id, sum(s.quantity), sum(s.subtotal), sum(s.tax), min(s.created_at), @run_id
FROM stage_refund_line s
GROUP BY s.refund_id, s.line_item_id, s.order_id
ON CONFLICT (refund_id, line_item_id) DO UPDATE
SET order_id = excluded.order_id, quantity = excluded.quantity, subtotal = excluded.subtotal,
    tax = excluded.tax, created_at = excluded.created_at, run_id = excluded.run_id
WHERE (order_refund_line.order_id, order_refund_line.quantity, order_refund_line.subtotal,
       order_refund_line.tax, order_refund_line.created_at)
    IS DISTINCT FROM (excluded.order_id, excluded.quantity, excluded.subtotal, excluded.tax, excluded.created_at);

-- name: SumRefundsOnLines :execrows
-- Carries the refund lines of these orders to their line items.
UPDATE order_line_item l
SET refunded_quantity = t.quantity, refunded_subtotal = t.subtotal, refunded_included_tax = t.included_tax,
    run_id = @run_id
FROM (
    SELECT x.line_item_id, coalesce(sum(r.quantity), 0)::int AS quantity,
        coalesce(sum(r.subtotal), 0) AS subtotal,
        coalesce(sum(r.tax) FILTER (WHERE h.taxes_included), 0) AS included_tax
    FROM stage_refund_order q
    JOIN order_header h ON h.order_id = q.order_id
    JOIN order_line_item x ON x.order_id = q.order_id
    LEFT JOIN order_refund_line r ON r.order_id = x.order_id AND r.line_item_id = x.line_item_id
    GROUP BY x.line_item_id
) t
WHERE l.line_item_id = t.line_item_id
  AND (l.refunded_quantity, l.refunded_subtotal, l.refunded_included_tax)
    IS DISTINCT FROM (t.quantity, t.subtotal, t.included_tax);

-- name: CloseRefunds :execrows
-- What was refunded without a line stays on the order as an adjustment. An
-- order that changed since it was read stays open for the next reading.
UPDATE order_header h
SET refund_adjustment = h.refunded - coalesce(t.amount, 0),
    refunded_at = q.refunded_at, refunds_read_at = now()
FROM stage_refund_order q
LEFT JOIN (
    SELECT r.order_id, sum(r.subtotal + CASE WHEN o.taxes_included THEN 0 ELSE r.tax END) AS amount
    FROM stage_refund_order x
    JOIN order_refund_line r ON r.order_id = x.order_id
    JOIN order_header o ON o.order_id = r.order_id
    GROUP BY r.order_id
) t ON t.order_id = q.order_id
WHERE h.order_id = q.order_id AND h.source_updated_at <= q.updated_at;

-- name: DropLinesNotStaged :execrows
-- An order read by id is whole: a line that it lacks is gone.
DELETE FROM order_line_item l
USING stage_order o, order_header h
WHERE l.order_id = o.order_id
  AND h.order_id = o.order_id AND h.source_updated_at = o.source_updated_at
  AND NOT EXISTS (SELECT FROM stage_line s WHERE s.line_item_id = l.line_item_id);

-- name: DropFulfillmentsNotStaged :execrows
DELETE FROM order_fulfillment f
USING stage_order o, order_header h
WHERE f.order_id = o.order_id
  AND h.order_id = o.order_id AND h.source_updated_at = o.source_updated_at
  AND NOT EXISTS (SELECT FROM stage_fulfillment s WHERE s.fulfillment_id = f.fulfillment_id);

-- name: DeleteOrders :execrows
-- Deleted orders are kept and don't count. Orders made before the app's
-- horizon are left alone: that it doesn't see them says nothing.
UPDATE order_header SET deleted_at = now(), run_id = @run_id
WHERE order_id = ANY(@order_ids::bigint[]) AND deleted_at IS NULL
  AND created_at >= coalesce(sqlc.narg(horizon)::timestamptz, '-infinity');

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
SELECT count(*) FROM ingest_root r
JOIN product p ON p.product_id = r.subject_id AND p.source_updated_at >= r.updated_at
WHERE r.stream = 'products';

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

-- name: FillGaps :execrows
-- A run that has read from a time on fills the gaps that begin after it.
UPDATE ingest_gap SET filled_by = @run_id
WHERE stream = @stream AND filled_by IS NULL AND since >= @since;

-- name: ClearWorkingTables :exec
-- One run works at a time, and a run that was overtaken by another is not
-- resumed, so whatever is left belongs to nobody.
TRUNCATE ingest_root, ingest_day, ingest_sweep;

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
