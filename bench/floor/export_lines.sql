COPY (SELECT line_item_id, order_id, line_no, product_id, variant_id, sku, title, variant_title, vendor,
    quantity, current_quantity, unit_price, discount, included_tax, is_gift_card, content_hash
    FROM order_line_item WHERE line_item_id > :after AND line_item_id <= :upto ORDER BY line_item_id)
TO STDOUT (FORMAT csv) \g lines.csv
