//! What makes a database ready for Directus, and keeps what is in it.
//!
//! Boot, schema snapshot, plan, apply and rescue, configuration as code. What is to be done is
//! decided in `biplane-schema`, which is pure; here it is done, on a real database, through
//! Directus's own command line and API.

pub mod configuration;
pub mod directus;
