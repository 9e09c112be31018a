-- depends: 0025_build_views_with_charges
-- Puts the views of 0025 in place. Readers wait for the time of a few catalog changes; a view that is being read is waited
-- for a tenth of a second, and then all is tried again, so that no reader waits a second for all of them together.

SET LOCAL lock_timeout = '100ms';
SET LOCAL search_path = public, ops, pg_temp;

DROP MATERIALIZED VIEW public.mv_weekly_sales_trends, public.mv_quarterly_sales_summary, public.mv_top_products_by_revenue, public.mv_monthly_sales_by_category, public.mv_daily_sales_summary, public.mv_daily_sales_by_product;
ALTER MATERIALIZED VIEW ops.mv_daily_sales_by_product SET SCHEMA public;
ALTER MATERIALIZED VIEW ops.mv_daily_sales_summary SET SCHEMA public;
ALTER MATERIALIZED VIEW ops.mv_monthly_sales_by_category SET SCHEMA public;
ALTER MATERIALIZED VIEW ops.mv_top_products_by_revenue SET SCHEMA public;
ALTER MATERIALIZED VIEW ops.mv_quarterly_sales_summary SET SCHEMA public;
ALTER MATERIALIZED VIEW ops.mv_weekly_sales_trends SET SCHEMA public;
