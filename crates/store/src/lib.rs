//! Biplane's PostgreSQL: what Directus does not manage, and how the processor reads and writes.

pub mod db_init;
