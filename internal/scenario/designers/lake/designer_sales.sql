-- reads: measurement.sales between since and until
-- Sales of teams, which are the designers that share a product. A team comes as
-- the ids of its products with commas between them and as the number of its
-- designers, and is numbered from 1; number 0 is all that is nobody's. Units and
-- net sales are counted in ten-thousandths.
--
-- A line is shared out by itself, so lines are told apart by what is left of each
-- when it is divided by the team: with how many lines there are and what they
-- come to together, that is all one has to know of them. A row has the rest of
-- either units or net sales, and the sum of the same.
WITH member AS MATERIALIZED (
    SELECT team_no, designers, unnest(string_split(ids, ','))::BIGINT AS product_id
    FROM (
        SELECT
            unnest($members::VARCHAR[]) AS ids,
            unnest($sizes::BIGINT[]) AS designers,
            generate_subscripts($members::VARCHAR[], 1) AS team_no
    )
), line AS NOT MATERIALIZED (
    SELECT
        coalesce(m.team_no, 0) AS team_no,
        coalesce(m.designers, 1) AS designers,
        s.currency,
        s.quantity::BIGINT * 10_000 AS units,
        (s.net_sales::DECIMAL(38, 4) * 10_000)::BIGINT AS net_sales
    FROM counted_sales($since::TIMESTAMPTZ, $until::TIMESTAMPTZ) s
    LEFT JOIN member m ON m.product_id = s.product_id
), rest AS NOT MATERIALIZED (
    SELECT team_no, currency, units, net_sales, units % designers AS units_rest, net_sales % designers AS net_rest
    FROM line
)
SELECT
    team_no::BIGINT AS team_no,
    currency,
    units_rest,
    net_rest,
    count(*)::BIGINT AS lines,
    CASE WHEN net_rest IS NULL THEN sum(units) ELSE sum(net_sales) END::BIGINT AS total
FROM rest
GROUP BY GROUPING SETS ((team_no, currency, units_rest), (team_no, currency, net_rest))
ORDER BY team_no, currency, units_rest, net_rest
