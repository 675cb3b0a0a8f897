-- What the products of each tag sold, and under '' those of any tag: $2 to $3,
-- and before that from $1. The newest version of each line counts, once. What
-- doesn't have to be counted from the lines of each tag is added up by product
-- before: joined as they are, the lines take DuckDB twice as long.
WITH newest AS (
    SELECT * FROM sale
    WHERE occurred_at >= $1::TIMESTAMPTZ AND occurred_at < $3::TIMESTAMPTZ
    QUALIFY row_number() OVER (PARTITION BY line_item_id ORDER BY order_updated_at DESC, sequence DESC) = 1
), line AS MATERIALIZED (
    SELECT product_id, order_id, quantity, net_sales, occurred_at >= $2::TIMESTAMPTZ AS now
    FROM newest WHERE NOT is_cancelled AND NOT is_test AND NOT deleted
), chosen AS (
    SELECT tag, product_id FROM link
    UNION ALL
    SELECT DISTINCT '', product_id FROM link
), product AS (
    SELECT product_id, now, sum(quantity) AS units, count(*) AS lines, sum(net_sales) AS net FROM line GROUP BY ALL
), amount AS (
    SELECT tag,
        coalesce(sum(units) FILTER (now), 0)::BIGINT AS units, coalesce(sum(lines) FILTER (now), 0)::BIGINT AS lines,
        count(*) FILTER (now) AS products, coalesce(sum(net) FILTER (now) * 10000, 0)::BIGINT AS net,
        coalesce(sum(units) FILTER (NOT now), 0)::BIGINT AS units_before,
        coalesce(sum(net) FILTER (NOT now) * 10000, 0)::BIGINT AS net_before
    FROM product JOIN chosen USING (product_id) GROUP BY tag
), basket AS (
    SELECT tag, count(DISTINCT order_id) FILTER (now) AS orders, count(DISTINCT order_id) FILTER (NOT now) AS orders_before
    FROM line JOIN chosen USING (product_id) GROUP BY tag
)
SELECT tag, units, orders, lines, products, net, units_before, orders_before, net_before
FROM amount JOIN basket USING (tag)
