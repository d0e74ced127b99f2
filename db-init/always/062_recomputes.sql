-- biplane: after-directus
-- Whatever changes what was timed is an order to time it again, whoever writes it: written in the
-- same transaction, so that a rolled-back change orders nothing and a committed one is never forgotten.

CREATE OR REPLACE FUNCTION telemetry.notify_recompute()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM pg_notify('biplane_recompute', '');
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER biplane_recompute AFTER INSERT ON telemetry.recomputes
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry.notify_recompute();

-- What is asked before an order is answered by who carries orders out.
CREATE OR REPLACE TRIGGER biplane_recompute AFTER INSERT ON telemetry.review_previews
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry.notify_recompute();

-- All trackers of an event that is timed now, over the event's time; `as_it_was` is the row before.
CREATE OR REPLACE FUNCTION telemetry.order_course(cause text, event uuid, as_it_was jsonb DEFAULT NULL)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog
AS $$
    INSERT INTO telemetry.recomputes (cause, device, from_ts, until_ts)
    SELECT DISTINCT order_course.cause, entry.device, span.from_ts, span.until_ts
    FROM public.events AS it
    JOIN public.entries AS entry ON entry.event = it.id AND entry.organization = it.organization
    CROSS JOIN LATERAL (
        SELECT
            least(coalesce(it.starts_at, '2000-01-01Z'),
                  CASE WHEN as_it_was IS NOT NULL THEN coalesce((as_it_was ->> 'starts_at')::timestamptz, '2000-01-01Z') END) AS from_ts,
            -- What comes while this waits was decided by what was known then.
            CASE WHEN ends.at > now() - interval '1 minute' THEN '9999-12-31Z' ELSE ends.at END AS until_ts
        FROM (SELECT greatest(coalesce(it.ends_at, '9999-12-31Z'),
                              CASE WHEN as_it_was IS NOT NULL THEN coalesce((as_it_was ->> 'ends_at')::timestamptz, '9999-12-31Z') END) AS at) AS ends
    ) AS span
    -- By its full name: alone it would be the column of the entry, and this all events there are.
    WHERE it.id = order_course.event AND it.status IN ('running', 'finished') AND NOT it.course_revision AND span.from_ts <= now()
$$;

CREATE OR REPLACE FUNCTION telemetry.order_recompute()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    was   jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    is_   jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    -- What timing looks at; who said it, why and when changes nothing.
    looked_at text[] := CASE TG_TABLE_NAME
        WHEN 'position_flags' THEN ARRAY['device', 'verdict', 'starts_at', 'ends_at']
        WHEN 'crossing_edits' THEN ARRAY['crossing', 'edit']
        WHEN 'events'         THEN ARRAY['timed', 'starts_at', 'ends_at', 'course_revision']
        WHEN 'entries'        THEN ARRAY['organization', 'event', 'device']
        WHEN 'checkpoints'    THEN ARRAY['organization', 'event', 'geofence', 'direction', 'opens_at', 'closes_at']
        WHEN 'geofences'      THEN ARRAY['organization', 'geometry', 'kind', 'radius_m', 'status']
    END;
    event uuid;
BEGIN
    IF TG_TABLE_NAME = 'events' THEN
        was := was || jsonb_build_object('timed', was ->> 'status' IN ('running', 'finished'));
        is_ := is_ || jsonb_build_object('timed', is_ ->> 'status' IN ('running', 'finished'));
    END IF;
    IF TG_OP = 'UPDATE' AND NOT EXISTS (
        SELECT FROM unnest(looked_at) AS field WHERE was -> field IS DISTINCT FROM is_ -> field
    ) THEN
        RETURN NULL;
    END IF;
    CASE TG_TABLE_NAME
    WHEN 'position_flags' THEN
        -- A change of place or time concerns both where it was and where it is.
        INSERT INTO telemetry.recomputes (cause, device, from_ts, until_ts)
        SELECT DISTINCT TG_TABLE_NAME, (flag ->> 'device')::uuid, (flag ->> 'starts_at')::timestamptz, (flag ->> 'ends_at')::timestamptz
        FROM unnest(ARRAY[was, is_]) AS flag
        WHERE flag IS NOT NULL;
    WHEN 'crossing_edits' THEN
        -- What an edit held in its place may have another one now, by its end or by what takes it back.
        INSERT INTO telemetry.recomputes (cause, device, from_ts, until_ts)
        SELECT DISTINCT TG_TABLE_NAME, crossing.device, crossing.fix_before_at, crossing.fix_after_at
        FROM unnest(ARRAY[was, is_]) AS said
        LEFT JOIN public.crossing_edits AS undone ON undone.id = (said ->> 'edit')::uuid
        JOIN public.crossings AS crossing ON crossing.id = coalesce((said ->> 'crossing')::uuid, undone.crossing);
    WHEN 'events' THEN
        -- The end of a revision, an event that starts late, other times.
        PERFORM telemetry.order_course(TG_TABLE_NAME, (is_ ->> 'id')::uuid, was);
    WHEN 'entries' THEN
        INSERT INTO telemetry.recomputes (cause, device, from_ts, until_ts)
        SELECT DISTINCT TG_TABLE_NAME, (entry ->> 'device')::uuid, coalesce(it.starts_at, '2000-01-01Z'),
            CASE WHEN it.ends_at > now() - interval '1 minute' THEN '9999-12-31Z' ELSE coalesce(it.ends_at, '9999-12-31Z') END
        FROM unnest(ARRAY[was, is_]) AS entry
        JOIN public.events AS it ON it.id = (entry ->> 'event')::uuid
        WHERE it.status IN ('running', 'finished') AND NOT it.course_revision AND coalesce(it.starts_at, '2000-01-01Z') <= now();
    WHEN 'checkpoints' THEN
        FOR event IN SELECT DISTINCT (point ->> 'event')::uuid FROM unnest(ARRAY[was, is_]) AS point WHERE point IS NOT NULL LOOP
            PERFORM telemetry.order_course(TG_TABLE_NAME, event);
        END LOOP;
    WHEN 'geofences' THEN
        FOR event IN SELECT DISTINCT point.event FROM public.checkpoints AS point WHERE point.geofence = (is_ ->> 'id')::uuid LOOP
            PERFORM telemetry.order_course(TG_TABLE_NAME, event);
        END LOOP;
    END CASE;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION telemetry.order_recompute IS 'Writes orders into telemetry.recomputes for what a change means to timing.';
REVOKE ALL ON FUNCTION telemetry.order_recompute() FROM PUBLIC;
REVOKE ALL ON FUNCTION telemetry.order_course(text, uuid, jsonb) FROM PUBLIC;

DO $$
DECLARE
    ordered record;
BEGIN
    FOR ordered IN
        SELECT * FROM (VALUES
            ('position_flags', 'INSERT OR UPDATE OR DELETE'),
            ('crossing_edits', 'INSERT OR UPDATE OR DELETE'),
            ('events',         'UPDATE'),
            ('entries',        'INSERT OR UPDATE OR DELETE'),
            ('checkpoints',    'INSERT OR UPDATE OR DELETE'),
            ('geofences',      'UPDATE')
        ) AS ordered (name, happening)
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER biplane_recompute AFTER %s ON public.%I '
            'FOR EACH ROW EXECUTE FUNCTION telemetry.order_recompute()', ordered.happening, ordered.name);
    END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON telemetry.recomputes TO biplane_processor;
GRANT SELECT, UPDATE, DELETE ON telemetry.review_previews TO biplane_processor;
-- A crossing that is no longer found goes.
GRANT DELETE ON public.crossings TO biplane_processor;
GRANT SELECT ON public.crossing_edits, public.position_flags TO biplane_processor;

-- What of a device's way is compared.
CREATE INDEX IF NOT EXISTS crossings_device_fix ON public.crossings (device, fix_after_at);
