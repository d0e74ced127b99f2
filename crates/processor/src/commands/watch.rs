//! What no gateway reports: devices that are back, times that are over, gateways that are gone.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use biplane_bus::{CANCELS, Claim, EntryId, Outcome, Report};
use biplane_core::Timestamp;
use biplane_store::OpenCommand;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use tokio::time::Instant;
use uuid::Uuid;

use super::directus::{Change, Told};
use super::{Interrupted, READ, Reporter, TOGETHER};
use crate::ingest::chain;
use crate::ingest::now;

/// Open commands that are looked at in one round, those whose time is over first.
const MOST: u32 = 5_000;
/// After its time a command that was routed is reported on by its gateway within so long, or never.
const ROUTED_GRACE_MS: i64 = 30_000;
/// And one whose bytes may be out: its gateway waits a minute for the answer.
const SENT_GRACE_MS: i64 = 180_000;
/// Who takes an attempt that no gateway will make.
const OVERDUE: &str = "processor/overdue";

impl Reporter {
    pub(super) async fn watch(&mut self) -> Result<(), Interrupted> {
        self.inherit().await?;
        let now = now();
        let mut changes = Vec::new();
        let mut queued = Vec::new();
        for command in self.open.read(MOST).await? {
            if let Some(change) = self.overdue(&command, now).await? {
                changes.push((command.id, change));
            } else if command.status == "queued" {
                queued.push(command);
            } else if command.status == "unknown" && self.watching.is_news(&command) {
                // Where twice is as good as once, a rule lets it.
                changes.push((command.id, of(&command, "queued")));
            }
        }
        let holders = try_join_all(queued.iter().map(async |command| match command.imei {
            Some(imei) => self.registry.holder(imei).await,
            None => Ok(None),
        }))
        .await?;
        self.watching.keep(&queued);
        for (command, holder) in queued.iter().zip(holders) {
            if holder.is_some() && self.watching.is_over(command) {
                // The Flow sends it on.
                changes.push((command.id, of(command, "pending")));
            }
        }
        let directus = &self.directus;
        let told: Vec<Told> = futures_util::stream::iter(changes)
            .map(async |(command, change)| {
                let told = directus.change(command, &change).await;
                if let Told::Refused(why) | Told::Forbidden(why) | Told::Failed(why) = &told {
                    tracing::debug!(%command, status = change.status, why, "not so any more");
                }
                told
            })
            .buffer_unordered(TOGETHER)
            .collect()
            .await;
        let away = told.into_iter().find_map(|told| match told {
            Told::Away(why) => Some(why),
            _ => None,
        });
        away.map_or(Ok(()), |why| Err(Interrupted::Directus(why)))
    }

    /// What becomes of a command by its time.
    async fn overdue(
        &self,
        command: &OpenCommand,
        now: Timestamp,
    ) -> Result<Option<Change>, Interrupted> {
        let Some(expires_at) = command.expires_at else { return Ok(None) };
        let late = now - expires_at;
        if late < 0 {
            return Ok(None);
        }
        Ok(match &*command.status {
            "awaiting_approval" | "pending" | "queued" => Some(of(command, "expired")),
            "unknown" => None,
            "routed" if late >= ROUTED_GRACE_MS => {
                // Whoever has the attempt decides: from here on no gateway can write it.
                match self.commands.claim(command.id, command.attempts, OVERDUE).await? {
                    Claim::Ours => Some(of(command, "expired")),
                    Claim::Theirs(by) if by.starts_with(CANCELS) => Some(of(command, "cancelled")),
                    Claim::Theirs(_) if late >= SENT_GRACE_MS => Some(of(command, "unknown")),
                    Claim::Theirs(_) => None,
                }
            }
            "sent" if late >= SENT_GRACE_MS => Some(of(command, "unknown")),
            _ => None,
        })
    }

    /// Ends what gateways that are gone have left behind: orders that nobody claimed go back, of the
    /// others nobody knows.
    async fn inherit(&self) -> Result<(), Interrupted> {
        for instance in self.commands.orphans().await? {
            for (entry, order) in
                self.commands.waiting(&instance, EntryId::default(), READ, Duration::ZERO).await?
            {
                let order = match order {
                    Ok(order) => order,
                    Err(why) => {
                        tracing::warn!(instance, %entry, why, "an order can't be read");
                        self.commands.discard(&instance, entry).await?;
                        continue;
                    }
                };
                let by = format!("processor/{instance}");
                let claim = self.commands.claim(order.command, order.attempt, &by).await?;
                let outcome = match claim {
                    Claim::Ours => Outcome::Away,
                    Claim::Theirs(other) if other.starts_with(CANCELS) => Outcome::Cancelled,
                    // Back by now, it knows better what it had in hand.
                    Claim::Theirs(_) if !self.commands.orphans().await?.contains(&instance) => {
                        break;
                    }
                    Claim::Theirs(_) => Outcome::Unknown,
                };
                let report = Report {
                    command: order.command,
                    attempt: order.attempt,
                    outcome,
                    at: now(),
                    instance: instance.clone(),
                    text: None,
                };
                if let Err(error) = self.commands.finish(&instance, entry, &report).await {
                    tracing::warn!(
                        error = chain(&error),
                        "an order of a gateway that is gone stays"
                    );
                    return Err(error.into());
                }
                tracing::info!(
                    instance, command = %order.command, outcome = outcome.as_str(),
                    "a gateway is gone; its order is ended"
                );
            }
        }
        Ok(())
    }
}

/// What was seen of open commands before.
#[derive(Debug, Default)]
pub(super) struct Watching {
    /// By command: the attempt that it came back from, and since when it is queued though the registry
    /// says that its device is there. Its gateway has just said otherwise, and the registry may need
    /// minutes to find out: it stays the longer, the more attempts were made.
    queued: HashMap<Uuid, (u32, Instant)>,
    /// Of these attempts Directus was asked whether they are made again.
    unknown: HashSet<(Uuid, u32)>,
}

/// Attempts that are remembered; then all are asked about once more.
const REMEMBERED: usize = 10_000;

impl Watching {
    fn is_news(&mut self, command: &OpenCommand) -> bool {
        if self.unknown.len() >= REMEMBERED {
            self.unknown.clear();
        }
        self.unknown.insert((command.id, command.attempts))
    }

    /// Forgets all but those that are queued now.
    fn keep(&mut self, queued: &[OpenCommand]) {
        let now = Instant::now();
        let mut before = std::mem::take(&mut self.queued);
        self.queued = queued
            .iter()
            .map(|command| {
                let since = before.remove(&command.id);
                let since = since.filter(|(attempts, _)| *attempts == command.attempts);
                (command.id, since.unwrap_or((command.attempts, now)))
            })
            .collect();
    }

    fn is_over(&self, command: &OpenCommand) -> bool {
        let Some((attempts, since)) = self.queued.get(&command.id) else { return true };
        since.elapsed() >= pause(*attempts)
    }
}

/// None before the first attempt, then 2 s, 4 s, and a minute at most.
fn pause(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        _ => Duration::from_secs(1 << attempts.min(6)).min(Duration::from_secs(60)),
    }
}

fn of(command: &OpenCommand, status: &'static str) -> Change {
    Change { status, attempts: command.attempts, instance: None, result: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_came_back_waits_the_longer_the_more_often_it_was_tried() {
        let command = |attempts| OpenCommand {
            id: Uuid::from_u128(1),
            status: "queued".into(),
            attempts,
            imei: None,
            expires_at: None,
        };
        let mut watching = Watching::default();
        watching.keep(&[command(0)]);
        assert!(watching.is_over(&command(0)), "a device that was away is served at once");
        for (attempts, seconds) in [(1, 2), (2, 4), (3, 8), (9, 60)] {
            watching.keep(&[command(attempts)]);
            tokio::time::advance(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            watching.keep(&[command(attempts)]);
            assert!(!watching.is_over(&command(attempts)), "{attempts}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(watching.is_over(&command(attempts)), "{attempts}");
        }
        watching.keep(&[]);
        assert!(watching.queued.is_empty());
    }
}
