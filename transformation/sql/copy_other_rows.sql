-- What stays of a month that is replaced: other retailers' rows, and those of dates outside the load.
INSERT INTO {build} ({fact_columns})
SELECT
    {fact_columns}
FROM fact_sales
WHERE date_key >= %(first_key)s
    AND date_key <= %(last_key)s
    AND NOT (retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s));
