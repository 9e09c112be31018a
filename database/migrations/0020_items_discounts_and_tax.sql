-- depends: 0019_newer_schemas_and_detached_months
-- What a line charges for, its discount and its tax. Constant defaults: no row is written, and existing lines are products
-- without a discount and without a tax. Existing constraints are replaced by wider ones that 0021 validates,
-- because reading all rows while the table is locked would block readers.

-- Until this commits no load starts, so that none runs with the older columns while another runs with the newer.
DO $wait$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ops.fact_partitions'));
END
$wait$;

ALTER TABLE public.fact_sales
    ADD COLUMN item_type text NOT NULL DEFAULT 'product',
    ADD COLUMN discount_amount numeric(18,4) NOT NULL DEFAULT 0,
    ADD COLUMN tax_amount numeric(18,4),
    ADD COLUMN net_tax_amount numeric(18,4),
    ADD COLUMN tax_included boolean NOT NULL DEFAULT false,
    ADD COLUMN original_transaction_id text,
    DROP CONSTRAINT ck_fact_sales_measures,
    DROP CONSTRAINT ck_fact_sales_total,
    ADD CONSTRAINT ck_fact_sales_measures CHECK (
        quantity >= 0 AND unit_price >= 0 AND total_amount >= 0 AND discount_amount >= 0
        AND abs(net_quantity) = quantity
        AND abs(net_amount)
        = total_amount - discount_amount - CASE WHEN tax_included THEN coalesce(tax_amount, 0) ELSE 0 END
    ) NOT VALID,
    ADD CONSTRAINT ck_fact_sales_total CHECK (
        abs(total_amount - quantity * unit_price) <= greatest(0.005, quantity * 0.00005)
    ) NOT VALID,
    ADD CONSTRAINT ck_fact_sales_tax CHECK (
        (tax_amount IS NULL) = (net_tax_amount IS NULL)
        AND coalesce(tax_amount, 0) >= 0
        AND abs(coalesce(net_tax_amount, 0)) = coalesce(tax_amount, 0)
    ) NOT VALID,
    ADD CONSTRAINT ck_fact_sales_item_type CHECK (
        item_type IN ('product', 'shipping', 'fee', 'tip', 'gift_card', 'discount', 'other')
    ) NOT VALID;
COMMENT ON COLUMN public.fact_sales.line_type IS 'Direction: sale, return or adjustment.';
COMMENT ON COLUMN public.fact_sales.total_amount IS 'quantity x unit_price in the row''s currency, before discounts, never negative.';
COMMENT ON COLUMN public.fact_sales.net_amount IS 'Signed amount without discount and tax: negative when paid back or written off. Sum this, per currency; tips and gift cards are not revenue.';
COMMENT ON COLUMN public.fact_sales.item_type IS 'What was charged for: product, shipping, fee, tip, gift_card, discount or other. Tips and gift cards are not revenue.';
COMMENT ON COLUMN public.fact_sales.discount_amount IS 'Discounts on the line, its share of the order''s included; never negative.';
COMMENT ON COLUMN public.fact_sales.tax_amount IS 'Tax on the line, never negative; null when the source does not give it.';
COMMENT ON COLUMN public.fact_sales.net_tax_amount IS 'Signed tax, with the sign of the line; null when the source does not give it. Sum this, per currency.';
COMMENT ON COLUMN public.fact_sales.tax_included IS 'Whether unit_price and total_amount contain tax_amount.';
COMMENT ON COLUMN public.fact_sales.original_transaction_id IS 'Of a refund: the transaction whose sale it pays back; null when there is none.';

ALTER TABLE ops.superseded_sales
    ADD COLUMN item_type text NOT NULL DEFAULT 'product',
    ADD COLUMN discount_amount numeric(18,4) NOT NULL DEFAULT 0,
    ADD COLUMN tax_amount numeric(18,4),
    ADD COLUMN net_tax_amount numeric(18,4),
    ADD COLUMN tax_included boolean NOT NULL DEFAULT false,
    ADD COLUMN original_transaction_id text;
COMMENT ON COLUMN ops.superseded_sales.item_type IS 'As in fact_sales.';
COMMENT ON COLUMN ops.superseded_sales.discount_amount IS 'As in fact_sales.';
COMMENT ON COLUMN ops.superseded_sales.tax_amount IS 'As in fact_sales.';
COMMENT ON COLUMN ops.superseded_sales.net_tax_amount IS 'As in fact_sales.';
COMMENT ON COLUMN ops.superseded_sales.tax_included IS 'As in fact_sales.';
COMMENT ON COLUMN ops.superseded_sales.original_transaction_id IS 'As in fact_sales.';
