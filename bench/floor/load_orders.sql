BEGIN;
\copy floor_order (order_id, name, processed_at, created_at, source_updated_at, cancelled_at, closed_at, financial_status, fulfillment_status, currency, taxes_included, subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total, customer_id, email, shipping_country, source_name, tags, is_test, is_edited, refund_count, content_hash) FROM 'orders.csv' (FORMAT csv)
\copy floor_fulfillment (fulfillment_id, order_id, status, display_status, created_at, updated_at, delivered_at, tracking_company, tracking_number) FROM 'fulfillments.csv' (FORMAT csv)
INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, cancelled_at,
    closed_at, financial_status, fulfillment_status, currency, taxes_included, subtotal, discount, shipping,
    tax, total, refunded, presentment_currency, presentment_total, customer_id, email, shipping_country,
    source_name, tags, is_test, is_edited, refund_count, content_hash, run_id)
SELECT order_id, name, processed_at, created_at, source_updated_at, cancelled_at, closed_at,
    financial_status, fulfillment_status, currency, taxes_included, subtotal, discount, shipping, tax, total,
    refunded, presentment_currency, presentment_total, customer_id, email, shipping_country, source_name,
    tags, is_test, is_edited, refund_count, content_hash, '00000000-0000-0000-0000-000000000000'
FROM floor_order
ON CONFLICT (order_id) DO UPDATE
SET name = excluded.name, processed_at = excluded.processed_at, created_at = excluded.created_at,
    source_updated_at = excluded.source_updated_at, cancelled_at = excluded.cancelled_at,
    closed_at = excluded.closed_at, financial_status = excluded.financial_status,
    fulfillment_status = excluded.fulfillment_status, currency = excluded.currency,
    taxes_included = excluded.taxes_included, subtotal = excluded.subtotal, discount = excluded.discount,
    shipping = excluded.shipping, tax = excluded.tax, total = excluded.total, refunded = excluded.refunded,
    presentment_currency = excluded.presentment_currency, presentment_total = excluded.presentment_total,
    customer_id = excluded.customer_id, email = excluded.email, shipping_country = excluded.shipping_country,
    source_name = excluded.source_name, tags = excluded.tags, is_test = excluded.is_test,
    is_edited = excluded.is_edited, refund_count = excluded.refund_count,
    content_hash = excluded.content_hash, run_id = excluded.run_id;
INSERT INTO order_fulfillment (fulfillment_id, order_id, status, display_status, created_at, updated_at,
    delivered_at, tracking_company, tracking_number, run_id)
SELECT fulfillment_id, order_id, status, display_status, created_at, updated_at, delivered_at,
    tracking_company, tracking_number, '00000000-0000-0000-0000-000000000000'
FROM floor_fulfillment
ON CONFLICT (fulfillment_id) DO UPDATE
SET order_id = excluded.order_id, status = excluded.status, display_status = excluded.display_status,
    created_at = excluded.created_at, updated_at = excluded.updated_at, delivered_at = excluded.delivered_at,
    tracking_company = excluded.tracking_company, tracking_number = excluded.tracking_number,
    run_id = excluded.run_id;
COMMIT;
