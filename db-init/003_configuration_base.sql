-- What of config/ was applied last: the base of its three-way merge. Without it nobody could tell
-- an edit in the admin UI from a change of the file, or what is ours to delete.

CREATE TABLE telemetry.configuration_base (
    collection text        NOT NULL,
    id         text        NOT NULL,
    item       jsonb       NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection, id)
);
COMMENT ON TABLE telemetry.configuration_base IS 'The items of config/ as they were applied last; what is not here is people''s.';
