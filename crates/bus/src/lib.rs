//! The road between the planes' processes: the telemetry log, the device
//! registry, the allowlist, the gateways' alerts, and orders to devices.
//!
//! The [`Log`] trait is narrow on purpose: append, own a partition, read it,
//! commit. [`RedisLog`] is the one implementation; the Kafka protocol fits
//! behind the same trait.

mod alerts;
mod allowlist;
mod commands;
mod dead_letters;
mod durability;
pub mod live;
mod log;
mod quarantine;
mod redis_log;
mod registry;

pub use alerts::{AlertError, Alerts, Raised, SecondAddress};
pub use allowlist::{Allowlist, AllowlistError, Known, TokenDigest};
pub use commands::{CANCELS, Claim, Commands, CommandsError, Order, Outcome, Report};
pub use dead_letters::DeadLetter;
pub use durability::{Durability, DurabilityError};
pub use live::LiveFeed;
pub use log::{Entry, EntryId, Lease, Log, LogError, Poison};
pub use quarantine::Quarantined;
pub use redis_log::{Backlog, ConnectError, LogOptions, RedisLog};
pub use registry::{Holder, Registry, RegistryError};

/// A client of the Redis at an address.
pub(crate) fn client(url: &str) -> redis::RedisResult<redis::Client> {
    use redis::IntoConnectionInfo;
    // Small requests are not held back for the answer to others, and a machine that is gone
    // without a word is noticed long before the kernel gives up, after about 15 minutes.
    let settings = redis::io::tcp::TcpSettings::default()
        .set_nodelay(true)
        .set_user_timeout(std::time::Duration::from_secs(30));
    redis::Client::open(url.into_connection_info()?.set_tcp_settings(settings))
}

/// Shared connection settings: one multiplexed connection that comes back by itself.
pub(crate) async fn connection(
    client: &redis::Client,
) -> redis::RedisResult<redis::aio::ConnectionManager> {
    use std::time::Duration;
    let config = redis::aio::ConnectionManagerConfig::new()
        // An fsync on a busy disk takes seconds at times; an answer that is given up
        // on too early is a batch written twice.
        .set_response_timeout(Some(Duration::from_secs(10)))
        .set_connection_timeout(Some(Duration::from_secs(2)))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(500));
    client.get_connection_manager_with_config(config).await
}
