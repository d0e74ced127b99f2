use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use biplane_core::{Frame, Timestamp};
use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::streams::StreamReadReply;
use redis::{AsyncConnectionConfig, Client, Script, ScriptInvocation, Value};

use crate::durability::Durability;
use crate::{DurabilityError, Entry, EntryId, Lease, Log, LogError, Poison};

const GROUP: &str = "processor";

/// All owners read under one name: the lease says who may, and what a former
/// owner left pending is the next one's without claiming.
const CONSUMER: &str = "owner";

const PARTITIONS_KEY: &str = "telemetry:partitions";

/// How a [`RedisLog`] is used.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The fixed number of partitions, the same in all processes.
    pub partitions: u16,
    /// How long a lease lasts without renewal.
    pub lease: Duration,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { partitions: 16, lease: Duration::from_secs(10) }
    }
}

/// Why the log can't be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is no Redis address.
    #[error("`{url}` is not a Redis address such as redis://127.0.0.1:6379")]
    Url {
        /// As configured, without a password.
        url: String,
        /// Why.
        #[source]
        source: redis::RedisError,
    },
    /// Nothing answers there.
    #[error("Redis can't be reached at {url}")]
    Unreachable {
        /// As configured, without a password.
        url: String,
        /// Why.
        #[source]
        source: redis::RedisError,
    },
    /// Another number of partitions would put devices into other partitions.
    #[error(
        "the log has {stored} partitions, this process is configured for {configured}; the number can't be changed while entries are in it"
    )]
    Partitions {
        /// What this process was told.
        configured: u16,
        /// What the first process wrote down.
        stored: u16,
    },
}

/// How far the readers of a partition are behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Entries that nobody has read yet.
    pub unread: u64,
    /// Entries read and not committed.
    pub pending: u64,
    /// When the log had the oldest of them, by Redis's clock; processing time.
    pub oldest: Option<Timestamp>,
}

/// The millisecond of an entry's id.
fn written_at(id: &str) -> Option<Timestamp> {
    let millis = id.split('-').next()?.parse().ok()?;
    Some(Timestamp::from_millis(millis))
}

struct Scripts {
    fence: Script,
    read: Script,
    commit: Script,
    release: Script,
}

/// How far a lease has read.
#[derive(Clone, Copy)]
struct Cursor {
    generation: u64,
    /// The last entry that was returned.
    last: EntryId,
    /// Whether entries behind `last` may be delivered already, but not returned: a
    /// former owner's, or those of an answer that never arrived.
    pending: bool,
}

/// The log on Redis Streams: `telemetry:{pNN}`, one entry a frame.
pub struct RedisLog {
    client: Client,
    shared: ConnectionManager,
    options: LogOptions,
    scripts: Scripts,
    cursors: Mutex<HashMap<u16, Cursor>>,
    /// A connection that waits in XREAD BLOCK answers nobody else: one a partition.
    waiting: Mutex<HashMap<u16, MultiplexedConnection>>,
}

pub(crate) fn stream_key(partition: u16) -> String {
    format!("telemetry:{{p{partition:02}}}")
}

pub(crate) fn dead_key(partition: u16) -> String {
    format!("telemetry:dead:{{p{partition:02}}}")
}

fn lease_key(partition: u16) -> String {
    format!("lease:{{p{partition:02}}}")
}

fn generation_key(partition: u16) -> String {
    format!("lease:{{p{partition:02}}}:generation")
}

/// The address without what follows `//` up to `@`.
pub(crate) fn without_credentials(url: &str) -> String {
    match (url.find("//"), url.rfind('@')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{}", &url[..start + 2], &url[end + 1..])
        }
        _ => url.to_owned(),
    }
}

impl RedisLog {
    /// Connects and agrees on the number of partitions.
    pub async fn connect(url: &str, options: LogOptions) -> Result<Self, ConnectError> {
        let client = crate::client(url)
            .map_err(|source| ConnectError::Url { url: without_credentials(url), source })?;
        let unreachable =
            |source| ConnectError::Unreachable { url: without_credentials(url), source };
        let mut shared = crate::connection(&client).await.map_err(unreachable)?;
        let configured = options.partitions;
        let (stored,): (u16,) = redis::pipe()
            .cmd("SETNX")
            .arg(PARTITIONS_KEY)
            .arg(configured)
            .ignore()
            .cmd("GET")
            .arg(PARTITIONS_KEY)
            .query_async(&mut shared)
            .await
            .map_err(unreachable)?;
        if stored != configured {
            return Err(ConnectError::Partitions { configured, stored });
        }
        Ok(Self {
            client,
            shared,
            options,
            scripts: Scripts {
                fence: Script::new(include_str!("lua/fence.lua")),
                read: Script::new(include_str!("lua/read.lua")),
                commit: Script::new(include_str!("lua/commit.lua")),
                release: Script::new(include_str!("lua/release.lua")),
            },
            cursors: Mutex::default(),
            waiting: Mutex::default(),
        })
    }

    /// Whether what Redis confirms survives the end of its process and a loss of power.
    pub async fn durability(&self) -> Result<Durability, DurabilityError> {
        Durability::of(&mut self.shared.clone()).await
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), LogError> {
        Ok(redis::cmd("PING").query_async(&mut self.shared.clone()).await?)
    }

    /// The shared connection, for the registry and the allowlist.
    pub fn connection(&self) -> ConnectionManager {
        self.shared.clone()
    }

    /// A connection of its own: one that waits in XREAD BLOCK answers nobody else.
    pub(crate) async fn waiting_connection(
        client: &Client,
    ) -> redis::RedisResult<MultiplexedConnection> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(Duration::from_secs(2)));
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// How far a partition's readers are behind.
    pub async fn backlog(&self, partition: u16) -> Result<Backlog, LogError> {
        self.known(partition)?;
        let key = stream_key(partition);
        let mut shared = self.shared.clone();
        let length: u64 = redis::cmd("XLEN").arg(&key).query_async(&mut shared).await?;
        if length == 0 {
            return Ok(Backlog { unread: 0, pending: 0, oldest: None });
        }
        let groups: Vec<HashMap<String, Value>> =
            redis::cmd("XINFO").arg("GROUPS").arg(&key).query_async(&mut shared).await?;
        let group = groups.iter().find(|group| {
            matches!(group.get("name"), Some(Value::BulkString(name)) if name == GROUP.as_bytes())
        });
        let number = |field| match group.and_then(|group| group.get(field)) {
            Some(Value::Int(n)) => u64::try_from(*n).ok(),
            _ => None,
        };
        // Redis can't always tell the lag; then everything in the stream is the safe answer.
        let (unread, pending) = match group {
            Some(_) => (number("lag").unwrap_or(length), number("pending").unwrap_or(0)),
            None => (length, 0),
        };
        let read_up_to = match group.and_then(|group| group.get("last-delivered-id")) {
            Some(Value::BulkString(id)) => String::from_utf8_lossy(id).into_owned(),
            _ => "0".to_owned(),
        };
        let oldest = if pending > 0 {
            let (_, first, _, _): (u64, Option<String>, Value, Value) =
                redis::cmd("XPENDING").arg(&key).arg(GROUP).query_async(&mut shared).await?;
            first.as_deref().and_then(written_at)
        } else if unread > 0 {
            let next: StreamReadReply = redis::cmd("XREAD")
                .arg(("COUNT", 1, "STREAMS", &key, &read_up_to))
                .query_async(&mut shared)
                .await?;
            let first = next.keys.first().and_then(|stream| stream.ids.first());
            first.and_then(|entry| written_at(&entry.id))
        } else {
            None
        };
        Ok(Backlog { unread, pending, oldest })
    }

    pub(crate) fn known(&self, partition: u16) -> Result<(), LogError> {
        let partitions = self.options.partitions;
        if partition < partitions {
            Ok(())
        } else {
            Err(LogError::Partition { partition, partitions })
        }
    }

    /// Runs a script that checks the lease.
    async fn fenced<T: redis::FromRedisValue>(
        &self,
        lease: &Lease,
        call: &ScriptInvocation<'_>,
    ) -> Result<T, LogError> {
        call.invoke_async(&mut self.shared.clone()).await.map_err(|error: redis::RedisError| {
            match error.code() {
                Some("FENCED") => {
                    LogError::Fenced { partition: lease.partition, generation: lease.generation }
                }
                _ => error.into(),
            }
        })
    }

    async fn read_from(
        &self,
        lease: &Lease,
        max: usize,
        after: &str,
    ) -> Result<(Vec<Entry>, String), LogError> {
        let mut call = self.scripts.read.key(lease_key(lease.partition));
        call.key(stream_key(lease.partition)).arg(&lease.owner).arg(lease.generation);
        call.arg(GROUP).arg(CONSUMER).arg(max.max(1)).arg(after);
        let (entries, last): (Value, String) = self.fenced(lease, &call).await?;
        let Value::Array(entries) = entries else {
            return Err(LogError::Answer(format!("{entries:?} instead of entries")));
        };
        Ok((entries.into_iter().map(entry).collect::<Result<_, _>>()?, last))
    }

    /// Returns when an entry behind `after` is there, or after `wait`.
    async fn wait_behind(
        &self,
        partition: u16,
        after: &str,
        wait: Duration,
    ) -> Result<(), LogError> {
        let kept = self.waiting.lock().expect("nobody panics holding it").remove(&partition);
        let mut connection = match kept {
            Some(connection) => connection,
            None => Self::waiting_connection(&self.client).await?,
        };
        connection.set_response_timeout(wait + Duration::from_secs(5));
        let _: Value = redis::cmd("XREAD")
            .arg("COUNT")
            .arg(1)
            .arg("BLOCK")
            // 0 would wait forever.
            .arg(wait.as_millis().max(1) as u64)
            .arg("STREAMS")
            .arg(stream_key(partition))
            .arg(after)
            .query_async(&mut connection)
            .await?;
        // Put back only after an answer: a wait that was dropped or failed takes its
        // connection with it, and no later one queues up behind it.
        self.waiting.lock().expect("nobody panics holding it").insert(partition, connection);
        Ok(())
    }

    fn cursor(&self, lease: &Lease) -> Cursor {
        let generation = lease.generation;
        match self.cursors.lock().expect("nobody panics holding it").get(&lease.partition) {
            Some(cursor) if cursor.generation == generation => *cursor,
            _ => Cursor { generation, last: EntryId::default(), pending: true },
        }
    }

    fn set_cursor(&self, lease: &Lease, cursor: Cursor) {
        self.cursors.lock().expect("nobody panics holding it").insert(lease.partition, cursor);
    }

    /// New entries, and behind which entry to wait for more.
    async fn read_new(&self, lease: &Lease, max: usize) -> Result<(Vec<Entry>, String), LogError> {
        let cursor = self.cursor(lease);
        // Should the answer not arrive, or this future be dropped, what Redis has
        // delivered by then is read as pending the next time.
        self.set_cursor(lease, Cursor { pending: true, ..cursor });
        let (entries, behind) = self.read_from(lease, max, ">").await?;
        let last = entries.last().map_or(cursor.last, |entry| entry.id);
        self.set_cursor(lease, Cursor { pending: false, last, ..cursor });
        Ok((entries, behind))
    }
}

impl Log for RedisLog {
    fn partitions(&self) -> u16 {
        self.options.partitions
    }

    async fn append(&self, frames: &[Frame]) -> Result<(), LogError> {
        if frames.is_empty() {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        for frame in frames {
            let partition = Frame::partition(frame.imei, self.options.partitions);
            pipe.cmd("XADD")
                .arg(stream_key(partition))
                .arg("*")
                .arg("f")
                .arg(frame.to_bytes())
                .ignore();
        }
        Ok(pipe.query_async::<()>(&mut self.shared.clone()).await?)
    }

    async fn fence(&self, partition: u16, owner: &str) -> Result<Option<Lease>, LogError> {
        self.known(partition)?;
        let generation: Option<u64> = self
            .scripts
            .fence
            .key(lease_key(partition))
            .key(generation_key(partition))
            .key(stream_key(partition))
            .arg(owner)
            .arg(self.options.lease.as_millis() as u64)
            .arg(GROUP)
            .invoke_async(&mut self.shared.clone())
            .await?;
        Ok(generation.map(|generation| Lease { partition, generation, owner: owner.to_owned() }))
    }

    async fn read(
        &self,
        lease: &Lease,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Entry>, LogError> {
        self.known(lease.partition)?;
        let cursor = self.cursor(lease);
        if cursor.pending {
            let (entries, _) = self.read_from(lease, max, &cursor.last.to_string()).await?;
            if let Some(entry) = entries.last() {
                self.set_cursor(lease, Cursor { last: entry.id, ..cursor });
                return Ok(entries);
            }
        }
        let (entries, behind) = self.read_new(lease, max).await?;
        if !entries.is_empty() || wait.is_zero() {
            return Ok(entries);
        }
        self.wait_behind(lease.partition, &behind, wait).await?;
        Ok(self.read_new(lease, max).await?.0)
    }

    async fn commit(&self, lease: &Lease, ids: &[EntryId]) -> Result<(), LogError> {
        self.known(lease.partition)?;
        let mut call = self.scripts.commit.key(lease_key(lease.partition));
        call.key(stream_key(lease.partition)).key(dead_key(lease.partition));
        call.arg(&lease.owner).arg(lease.generation).arg(GROUP).arg("").arg("");
        for id in ids {
            call.arg(id.to_string());
        }
        self.fenced(lease, &call).await
    }

    async fn bury(
        &self,
        lease: &Lease,
        id: &EntryId,
        bytes: &[u8],
        reason: &str,
    ) -> Result<(), LogError> {
        self.known(lease.partition)?;
        let reason = if reason.is_empty() { "unknown" } else { reason };
        let mut call = self.scripts.commit.key(lease_key(lease.partition));
        call.key(stream_key(lease.partition)).key(dead_key(lease.partition));
        call.arg(&lease.owner).arg(lease.generation).arg(GROUP).arg(bytes).arg(reason);
        call.arg(id.to_string());
        self.fenced(lease, &call).await
    }

    async fn release(&self, lease: Lease) -> Result<(), LogError> {
        let _: i64 = self
            .scripts
            .release
            .key(lease_key(lease.partition))
            .arg(&lease.owner)
            .arg(lease.generation)
            .invoke_async(&mut self.shared.clone())
            .await?;
        self.cursors.lock().expect("nobody panics holding it").remove(&lease.partition);
        self.waiting.lock().expect("nobody panics holding it").remove(&lease.partition);
        Ok(())
    }
}

/// `[id, [field, value, …]]`, or `[id, nil]` for an entry whose content is gone.
fn entry(value: Value) -> Result<Entry, LogError> {
    let unexpected = |value: &Value| LogError::Answer(format!("{value:?} instead of an entry"));
    let (id, fields): (String, Option<Vec<Vec<u8>>>) =
        redis::from_redis_value(value.clone()).map_err(|_| unexpected(&value))?;
    let id = id.parse()?;
    let bytes = fields.as_deref().and_then(|fields| {
        fields.chunks_exact(2).find(|pair| pair[0] == b"f").map(|pair| pair[1].as_slice())
    });
    let frame = match (&fields, bytes) {
        (None, _) => Err(Poison {
            bytes: Vec::new(),
            error: "the entry was deleted before it was acknowledged".into(),
        }),
        (Some(_), None) => Err(Poison {
            bytes: fields.iter().flatten().flatten().copied().collect(),
            error: "the entry has no field `f`".into(),
        }),
        (Some(_), Some(bytes)) => Frame::from_bytes(bytes)
            .map_err(|error| Poison { bytes: bytes.to_vec(), error: error.to_string() }),
    };
    Ok(Entry { id, frame })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_credentials("redis://u:p@h:1/0"), "redis://h:1/0");
        assert_eq!(without_credentials("redis://h:1"), "redis://h:1");
    }

    #[test]
    fn keys_of_one_partition_share_a_hash_slot() {
        for key in [stream_key(7), dead_key(7), lease_key(7), generation_key(7)] {
            assert!(key.contains("{p07}"), "{key}");
        }
    }
}
