-- depends: 0013_source_clocks
-- No wait for a lock is without limit, and no reader waits for one that a load is waiting for.

-- Until this commits no load starts, so that none runs with the older functions while another runs with the newer.
DO $wait$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ops.fact_partitions'));
END
$wait$;

CREATE FUNCTION ops.lock_holders(key bigint) RETURNS TABLE (pid integer, role_name name, application text, may_load boolean)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS
$function$
    SELECT pg_stat_clear_snapshot(); -- a transaction would otherwise see the sessions of its first look
    SELECT held.pid, activity.usename, activity.application_name,
        coalesce(has_table_privilege(activity.usesysid, 'public.fact_sales', 'INSERT'), true)
    FROM pg_locks AS held
    JOIN pg_stat_activity AS activity USING (pid)
    WHERE held.locktype = 'advisory'
        AND held.granted
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND held.objsubid = 1
        AND held.classid::bigint = (lock_holders.key >> 32) & 4294967295
        AND held.objid::bigint = lock_holders.key & 4294967295
        AND held.pid <> pg_backend_pid()
$function$;
COMMENT ON FUNCTION ops.lock_holders IS 'The other sessions that hold the advisory lock of this key, and whether their role may write sales.';

CREATE FUNCTION ops.wait_for_lock(lock_name text, key bigint, is_shared boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
$function$
DECLARE
    callers_timeout text := current_setting('lock_timeout');
    deadline timestamptz := clock_timestamp() + coalesce(nullif(callers_timeout::interval, '0'), '1 hour');
    longest interval;
    holders text;
BEGIN
    LOOP
        -- Loads and maintenance end by themselves. Any other session has no reason to hold this lock, and may keep it.
        longest := CASE
            WHEN EXISTS (SELECT FROM ops.lock_holders(key) WHERE NOT may_load) THEN interval '5 seconds'
            ELSE interval '1 minute'
        END;
        BEGIN
            PERFORM set_config(
                'lock_timeout',
                ceil(greatest(1, 1000 * extract(epoch FROM least(longest, deadline - clock_timestamp())))) || 'ms', true
            );
            IF is_shared THEN
                PERFORM pg_advisory_xact_lock_shared(key);
            ELSE
                PERFORM pg_advisory_xact_lock(key);
            END IF;
            PERFORM set_config('lock_timeout', callers_timeout, true);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            SELECT string_agg(format('%s (pid %s, application %s)', role_name, pid, coalesce(nullif(application, ''), 'unknown')), ', ')
            INTO holders
            FROM ops.lock_holders(key)
            WHERE clock_timestamp() >= deadline OR NOT may_load;
            IF holders IS NOT NULL OR clock_timestamp() >= deadline THEN
                RAISE EXCEPTION 'the lock "%" is held by %', lock_name, coalesce(holders, 'a session that has ended since')
                    USING ERRCODE = 'lock_not_available';
            END IF;
        END;
    END LOOP;
END
$function$;
COMMENT ON FUNCTION ops.wait_for_lock IS 'Takes an advisory lock until the transaction ends. Waits for loads for up to an hour, or for the session''s lock_timeout if it has one, and for a session that may not write sales for five seconds; the error then names who holds the lock.';

CREATE FUNCTION ops.lock_key(purpose text, name text) RETURNS bigint
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS
$function$
    SELECT (hashtext(purpose)::bigint << 32) | (hashtext(name)::bigint & 4294967295)
$function$;
COMMENT ON FUNCTION ops.lock_key IS 'The key of the advisory lock for this purpose and retailer or view.';

CREATE OR REPLACE FUNCTION ops.enter_load(retailer text) RETURNS void
    LANGUAGE sql SET search_path = public, ops, pg_temp AS
$function$
    SELECT ops.wait_for_lock('months of fact_sales', hashtext('ops.fact_partitions'), true);
    SELECT ops.wait_for_lock('load of ' || retailer, ops.lock_key('ops.load', retailer));
$function$;

CREATE OR REPLACE FUNCTION ops.enter_build(retailer text) RETURNS void
    LANGUAGE sql SET search_path = public, ops, pg_temp AS
$function$
    SELECT ops.wait_for_lock('months of fact_sales', hashtext('ops.fact_partitions'));
    SELECT ops.wait_for_lock('load of ' || retailer, ops.lock_key('ops.load', retailer));
$function$;

CREATE OR REPLACE FUNCTION ops.ensure_fact_partition(any_day date) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp AS
$function$
DECLARE
    first_day date := date_trunc('month', any_day)::date;
    next_month date := (date_trunc('month', any_day) + interval '1 month')::date;
    partition_name text := 'fact_sales_' || to_char(first_day, 'YYYY_MM');
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'ops'::regnamespace) THEN
        RETURN partition_name;
    END IF;
    -- Attaching locks the dimensions against writers, so it waits until no load is running: loads hold the same lock
    -- in shared mode (ops.enter_load). The second look comes after the lock, since another session may have made the
    -- partition meanwhile, and is a query: to_regclass reads a cache that may not know that yet.
    PERFORM ops.wait_for_lock('months of fact_sales', hashtext('ops.fact_partitions'));
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'ops'::regnamespace) THEN
        RETURN partition_name;
    END IF;
    PERFORM ops.ensure_dates(first_day, next_month - 1);
    -- Created separately and attached: CREATE … PARTITION OF would block every reader of fact_sales.
    EXECUTE format('CREATE TABLE ops.%I (LIKE public.fact_sales INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition_name);
    EXECUTE format(
        'ALTER TABLE public.fact_sales ATTACH PARTITION ops.%I FOR VALUES FROM (%s) TO (%s)',
        partition_name, to_char(first_day, 'YYYYMMDD'), to_char(next_month, 'YYYYMMDD')
    );
    RETURN partition_name;
END
$function$;

CREATE OR REPLACE FUNCTION ops.attach_fact_build(build_name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp AS
$function$
DECLARE
    first_day date := ops.build_month(build_name);
    next_month date := (first_day + interval '1 month')::date;
    partition_name text := 'fact_sales_' || to_char(first_day, 'YYYY_MM');
    index_name text;
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'ops'::regnamespace) THEN
        EXECUTE format('DROP TABLE ops.%I', partition_name);
    ELSE
        PERFORM ops.ensure_dates(first_day, next_month - 1);
    END IF;
    EXECUTE format('ALTER TABLE ops.%I RENAME TO %I', build_name, partition_name);
    EXECUTE format(
        'ALTER TABLE public.fact_sales ATTACH PARTITION ops.%I FOR VALUES FROM (%s) TO (%s)',
        partition_name, to_char(first_day, 'YYYYMMDD'), to_char(next_month, 'YYYYMMDD')
    );
    -- From here on it is a month like any other.
    EXECUTE format('ALTER TABLE ops.%I DROP CONSTRAINT ck_build_bound', partition_name);
    EXECUTE format('REVOKE ALL ON ops.%I FROM retail_user', partition_name);
    FOR index_name IN
        SELECT c.relname
        FROM pg_index AS i
        JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = format('ops.%I', partition_name)::regclass AND starts_with(c.relname, build_name)
    LOOP
        EXECUTE format('ALTER INDEX ops.%I RENAME TO %I', index_name, replace(index_name, build_name, partition_name));
    END LOOP;
END
$function$;
COMMENT ON FUNCTION ops.attach_fact_build IS 'Makes a filled month a partition of fact_sales, replacing the one that is there. A new month has no foreign keys yet: attaching checks them and blocks no reader. A month that replaces another has them (ops.reference_fact_build), and the locks of ops.lock_months_for_swap are held: only the catalog changes.';
COMMENT ON FUNCTION ops.reference_fact_build IS 'Checks and adds the foreign keys of a filled month that replaces another, in the transaction that writes the dimensions, so that attaching it need not read its rows while readers wait. Attaching then needs an exclusive lock on each dimension; a new month therefore gets its foreign keys by being attached.';

CREATE OR REPLACE FUNCTION ops.lock_months_for_swap(build_names text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp SET lock_timeout = '200ms' AS
$function$
DECLARE
    deadline timestamptz := clock_timestamp() + interval '200 milliseconds';
    needed text;
BEGIN
    -- fact_sales and the months for replacing them, the dimensions for their foreign keys. Always in this order, and
    -- with one time-out for all, since readers queue behind the locks that are already held.
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
COMMENT ON FUNCTION ops.lock_months_for_swap IS 'Blocks readers of fact_sales, of the months to be replaced and of the dimensions until the commit. Fails within a fifth of a second where one is reading, so that no reader queues behind a waiting load.';

CREATE FUNCTION ops.swap_holders(build_names text[]) RETURNS text
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
                ARRAY['fact_sales', 'dim_customer', 'dim_date', 'dim_product', 'dim_retailer', 'dim_store']
                || ARRAY(
                    SELECT 'fact_sales_' || to_char(ops.build_month(build_name), 'YYYY_MM')
                    FROM unnest(swap_holders.build_names) AS builds (build_name)
                )
            )
        GROUP BY activity.usename, held.pid, activity.application_name
    ) AS holders
$function$;
COMMENT ON FUNCTION ops.swap_holders IS 'The sessions that ops.lock_months_for_swap would have to wait for, with what they have locked; null when there is none.';

CREATE OR REPLACE FUNCTION ops.refresh_materialized_view(view_name text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, ops, pg_temp
    -- Enough to aggregate without a disk; compiling the queries, or full statistics of the copies that a concurrent
    -- refresh compares, would take longer than running them.
    SET work_mem = '64MB' SET jit = off SET default_statistics_target = 10
    SET enable_hashagg = on AS
$function$
DECLARE
    is_populated boolean;
    has_rows boolean := false;
    is_filled boolean := false;
    row_count bigint;
BEGIN
    IF view_name IS NULL OR view_name NOT IN (
        'mv_daily_sales_summary', 'mv_monthly_sales_by_category', 'mv_top_products_by_revenue',
        'mv_weekly_sales_trends', 'mv_quarterly_sales_summary', 'mv_daily_sales_by_product'
    ) THEN
        RAISE EXCEPTION '% is not one of the platform''s materialized views', coalesce(view_name, 'null')
            USING ERRCODE = 'undefined_table';
    END IF;
    -- Two refreshes of a view wait for each other here, before either holds a lock the other needs.
    PERFORM ops.wait_for_lock('refresh of ' || view_name, ops.lock_key('ops.refresh_materialized_view', view_name));
    IF view_name = 'mv_daily_sales_by_product' THEN
        -- Nearly every row is a group of its own, and they come in order.
        SET LOCAL enable_hashagg = off;
    END IF;
    is_populated := (SELECT relispopulated FROM pg_class WHERE oid = to_regclass('public.' || view_name));
    IF is_populated THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', view_name) INTO has_rows;
    END IF;
    IF NOT has_rows THEN
        -- Filling an empty view completely is quicker than comparing, but needs an exclusive lock. A waiting refresh would
        -- block every other reader of the view, so it waits for a fifth of a second only.
        DECLARE
            callers_timeout text := current_setting('lock_timeout');
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', true);
            EXECUTE format('REFRESH MATERIALIZED VIEW public.%I', view_name);
            PERFORM set_config('lock_timeout', callers_timeout, true);
            EXECUTE format('ANALYZE public.%I', view_name);
            is_filled := true;
        EXCEPTION WHEN lock_not_available THEN
            IF NOT is_populated THEN RAISE; END IF;
        END;
    END IF;
    IF NOT is_filled THEN
        EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY public.%I', view_name);
    END IF;
    EXECUTE format('SELECT count(*) FROM public.%I', view_name) INTO row_count;
    RETURN row_count;
END
$function$;
