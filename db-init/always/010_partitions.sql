-- Partitions of telemetry.positions: one a UTC day, made when a batch needs it.
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

CREATE OR REPLACE FUNCTION telemetry.drop_before(keep_from timestamptz)
RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, telemetry
SET timezone = 'UTC'
AS $$
DECLARE
    part     record;
    dropped  integer := 0;
BEGIN
    IF telemetry.is_hypertable() THEN
        -- Only the statement, not the function, is known to databases without the extension.
        EXECUTE 'SELECT count(*) FROM public.drop_chunks(''telemetry.positions'', older_than => $1)'
            INTO dropped USING date_trunc('day', keep_from, 'UTC');
        RETURN dropped;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('telemetry.positions partitions'));
    FOR part IN
        SELECT c.relname
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'telemetry.positions'::regclass
          AND c.relname ~ '^positions_\d{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < keep_from::date
    LOOP
        EXECUTE format('DROP TABLE telemetry.%I', part.relname);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION telemetry.drop_before IS
    'Drops the partitions that end before keep_from''s UTC day; returns how many.';

REVOKE ALL ON FUNCTION telemetry.ensure_partitions(timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION telemetry.drop_before(timestamptz) FROM PUBLIC;
GRANT USAGE ON SCHEMA telemetry TO biplane_processor;
GRANT SELECT, INSERT, UPDATE ON telemetry.positions, telemetry.quarantine TO biplane_processor;
GRANT EXECUTE ON FUNCTION telemetry.ensure_partitions(timestamptz, timestamptz) TO biplane_processor;
