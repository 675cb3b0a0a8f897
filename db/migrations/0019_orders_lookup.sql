-- +goose Up

-- How orders are found: by name, exactly and by its beginning, and by mail
-- address, in any case. Names of one length in the order of their bytes are in
-- the order of their numbers, so the first of a beginning are read from the
-- index as they are shown. Of one address the newest orders come first.
DROP INDEX order_header_name;
CREATE INDEX order_header_name ON order_header (length(lower(name)), (lower(name) COLLATE "C"), order_id);
CREATE INDEX order_header_email ON order_header (lower(email), processed_at DESC, order_id DESC)
    WHERE email IS NOT NULL;
