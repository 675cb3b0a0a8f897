-- reads: measurement.sales
-- The newest version of each line, once, however often it was delivered. All
-- versions of a line have the same occurred_at, so the range may be applied
-- before choosing; any other condition must come after, for it could drop the
-- newest version and let an older one through.
CREATE OR REPLACE TEMP MACRO newest_sales(since, until) AS TABLE
SELECT *
FROM sales
WHERE occurred_at >= since AND occurred_at < until
QUALIFY row_number() OVER (PARTITION BY line_item_id ORDER BY order_updated_at DESC, sequence DESC) = 1;

-- Those of them that count as sales.
CREATE OR REPLACE TEMP MACRO counted_sales(since, until) AS TABLE
SELECT *
FROM newest_sales(since, until)
WHERE NOT is_cancelled AND NOT is_test AND NOT deleted;
