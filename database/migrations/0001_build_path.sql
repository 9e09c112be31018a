-- The build path: months of fact_sales made beside the star and attached, or swapped in, at the end of a load.

ALTER TABLE ops.load_ledger ADD COLUMN content_digest text;
COMMENT ON COLUMN ops.load_ledger.content_digest IS 'Digest of the landed records, whatever their order, and of the rules they were loaded by; a partition with the same digest need not be loaded again. Null after an insert-only load.';
-- For the last of them; there are none but after an insert-only load or an upgrade.
CREATE INDEX ix_load_ledger_without_digest ON ops.load_ledger (retailer_id, load_id) WHERE content_digest IS NULL;

CREATE FUNCTION ops.enter_build(retailer text) RETURNS void
    LANGUAGE sql SET search_path = public, ops, pg_temp AS
$function$
    SELECT pg_advisory_xact_lock(hashtext('ops.fact_partitions'));
    SELECT pg_advisory_xact_lock(hashtext('ops.load'), hashtext(retailer));
$function$;
COMMENT ON FUNCTION ops.enter_build IS 'First statement of a load that builds months: waits for every other load and holds all of them off until the transaction ends. Readers go on.';

CREATE FUNCTION ops.build_month(build_name text) RETURNS date
    LANGUAGE plpgsql IMMUTABLE SET search_path = public, ops, pg_temp AS
$function$
BEGIN
    IF build_name !~ '^fact_sales_[0-9]{4}_[0-9]{2}_build_[0-9]+$' THEN
        RAISE EXCEPTION '% is not the name of a month being built', build_name USING ERRCODE = 'invalid_name';
    END IF;
    RETURN to_date(substr(build_name, 12, 7), 'YYYY_MM');
END
$function$;
COMMENT ON FUNCTION ops.build_month IS 'The first day of the month that a table name like fact_sales_2024_01_build_17 stands for; an error for any other name.';

CREATE FUNCTION ops.create_fact_build(any_day date, load_id bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp AS
$function$
DECLARE
    first_day date := date_trunc('month', any_day)::date;
    next_month date := (date_trunc('month', any_day) + interval '1 month')::date;
    build_name text := format('fact_sales_%s_build_%s', to_char(first_day, 'YYYY_MM'), load_id);
BEGIN
    -- The last constraint says what the partition bound will say, so that attaching scans nothing.
    EXECUTE format(
        'CREATE TABLE ops.%I (LIKE public.fact_sales INCLUDING DEFAULTS INCLUDING CONSTRAINTS,'
        ' CONSTRAINT ck_build_bound CHECK (date_key >= %s AND date_key < %s))',
        build_name, to_char(first_day, 'YYYYMMDD'), to_char(next_month, 'YYYYMMDD')
    );
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON ops.%I TO retail_user', build_name);
    RETURN build_name;
END
$function$;
COMMENT ON FUNCTION ops.create_fact_build IS 'Makes an empty table for a month of fact_sales, not attached, and returns its name in schema ops.';

CREATE FUNCTION ops.index_fact_build(build_name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, ops, pg_temp SET default_statistics_target = 20 SET maintenance_work_mem = '128MB'
    SET max_parallel_maintenance_workers = 0 AS
$function$
DECLARE
    key_column text;
BEGIN
    PERFORM ops.build_month(build_name);
    EXECUTE format(
        'ALTER TABLE ops.%I ADD CONSTRAINT %I PRIMARY KEY (date_key, retailer_key, transaction_id, line_id)',
        build_name, build_name || '_pkey'
    );
    FOREACH key_column IN ARRAY ARRAY['retailer_key', 'product_key', 'customer_key', 'store_key'] LOOP
        EXECUTE format('CREATE INDEX %I ON ops.%I (%I)', build_name || '_' || key_column || '_idx', build_name, key_column);
    END LOOP;
    EXECUTE format('ANALYZE ops.%I', build_name);
END
$function$;
COMMENT ON FUNCTION ops.index_fact_build IS 'Gives a filled month its primary key, indexes and statistics, as set operations. Several months are built side by side, so each uses one process.';

CREATE FUNCTION ops.reference_fact_build(build_name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp AS
$function$
BEGIN
    PERFORM ops.ensure_dates(ops.build_month(build_name), (ops.build_month(build_name) + interval '1 month - 1 day')::date);
    EXECUTE format(
        'ALTER TABLE ops.%I'
        ' ADD CONSTRAINT fk_fact_sales_date FOREIGN KEY (date_key) REFERENCES public.dim_date (date_key),'
        ' ADD CONSTRAINT fk_fact_sales_retailer FOREIGN KEY (retailer_key) REFERENCES public.dim_retailer (retailer_key),'
        ' ADD CONSTRAINT fk_fact_sales_product FOREIGN KEY (product_key) REFERENCES public.dim_product (product_key),'
        ' ADD CONSTRAINT fk_fact_sales_customer FOREIGN KEY (customer_key) REFERENCES public.dim_customer (customer_key),'
        ' ADD CONSTRAINT fk_fact_sales_store FOREIGN KEY (store_key) REFERENCES public.dim_store (store_key)',
        build_name
    );
END
$function$;
COMMENT ON FUNCTION ops.reference_fact_build IS 'Checks and adds the foreign keys of a filled month. Runs in the transaction that writes the dimensions, which nobody else sees yet.';

CREATE FUNCTION ops.attach_fact_build(build_name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp AS
$function$
DECLARE
    first_day date := ops.build_month(build_name);
    next_month date := (first_day + interval '1 month')::date;
    partition_name text := 'fact_sales_' || to_char(first_day, 'YYYY_MM');
    index_name text;
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'ops'::regnamespace) THEN
        EXECUTE format('ALTER TABLE public.fact_sales DETACH PARTITION ops.%I', partition_name);
        EXECUTE format('DROP TABLE ops.%I', partition_name);
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
COMMENT ON FUNCTION ops.attach_fact_build IS 'Makes a filled month a partition of fact_sales, in place of the one that is there. Replacing one locks readers out until the commit; a new month locks nobody out.';

CREATE FUNCTION ops.lock_months_for_swap(build_names text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp SET lock_timeout = '100ms' AS
$function$
DECLARE
    build_name text;
BEGIN
    LOCK TABLE ONLY public.fact_sales IN ACCESS EXCLUSIVE MODE;
    FOREACH build_name IN ARRAY build_names LOOP
        EXECUTE format(
            'LOCK TABLE ops.%I IN ACCESS EXCLUSIVE MODE',
            'fact_sales_' || to_char(ops.build_month(build_name), 'YYYY_MM')
        );
    END LOOP;
END
$function$;
COMMENT ON FUNCTION ops.lock_months_for_swap IS 'Locks readers out of fact_sales and of the months that are to be replaced until the commit, or fails within a tenth of a second where one of them is at work, so that no reader queues behind a waiting load.';

CREATE FUNCTION ops.drop_orphan_builds() RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp AS
$function$
DECLARE
    orphan text;
    dropped text[] := '{}';
BEGIN
    -- Whoever builds holds this lock from its first statement to its commit: free means that nobody is building.
    IF NOT pg_try_advisory_xact_lock(hashtext('ops.fact_partitions')) THEN RETURN dropped; END IF;
    FOR orphan IN
        SELECT relname
        FROM pg_class
        WHERE relnamespace = 'ops'::regnamespace
            AND relkind = 'r'
            AND NOT relispartition
            AND relname ~ '^fact_sales_[0-9]{4}_[0-9]{2}_build_[0-9]+$'
    LOOP
        EXECUTE format('DROP TABLE ops.%I', orphan);
        dropped := dropped || orphan;
    END LOOP;
    RETURN dropped;
END
$function$;
COMMENT ON FUNCTION ops.drop_orphan_builds IS 'Removes the months that loads which are no more left unattached, and returns their names; does nothing while a load is under way.';

REVOKE EXECUTE ON FUNCTION ops.create_fact_build, ops.index_fact_build, ops.reference_fact_build, ops.attach_fact_build,
    ops.lock_months_for_swap, ops.drop_orphan_builds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.create_fact_build, ops.index_fact_build, ops.reference_fact_build, ops.attach_fact_build,
    ops.lock_months_for_swap, ops.drop_orphan_builds TO retail_user;
