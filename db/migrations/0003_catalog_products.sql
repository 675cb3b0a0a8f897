-- +goose Up

-- The one shop that this database serves.
CREATE TABLE shop (
    only_one     boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    shop_id      bigint NOT NULL,
    domain       text NOT NULL,
    name         text NOT NULL,
    currency     text NOT NULL,
    time_zone    text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE product (
    product_id        bigint PRIMARY KEY,
    title             text NOT NULL,
    handle            text NOT NULL,
    vendor            text NOT NULL,
    product_type      text NOT NULL,
    product_line      text NOT NULL DEFAULT 'NOLINE',
    status            text NOT NULL,
    image_url         text,
    created_at        timestamptz NOT NULL,
    published_at      timestamptz,
    source_updated_at timestamptz NOT NULL,
    content_hash      bigint NOT NULL,
    first_seen_at     timestamptz NOT NULL DEFAULT now(),
    last_seen_at      timestamptz NOT NULL DEFAULT now(),  -- last change seen
    archived_at       timestamptz,                         -- gone from Shopify
    run_id            uuid NOT NULL
);

CREATE TABLE product_tag (
    tag_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL,
    category      text,                                    -- null: unclassified
    classified_by text,
    classified_at timestamptz,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
-- Shopify compares tags without regard to case.
CREATE UNIQUE INDEX product_tag_name ON product_tag (lower(name));

CREATE TABLE link_product_product_tag (
    product_id bigint NOT NULL,
    tag_id     bigint NOT NULL,
    PRIMARY KEY (product_id, tag_id)
);
CREATE INDEX link_product_product_tag_tag ON link_product_product_tag (tag_id);
