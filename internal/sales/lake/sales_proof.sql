-- reads: measurement.sales between since and until
-- What the lakehouse knows of each day and currency, to be held against
-- PostgreSQL: lines that are not deleted, and of them those that count. Days
-- come as their first instants, in order; the last ends at until. Quarters of an
-- hour are added up first: every zone's days consist of them.
WITH day AS (
    SELECT unnest($days::TIMESTAMPTZ[]) AS day_start
), quarter AS (
    SELECT
        time_bucket(INTERVAL '15 minutes', occurred_at) AS quarter_start,
        currency,
        count(*) AS lines,
        sum(quantity) AS units,
        sum(refunded_quantity) AS refunded_units,
        sum(gross_sales) AS gross_sales,
        sum(discount) AS discount,
        sum(net_sales) AS net_sales,
        count(*) FILTER (WHERE NOT is_cancelled AND NOT is_test) AS counted_lines,
        coalesce(sum(net_sales) FILTER (WHERE NOT is_cancelled AND NOT is_test), 0) AS counted_net_sales
    FROM newest_sales($since::TIMESTAMPTZ, $until::TIMESTAMPTZ)
    WHERE NOT deleted
    GROUP BY ALL
)
SELECT
    day_start,
    currency,
    sum(lines)::BIGINT AS lines,
    sum(units)::BIGINT AS units,
    sum(refunded_units)::BIGINT AS refunded_units,
    sum(gross_sales) AS gross_sales,
    sum(discount) AS discount,
    sum(net_sales) AS net_sales,
    sum(counted_lines)::BIGINT AS counted_lines,
    sum(counted_net_sales) AS counted_net_sales
FROM quarter ASOF JOIN day ON quarter_start >= day_start
GROUP BY day_start, currency
ORDER BY day_start, currency
