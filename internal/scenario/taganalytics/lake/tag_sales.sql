-- reads: measurement.sales between since and until
-- Sales of groups of products in each period. A group comes as the ids of its
-- products with commas between them, and is numbered from 1; a product may be in
-- several. Number 0 is all products that are in any group, each once. Groups
-- beyond the number shown count in that alone. Periods come as their first
-- instants, in order; the last ends at until. Those of shop days begin and end
-- on quarters of an hour, whatever the zone.
--
-- Lines are added up by product before products are multiplied by their groups.
-- Only orders have to be counted from the lines: an order with several products
-- of a group counts once.
WITH member AS MATERIALIZED (
    SELECT group_no, unnest(string_split(ids, ','))::BIGINT AS product_id
    FROM (SELECT unnest($members::VARCHAR[]) AS ids, generate_subscripts($members::VARCHAR[], 1) AS group_no)
    WHERE ids <> ''
), link AS MATERIALIZED (
    SELECT group_no, product_id FROM member WHERE group_no <= $shown::BIGINT
    UNION ALL
    SELECT DISTINCT 0, product_id FROM member
), period AS (
    SELECT unnest($periods::TIMESTAMPTZ[]) AS period_start
), quarter AS (
    SELECT epoch_us(quarter_start) // 900_000_000 AS quarter_no, period_start
    FROM (SELECT unnest(generate_series($since::TIMESTAMPTZ, $until::TIMESTAMPTZ, INTERVAL 15 MINUTE)) AS quarter_start)
    ASOF JOIN period ON quarter_start >= period_start
), line AS NOT MATERIALIZED (
    SELECT s.product_id, s.order_id, s.currency, s.quantity, s.net_sales, q.period_start
    FROM counted_sales($since::TIMESTAMPTZ, $until::TIMESTAMPTZ) s
    JOIN quarter q ON q.quarter_no = epoch_us(s.occurred_at) // 900_000_000
), product AS (
    SELECT
        product_id,
        period_start,
        currency,
        count(*) AS lines,
        sum(quantity) AS units,
        sum(net_sales) AS net_sales
    FROM line SEMI JOIN member USING (product_id)
    GROUP BY ALL
), amount AS (
    SELECT
        group_no,
        period_start,
        currency,
        count(*) AS products,
        sum(lines) AS lines,
        sum(units) AS units,
        sum(net_sales) AS net_sales
    FROM product JOIN link USING (product_id)
    GROUP BY ALL
), basket AS (
    SELECT
        group_no,
        period_start,
        currency,
        count(DISTINCT order_id) AS orders
    FROM line JOIN link USING (product_id)
    GROUP BY ALL
)
SELECT
    group_no::BIGINT AS group_no,
    period_start,
    currency,
    products::BIGINT AS products,
    orders::BIGINT AS orders,
    lines::BIGINT AS lines,
    units::BIGINT AS units,
    net_sales::DECIMAL(38, 4) AS net_sales
FROM amount JOIN basket USING (group_no, period_start, currency)
ORDER BY group_no, period_start, currency
