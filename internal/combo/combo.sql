-- What combos are made of. The artefacts are written by their own package.

-- name: ComboProducts :many
-- What says the product lines of some products, archived ones too: a combo is a
-- record of what was.
SELECT p.product_id, p.title, p.vendor, p.product_type,
    (SELECT coalesce(array_agg(t.name ORDER BY lower(t.name)), '{}')
     FROM link_product_product_tag l
     JOIN product_tag t ON t.tag_id = l.tag_id
     WHERE l.product_id = p.product_id)::text[] AS tags
FROM product p
WHERE p.product_id = ANY (@ids::bigint[])
ORDER BY p.product_id;

-- name: ComboSequences :many
-- The ends of all identifiers of a prefix that were ever given.
SELECT substr(identifier, length(@prefix::text) + 1)::text AS sequence
FROM macrodata_artifact
WHERE kind = 'combo_report' AND starts_with(identifier, @prefix);
