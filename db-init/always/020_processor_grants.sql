-- biplane: after-directus
-- What the processor may touch of Directus's tables: reads of its configuration, writes of its results.

GRANT USAGE ON SCHEMA public TO biplane_processor;
GRANT SELECT ON
    public.organizations, public.devices, public.events, public.entries, public.geofences,
    public.checkpoints, public.device_profiles, public.crossing_edits, public.position_flags
TO biplane_processor;
GRANT SELECT, INSERT, UPDATE ON
    public.crossings, public.trips, public.alerts, public.device_status, telemetry.motion
TO biplane_processor;
GRANT SELECT, INSERT, UPDATE, DELETE ON telemetry.visits TO biplane_processor;
