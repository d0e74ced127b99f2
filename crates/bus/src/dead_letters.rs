//! Entries that could not be processed, kept with their reason, and put back.

use biplane_core::Frame;
use redis::Script;

use crate::redis_log::{dead_key, stream_key};
use crate::{EntryId, LogError, Poison, RedisLog};

/// An entry that was buried.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Of which partition.
    pub partition: u16,
    /// Among the partition's dead letters.
    pub id: EntryId,
    /// Why it was buried.
    pub reason: String,
    /// The frame, or what is there instead.
    pub frame: Result<Frame, Poison>,
}

/// Moves an entry in one step, so that a crash neither loses nor doubles it. KEYS: from where, to
/// which partition's stream. ARGV: id.
pub(crate) const MOVE: &str = "
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not found then return 0 end
for i = 1, #found[2], 2 do
  if found[2][i] == 'f' then redis.call('XADD', KEYS[2], '*', 'f', found[2][i + 1]) end
end
return redis.call('XDEL', KEYS[1], ARGV[1])";

impl RedisLog {
    /// Up to `max` dead letters of a partition behind `after`, the oldest first.
    pub async fn dead_letters(
        &self,
        partition: u16,
        after: EntryId,
        max: usize,
    ) -> Result<Vec<DeadLetter>, LogError> {
        self.known(partition)?;
        let stream: redis::streams::StreamRangeReply = redis::cmd("XRANGE")
            .arg(dead_key(partition))
            .arg(format!("({after}"))
            .arg("+")
            .arg("COUNT")
            .arg(max)
            .query_async(&mut self.connection())
            .await?;
        let letter = |entry: redis::streams::StreamId| {
            let bytes = entry.get::<Vec<u8>>("f").unwrap_or_default();
            Ok(DeadLetter {
                partition,
                id: entry.id.parse()?,
                reason: entry.get("reason").unwrap_or_default(),
                frame: Frame::from_bytes(&bytes)
                    .map_err(|error| Poison { error: error.to_string(), bytes }),
            })
        };
        stream.ids.into_iter().map(letter).collect()
    }

    /// Puts a dead letter back at the end of its partition; `false` when it is not there any more.
    pub async fn revive(&self, partition: u16, id: EntryId) -> Result<bool, LogError> {
        self.known(partition)?;
        let revived: i64 = Script::new(MOVE)
            .key(dead_key(partition))
            .key(stream_key(partition))
            .arg(id.to_string())
            .invoke_async(&mut self.connection())
            .await?;
        Ok(revived > 0)
    }

    /// Drops a dead letter for good; `false` when it is not there any more.
    pub async fn drop_dead(&self, partition: u16, id: EntryId) -> Result<bool, LogError> {
        self.known(partition)?;
        let dropped: i64 = redis::cmd("XDEL")
            .arg(dead_key(partition))
            .arg(id.to_string())
            .query_async(&mut self.connection())
            .await?;
        Ok(dropped > 0)
    }
}
