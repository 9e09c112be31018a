-- What fact_sales holds of the dates being built. Grain of fact_sales. Copied into DuckDB for compare_build.sql.
SELECT
    {present_columns}
FROM fact_sales
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
