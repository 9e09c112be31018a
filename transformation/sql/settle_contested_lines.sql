-- Of lines with the same natural key under several business dates, the one changed last at the source stands in
-- fact_sales (on a tie, the later date); the others wait in superseded_sales. Insert-only: what stands, stands.
CREATE TEMP TABLE candidates ON COMMIT DROP AS
SELECT
    'staged' AS stands_in, staged.date_key, staged.transaction_id, staged.line_id, staged.source_changed_at
FROM resolved_sales AS staged
WHERE staged.transaction_id IN (SELECT transaction_id FROM contested)
UNION ALL
SELECT 'fact', fact.date_key, fact.transaction_id, fact.line_id, fact.source_changed_at
FROM fact_sales AS fact
JOIN contested USING (transaction_id, date_key)
WHERE fact.retailer_key = %(retailer_key)s
    AND fact.date_key = ANY (%(contested_dates)s)
    AND fact.date_key <> ALL (%(date_keys)s)
UNION ALL
SELECT 'superseded', old.date_key, old.transaction_id, old.line_id, old.source_changed_at
FROM superseded_sales AS old
WHERE old.retailer_key = %(retailer_key)s
    AND old.transaction_id IN (SELECT transaction_id FROM contested)
    AND old.date_key <> ALL (%(date_keys)s);

CREATE TEMP TABLE standings ON COMMIT DROP AS
SELECT
    *,
    row_number() OVER (
        PARTITION BY transaction_id, line_id
        ORDER BY %(insert_only)s AND stands_in = 'fact' DESC, source_changed_at DESC, date_key DESC
    ) = 1 AS is_winner
FROM candidates;

-- Lines that come back because what had superseded them is gone or older now.
CREATE TEMP TABLE restored ON COMMIT DROP AS
WITH winners AS (
    DELETE FROM superseded_sales AS old
    USING standings
    WHERE old.retailer_key = %(retailer_key)s
        AND standings.stands_in = 'superseded'
        AND standings.is_winner
        AND (old.transaction_id, old.line_id, old.date_key)
        = (standings.transaction_id, standings.line_id, standings.date_key)
    RETURNING old.*
)
SELECT * FROM winners;

CREATE TEMP TABLE outdated ON COMMIT DROP AS
WITH losers AS (
    DELETE FROM fact_sales AS fact
    USING standings
    WHERE fact.retailer_key = %(retailer_key)s
        AND fact.date_key = ANY (%(contested_dates)s)
        AND standings.stands_in = 'fact'
        AND NOT standings.is_winner
        AND (fact.transaction_id, fact.line_id, fact.date_key)
        = (standings.transaction_id, standings.line_id, standings.date_key)
    RETURNING fact.*
)
SELECT * FROM losers;

INSERT INTO superseded_sales (
    date_key, retailer_key, transaction_id, line_id, product_key, customer_id, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at
)
SELECT
    outdated.date_key, outdated.retailer_key, outdated.transaction_id, outdated.line_id, outdated.product_key,
    customer.customer_id, outdated.store_key, outdated.line_type, outdated.sold_at, outdated.currency,
    outdated.quantity, outdated.unit_price, outdated.total_amount, outdated.net_quantity, outdated.net_amount,
    outdated.source_changed_at
FROM outdated
JOIN dim_customer AS customer USING (customer_key);

INSERT INTO fact_sales (
    date_key, retailer_key, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at, load_id
)
SELECT
    restored.date_key, restored.retailer_key, restored.transaction_id, restored.line_id, restored.product_key,
    customer.customer_key, restored.store_key, restored.line_type, restored.sold_at, restored.currency,
    restored.quantity, restored.unit_price, restored.total_amount, restored.net_quantity, restored.net_amount,
    restored.source_changed_at, %(load_id)s
FROM restored
JOIN LATERAL (
    SELECT customer_key
    FROM dim_customer
    WHERE retailer_key = restored.retailer_key
        AND customer_id = restored.customer_id
        AND customer_key NOT IN (SELECT customer_key FROM former_versions WHERE is_dead)
    ORDER BY valid_from <= restored.sold_at DESC,
        CASE WHEN valid_from <= restored.sold_at THEN valid_from END DESC,
        valid_from
    LIMIT 1
) AS customer ON true;
