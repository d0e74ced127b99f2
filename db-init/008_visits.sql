-- Which geofences each device is in now, as its processor's next owner has to know it.

CREATE TABLE telemetry.visits (
    device       uuid  PRIMARY KEY,
    organization uuid  NOT NULL,
    state        bytea NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE telemetry.visits IS
    'The state that alerts of dwelling are told from, written in the transaction of the positions that made it; no row: the device is in no geofence that asks for it.';
COMMENT ON COLUMN telemetry.visits.organization IS 'Who owned the device then.';
COMMENT ON COLUMN telemetry.visits.state IS 'biplane_core::visits::Visits::to_bytes';
