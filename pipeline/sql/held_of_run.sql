-- The dates that a run has held and that still wait. Grain: one row per source; the reason names its dates.
SELECT
    retailer_id,
    'landed and not published: '
    || string_agg(
        format(
            '%%s fails %%s (retail held show %%s)',
            business_date,
            (SELECT string_agg(failed.value ->> 'check', ', ') FROM jsonb_array_elements(failed_checks) AS failed (value)),
            held_load_id
        ),
        '; ' ORDER BY business_date
    ) AS held_reason
FROM ops.held_loads
WHERE last_run_id = %(run_id)s AND status = 'waiting'
GROUP BY retailer_id
