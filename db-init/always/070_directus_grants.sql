-- biplane: after-directus
-- What Directus may touch of ours, for its rules: it reads positions, adds to the outbox and empties it.

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'directus') THEN
        GRANT USAGE ON SCHEMA telemetry TO directus;
        GRANT SELECT ON telemetry.positions TO directus;
        GRANT SELECT, INSERT, UPDATE, DELETE ON telemetry.outbox TO directus;
    END IF;
END
$$;
