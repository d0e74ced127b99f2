//! Starting everything, and stopping it in the order in which nothing is left half done.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use biplane_bus::live::OpenFeedError;
use biplane_bus::{Alerts, Allowlist, Commands, LiveFeed, Log, LogOptions, RedisLog, Registry};
use biplane_store::{
    AlertWriter, History, LiveEvents, LivePast, NoticeQueue, OpenCommands, StateReader, Upkeep,
    Writer,
};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::commands::{self, Reporter};
use crate::config::ConfigError;
use crate::ingest::{
    Owned, Pipeline, Publisher, Recomputer, chain, commit, now, own, watch_setup, write,
    write_alerts,
};
use crate::live::{Hub, HubConfig, StartHubError};
use crate::upkeep::upkeep;
use crate::{Config, Metrics, http, notices};

/// Chunks that wait for a decision: what is in memory beyond the batches at work.
const CHUNKS: usize = 32;
/// How long what is read may take to be written at the end.
const DRAIN: Duration = Duration::from_secs(15);
const LAG_EVERY: Duration = Duration::from_secs(5);

/// Why the processor can't start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Settings contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log can't be used.
    #[error("cannot open the log")]
    Log(#[from] biplane_bus::ConnectError),
    /// The live feed can't be used.
    #[error("cannot open the live feed")]
    Feed(#[from] OpenFeedError),
    /// The hub can't be started.
    #[error("cannot start the live hub")]
    Hub(#[from] StartHubError),
    /// The HTTP port is taken or not ours.
    #[error("cannot listen on {address} (BIPLANE_PROCESSOR_HTTP)")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The database's address is none.
    #[error("BIPLANE_DATABASE_URL")]
    Database(#[source] biplane_store::ConnectError),
    /// A task ended that never should. Half a processor would hold partitions, look healthy and
    /// write nothing: better none, whose partitions another one takes.
    #[error("a part of the processor ended by itself; this is a defect, its panic is in the log")]
    PartEnded,
}

/// Runs until `shutdown` ends: then writes what was read, gives its partitions up, and returns.
///
/// A database that is away does not keep it from starting: positions wait in the log.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    let retention = config.retention()?;
    let metrics = Arc::new(Metrics::default());
    let lease = Duration::from_secs(config.log_lease_s);
    let log = Arc::new(
        RedisLog::connect(&config.redis_url, LogOptions { partitions: config.partitions, lease })
            .await?,
    );
    if let Err(error @ biplane_store::ConnectError::Url(_)) =
        biplane_store::connect(&config.database_url).await
    {
        return Err(RunError::Database(error));
    }
    let feed = LiveFeed::connect(&config.redis_url, config.partitions).await?;
    let address = config.processor_http;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address, source })?;

    // An empty variable says "none", not "the origin that is empty".
    let origins = config.live_origins.iter().filter(|origin| !origin.is_empty()).cloned().collect();
    let mut hub_config = HubConfig::new(&config.directus_url, origins);
    hub_config.limits.connections = config.live_connections as usize;
    hub_config.limits.connections_per_user = config.live_connections_per_user as usize;
    let (live, hub) = Hub::start(
        hub_config,
        feed.tail().await?,
        LiveEvents::new(&config.database_url),
        LivePast::new(&config.database_url),
        Arc::clone(&metrics),
    )?;
    let router = http::router(Arc::clone(&metrics)).merge(live);
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    // Unique: two processes of one name must never hold one lease.
    let name = config.instance.clone().unwrap_or_else(|| "processor".to_owned());
    let owner = format!("{name}/{}/{}", std::process::id(), unique());
    let (setup, watching) =
        watch_setup(config.database_url.clone(), Allowlist::new(&log), Arc::clone(&metrics));
    let (publisher, publishing) = Publisher::start(feed, Arc::clone(&metrics));
    let (chunks, read) = mpsc::channel(CHUNKS);
    let (asks, asked) = mpsc::channel(1);
    let (owned, owning_now) = watch::channel(Owned::new());
    let (rests, resting) = mpsc::channel(1);
    let recomputer = Recomputer {
        history: History::new(&config.database_url),
        setup: setup.clone(),
        owned: owning_now,
        partitions: config.partitions,
        rests,
        metrics: Arc::clone(&metrics),
        limits: config.limits(),
    };
    let recomputing = tokio::spawn(recomputer.run());
    let pipeline = Pipeline {
        setup,
        states: StateReader::new(&config.database_url),
        publisher,
        metrics: Arc::clone(&metrics),
        limits: config.limits(),
        batch: config.processor_batch.max(1),
    };
    let deciding = tokio::spawn(pipeline.run(read, resting, asked));
    let (written, done) = mpsc::channel(1);
    let writing =
        tokio::spawn(write(Writer::new(&config.database_url), asks, written, Arc::clone(&metrics)));
    let committing = tokio::spawn(commit(Arc::clone(&log), done, Arc::clone(&metrics)));
    let (stop, stopped) = watch::channel(false);
    let owning = tokio::spawn(own(
        Arc::clone(&log),
        owner,
        lease / 5,
        chunks,
        owned,
        Arc::clone(&metrics),
        stopped,
    ));
    let alerting = tokio::spawn(write_alerts(
        Alerts::new(&log),
        AlertWriter::new(&config.database_url),
        Arc::clone(&metrics),
    ));
    let telling = tokio::spawn(notices::tell(
        NoticeQueue::new(&config.database_url),
        config.recipients(),
        Arc::clone(&metrics),
    ));
    let reporting = tokio::spawn(report_commands(&config, &log, Arc::clone(&metrics)));
    let keeping =
        tokio::spawn(upkeep(Upkeep::new(&config.database_url), retention, Arc::clone(&metrics)));
    let measuring = tokio::spawn(measure_lag(
        Arc::clone(&log),
        AlertWriter::new(&config.database_url),
        i64::from(config.lag_alert_s) * 1000,
        Arc::clone(&metrics),
    ));
    tracing::info!(%address, instance = name, "the processor runs");

    let parts = [
        server.abort_handle(),
        watching.abort_handle(),
        owning.abort_handle(),
        deciding.abort_handle(),
        writing.abort_handle(),
        committing.abort_handle(),
        publishing.abort_handle(),
        recomputing.abort_handle(),
        alerting.abort_handle(),
        telling.abort_handle(),
        reporting.abort_handle(),
        measuring.abort_handle(),
        keeping.abort_handle(),
    ];
    let ended = tokio::select! {
        () = shutdown => Ok(()),
        () = any_ended(&parts) => Err(RunError::PartEnded),
    };
    tracing::info!("stopping: writing what was read");
    stop.send_replace(true);
    let leases = owning.await.unwrap_or_default();
    // What it has begun is begun again by whoever comes next.
    recomputing.abort();
    let drain = async {
        let _ = deciding.await;
        let _ = writing.await;
        let _ = committing.await;
        let _ = publishing.await;
    };
    if tokio::time::timeout(DRAIN, drain).await.is_err() {
        tracing::warn!("not all that was read is written; the next owner reads it again");
    }
    for lease in leases {
        let _ = tokio::time::timeout(Duration::from_secs(1), log.release(lease)).await;
    }
    hub.stop().await;
    server.abort();
    measuring.abort();
    alerting.abort();
    telling.abort();
    reporting.abort();
    keeping.abort();
    watching.abort();
    ended
}

/// Reports what becomes of commands, where there is an account to do it.
fn report_commands(
    config: &Config,
    log: &RedisLog,
    metrics: Arc<Metrics>,
) -> impl Future<Output = ()> + Send + use<> {
    let token = config.recipients().token;
    let reporter = token.map(|token| {
        Reporter::new(
            Commands::new(log),
            Registry::new(log),
            OpenCommands::new(&config.database_url),
            commands::Directus::new(&config.directus_url, &token),
            metrics,
        )
    });
    async move {
        match reporter {
            Some(reporter) => reporter.run().await,
            None => {
                tracing::warn!(
                    "BIPLANE_NOTICE_TOKEN is not set: what becomes of commands is told to nobody"
                );
                std::future::pending().await
            }
        }
    }
}

/// Returns when a task has ended that runs as long as the processor.
async fn any_ended(parts: &[AbortHandle]) {
    while !parts.iter().any(AbortHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Differs between two starts, also in containers where every process has the same id.
fn unique() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("{:x}", since.map_or(0, |since| since.as_nanos()))
}

/// Measures again and again how far the processors are behind, all of them together; where that is
/// more than so many milliseconds (0: however much), it is an alert.
async fn measure_lag(
    log: Arc<RedisLog>,
    mut alerts: AlertWriter,
    alert_ms: i64,
    metrics: Arc<Metrics>,
) {
    // Whether it was raised; not known of what was before this process started.
    let mut raised = None;
    loop {
        let (mut lag, mut oldest) = (0, None);
        for partition in 0..log.partitions() {
            if let Ok(backlog) = log.backlog(partition).await {
                lag += backlog.unread + backlog.pending;
                oldest = oldest.into_iter().chain(backlog.oldest).min();
            }
        }
        let age_ms = oldest.map_or(0, |oldest| (now() - oldest).max(0));
        metrics.lag.store(lag, Relaxed);
        metrics.lag_ms.store(age_ms.unsigned_abs(), Relaxed);
        let is_late = alert_ms > 0 && age_ms > alert_ms;
        // Between the two it stays as it is.
        let is_over = age_ms <= alert_ms / 2;
        if (is_late && raised != Some(true)) || (is_over && raised != Some(false)) {
            match alerts.lag(oldest.filter(|_| is_late)).await {
                Ok(_) => raised = Some(is_late),
                Err(error) => {
                    tracing::debug!(error = chain(&error), "an alert of the lag is not written")
                }
            }
        }
        tokio::time::sleep(LAG_EVERY).await;
    }
}
