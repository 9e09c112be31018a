-- depends: 0020_items_discounts_and_tax
-- Checks the existing rows against the constraints of 0020. Reads all of them, and blocks neither readers nor loads.

ALTER TABLE public.fact_sales VALIDATE CONSTRAINT ck_fact_sales_measures;
ALTER TABLE public.fact_sales VALIDATE CONSTRAINT ck_fact_sales_total;
ALTER TABLE public.fact_sales VALIDATE CONSTRAINT ck_fact_sales_tax;
ALTER TABLE public.fact_sales VALIDATE CONSTRAINT ck_fact_sales_item_type;
