-- DuckDB. The built rows in the column order of fact_sales, sorted by its primary key. Grain of fact_sales.
SELECT
    {fact_columns}
FROM built_rows;
