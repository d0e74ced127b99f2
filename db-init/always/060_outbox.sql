-- biplane: after-directus
-- What is to reach a Redis stream waits here, written in the transaction of what it follows from: a
-- rolled-back change leaves nothing, a committed one is never forgotten. Directus's outbox hook hands
-- the rows on, at least once, and takes them away.

CREATE TABLE IF NOT EXISTS telemetry.outbox (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream      text        NOT NULL,
    fields      jsonb       NOT NULL CHECK (jsonb_typeof(fields) = 'object'),
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE telemetry.outbox IS 'Entries of Redis streams that Redis does not have yet.';
COMMENT ON COLUMN telemetry.outbox.fields IS 'Names and texts; a reader sees `outbox_id` too, by which it knows an entry that comes twice.';
COMMENT ON COLUMN telemetry.outbox.created_at IS 'Processing time.';

-- Whatever changes what was timed: the processor has to reckon anew.
CREATE OR REPLACE FUNCTION telemetry.order_recompute()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO telemetry.outbox (stream, fields)
    SELECT 'recompute', fields
    FROM (
        -- A change of place or time concerns both where it was and where it is.
        SELECT DISTINCT (
            SELECT jsonb_object_agg(name, value)
            FROM jsonb_each_text(
                item || jsonb_build_object('collection', TG_TABLE_NAME, 'operation', lower(TG_OP))
            ) AS told (name, value)
            WHERE value IS NOT NULL
              AND name = ANY (ARRAY['collection', 'operation', 'id', 'organization', 'device', 'event', 'crossing', 'entry', 'checkpoint', 'geofence', 'starts_at', 'ends_at'])
        ) AS fields
        FROM unnest(ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
                          CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END]) AS item
        WHERE item IS NOT NULL
    ) AS orders;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION telemetry.order_recompute IS
    'Puts an order for the stream `recompute` into the outbox: which collection, what happened, and the item''s references and range.';
REVOKE EXECUTE ON FUNCTION telemetry.order_recompute FROM PUBLIC;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['position_flags', 'crossing_edits'] LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER biplane_recompute AFTER INSERT OR UPDATE OR DELETE ON public.%I '
            'FOR EACH ROW EXECUTE FUNCTION telemetry.order_recompute()', name);
    END LOOP;
END
$$;

-- The end of a revision: whoever crossed the course before did so on another one.
CREATE OR REPLACE TRIGGER biplane_recompute AFTER UPDATE OF course_revision ON public.events
FOR EACH ROW WHEN (OLD.course_revision AND NOT NEW.course_revision)
EXECUTE FUNCTION telemetry.order_recompute();
