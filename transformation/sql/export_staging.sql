-- DuckDB. The conformed rows of some dates in the column order of staged_sales (create_staging.sql), for COPY.
-- Grain: natural key x date.
SELECT
    {staged_columns;
        date_key=CAST(strftime(business_date, '%Y%m%d') AS INTEGER) AS date_key;
        source_changed_at=changed_at AS source_changed_at
    }
FROM conformed
WHERE business_date IN ($days)
ORDER BY date_key, transaction_id, line_id;
