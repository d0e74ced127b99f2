use std::sync::{Arc, Mutex};
use std::time::Duration;

use biplane_core::{Imei, Timestamp};
use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::streams::{StreamId, StreamReadReply};
use redis::{Client, Script};
use uuid::Uuid;

use crate::{EntryId, RedisLog};

const RESULTS: &str = "command-results";
const GROUP: &str = "processor";
/// All processors read under one name: what one of them left is the next one's.
const CONSUMER: &str = "reports";
const GATEWAYS: &str = "gateways";

/// Seconds without a heartbeat after which a gateway counts as gone.
const HEARTBEAT: u64 = 15;

/// Seconds without a heartbeat after which a gateway is forgotten: long after the last entry of the
/// registry that named it is gone, and with it the last reason to give it an order.
const REMEMBERED: u64 = 3_600;

/// Seconds: longer than any order is good for, so that one that comes again is known.
const CLAIMED: u64 = 8 * 86_400;

/// Orders to gateways, claims, and what became of them. Shares the log's connection. Cheap to clone.
///
/// The contract is in `docs/decisions/014-commands.md`.
#[derive(Clone)]
pub struct Commands {
    client: Client,
    connection: ConnectionManager,
    /// The one that waits for orders.
    waiting: Arc<Mutex<Option<MultiplexedConnection>>>,
    finish: Arc<Script>,
}

/// A command that a gateway is to give to a device: an entry of `commands:<instance>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The row's id.
    pub command: Uuid,
    /// Counted per command: each is delivered once at most.
    pub attempt: u32,
    /// The device.
    pub imei: Imei,
    /// As the device understands it, without any framing.
    pub text: String,
    /// From then on no byte of it may leave; processing time.
    pub expires_at: Timestamp,
    /// Whether the device says something to it.
    pub answers: bool,
}

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// What became of an order. All but [`Sent`](Self::Sent) are final.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Outcome { $($(#[$doc])* $variant),+ }

        impl Outcome {
            /// As in the stream and in `commands.status`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            fn read(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

outcomes! {
    /// All its bytes were written to the socket.
    Sent = "sent",
    /// The device answered; where it answers nothing, its TCP has acknowledged the bytes.
    Acknowledged = "acknowledged",
    /// The device refused, or its protocol has no such command: then nothing was written.
    Failed = "failed",
    /// The device is not connected here: nothing was written, another attempt may be made.
    Away = "away",
    /// Its time was over before the first byte: nothing was written.
    Expired = "expired",
    /// Somebody who cancels had claimed it: nothing was written.
    Cancelled = "cancelled",
    /// Bytes may have left, and no answer came.
    Unknown = "unknown",
}

/// What a gateway, or whoever stands in for it, has to say of an order: an entry of
/// `command-results`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// As in the order.
    pub command: Uuid,
    /// As in the order.
    pub attempt: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// When; processing time.
    pub at: Timestamp,
    /// Who says so.
    pub instance: String,
    /// The device's answer, or why.
    pub text: Option<String>,
}

/// Who may give an attempt to the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Whoever asked.
    Ours,
    /// Another one; by what it gave as its name.
    Theirs(String),
}

/// How a claim begins that was made to cancel.
pub const CANCELS: &str = "cancel/";

/// The streams of orders and reports can't be used just now.
#[derive(Debug, thiserror::Error)]
#[error("the streams of commands are unavailable")]
pub struct CommandsError(#[from] redis::RedisError);

// KEYS: the orders. ARGV: id, then the report's fields and values. The stream of reports is no key
// of the script: keys have to be open for reading, too, and a gateway has no business there.
const FINISH: &str = "
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', 'command-results', '*', unpack(ARGV, 2))
return 1";

impl Commands {
    /// Shares the log's connection.
    pub fn new(log: &RedisLog) -> Self {
        Self {
            client: log.client(),
            connection: log.connection(),
            waiting: Arc::default(),
            finish: Arc::new(Script::new(FINISH)),
        }
    }

    /// Says that a gateway is there; to be called every few seconds, it holds for 15 s.
    pub async fn beat(&self, instance: &str) -> Result<(), CommandsError> {
        let mut beat = redis::pipe();
        // First the set: a gateway that is in it and not there is found, one that is not is not.
        beat.cmd("SADD").arg(GATEWAYS).arg(instance).ignore();
        for (key, seconds) in
            [(lately_key(instance), REMEMBERED), (heartbeat_key(instance), HEARTBEAT)]
        {
            beat.cmd("SET").arg(key).arg("1").arg("EX").arg(seconds).ignore();
        }
        Ok(beat.query_async(&mut self.connection.clone()).await?)
    }

    /// Up to `max` orders of a gateway behind `after`, the oldest first; of those that can't be
    /// read, why. Waits up to `wait` when there is none. They stay until they are finished.
    pub async fn waiting(
        &self,
        instance: &str,
        after: EntryId,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<(EntryId, Result<Order, String>)>, CommandsError> {
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(max.max(1));
        if !wait.is_zero() {
            // 0 would wait forever.
            read.arg("BLOCK").arg(wait.as_millis().max(1) as u64);
        }
        read.arg("STREAMS").arg(orders_key(instance)).arg(after.to_string());
        let reply: Option<StreamReadReply> = if wait.is_zero() {
            read.query_async(&mut self.connection.clone()).await?
        } else {
            let kept = self.waiting.lock().expect("nobody panics holding it").take();
            let mut connection = match kept {
                Some(connection) => connection,
                None => RedisLog::waiting_connection(&self.client).await?,
            };
            connection.set_response_timeout(wait + Duration::from_secs(5));
            let reply = read.query_async(&mut connection).await?;
            // Put back only after an answer: a wait that was dropped takes its connection with it.
            *self.waiting.lock().expect("nobody panics holding it") = Some(connection);
            reply
        };
        Ok(entries(reply, Order::read))
    }

    /// Takes an attempt for `by`, unless another has it. Whoever has it may ask again, say when an
    /// answer was lost: `by` has to be unique to one claimant and one entry.
    pub async fn claim(
        &self,
        command: Uuid,
        attempt: u32,
        by: &str,
    ) -> Result<Claim, CommandsError> {
        let holder: Option<String> = redis::cmd("SET")
            .arg(format!("command:{command}:{attempt}"))
            .arg(by)
            .arg(&["NX", "GET", "EX"])
            .arg(CLAIMED)
            .query_async(&mut self.connection.clone())
            .await?;
        Ok(match holder {
            Some(holder) if holder != by => Claim::Theirs(holder),
            _ => Claim::Ours,
        })
    }

    /// Says something of an order that is not finished by it.
    pub async fn report(&self, report: &Report) -> Result<(), CommandsError> {
        Ok(redis::cmd("XADD")
            .arg(RESULTS)
            .arg("*")
            .arg(report.fields())
            .exec_async(&mut self.connection.clone())
            .await?)
    }

    /// Takes an order out of its stream and says what became of it, in one step; `false` when
    /// somebody else finished it, and then nothing is said.
    pub async fn finish(
        &self,
        instance: &str,
        entry: EntryId,
        report: &Report,
    ) -> Result<bool, CommandsError> {
        let finished: i64 = self
            .finish
            .key(orders_key(instance))
            .arg(entry.to_string())
            .arg(report.fields())
            .invoke_async(&mut self.connection.clone())
            .await?;
        Ok(finished > 0)
    }

    /// Takes an entry out of its stream without a word: it can't be read, or another entry has the
    /// same attempt.
    pub async fn discard(&self, instance: &str, entry: EntryId) -> Result<(), CommandsError> {
        Ok(redis::cmd("XDEL")
            .arg(orders_key(instance))
            .arg(entry.to_string())
            .exec_async(&mut self.connection.clone())
            .await?)
    }

    /// Up to `max` reports that nobody is done with, the oldest first; of those that can't be read,
    /// why. Two processors may get the same.
    pub async fn reports(
        &self,
        max: usize,
    ) -> Result<Vec<(EntryId, Result<Report, String>)>, CommandsError> {
        let left = self.left_reports(EntryId::default(), max).await?;
        if left.is_empty() { self.new_reports(max).await } else { Ok(left) }
    }

    /// Reports behind `after` that somebody took and did not finish.
    pub async fn left_reports(
        &self,
        after: EntryId,
        max: usize,
    ) -> Result<Vec<(EntryId, Result<Report, String>)>, CommandsError> {
        self.read_reports(&after.to_string(), max).await
    }

    /// Reports that nobody took yet.
    pub async fn new_reports(
        &self,
        max: usize,
    ) -> Result<Vec<(EntryId, Result<Report, String>)>, CommandsError> {
        self.read_reports(">", max).await
    }

    async fn read_reports(
        &self,
        from: &str,
        max: usize,
    ) -> Result<Vec<(EntryId, Result<Report, String>)>, CommandsError> {
        let mut connection = self.connection.clone();
        let mut read = redis::cmd("XREADGROUP");
        read.arg(&["GROUP", GROUP, CONSUMER, "COUNT"]).arg(max.max(1));
        read.arg(&["STREAMS", RESULTS, from]);
        match read.query_async(&mut connection).await {
            Err(error) if error.code() == Some("NOGROUP") => {
                redis::cmd("XGROUP")
                    .arg(&["CREATE", RESULTS, GROUP, "0", "MKSTREAM"])
                    .exec_async(&mut connection)
                    .await?;
                Ok(entries(read.query_async(&mut connection).await?, Report::read))
            }
            reply => Ok(entries(reply?, Report::read)),
        }
    }

    /// Marks reports as dealt with, and drops them.
    pub async fn reported(&self, ids: &[EntryId]) -> Result<(), CommandsError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let mut done = redis::pipe();
        done.atomic();
        done.cmd("XACK").arg(&[RESULTS, GROUP]).arg(&ids).ignore();
        done.cmd("XDEL").arg(RESULTS).arg(&ids).ignore();
        Ok(done.query_async(&mut self.connection.clone()).await?)
    }

    /// Gateways without a heartbeat that have left orders. One that has left none is forgotten an
    /// hour after its last heartbeat: until its entries of the registry have expired, it may be
    /// given some.
    pub async fn orphans(&self) -> Result<Vec<String>, CommandsError> {
        let mut connection = self.connection.clone();
        let gateways: Vec<String> =
            redis::cmd("SMEMBERS").arg(GATEWAYS).query_async(&mut connection).await?;
        let mut orphans = Vec::new();
        for instance in gateways {
            let (beats, lately, orders): (bool, bool, u64) = redis::pipe()
                .cmd("EXISTS")
                .arg(heartbeat_key(&instance))
                .cmd("EXISTS")
                .arg(lately_key(&instance))
                .cmd("XLEN")
                .arg(orders_key(&instance))
                .query_async(&mut connection)
                .await?;
            match (beats, orders) {
                (true, _) => {}
                (false, 1..) => orphans.push(instance),
                (false, 0) if lately => {}
                // One that comes back right now says so again with its next heartbeat.
                (false, 0) => {
                    redis::cmd("SREM")
                        .arg(GATEWAYS)
                        .arg(instance)
                        .exec_async(&mut connection)
                        .await?;
                }
            }
        }
        Ok(orphans)
    }
}

fn orders_key(instance: &str) -> String {
    format!("commands:{instance}")
}

fn heartbeat_key(instance: &str) -> String {
    format!("gateway:{instance}")
}

/// Lasts longer than the heartbeat.
fn lately_key(instance: &str) -> String {
    format!("gateway:{instance}:lately")
}

fn entries<T>(
    reply: Option<StreamReadReply>,
    read: impl Fn(&StreamId) -> Result<T, String>,
) -> Vec<(EntryId, Result<T, String>)> {
    reply
        .into_iter()
        .flat_map(|reply| reply.keys)
        .flat_map(|key| key.ids)
        .filter_map(|entry| Some((entry.id.parse().ok()?, read(&entry))))
        .collect()
}

fn field<T>(
    entry: &StreamId,
    name: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, String> {
    let text: String = entry.get(name).ok_or_else(|| format!("there is no text in `{name}`"))?;
    read(&text).ok_or_else(|| {
        let text: String = text.chars().take(64).collect();
        format!("`{name}` can't be `{text}`")
    })
}

impl Order {
    fn read(entry: &StreamId) -> Result<Self, String> {
        Ok(Self {
            command: field(entry, "command", |text| text.parse().ok())?,
            attempt: field(entry, "attempt", |text| text.parse().ok())?,
            imei: field(entry, "imei", |text| Imei::from_digits(text).ok())?,
            text: field(entry, "text", |text| Some(text.to_owned()))?,
            expires_at: field(entry, "expires_at", |text| text.parse().ok())?,
            answers: field(entry, "answers", |text| text.parse().ok())?,
        })
    }
}

impl Report {
    fn read(entry: &StreamId) -> Result<Self, String> {
        Ok(Self {
            command: field(entry, "command", |text| text.parse().ok())?,
            attempt: field(entry, "attempt", |text| text.parse().ok())?,
            outcome: field(entry, "outcome", Outcome::read)?,
            at: field(entry, "at", |text| text.parse().ok())?,
            instance: field(entry, "instance", |text| Some(text.to_owned()))?,
            text: entry.get("text"),
        })
    }

    /// Field, value, field, value.
    fn fields(&self) -> Vec<String> {
        let mut fields = vec![
            "command".to_owned(),
            self.command.to_string(),
            "attempt".to_owned(),
            self.attempt.to_string(),
            "outcome".to_owned(),
            self.outcome.as_str().to_owned(),
            "at".to_owned(),
            self.at.to_string(),
            "instance".to_owned(),
            self.instance.clone(),
        ];
        if let Some(text) = &self.text {
            fields.extend(["text".to_owned(), text.clone()]);
        }
        fields
    }
}
