-- depends: 0015_bounds_for_roles
-- What a reader sees in one snapshot belongs to one publication: months are published only while nobody reads sales, and a
-- snapshot that is older than a publication is recognised.

CREATE OR REPLACE FUNCTION ops.lock_months_for_swap(build_names text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp SET lock_timeout = '200ms' AS
$function$
DECLARE
    deadline timestamptz := clock_timestamp() + interval '200 milliseconds';
    needed text;
BEGIN
    -- fact_sales for every month, new ones too: a reader that has looked up the months and not yet taken its snapshot would
    -- otherwise see the new summaries without the new month. The months that are replaced, and the dimensions for their
    -- foreign keys. Always in this order, and with one time-out for all, since readers queue behind the locks that are
    -- already held.
    FOR needed IN
        SELECT relation
        FROM (
            SELECT 1, 'ONLY public.fact_sales'
            UNION ALL
            SELECT 2, format('ops.%I', 'fact_sales_' || to_char(ops.build_month(build_name), 'YYYY_MM'))
            FROM unnest(build_names) AS builds (build_name)
            UNION ALL
            SELECT 3, format('public.%I', dimension)
            FROM unnest(ARRAY['dim_customer', 'dim_date', 'dim_product', 'dim_retailer', 'dim_store']) AS dimensions (dimension)
            WHERE cardinality(build_names) > 0
        ) AS relations (place, relation)
        ORDER BY place, relation
    LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', needed);
        PERFORM set_config(
            'lock_timeout', ceil(greatest(1, 1000 * extract(epoch FROM deadline - clock_timestamp()))) || 'ms', true
        );
    END LOOP;
END
$function$;
COMMENT ON FUNCTION ops.lock_months_for_swap IS 'Blocks readers of fact_sales until the commit, and of the months that are replaced and the dimensions if there are any. Fails within a fifth of a second where one is reading, so that no reader queues behind a waiting load.';

CREATE OR REPLACE FUNCTION ops.swap_holders(build_names text[]) RETURNS text
    LANGUAGE sql SET search_path = public, ops, pg_temp AS
$function$
    SELECT pg_stat_clear_snapshot(); -- a transaction would otherwise see the sessions of its first look
    SELECT string_agg(holder, ', ' ORDER BY holder)
    FROM (
        SELECT format(
            '%s (pid %s, application %s) on %s',
            coalesce(activity.usename, 'the server'), held.pid,
            coalesce(nullif(activity.application_name, ''), 'unknown'),
            string_agg(relation.relname, ' and ' ORDER BY relation.relname)
        ) AS holder
        FROM pg_locks AS held
        JOIN pg_stat_activity AS activity USING (pid)
        JOIN pg_class AS relation ON relation.oid = held.relation
        WHERE held.granted
            AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND held.pid <> pg_backend_pid()
            AND relation.relname = ANY (
                CASE cardinality(swap_holders.build_names)
                    WHEN 0 THEN ARRAY['fact_sales']
                    ELSE ARRAY['fact_sales', 'dim_customer', 'dim_date', 'dim_product', 'dim_retailer', 'dim_store']
                END
                || ARRAY(
                    SELECT 'fact_sales_' || to_char(ops.build_month(build_name), 'YYYY_MM')
                    FROM unnest(swap_holders.build_names) AS builds (build_name)
                )
            )
        GROUP BY activity.usename, held.pid, activity.application_name
    ) AS holders
$function$;

CREATE FUNCTION ops.check_snapshot() RETURNS void
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS
$function$
BEGIN
    -- Naming fact_sales locks it: from here to the end of the transaction, no load can publish months.
    PERFORM FROM ONLY public.fact_sales;
    -- pg_inherits shows the months of the snapshot, and pg_partition_tree those of the latest commit, as queries use them.
    IF EXISTS (
        SELECT
        FROM (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'public.fact_sales'::regclass) AS in_snapshot
        FULL JOIN (SELECT relid::oid AS relid FROM pg_partition_tree('public.fact_sales') WHERE isleaf) AS committed
            ON committed.relid = in_snapshot.inhrelid
        WHERE committed.relid IS NULL OR in_snapshot.inhrelid IS NULL
    ) THEN
        RAISE EXCEPTION 'months of fact_sales were published after this snapshot was taken'
            USING ERRCODE = 'serialization_failure',
                HINT = 'Begin a new transaction, and make LOCK TABLE fact_sales IN ACCESS SHARE MODE its first statement.';
    END IF;
END
$function$;
COMMENT ON FUNCTION ops.check_snapshot IS 'Fails with serialization_failure (40001) if months of fact_sales were published after the snapshot was taken: sales and summaries would then belong to different publications. If it succeeds in a repeatable-read transaction, this stays true until the transaction ends.';

CREATE OR REPLACE FUNCTION ops.warehouse_digest() RETURNS text
    LANGUAGE sql VOLATILE SET search_path = public, ops, pg_temp SET timezone = 'UTC' AS
$function$
    -- Sums of row hashes: independent of physical order, of surrogate keys and of when a row was loaded.
    -- Volatile, so that the snapshot is taken after the locks, also when they had to wait for a load.
    WITH sales AS (
        SELECT hashtextextended(concat_ws('|',
            f.date_key, r.retailer_id, f.transaction_id, f.line_id, f.line_type, f.sold_at, f.currency, f.quantity, f.unit_price,
            f.total_amount, f.net_quantity, f.net_amount, f.source_changed_at, p.product_id, s.store_id,
            c.customer_id, c.valid_from), 0) AS row_hash
        FROM fact_sales f
        JOIN dim_retailer r USING (retailer_key)
        JOIN dim_product p USING (product_key)
        JOIN dim_store s USING (store_key)
        JOIN dim_customer c USING (customer_key)
    ), daily AS (
        SELECT hashtextextended(concat_ws('|',
            d.date_key, r.retailer_id, p.product_id, s.store_id, d.currency, d.line_count, d.sold_quantity,
            d.returned_quantity, d.net_quantity, d.sales_amount, d.returns_amount, d.adjustment_amount, d.net_amount), 1) AS row_hash
        FROM fact_daily_sales d
        JOIN dim_retailer r USING (retailer_key)
        JOIN dim_product p USING (product_key)
        JOIN dim_store s USING (store_key)
        UNION ALL
        SELECT hashtextextended(concat_ws('|',
            t.date_key, r.retailer_id, s.store_id, t.currency, t.transaction_count, t.customer_count), 2)
        FROM fact_daily_transactions t
        JOIN dim_retailer r USING (retailer_key)
        JOIN dim_store s USING (store_key)
    ), members AS (
        SELECT hashtextextended(concat_ws('|', r.retailer_id, c.customer_id, coalesce(c.customer_name, '~'), coalesce(c.segment, '~'),
            coalesce(c.city, '~'), coalesce(c.country, '~'), c.valid_from, c.valid_to, c.is_current), 3) AS row_hash
        FROM dim_customer c JOIN dim_retailer r USING (retailer_key)
        UNION ALL
        SELECT hashtextextended(concat_ws('|', r.retailer_id, p.product_id, p.product_name, p.category), 4)
        FROM dim_product p JOIN dim_retailer r USING (retailer_key)
        WHERE EXISTS (SELECT FROM fact_daily_sales d WHERE d.product_key = p.product_key)
        UNION ALL
        SELECT hashtextextended(concat_ws('|', r.retailer_id, s.store_id, coalesce(s.store_name, '~'), coalesce(s.city, '~'),
            coalesce(s.country, '~')), 5)
        FROM dim_store s JOIN dim_retailer r USING (retailer_key)
        WHERE EXISTS (SELECT FROM fact_daily_sales d WHERE d.store_key = s.store_key)
    )
    SELECT md5(concat_ws('/',
        (SELECT concat_ws(':', count(*), sum(row_hash)) FROM sales),
        (SELECT concat_ws(':', count(*), sum(row_hash)) FROM daily),
        (SELECT concat_ws(':', count(*), sum(row_hash)) FROM members)))
    FROM ops.check_snapshot()
$function$;
