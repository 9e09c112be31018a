-- Grain: one row: what a run published (each partition after the run's last load of it), the outcome of its
-- quality check, and its unresolved alerts.
WITH partitions AS (
    SELECT DISTINCT ON (retailer_id, business_date) *
    FROM ops.load_ledger
    WHERE run_id = %(run_id)s
    ORDER BY retailer_id, business_date, load_id DESC
),

records AS (
    SELECT
        count(*) AS partitions,
        count(*) FILTER (WHERE business_date IS DISTINCT FROM %(business_date)s::date) AS other_partitions,
        coalesce(sum(in_warehouse), 0)::bigint AS in_warehouse,
        coalesce(sum(inserted), 0)::bigint AS inserted,
        coalesce(sum(updated), 0)::bigint AS updated,
        coalesce(sum(rejected), 0)::bigint AS rejected,
        coalesce(array_agg(DISTINCT retailer_id ORDER BY retailer_id), '{}') AS retailers
    FROM partitions
),

amounts AS (
    SELECT amounts.currency, sum(amounts.in_warehouse) AS in_warehouse
    FROM partitions
    INNER JOIN ops.load_ledger_amounts AS amounts USING (load_id, retailer_id, business_date)
    WHERE amounts.measure = 'net'
    GROUP BY amounts.currency
),

money AS (
    SELECT coalesce(jsonb_object_agg(currency, in_warehouse::text), '{}') AS money FROM amounts
),

quality AS (
    SELECT max(score) AS score, max(outcome) AS outcome
    FROM ops.data_quality_scores
    WHERE run_id = %(run_id)s AND business_date = %(business_date)s AND dimension = 'overall'
),

unresolved AS (
    SELECT coalesce(array_agg(summary ORDER BY first_seen_at, alert_id), '{}') AS causes
    FROM ops.alerts
    WHERE run_id = %(run_id)s AND status <> 'resolved' AND kind NOT IN ('run_failed', 'run_late')
)

SELECT records.*, money.money, quality.score, quality.outcome, unresolved.causes
FROM records, money, quality, unresolved
