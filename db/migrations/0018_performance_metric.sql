-- +goose Up

-- The row of record of a metric: what a product sold, as of a shop day. Those of
-- the sync are written where they differ from the one before, so the newest up
-- to a day holds for that day. A manual one names only the measures that it
-- overrides, and the rest is null.
CREATE TABLE performance_metric (
    metric_id               uuid        PRIMARY KEY,
    product_id              bigint      NOT NULL,
    as_of                   date        NOT NULL,
    source                  text        NOT NULL CHECK (source IN ('sync', 'manual')),
    first_sale_day          date,
    units_first_7_days      bigint,
    units_first_14_days     bigint,
    units_last_7_days       bigint,
    units_last_14_days      bigint,
    units_last_30_days      bigint,
    units_total             bigint,
    net_sales_first_7_days  numeric(19,4),
    net_sales_first_14_days numeric(19,4),
    net_sales_last_7_days   numeric(19,4),
    net_sales_last_14_days  numeric(19,4),
    net_sales_last_30_days  numeric(19,4),
    net_sales_total         numeric(19,4),
    is_active               boolean,
    note                    text,
    recorded_by             text        NOT NULL,
    recorded_at             timestamptz NOT NULL,
    version                 bigint      NOT NULL,
    deleted_at              timestamptz
);
CREATE UNIQUE INDEX performance_metric_synced ON performance_metric (product_id, as_of) WHERE source = 'sync';
CREATE UNIQUE INDEX performance_metric_manual ON performance_metric (product_id, as_of)
    WHERE source = 'manual' AND deleted_at IS NULL;

-- Shop days as of which all products were measured.
CREATE TABLE performance_day (
    as_of         date        PRIMARY KEY,
    run_id        uuid        NOT NULL,
    currency      text        NOT NULL,
    history_since timestamptz, -- before it orders are missing; null where none is
    computed_at   timestamptz NOT NULL DEFAULT now()
);

-- The revision grows with every change of a metric that readers see, so that
-- what they keep in memory is known to be old.
CREATE TABLE performance_state (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    revision bigint  NOT NULL
);
INSERT INTO performance_state (revision) VALUES (1);
