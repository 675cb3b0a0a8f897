-- +goose Up

-- A tag group: a named collection of tags, all of one category where it has one.
CREATE TABLE product_category (
    category_id uuid        PRIMARY KEY,
    name        text        NOT NULL,
    category    text,                   -- null: tags of any
    description text        NOT NULL,
    version     bigint      NOT NULL,
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_by  text        NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz
);
-- The name of a group that was deleted is free again.
CREATE UNIQUE INDEX product_category_name ON product_category (lower(name)) WHERE archived_at IS NULL;

CREATE TABLE link_product_category_product_tag (
    category_id uuid   NOT NULL,
    tag_id      bigint NOT NULL,
    PRIMARY KEY (category_id, tag_id)
);
CREATE INDEX link_product_category_product_tag_tag ON link_product_category_product_tag (tag_id);
