-- reads: measurement.sales between since and until
-- Sales per day and currency. Days come as their first instants, in order, for
-- they differ in length and their zone is the shop's; the last ends at until.
-- Lines are added up by quarters of an hour first, which every zone's days
-- consist of, so that few rows are left to be matched with days.
WITH day AS (
    SELECT unnest($days::TIMESTAMPTZ[]) AS day_start
), quarter AS (
    SELECT
        time_bucket(INTERVAL '15 minutes', occurred_at) AS quarter_start,
        currency,
        count(*) AS lines,
        sum(quantity) AS units,
        sum(gross_sales) AS gross_sales,
        sum(discount) AS discount,
        sum(net_sales) AS net_sales
    FROM counted_sales($since::TIMESTAMPTZ, $until::TIMESTAMPTZ)
    GROUP BY ALL
)
SELECT
    day_start,
    currency,
    sum(lines)::BIGINT AS lines,
    sum(units)::BIGINT AS units,
    sum(gross_sales) AS gross_sales,
    sum(discount) AS discount,
    sum(net_sales) AS net_sales
FROM quarter ASOF JOIN day ON quarter_start >= day_start
GROUP BY day_start, currency
ORDER BY day_start, currency
