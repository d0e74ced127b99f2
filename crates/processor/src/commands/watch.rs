//! What no gateway reports: devices that are back, times that are over, gateways that are gone.

use std::time::Duration;

use biplane_bus::{Claim, EntryId, Outcome, Report};
use biplane_core::Timestamp;
use biplane_store::OpenCommand;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;

use super::directus::{Change, Told};
use super::{Interrupted, READ, Reporter, TOGETHER, said};
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
            }
        }
        let holders = try_join_all(queued.iter().map(async |command| match command.imei {
            Some(imei) => self.registry.holder(imei).await,
            None => Ok(None),
        }))
        .await?;
        for (command, holder) in queued.iter().zip(holders) {
            if holder.is_some() {
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
            "routed" if late >= ROUTED_GRACE_MS => {
                // Whoever has the attempt decides: from here on no gateway can write it.
                match self.commands.claim(command.id, command.attempts, OVERDUE).await? {
                    Claim::Ours => Some(of(command, "expired")),
                    Claim::Theirs(by) if by.starts_with("cancel") => Some(of(command, "cancelled")),
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
                    Claim::Theirs(other) if other.starts_with("cancel") => Outcome::Cancelled,
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
                        error = said(&error),
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

fn of(command: &OpenCommand, status: &'static str) -> Change {
    Change { status, attempts: command.attempts, instance: None, result: None }
}
