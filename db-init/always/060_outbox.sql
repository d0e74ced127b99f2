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
