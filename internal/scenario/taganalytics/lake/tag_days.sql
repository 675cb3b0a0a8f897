-- reads: measurement.sales between since and until
-- On which days each product sold, in each month of UTC: bit n stands for the
-- n-th of the days that have a part in the month, from 0 on. Days come as their
-- first instants, in order; one that goes on past the end of a month comes a
-- second time, as the month's first instant. Products come as their ids with
-- commas between them. Days begin on quarters of an hour, as in tag_sales.
WITH member AS MATERIALIZED (
    SELECT unnest(string_split($products::VARCHAR, ','))::BIGINT AS product_id
), day AS (
    SELECT
        day_start,
        date_trunc('month', day_start) AS month_start,
        row_number() OVER (PARTITION BY date_trunc('month', day_start) ORDER BY day_start) - 1 AS day_no
    FROM (SELECT unnest($days::TIMESTAMPTZ[]) AS day_start)
), quarter AS (
    SELECT epoch_us(quarter_start) // 900_000_000 AS quarter_no, month_start, day_no
    FROM (SELECT unnest(generate_series($since::TIMESTAMPTZ, $until::TIMESTAMPTZ, INTERVAL 15 MINUTE)) AS quarter_start)
    ASOF JOIN day ON quarter_start >= day_start
)
SELECT
    q.month_start,
    s.currency,
    s.product_id,
    bit_or(1::BIGINT << q.day_no) AS days
FROM counted_sales($since::TIMESTAMPTZ, $until::TIMESTAMPTZ) s
JOIN member USING (product_id)
JOIN quarter q ON q.quarter_no = epoch_us(s.occurred_at) // 900_000_000
GROUP BY ALL
ORDER BY q.month_start, s.currency, s.product_id
