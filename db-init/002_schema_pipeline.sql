-- What the schema pipeline remembers: what it applied, and what it saved before it took it away.

CREATE TABLE telemetry.schema_bases (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash       text        NOT NULL,
    snapshot   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text        NOT NULL DEFAULT session_user
);
COMMENT ON TABLE telemetry.schema_bases IS 'Every snapshot that was applied here, as it stood in git; the last one is the base of the next three-way merge.';
COMMENT ON COLUMN telemetry.schema_bases.hash IS 'SHA-256 of the normalised snapshot, as in snapshots/lineage.';
COMMENT ON COLUMN telemetry.schema_bases.snapshot IS 'Normalised JSON.';

CREATE SCHEMA rescue;
COMMENT ON SCHEMA rescue IS 'Biplane: rows saved before a schema change took them away; see `biplane schema rescue`.';

CREATE TABLE telemetry.rescues (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    taken_at    timestamptz NOT NULL DEFAULT now(),
    reason      text        NOT NULL,
    target_hash text        NOT NULL,
    -- The schema before, as normalised JSON: what a restore brings back.
    running     text        NOT NULL,
    state       text        NOT NULL DEFAULT 'taken' CHECK (state IN ('taken', 'applied', 'undone'))
);
COMMENT ON TABLE telemetry.rescues IS 'Backups taken before a schema change that loses data.';

CREATE TABLE telemetry.rescue_parts (
    rescue     bigint NOT NULL REFERENCES telemetry.rescues ON DELETE CASCADE,
    part       int    NOT NULL,
    kind       text   NOT NULL CHECK (kind IN ('table', 'column', 'narrowed')),
    collection text   NOT NULL,
    field      text,
    -- The table in the schema `rescue` that holds the rows: all columns, or key and value.
    holder     text   NOT NULL,
    rows       bigint NOT NULL,
    PRIMARY KEY (rescue, part)
);

-- Rows of Directus's own that go with a collection or field.
CREATE TABLE telemetry.rescue_rows (
    rescue     bigint NOT NULL REFERENCES telemetry.rescues ON DELETE CASCADE,
    collection text   NOT NULL CHECK (collection IN ('directus_permissions', 'directus_presets')),
    item       jsonb  NOT NULL
);

-- What the apply that is under way may drop; empty otherwise.
CREATE TABLE telemetry.schema_drops (object text PRIMARY KEY);
