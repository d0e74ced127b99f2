-- From a row back to what the gateway logged of its frame.

ALTER TABLE telemetry.positions ADD COLUMN trace_id bigint;
ALTER TABLE telemetry.quarantine ADD COLUMN trace_id bigint;
COMMENT ON COLUMN telemetry.positions.trace_id IS
    'The frame that it came with, as in the logs of gateway and processor; of a record that came several times, the first.';
COMMENT ON COLUMN telemetry.quarantine.trace_id IS 'The frame that it came with, as in the logs of gateway and processor.';
