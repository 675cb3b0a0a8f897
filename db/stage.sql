-- Temporary tables that a chunk is copied into before it is merged. They have
-- no statistics and need none: PostgreSQL looks at their size.

CREATE TEMP TABLE IF NOT EXISTS stage_order (
    line_no              bigint,
    order_id             bigint,
    name                 text,
    processed_at         timestamptz,
    day                  date,
    created_at           timestamptz,
    source_updated_at    timestamptz,
    cancelled_at         timestamptz,
    closed_at            timestamptz,
    financial_status     text,
    fulfillment_status   text,
    currency             text,
    taxes_included       boolean,
    subtotal             numeric,
    discount             numeric,
    shipping             numeric,
    tax                  numeric,
    total                numeric,
    refunded             numeric,
    presentment_currency text,
    presentment_total    numeric,
    customer_id          bigint,
    email                text,
    shipping_country     text,
    source_name          text,
    tags                 text[],
    is_test              boolean,
    is_edited            boolean,
    line_quantity        integer,
    fulfillment_count    integer,
    refund_count         integer,
    content_hash         bigint,
    deliveries           integer
) ON COMMIT DELETE ROWS;

CREATE TEMP TABLE IF NOT EXISTS stage_fulfillment (
    fulfillment_id   bigint,
    order_id         bigint,
    status           text,
    display_status   text,
    created_at       timestamptz,
    updated_at       timestamptz,
    delivered_at     timestamptz,
    tracking_company text,
    tracking_number  text
) ON COMMIT DELETE ROWS;

CREATE TEMP TABLE IF NOT EXISTS stage_line (
    line_no          bigint,
    line_item_id     bigint,
    order_id         bigint,
    product_id       bigint,
    variant_id       bigint,
    sku              text,
    title            text,
    variant_title    text,
    vendor           text,
    quantity         integer,
    current_quantity integer,
    unit_price       numeric,
    discount         numeric,
    tax              numeric,
    is_gift_card     boolean,
    content_hash     bigint,
    nth              integer
) ON COMMIT DELETE ROWS;

CREATE TEMP TABLE IF NOT EXISTS stage_line_order (
    order_id bigint,
    lines    bigint,
    units    bigint,
    gross    numeric,
    discount numeric
) ON COMMIT DELETE ROWS;

CREATE TEMP TABLE IF NOT EXISTS stage_refund_order (
    order_id    bigint,
    updated_at  timestamptz,
    refunded_at timestamptz
) ON COMMIT DELETE ROWS;

CREATE TEMP TABLE IF NOT EXISTS stage_refund_line (
    refund_id    bigint,
    line_item_id bigint,
    order_id     bigint,
    quantity     integer,
    subtotal     numeric,
    tax          numeric,
    created_at   timestamptz
) ON COMMIT DELETE ROWS;

CREATE TEMP TABLE IF NOT EXISTS stage_product (
    line_no           bigint,
    product_id        bigint,
    title             text,
    handle            text,
    vendor            text,
    product_type      text,
    status            text,
    image_url         text,
    created_at        timestamptz,
    published_at      timestamptz,
    source_updated_at timestamptz,
    content_hash      bigint,
    deliveries        integer
) ON COMMIT DELETE ROWS;

CREATE TEMP TABLE IF NOT EXISTS stage_product_tag (
    product_id bigint,
    name       text
) ON COMMIT DELETE ROWS;

CREATE TEMP TABLE IF NOT EXISTS stage_sweep (
    subject_id bigint,
    updated_at timestamptz
) ON COMMIT DELETE ROWS;

-- Versions of sales that must be taken back; see package sales.
CREATE TEMP TABLE IF NOT EXISTS stage_gone (
    line_item_id      bigint NOT NULL,
    order_id          bigint NOT NULL,
    product_id        bigint,
    variant_id        bigint,
    sku               text,
    quantity          integer NOT NULL,
    refunded_quantity integer NOT NULL,
    gross_sales       numeric NOT NULL,
    discount          numeric NOT NULL,
    net_sales         numeric NOT NULL,
    currency          text NOT NULL,
    country           text,
    occurred_at       timestamptz NOT NULL,
    order_updated_at  timestamptz NOT NULL
) ON COMMIT DELETE ROWS;
