-- Rows of fact_daily_sales that differ from the sum of the lines, are missing, or are too many.
-- Grain: one row per slice with lines or summary rows; counts summary rows.
WITH expected_rows AS (
    SELECT
        sale.date_key,
        sale.retailer_key,
        sale.product_key,
        sale.store_key,
        sale.currency,
        count(*) AS line_count,
        coalesce(sum(sale.quantity) FILTER (WHERE sale.line_type = 'sale' AND sale.item_type = 'product'), 0) AS sold_quantity,
        coalesce(sum(sale.quantity) FILTER (WHERE sale.line_type = 'return' AND sale.item_type = 'product'), 0)
            AS returned_quantity,
        coalesce(sum(sale.net_quantity) FILTER (WHERE sale.item_type = 'product'), 0) AS net_quantity,
        coalesce(sum(sale.net_amount) FILTER (WHERE sale.line_type = 'sale'), 0) AS sales_amount,
        coalesce(-sum(sale.net_amount) FILTER (WHERE sale.line_type = 'return'), 0) AS returns_amount,
        coalesce(sum(sale.net_amount) FILTER (WHERE sale.line_type = 'adjustment'), 0) AS adjustment_amount,
        sum(sale.net_amount) AS net_amount,
        sale.item_type,
        sum(
            CASE
                WHEN sale.line_type = 'return' OR sale.net_amount < 0 THEN -sale.discount_amount
                ELSE sale.discount_amount
            END
        ) AS discount_amount,
        coalesce(sum(sale.net_tax_amount), 0) AS tax_amount
    FROM checked_slices AS slice
    JOIN fact_sales AS sale USING (date_key, retailer_key)
    WHERE sale.date_key = ANY (%(date_keys)s)
    GROUP BY sale.date_key, sale.retailer_key, sale.product_key, sale.store_key, sale.currency, sale.item_type
),
actual_rows AS (
    SELECT daily.*
    FROM checked_slices AS slice
    JOIN fact_daily_sales AS daily USING (date_key, retailer_key)
    WHERE daily.date_key = ANY (%(date_keys)s)
),
compared AS (
    SELECT
        date_key,
        retailer_key,
        (
            expected.line_count, expected.sold_quantity, expected.returned_quantity, expected.net_quantity,
            expected.sales_amount, expected.returns_amount, expected.adjustment_amount, expected.net_amount,
            expected.discount_amount, expected.tax_amount
        ) IS NOT DISTINCT FROM (
            actual.line_count::bigint, actual.sold_quantity, actual.returned_quantity, actual.net_quantity,
            actual.sales_amount, actual.returns_amount, actual.adjustment_amount, actual.net_amount,
            actual.discount_amount, actual.tax_amount
        ) AS is_equal
    FROM expected_rows AS expected
    FULL JOIN actual_rows AS actual USING (date_key, retailer_key, product_key, store_key, currency, item_type)
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
