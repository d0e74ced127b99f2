-- The telemetry plane's own schema: what Directus neither owns nor sees.
-- Outside Directus's search path, since Directus warns at every start about
-- each table whose key it can't manage, and a partition is such a table.

CREATE SCHEMA IF NOT EXISTS telemetry;
COMMENT ON SCHEMA telemetry IS 'Biplane: positions and the pipeline''s own state; not managed by Directus.';

CREATE TABLE telemetry.positions (
    device        uuid             NOT NULL,
    ts            timestamptz      NOT NULL,
    digest        bigint           NOT NULL,
    organization  uuid             NOT NULL,
    received_at   timestamptz      NOT NULL,
    stored_at     timestamptz      NOT NULL DEFAULT now(),
    lat           double precision NOT NULL,
    lon           double precision NOT NULL,
    altitude_m    real,
    speed_kmh     real,
    course_deg    real,
    satellites    smallint,
    hdop          real,
    faulty        boolean          NOT NULL DEFAULT false,
    fault_reason  text,
    io            jsonb,
    CONSTRAINT positions_fault_has_reason CHECK (faulty = (fault_reason IS NOT NULL)),
    PRIMARY KEY (device, ts, digest)
);

-- One table to every reader and writer: a hypertable where the database has TimescaleDB, else
-- PostgreSQL's own range partitions. Either holds one UTC day a piece. Whoever makes the database
-- decides by CREATE EXTENSION: it ends the session where the library is not preloaded, so this
-- does not try.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('telemetry.positions', by_range('ts', INTERVAL '1 day'), create_default_indexes => false);
    ELSE
        -- A plain table can't become a partitioned one.
        CREATE TABLE telemetry.positions_partitioned (LIKE telemetry.positions INCLUDING ALL) PARTITION BY RANGE (ts);
        DROP TABLE telemetry.positions;
        ALTER TABLE telemetry.positions_partitioned RENAME TO positions;
        ALTER INDEX telemetry.positions_partitioned_pkey RENAME TO positions_pkey;
    END IF;
END
$$;

COMMENT ON TABLE telemetry.positions IS 'Every fix that a device was acknowledged for, once; the processor writes it.';
COMMENT ON COLUMN telemetry.positions.ts IS 'Event time: the device''s clock, UTC.';
COMMENT ON COLUMN telemetry.positions.digest IS 'Digest of the record: keeps two different records of one time apart.';
COMMENT ON COLUMN telemetry.positions.organization IS 'Owner of the device at event time.';
COMMENT ON COLUMN telemetry.positions.received_at IS 'Processing time: when the gateway had the frame.';
COMMENT ON COLUMN telemetry.positions.stored_at IS 'Processing time: when the row was written.';
COMMENT ON COLUMN telemetry.positions.lat IS 'Degrees WGS 84, north positive.';
COMMENT ON COLUMN telemetry.positions.lon IS 'Degrees WGS 84, east positive.';
COMMENT ON COLUMN telemetry.positions.altitude_m IS 'Metres above mean sea level.';
COMMENT ON COLUMN telemetry.positions.speed_kmh IS 'Speed over ground, km/h.';
COMMENT ON COLUMN telemetry.positions.course_deg IS 'Course over ground, degrees clockwise from north.';
COMMENT ON COLUMN telemetry.positions.io IS 'Other IO elements of the record, by the protocol''s id.';

CREATE TABLE telemetry.quarantine (
    id            bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device        uuid             NOT NULL,
    ts            timestamptz      NOT NULL,
    digest        bigint           NOT NULL,
    organization  uuid             NOT NULL,
    received_at   timestamptz      NOT NULL,
    stored_at     timestamptz      NOT NULL DEFAULT now(),
    lat           double precision NOT NULL,
    lon           double precision NOT NULL,
    altitude_m    real,
    speed_kmh     real,
    course_deg    real,
    satellites    smallint,
    hdop          real,
    reason        text             NOT NULL,
    io            jsonb,
    UNIQUE (device, ts, digest)
);
COMMENT ON TABLE telemetry.quarantine IS 'Fixes whose time no partition may hold: stored, counted, and moving nothing.';

CREATE TABLE telemetry.pipeline_state (
    key    text        PRIMARY KEY,
    value  text        NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE telemetry.pipeline_state IS 'What set-up has done, so that a restart does not do it over people''s work.';
