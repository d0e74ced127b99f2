-- What people may want to be told of, for those who tell them: Flows see nothing that SQL writes.

CREATE TABLE telemetry.notices (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('finish', 'alert')),
    subject    uuid        NOT NULL,
    device     uuid,
    body       jsonb       NOT NULL CHECK (jsonb_typeof(body) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at     timestamptz NOT NULL DEFAULT now(),
    refusals   integer     NOT NULL DEFAULT 0,
    done_at    timestamptz,
    failure    text,
    UNIQUE (kind, subject)
);
CREATE INDEX notices_open ON telemetry.notices (device, id) WHERE done_at IS NULL;
COMMENT ON TABLE telemetry.notices IS
    'Crossings of a finish, and alerts, each once, written in their transaction; the processor posts them to Flows of Directus.';
COMMENT ON COLUMN telemetry.notices.subject IS 'The row of `crossings` or `alerts`.';
COMMENT ON COLUMN telemetry.notices.body IS 'What is posted.';
COMMENT ON COLUMN telemetry.notices.created_at IS 'Processing time, as are the others.';
COMMENT ON COLUMN telemetry.notices.due_at IS 'Not posted before this.';
COMMENT ON COLUMN telemetry.notices.refusals IS 'How often its Flow refused it; that Directus was away does not count.';
COMMENT ON COLUMN telemetry.notices.done_at IS 'When it was taken; with a failure, when it was given up.';
COMMENT ON COLUMN telemetry.notices.failure IS 'Why it was not taken the last time.';
