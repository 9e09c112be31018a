-- Grain: the row of the source; re-runnable by that key.
INSERT INTO ops.drop_listings (retailer_id, listed_at, location)
VALUES (%(retailer_id)s, %(now)s, %(location)s)
ON CONFLICT (retailer_id) DO UPDATE SET listed_at = excluded.listed_at, location = excluded.location
