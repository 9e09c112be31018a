-- Grain: load: what it published and where the records of its partitions went. Newest first.
-- %(retailer)s null: of all retailers.
WITH ledger_totals AS (
    SELECT
        load_id,
        retailer_id,
        count(*) AS partitions,
        min(business_date) AS first_date,
        max(business_date) AS last_date,
        sum(fetched) AS fetched,
        sum(landed) AS landed,
        sum(rejected) AS rejected,
        sum(inserted) AS inserted,
        sum(updated) AS updated,
        sum(unchanged) AS unchanged,
        sum(duplicate) AS duplicate,
        sum(withdrawn) AS withdrawn,
        sum(in_warehouse) AS in_warehouse
    FROM ops.load_ledger
    GROUP BY load_id, retailer_id
),
latest AS (
    SELECT
        load_id,
        dim_retailer.retailer_id,
        data_versions.published_at,
        data_versions.load_path,
        data_versions.run_id,
        data_versions.code_version
    FROM ops.data_versions
    JOIN dim_retailer USING (retailer_key)
    WHERE %(retailer)s IS NULL OR dim_retailer.retailer_id = %(retailer)s
    ORDER BY load_id DESC
    LIMIT %(limit)s
)
SELECT
    latest.load_id,
    latest.published_at,
    latest.retailer_id,
    latest.load_path,
    latest.run_id,
    latest.code_version,
    coalesce(ledger_totals.partitions, 0) AS partitions,
    ledger_totals.first_date,
    ledger_totals.last_date,
    coalesce(ledger_totals.fetched, 0) AS fetched,
    coalesce(ledger_totals.landed, 0) AS landed,
    coalesce(ledger_totals.rejected, 0) AS rejected,
    coalesce(ledger_totals.inserted, 0) AS inserted,
    coalesce(ledger_totals.updated, 0) AS updated,
    coalesce(ledger_totals.unchanged, 0) AS unchanged,
    coalesce(ledger_totals.duplicate, 0) AS duplicate,
    coalesce(ledger_totals.withdrawn, 0) AS withdrawn,
    coalesce(ledger_totals.in_warehouse, 0) AS in_warehouse
FROM latest
LEFT JOIN ledger_totals ON ledger_totals.load_id = latest.load_id AND ledger_totals.retailer_id = latest.retailer_id
ORDER BY latest.load_id DESC
