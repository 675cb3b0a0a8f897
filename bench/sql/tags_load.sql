CREATE UNLOGGED TABLE sale (
    line_item_id bigint, order_id bigint, product_id bigint, quantity bigint, net_sales numeric(19, 4), currency text,
    occurred_at timestamptz, order_updated_at timestamptz, sequence bigint, is_cancelled boolean, is_test boolean, deleted boolean);
\copy sale FROM '%s' (FORMAT csv)
CREATE INDEX ON sale (occurred_at);
CREATE INDEX ON sale (line_item_id, order_updated_at DESC, sequence DESC);
VACUUM ANALYZE sale;
