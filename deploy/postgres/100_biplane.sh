#!/bin/bash
# Makes Biplane's roles, PostGIS and the database's settings. The image's entrypoint runs it once,
# when the data folder is empty, as the superuser; `crates/store/tests/deploy.rs` runs it too.
#
# Four roles, each with what it needs:
#   the superuser      makes these; nothing of ours connects as it
#   directus           owns the database and the schema `public`
#   biplane_owner      owns the schema `telemetry`; a member of `directus`, since db-init grants on
#                      Directus's tables and puts triggers on them
#   biplane_processor  what db-init grants it
#
# psql reads the passwords from the environment: arguments are shown by `ps`.
# A process of its own even if the entrypoint sources this (a checkout without executable bits).
(
    set -euo pipefail
    : "${DIRECTUS_DB_PASSWORD:?}" "${BIPLANE_OWNER_DB_PASSWORD:?}" "${BIPLANE_PROCESSOR_DB_PASSWORD:?}"

    psql --no-psqlrc --set ON_ERROR_STOP=1 --quiet --single-transaction \
        --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:?}" <<'SQL'
\getenv database POSTGRES_DB
\getenv directus DIRECTUS_DB_PASSWORD
\getenv owner BIPLANE_OWNER_DB_PASSWORD
\getenv processor BIPLANE_PROCESSOR_DB_PASSWORD

CREATE ROLE directus LOGIN PASSWORD :'directus';
CREATE ROLE biplane_owner LOGIN PASSWORD :'owner' IN ROLE directus;
CREATE ROLE biplane_processor LOGIN PASSWORD :'processor';

ALTER DATABASE :"database" OWNER TO directus;
ALTER SCHEMA public OWNER TO directus;
ALTER DATABASE :"database" SET timezone TO 'UTC';

-- Outside `public`: Directus would show PostGIS's tables.
CREATE SCHEMA IF NOT EXISTS postgis;
GRANT USAGE ON SCHEMA postgis TO PUBLIC;
CREATE EXTENSION IF NOT EXISTS postgis SCHEMA postgis;
ALTER DATABASE :"database" SET search_path TO public, postgis;
SQL
) || exit 1
