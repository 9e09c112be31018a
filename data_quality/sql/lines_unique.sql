-- Lines that are in fact_sales under a second business date. transaction_dates names the few transactions that landed under
-- several dates; only their lines are looked up (OFFSET 0 keeps the look-up one index probe per transaction and date).
-- Grain: one row per slice with lines.
WITH lines AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        sale.date_key,
        sale.retailer_key,
        sale.transaction_id,
        sale.line_id
    FROM checked_slices AS slice
    JOIN fact_sales AS sale USING (date_key, retailer_key)
    WHERE sale.date_key = ANY (%(date_keys)s)
),
other_dates AS (
    SELECT DISTINCT here.date_key, here.retailer_key, here.transaction_id, there.date_key AS other_date_key
    FROM checked_slices AS slice
    JOIN transaction_dates AS here USING (date_key, retailer_key)
    JOIN transaction_dates AS there
        ON there.retailer_key = here.retailer_key
        AND there.transaction_id = here.transaction_id
        AND there.date_key <> here.date_key
),
duplicated_lines AS (
    SELECT DISTINCT other_dates.date_key, other_dates.retailer_key, other_dates.transaction_id, other_lines.line_id
    FROM other_dates
    CROSS JOIN LATERAL (
        SELECT sale.line_id
        FROM fact_sales AS sale
        WHERE sale.date_key = other_dates.other_date_key
            AND sale.retailer_key = other_dates.retailer_key
            AND sale.transaction_id = other_dates.transaction_id
        OFFSET 0
    ) AS other_lines
),
counted AS (
    SELECT
        lines.retailer_id,
        lines.business_date,
        count(*) AS checked,
        count(duplicated_lines.line_id) AS failed
    FROM lines
    LEFT JOIN duplicated_lines USING (date_key, retailer_key, transaction_id, line_id)
    GROUP BY lines.retailer_id, lines.business_date
)
SELECT * FROM counted
