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

-- Directus decides by what it has read, and writes without a look at what is there by then: of two who
-- decide at a time the second is refused here. The same table is in crates/rules; a test compares them.
CREATE OR REPLACE FUNCTION telemetry.guard_command()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    IF NEW.status IS DISTINCT FROM OLD.status AND NOT EXISTS (
        SELECT FROM (VALUES
-- transitions
                    ('awaiting_approval', 'pending'),
                    ('awaiting_approval', 'cancelled'),
                    ('awaiting_approval', 'expired'),
                    ('pending', 'routed'),
                    ('pending', 'queued'),
                    ('pending', 'cancelled'),
                    ('pending', 'expired'),
                    ('pending', 'failed'),
                    ('pending', 'unknown'),
                    ('queued', 'pending'),
                    ('queued', 'cancelled'),
                    ('queued', 'expired'),
                    ('queued', 'failed'),
                    ('queued', 'unknown'),
                    ('routed', 'sent'),
                    ('routed', 'queued'),
                    ('routed', 'cancelled'),
                    ('routed', 'expired'),
                    ('routed', 'failed'),
                    ('routed', 'unknown'),
                    ('sent', 'acknowledged'),
                    ('sent', 'failed'),
                    ('sent', 'unknown'),
                    ('unknown', 'acknowledged'),
                    ('unknown', 'failed'),
                    ('unknown', 'queued')
-- transitions
        ) AS may (from_status, to_status)
        WHERE from_status = OLD.status AND to_status = NEW.status)
    THEN
        RAISE EXCEPTION 'a command that is % can''t become %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'status';
    END IF;
    IF coalesce(NEW.attempts, 0) <> coalesce(OLD.attempts, 0) AND NOT (
        NEW.status = 'routed' AND OLD.status = 'pending' AND NEW.attempts = coalesce(OLD.attempts, 0) + 1)
    THEN
        RAISE EXCEPTION 'attempt % of a command does not follow attempt %', NEW.attempts, OLD.attempts
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'attempts';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER biplane_command_guard BEFORE UPDATE ON public.commands
    FOR EACH ROW EXECUTE FUNCTION telemetry.guard_command();

-- Not `UPDATE OF status`: Directus could then neither drop nor retype it.
CREATE OR REPLACE TRIGGER biplane_command_transition AFTER INSERT OR UPDATE ON public.commands
    FOR EACH ROW EXECUTE FUNCTION telemetry.note_command_transition();

-- The rule gives each an expiry; what comes past it must not wait for ever.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = 'public.commands'::regclass AND conname = 'biplane_command_expires')
    THEN
        UPDATE public.commands SET expires_at = now() WHERE expires_at IS NULL;
        ALTER TABLE public.commands
            ADD CONSTRAINT biplane_command_expires CHECK (expires_at IS NOT NULL);
    END IF;
END
$$;

-- What a processor looks after. (Of one column Directus would take it for a setting of the field.)
CREATE INDEX IF NOT EXISTS biplane_open_commands ON public.commands (expires_at, id)
    WHERE status IN ('awaiting_approval', 'pending', 'queued', 'routed', 'sent', 'unknown');

GRANT SELECT ON public.commands TO biplane_processor;
