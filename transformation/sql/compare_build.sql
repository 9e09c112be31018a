-- DuckDB. What happens to every row of a month that is built again, and to every row that fact_sales holds of its dates.
-- Grain: natural key x date. present_rows are those of fact_sales; former_customers are the customer versions whose facts
-- may have moved since. For these the version that is valid now counts, as it does for the rows of fact_sales.
-- Filled here; read here and by the month's builder, which counts the outcomes.
CREATE OR REPLACE TEMP TABLE compared_rows AS
WITH present AS (
    SELECT
        present_rows.* EXCLUDE (customer_key),
        coalesce(customer.customer_key, present_rows.customer_key) AS customer_key
    FROM present_rows
    LEFT JOIN former_customers AS former ON former.customer_key = present_rows.customer_key
    LEFT JOIN customer_keys AS customer
        ON customer.customer_id = former.customer_id
        AND present_rows.sold_at >= customer.starts_at
        AND present_rows.sold_at < customer.valid_to
)
SELECT
    date_key, transaction_id, line_id, coalesce(built.currency, present.currency) AS currency,
    coalesce(built.net_amount, present.net_amount) AS net_amount,
    CASE WHEN built.sold_at IS NULL THEN present.net_tax_amount ELSE built.net_tax_amount END AS net_tax_amount,
    present.load_id,
    CASE
        WHEN built.sold_at IS NULL THEN 'withdrawn'
        WHEN present.sold_at IS NULL THEN 'inserted'
        WHEN ({compared_columns:present}) IS DISTINCT FROM ({compared_columns:built}) THEN 'updated'
        ELSE 'unchanged'
    END AS outcome
FROM built_rows AS built
FULL JOIN present USING (date_key, transaction_id, line_id);

CREATE OR REPLACE TEMP TABLE built_rows AS
SELECT
    built_rows.* REPLACE (
        CASE WHEN compared_rows.outcome = 'unchanged' THEN compared_rows.load_id ELSE built_rows.load_id END AS load_id
    )
FROM built_rows
JOIN compared_rows USING (date_key, transaction_id, line_id)
ORDER BY date_key, transaction_id, line_id;
