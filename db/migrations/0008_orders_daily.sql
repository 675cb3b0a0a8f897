-- +goose Up

-- What was ordered and sent on each day of the shop, its own calendar. A day
-- without either has no row.
CREATE TABLE fulfillment_daily_summary (
    day          date PRIMARY KEY,
    orders       bigint NOT NULL, -- processed that day, neither cancelled nor test nor deleted
    fulfillments bigint NOT NULL, -- created that day, of orders that are neither test nor deleted
    succeeded    bigint NOT NULL, -- SUCCESS
    failed       bigint NOT NULL, -- FAILURE, ERROR
    cancelled    bigint NOT NULL, -- CANCELLED
    open         bigint NOT NULL, -- OPEN, PENDING and whatever else is not final
    run_id       uuid NOT NULL    -- that changed it last
);

-- UTC hours in which something changed that the summary counts: the days that
-- overlap them are to be counted again. An hour is noted by each statement that
-- touches it, in rows of their own, so that writers never wait for each other,
-- and so that who takes the hours that it sees leaves those of transactions
-- under way.
CREATE TABLE summary_hour (
    hour timestamptz NOT NULL,
    note bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (hour, note)
);

-- The notes are made by triggers, so that no writer can forget them. Each runs
-- once for a statement. They look up by key whatever the planner thinks, for
-- their plans are kept while the tables grow: LATERAL with LIMIT for one row's
-- children, and grouping instead of a join of old with new rows. A plan that
-- looks dear would be compiled at each call, for ten times what it takes.

-- +goose StatementBegin
CREATE FUNCTION note_hours_of_orders() RETURNS trigger LANGUAGE plpgsql SET jit = off AS $$
BEGIN
    -- Orders that came, or went. One that doesn't count may take its
    -- fulfillments out of the count, or had done so.
    INSERT INTO summary_hour (hour)
    SELECT DISTINCT date_trunc('hour', x.at, 'UTC')
    FROM (
        SELECT o.processed_at AS at FROM touched o
        WHERE o.cancelled_at IS NULL AND NOT o.is_test AND o.deleted_at IS NULL
        UNION ALL
        SELECT f.created_at FROM touched o
        CROSS JOIN LATERAL (SELECT y.created_at FROM order_fulfillment y
                            WHERE y.order_id = o.order_id LIMIT 100000) f
        WHERE o.is_test OR o.deleted_at IS NOT NULL
    ) x;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION note_hours_of_changed_orders() RETURNS trigger LANGUAGE plpgsql SET jit = off AS $$
BEGIN
    WITH changed AS MATERIALIZED (
        SELECT o.order_id, min(o.processed_at) AS lower, max(o.processed_at) AS upper,
            count(*) < 2 OR bool_or(o.left_out) <> bool_and(o.left_out) AS with_fulfillments
        FROM (
            SELECT order_id, processed_at, cancelled_at IS NOT NULL AS cancelled,
                is_test OR deleted_at IS NOT NULL AS left_out FROM before
            UNION ALL
            SELECT order_id, processed_at, cancelled_at IS NOT NULL,
                is_test OR deleted_at IS NOT NULL FROM after
        ) o
        GROUP BY o.order_id
        HAVING count(*) < 2 -- it got another id
            OR min(o.processed_at) <> max(o.processed_at)
            OR bool_or(o.cancelled) <> bool_and(o.cancelled)
            OR bool_or(o.left_out) <> bool_and(o.left_out)
    )
    INSERT INTO summary_hour (hour)
    SELECT DISTINCT date_trunc('hour', x.at, 'UTC')
    FROM (
        SELECT c.lower AS at FROM changed c
        UNION ALL
        SELECT c.upper FROM changed c
        UNION ALL
        SELECT f.created_at FROM changed c
        CROSS JOIN LATERAL (SELECT y.created_at FROM order_fulfillment y
                            WHERE y.order_id = c.order_id LIMIT 100000) f
        WHERE c.with_fulfillments
    ) x;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION note_hours_of_fulfillments() RETURNS trigger LANGUAGE plpgsql SET jit = off AS $$
BEGIN
    INSERT INTO summary_hour (hour)
    SELECT DISTINCT date_trunc('hour', f.created_at, 'UTC') FROM touched f;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION note_hours_of_changed_fulfillments() RETURNS trigger LANGUAGE plpgsql SET jit = off AS $$
BEGIN
    INSERT INTO summary_hour (hour)
    SELECT DISTINCT date_trunc('hour', x.at, 'UTC')
    FROM (
        SELECT unnest(ARRAY[min(f.created_at), max(f.created_at)]) AS at
        FROM (
            SELECT fulfillment_id, order_id, status, created_at FROM before
            UNION ALL
            SELECT fulfillment_id, order_id, status, created_at FROM after
        ) f
        GROUP BY f.fulfillment_id
        HAVING count(*) < 2 -- it got another id
            OR min(f.created_at) <> max(f.created_at)
            OR min(f.status) <> max(f.status)
            OR min(f.order_id) <> max(f.order_id)
    ) x;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER note_hours_inserted AFTER INSERT ON order_header
    REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION note_hours_of_orders();
CREATE TRIGGER note_hours_updated AFTER UPDATE ON order_header
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_hours_of_changed_orders();
CREATE TRIGGER note_hours_deleted AFTER DELETE ON order_header
    REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION note_hours_of_orders();

CREATE TRIGGER note_hours_inserted AFTER INSERT ON order_fulfillment
    REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION note_hours_of_fulfillments();
CREATE TRIGGER note_hours_updated AFTER UPDATE ON order_fulfillment
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_hours_of_changed_fulfillments();
CREATE TRIGGER note_hours_deleted AFTER DELETE ON order_fulfillment
    REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION note_hours_of_fulfillments();

-- What is stored already was not noted.
INSERT INTO summary_hour (hour)
SELECT date_trunc('hour', processed_at, 'UTC') FROM order_header
UNION
SELECT date_trunc('hour', created_at, 'UTC') FROM order_fulfillment;
