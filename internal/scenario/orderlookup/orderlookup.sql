-- Finding orders, and all that is known of those that were found. The number of
-- statements doesn't grow with that of the queries.

-- name: FindOrders :many
-- The orders that queries name exactly, at most a number for each name, id and
-- address: those with the greatest ids of a name, the newest of an address.
WITH names AS (
    SELECT unnest(@name_places::int[]) AS place, lower(unnest(@names::text[])) AS name
), ids AS (
    SELECT unnest(@id_places::int[]) AS place, unnest(@ids::bigint[]) AS order_id
), emails AS (
    SELECT unnest(@email_places::int[]) AS place, lower(unnest(@emails::text[])) AS email
)
SELECT q.place::int AS place, 1::int AS how, o.order_id, o.processed_at
FROM names q
CROSS JOIN LATERAL (
    SELECT h.order_id, h.processed_at FROM order_header h
    WHERE length(lower(h.name)) = length(q.name) AND lower(h.name) COLLATE "C" = q.name
    ORDER BY h.order_id DESC LIMIT @per_query) o
UNION ALL
SELECT q.place::int, 2, o.order_id, o.processed_at
FROM ids q
CROSS JOIN LATERAL (
    SELECT h.order_id, h.processed_at FROM order_header h WHERE h.order_id = q.order_id LIMIT 1) o
UNION ALL
SELECT q.place::int, 3, o.order_id, o.processed_at
FROM emails q
CROSS JOIN LATERAL (
    SELECT h.order_id, h.processed_at FROM order_header h
    WHERE h.email IS NOT NULL AND lower(h.email) = q.email
    ORDER BY h.processed_at DESC, h.order_id DESC LIMIT @per_query) o;

-- name: FindOrdersByPrefix :many
-- The first orders whose names begin so, short names first: #100 comes before
-- #1000. Each length that names have is found by one look into the index, and
-- so are the first names of a length; that all who share a beginning come before
-- its end with the last of all characters is what the order of bytes is for.
WITH RECURSIVE lengths AS (
    SELECT min(length(lower(h.name))) AS n FROM order_header h
    UNION ALL
    SELECT (SELECT min(length(lower(h.name))) FROM order_header h WHERE length(lower(h.name)) > l.n)
    FROM lengths l WHERE l.n IS NOT NULL
), asked AS (
    SELECT unnest(@places::int[]) AS place, lower(unnest(@names::text[])) AS name
)
SELECT q.place::int AS place, f.n::int AS name_length, f.name::text AS name, f.order_id
FROM asked q
CROSS JOIN LATERAL (
    SELECT l.n, o.name, o.order_id
    FROM lengths l
    CROSS JOIN LATERAL (
        SELECT lower(h.name) COLLATE "C" AS name, h.order_id FROM order_header h
        WHERE length(lower(h.name)) = l.n
          AND lower(h.name) COLLATE "C" >= q.name
          AND lower(h.name) COLLATE "C" < q.name || chr(1114111)
        ORDER BY lower(h.name) COLLATE "C", h.order_id LIMIT @per_query) o
    WHERE l.n > length(q.name)
    ORDER BY l.n, o.name, o.order_id LIMIT @per_query) f;

-- name: OrdersFound :many
SELECT sqlc.embed(h), coalesce((SELECT s.domain FROM shop s), '')::text AS domain
FROM order_header h
WHERE h.order_id = ANY (@order_ids::bigint[]);

-- name: LinesOfOrders :many
-- Lines with their products, where these are stored.
SELECT sqlc.embed(l),
    coalesce(p.title, '') AS product_title, coalesce(p.handle, '') AS handle,
    coalesce(p.product_line, '') AS product_line, coalesce(p.status, '') AS status,
    coalesce(p.image_url, '') AS image_url, p.archived_at
FROM order_line_item l
LEFT JOIN product p ON p.product_id = l.product_id
WHERE l.order_id = ANY (@order_ids::bigint[])
ORDER BY l.order_id, l.line_no
LIMIT @row_limit;

-- name: FulfillmentsOfOrders :many
SELECT * FROM order_fulfillment
WHERE order_id = ANY (@order_ids::bigint[])
ORDER BY order_id, created_at, fulfillment_id
LIMIT @row_limit;

-- name: RefundLinesOfOrders :many
SELECT * FROM order_refund_line
WHERE order_id = ANY (@order_ids::bigint[])
ORDER BY order_id, created_at, refund_id, line_item_id
LIMIT @row_limit;
