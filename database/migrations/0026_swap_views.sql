-- depends: 0025_build_views_with_charges
-- Puts the views of 0025 in place. Readers wait for the time of a few catalog changes; a view that is being read is waited
-- for only briefly, so that all of them together stay below a fifth of a second, and then all is tried again.

SET LOCAL lock_timeout = '30ms';
SET LOCAL search_path = public, ops, pg_temp;

DROP MATERIALIZED VIEW public.mv_weekly_sales_trends, public.mv_quarterly_sales_summary, public.mv_top_products_by_revenue, public.mv_monthly_sales_by_category, public.mv_daily_sales_summary, public.mv_daily_sales_by_product;
ALTER MATERIALIZED VIEW public.mv_daily_sales_by_product_new RENAME TO mv_daily_sales_by_product;
ALTER INDEX public.uq_mv_daily_sales_by_product_new RENAME TO uq_mv_daily_sales_by_product;
ALTER MATERIALIZED VIEW public.mv_daily_sales_summary_new RENAME TO mv_daily_sales_summary;
ALTER INDEX public.uq_mv_daily_sales_summary_new RENAME TO uq_mv_daily_sales_summary;
ALTER MATERIALIZED VIEW public.mv_monthly_sales_by_category_new RENAME TO mv_monthly_sales_by_category;
ALTER INDEX public.uq_mv_monthly_sales_by_category_new RENAME TO uq_mv_monthly_sales_by_category;
ALTER MATERIALIZED VIEW public.mv_top_products_by_revenue_new RENAME TO mv_top_products_by_revenue;
ALTER INDEX public.uq_mv_top_products_by_revenue_new RENAME TO uq_mv_top_products_by_revenue;
ALTER MATERIALIZED VIEW public.mv_quarterly_sales_summary_new RENAME TO mv_quarterly_sales_summary;
ALTER INDEX public.uq_mv_quarterly_sales_summary_new RENAME TO uq_mv_quarterly_sales_summary;
ALTER MATERIALIZED VIEW public.mv_weekly_sales_trends_new RENAME TO mv_weekly_sales_trends;
ALTER INDEX public.uq_mv_weekly_sales_trends_new RENAME TO uq_mv_weekly_sales_trends;
