use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use biplane_core::Frame;

/// The log between the planes: a fixed number of partitions, each in order,
/// each read by one owner at a time.
///
/// Delivery is at least once: a frame may be appended twice when an answer is
/// lost, and is read again when its reader died before committing it.
pub trait Log: Send + Sync {
    /// How many partitions there are; the same for everyone who uses the log.
    fn partitions(&self) -> u16;

    /// Writes the frames, each to its device's partition, in the order given.
    ///
    /// They are durable when it returns `Ok`. After an error any of them may be
    /// in the log or not: append all of them again.
    fn append(&self, frames: &[Frame]) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Takes the partition, or renews what `owner` holds already; `None` when
    /// another owner holds it. To be called a few times per lease (it ends after
    /// 10 s on Redis). `owner` must be unique among running processes.
    fn fence(
        &self,
        partition: u16,
        owner: &str,
    ) -> impl Future<Output = Result<Option<Lease>, LogError>> + Send;

    /// Up to `max` entries: first what was read under an earlier lease and never
    /// committed, then new ones, in order. Waits up to `wait` when there is none.
    /// An entry is returned once under a lease.
    fn read(
        &self,
        lease: &Lease,
        max: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Entry>, LogError>> + Send;

    /// Marks entries as done: they are never read again, and the log may drop
    /// them. Nothing is committed when the lease is lost ([`LogError::Fenced`]).
    fn commit(
        &self,
        lease: &Lease,
        ids: &[EntryId],
    ) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Keeps an entry that can't be processed with its reason in the partition's
    /// dead letters and commits it, in one step.
    fn bury(
        &self,
        lease: &Lease,
        id: &EntryId,
        bytes: &[u8],
        reason: &str,
    ) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Gives the partition up, so that another owner need not wait for the
    /// lease's end. No error when it was lost already.
    fn release(&self, lease: Lease) -> impl Future<Output = Result<(), LogError>> + Send;
}

/// Why the log could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The server is away or refuses; try again.
    #[error("the log is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The lease is lost: someone else may own the partition now. Whatever was
    /// read under it must not be written.
    #[error("the lease on partition {partition} (generation {generation}) is lost")]
    Fenced {
        /// Which partition.
        partition: u16,
        /// The generation that was lost.
        generation: u64,
    },
    /// There is no such partition.
    #[error("partition {partition} does not exist: the log has {partitions}")]
    Partition {
        /// What was asked for.
        partition: u16,
        /// How many there are.
        partitions: u16,
    },
    /// The server said something that this build does not understand.
    #[error("the log's server answered something unexpected: {0}")]
    Answer(String),
}

impl From<redis::RedisError> for LogError {
    fn from(error: redis::RedisError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// The right to read and commit a partition until it ends or is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which partition.
    pub partition: u16,
    /// Grows with each change of owner; never comes back.
    pub generation: u64,
    /// Who holds it.
    pub owner: String,
}

/// An entry's place in its partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Redis: the millisecond of writing.
    pub major: u64,
    /// Redis: the number within it.
    pub minor: u64,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.major, self.minor)
    }
}

impl FromStr for EntryId {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (major, minor) = text.split_once('-')?;
            Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
        };
        parse().ok_or_else(|| LogError::Answer(format!("`{text}` is no entry id")))
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// To commit it by.
    pub id: EntryId,
    /// The frame, or what is there instead: to be buried.
    pub frame: Result<Frame, Poison>,
}

/// An entry that is no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Poison {
    /// As found; empty when the entry's content is gone.
    pub bytes: Vec<u8>,
    /// What is wrong with them.
    pub error: String,
}
