use std::fmt;

use biplane_core::{Imei, Timestamp};
use redis::aio::ConnectionManager;
use sha2::{Digest, Sha256};

use crate::RedisLog;

/// The devices that may connect: `devices:known`, and the tokens of those that have one,
/// `devices:tokens`; published by the processor, since the gateway knows no database.
#[derive(Clone)]
pub struct Allowlist {
    connection: ConnectionManager,
}

/// A device that may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub imei: Imei,
    /// What its token comes to, if it has one.
    pub token: Option<TokenDigest>,
}

/// SHA-256 of a token: Redis never has the token itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of a token as people or devices have it.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Whether it is this token's; takes the same time for all that are not.
    pub fn is_of(&self, token: &str) -> bool {
        let other = Self::of(token);
        self.0.iter().zip(other.0).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }

    fn from_hex(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (n, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).ok()?;
        }
        Some(Self(digest))
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

/// The allowlist can't be read or written just now.
#[derive(Debug, thiserror::Error)]
#[error("the list of known devices is unavailable")]
pub struct AllowlistError(#[from] redis::RedisError);

const KNOWN: &str = "devices:known";
const TOKENS: &str = "devices:tokens";
const PUBLISHED: &str = "devices:published";

impl Allowlist {
    /// Shares the log's connection.
    pub fn new(log: &RedisLog) -> Self {
        Self { connection: log.connection() }
    }

    /// Replaces the whole list in one step.
    pub async fn publish(&self, devices: &[Known], now: Timestamp) -> Result<(), AllowlistError> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        pipe.cmd("DEL").arg(KNOWN).arg(TOKENS).ignore();
        for chunk in devices.chunks(1_000) {
            let imeis: Vec<String> = chunk.iter().map(|known| known.imei.to_string()).collect();
            pipe.cmd("SADD").arg(KNOWN).arg(imeis).ignore();
            let tokens: Vec<(String, String)> = chunk
                .iter()
                .filter_map(|known| Some((known.imei.to_string(), known.token?.to_string())))
                .collect();
            if !tokens.is_empty() {
                pipe.cmd("HSET").arg(TOKENS).arg(tokens).ignore();
            }
        }
        pipe.cmd("SET").arg(PUBLISHED).arg(now.to_string()).ignore();
        Ok(pipe.query_async(&mut self.connection.clone()).await?)
    }

    /// What is known of a device; nobody is known before the first publication.
    pub async fn find(&self, imei: Imei) -> Result<Option<Known>, AllowlistError> {
        let key = imei.to_string();
        let (known, token): (bool, Option<String>) = redis::pipe()
            .cmd("SISMEMBER")
            .arg(KNOWN)
            .arg(&key)
            .cmd("HGET")
            .arg(TOKENS)
            .arg(&key)
            .query_async(&mut self.connection.clone())
            .await?;
        let token = token.as_deref().and_then(TokenDigest::from_hex);
        Ok(known.then_some(Known { imei, token }))
    }

    /// When the list was published last.
    pub async fn published(&self) -> Result<Option<Timestamp>, AllowlistError> {
        let text: Option<String> =
            redis::cmd("GET").arg(PUBLISHED).query_async(&mut self.connection.clone()).await?;
        Ok(text.and_then(|text| text.parse().ok()))
    }
}
