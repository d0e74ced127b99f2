-- biplane: after-directus
-- What live clients may not miss is written with what it tells of: rolled back with it, or committed.

CREATE OR REPLACE FUNCTION telemetry.live_crossings()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO telemetry.live_events (kind, organization, device, event, body)
    SELECT 'crossing', c.organization, c.device, c.event, jsonb_build_object(
        'id', c.id, 'organization', c.organization, 'event', c.event, 'entry', c.entry,
        'device', c.device, 'checkpoint', c.checkpoint, 'geofence', c.geofence,
        'direction', c.direction, 'crossed_at', telemetry.utc(c.crossed_at), 'status', c.status)
    FROM new_rows AS c ORDER BY c.crossed_at, c.id;
    IF FOUND THEN
        PERFORM pg_notify('biplane_live', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION telemetry.live_retractions()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO telemetry.live_events (kind, organization, device, event, body)
    SELECT 'retraction', c.organization, c.device, c.event, jsonb_build_object(
        'id', c.id, 'organization', c.organization, 'event', c.event, 'device', c.device)
    FROM old_rows AS c;
    IF FOUND THEN
        PERFORM pg_notify('biplane_live', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER biplane_live_insert AFTER INSERT ON public.crossings
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION telemetry.live_crossings();
CREATE OR REPLACE TRIGGER biplane_live_update AFTER UPDATE ON public.crossings
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION telemetry.live_crossings();
CREATE OR REPLACE TRIGGER biplane_live_delete AFTER DELETE ON public.crossings
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION telemetry.live_retractions();

CREATE OR REPLACE FUNCTION telemetry.live_alerts()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO telemetry.live_events (kind, organization, device, event, body)
    SELECT 'alert', a.organization, a.device, a.event, jsonb_build_object(
        'id', a.id, 'organization', a.organization, 'device', a.device, 'event', a.event,
        'geofence', a.geofence, 'kind', a.kind, 'severity', a.severity, 'status', a.status,
        'occurred_at', telemetry.utc(a.occurred_at), 'message', a.message)
    FROM new_rows AS a ORDER BY a.occurred_at, a.id;
    IF FOUND THEN
        PERFORM pg_notify('biplane_live', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER biplane_live_insert AFTER INSERT ON public.alerts
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION telemetry.live_alerts();
CREATE OR REPLACE TRIGGER biplane_live_update AFTER UPDATE ON public.alerts
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION telemetry.live_alerts();

-- A row a batch of positions is written here, and nearly none of them changes this: the condition
-- is looked at without a call.
CREATE OR REPLACE FUNCTION telemetry.live_status()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO telemetry.live_events (kind, organization, device, body)
    VALUES ('status', NEW.organization, NEW.device, jsonb_build_object(
        'device', NEW.device, 'connected', NEW.connected,
        'heard_at', telemetry.utc(NEW.last_received_at)));
    PERFORM pg_notify('biplane_live', '');
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER biplane_live_insert AFTER INSERT ON public.device_status
    FOR EACH ROW EXECUTE FUNCTION telemetry.live_status();
CREATE OR REPLACE TRIGGER biplane_live_update AFTER UPDATE ON public.device_status
    FOR EACH ROW WHEN (OLD.connected IS DISTINCT FROM NEW.connected OR OLD.organization IS DISTINCT FROM NEW.organization)
    EXECUTE FUNCTION telemetry.live_status();

-- Who may see what has changed: for a user, for an organization, or for everybody.
CREATE OR REPLACE FUNCTION telemetry.live_access()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    -- The key that names whom it concerns, and the column that has it.
    concerns text := TG_ARGV[0];
    of_column text := TG_ARGV[1];
    rows text := CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT * FROM new_rows'
        WHEN 'DELETE' THEN 'SELECT * FROM old_rows'
        ELSE 'SELECT * FROM old_rows UNION ALL SELECT * FROM new_rows' END;
BEGIN
    IF concerns = 'all' THEN
        INSERT INTO telemetry.live_events (kind, body) VALUES ('access', '{}');
    ELSE
        EXECUTE format(
            'INSERT INTO telemetry.live_events (kind, body)
             SELECT DISTINCT ''access'', jsonb_build_object(%L, one.%I)
             FROM (%s) AS one WHERE one.%I IS NOT NULL', concerns, of_column, rows, of_column);
    END IF;
    PERFORM pg_notify('biplane_live', '');
    RETURN NULL;
END
$$;

DO $$
DECLARE
    watched record;
BEGIN
    FOR watched IN
        SELECT * FROM (VALUES
            ('organization_members', 'user', 'user'),
            ('devices', 'organization', 'organization'),
            ('entries', 'organization', 'organization'),
            ('events', 'organization', 'organization'),
            ('organizations', 'organization', 'id'),
            ('directus_roles', 'all', ''),
            ('directus_policies', 'all', ''),
            ('directus_permissions', 'all', ''),
            ('directus_access', 'all', '')) AS t (name, concerns, of_column)
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER biplane_access_insert AFTER INSERT ON public.%I
                REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
                EXECUTE FUNCTION telemetry.live_access(%L, %L)', watched.name, watched.concerns, watched.of_column);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER biplane_access_update AFTER UPDATE ON public.%I
                REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
                EXECUTE FUNCTION telemetry.live_access(%L, %L)', watched.name, watched.concerns, watched.of_column);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER biplane_access_delete AFTER DELETE ON public.%I
                REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
                EXECUTE FUNCTION telemetry.live_access(%L, %L)', watched.name, watched.concerns, watched.of_column);
    END LOOP;
END
$$;

-- A user's row is written at each log-in.
CREATE OR REPLACE FUNCTION telemetry.live_user()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO telemetry.live_events (kind, body) VALUES ('access', jsonb_build_object('user', OLD.id));
    PERFORM pg_notify('biplane_live', '');
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER biplane_access_update AFTER UPDATE ON public.directus_users
    FOR EACH ROW WHEN (OLD.role IS DISTINCT FROM NEW.role OR OLD.status IS DISTINCT FROM NEW.status OR OLD.token IS DISTINCT FROM NEW.token)
    EXECUTE FUNCTION telemetry.live_user();
CREATE OR REPLACE TRIGGER biplane_access_delete AFTER DELETE ON public.directus_users
    FOR EACH ROW EXECUTE FUNCTION telemetry.live_user();

GRANT SELECT, DELETE ON telemetry.live_events TO biplane_processor;
