//! `path`: positions a second from the gateway's sockets to rows in the table, the whole stack
//! on this machine, against raw binary COPY of the same rows into the same kind of table.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use biplane_stack::fleet::Fleet;
use biplane_stack::replay::{self, Counters, Pace};
use biplane_stack::{Description, Layout, Options, Ports, Progress, SetupError, Stack, prepare};
use bytes::BytesMut;
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{Client, NoTls};

use crate::report::{Figure, Report};

/// Positions a second, gateway to table; the limit is raw binary COPY of the same rows.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    devices: u32,
    /// Positions of each tracker.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    positions: u32,
    /// Geofences of their organization.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    fences: u32,
}

impl Arguments {
    /// Starts a stack of its own, measures, and stops it.
    pub async fn run(&self, layout: &Layout, progress: &Progress) -> Result<Report, SetupError> {
        let node = prepare(layout, progress, false).await?;
        let data = layout.data.join(format!("bench-{}", std::process::id()));
        let throwaway = Layout::of_checkout(&layout.project, Some(data))?;
        let mut stack = Stack::new(&throwaway, Options { ports: Ports::free()?, demo: false })?;
        let outcome = match stack.start(&node, progress).await {
            Ok(description) => tokio::select! {
                outcome = self.measure(&description, progress) => outcome,
                error = stack.watch() => Err(error),
            },
            Err(error) => Err(error),
        };
        stack.stop().await;
        if outcome.is_ok() {
            throwaway.remove()?;
        }
        outcome
    }

    async fn measure(
        &self,
        stack: &Description,
        progress: &Progress,
    ) -> Result<Report, SetupError> {
        let (database, connection) =
            tokio_postgres::connect(&stack.database_url, NoTls).await.map_err(failed)?;
        tokio::spawn(connection);
        let step = progress.step("Devices and fences");
        let fleet = Fleet::new(self.devices, self.positions);
        fleet.furnish(&database, self.fences).await?;
        let gateway: SocketAddr = stack.teltonika.parse().map_err(failed)?;
        fleet.await_known(gateway).await?;
        step.done(format!("{} devices, {} fences", self.devices, self.fences));

        let step = progress.step("Path");
        let counters = Arc::new(Counters::default());
        let started = Instant::now();
        let flown = replay::fly(gateway, &fleet.tracks, Pace::Unlimited, &counters);
        tokio::time::timeout(Duration::from_secs(600), flown)
            .await
            .map_err(failed)?
            .map_err(failed)?;
        let acknowledged = started.elapsed();
        let sent = fleet.positions() as i64;
        loop {
            let stored: i64 = database
                .query_one("SELECT count(*) FROM telemetry.positions", &[])
                .await
                .map_err(refused)?
                .get(0);
            if stored >= sent {
                break;
            }
            if started.elapsed() > Duration::from_secs(900) {
                return Err(failed(format!("{stored} of {sent} positions stored after 900 s")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let path = sent as f64 / started.elapsed().as_secs_f64();
        let behind = (started.elapsed() - acknowledged).as_secs_f64();
        step.done(format!("{path:.0} positions a second, stored {behind:.1} s behind"));

        let step = progress.step("Raw COPY");
        let copy = raw_copy(&database, sent).await?;
        step.done(format!("{copy:.0} rows a second"));
        let peers = [("copy", copy.round())];
        let figure = Figure::more_is_better("path", "positions/s", path.round(), &peers);
        Ok(Report::new("path", vec![figure]))
    }
}

/// What COPY is sent at a time.
const CHUNK: usize = 256 * 1024;

/// Rows a second of one binary COPY of what is in `positions` into an empty table of its shape.
async fn raw_copy(database: &Client, rows: i64) -> Result<f64, SetupError> {
    database
        .batch_execute(
            "DROP TABLE IF EXISTS telemetry.positions_raw;
             CREATE TABLE telemetry.positions_raw (LIKE telemetry.positions INCLUDING ALL) PARTITION BY RANGE (ts);
             DO $$
             DECLARE part record;
             BEGIN
                 FOR part IN SELECT inhrelid::regclass::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
                             FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
                             WHERE inhparent = 'telemetry.positions'::regclass LOOP
                     EXECUTE format('CREATE TABLE telemetry.%I PARTITION OF telemetry.positions_raw %s',
                                    'raw_' || split_part(part.name, '.', 2), part.bound);
                 END LOOP;
             END $$;
             CHECKPOINT;",
        )
        .await
        .map_err(refused)?;
    let out = database
        .copy_out("COPY (SELECT * FROM telemetry.positions) TO STDOUT (FORMAT binary)")
        .await
        .map_err(refused)?;
    let mut out = std::pin::pin!(out);
    // PostgreSQL gives a message a row; the limit shall not pay for a million of them.
    let mut chunks = vec![BytesMut::new()];
    while let Some(row) = out.next().await {
        let row = row.map_err(refused)?;
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.extend_from_slice(&row),
            _ => chunks.push(BytesMut::from(&*row)),
        }
    }
    let started = Instant::now();
    let sink = database
        .copy_in("COPY telemetry.positions_raw FROM STDIN (FORMAT binary)")
        .await
        .map_err(refused)?;
    let mut sink = std::pin::pin!(sink);
    for chunk in chunks {
        sink.send(chunk.freeze()).await.map_err(refused)?;
    }
    let copied = sink.finish().await.map_err(refused)?;
    let took = started.elapsed();
    if i64::try_from(copied) != Ok(rows) {
        return Err(failed(format!("COPY took {copied} rows, the path {rows}")));
    }
    Ok(rows as f64 / took.as_secs_f64())
}

fn failed(why: impl std::fmt::Display) -> SetupError {
    SetupError::new("Benchmark", why)
}

/// tokio-postgres says only "db error" by itself.
fn refused(error: tokio_postgres::Error) -> SetupError {
    match error.as_db_error() {
        Some(db) => failed(db),
        None => failed(error),
    }
}
