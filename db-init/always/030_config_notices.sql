-- biplane: after-directus
-- Tells the processor that its configuration changed, whoever changed it, once it is committed.

CREATE OR REPLACE FUNCTION telemetry.notify_config()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM pg_notify('biplane_config', TG_TABLE_NAME);
    RETURN NULL;
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['organizations', 'devices', 'device_profiles', 'events', 'entries', 'geofences', 'checkpoints', 'position_flags'] LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER biplane_config AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION telemetry.notify_config()', name);
    END LOOP;
END
$$;
