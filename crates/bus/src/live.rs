//! The live feed: what each partition's owner tells every hub.
//!
//! One stream a partition, `live:{pNN}`, read without a group, so that any
//! processor serves any client. It promises nothing: what was published while
//! a hub was away, beyond the stream's last 10,000 items, is lost to that hub.

use std::time::Duration;

use biplane_core::live::PublishedPosition;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::streams::{StreamRangeReply, StreamReadReply};
use redis::{AsyncConnectionConfig, Client, RedisError};

use crate::redis_log::without_credentials;

/// About how many items a partition's stream keeps: what a hub may be behind.
const KEPT: usize = 10_000;
/// How long one read waits for something new.
const BLOCK: Duration = Duration::from_secs(5);
/// Most items that one read takes from one partition.
const BATCH: usize = 2_000;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why the feed can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFeedError {
    /// The address is none.
    #[error("`{url}` is no Redis address")]
    Url {
        /// What was given, without a password.
        url: String,
        /// What the driver says.
        source: RedisError,
    },
    /// Redis does not answer.
    #[error("the live feed can't reach Redis")]
    Connect(#[source] RedisError),
}

/// Why a batch was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// An item that has no JSON form, such as a coordinate that is no number.
    #[error("a live item has no JSON form")]
    Json(#[from] serde_json::Error),
    /// Redis refused or went away; part of the batch may be out.
    #[error("Redis did not take live items")]
    Redis(#[source] RedisError),
}

/// The live feed on one Redis. Cheap to clone.
#[derive(Clone)]
pub struct LiveFeed {
    client: Client,
    publisher: ConnectionManager,
    partitions: u16,
}

impl LiveFeed {
    /// Connects for publishing; `partitions` is the number that the whole installation has.
    pub async fn connect(url: &str, partitions: u16) -> Result<Self, OpenFeedError> {
        let client = crate::client(url)
            .map_err(|source| OpenFeedError::Url { url: without_credentials(url), source })?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(3)))
            .set_response_timeout(Some(Duration::from_secs(3)));
        let publisher = ConnectionManager::new_with_config(client.clone(), config)
            .await
            .map_err(OpenFeedError::Connect)?;
        Ok(Self { client, publisher, partitions })
    }

    /// Publishes in order, each to its partition, in one go. For one device always through one
    /// partition, or the order is lost.
    pub async fn publish(&self, items: &[(u16, PublishedPosition)]) -> Result<(), PublishError> {
        if items.is_empty() {
            return Ok(());
        }
        let mut pipeline = redis::pipe();
        for (partition, item) in items {
            pipeline
                .cmd("XADD")
                .arg(stream_key(*partition))
                .arg("MAXLEN")
                .arg("~")
                .arg(KEPT)
                .arg("*")
                .arg("m")
                .arg(serde_json::to_vec(item)?)
                .ignore();
        }
        let mut connection = self.publisher.clone();
        pipeline.query_async::<()>(&mut connection).await.map_err(PublishError::Redis)
    }

    /// Follows all partitions from now on.
    ///
    /// "Now" is when this returns: what is published later is seen, whatever
    /// happens to the connection meanwhile.
    pub async fn tail(&self) -> Result<Tail, OpenFeedError> {
        let mut connection = reader(&self.client).await.map_err(OpenFeedError::Connect)?;
        let keys: Vec<String> = (0..self.partitions).map(stream_key).collect();
        // Not `$`: it means "now" anew in each XREAD, and what comes between two reads is missed.
        let mut pipeline = redis::pipe();
        for key in &keys {
            pipeline.cmd("XREVRANGE").arg(key).arg("+").arg("-").arg("COUNT").arg(1);
        }
        let newest: Vec<StreamRangeReply> =
            pipeline.query_async(&mut connection).await.map_err(OpenFeedError::Connect)?;
        let last = newest
            .into_iter()
            .map(|reply| reply.ids.into_iter().next().map_or_else(|| "0-0".to_owned(), |e| e.id))
            .collect();
        Ok(Tail {
            client: self.client.clone(),
            connection: Some(connection),
            keys,
            last,
            pause: FIRST_PAUSE,
        })
    }
}

/// The end of the live feed, as one hub sees it.
pub struct Tail {
    client: Client,
    connection: Option<MultiplexedConnection>,
    keys: Vec<String>,
    last: Vec<String>,
    pause: Duration,
}

impl Tail {
    /// The next items, at least one; waits for them as long as it takes.
    ///
    /// Reconnects by itself and goes on after the last item it returned. Within
    /// a partition items come in the order of their publication. Dropping the
    /// future loses nothing.
    pub async fn next(&mut self) -> Vec<PublishedPosition> {
        loop {
            match self.read().await {
                Ok(items) => {
                    self.pause = FIRST_PAUSE;
                    if !items.is_empty() {
                        return items;
                    }
                }
                Err(error) => {
                    self.connection = None;
                    tracing::warn!(%error, pause = ?self.pause, "the live feed lost Redis; trying again");
                    tokio::time::sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<PublishedPosition>, RedisError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(reader(&self.client).await?),
        };
        let reply: Option<StreamReadReply> = redis::cmd("XREAD")
            .arg("COUNT")
            .arg(BATCH)
            .arg("BLOCK")
            .arg(BLOCK.as_millis() as u64)
            .arg("STREAMS")
            .arg(&self.keys)
            .arg(&self.last)
            .query_async(connection)
            .await?;
        let mut items = Vec::new();
        for stream in reply.into_iter().flat_map(|reply| reply.keys) {
            let Some(partition) = self.keys.iter().position(|key| *key == stream.key) else {
                continue;
            };
            for entry in stream.ids {
                match read_item(&entry) {
                    Ok(item) => items.push(item),
                    Err(why) => {
                        tracing::warn!(
                            stream = stream.key,
                            id = entry.id,
                            why,
                            "skipped a live item"
                        );
                    }
                }
                self.last[partition] = entry.id;
            }
        }
        Ok(items)
    }
}

fn read_item(entry: &redis::streams::StreamId) -> Result<PublishedPosition, String> {
    let json: Vec<u8> = entry.get("m").ok_or("it has no field `m`")?;
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}

fn stream_key(partition: u16) -> String {
    format!("live:{{p{partition:02}}}")
}

async fn reader(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    // Answers come within BLOCK; a server that is gone without a word is noticed a little later.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(3)))
        .set_response_timeout(Some(BLOCK * 2));
    client.get_multiplexed_async_connection_with_config(&config).await
}
