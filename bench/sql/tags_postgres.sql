-- As tags_duckdb.sql asks. What doesn't have to be counted from the lines of each
-- tag is added up by product before.
WITH newest AS (
    SELECT DISTINCT ON (line_item_id) * FROM sale
    WHERE occurred_at >= $1 AND occurred_at < $3
    ORDER BY line_item_id, order_updated_at DESC, sequence DESC
), line AS MATERIALIZED (
    SELECT product_id, order_id, quantity, net_sales, occurred_at >= $2 AS now
    FROM newest WHERE NOT is_cancelled AND NOT is_test AND NOT deleted
), link AS MATERIALIZED (
    SELECT t.name AS tag, l.product_id FROM product_tag t JOIN link_product_product_tag l USING (tag_id)
    UNION ALL
    SELECT DISTINCT '', product_id FROM link_product_product_tag
), product AS (
    SELECT product_id, now, sum(quantity) AS units, count(*) AS lines, sum(net_sales) AS net FROM line GROUP BY 1, 2
), amount AS (
    SELECT tag,
        coalesce(sum(units) FILTER (WHERE now), 0)::bigint AS units, coalesce(sum(lines) FILTER (WHERE now), 0)::bigint AS lines,
        count(*) FILTER (WHERE now) AS products, coalesce(sum(net) FILTER (WHERE now) * 10000, 0)::bigint AS net,
        coalesce(sum(units) FILTER (WHERE NOT now), 0)::bigint AS units_before,
        coalesce(sum(net) FILTER (WHERE NOT now) * 10000, 0)::bigint AS net_before
    FROM product JOIN link USING (product_id) GROUP BY tag
), basket AS (
    SELECT tag, count(DISTINCT order_id) FILTER (WHERE now) AS orders, count(DISTINCT order_id) FILTER (WHERE NOT now) AS orders_before
    FROM line JOIN link USING (product_id) GROUP BY tag
)
SELECT tag, units, orders, lines, products, net, units_before, orders_before, net_before
FROM amount JOIN basket USING (tag)
