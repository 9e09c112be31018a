-- DuckDB. The built rows in the column order of fact_sales, as they were sorted: by its primary key.
SELECT
    {fact_columns}
FROM built_rows;
