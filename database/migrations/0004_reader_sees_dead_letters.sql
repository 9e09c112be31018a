-- depends: 0003_flagged_sales
-- Dashboards count refused records. The records themselves, which may name customers, stay with the pipeline.

GRANT SELECT (dead_letter_id, retailer_id, business_date, stage, reason_code, run_id, status, first_seen_at, last_seen_at)
    ON ops.dead_letters TO retail_reader;
