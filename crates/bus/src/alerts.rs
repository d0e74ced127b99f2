use std::net::IpAddr;

use biplane_core::{Imei, Timestamp};
use redis::aio::ConnectionManager;

use crate::RedisLog;

const STREAM: &str = "gateway:alerts";

/// About how many entries are kept: a forger that logs in again and again fills no memory.
const KEPT: usize = 10_000;

/// What gateways saw and people should know: the stream `gateway:alerts`, read by the
/// processor.
///
/// An entry has the fields `imei`, `kind`, `address`, `before`, `instance` and `at`.
#[derive(Clone)]
pub struct Alerts {
    connection: ConnectionManager,
}

/// A device logged in while another address held it: `kind` is `second_address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondAddress {
    /// Whose number it is.
    pub imei: Imei,
    /// From where it logs in now.
    pub address: IpAddr,
    /// The registry's former holder: address and port.
    pub before: String,
    /// The gateway that saw it.
    pub instance: String,
    /// When it logged in.
    pub at: Timestamp,
}

/// The alert can't be stored just now.
#[derive(Debug, thiserror::Error)]
#[error("the stream of alerts is unavailable")]
pub struct AlertError(#[from] redis::RedisError);

impl Alerts {
    /// Shares the log's connection.
    pub fn new(log: &RedisLog) -> Self {
        Self { connection: log.connection() }
    }

    /// Appends the alert.
    pub async fn raise(&self, alert: &SecondAddress) -> Result<(), AlertError> {
        Ok(redis::cmd("XADD")
            .arg(STREAM)
            .arg(&["MAXLEN", "~"])
            .arg(KEPT)
            .arg("*")
            .arg(&["kind", "second_address"])
            .arg("imei")
            .arg(alert.imei.to_string())
            .arg("address")
            .arg(alert.address.to_string())
            .arg("before")
            .arg(&alert.before)
            .arg("instance")
            .arg(&alert.instance)
            .arg("at")
            .arg(alert.at.to_string())
            .exec_async(&mut self.connection.clone())
            .await?)
    }
}
