//! `path`: positions a second from the gateway's sockets to rows in the table, the whole stack
//! on this machine with a live client, against raw binary COPY of the same rows into the same kind
//! of table; then how long a frame takes to its row at half that load; with `--growth`, what a
//! position costs with more and more devices and fences.

mod flight;
mod growth;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use biplane_core::Fix;
use biplane_stack::demo::Track;
use biplane_stack::fleet::{Fleet, Wander, device_id, imei};
use biplane_stack::replay::{self, Pace};
use biplane_stack::{Description, Layout, Progress, SetupError, live};
use clap::Args;
use serde_json::json;
use tokio_postgres::{Client, NoTls};

use self::flight::Flight;
use crate::report::{Figure, Report};
use crate::{cpu, failed, raw, refused};

/// Between a row that could be read and the next frame.
const PROBES: Duration = Duration::from_millis(50);
/// Rows that COPY gets at most: as many say as much as all.
const COPIED: u64 = 2_000_000;
/// Devices that the live client looks at, at most.
const WATCHED: u32 = 500;

/// Positions a second, gateway to table; the limit is raw binary COPY of the same rows.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    devices: u32,
    /// How long they send as fast as rows are written; a tenth of it follows at half that load. A
    /// million positions take some 200 MB of disk.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(5..=86_400))]
    seconds: u32,
    /// Geofences of their organization.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    fences: u32,
    /// Measure instead what a position costs with 100 to 10,000 devices and 10 to 100,000 fences.
    #[arg(long)]
    growth: bool,
}

impl Arguments {
    /// Starts a stack of its own, measures, and stops it.
    pub async fn run(&self, layout: &Layout, progress: &Progress) -> Result<Report, SetupError> {
        crate::on_a_stack(layout, progress, async |stack| {
            let figures = if self.growth {
                growth::measure(stack, progress).await?
            } else {
                self.measure(stack, progress).await?
            };
            Ok(Report::new("path", figures))
        })
        .await
    }

    async fn measure(
        &self,
        stack: &Description,
        progress: &Progress,
    ) -> Result<Vec<Figure>, SetupError> {
        let database = connect(stack).await?;
        let step = progress.step("Devices and fences");
        // The last one is the probe. Its first position comes with the question whether it is known.
        let fleet = Fleet::new(self.devices + 1, 1);
        fleet.furnish(&database, self.fences).await?;
        let gateway: SocketAddr = stack.teltonika.parse().map_err(failed)?;
        fleet.await_known(gateway).await?;
        let flight = Flight::new(stack, 0..self.devices)?;
        let (seen, watching) = self.watch(stack).await?;
        step.done(format!("{} devices, {} fences", self.devices, self.fences));

        let step = progress.step("Path");
        let cpu = cpu::seconds();
        let leg = flight.at_most(Duration::from_secs(self.seconds.into()), &step).await?;
        let path = leg.positions as f64 / leg.took.as_secs_f64();
        let mut details = vec![
            ("seconds".to_owned(), leg.took.as_secs_f64()),
            ("lag_median".to_owned(), leg.lag.median()),
            ("lag_most".to_owned(), leg.lag.most()),
            ("live_positions".to_owned(), seen.positions.load(Relaxed) as f64),
        ];
        for (program, seconds) in cpu::seconds() {
            let used = seconds - cpu.get(&program).copied().unwrap_or_default();
            details.push((format!("cpu_us_each {program}"), used * 1e6 / leg.positions as f64));
        }
        if watching.is_finished() || seen.positions.load(Relaxed) == 0 {
            return Err(failed("the live client saw nothing, or was let go"));
        }
        let lag = leg.lag.most();
        step.done(format!("{path:.0} positions a second, never more than {lag:.0} behind"));

        let copy = raw_copy(&database, leg.positions, progress).await?;

        let step = progress.step("Frame to row at half that load");
        let calm = Duration::from_secs((self.seconds / 10).max(5).into());
        let mut waits = Vec::new();
        let probing = async {
            for fix in Wander::new(self.devices).skip(1) {
                waits.push(frame_to_row(&database, gateway, self.devices, fix).await?);
                tokio::time::sleep(PROBES).await;
            }
            Err::<(), _>(failed("the probe was through before the trackers were"))
        };
        tokio::select! {
            flown = flight.at_rate(path / 2.0, calm) => flown?,
            probed = probing => probed?,
        }
        watching.abort();
        waits.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let place = (waits.len() as f64 * share).ceil() as usize;
            waits.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        step.done(format!("p99 {:.0} ms of {} frames", quantile(0.99), waits.len()));

        let peers = [("copy", copy.round())];
        let path_figure = Figure::more_is_better("path", "positions/s", path.round(), &peers);
        let details: Vec<_> = details.iter().map(|(name, value)| (&**name, *value)).collect();
        let latency = Figure::alone("path_latency_p99_ms", "ms", quantile(0.99));
        let spread = [
            ("p50_ms", quantile(0.5)),
            ("most_ms", quantile(1.0)),
            ("frames", waits.len() as f64),
            ("load", path / 2.0),
        ];
        Ok(vec![path_figure.with_details(&details), latency.with_details(&spread)])
    }

    /// A live client that looks at the devices.
    async fn watch(
        &self,
        stack: &Description,
    ) -> Result<(Arc<live::Received>, tokio::task::JoinHandle<()>), SetupError> {
        let directus = stack.administrator().await.map_err(failed)?;
        let devices: Vec<_> = (0..self.devices.min(WATCHED)).map(device_id).collect();
        let topic = json!({ "devices": devices });
        live::follow(&stack.live_url, directus.token().unwrap_or_default(), &topic).await
    }
}

/// Rows a second of binary COPY of what was just written, into an empty table of the same kind.
async fn raw_copy(
    database: &Client,
    positions: u64,
    progress: &Progress,
) -> Result<f64, SetupError> {
    let step = progress.step("Raw COPY");
    let count = positions.min(COPIED);
    let table = raw::table(database, "raw", "").await?;
    let query = format!("SELECT * FROM telemetry.positions LIMIT {count}");
    let rows = raw::rows_of(database, &query).await?;
    let started = Instant::now();
    let copied = raw::copy(database, &table, &rows).await?;
    let copy = copied as f64 / started.elapsed().as_secs_f64();
    if copied != count {
        return Err(failed(format!("COPY took {copied} rows of {count}")));
    }
    // What the limit leaves to flush and to vacuum is not the path's to wait for.
    database.batch_execute("DROP TABLE telemetry.raw; CHECKPOINT").await.map_err(refused)?;
    step.done(format!("{copy:.0} rows a second"));
    Ok(copy)
}

/// Milliseconds from before a tracker connects with a frame until everybody can read its row: the
/// row's own `stored_at` would be the start of the transaction, not its end.
async fn frame_to_row(
    database: &Client,
    gateway: SocketAddr,
    number: u32,
    fix: Fix,
) -> Result<f64, SetupError> {
    let seconds = fix.time.as_millis() as f64 / 1000.0;
    let track = [Track { number, imei: imei(number), fixes: vec![fix] }];
    let started = Instant::now();
    replay::fly(gateway, &track, Pace::Unlimited, &Arc::default()).await.map_err(failed)?;
    let query = "SELECT 1 FROM telemetry.positions WHERE device = $1 AND ts = to_timestamp($2)";
    let statement = database.prepare(query).await.map_err(refused)?;
    let device = device_id(number);
    while database.query_opt(&statement, &[&device, &seconds]).await.map_err(refused)?.is_none() {
        if started.elapsed() > Duration::from_secs(60) {
            return Err(failed("a frame has no row after 60 s"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}

/// As the database's owner.
pub async fn connect(stack: &Description) -> Result<Client, SetupError> {
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, NoTls).await.map_err(failed)?;
    tokio::spawn(connection);
    Ok(database)
}
