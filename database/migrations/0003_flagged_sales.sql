-- depends: 0002_source_files
-- Sales that a rule of the catalogue found remarkable: loaded all the same, and found here.

CREATE TABLE ops.flagged_sales (
    retailer_id    text NOT NULL,
    business_date  date NOT NULL,
    transaction_id text NOT NULL,
    line_id        text NOT NULL,
    rule_code      text NOT NULL,
    load_id        bigint NOT NULL,
    CONSTRAINT pk_flagged_sales PRIMARY KEY (retailer_id, business_date, transaction_id, line_id, rule_code)
);
COMMENT ON TABLE ops.flagged_sales IS 'Grain: one row per sales line and rule that flagged it. The lines are in fact_sales; replaced for the business dates of each load of files.';
COMMENT ON COLUMN ops.flagged_sales.retailer_id IS 'Retailer.';
COMMENT ON COLUMN ops.flagged_sales.business_date IS 'Business date.';
COMMENT ON COLUMN ops.flagged_sales.transaction_id IS 'Transaction.';
COMMENT ON COLUMN ops.flagged_sales.line_id IS 'Line.';
COMMENT ON COLUMN ops.flagged_sales.rule_code IS 'Rule of the catalogue.';
COMMENT ON COLUMN ops.flagged_sales.load_id IS 'Publication that flagged it.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ops.flagged_sales TO retail_user;
GRANT SELECT ON ops.flagged_sales TO retail_reader;
