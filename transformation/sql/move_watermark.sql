-- One row per retailer, which only moves forward. Part of the transaction that publishes the data.
-- How far changes were read is never later than ten minutes before now, whatever a manifest says.
INSERT INTO pipeline_metadata AS known
    (retailer_id, last_processed_date, last_processed_transaction_id, changes_read_until, changes_position,
    has_change_list, updated_at)
VALUES (
    %(retailer_id)s,
    %(business_date)s,
    %(transaction_id)s,
    least(%(changes_until)s, %(now)s::timestamptz - INTERVAL '10 minutes'),
    %(to_position)s,
    CASE WHEN %(changes_since)s IS NOT NULL THEN %(changes_until)s IS NOT NULL END,
    %(now)s
)
ON CONFLICT (retailer_id) DO UPDATE SET
    last_processed_date = greatest(known.last_processed_date, excluded.last_processed_date),
    last_processed_transaction_id = CASE
        WHEN known.last_processed_date > excluded.last_processed_date THEN known.last_processed_transaction_id
        ELSE excluded.last_processed_transaction_id
    END,
    -- A list of changes that starts after what is known would leave a gap; then the old value stays. It does not stay
    -- where it is in the future by our clock, because a source's clock was wrong once. A list that starts after its own
    -- end was requested from such a value, and has nothing.
    changes_read_until = CASE
        WHEN excluded.changes_read_until IS NULL OR %(changes_since)s > excluded.changes_read_until
        THEN known.changes_read_until
        WHEN known.changes_read_until > %(now)s THEN excluded.changes_read_until
        WHEN known.changes_read_until IS NULL OR %(changes_since)s <= known.changes_read_until
        THEN greatest(known.changes_read_until, excluded.changes_read_until)
        ELSE known.changes_read_until
    END,
    -- Positions have no order that is known here: a list counts if it began where the last one that counted ended.
    changes_position = CASE
        WHEN %(to_position)s::text IS NOT NULL
            AND coalesce(known.changes_position = %(from_position)s::text, known.changes_position IS NULL)
        THEN %(to_position)s
        ELSE known.changes_position
    END,
    -- A load that did not request changes does not know.
    has_change_list = coalesce(excluded.has_change_list, known.has_change_list),
    updated_at = excluded.updated_at
WHERE (
    known.last_processed_date, known.last_processed_transaction_id, known.changes_read_until, known.changes_position,
    known.has_change_list
) IS DISTINCT FROM (
    greatest(known.last_processed_date, excluded.last_processed_date),
    CASE
        WHEN known.last_processed_date > excluded.last_processed_date THEN known.last_processed_transaction_id
        ELSE excluded.last_processed_transaction_id
    END,
    CASE
        WHEN excluded.changes_read_until IS NULL OR %(changes_since)s > excluded.changes_read_until
        THEN known.changes_read_until
        WHEN known.changes_read_until > %(now)s THEN excluded.changes_read_until
        WHEN known.changes_read_until IS NULL OR %(changes_since)s <= known.changes_read_until
        THEN greatest(known.changes_read_until, excluded.changes_read_until)
        ELSE known.changes_read_until
    END,
    CASE
        WHEN %(to_position)s::text IS NOT NULL
            AND coalesce(known.changes_position = %(from_position)s::text, known.changes_position IS NULL)
        THEN %(to_position)s
        ELSE known.changes_position
    END,
    coalesce(excluded.has_change_list, known.has_change_list)
);
