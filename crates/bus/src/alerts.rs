use std::net::IpAddr;

use biplane_core::{Imei, Timestamp};
use redis::aio::ConnectionManager;

use crate::{EntryId, RedisLog};

const STREAM: &str = "gateway:alerts";
const GROUP: &str = "processor";
/// All processors read under one name: what one of them left is the next one's.
const CONSUMER: &str = "alerts";

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

/// What stands in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raised {
    /// As a gateway wrote it.
    SecondAddress(SecondAddress),
    /// What this build does not understand.
    Unknown,
}

impl Raised {
    fn read(entry: &redis::streams::StreamId) -> Self {
        let text = |field| entry.get::<String>(field);
        let read = || {
            Some(SecondAddress {
                imei: Imei::from_digits(&text("imei")?).ok()?,
                address: text("address")?.parse().ok()?,
                before: text("before")?,
                instance: text("instance")?,
                at: text("at")?.parse().ok()?,
            })
        };
        match text("kind").as_deref() {
            Some("second_address") => read().map_or(Self::Unknown, Self::SecondAddress),
            _ => Self::Unknown,
        }
    }
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

    /// Up to `max` alerts that nobody is done with, the oldest first. Two processors may get the same.
    pub async fn waiting(&self, max: usize) -> Result<Vec<(EntryId, Raised)>, AlertError> {
        let mut connection = self.connection.clone();
        let made: redis::RedisResult<()> = redis::cmd("XGROUP")
            .arg(&["CREATE", STREAM, GROUP, "0", "MKSTREAM"])
            .query_async(&mut connection)
            .await;
        match made {
            Err(error) if error.code() != Some("BUSYGROUP") => return Err(error.into()),
            _ => {}
        }
        for from in ["0", ">"] {
            let reply: Option<redis::streams::StreamReadReply> = redis::cmd("XREADGROUP")
                .arg(&["GROUP", GROUP, CONSUMER, "COUNT"])
                .arg(max)
                .arg(&["STREAMS", STREAM, from])
                .query_async(&mut connection)
                .await?;
            let entries = reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids);
            let alerts: Vec<_> = entries
                .filter_map(|entry| Some((entry.id.parse().ok()?, Raised::read(&entry))))
                .collect();
            if !alerts.is_empty() {
                return Ok(alerts);
            }
        }
        Ok(Vec::new())
    }

    /// Marks alerts as dealt with.
    pub async fn done(&self, ids: &[EntryId]) -> Result<(), AlertError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        Ok(redis::cmd("XACK")
            .arg(&[STREAM, GROUP])
            .arg(ids)
            .exec_async(&mut self.connection.clone())
            .await?)
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
