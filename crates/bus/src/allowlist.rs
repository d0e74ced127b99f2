use biplane_core::{Imei, Timestamp};
use redis::aio::ConnectionManager;

use crate::RedisLog;

/// The devices that may connect: `devices:known`, published by the processor,
/// since the gateway knows no database.
#[derive(Clone)]
pub struct Allowlist {
    connection: ConnectionManager,
}

/// The allowlist can't be read or written just now.
#[derive(Debug, thiserror::Error)]
#[error("the list of known devices is unavailable")]
pub struct AllowlistError(#[from] redis::RedisError);

const KNOWN: &str = "devices:known";
const PUBLISHED: &str = "devices:published";

impl Allowlist {
    /// Shares the log's connection.
    pub fn new(log: &RedisLog) -> Self {
        Self { connection: log.connection() }
    }

    /// Replaces the whole list in one step.
    pub async fn publish(&self, imeis: &[Imei], now: Timestamp) -> Result<(), AllowlistError> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        pipe.cmd("DEL").arg(KNOWN).ignore();
        for chunk in imeis.chunks(1_000) {
            let texts: Vec<String> = chunk.iter().map(Imei::to_string).collect();
            pipe.cmd("SADD").arg(KNOWN).arg(texts).ignore();
        }
        pipe.cmd("SET").arg(PUBLISHED).arg(now.to_string()).ignore();
        Ok(pipe.query_async(&mut self.connection.clone()).await?)
    }

    /// Whether the device may connect; nobody may before the first publication.
    pub async fn contains(&self, imei: Imei) -> Result<bool, AllowlistError> {
        Ok(redis::cmd("SISMEMBER")
            .arg(KNOWN)
            .arg(imei.to_string())
            .query_async(&mut self.connection.clone())
            .await?)
    }

    /// When the list was published last.
    pub async fn published(&self) -> Result<Option<Timestamp>, AllowlistError> {
        let text: Option<String> =
            redis::cmd("GET").arg(PUBLISHED).query_async(&mut self.connection.clone()).await?;
        Ok(text.and_then(|text| text.parse().ok()))
    }
}
