-- biplane: after-directus
-- A notice is written with what it tells of, whoever writes that: rolled back with it, or committed.

CREATE OR REPLACE FUNCTION telemetry.utc(at timestamptz)
RETURNS text
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog
AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

CREATE OR REPLACE FUNCTION telemetry.note_crossing()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO telemetry.notices (kind, subject, device, body)
    SELECT 'finish', NEW.id, NEW.device, jsonb_build_object(
        'kind', 'finish', 'crossing', NEW.id, 'crossed_at', telemetry.utc(NEW.crossed_at),
        'organization', NEW.organization, 'event', NEW.event, 'entry', NEW.entry,
        'device', NEW.device, 'checkpoint', NEW.checkpoint, 'source', NEW.source)
    FROM public.checkpoints AS checkpoint
    WHERE checkpoint.id = NEW.checkpoint AND checkpoint.role = 'finish'
    -- A crossing that a recompute takes away and finds again has been told.
    ON CONFLICT (kind, subject) DO NOTHING;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER biplane_notice
    AFTER INSERT OR UPDATE OF status, checkpoint ON public.crossings
    FOR EACH ROW WHEN (NEW.status = 'valid' AND NEW.checkpoint IS NOT NULL)
    EXECUTE FUNCTION telemetry.note_crossing();

CREATE OR REPLACE FUNCTION telemetry.note_alert()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO telemetry.notices (kind, subject, device, body)
    VALUES ('alert', NEW.id, NEW.device, jsonb_build_object(
        'kind', 'alert', 'alert', NEW.id, 'alert_kind', NEW.kind, 'severity', NEW.severity,
        'message', NEW.message, 'occurred_at', telemetry.utc(NEW.occurred_at),
        'organization', NEW.organization, 'event', NEW.event, 'device', NEW.device,
        'geofence', NEW.geofence))
    ON CONFLICT (kind, subject) DO NOTHING;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER biplane_notice AFTER INSERT ON public.alerts
    FOR EACH ROW EXECUTE FUNCTION telemetry.note_alert();

GRANT SELECT, UPDATE, DELETE ON telemetry.notices TO biplane_processor;
