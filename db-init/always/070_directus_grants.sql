-- biplane: after-directus
-- What Directus may touch of ours, for its rules: it reads positions and what came of
-- orders to time them again, asks for previews, adds to the outbox and empties it.

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'directus') THEN
        GRANT USAGE ON SCHEMA telemetry TO directus;
        GRANT SELECT ON telemetry.positions, telemetry.recomputes TO directus;
        GRANT SELECT, INSERT ON telemetry.review_previews TO directus;
        GRANT SELECT, INSERT, UPDATE, DELETE ON telemetry.outbox TO directus;
    END IF;
END
$$;
