-- What the star holds of the dates being built. Grain of fact_sales.
SELECT
    {present_columns}
FROM fact_sales
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
