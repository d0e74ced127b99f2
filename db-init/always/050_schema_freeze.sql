-- While the pipeline changes the schema nobody else does, and nobody writes where it works.
--
-- Both guards hold only while a session of the pipeline has its lock: when that session ends,
-- however it ends, so do they.

CREATE OR REPLACE FUNCTION telemetry.schema_is_changing() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 2
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND classid = 1112100460 AND objid = 2 AND pid <> pg_backend_pid()
    )
$$;
COMMENT ON FUNCTION telemetry.schema_is_changing IS 'Whether another session holds pg_advisory_lock(1112100460, 2).';

CREATE OR REPLACE FUNCTION telemetry.refuse_while_schema_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF current_setting('application_name') <> 'biplane schema apply' AND telemetry.schema_is_changing() THEN
        RAISE EXCEPTION 'the schema is being changed just now; try again in a moment'
            USING ERRCODE = 'object_in_use', DETAIL = 'table ' || TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;

-- Directus drops what its snapshot lacks. Whatever it comes to think, it drops only what the plan
-- names: anything else undoes its whole transaction.
CREATE OR REPLACE FUNCTION telemetry.refuse_unplanned_drops() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    dropped record;
BEGIN
    IF current_setting('application_name') <> 'biplane schema apply' THEN
        RETURN;
    END IF;
    FOR dropped IN
        SELECT object_identity FROM pg_event_trigger_dropped_objects()
        WHERE object_type IN ('table', 'table column') AND NOT is_temporary
    LOOP
        IF NOT EXISTS (SELECT FROM telemetry.schema_drops WHERE object = dropped.object_identity) THEN
            RAISE EXCEPTION 'Directus would drop %, which the plan does not name', dropped.object_identity
                USING ERRCODE = 'object_in_use';
        END IF;
    END LOOP;
END
$$;

DO $$
BEGIN
    -- Event triggers are the superuser's.
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        DROP EVENT TRIGGER IF EXISTS biplane_unplanned_drops;
        CREATE EVENT TRIGGER biplane_unplanned_drops ON sql_drop
            EXECUTE FUNCTION telemetry.refuse_unplanned_drops();
    END IF;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'directus') THEN
        GRANT USAGE ON SCHEMA telemetry TO directus;
        GRANT SELECT ON telemetry.schema_bases, telemetry.schema_drops TO directus;
    END IF;
END
$$;
