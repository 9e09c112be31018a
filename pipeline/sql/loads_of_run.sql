-- Grain: one row per load and partition that a run has published of the given retailers; of all, when none is given.
SELECT
    retailer_id, load_id, published_at,
    business_date, landed, inserted, updated, unchanged, duplicate, withdrawn, in_warehouse
FROM ops.load_ledger
INNER JOIN ops.data_versions USING (load_id)
WHERE load_ledger.run_id = %(run_id)s AND (retailer_id = ANY (%(retailers)s) OR cardinality(%(retailers)s::text[]) = 0)
ORDER BY retailer_id, business_date, load_id
