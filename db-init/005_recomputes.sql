-- What is to be timed again, and what came of it.

CREATE TABLE telemetry.recomputes (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause      text        NOT NULL,
    device     uuid        NOT NULL,
    from_ts    timestamptz NOT NULL,
    until_ts   timestamptz NOT NULL,
    ordered_at timestamptz NOT NULL DEFAULT now(),
    done_at    timestamptz,
    marks_changed     bigint,
    crossings_added   bigint,
    crossings_removed bigint,
    crossings_changed bigint
);
CREATE INDEX recomputes_open ON telemetry.recomputes (id) WHERE done_at IS NULL;
COMMENT ON TABLE telemetry.recomputes IS
    'Orders to judge and time stored positions again, written in the transaction of their cause; the processor carries them out.';
COMMENT ON COLUMN telemetry.recomputes.cause IS 'The table whose change it follows from; `late` for positions that came out of order.';
COMMENT ON COLUMN telemetry.recomputes.from_ts IS 'Event time of the first position that may be judged otherwise.';
COMMENT ON COLUMN telemetry.recomputes.until_ts IS 'Event time of the last.';
COMMENT ON COLUMN telemetry.recomputes.ordered_at IS 'Processing time.';
COMMENT ON COLUMN telemetry.recomputes.done_at IS 'Processing time; with it come the counts. An order that was done together with another one has zeros.';
