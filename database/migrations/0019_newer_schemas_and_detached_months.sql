-- depends: 0018_digest_of_any_session
-- What users of the warehouse do: they run older code against a newer schema, and detach months.

-- Code that is older than the schema has to notice it, over the connection of whatever role it uses.
GRANT SELECT ON ops._yoyo_migration TO retail_user, retail_reader;

-- Until this commits no load starts, so that none runs with the older functions while another runs with the newer.
DO $wait$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ops.fact_partitions'));
END
$wait$;

-- A table that was detached keeps its name. It was taken for the month: rows found no partition, and a load that built the
-- month dropped the table. Now it is an error that its name is in use.
CREATE OR REPLACE FUNCTION ops.ensure_fact_partition(any_day date) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp AS
$function$
DECLARE
    first_day date := date_trunc('month', any_day)::date;
    next_month date := (date_trunc('month', any_day) + interval '1 month')::date;
    partition_name text := 'fact_sales_' || to_char(first_day, 'YYYY_MM');
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'ops'::regnamespace AND relispartition) THEN
        RETURN partition_name;
    END IF;
    -- Attaching locks the dimensions against writers, so it waits until no load is running: loads hold the same lock
    -- in shared mode (ops.enter_load). The second look comes after the lock, since another session may have made the
    -- partition meanwhile, and is a query: to_regclass reads a cache that may not know that yet.
    PERFORM ops.wait_for_lock('months of fact_sales', hashtext('ops.fact_partitions'));
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'ops'::regnamespace AND relispartition) THEN
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
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'ops'::regnamespace AND relispartition) THEN
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
