-- A year of history: 365 dates, three retailers, four runs a date, twenty checks a run and retailer; one check in fifty warns.
CREATE TEMPORARY TABLE run AS
SELECT
    day::date AS business_date,
    repeat,
    'scheduled__' || day::date || '-' || repeat AS run_id,
    day + interval '1 day' + repeat * interval '1 hour' AS at
FROM generate_series(date '2023-01-16', date '2024-01-15', interval '1 day') AS day
CROSS JOIN generate_series(1, 4) AS repeat;

INSERT INTO ops.data_versions (run_id, retailer_key, load_path, code_version, published_at)
SELECT run_id, retailer_key, 'merge', 'test', at
FROM run
CROSS JOIN generate_series(1, 3) AS retailer_key
ORDER BY at, retailer_key;

INSERT INTO ops.load_ledger
SELECT
    version.load_id, 'retailer_' || version.retailer_key, run.business_date, run_id, 1000 + repeat, 1000 + repeat, 1000 + repeat, 0,
    1000 + repeat, 0, 0, 0, 0, 0, 1000 + repeat, 'test', run.at
FROM run
JOIN ops.data_versions AS version USING (run_id);

INSERT INTO ops.load_ledger_amounts
SELECT load_id, retailer_id, business_date, 'EUR', landed, landed, 0, landed, 0, 0, 0, 0, landed
FROM ops.load_ledger;

INSERT INTO ops.data_quality_results
    (run_id, business_date, retailer_id, check_name, dimension, severity, status, score, threshold, expected, actual, message, checked_at)
SELECT
    run_id, business_date, 'retailer_' || retailer, 'check_' || number, 'accuracy', 'warning',
    CASE WHEN (extract(day FROM business_date)::int + number + retailer) % 50 = 0 THEN 'warn' ELSE 'pass' END,
    99, 100, '1,000', '990', repeat('What was found, in words. ', 8), at
FROM run
CROSS JOIN generate_series(1, 3) AS retailer
CROSS JOIN generate_series(1, 20) AS number;

INSERT INTO ops.data_quality_scores
SELECT run_id, business_date, dimension, 95 + repeat, 'pass', at
FROM run
CROSS JOIN unnest(ARRAY['overall', 'completeness', 'accuracy', 'consistency', 'validity', 'uniqueness', 'timeliness']) AS dimension;

INSERT INTO ops.alerts (fingerprint, kind, severity, status, summary, business_date, first_seen_at, last_seen_at, resolved_at)
SELECT run_id, 'task_failed', 'error', 'resolved', 'Something failed', business_date, at, at, at
FROM run;

ANALYZE ops.load_ledger, ops.load_ledger_amounts, ops.data_quality_results, ops.data_quality_scores, ops.alerts;
