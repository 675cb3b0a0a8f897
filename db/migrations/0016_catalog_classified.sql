-- +goose Up

-- Tags are looked for by category: those of one, and those without.
CREATE INDEX product_tag_category ON product_tag (category, tag_id);
