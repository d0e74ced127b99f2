//! What becomes of commands: what gateways report goes to Directus, through its own API, so that
//! its subscribers see it; and what no gateway will ever report is found out.
//!
//! One processor does it at a time. In order for each command, at least once; Directus refuses what
//! comes twice or is of an attempt that is over. While Directus is away, reports wait in Redis.

mod directus;
mod watch;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use biplane_bus::{Commands, EntryId, Outcome, Registry, Report};
use biplane_store::OpenCommands;
use futures_util::StreamExt as _;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Metrics;
use crate::ingest::{Away, chain};
pub(crate) use directus::Directus;
use directus::{Change, Told};

/// Commands that are reported at a time: Directus has people to serve.
const TOGETHER: usize = 8;
/// Reports that are taken at a time.
const READ: usize = 256;
/// How often it is looked for new ones.
const EVERY: Duration = Duration::from_millis(50);
/// How often open commands are looked through.
const WATCH: Duration = Duration::from_secs(1);
/// How often another processor tries to take over.
const FOLLOW: Duration = Duration::from_secs(2);
/// A report that Directus can't carry out so often is given up; what it is about ends by its time.
const MOST_FAILURES: u32 = 20;

pub(crate) struct Reporter {
    commands: Commands,
    registry: Registry,
    open: OpenCommands,
    directus: Directus,
    metrics: Arc<Metrics>,
    backoff: watch::Backoff,
}

/// Why a round ended early: what is left is tried again.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Redis(#[from] biplane_bus::CommandsError),
    #[error(transparent)]
    Registry(#[from] biplane_bus::RegistryError),
    #[error(transparent)]
    Database(#[from] biplane_store::OpenCommandsError),
    #[error("Directus does not take what became of commands: {0}")]
    Directus(String),
}

impl Reporter {
    pub(crate) fn new(
        commands: Commands,
        registry: Registry,
        open: OpenCommands,
        directus: Directus,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { commands, registry, open, directus, metrics, backoff: watch::Backoff::default() }
    }

    /// Until it is aborted.
    pub(crate) async fn run(mut self) {
        let mut away = Away::new("reporting on commands", None);
        let mut failures: HashMap<EntryId, u32> = HashMap::new();
        let mut watched: Option<Instant> = None;
        loop {
            match self.round(&mut failures, &mut watched).await {
                Ok(pause) => {
                    away.succeeded();
                    tokio::time::sleep(pause).await;
                }
                Err(error) => away.failed(&error).await,
            }
        }
    }

    /// How long there is nothing to do.
    async fn round(
        &mut self,
        failures: &mut HashMap<EntryId, u32>,
        watched: &mut Option<Instant>,
    ) -> Result<Duration, Interrupted> {
        if !self.open.leads().await? {
            return Ok(FOLLOW);
        }
        let told = self.report(failures).await?;
        if watched.is_none_or(|watched| watched.elapsed() >= WATCH) {
            self.watch().await?;
            *watched = Some(Instant::now());
        }
        Ok(if told { Duration::ZERO } else { EVERY })
    }

    /// Whether there were reports.
    async fn report(&mut self, failures: &mut HashMap<EntryId, u32>) -> Result<bool, Interrupted> {
        let reports = self.commands.reports(READ).await?;
        if reports.is_empty() {
            return Ok(false);
        }
        let mut done = Vec::new();
        // In order for each command.
        let mut by_command: HashMap<Uuid, Vec<(EntryId, Report)>> = HashMap::new();
        for (id, report) in reports {
            match report {
                Ok(report) => by_command.entry(report.command).or_default().push((id, report)),
                Err(why) => {
                    tracing::warn!(%id, why, "a report on a command can't be read");
                    done.push(id);
                }
            }
        }
        let directus = &self.directus;
        let told: Vec<Reported> = futures_util::stream::iter(by_command.into_values())
            .map(|reports| tell_in_order(directus, reports))
            .buffer_unordered(TOGETHER)
            .collect()
            .await;
        let mut interrupted = None;
        for Reported { taken, left } in told {
            self.metrics.commands_reported.fetch_add(taken.len() as u64, Relaxed);
            done.extend(taken);
            let Some((id, command, told)) = left else { continue };
            match told {
                // Directus says the same of an item that is not there and of one that is not shown.
                Told::Forbidden(_) if !self.open.exists(command).await? => done.push(id),
                Told::Failed(why) if given_up(failures, id) => {
                    tracing::error!(%command, why, "a report on a command is given up");
                    done.push(id);
                }
                Told::Failed(why) | Told::Forbidden(why) | Told::Away(why) => {
                    interrupted.get_or_insert(why);
                }
                Told::Taken | Told::Refused(_) => done.push(id),
            }
        }
        self.commands.reported(&done).await?;
        let gone: HashSet<EntryId> = done.into_iter().collect();
        failures.retain(|id, _| !gone.contains(id));
        interrupted.map_or(Ok(true), |why| Err(Interrupted::Directus(why)))
    }
}

fn given_up(failures: &mut HashMap<EntryId, u32>, id: EntryId) -> bool {
    let count = failures.entry(id).or_default();
    *count += 1;
    *count >= MOST_FAILURES
}

/// What became of the reports on one command.
struct Reported {
    /// Directus took them, or refused them for good.
    taken: Vec<EntryId>,
    /// The first that it did neither with; its followers wait.
    left: Option<(EntryId, Uuid, Told)>,
}

async fn tell_in_order(directus: &Directus, reports: Vec<(EntryId, Report)>) -> Reported {
    let mut taken = Vec::with_capacity(reports.len());
    for (id, report) in reports {
        match directus.change(report.command, &change(&report)).await {
            Told::Taken => taken.push(id),
            Told::Refused(why) => {
                // It came before, or somebody else was first.
                tracing::debug!(command = %report.command, why, "a report changes nothing");
                taken.push(id);
            }
            told => return Reported { taken, left: Some((id, report.command, told)) },
        }
    }
    Reported { taken, left: None }
}

fn change(report: &Report) -> Change {
    let status = match report.outcome {
        Outcome::Sent => "sent",
        Outcome::Acknowledged => "acknowledged",
        Outcome::Failed => "failed",
        // Nothing was written: it waits for its device.
        Outcome::Away => "queued",
        Outcome::Expired => "expired",
        Outcome::Cancelled => "cancelled",
        Outcome::Unknown => "unknown",
    };
    Change {
        status,
        attempts: report.attempt,
        instance: Some(report.instance.clone()),
        result: report.text.clone(),
    }
}

/// For the log.
fn said(error: &(dyn std::error::Error + Send + Sync)) -> String {
    chain(error)
}
