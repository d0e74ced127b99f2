-- What clients of the live channel are told and may not miss: each row is written in the transaction
-- of what it tells of, whoever writes that. Positions are not among them; they are in Redis only.

CREATE TABLE telemetry.live_events (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    created_at   timestamptz NOT NULL DEFAULT now(),
    kind         text        NOT NULL CHECK (kind IN ('crossing', 'retraction', 'alert', 'status', 'access')),
    organization uuid,
    device       uuid,
    event        uuid,
    body         jsonb       NOT NULL CHECK (jsonb_typeof(body) = 'object')
);
CREATE INDEX live_events_xid ON telemetry.live_events (xid, id);
CREATE INDEX live_events_created ON telemetry.live_events (created_at);
COMMENT ON TABLE telemetry.live_events IS
    'Crossings, alerts, devices that come and go, and changes of who may see what, for live clients and for those who come back; kept for a day.';
COMMENT ON COLUMN telemetry.live_events.xid IS
    'The transaction that wrote it. Rows of transactions that are over are those below pg_snapshot_xmin: ids are not given in order of commit.';
COMMENT ON COLUMN telemetry.live_events.created_at IS 'Processing time: when that transaction began.';
COMMENT ON COLUMN telemetry.live_events.body IS 'As it is told, but for changes of access.';
