-- The obvious upsert of finished rows; runs again without another result.
INSERT INTO fact_sales
SELECT * FROM staged
ON CONFLICT (date_key, retailer_key, transaction_id, line_id) DO UPDATE SET
    {assigned_columns};
