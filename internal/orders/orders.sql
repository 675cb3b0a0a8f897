-- What is written of orders. A chunk is copied into a stage table and merged from
-- there; rows that are stored already as delivered are joined away, so that a
-- second reading writes nothing.

-- name: MergeOrders :one
-- Judges every order of the chunk, notes the judgement in ingest_root, and
-- writes what is to be applied. Of an order that is delivered twice the newer
-- version counts. The stream is 'orders' for the file, 'by_id' for what was
-- asked for by id. A file that is replayed was read before what is stored: it
-- loses where times are equal, and to a deletion.
--
-- LATERAL with LIMIT makes the planner look rows up by key, which costs the
-- same however large the table has grown. New rows are inserted plainly, for ON
-- CONFLICT costs a sixth more; no other run writes beside this one.
WITH judged AS MATERIALIZED (
    SELECT s.*, h.processed_at AS was_processed_at,
        h.source_updated_at IS NULL AS is_new,
        CASE WHEN h.source_updated_at IS NULL OR s.source_updated_at > h.source_updated_at THEN 'applied'
             WHEN s.source_updated_at < h.source_updated_at THEN 'superseded'
             WHEN @replay::boolean AND (s.content_hash <> h.content_hash OR h.deleted_at IS NOT NULL) THEN 'superseded'
             WHEN s.content_hash <> h.content_hash OR h.deleted_at IS NOT NULL THEN 'applied'
             ELSE 'unchanged' END AS outcome
    FROM stage_order s
    LEFT JOIN LATERAL (SELECT x.source_updated_at, x.content_hash, x.deleted_at, x.processed_at FROM order_header x
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
), moved AS (
    -- Of an order whose processed_at changes, the sales at its old place.
    INSERT INTO stage_gone (line_item_id, order_id, product_id, variant_id, sku, quantity, refunded_quantity,
        gross_sales, discount, net_sales, currency, country, occurred_at, order_updated_at)
    SELECT l.line_item_id, l.order_id, l.product_id, l.variant_id, l.sku, l.quantity, l.refunded_quantity,
        l.gross_sales, l.discount, l.net_sales, j.currency, j.shipping_country, j.was_processed_at, j.source_updated_at
    FROM judged j
    JOIN LATERAL (
        SELECT x.line_item_id, x.order_id, x.product_id, x.variant_id, x.sku, x.quantity, x.refunded_quantity,
            x.unit_price * x.quantity AS gross_sales, x.discount, x.net_sales
        FROM order_line_item x WHERE x.order_id = j.order_id AND NOT x.is_gift_card OFFSET 0) l ON true
    WHERE j.outcome = 'applied' AND j.was_processed_at <> j.processed_at
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
SELECT (SELECT count(*) FROM inserted) AS inserted, (SELECT count(*) FROM updated) AS updated;

-- name: CountDuplicates :exec
-- Orders that the chunk held again, word for word.
UPDATE ingest_root SET deliveries = deliveries + 1
WHERE stream = 'orders' AND subject_id = ANY(@order_ids::bigint[]);

-- name: MergeFulfillments :execrows
-- Fulfillments of an order that lost to a newer stored one are left out. Of an
-- order that is stored as it is, a replay brings back what is missing.
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
  AND (NOT @replay::boolean OR o.outcome = 'applied' OR f.fulfillment_id IS NULL)
ON CONFLICT (fulfillment_id) DO UPDATE
SET order_id = excluded.order_id, status = excluded.status, display_status = excluded.display_status,
    created_at = excluded.created_at, updated_at = excluded.updated_at, delivered_at = excluded.delivered_at,
    tracking_company = excluded.tracking_company, tracking_number = excluded.tracking_number,
    run_id = excluded.run_id;

-- name: MergeLines :one
-- Lines of an order that lost to a newer stored one are superseded and left
-- out; of an order that is stored as it is, a replay brings back lines that are
-- missing. A new line is numbered after the lines that its order has, in the
-- file's sequence. What the file holds is summed by day, to be held against the store
-- later; orders that it holds more than once are read whole instead. Answers
-- how many lines have their order in this file, how many were written, and how
-- many of those are new: xmax of a row that was updated isn't 0.
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
      AND (l.line_no IS NULL OR l.content_hash <> s.content_hash AND NOT (@replay::boolean AND k.outcome = 'unchanged'))
    ON CONFLICT (line_item_id) DO UPDATE
    SET order_id = excluded.order_id, product_id = excluded.product_id, variant_id = excluded.variant_id,
        sku = excluded.sku, title = excluded.title, variant_title = excluded.variant_title,
        vendor = excluded.vendor, quantity = excluded.quantity, current_quantity = excluded.current_quantity,
        unit_price = excluded.unit_price, discount = excluded.discount, included_tax = excluded.included_tax,
        is_gift_card = excluded.is_gift_card, content_hash = excluded.content_hash, run_id = excluded.run_id
    RETURNING (xmax = 0) AS is_new
)
SELECT coalesce((SELECT sum(lines) FROM known), 0)::bigint AS matched,
    ((SELECT count(*) FROM inserted) + (SELECT count(*) FROM updated))::bigint AS written,
    ((SELECT count(*) FROM inserted) + (SELECT count(*) FROM updated WHERE is_new))::bigint AS added;

-- name: FindOrphans :many
-- Children whose parent is not in this file.
SELECT s.line_no, s.line_item_id, s.order_id
FROM stage_line s
WHERE NOT EXISTS (SELECT FROM ingest_root r WHERE r.subject_id = s.order_id AND r.stream = 'orders')
ORDER BY s.line_no;

-- name: DropRefundLines :execrows
-- Refund lines that an order has no longer.
DELETE FROM order_refund_line r
USING stage_refund_order q
WHERE r.order_id = q.order_id
  AND NOT EXISTS (SELECT FROM stage_refund_line s
                  WHERE s.refund_id = r.refund_id AND s.line_item_id = r.line_item_id);

-- name: MergeRefundLines :execrows
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
WITH dropped AS (
    DELETE FROM order_line_item l
    USING stage_order o, order_header h
    WHERE l.order_id = o.order_id
      AND h.order_id = o.order_id AND h.source_updated_at = o.source_updated_at
      AND NOT EXISTS (SELECT FROM stage_line s WHERE s.line_item_id = l.line_item_id)
    RETURNING l.*
)
INSERT INTO stage_gone (line_item_id, order_id, product_id, variant_id, sku, quantity, refunded_quantity,
    gross_sales, discount, net_sales, currency, country, occurred_at, order_updated_at)
SELECT d.line_item_id, d.order_id, d.product_id, d.variant_id, d.sku, d.quantity, d.refunded_quantity,
    d.unit_price * d.quantity, d.discount, d.net_sales, h.currency, h.shipping_country, h.processed_at, h.source_updated_at
FROM dropped d JOIN order_header h ON h.order_id = d.order_id
WHERE NOT d.is_gift_card;

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

-- name: NoteTold :exec
INSERT INTO ingest_told (day) SELECT unnest(@days::date[]) ORDER BY 1
ON CONFLICT (day) DO NOTHING;

-- name: ForgetOrders :exec
-- One run works at a time, and a run that was overtaken by another is not
-- resumed, so whatever is left belongs to nobody.
TRUNCATE ingest_root, ingest_day, ingest_told;
