-- reads: measurement.sales between since and until
-- Sales of a range of instants, per currency.
SELECT
    currency,
    count(*) AS lines,
    sum(quantity)::BIGINT AS units,
    sum(gross_sales) AS gross_sales,
    sum(discount) AS discount,
    sum(net_sales) AS net_sales
FROM counted_sales($since::TIMESTAMPTZ, $until::TIMESTAMPTZ)
GROUP BY currency
ORDER BY currency
