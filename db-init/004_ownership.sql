-- Who owns which partition of the log, as the database knows it.

CREATE TABLE telemetry.partition_owners (
    partition  smallint    PRIMARY KEY,
    generation bigint      NOT NULL,
    taken_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE telemetry.partition_owners IS
    'The newest lease on each partition of the log that has come here to write. An older one writes no more.';
COMMENT ON COLUMN telemetry.partition_owners.generation IS 'As the log counts leases; it never comes back.';
COMMENT ON COLUMN telemetry.partition_owners.taken_at IS 'Processing time.';
