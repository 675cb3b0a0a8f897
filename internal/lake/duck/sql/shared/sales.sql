-- reads: measurement.sales
-- The newest version of each line, once, however often it was delivered. Files
-- that have each line once are in sales_settled, with no other version of theirs
-- elsewhere; the rest of the files, in sales_unsettled, has to be chosen from.
-- All versions of a line have the same occurred_at, so the range may be applied
-- before choosing; any other condition must come after, for it could drop the
-- newest version and let an older one through.
CREATE OR REPLACE TEMP MACRO newest_sales(since, until) AS TABLE
SELECT *
FROM sales_settled
WHERE occurred_at >= since AND occurred_at < until
UNION ALL
SELECT *
FROM sales_unsettled
WHERE occurred_at >= since AND occurred_at < until
QUALIFY row_number() OVER (PARTITION BY line_item_id ORDER BY order_updated_at DESC, sequence DESC) = 1;

-- Those of them that count as sales.
CREATE OR REPLACE TEMP MACRO counted_sales(since, until) AS TABLE
SELECT *
FROM newest_sales(since, until)
WHERE NOT is_cancelled AND NOT is_test AND NOT deleted;
