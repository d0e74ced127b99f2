-- What somebody asks before he flags positions, or takes a flag back: what would timing again change?

CREATE TABLE telemetry.review_previews (
    id           uuid        PRIMARY KEY,
    asked_by     uuid        NOT NULL,
    organization uuid        NOT NULL,
    device       uuid        NOT NULL,
    change       text        NOT NULL CHECK (change IN ('add', 'remove')),
    verdict      text        NOT NULL CHECK (verdict IN ('faulty', 'valid')),
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at > starts_at),
    asked_at     timestamptz NOT NULL DEFAULT now(),
    done_at      timestamptz,
    outcome      jsonb       CHECK (jsonb_typeof(outcome) = 'object')
);
CREATE INDEX review_previews_open ON telemetry.review_previews (asked_at) WHERE done_at IS NULL;
CREATE INDEX review_previews_asked ON telemetry.review_previews (asked_by, asked_at);
COMMENT ON TABLE telemetry.review_previews IS
    'Questions what a flag, or its end, would change of what was timed; the processor answers, nothing is changed. Kept for 15 minutes.';
COMMENT ON COLUMN telemetry.review_previews.asked_by IS 'Who alone is told the answer.';
COMMENT ON COLUMN telemetry.review_previews.change IS 'Whether the flag is supposed to be there, or not to be.';
COMMENT ON COLUMN telemetry.review_previews.starts_at IS 'Event time of the first position that the flag means.';
COMMENT ON COLUMN telemetry.review_previews.ends_at IS 'Event time of the last.';
COMMENT ON COLUMN telemetry.review_previews.asked_at IS 'Processing time.';
COMMENT ON COLUMN telemetry.review_previews.done_at IS 'Processing time; with it comes the outcome.';
