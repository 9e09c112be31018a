-- depends: 0014_bounded_locks
-- What a role with few rights can use up: the days and months of the contract, and no temporary tables for readers.

CREATE FUNCTION ops.check_date(any_day date) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS
$function$
BEGIN
    IF (any_day BETWEEN DATE '1900-01-01' AND DATE '2199-12-31') IS NOT TRUE THEN
        RAISE EXCEPTION '% is not a date from 1900-01-01 to 2199-12-31', coalesce(any_day::text, 'null')
            USING ERRCODE = 'datetime_field_overflow';
    END IF;
END
$function$;
COMMENT ON FUNCTION ops.check_date IS 'An error unless the date can be a business date by the contract. The dates infinity and -infinity cannot.';

CREATE OR REPLACE FUNCTION ops.ensure_dates(first_date date, last_date date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp AS
$function$
BEGIN
    -- With a bound of infinity there would be no end of days, until the disk is full.
    PERFORM ops.check_date(first_date);
    PERFORM ops.check_date(last_date);
    INSERT INTO dim_date
    SELECT
        to_char(day, 'YYYYMMDD')::integer, day::date, extract(year FROM day), extract(quarter FROM day),
        extract(month FROM day), trim(to_char(day, 'Month')), extract(isoyear FROM day), extract(week FROM day),
        extract(day FROM day), extract(doy FROM day), extract(isodow FROM day), trim(to_char(day, 'Day')),
        extract(isodow FROM day) >= 6
    FROM generate_series(first_date::timestamp, last_date::timestamp, interval '1 day') AS days (day)
    ON CONFLICT (date_key) DO NOTHING;
END
$function$;
COMMENT ON FUNCTION ops.ensure_dates IS 'Adds the missing days from first_date to last_date to dim_date. Both are from 1900-01-01 to 2199-12-31.';

CREATE OR REPLACE FUNCTION ops.create_fact_build(any_day date, load_id bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, ops, pg_temp AS
$function$
DECLARE
    first_day date := date_trunc('month', any_day)::date;
    next_month date := (date_trunc('month', any_day) + interval '1 month')::date;
    build_name text := format('fact_sales_%s_build_%s', to_char(first_day, 'YYYY_MM'), load_id);
BEGIN
    PERFORM ops.check_date(any_day);
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

DO $rights$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, retail_reader', current_database());
END
$rights$;
