//! Where the telemetry log is, and of which device: for commands that look into it.

use biplane_bus::{ConnectError, LogOptions, RedisLog};
use biplane_core::Imei;
use biplane_stack::SetupError;
use clap::Args;

/// How many entries are read at a time.
pub const PAGE: usize = 500;

/// The log, and what of it is meant.
#[derive(Debug, Args)]
pub struct LogPlace {
    /// Where Redis is.
    #[arg(
        long,
        env = "BIPLANE_REDIS_URL",
        default_value = "redis://127.0.0.1:6379",
        global = true
    )]
    redis_url: String,
    /// Partitions of the log, as gateways and processors have it.
    #[arg(long, env = "BIPLANE_PARTITIONS", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=100), global = true)]
    partitions: u16,
    /// Only those of this device.
    #[arg(long, value_name = "IMEI", value_parser = Imei::from_digits, global = true)]
    pub imei: Option<Imei>,
    /// Print one JSON object a line.
    #[arg(long, global = true)]
    pub json: bool,
}

impl LogPlace {
    /// Connects to the log.
    pub async fn connect(&self) -> Result<RedisLog, ConnectError> {
        let options = LogOptions { partitions: self.partitions, ..LogOptions::default() };
        RedisLog::connect(&self.redis_url, options).await
    }
}

/// What went wrong, with its cause.
pub fn failed(what: &str, error: &dyn std::error::Error) -> SetupError {
    let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
    SetupError::new(what, format!("{error}{cause}"))
}
