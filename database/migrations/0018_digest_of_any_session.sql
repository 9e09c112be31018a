-- depends: 0017_unfinished_runs
-- A digest is made of texts of times, so it depended on the DateStyle of the session: two users could get
-- two digests of the same warehouse.

ALTER FUNCTION ops.warehouse_digest() SET datestyle = 'ISO, MDY';
