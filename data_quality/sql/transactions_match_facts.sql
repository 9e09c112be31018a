-- Rows of fact_daily_transactions that differ from the sale lines, are missing, or are too many.
-- Grain: one row per slice with sale lines or summary rows; counts summary rows.
WITH expected_rows AS (
    SELECT
        sale.date_key,
        sale.retailer_key,
        sale.store_key,
        sale.currency,
        count(DISTINCT sale.transaction_id) AS transaction_count,
        count(DISTINCT customer.customer_id) FILTER (WHERE customer.customer_id <> 'GUEST') AS customer_count
    FROM checked_slices AS slice
    JOIN fact_sales AS sale USING (date_key, retailer_key)
    LEFT JOIN dim_customer AS customer USING (customer_key)
    WHERE sale.date_key = ANY (%(date_keys)s) AND sale.line_type = 'sale'
    GROUP BY sale.date_key, sale.retailer_key, sale.store_key, sale.currency
),
actual_rows AS (
    SELECT daily.*
    FROM checked_slices AS slice
    JOIN fact_daily_transactions AS daily USING (date_key, retailer_key)
    WHERE daily.date_key = ANY (%(date_keys)s)
),
compared AS (
    SELECT
        date_key,
        retailer_key,
        (expected.transaction_count, expected.customer_count)
        IS NOT DISTINCT FROM (actual.transaction_count::bigint, actual.customer_count::bigint) AS is_equal
    FROM expected_rows AS expected
    FULL JOIN actual_rows AS actual USING (date_key, retailer_key, store_key, currency)
),
counted AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        count(*) AS checked,
        count(*) FILTER (WHERE NOT compared.is_equal) AS failed
    FROM compared
    JOIN checked_slices AS slice USING (date_key, retailer_key)
    GROUP BY slice.retailer_id, slice.business_date
)
SELECT * FROM counted
