-- depends: 0007_quality_page
-- Operational tables use standard terms for what the ledger and the quality scores hold.

ALTER TABLE ops.load_ledger RENAME COLUMN in_star TO in_warehouse;
ALTER TABLE ops.load_ledger_amounts RENAME COLUMN in_star TO in_warehouse;
ALTER TABLE ops.data_quality_scores RENAME COLUMN verdict TO outcome;
ALTER TABLE ops.data_quality_scores RENAME CONSTRAINT ck_data_quality_scores_verdict TO ck_data_quality_scores_outcome;

UPDATE ops.data_quality_results SET check_name = 'dimensions_known' WHERE check_name = 'members_known';
UPDATE ops.data_quality_results SET check_name = 'customer_history_complete' WHERE check_name = 'customer_history_whole';

COMMENT ON COLUMN public.mv_daily_sales_by_product.product_name IS 'Description as it is today; Unknown when the source has none.';
COMMENT ON COLUMN public.mv_daily_sales_by_product.category IS 'Department or family as it is today; Unknown when the source has none.';
COMMENT ON COLUMN public.mv_monthly_sales_by_category.category IS 'Department or family as the product is today; Unknown when the source has none.';
COMMENT ON COLUMN public.mv_top_products_by_revenue.product_name IS 'Description as it is today; Unknown when the source has none.';
COMMENT ON COLUMN public.mv_top_products_by_revenue.category IS 'Department or family as it is today; Unknown when the source has none.';
