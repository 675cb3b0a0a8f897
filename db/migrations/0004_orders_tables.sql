-- +goose Up

CREATE TABLE order_header (
    order_id             bigint PRIMARY KEY,
    name                 text NOT NULL,
    processed_at         timestamptz NOT NULL,
    created_at           timestamptz NOT NULL,
    source_updated_at    timestamptz NOT NULL,
    cancelled_at         timestamptz,
    closed_at            timestamptz,
    financial_status     text,
    fulfillment_status   text,
    currency             text NOT NULL,
    taxes_included       boolean NOT NULL,
    subtotal             numeric(19,4) NOT NULL,
    discount             numeric(19,4) NOT NULL,
    shipping             numeric(19,4) NOT NULL,
    tax                  numeric(19,4) NOT NULL,
    total                numeric(19,4) NOT NULL,
    refunded             numeric(19,4) NOT NULL,
    refund_adjustment    numeric(19,4) NOT NULL DEFAULT 0, -- refunded without a line
    refunded_at          timestamptz,                      -- of the latest refund
    presentment_currency text NOT NULL,
    presentment_total    numeric(19,4) NOT NULL,
    customer_id          bigint,
    email                text,
    shipping_country     text,
    source_name          text,
    tags                 text[] NOT NULL,
    is_test              boolean NOT NULL,
    is_edited            boolean NOT NULL,
    refund_count         integer NOT NULL,
    refunds_read_at      timestamptz, -- null while this version's refund lines are to be read
    content_hash         bigint NOT NULL,
    deleted_at           timestamptz,
    first_stored_at      timestamptz NOT NULL DEFAULT now(),
    run_id               uuid NOT NULL
);
CREATE INDEX order_header_name ON order_header (name text_pattern_ops);
CREATE INDEX order_header_processed ON order_header (processed_at);
CREATE INDEX order_header_unread_refunds ON order_header (order_id)
    WHERE refund_count > 0 AND refunds_read_at IS NULL;

CREATE TABLE order_line_item (
    line_item_id      bigint PRIMARY KEY,
    order_id          bigint NOT NULL,
    line_no           integer NOT NULL,   -- from 1, in Shopify's order
    product_id        bigint,             -- null: the product was deleted
    variant_id        bigint,
    sku               text,
    title             text NOT NULL,
    variant_title     text,
    vendor            text,
    quantity          integer NOT NULL,
    current_quantity  integer NOT NULL,
    refunded_quantity integer NOT NULL DEFAULT 0,
    unit_price        numeric(19,4) NOT NULL,
    discount          numeric(19,4) NOT NULL,
    refunded_subtotal numeric(19,4) NOT NULL DEFAULT 0,
    included_tax      numeric(19,4) NOT NULL, -- tax that the prices contain; 0 where they contain none
    refunded_included_tax numeric(19,4) NOT NULL DEFAULT 0,
    net_sales         numeric(19,4) NOT NULL GENERATED ALWAYS AS (
                          unit_price * quantity - discount - refunded_subtotal
                          - (included_tax - refunded_included_tax)) STORED,
    is_gift_card      boolean NOT NULL,
    content_hash      bigint NOT NULL,
    run_id            uuid NOT NULL
);
CREATE INDEX order_line_item_order ON order_line_item (order_id, line_no);
CREATE INDEX order_line_item_product ON order_line_item (product_id);

CREATE TABLE order_refund_line (
    refund_id    bigint NOT NULL,
    line_item_id bigint NOT NULL,
    order_id     bigint NOT NULL,
    quantity     integer NOT NULL,
    subtotal     numeric(19,4) NOT NULL,
    tax          numeric(19,4) NOT NULL,
    created_at   timestamptz NOT NULL,
    run_id       uuid NOT NULL,
    PRIMARY KEY (refund_id, line_item_id)
);
CREATE INDEX order_refund_line_order ON order_refund_line (order_id);

CREATE TABLE order_fulfillment (
    fulfillment_id   bigint PRIMARY KEY,
    order_id         bigint NOT NULL,
    status           text NOT NULL,
    display_status   text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    delivered_at     timestamptz,
    tracking_company text,
    tracking_number  text,
    run_id           uuid NOT NULL
);
CREATE INDEX order_fulfillment_order ON order_fulfillment (order_id);
CREATE INDEX order_fulfillment_created ON order_fulfillment (created_at);

-- Working tables of the one run that is under way, which empties them when it
-- opens and closes. ingest_root: the orders that it was delivered and what became
-- of each; ingest_day: the file's lines by shop day; ingest_told: the shop days on
-- which it told the lakehouse of sales.
CREATE TABLE ingest_root (
    stream            text NOT NULL,      -- orders for those of the file, by_id for those that were read by id
    subject_id        bigint NOT NULL,
    outcome           text NOT NULL,      -- applied, unchanged, superseded
    updated_at        timestamptz NOT NULL,
    day               date NOT NULL,      -- shop day of processed_at
    currency          text NOT NULL,
    total             numeric(19,4) NOT NULL,
    taxes_included    boolean NOT NULL,
    line_quantity     integer NOT NULL,   -- Shopify's own count
    fulfillment_count integer NOT NULL,
    deliveries        integer NOT NULL,   -- how often the file holds it
    PRIMARY KEY (subject_id, stream)
);
CREATE TABLE ingest_day (
    day      date NOT NULL,
    currency text NOT NULL,
    lines    bigint NOT NULL,
    units    bigint NOT NULL,
    gross    numeric(25,4) NOT NULL,
    discount numeric(25,4) NOT NULL,
    PRIMARY KEY (day, currency)
);
CREATE TABLE ingest_told (
    day date PRIMARY KEY
);
