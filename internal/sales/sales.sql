-- Facts for the lakehouse, read from the orders that a transaction has just
-- written. Money is counted in ten-thousandths.

-- name: GoneSales :many
-- Versions of lines that are no longer what they were told to be: the line was
-- dropped, or its order's processed_at has changed, and with it the place
-- where readers look for the line.
SELECT line_item_id, order_id, product_id, variant_id, sku, quantity, refunded_quantity,
    (gross_sales * 10000)::bigint AS gross_sales, (discount * 10000)::bigint AS discount,
    (net_sales * 10000)::bigint AS net_sales, currency, country, occurred_at, order_updated_at,
    false AS is_cancelled, false AS is_test, true AS deleted
FROM stage_gone
WHERE (order_id, line_item_id) > (@after_order::bigint, @after_line::bigint)
ORDER BY order_id, line_item_id LIMIT @row_limit;

-- name: ChangedSales :many
-- Lines of these orders that this very transaction wrote, and where headers
-- count, those whose order it wrote: xmin names the transaction that made a row what it is. LATERAL with
-- LIMIT or OFFSET makes the planner look rows up by key, however small it
-- thinks the tables are.
SELECT l.line_item_id::bigint AS line_item_id, l.order_id::bigint AS order_id, l.product_id, l.variant_id, l.sku,
    l.quantity::integer AS quantity, l.refunded_quantity::integer AS refunded_quantity,
    (l.unit_price * l.quantity * 10000)::bigint AS gross_sales, (l.discount * 10000)::bigint AS discount,
    (l.net_sales * 10000)::bigint AS net_sales, h.currency, h.shipping_country AS country,
    h.processed_at AS occurred_at, h.source_updated_at AS order_updated_at,
    (h.cancelled_at IS NOT NULL)::boolean AS is_cancelled, h.is_test, (h.deleted_at IS NOT NULL)::boolean AS deleted
FROM unnest(@order_ids::bigint[]) AS o (order_id)
JOIN LATERAL (
    SELECT x.currency, x.shipping_country, x.processed_at, x.source_updated_at, x.cancelled_at, x.is_test, x.deleted_at,
        x.xmin = pg_current_xact_id()::xid AS written
    FROM order_header x WHERE x.order_id = o.order_id LIMIT 1) h ON true
JOIN LATERAL (
    SELECT x.line_item_id, x.order_id, x.product_id, x.variant_id, x.sku, x.quantity, x.refunded_quantity,
        x.unit_price, x.discount, x.net_sales, x.xmin = pg_current_xact_id()::xid AS written
    FROM order_line_item x WHERE x.order_id = o.order_id AND NOT x.is_gift_card OFFSET 0) l ON true
WHERE (l.written OR h.written AND @headers::boolean) AND (l.order_id, l.line_item_id) > (@after_order::bigint, @after_line::bigint)
ORDER BY l.order_id, l.line_item_id LIMIT @row_limit;

-- name: StoredSales :many
-- What PostgreSQL holds of each day and currency. Days come as their first
-- instants, in order, and are numbered from 1; the last ends at until.
SELECT width_bucket(h.processed_at, @days::timestamptz[])::integer AS day_no, h.currency, count(*) AS lines,
    sum(l.quantity)::bigint AS units, sum(l.refunded_quantity)::bigint AS refunded_units,
    sum(l.unit_price * l.quantity)::numeric AS gross_sales, sum(l.discount)::numeric AS discount,
    sum(l.net_sales)::numeric AS net_sales,
    count(*) FILTER (WHERE h.cancelled_at IS NULL AND NOT h.is_test) AS counted_lines,
    coalesce(sum(l.net_sales) FILTER (WHERE h.cancelled_at IS NULL AND NOT h.is_test), 0)::numeric AS counted_net_sales
FROM order_header h
JOIN order_line_item l ON l.order_id = h.order_id
WHERE h.processed_at >= @since AND h.processed_at < @until AND h.deleted_at IS NULL AND NOT l.is_gift_card
GROUP BY day_no, h.currency
ORDER BY day_no, h.currency;

-- name: DraftHeaders :many
-- What sales take from their order, looked up by key, one by one. Nothing where
-- the last of the orders has lines already: then these lines are hardly new,
-- and there is no use in drafting their sales.
SELECT h.order_id::bigint AS order_id, h.currency, h.shipping_country, h.processed_at, h.source_updated_at,
    (h.cancelled_at IS NOT NULL)::boolean AS is_cancelled, h.is_test, (h.deleted_at IS NOT NULL)::boolean AS deleted,
    h.taxes_included
FROM unnest(@order_ids::bigint[]) AS o (order_id)
JOIN LATERAL (
    SELECT x.order_id, x.currency, x.shipping_country, x.processed_at, x.source_updated_at, x.cancelled_at, x.is_test,
        x.deleted_at, x.taxes_included
    FROM order_header x WHERE x.order_id = o.order_id LIMIT 1) h ON true
WHERE NOT EXISTS (SELECT FROM order_line_item x WHERE x.order_id = @last_order::bigint);
