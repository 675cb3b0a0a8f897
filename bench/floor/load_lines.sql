BEGIN;
\copy floor_line (line_item_id, order_id, line_no, product_id, variant_id, sku, title, variant_title, vendor, quantity, current_quantity, unit_price, discount, included_tax, is_gift_card, content_hash) FROM 'lines.csv' (FORMAT csv)
INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, variant_id, sku, title,
    variant_title, vendor, quantity, current_quantity, unit_price, discount, included_tax, is_gift_card,
    content_hash, run_id)
SELECT line_item_id, order_id, line_no, product_id, variant_id, sku, title, variant_title, vendor, quantity,
    current_quantity, unit_price, discount, included_tax, is_gift_card, content_hash,
    '00000000-0000-0000-0000-000000000000'
FROM floor_line
ON CONFLICT (line_item_id) DO UPDATE
SET order_id = excluded.order_id, line_no = excluded.line_no, product_id = excluded.product_id,
    variant_id = excluded.variant_id, sku = excluded.sku, title = excluded.title,
    variant_title = excluded.variant_title, vendor = excluded.vendor, quantity = excluded.quantity,
    current_quantity = excluded.current_quantity, unit_price = excluded.unit_price,
    discount = excluded.discount, included_tax = excluded.included_tax, is_gift_card = excluded.is_gift_card,
    content_hash = excluded.content_hash, run_id = excluded.run_id;
COMMIT;
