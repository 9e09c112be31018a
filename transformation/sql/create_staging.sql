-- Grain: one row per natural key and partition that is merged, as conformed. Gone when the transaction ends.
CREATE TEMP TABLE staged_sales ({staging_definitions}) ON COMMIT DROP;
