//! What devices sent that nobody knows yet: kept for a while, apart from the partitions.

use biplane_core::Frame;
use redis::Script;

use crate::dead_letters::MOVE;
use crate::redis_log::stream_key;
use crate::{EntryId, LogError, Poison, RedisLog};

const STREAM: &str = "quarantine:devices";

/// About how many frames are kept, of all strangers together; the oldest go first. With
/// [`RedisLog::QUARANTINE_LARGEST`] that is 160 MiB at the very most, and a few in practice.
const KEPT: usize = 10_000;

/// A frame that is in quarantine.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    /// Among all that are.
    pub id: EntryId,
    /// The frame, or what is there instead.
    pub frame: Result<Frame, Poison>,
}

impl RedisLog {
    /// The largest frame that is taken into quarantine, in bytes as stored: a stranger must not
    /// fill the memory. A tracker's is a tenth of that.
    pub const QUARANTINE_LARGEST: usize = 16 * 1024;

    /// Keeps frames of unknown devices, in the order given; durable when it returns `Ok`.
    pub async fn quarantine(&self, frames: &[Frame]) -> Result<(), LogError> {
        if frames.is_empty() {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        for frame in frames {
            pipe.cmd("XADD")
                .arg(STREAM)
                .arg(&["MAXLEN", "~"])
                .arg(KEPT)
                .arg("*")
                .arg("f")
                .arg(frame.to_bytes())
                .ignore();
        }
        Ok(pipe.query_async::<()>(&mut self.connection()).await?)
    }

    /// Up to `max` frames in quarantine behind `after`, the oldest first.
    pub async fn quarantined(
        &self,
        after: EntryId,
        max: usize,
    ) -> Result<Vec<Quarantined>, LogError> {
        let stream: redis::streams::StreamRangeReply = redis::cmd("XRANGE")
            .arg(STREAM)
            .arg(format!("({after}"))
            .arg("+")
            .arg("COUNT")
            .arg(max)
            .query_async(&mut self.connection())
            .await?;
        let frame = |entry: redis::streams::StreamId| {
            let bytes = entry.get::<Vec<u8>>("f").unwrap_or_default();
            Ok(Quarantined {
                id: entry.id.parse()?,
                frame: Frame::from_bytes(&bytes)
                    .map_err(|error| Poison { error: error.to_string(), bytes }),
            })
        };
        stream.ids.into_iter().map(frame).collect()
    }

    /// Puts a frame at the end of its device's partition, in one step; `false` when it is not in
    /// quarantine any more.
    pub async fn release_quarantined(&self, id: EntryId, frame: &Frame) -> Result<bool, LogError> {
        let partition = Frame::partition(frame.imei, crate::Log::partitions(self));
        let moved: i64 = Script::new(MOVE)
            .key(STREAM)
            .key(stream_key(partition))
            .arg(id.to_string())
            .invoke_async(&mut self.connection())
            .await?;
        Ok(moved > 0)
    }

    /// Drops a frame for good; `false` when it is not in quarantine any more.
    pub async fn drop_quarantined(&self, id: EntryId) -> Result<bool, LogError> {
        let dropped: i64 = redis::cmd("XDEL")
            .arg(STREAM)
            .arg(id.to_string())
            .query_async(&mut self.connection())
            .await?;
        Ok(dropped > 0)
    }
}
