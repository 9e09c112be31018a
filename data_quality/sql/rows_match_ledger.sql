-- Lines in fact_sales against the ledger row of the partition.
-- Grain: one row per slice that was loaded or has lines.
WITH facts AS (
    SELECT date_key, retailer_key, count(*) AS line_count
    FROM fact_sales
    WHERE date_key = ANY (%(date_keys)s)
    GROUP BY date_key, retailer_key
),
compared AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        coalesce(ledger.in_warehouse, 0) AS accounted,
        coalesce(facts.line_count, 0) AS present
    FROM checked_slices AS slice
    LEFT JOIN load_ledger AS ledger USING (load_id, retailer_id, business_date)
    LEFT JOIN facts USING (date_key, retailer_key)
    WHERE slice.load_id IS NOT NULL OR facts.line_count IS NOT NULL
),
differences AS (
    SELECT
        retailer_id,
        business_date,
        greatest(accounted, present) AS checked,
        abs(accounted - present) AS failed,
        accounted AS expected,
        present AS actual
    FROM compared
)
SELECT * FROM differences
