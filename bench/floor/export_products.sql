COPY (SELECT product_id, title, handle, vendor, product_type, status, image_url, created_at, published_at,
    source_updated_at, content_hash
    FROM product WHERE product_id > :after AND product_id <= :upto ORDER BY product_id)
TO STDOUT (FORMAT csv) \g products.csv
COPY (SELECT tag_id, name FROM product_tag WHERE tag_id IN (
    SELECT tag_id FROM link_product_product_tag WHERE product_id > :after AND product_id <= :upto) ORDER BY tag_id)
TO STDOUT (FORMAT csv) \g tags.csv
COPY (SELECT product_id, tag_id
    FROM link_product_product_tag WHERE product_id > :after AND product_id <= :upto ORDER BY product_id)
TO STDOUT (FORMAT csv) \g links.csv
