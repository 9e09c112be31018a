-- The slices that this run checks. Grain: retailer x business date. They are the requested date, for every scheduled
-- retailer and any other one that has lines on it, and the other dates that the same run loaded. A slice is held when
-- it was landed and never published, because it failed a critical check.
CREATE TEMP TABLE checked_slices ON COMMIT DROP AS
WITH slices AS (
    SELECT retailer_id, %(day)s AS business_date
    FROM unnest(%(scheduled)s::text[]) AS scheduled (retailer_id)
    UNION
    SELECT retailer_id, business_date
    FROM load_ledger
    WHERE run_id = %(run_id)s
    UNION
    SELECT retailer_id, %(day)s
    FROM dim_retailer AS retailer
    WHERE EXISTS (
        SELECT FROM fact_sales AS sale
        WHERE sale.date_key = %(date_key)s AND sale.retailer_key = retailer.retailer_key
    )
),
described_slices AS (
    SELECT
        slices.retailer_id,
        slices.business_date,
        retailer.retailer_key,
        to_char(slices.business_date, 'YYYYMMDD')::integer AS date_key,
        coalesce(source.time_zone, retailer.time_zone) AS time_zone,
        source.currencies,
        (
            SELECT max(load_id)
            FROM load_ledger
            WHERE load_ledger.retailer_id = slices.retailer_id AND load_ledger.business_date = slices.business_date
        ) AS load_id,
        slices.business_date = %(day)s AS is_target,
        slices.retailer_id = ANY (%(scheduled)s::text[]) AS is_scheduled,
        slices.retailer_id = ANY (%(expected)s::text[]) AS is_expected
    FROM slices
    LEFT JOIN dim_retailer AS retailer USING (retailer_id)
    LEFT JOIN sources AS source USING (retailer_id)
    WHERE (%(only)s::text[] IS NULL OR slices.retailer_id = ANY (%(only)s::text[]))
        AND (%(only_dates)s::date[] IS NULL OR slices.business_date = ANY (%(only_dates)s::date[]))
),
with_held AS (
    SELECT
        described_slices.*,
        load_id IS NULL AND EXISTS (
            SELECT FROM held_loads AS held
            WHERE held.retailer_id = described_slices.retailer_id
                AND held.business_date = described_slices.business_date
                AND held.status IN ('waiting', 'discarded')
        ) AS is_held
    FROM described_slices
)
SELECT * FROM with_held;
ANALYZE checked_slices;
