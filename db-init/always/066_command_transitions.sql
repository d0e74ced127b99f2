-- biplane: after-directus
-- Each change of a command's state is a row, whoever makes it: rolled back with it, or committed.

CREATE OR REPLACE FUNCTION telemetry.note_command_transition()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    before text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END;
BEGIN
    IF NEW.status IS DISTINCT FROM before THEN
        INSERT INTO public.command_transitions
            (id, command, organization, from_status, to_status, attempt, instance, "user", result, occurred_at)
        VALUES (gen_random_uuid(), NEW.id, NEW.organization, before, NEW.status,
            coalesce(NEW.attempts, 0), NEW.instance,
            CASE WHEN TG_OP = 'UPDATE' THEN NEW.user_updated ELSE NEW.user_created END,
            CASE WHEN TG_OP = 'INSERT' OR NEW.result IS DISTINCT FROM OLD.result THEN NEW.result END,
            clock_timestamp());
    END IF;
    RETURN NULL;
END
$$;

-- Not `UPDATE OF status`: Directus could then neither drop nor retype it.
CREATE OR REPLACE TRIGGER biplane_command_transition AFTER INSERT OR UPDATE ON public.commands
    FOR EACH ROW EXECUTE FUNCTION telemetry.note_command_transition();

-- What a processor looks after.
CREATE INDEX IF NOT EXISTS biplane_open_commands ON public.commands (expires_at)
    WHERE status IN ('awaiting_approval', 'pending', 'queued', 'routed', 'sent');

GRANT SELECT ON public.commands TO biplane_processor;
