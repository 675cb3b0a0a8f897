-- The questions of analytics, asked of what retail_load.sql makes of the rows. A
-- stage is what there is to know at some time: its sales are kept, and later ones
-- are beside them. The planner knows too little of parameters to be left the
-- choice of nested loops: a question could take minutes.
CREATE UNLOGGED TABLE raw.void (invoice text); -- cancelled, deleted or a test
CREATE UNLOGGED TABLE raw.sale (stage integer, invoice text, place bigint, day date, units bigint, net numeric);
CREATE UNLOGGED TABLE raw.there (stage integer, place bigint, tag text); -- a tag of an article, '' beside them for the article itself
CREATE INDEX ON raw.sale (stage, day);
CREATE INDEX ON raw.there (stage, tag);

CREATE FUNCTION raw.keep(stage_no integer, now timestamp) RETURNS void LANGUAGE sql AS $$
    INSERT INTO raw.sale
    SELECT stage_no, l.invoice, a.place, l.at::date, l.quantity,
        l.quantity * l.price - coalesce((SELECT sum(f.money) FROM raw.refund f WHERE f.line = l.n AND f.at <= now), 0)
    FROM raw.line l JOIN raw.article a USING (code)
    WHERE l.at <= now AND l.invoice NOT IN (SELECT invoice FROM raw.void);
    INSERT INTO raw.there
    SELECT stage_no, place, tag FROM (SELECT place, '' AS tag FROM raw.article UNION ALL SELECT place, tag FROM raw.tag) t
    JOIN raw.article a USING (place) WHERE a.first_at <= now;
$$;

-- What was sold, of the sales of one stage by the tags of another: of each tag that
-- is wanted, and under '' of all of them, each line once; by the first day of each
-- day, week or month, which the first day of all may cut.
CREATE FUNCTION raw.sold(sales integer, tags integer, wanted text[], since date, upto date, unit text)
RETURNS TABLE (tag text, part date, units bigint, orders bigint, lines bigint, products bigint, net numeric) LANGUAGE sql SET enable_nestloop = off AS $$
    WITH counted AS MATERIALIZED (
        SELECT s.*, CASE unit WHEN 'none' THEN since ELSE greatest(since, date_trunc(unit, s.day)::date) END AS part
        FROM raw.sale s WHERE s.stage = sales AND s.day BETWEEN since AND upto
    ), chosen AS MATERIALIZED (
        SELECT t.place, t.tag FROM raw.there t WHERE t.stage = tags AND t.tag IN (SELECT unnest(wanted))
        UNION ALL
        SELECT DISTINCT t.place, '' FROM raw.there t WHERE t.stage = tags AND t.tag IN (SELECT unnest(wanted))
    )
    SELECT c.tag, s.part, sum(s.units)::bigint, count(DISTINCT s.invoice), count(*), count(DISTINCT s.place), sum(s.net)
    FROM counted s JOIN chosen c USING (place) GROUP BY c.tag, s.part;
$$;

-- The same of the articles that have none, one, or several of some tags.
CREATE FUNCTION raw.spread(sales integer, tags integer, wanted text[], since date, upto date)
RETURNS TABLE (tag text, units bigint, orders bigint, lines bigint, products bigint, net numeric, articles bigint) LANGUAGE sql SET enable_nestloop = off AS $$
    WITH reach AS (
        SELECT place, least(count(*) FILTER (WHERE t.tag = ANY (wanted)), 2)::text AS n FROM raw.there t WHERE stage = tags GROUP BY place
    )
    SELECT r.n, coalesce(sum(s.units), 0)::bigint, count(DISTINCT s.invoice), count(s.invoice), count(DISTINCT s.place), coalesce(sum(s.net), 0),
        count(DISTINCT r.place)
    FROM reach r LEFT JOIN raw.sale s ON s.place = r.place AND s.stage = sales AND s.day BETWEEN since AND upto GROUP BY r.n;
$$;

-- What each article sold as of a day: in the first 7 and 14 days, the last 7, 14
-- and 30, and ever.
CREATE FUNCTION raw.measured(sales integer, upto date)
RETURNS TABLE (place bigint, first_day date, units bigint[], net numeric[]) LANGUAGE sql SET enable_nestloop = off AS $$
    SELECT t.place, s.first_day,
        ARRAY[coalesce(s.u1, 0), coalesce(s.u2, 0), coalesce(s.u3, 0), coalesce(s.u4, 0), coalesce(s.u5, 0), coalesce(s.u6, 0)],
        ARRAY[coalesce(s.n1, 0), coalesce(s.n2, 0), coalesce(s.n3, 0), coalesce(s.n4, 0), coalesce(s.n5, 0), coalesce(s.n6, 0)]
    FROM raw.there t LEFT JOIN (
        SELECT place, min(first_day) AS first_day,
            sum(units) FILTER (WHERE day < first_day + 7)::bigint AS u1, sum(net) FILTER (WHERE day < first_day + 7) AS n1,
            sum(units) FILTER (WHERE day < first_day + 14)::bigint AS u2, sum(net) FILTER (WHERE day < first_day + 14) AS n2,
            sum(units) FILTER (WHERE day > upto - 7)::bigint AS u3, sum(net) FILTER (WHERE day > upto - 7) AS n3,
            sum(units) FILTER (WHERE day > upto - 14)::bigint AS u4, sum(net) FILTER (WHERE day > upto - 14) AS n4,
            sum(units) FILTER (WHERE day > upto - 30)::bigint AS u5, sum(net) FILTER (WHERE day > upto - 30) AS n5,
            sum(units)::bigint AS u6, sum(net) AS n6
        FROM (SELECT *, min(day) OVER (PARTITION BY place) AS first_day FROM raw.sale WHERE stage = sales AND day <= upto) x
        GROUP BY place) s USING (place)
    WHERE t.stage = sales AND t.tag = '';
$$;

-- The tiers that hold, by the default thresholds, and how sales move. All articles
-- were published when their first row says.
CREATE FUNCTION raw.tiers(sales integer, upto date) RETURNS TABLE (place bigint, tiers text[], trend text) LANGUAGE sql SET enable_nestloop = off AS $$
    SELECT m.place, array_remove(ARRAY[
            CASE WHEN m.first_day >= upto - 30 AND (units[1] >= 10 OR units[2] >= 15) THEN 'top_riser' END,
            CASE WHEN units[5] >= 20 THEN 'winner' END,
            CASE WHEN NOT active AND units[5] = 0 THEN 'archive_candidate' END,
            CASE WHEN old AND active AND row_number() OVER (PARTITION BY old AND active ORDER BY units[6], m.place) <= 25 THEN 'banana' END], NULL),
        CASE sign(units[3] - (units[4] - units[3])) WHEN 1 THEN 'rising' WHEN -1 THEN 'falling' ELSE 'steady' END
    FROM raw.measured(sales, upto) m
    JOIN (SELECT *, first_at::date < upto - 30 AS old FROM raw.article) a ON a.place = m.place;
$$;
