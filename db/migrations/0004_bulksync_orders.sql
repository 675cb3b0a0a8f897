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

-- How far a stream has been read. It moves only by compare-and-set, after the
-- proof of the run that moves it.
CREATE TABLE watermark (
    stream  text PRIMARY KEY,
    value   timestamptz NOT NULL,
    version bigint NOT NULL,
    run_id  uuid NOT NULL
);
CREATE TABLE watermark_history (
    stream   text NOT NULL,
    version  bigint NOT NULL,
    value    timestamptz NOT NULL,
    run_id   uuid NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, version)
);

-- A time that a stream has not been read for: where a run could not reach back
-- to its watermark. It stays until a run has read over it.
CREATE TABLE ingest_gap (
    gap_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream    text NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL,
    run_id    uuid NOT NULL,
    reason    text NOT NULL,
    filled_by uuid
);

-- A record that could not be loaded. A later run fetches it by id.
CREATE TABLE rejected_record (
    run_id          uuid NOT NULL,
    source          text NOT NULL,        -- the stream's file, or 'by_id'
    line_no         bigint NOT NULL,      -- from 1 in the file
    subject_type    text NOT NULL,        -- Order, LineItem, Product; '' where unreadable
    subject_id      bigint,               -- the order or product to fetch; null where unreadable
    reason          text NOT NULL,
    record          text NOT NULL,        -- the first 4 KiB of the line; an orphan's id
    resolved_run_id uuid,
    PRIMARY KEY (run_id, source, line_no)
);
CREATE INDEX rejected_record_open ON rejected_record (subject_id) WHERE resolved_run_id IS NULL;

-- Working tables of the one run that is under way, emptied when it opens and
-- closes. ingest_root: the roots of its files and what became of each;
-- ingest_day: the file's lines by shop day; ingest_sweep: the ids that the
-- index has afterwards.
CREATE TABLE ingest_root (
    stream            text NOT NULL,      -- orders, products, or by_id for orders that were read by id
    subject_id        bigint NOT NULL,
    outcome           text NOT NULL,      -- applied, unchanged, superseded
    updated_at        timestamptz NOT NULL,
    day               date,               -- shop day of an order's processed_at
    currency          text,
    total             numeric(19,4),
    taxes_included    boolean,
    line_quantity     integer,            -- Shopify's own count
    fulfillment_count integer,
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
CREATE TABLE ingest_sweep (
    stream     text NOT NULL,
    subject_id bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (subject_id, stream)
);
