-- Grain: the rows of a source whose version appeared in the location, or is not there any more. Re-runnable: it writes
-- only what differs.
UPDATE ops.dropped_files AS known
SET is_listed = NOT known.is_listed
WHERE known.retailer_id = %(retailer_id)s
    AND known.is_listed <> EXISTS (
        SELECT FROM listing WHERE listing.place = known.place AND listing.version = known.version
    )
