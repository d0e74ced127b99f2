-- The columns of Directus's tables that the processor meets, as snapshots/schema.yaml makes them.
SET ROLE directus;
CREATE TABLE public.organizations (
    id uuid PRIMARY KEY, name varchar(255) NOT NULL, status varchar(32) NOT NULL DEFAULT 'active');
CREATE TABLE public.device_profiles (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations, name varchar(255) NOT NULL,
    max_speed_kmh real, max_acceleration_ms2 real, max_ahead_s integer, max_age_s integer, min_satellites integer,
    max_hdop real, believe_after integer, parked_jitter_m real, stop_radius_m real, stop_after_s integer,
    trip_gap_s integer, overspeed_kmh real, overspeed_for_s integer, date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.devices (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    name varchar(255) NOT NULL, imei varchar(15) NOT NULL UNIQUE, token varchar(255), status varchar(32) NOT NULL DEFAULT 'active',
    profile uuid REFERENCES public.device_profiles ON DELETE SET NULL, date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.events (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    name varchar(255) NOT NULL, status varchar(32) NOT NULL DEFAULT 'draft', starts_at timestamptz, ends_at timestamptz,
    course_revision boolean NOT NULL DEFAULT false, date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.entries (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    event uuid NOT NULL REFERENCES public.events, device uuid NOT NULL REFERENCES public.devices,
    number varchar(16) NOT NULL, date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.geofences (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    name varchar(255) NOT NULL, kind varchar(32) NOT NULL DEFAULT 'polygon', geometry geometry NOT NULL,
    radius_m real, dwell_s integer, hysteresis_m real, alert_on varchar(32), status varchar(32) NOT NULL DEFAULT 'active', area_m2 real, perimeter_m real, centroid json, bbox json,
    date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.checkpoints (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    event uuid NOT NULL REFERENCES public.events, geofence uuid NOT NULL REFERENCES public.geofences,
    name varchar(255) NOT NULL, role varchar(32) NOT NULL DEFAULT 'turnpoint',
    direction varchar(32) NOT NULL DEFAULT 'enter', sort integer, opens_at timestamptz, closes_at timestamptz,
    date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.crossings (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    event uuid REFERENCES public.events ON DELETE SET NULL, entry uuid REFERENCES public.entries ON DELETE SET NULL,
    checkpoint uuid REFERENCES public.checkpoints ON DELETE SET NULL, device uuid NOT NULL REFERENCES public.devices,
    geofence uuid NOT NULL REFERENCES public.geofences, direction varchar(32) NOT NULL,
    crossed_at timestamptz NOT NULL, fix_before_at timestamptz NOT NULL, fix_after_at timestamptz NOT NULL,
    lat real NOT NULL, lon real NOT NULL, status varchar(32) NOT NULL DEFAULT 'valid',
    source varchar(32) NOT NULL DEFAULT 'live', date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.device_status (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    device uuid NOT NULL UNIQUE REFERENCES public.devices, connected boolean NOT NULL,
    last_fix_at timestamptz, last_received_at timestamptz, lat real, lon real, altitude_m real,
    speed_kmh real, course_deg real, satellites integer, protocol varchar(32), gateway varchar(255),
    motion varchar(16), motion_since timestamptz);
CREATE TABLE public.trips (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    device uuid NOT NULL REFERENCES public.devices ON DELETE CASCADE, started_at timestamptz NOT NULL, ended_at timestamptz,
    distance_m real NOT NULL, max_speed_kmh real NOT NULL, start_lat real NOT NULL, start_lon real NOT NULL,
    end_lat real, end_lon real, date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.alerts (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations, device uuid REFERENCES public.devices,
    event uuid REFERENCES public.events ON DELETE SET NULL, geofence uuid REFERENCES public.geofences ON DELETE SET NULL, kind varchar(32) NOT NULL,
    severity varchar(32) NOT NULL DEFAULT 'warning', status varchar(32) NOT NULL DEFAULT 'open',
    occurred_at timestamptz NOT NULL, message text, date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.crossing_edits (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    crossing uuid REFERENCES public.crossings ON DELETE SET NULL, edit uuid REFERENCES public.crossing_edits ON DELETE CASCADE,
    reason text NOT NULL, date_created timestamptz, date_updated timestamptz);
CREATE TABLE public.position_flags (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    device uuid NOT NULL REFERENCES public.devices ON DELETE CASCADE, verdict varchar(32) NOT NULL DEFAULT 'faulty',
    starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL, reason text NOT NULL, date_created timestamptz,
    date_updated timestamptz);
CREATE TABLE public.commands (
    id uuid PRIMARY KEY, organization uuid NOT NULL, device uuid NOT NULL,
    status varchar(32) NOT NULL DEFAULT 'pending', attempts integer NOT NULL DEFAULT 0,
    instance varchar(255), result text, expires_at timestamptz, user_created uuid, user_updated uuid);
CREATE TABLE public.command_transitions (
    id uuid PRIMARY KEY, command uuid NOT NULL, organization uuid NOT NULL,
    from_status varchar(32), to_status varchar(32) NOT NULL,
    attempt integer NOT NULL DEFAULT 0, instance varchar(255), "user" uuid, result text,
    occurred_at timestamptz NOT NULL);
CREATE TABLE public.directus_roles (id uuid PRIMARY KEY);
CREATE TABLE public.directus_users (
    id uuid PRIMARY KEY, role uuid REFERENCES public.directus_roles, status varchar(16) NOT NULL DEFAULT 'active',
    token varchar(255), last_access timestamptz, last_page varchar(255));
CREATE TABLE public.directus_policies (id uuid PRIMARY KEY);
CREATE TABLE public.directus_permissions (id serial PRIMARY KEY);
CREATE TABLE public.directus_access (id uuid PRIMARY KEY);
CREATE TABLE public.organization_members (
    id uuid PRIMARY KEY, organization uuid NOT NULL REFERENCES public.organizations,
    "user" uuid NOT NULL REFERENCES public.directus_users);
RESET ROLE;
