-- The rows of a month that stay when it is replaced: other retailers' rows, and rows of dates outside the load.
-- Grain of fact_sales. The build's table is empty before, and dropped when the load fails, so this runs once per table.
INSERT INTO {build} ({fact_columns})
SELECT
    {fact_columns}
FROM fact_sales
WHERE date_key >= %(first_key)s
    AND date_key <= %(last_key)s
    AND NOT (retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s));
