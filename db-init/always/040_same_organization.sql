-- biplane: after-directus
-- What an item points to is of the item's own organization, whoever writes it.
-- The rules in Directus say so first and better; this holds when they are away.
--
-- Not on crossings, device_status and alerts: the processor writes them by the thousand, from rows
-- that this has let in, and with the organization that a tracker had at the time of the event.
-- Only what is new is judged: a tracker may change hands, and what pointed to it stays.

CREATE OR REPLACE FUNCTION telemetry.same_organization()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    new_row    jsonb := to_jsonb(NEW);
    old_row    jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) END;
    field      text;
    target     uuid;
    elsewhere  boolean;
BEGIN
    -- The arguments are pairs: a field, and the table that it points to.
    FOR i IN 0 .. TG_NARGS - 1 BY 2 LOOP
        field  := TG_ARGV[i];
        target := new_row ->> field;
        CONTINUE WHEN target IS NULL
            OR (new_row -> field = old_row -> field AND new_row -> 'organization' = old_row -> 'organization');
        -- What is not there at all is the foreign key's to say.
        EXECUTE format('SELECT organization IS DISTINCT FROM $2 FROM public.%I WHERE id = $1', TG_ARGV[i + 1])
            INTO elsewhere USING target, (new_row ->> 'organization')::uuid;
        IF elsewhere THEN
            -- The same words as for what does not exist: nothing is told of another organization.
            RAISE EXCEPTION 'insert or update on table "%" violates "biplane_same_organization"', TG_TABLE_NAME
                USING ERRCODE = 'foreign_key_violation',
                      DETAIL = format('Key (%s)=(%s) is not present in table "%s".', field, target, TG_ARGV[i + 1]),
                      SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = field,
                      CONSTRAINT = 'biplane_same_organization';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION telemetry.same_organization IS
    'Refuses a reference into another organization. Arguments: field, table, field, table …';

DO $$
DECLARE
    guarded record;
BEGIN
    FOR guarded IN
        SELECT * FROM (VALUES
            ('devices',        ARRAY['profile', 'device_profiles']),
            ('entries',        ARRAY['event', 'events', 'device', 'devices']),
            ('checkpoints',    ARRAY['event', 'events', 'geofence', 'geofences']),
            ('crossing_edits', ARRAY['crossing', 'crossings', 'entry', 'entries', 'checkpoint', 'checkpoints', 'edit', 'crossing_edits']),
            ('position_flags', ARRAY['device', 'devices']),
            ('commands',       ARRAY['device', 'devices'])
        ) AS guarded (name, arguments)
    LOOP
        -- Not `UPDATE OF` these columns: Directus could then neither drop nor retype one.
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER biplane_same_organization AFTER INSERT OR UPDATE ON public.%I '
            'FOR EACH ROW EXECUTE FUNCTION telemetry.same_organization(%s)',
            guarded.name,
            (SELECT string_agg(quote_literal(argument), ', ' ORDER BY place)
             FROM unnest(guarded.arguments) WITH ORDINALITY AS listed (argument, place)));
    END LOOP;
END
$$;
