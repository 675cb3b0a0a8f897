-- The tiers by thresholds, of all products at once.
CREATE MACRO tiers(riser7, riser14, winner30, bananas) AS TABLE
WITH flag AS (
    SELECT *,
        first_sale_day >= as_of - 30 AND (units_first_7_days >= riser7 OR units_first_14_days >= riser14) AS top_riser,
        units_last_30_days >= winner30 AS winner,
        NOT active AND units_last_30_days = 0 AS archive_candidate,
        active AND published_day < as_of - 30 AS old,
        row_number() OVER (PARTITION BY active AND published_day < as_of - 30 ORDER BY units_total, product_id) AS place
    FROM metric
)
SELECT *, CASE WHEN top_riser THEN 'top_riser' WHEN winner THEN 'winner' WHEN archive_candidate THEN 'archive_candidate'
    WHEN old AND place <= bananas THEN 'banana' ELSE 'none' END AS tier
FROM flag
