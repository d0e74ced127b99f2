//! `path`: positions a second from the gateway's sockets to rows in the table, the whole stack
//! on this machine, against raw binary COPY of the same rows into the same kind of table; then how
//! long a frame takes to its row at half that load.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use biplane_core::Fix;
use biplane_stack::demo::Track;
use biplane_stack::fleet::{Fleet, device_id};
use biplane_stack::replay::{self, Counters, Pace};
use biplane_stack::{Description, Layout, Progress, SetupError};
use clap::Args;
use tokio_postgres::{Client, NoTls};

use crate::report::{Figure, Report};
use crate::{cpu, failed, raw, refused};

/// Between a row that could be read and the next frame.
const PROBES: Duration = Duration::from_millis(50);

/// Positions a second, gateway to table; the limit is raw binary COPY of the same rows.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    devices: u32,
    /// Positions of each tracker at full load; half as many follow at half of it.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    positions: u32,
    /// Geofences of their organization.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    fences: u32,
}

impl Arguments {
    /// Starts a stack of its own, measures, and stops it.
    pub async fn run(&self, layout: &Layout, progress: &Progress) -> Result<Report, SetupError> {
        crate::on_a_stack(layout, progress, async |stack| self.measure(stack, progress).await).await
    }

    async fn measure(
        &self,
        stack: &Description,
        progress: &Progress,
    ) -> Result<Report, SetupError> {
        let database = connect(stack).await?;
        let step = progress.step("Devices and fences");
        // The last tracker is the probe; the second half of the others' flight is the quiet one.
        let calm = self.positions.div_ceil(2);
        let mut fleet = Fleet::new(self.devices + 1, self.positions + calm);
        fleet.furnish(&database, self.fences).await?;
        let gateway: SocketAddr = stack.teltonika.parse().map_err(failed)?;
        fleet.await_known(gateway).await?;
        let probe = fleet.tracks.pop().ok_or_else(|| failed("no tracker"))?;
        let later: Vec<_> = fleet
            .tracks
            .iter_mut()
            .map(|track| Track {
                number: track.number,
                imei: track.imei,
                fixes: track.fixes.split_off(self.positions as usize),
            })
            .collect();
        step.done(format!("{} devices, {} fences", self.devices, self.fences));

        let step = progress.step("Path");
        // The probe's first position came with the question whether it is known.
        let before = stored(&database, 1).await?;
        let sent = fleet.positions() as u64;
        let counters = Arc::new(Counters::default());
        let cpu = cpu::seconds();
        let started = Instant::now();
        let flown = replay::fly(gateway, &fleet.tracks, Pace::Unlimited, &counters);
        tokio::time::timeout(Duration::from_secs(600), flown)
            .await
            .map_err(failed)?
            .map_err(failed)?;
        let acknowledged = started.elapsed();
        stored(&database, before + sent).await?;
        let took = started.elapsed();
        let path = sent as f64 / took.as_secs_f64();
        let behind = (took - acknowledged).as_secs_f64();
        let mut details = vec![("behind_s".to_owned(), behind)];
        for (program, seconds) in cpu::seconds() {
            let used = seconds - cpu.get(&program).copied().unwrap_or_default();
            details.push((format!("cpu_us_each {program}"), used * 1e6 / sent as f64));
        }
        step.done(format!("{path:.0} positions a second, stored {behind:.1} s behind"));

        let step = progress.step("Raw COPY");
        let table = raw::table(&database, "raw", "").await?;
        let rows = raw::rows_of(&database, "SELECT * FROM telemetry.positions").await?;
        let started = Instant::now();
        let copied = raw::copy(&database, &table, &rows).await?;
        let copy = copied as f64 / started.elapsed().as_secs_f64();
        if copied != before + sent {
            return Err(failed(format!("COPY took {copied} rows, the path {}", before + sent)));
        }
        step.done(format!("{copy:.0} rows a second"));

        let step = progress.step("Frame to row at half that load");
        let speed = path / 2.0 / f64::from(self.devices);
        let flying = replay::fly(gateway, &later, Pace::Times(speed), &counters);
        let mut waits = Vec::new();
        let probing = async {
            for fix in &probe.fixes[1..] {
                let fixes = vec![fix.clone()];
                waits.push(frame_to_row(&database, gateway, &probe, fixes).await?);
                tokio::time::sleep(PROBES).await;
            }
            Err::<(), _>(failed("the probe was through before the trackers were"))
        };
        tokio::select! {
            flown = flying => flown.map_err(failed)?,
            probed = probing => probed?,
        }
        waits.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let place = (waits.len() as f64 * share).ceil() as usize;
            waits.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        step.done(format!("p99 {:.0} ms of {} frames", quantile(0.99), waits.len()));

        let peers = [("copy", copy.round())];
        let path_figure = Figure::more_is_better("path", "positions/s", path.round(), &peers);
        let details: Vec<_> = details.iter().map(|(name, value)| (&**name, *value)).collect();
        let latency =
            Figure::more_is_better("path_latency_p99_ms", "ms", quantile(0.99).round(), &[]);
        let spread =
            [("p50_ms", quantile(0.5)), ("frames", waits.len() as f64), ("load", path / 2.0)];
        let figures = vec![path_figure.with_details(&details), latency.with_details(&spread)];
        Ok(Report::new("path", figures))
    }
}

/// Milliseconds from before a tracker connects with a frame until everybody can read its row: the
/// row's own `stored_at` would be the start of the transaction, not its end.
async fn frame_to_row(
    database: &Client,
    gateway: SocketAddr,
    probe: &Track,
    fixes: Vec<Fix>,
) -> Result<f64, SetupError> {
    let Some(seconds) = fixes.first().map(|fix| fix.time.as_millis() as f64 / 1000.0) else {
        return Err(failed("no frame"));
    };
    let track = [Track { number: probe.number, imei: probe.imei, fixes }];
    let started = Instant::now();
    replay::fly(gateway, &track, Pace::Unlimited, &Arc::default()).await.map_err(failed)?;
    let query = "SELECT 1 FROM telemetry.positions WHERE device = $1 AND ts = to_timestamp($2)";
    let statement = database.prepare(query).await.map_err(refused)?;
    let device = device_id(probe.number);
    while database.query_opt(&statement, &[&device, &seconds]).await.map_err(refused)?.is_none() {
        if started.elapsed() > Duration::from_secs(60) {
            return Err(failed("a frame has no row after 60 s"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}

/// Waits until so many positions are stored; returns how many there are.
async fn stored(database: &Client, least: u64) -> Result<u64, SetupError> {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        let query = "SELECT count(*) FROM telemetry.positions";
        let count: i64 = database.query_one(query, &[]).await.map_err(refused)?.get(0);
        if count.unsigned_abs() >= least {
            return Ok(count.unsigned_abs());
        }
        if Instant::now() > deadline {
            return Err(failed(format!("{count} of {least} positions stored after 300 s")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn connect(stack: &Description) -> Result<Client, SetupError> {
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, NoTls).await.map_err(failed)?;
    tokio::spawn(connection);
    Ok(database)
}
