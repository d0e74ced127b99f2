//! What makes a database ready for Directus, and keeps what is in it.
//!
//! Boot, schema snapshot, plan, apply and rescue, configuration as code. What is to be done is
//! decided in `biplane-schema`, which is pure; here it is done, on a real database, through
//! Directus's own command line and API.

pub mod boot;
mod catalog;
pub mod configuration;
pub mod directus;
mod installation;
mod lock;
mod official;
mod output;
pub mod schema;
mod state;

pub use installation::{Files, Installation, program};
pub use lock::Lock;
pub use official::OfficialError;

/// The message and SQLSTATE of a database error, or what else went wrong.
pub(crate) fn sql_message(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        },
        |db| format!("{} (SQLSTATE {})", db.message(), db.code().code()),
    )
}
