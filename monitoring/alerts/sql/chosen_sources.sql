-- Grain: one row per source that the run's latest plan has chosen, in its order.
SELECT chosen.retailer_id
FROM (
    SELECT details
    FROM ops.pipeline_runs
    WHERE run_id = %(run_id)s AND stage = 'plan' AND status = 'succeeded'
    ORDER BY pipeline_run_id DESC
    LIMIT 1
) AS plan
CROSS JOIN LATERAL jsonb_array_elements_text(plan.details -> 'sources') WITH ORDINALITY AS chosen (retailer_id, place)
ORDER BY chosen.place
