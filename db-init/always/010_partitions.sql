-- Partitions of telemetry.positions: one a UTC day, made ahead by the processor's upkeep, or when a
-- batch needs it; dropped by upkeep where a retention is configured.
-- SECURITY DEFINER: the processor may write positions but own no table.
-- Where TimescaleDB holds the table, it makes its chunks itself.

CREATE OR REPLACE FUNCTION telemetry.is_hypertable()
RETURNS boolean
LANGUAGE sql
STABLE
SET search_path = pg_catalog
AS $$
    SELECT relkind <> 'p' FROM pg_class WHERE oid = 'telemetry.positions'::regclass
$$;
COMMENT ON FUNCTION telemetry.is_hypertable IS
    'Whether TimescaleDB holds the positions; otherwise PostgreSQL''s own partitions do.';

CREATE OR REPLACE FUNCTION telemetry.ensure_partitions(from_ts timestamptz, to_ts timestamptz)
RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, telemetry
SET timezone = 'UTC'
AS $$
DECLARE
    day   date := from_ts::date;
    made  integer := 0;
    part  text;
BEGIN
    IF to_ts < from_ts THEN
        RAISE EXCEPTION 'ensure_partitions: % is before %', to_ts, from_ts USING ERRCODE = '22023';
    END IF;
    IF to_ts - from_ts > interval '400 days' THEN
        RAISE EXCEPTION 'ensure_partitions: % to % is more than 400 days', from_ts, to_ts USING ERRCODE = '22023';
    END IF;
    IF telemetry.is_hypertable() THEN
        RETURN 0;
    END IF;
    -- Two processors may need the same day at once.
    PERFORM pg_advisory_xact_lock(hashtext('telemetry.positions partitions'));
    WHILE day <= to_ts::date LOOP
        part := format('positions_%s', to_char(day, 'YYYYMMDD'));
        IF to_regclass(format('telemetry.%I', part)) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE telemetry.%I PARTITION OF telemetry.positions FOR VALUES FROM (%L) TO (%L)',
                part, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
        day := day + 1;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION telemetry.ensure_partitions IS
    'Makes the daily partitions that hold from_ts to to_ts; returns how many were missing.';

-- Before it had a second argument.
DROP FUNCTION IF EXISTS telemetry.drop_before(timestamptz);

CREATE OR REPLACE FUNCTION telemetry.drop_before(keep_from timestamptz, at_most integer)
RETURNS date[]
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, telemetry
SET timezone = 'UTC'
AS $$
DECLARE
    part     record;
    dropped  date[] := '{}';
BEGIN
    -- Whatever is asked for by mistake, the last day stays.
    IF keep_from IS NULL OR keep_from > now() - interval '1 day' THEN
        RAISE EXCEPTION 'drop_before: % is less than a day ago', keep_from USING ERRCODE = '22023';
    END IF;
    IF telemetry.is_hypertable() THEN
        -- Only these statements, not the function, are known to databases without the extension.
        FOR part IN EXECUTE
            'SELECT range_start::date AS day, range_end FROM timescaledb_information.chunks
             WHERE hypertable_schema = ''telemetry'' AND hypertable_name = ''positions'' AND range_end <= $1
             ORDER BY range_end LIMIT $2' USING date_trunc('day', keep_from, 'UTC'), at_most
        LOOP
            EXECUTE 'SELECT public.drop_chunks(''telemetry.positions'', older_than => $1)' USING part.range_end;
            dropped := dropped || part.day;
        END LOOP;
        RETURN dropped;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('telemetry.positions partitions'));
    FOR part IN
        SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD') AS day
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'telemetry.positions'::regclass
          AND c.relname ~ '^positions_\d{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < keep_from::date
        ORDER BY day
        LIMIT at_most
    LOOP
        EXECUTE format('DROP TABLE telemetry.%I', part.relname);
        dropped := dropped || part.day;
    END LOOP;
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION telemetry.drop_before IS
    'Drops the oldest partitions, at most so many, that end before keep_from''s UTC day; returns their days.';

CREATE OR REPLACE FUNCTION telemetry.forget_quarantine(keep_from timestamptz, at_most integer)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, telemetry
AS $$
DECLARE
    forgotten bigint;
BEGIN
    IF keep_from IS NULL OR keep_from > now() - interval '1 day' THEN
        RAISE EXCEPTION 'forget_quarantine: % is less than a day ago', keep_from USING ERRCODE = '22023';
    END IF;
    DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE received_at < keep_from LIMIT at_most);
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION telemetry.forget_quarantine IS
    'Deletes at most so many fixes without a place among the positions that came before keep_from; returns how many.';

-- The extension compresses by itself, by a policy; here is only said after how many days.
CREATE OR REPLACE FUNCTION telemetry.compress_after(days integer)
RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, telemetry
AS $$
DECLARE
    after       interval := make_interval(days => days);
    known       interval;
    enabled     boolean;
    -- TimescaleDB has them since 2.18; what they replace may go one day.
    columnstore boolean := to_regproc('public.add_columnstore_policy') IS NOT NULL;
BEGIN
    IF days IS NULL OR days < 1 THEN
        RAISE EXCEPTION 'compress_after: % is no number of days', days USING ERRCODE = '22023';
    END IF;
    IF NOT telemetry.is_hypertable() THEN
        RETURN 'unavailable';
    END IF;
    EXECUTE 'SELECT (config ->> ''compress_after'')::interval FROM timescaledb_information.jobs
             WHERE hypertable_schema = ''telemetry'' AND hypertable_name = ''positions''
               AND proc_name IN (''policy_compression'', ''policy_columnstore'')' INTO known;
    IF known = after THEN
        RETURN 'unchanged';
    END IF;
    EXECUTE 'SELECT compression_enabled FROM timescaledb_information.hypertables
             WHERE hypertable_schema = ''telemetry'' AND hypertable_name = ''positions''' INTO enabled;
    IF NOT enabled THEN
        -- As the key is, so that rows that come twice are found without unpacking more than they need.
        ALTER TABLE telemetry.positions SET (timescaledb.compress,
            timescaledb.compress_segmentby = 'device', timescaledb.compress_orderby = 'ts, digest');
    END IF;
    IF columnstore THEN
        EXECUTE 'CALL public.remove_columnstore_policy(''telemetry.positions'', if_exists => true)';
        EXECUTE format('CALL public.add_columnstore_policy(''telemetry.positions'', after => %L::interval)', after);
    ELSE
        EXECUTE 'SELECT public.remove_compression_policy(''telemetry.positions'', if_exists => true)';
        EXECUTE 'SELECT public.add_compression_policy(''telemetry.positions'', compress_after => $1)' USING after;
    END IF;
    RETURN 'set';
END
$$;
COMMENT ON FUNCTION telemetry.compress_after IS
    'Has TimescaleDB compress positions that are older; returns `set`, `unchanged`, or `unavailable` without it.';

REVOKE ALL ON FUNCTION telemetry.ensure_partitions(timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION telemetry.drop_before(timestamptz, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION telemetry.forget_quarantine(timestamptz, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION telemetry.compress_after(integer) FROM PUBLIC;
GRANT USAGE ON SCHEMA telemetry TO biplane_processor;
GRANT SELECT, INSERT, UPDATE ON telemetry.positions, telemetry.quarantine TO biplane_processor;
GRANT EXECUTE ON FUNCTION
    telemetry.ensure_partitions(timestamptz, timestamptz), telemetry.drop_before(timestamptz, integer),
    telemetry.forget_quarantine(timestamptz, integer), telemetry.compress_after(integer)
TO biplane_processor;
