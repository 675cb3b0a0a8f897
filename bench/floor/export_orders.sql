COPY (SELECT order_id, name, processed_at, created_at, source_updated_at, cancelled_at, closed_at,
    financial_status, fulfillment_status, currency, taxes_included, subtotal, discount, shipping, tax, total,
    refunded, presentment_currency, presentment_total, customer_id, email, shipping_country, source_name,
    tags, is_test, is_edited, refund_count, content_hash
    FROM order_header WHERE order_id > :after AND order_id <= :upto ORDER BY order_id)
TO STDOUT (FORMAT csv) \g orders.csv
COPY (SELECT fulfillment_id, order_id, status, display_status, created_at, updated_at, delivered_at,
    tracking_company, tracking_number
    FROM order_fulfillment WHERE order_id > :after AND order_id <= :upto ORDER BY order_id, fulfillment_id)
TO STDOUT (FORMAT csv) \g fulfillments.csv
