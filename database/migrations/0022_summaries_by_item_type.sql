-- depends: 0021_validate_measures
-- The daily summary separates products from what else was charged, and the ledger has the tax next to the net amount. With
-- constant defaults: existing lines are products without discounts, and the existing ledger is about net amounts. The new
-- keys follow in 0023 and 0024.

-- Until this commits no load starts, so that none runs with the older columns while another runs with the newer.
DO $wait$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ops.fact_partitions'));
END
$wait$;

ALTER TABLE public.fact_daily_sales
    ADD COLUMN item_type text NOT NULL DEFAULT 'product',
    ADD COLUMN discount_amount numeric(20,4) NOT NULL DEFAULT 0,
    ADD COLUMN tax_amount numeric(20,4) NOT NULL DEFAULT 0;
COMMENT ON TABLE public.fact_daily_sales IS 'Grain: retailer x business date x product x store x currency x item type. Each load rewrites it for the dates that it changes; the views are built on it. It has no foreign keys, since it is derived from fact_sales, which has them.';
COMMENT ON COLUMN public.fact_daily_sales.sold_quantity IS 'Units of products sold (sale lines).';
COMMENT ON COLUMN public.fact_daily_sales.returned_quantity IS 'Units of products returned (return lines), positive.';
COMMENT ON COLUMN public.fact_daily_sales.net_quantity IS 'Signed units of products of all lines.';
COMMENT ON COLUMN public.fact_daily_sales.sales_amount IS 'Net amount of the sale lines.';
COMMENT ON COLUMN public.fact_daily_sales.returns_amount IS 'Net amount of the return lines, positive.';
COMMENT ON COLUMN public.fact_daily_sales.adjustment_amount IS 'Signed net amount of the adjustment lines.';
COMMENT ON COLUMN public.fact_daily_sales.item_type IS 'What the lines charge for. Revenue is the net_amount of all but tip and gift_card.';
COMMENT ON COLUMN public.fact_daily_sales.discount_amount IS 'Discounts, less those of what was paid back. net_amount is without them.';
COMMENT ON COLUMN public.fact_daily_sales.tax_amount IS 'Signed tax of the lines, as far as the sources give it. net_amount is without it.';

ALTER TABLE ops.load_ledger_amounts
    ADD COLUMN measure text NOT NULL DEFAULT 'net',
    ADD CONSTRAINT ck_load_ledger_amounts_measure CHECK (measure IN ('net', 'tax')) NOT VALID;
COMMENT ON TABLE ops.load_ledger_amounts IS 'Grain: one row per ledger row, currency and measure: the same entry in signed amounts. Tax has a row only where there is any.';
COMMENT ON COLUMN ops.load_ledger_amounts.measure IS 'net: net amounts. tax: tax of the same lines, of which control reports say nothing.';

-- The digest covers the new columns. A null adds nothing.
CREATE OR REPLACE FUNCTION ops.warehouse_digest() RETURNS text
    LANGUAGE sql VOLATILE SET search_path = public, ops, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, MDY' AS
$function$
    -- Sums of row hashes: independent of physical order, of surrogate keys and of when a row was loaded.
    -- Volatile, so that the snapshot is taken after the locks, also when they had to wait for a load.
    WITH sales AS (
        SELECT hashtextextended(concat_ws('|',
            f.date_key, r.retailer_id, f.transaction_id, f.line_id, f.line_type, f.sold_at, f.currency, f.quantity, f.unit_price,
            f.total_amount, f.net_quantity, f.net_amount, f.source_changed_at, p.product_id, s.store_id,
            c.customer_id, c.valid_from, 'item_type=' || f.item_type, 'discount_amount=' || f.discount_amount, 'tax_amount=' || f.tax_amount,
            'net_tax_amount=' || f.net_tax_amount, 'tax_included=' || f.tax_included, 'original_transaction_id=' || f.original_transaction_id), 0) AS row_hash
        FROM fact_sales f
        JOIN dim_retailer r USING (retailer_key)
        JOIN dim_product p USING (product_key)
        JOIN dim_store s USING (store_key)
        JOIN dim_customer c USING (customer_key)
    ), daily AS (
        SELECT hashtextextended(concat_ws('|',
            d.date_key, r.retailer_id, p.product_id, s.store_id, d.currency, d.line_count, d.sold_quantity,
            d.returned_quantity, d.net_quantity, d.sales_amount, d.returns_amount, d.adjustment_amount, d.net_amount,
            d.item_type, d.discount_amount, d.tax_amount), 1) AS row_hash
        FROM fact_daily_sales d
        JOIN dim_retailer r USING (retailer_key)
        JOIN dim_product p USING (product_key)
        JOIN dim_store s USING (store_key)
        UNION ALL
        SELECT hashtextextended(concat_ws('|',
            t.date_key, r.retailer_id, s.store_id, t.currency, t.transaction_count, t.customer_count), 2)
        FROM fact_daily_transactions t
        JOIN dim_retailer r USING (retailer_key)
        JOIN dim_store s USING (store_key)
    ), members AS (
        SELECT hashtextextended(concat_ws('|', r.retailer_id, c.customer_id, coalesce(c.customer_name, '~'), coalesce(c.segment, '~'),
            coalesce(c.city, '~'), coalesce(c.country, '~'), c.valid_from, c.valid_to, c.is_current), 3) AS row_hash
        FROM dim_customer c JOIN dim_retailer r USING (retailer_key)
        UNION ALL
        SELECT hashtextextended(concat_ws('|', r.retailer_id, p.product_id, p.product_name, p.category), 4)
        FROM dim_product p JOIN dim_retailer r USING (retailer_key)
        WHERE EXISTS (SELECT FROM fact_daily_sales d WHERE d.product_key = p.product_key)
        UNION ALL
        SELECT hashtextextended(concat_ws('|', r.retailer_id, s.store_id, coalesce(s.store_name, '~'), coalesce(s.city, '~'),
            coalesce(s.country, '~')), 5)
        FROM dim_store s JOIN dim_retailer r USING (retailer_key)
        WHERE EXISTS (SELECT FROM fact_daily_sales d WHERE d.store_key = s.store_key)
    )
    SELECT md5(concat_ws('/',
        (SELECT concat_ws(':', count(*), sum(row_hash)) FROM sales),
        (SELECT concat_ws(':', count(*), sum(row_hash)) FROM daily),
        (SELECT concat_ws(':', count(*), sum(row_hash)) FROM members)))
    FROM ops.check_snapshot()
$function$;
