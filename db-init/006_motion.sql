-- What each device does now, as its processor's next owner has to know it.

CREATE TABLE telemetry.motion (
    device       uuid  PRIMARY KEY,
    organization uuid  NOT NULL,
    state        bytea NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE telemetry.motion IS
    'The state that trips, stops and excesses of speed are told from, written in the transaction of the positions that made it.';
COMMENT ON COLUMN telemetry.motion.organization IS 'Who owned the device then.';
COMMENT ON COLUMN telemetry.motion.state IS 'biplane_core::motion::Motion::to_bytes';
