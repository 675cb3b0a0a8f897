-- What products sold: computed set-based, page by page of product ids, and read
-- into memory the same way.

-- name: LastPerformanceDay :one
SELECT max(as_of)::date FROM performance_day HAVING max(as_of) IS NOT NULL;

-- name: PageOfProducts :one
-- Where a page of products ends; 0 where there are none left.
SELECT coalesce(max(p.product_id), 0)::bigint AS last_id
FROM (SELECT product_id FROM product WHERE product_id > @after::bigint ORDER BY product_id LIMIT @page_rows) p;

-- name: MeasureProducts :many
-- Measures the products of a page as of a day, and writes what differs from
-- the metric before. Sales count as in internal/sales: of orders that are
-- neither cancelled nor tests nor deleted, without gift cards, on the order's
-- day; money that is not in the shop's currency is left out. The first sale is
-- unknown while orders from when the product was published may be missing. ids
-- are as many as the page has rows. Sales are added up before they are joined to
-- anything, for the planner can't know how many days there are; LATERAL with
-- OFFSET or LIMIT has lines and orders looked up by key, however small it thinks
-- the tables are.
WITH page AS MATERIALIZED (
    SELECT p.product_id, p.status IN ('ACTIVE', 'UNLISTED') AND p.archived_at IS NULL AS is_active,
        sqlc.narg(history_since)::timestamptz IS NULL
            OR coalesce(p.published_at, p.created_at) >= sqlc.narg(history_since)::timestamptz AS is_known
    FROM product p
    WHERE p.product_id > @after::bigint AND p.product_id <= @upto::bigint
), sale AS MATERIALIZED (
    SELECT l.product_id, (h.processed_at AT TIME ZONE @zone::text)::date AS day, sum(l.quantity)::bigint AS units,
        coalesce(sum(l.net_sales) FILTER (WHERE h.currency = @currency::text), 0) AS net
    FROM page p
    JOIN LATERAL (
        SELECT x.product_id, x.order_id, x.quantity, x.net_sales FROM order_line_item x
        WHERE x.product_id = p.product_id AND NOT x.is_gift_card OFFSET 0) l ON true
    JOIN LATERAL (
        SELECT x.processed_at, x.currency FROM order_header x
        WHERE x.order_id = l.order_id AND x.cancelled_at IS NULL AND NOT x.is_test AND x.deleted_at IS NULL LIMIT 1) h ON true
    GROUP BY 1, 2
), past AS (
    SELECT w.product_id, w.first_day, w.units, w.net, (sqlc.arg(as_of)::date - w.day)::integer AS back,
        CASE WHEN w.day >= w.first_day THEN w.day - w.first_day END::integer AS age
    FROM (
        SELECT sale.product_id, sale.day, sale.units, sale.net,
            min(sale.day) FILTER (WHERE sale.units > 0) OVER (PARTITION BY sale.product_id) AS first_day
        FROM sale WHERE sale.day <= @as_of::date) w
), sold AS MATERIALIZED (
    SELECT past.product_id, min(past.first_day) AS first_day,
        sum(past.units) FILTER (WHERE past.age < 7) AS u1, sum(past.units) FILTER (WHERE past.age < 14) AS u2,
        sum(past.units) FILTER (WHERE past.back < 7) AS u3, sum(past.units) FILTER (WHERE past.back < 14) AS u4,
        sum(past.units) FILTER (WHERE past.back < 30) AS u5, sum(past.units) AS u6,
        sum(past.net) FILTER (WHERE past.age < 7) AS n1, sum(past.net) FILTER (WHERE past.age < 14) AS n2,
        sum(past.net) FILTER (WHERE past.back < 7) AS n3, sum(past.net) FILTER (WHERE past.back < 14) AS n4,
        sum(past.net) FILTER (WHERE past.back < 30) AS n5, sum(past.net) AS n6
    FROM past
    GROUP BY past.product_id
), measured AS (
    SELECT page.product_id, page.is_active, CASE WHEN page.is_known THEN sold.first_day END AS first_sale_day,
        CASE WHEN page.is_known THEN coalesce(sold.u1, 0)::bigint END AS u1,
        CASE WHEN page.is_known THEN coalesce(sold.u2, 0)::bigint END AS u2,
        coalesce(sold.u3, 0)::bigint AS u3, coalesce(sold.u4, 0)::bigint AS u4,
        coalesce(sold.u5, 0)::bigint AS u5, coalesce(sold.u6, 0)::bigint AS u6,
        CASE WHEN page.is_known THEN coalesce(sold.n1, 0) END::numeric AS n1,
        CASE WHEN page.is_known THEN coalesce(sold.n2, 0) END::numeric AS n2,
        coalesce(sold.n3, 0)::numeric AS n3, coalesce(sold.n4, 0)::numeric AS n4,
        coalesce(sold.n5, 0)::numeric AS n5, coalesce(sold.n6, 0)::numeric AS n6
    FROM page
    LEFT JOIN sold ON sold.product_id = page.product_id
), changed AS (
    SELECT m.product_id, m.is_active, m.first_sale_day, m.u1, m.u2, m.u3, m.u4, m.u5, m.u6, m.n1, m.n2, m.n3, m.n4, m.n5, m.n6,
        row_number() OVER (ORDER BY m.product_id) AS n
    FROM measured m
    LEFT JOIN LATERAL (
        SELECT x.metric_id, x.is_active, x.first_sale_day, x.units_first_7_days, x.units_first_14_days, x.units_last_7_days,
            x.units_last_14_days, x.units_last_30_days, x.units_total, x.net_sales_first_7_days, x.net_sales_first_14_days,
            x.net_sales_last_7_days, x.net_sales_last_14_days, x.net_sales_last_30_days, x.net_sales_total
        FROM performance_metric x
        WHERE x.product_id = m.product_id AND x.source = 'sync' AND x.as_of <= @as_of::date
        ORDER BY x.as_of DESC LIMIT 1) old ON true
    WHERE old.metric_id IS NULL
       OR (m.is_active, m.first_sale_day, m.u1, m.u2, m.u3, m.u4, m.u5, m.u6, m.n1, m.n2, m.n3, m.n4, m.n5, m.n6)
        IS DISTINCT FROM (old.is_active, old.first_sale_day, old.units_first_7_days, old.units_first_14_days,
            old.units_last_7_days, old.units_last_14_days, old.units_last_30_days, old.units_total,
            old.net_sales_first_7_days, old.net_sales_first_14_days, old.net_sales_last_7_days,
            old.net_sales_last_14_days, old.net_sales_last_30_days, old.net_sales_total)
)
INSERT INTO performance_metric (metric_id, product_id, as_of, source, first_sale_day,
    units_first_7_days, units_first_14_days, units_last_7_days, units_last_14_days, units_last_30_days, units_total,
    net_sales_first_7_days, net_sales_first_14_days, net_sales_last_7_days, net_sales_last_14_days,
    net_sales_last_30_days, net_sales_total, is_active, recorded_by, recorded_at, version)
SELECT (@ids::uuid[])[c.n], c.product_id, @as_of::date, 'sync', c.first_sale_day, c.u1, c.u2, c.u3, c.u4, c.u5, c.u6,
    c.n1, c.n2, c.n3, c.n4, c.n5, c.n6, c.is_active, @recorded_by::text, now(), 1
FROM changed c
ON CONFLICT (product_id, as_of) WHERE source = 'sync' DO UPDATE
SET first_sale_day = excluded.first_sale_day, is_active = excluded.is_active,
    units_first_7_days = excluded.units_first_7_days, units_first_14_days = excluded.units_first_14_days,
    units_last_7_days = excluded.units_last_7_days, units_last_14_days = excluded.units_last_14_days,
    units_last_30_days = excluded.units_last_30_days, units_total = excluded.units_total,
    net_sales_first_7_days = excluded.net_sales_first_7_days, net_sales_first_14_days = excluded.net_sales_first_14_days,
    net_sales_last_7_days = excluded.net_sales_last_7_days, net_sales_last_14_days = excluded.net_sales_last_14_days,
    net_sales_last_30_days = excluded.net_sales_last_30_days, net_sales_total = excluded.net_sales_total,
    recorded_by = excluded.recorded_by, recorded_at = excluded.recorded_at, version = performance_metric.version + 1
RETURNING *;

-- name: NotePerformanceDay :exec
INSERT INTO performance_day (as_of, run_id, currency, history_since)
VALUES (@as_of, @run_id, @currency, sqlc.narg(history_since))
ON CONFLICT (as_of) DO UPDATE
SET run_id = excluded.run_id, currency = excluded.currency, history_since = excluded.history_since, computed_at = now();

-- name: BumpPerformance :exec
UPDATE performance_state SET revision = revision + 1;

-- name: AtOneMoment :exec
-- What a transaction reads after this is as of one moment.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: ReadPerformanceState :one
-- The moment, as a snapshot, with the transaction before which none was under
-- way: what a later reader finds written by an earlier one, this one finds too.
SELECT revision, pg_current_snapshot()::text AS moment, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest
FROM performance_state;

-- name: PerformanceDayBefore :one
-- The newest day up to one as of which all products were measured.
SELECT as_of, currency, history_since, run_id, computed_at FROM performance_day WHERE as_of <= @day ORDER BY as_of DESC LIMIT 1;

-- name: AllProducts :one
SELECT coalesce(array_agg(product_id ORDER BY product_id), '{}')::bigint[] AS product_ids FROM product;

-- name: ProductsWrittenSince :one
-- Products that a transaction, or one after it, wrote. xmin names the
-- transaction that made a row what it is, modulo 2^32, and age compares such.
-- In one row, for all of them may have been.
SELECT coalesce(array_agg(p.product_id ORDER BY p.product_id), '{}')::bigint[] AS product_ids
FROM product p
WHERE age(p.xmin) <= age((@since::bigint & 4294967295)::text::xid);

-- name: ProductsMeasuredSince :one
-- Products that were measured as of a day after one up to another, or as of the
-- former by a transaction or one after it. Earlier days are as they were.
SELECT coalesce(array_agg(DISTINCT m.product_id ORDER BY m.product_id), '{}')::bigint[] AS product_ids
FROM performance_metric m
WHERE m.source = 'sync' AND m.as_of >= @after_day::date AND m.as_of <= @upto::date
  AND (m.as_of > @after_day::date OR age(m.xmin) <= age((@since::bigint & 4294967295)::text::xid));

-- name: TableOfProducts :many
-- Some products with the metric that holds as of a day, if they have one.
SELECT p.product_id, p.title, p.handle, p.product_line, p.status, p.image_url,
    (p.status IN ('ACTIVE', 'UNLISTED') AND p.archived_at IS NULL)::boolean AS is_active_now,
    (p.published_at IS NOT NULL)::boolean AS is_published,
    (coalesce(p.published_at, p.created_at) AT TIME ZONE @zone::text)::date AS published_day,
    m.metric_id, m.as_of, m.first_sale_day,
    m.units_first_7_days, m.units_first_14_days, m.units_last_7_days, m.units_last_14_days, m.units_last_30_days, m.units_total,
    m.net_sales_first_7_days, m.net_sales_first_14_days, m.net_sales_last_7_days, m.net_sales_last_14_days,
    m.net_sales_last_30_days, m.net_sales_total, m.is_active
FROM product p
LEFT JOIN performance_metric m ON m.metric_id = (
    SELECT x.metric_id FROM performance_metric x
    WHERE x.product_id = p.product_id AND x.source = 'sync' AND x.as_of <= sqlc.narg(as_of)::date
    ORDER BY x.as_of DESC LIMIT 1)
WHERE p.product_id = ANY (@product_ids::bigint[])
ORDER BY p.product_id;

-- name: ManualMetrics :many
-- Those up to a day, the older first, from one on.
SELECT * FROM performance_metric
WHERE source = 'manual' AND deleted_at IS NULL AND as_of <= @day
  AND (product_id, as_of) > (@after_product::bigint, @after_day::date)
ORDER BY product_id, as_of LIMIT @page_rows;

-- name: ReadMetric :one
SELECT * FROM performance_metric WHERE metric_id = @metric_id;

-- name: LockMetrics :many
SELECT * FROM performance_metric WHERE metric_id = ANY (@metric_ids::uuid[]) ORDER BY metric_id FOR UPDATE;

-- name: InsertManualMetric :exec
-- Where one is there for the product and the day, this is a unique violation;
-- callers look first.
INSERT INTO performance_metric (metric_id, product_id, as_of, source, first_sale_day,
    units_first_7_days, units_first_14_days, units_last_7_days, units_last_14_days, units_last_30_days, units_total,
    net_sales_first_7_days, net_sales_first_14_days, net_sales_last_7_days, net_sales_last_14_days,
    net_sales_last_30_days, net_sales_total, is_active, note, recorded_by, recorded_at, version)
VALUES (@metric_id, @product_id, @as_of, 'manual', sqlc.narg(first_sale_day),
    sqlc.narg(u1), sqlc.narg(u2), sqlc.narg(u3), sqlc.narg(u4), sqlc.narg(u5), sqlc.narg(u6),
    sqlc.narg(n1), sqlc.narg(n2), sqlc.narg(n3), sqlc.narg(n4), sqlc.narg(n5), sqlc.narg(n6),
    sqlc.narg(is_active), sqlc.narg(note), @recorded_by, @recorded_at, 1);

-- name: WriteManualMetric :exec
UPDATE performance_metric
SET as_of = @as_of, first_sale_day = sqlc.narg(first_sale_day),
    units_first_7_days = sqlc.narg(u1), units_first_14_days = sqlc.narg(u2), units_last_7_days = sqlc.narg(u3),
    units_last_14_days = sqlc.narg(u4), units_last_30_days = sqlc.narg(u5), units_total = sqlc.narg(u6),
    net_sales_first_7_days = sqlc.narg(n1), net_sales_first_14_days = sqlc.narg(n2), net_sales_last_7_days = sqlc.narg(n3),
    net_sales_last_14_days = sqlc.narg(n4), net_sales_last_30_days = sqlc.narg(n5), net_sales_total = sqlc.narg(n6),
    is_active = sqlc.narg(is_active), note = sqlc.narg(note), recorded_by = @recorded_by, recorded_at = @recorded_at,
    version = @version, deleted_at = sqlc.narg(deleted_at)
WHERE metric_id = @metric_id;

-- name: ManualMetricsOfDays :many
-- Manual metrics that are there for pairs of product and day.
SELECT m.metric_id, m.product_id, m.as_of
FROM (SELECT unnest(@product_ids::bigint[]) AS product_id, unnest(@days::date[]) AS as_of) w
JOIN performance_metric m ON m.product_id = w.product_id AND m.as_of = w.as_of
WHERE m.source = 'manual' AND m.deleted_at IS NULL;

-- name: KnownProducts :many
SELECT product_id FROM product WHERE product_id = ANY (@product_ids::bigint[]);

-- name: ProductsOfTags :one
-- Of any of the tags, in one row, for these may have more products than a result
-- may have rows.
SELECT coalesce(array_agg(DISTINCT l.product_id ORDER BY l.product_id), '{}')::bigint[] AS product_ids
FROM product_tag t
JOIN link_product_product_tag l ON l.tag_id = t.tag_id
WHERE lower(t.name) IN (SELECT lower(unnest(@names::text[])));

-- name: ProductsOfGroup :one
-- No row where there is no such group.
SELECT coalesce((
    SELECT array_agg(DISTINCT l.product_id ORDER BY l.product_id)
    FROM link_product_category_product_tag g
    JOIN link_product_product_tag l ON l.tag_id = g.tag_id
    WHERE g.category_id = c.category_id), '{}')::bigint[] AS product_ids
FROM product_category c
WHERE c.category_id = @category_id AND c.archived_at IS NULL;
