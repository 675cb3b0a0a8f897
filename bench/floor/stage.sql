-- Temporary tables of the floor's session. The settings are those that the
-- product's own transactions have.
SET client_min_messages = warning;
CREATE TEMP TABLE floor_product (LIKE product) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE floor_tag (LIKE product_tag) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE floor_link (LIKE link_product_product_tag) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE floor_order (LIKE order_header) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE floor_fulfillment (LIKE order_fulfillment) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE floor_line (LIKE order_line_item) ON COMMIT DELETE ROWS;

-- What a chunk lacks is made when it is merged.
ALTER TABLE floor_product ALTER run_id DROP NOT NULL, ALTER product_line DROP NOT NULL,
    ALTER first_seen_at DROP NOT NULL, ALTER last_seen_at DROP NOT NULL;
ALTER TABLE floor_tag ALTER first_seen_at DROP NOT NULL;
ALTER TABLE floor_order ALTER run_id DROP NOT NULL, ALTER refund_adjustment DROP NOT NULL,
    ALTER first_stored_at DROP NOT NULL;
ALTER TABLE floor_fulfillment ALTER run_id DROP NOT NULL;
ALTER TABLE floor_line ALTER run_id DROP NOT NULL, ALTER refunded_quantity DROP NOT NULL,
    ALTER refunded_subtotal DROP NOT NULL, ALTER refunded_included_tax DROP NOT NULL,
    ALTER net_sales DROP NOT NULL;
