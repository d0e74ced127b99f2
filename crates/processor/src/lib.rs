//! The processor: from the log to rows, crossings and live clients.
//!
//! `ingest` owns partitions of the log, decides, and writes; `live` is the hub
//! that shows what was decided. Both can run in any number of processes.

mod commands;
mod config;
mod http;
pub mod ingest;
pub mod live;
mod metrics;
mod notices;
mod run;
mod upkeep;

use std::time::Duration;

pub use config::{Config, ConfigError};
pub use metrics::Metrics;
pub use run::{RunError, run};

/// How long a connection to Directus is kept that nobody uses: Node closes it after 5 s, and what is
/// asked over it just then is lost.
pub(crate) const DIRECTUS_IDLE: Duration = Duration::from_secs(3);
