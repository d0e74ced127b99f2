//! What becomes of commands: what gateways report goes to Directus, through its own API, so that
//! its subscribers see it; and what no gateway will ever report is found out.
//!
//! One processor does it at a time. In order for each command, at least once; Directus refuses what
//! comes twice or is of an attempt that is over. While Directus is away, reports wait in Redis.

mod backlog;
mod directus;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use biplane_bus::{Commands, EntryId, Outcome, Registry, Report};
use biplane_store::OpenCommands;
use futures_util::StreamExt as _;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Metrics;
use crate::ingest::Away;
use backlog::{Backlog, Reports};
pub(crate) use directus::Directus;
use directus::{Change, Told};
use watch::Watching;

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

pub(crate) struct Reporter {
    commands: Commands,
    registry: Registry,
    open: OpenCommands,
    directus: Directus,
    metrics: Arc<Metrics>,
    backlog: Backlog,
    watching: Watching,
    has_led: bool,
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
        let (backlog, watching) = (Backlog::default(), Watching::default());
        Self { commands, registry, open, directus, metrics, backlog, watching, has_led: false }
    }

    /// Until it is aborted.
    pub(crate) async fn run(mut self) {
        let mut away = Away::new("reporting on commands", None);
        let mut watched: Option<Instant> = None;
        loop {
            match self.round(&mut watched).await {
                Ok(pause) => {
                    away.succeeded();
                    tokio::time::sleep(pause).await;
                }
                Err(error) => away.failed(&error).await,
            }
        }
    }

    /// How long there is nothing to do.
    async fn round(&mut self, watched: &mut Option<Instant>) -> Result<Duration, Interrupted> {
        let leads = self.open.leads().await?;
        if leads && !self.has_led {
            // What another one had in hand is in Redis.
            self.backlog = Backlog::default();
        }
        self.has_led = leads;
        if !leads {
            return Ok(FOLLOW);
        }
        let told = self.report().await;
        if matches!(&told, Err(error) if !matches!(error, Interrupted::Directus(_))) {
            // It ended half-way: what was in hand is read from Redis again.
            self.backlog = Backlog::default();
        }
        // Whatever keeps reports from being told: what no gateway reports has to be found out.
        if watched.is_none_or(|watched| watched.elapsed() >= WATCH) {
            *watched = Some(Instant::now());
            self.watch().await?;
        }
        Ok(if told? { Duration::ZERO } else { EVERY })
    }

    /// Whether there were new reports.
    async fn report(&mut self) -> Result<bool, Interrupted> {
        let came = self.read().await?;
        let is_away = AtomicBool::new(false);
        let (directus, is_away) = (&self.directus, &is_away);
        let told: Vec<Reported> = futures_util::stream::iter(self.backlog.due())
            .map(|reports| tell_in_order(directus, reports, is_away))
            .buffer_unordered(TOGETHER)
            .collect()
            .await;
        let (mut done, mut interrupted) = (Vec::new(), None);
        for Reported { command, taken, mut rest, why } in told {
            if !taken.is_empty() {
                self.backlog.went_well(command);
            }
            done.extend(taken);
            match why {
                None => {}
                // Directus says the same of an item that is not there and of one that is not shown.
                Some(Told::Forbidden(why)) => {
                    if self.open.exists(command).await? {
                        tracing::warn!(%command, why, "a report is told again later");
                        self.backlog.pause(command);
                    } else {
                        done.extend(rest.drain(..).map(|(id, _)| id));
                    }
                }
                Some(Told::Away(why)) => drop(interrupted.get_or_insert(why)),
                Some(Told::Failed(why) | Told::Refused(why)) => {
                    tracing::warn!(%command, why, "a report is told again later");
                    self.backlog.pause(command);
                }
                Some(Told::Taken) => {}
            }
            if !rest.is_empty() {
                self.backlog.put_back(command, rest);
            }
        }
        self.metrics.commands_reported.fetch_add(done.len() as u64, Relaxed);
        self.commands.reported(&done).await?;
        interrupted.map_or(Ok(came), |why| Err(Interrupted::Directus(why)))
    }

    /// Takes some more reports from Redis.
    async fn read(&mut self) -> Result<bool, Interrupted> {
        if self.backlog.is_full() {
            return Ok(false);
        }
        let reports = match self.backlog.left {
            Some(after) => {
                let left = self.commands.left_reports(after, READ).await?;
                self.backlog.left = left.last().map(|(id, _)| *id);
                left
            }
            None => self.commands.new_reports(READ).await?,
        };
        let came = !reports.is_empty();
        let mut unreadable = Vec::new();
        for (id, report) in reports {
            match report {
                Ok(report) => self.backlog.add(id, report),
                Err(why) => {
                    tracing::warn!(%id, why, "a report on a command can't be read");
                    unreadable.push(id);
                }
            }
        }
        self.commands.reported(&unreadable).await?;
        Ok(came)
    }
}

/// What became of the reports on one command.
struct Reported {
    command: Uuid,
    /// Directus took them, or a rule refused them for good.
    taken: Vec<EntryId>,
    /// The others, and why the first of them was not taken.
    rest: Reports,
    why: Option<Told>,
}

async fn tell_in_order(
    directus: &Directus,
    mut reports: Reports,
    is_away: &AtomicBool,
) -> Reported {
    let command = reports.front().map(|(_, report)| report.command).unwrap_or_default();
    let mut taken = Vec::with_capacity(reports.len());
    while let Some((id, report)) = reports.front() {
        // One that waits for its answer is enough.
        if is_away.load(Relaxed) {
            break;
        }
        match directus.change(command, &change(report)).await {
            Told::Taken => {}
            // It came before, or somebody else was first.
            Told::Refused(why) => tracing::debug!(%command, why, "a report changes nothing"),
            why => {
                is_away.fetch_or(matches!(why, Told::Away(_)), Relaxed);
                return Reported { command, taken, rest: reports, why: Some(why) };
            }
        }
        taken.push(*id);
        reports.pop_front();
    }
    Reported { command, taken, rest: reports, why: None }
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
