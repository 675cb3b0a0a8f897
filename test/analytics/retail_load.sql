-- What a CSV of transactions says, in words of its own: nothing here knows a table
-- or a query of the program. The rows are in raw.row already, as they are in the
-- file, numbered in its order.

-- A row that sells is a line; its order was made when the first such row of the
-- invoice says. Times are those of the shop's clocks. open is how many pieces
-- nobody has sent back.
CREATE UNLOGGED TABLE raw.line AS
SELECT n, invoice, btrim(code) AS code, customer, quantity, price, quantity AS open,
    min(at) OVER of_invoice AS at, min(n) OVER of_invoice AS invoice_n
FROM raw.row
WHERE invoice NOT LIKE 'C%' AND quantity > 0 AND price >= 0
WINDOW of_invoice AS (PARTITION BY invoice);
CREATE INDEX ON raw.line (n);
CREATE INDEX ON raw.line (customer, code);
ANALYZE raw.line;

-- A row of a cancellation gives back pieces of the latest line that the customer
-- had ordered of the article before and that has some left. Where the line has too
-- few, the rest is money of the order and of no article.
CREATE UNLOGGED TABLE raw.refund (line bigint, at timestamp, money numeric);
DO $$
DECLARE
    back record;
    sold record;
BEGIN
    FOR back IN
        SELECT btrim(code) AS code, customer, at, -quantity AS pieces, price FROM raw.row
        WHERE invoice LIKE 'C%' AND quantity < 0 AND price >= 0 AND customer IS NOT NULL ORDER BY at, n
    LOOP
        SELECT n, least(open, back.pieces) AS pieces INTO sold FROM raw.line
        WHERE customer = back.customer AND code = back.code AND at < back.at AND open > 0
        ORDER BY at DESC, invoice_n DESC, n DESC LIMIT 1;
        CONTINUE WHEN NOT found;
        UPDATE raw.line SET open = open - sold.pieces WHERE n = sold.n;
        INSERT INTO raw.refund VALUES (sold.n, back.at, sold.pieces * back.price);
    END LOOP;
END $$;
CREATE INDEX ON raw.refund (line);

-- An article is there from its first row on. It is called as the last row says
-- that sold it for money, or else the last that sold it.
CREATE UNLOGGED TABLE raw.article AS
SELECT row_number() OVER (ORDER BY min(n)) AS place, code, min(at) AS first_at, true AS active,
    coalesce((array_agg(title ORDER BY priced DESC, at DESC, n DESC) FILTER (WHERE title <> '' AND sells))[1], code) AS title
FROM (
    SELECT n, btrim(code) AS code, at, btrim(description) AS title, price > 0 AS priced,
        invoice NOT LIKE 'C%' AND quantity > 0 AND price >= 0 AS sells
    FROM raw.row) r
GROUP BY code;

-- The tags of an article are the words of what it is called.
CREATE UNLOGGED TABLE raw.tag AS
SELECT DISTINCT place, word AS tag
FROM raw.article
CROSS JOIN regexp_split_to_table(upper(title), '\s+') AS part
CROSS JOIN regexp_replace(part, '^[^[:alnum:]]+|[^[:alnum:]]+$', '', 'g') AS word
WHERE length(regexp_replace(word, '[^[:alpha:]]', '', 'g')) >= 3 AND word NOT IN ('AND', 'FOR', 'FROM', 'THE', 'WITH');
