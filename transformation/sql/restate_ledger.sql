-- The ledger of dates outside the load that lost lines to it or got lines back, calculated again for this version.
-- Grain of load_ledger; a load has a new load_id, so it writes each row once. What these dates landed stays the same; lines
-- that are now under another date count as superseded.
INSERT INTO load_ledger (
    load_id, retailer_id, business_date, run_id, reported, fetched, landed, rejected, inserted, updated, unchanged, duplicate,
    superseded, withdrawn, in_warehouse, source_sha256, content_digest, recorded_at
)
WITH latest AS (
    SELECT DISTINCT ON (business_date) *
    FROM load_ledger
    WHERE retailer_id = %(retailer_id)s AND business_date = ANY (%(other_dates)s)
    ORDER BY business_date, load_id DESC
),
facts_now AS (
    SELECT
        dim_date.full_date AS business_date,
        (SELECT count(*) FROM fact_sales AS fact
         WHERE fact.date_key = dim_date.date_key AND fact.retailer_key = %(retailer_key)s) AS in_warehouse,
        (SELECT count(*) FROM superseded_sales AS old
         WHERE old.date_key = dim_date.date_key AND old.retailer_key = %(retailer_key)s) AS superseded,
        (SELECT count(*) FROM restored WHERE restored.date_key = dim_date.date_key) AS restored
    FROM dim_date
    WHERE full_date = ANY (%(other_dates)s)
)
SELECT
    %(load_id)s, latest.retailer_id, latest.business_date, %(run_id)s, latest.reported, latest.fetched, latest.landed,
    latest.rejected, facts_now.restored, 0, facts_now.in_warehouse - facts_now.restored, latest.landed - facts_now.in_warehouse,
    facts_now.superseded, 0, facts_now.in_warehouse, latest.source_sha256, latest.content_digest,
    %(now)s
FROM latest
JOIN facts_now USING (business_date);

INSERT INTO load_ledger_amounts (
    load_id, retailer_id, business_date, currency, measure, reported, landed, rejected, inserted, updated, unchanged,
    duplicate, withdrawn, in_warehouse
)
WITH latest AS (
    SELECT amounts.*
    FROM load_ledger_amounts AS amounts
    JOIN (
        SELECT business_date, max(load_id) AS load_id
        FROM load_ledger
        WHERE retailer_id = %(retailer_id)s AND business_date = ANY (%(other_dates)s) AND load_id < %(load_id)s
        GROUP BY business_date
    ) AS newest USING (business_date, load_id)
    WHERE amounts.retailer_id = %(retailer_id)s
),
facts_now AS (
    SELECT dim_date.full_date AS business_date, fact.currency, measured.measure, sum(measured.amount) AS in_warehouse
    FROM fact_sales AS fact
    JOIN dim_date USING (date_key)
    CROSS JOIN LATERAL (VALUES ('net', fact.net_amount), ('tax', coalesce(fact.net_tax_amount, 0))) AS measured (measure, amount)
    WHERE fact.retailer_key = %(retailer_key)s AND fact.date_key = ANY (%(other_date_keys)s)
    GROUP BY dim_date.full_date, fact.currency, measured.measure
),
returned AS (
    SELECT dim_date.full_date AS business_date, restored.currency, measured.measure, sum(measured.amount) AS restored
    FROM restored
    JOIN dim_date USING (date_key)
    CROSS JOIN LATERAL (
        VALUES ('net', restored.net_amount), ('tax', coalesce(restored.net_tax_amount, 0))
    ) AS measured (measure, amount)
    GROUP BY dim_date.full_date, restored.currency, measured.measure
)
SELECT
    %(load_id)s, latest.retailer_id, latest.business_date, latest.currency, latest.measure, latest.reported, latest.landed, latest.rejected,
    coalesce(returned.restored, 0), 0, coalesce(facts_now.in_warehouse, 0) - coalesce(returned.restored, 0),
    latest.landed - coalesce(facts_now.in_warehouse, 0), 0, coalesce(facts_now.in_warehouse, 0)
FROM latest
LEFT JOIN facts_now USING (business_date, currency, measure)
LEFT JOIN returned USING (business_date, currency, measure);
