//! `path`: positions a second from the gateway's sockets to rows in the table, the whole stack
//! on this machine, against raw binary COPY of the same rows into the same kind of table.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use biplane_core::{Fix, Imei, Timestamp};
use biplane_stack::demo::Track;
use biplane_stack::replay::{self, Counters, Pace};
use biplane_stack::{Description, Layout, Options, Ports, Progress, SetupError, Stack, prepare};
use bytes::BytesMut;
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

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
        let tracks: Vec<_> = (0..self.devices).map(|index| self.track(index)).collect();
        self.furnish(&database, &tracks).await.map_err(refused)?;
        // The processor publishes which devices are known within seconds of the commit.
        let gateway: SocketAddr = stack.teltonika.parse().map_err(failed)?;
        let last = &tracks[tracks.len() - 1..];
        await_known(gateway, last).await?;
        step.done(format!("{} devices, {} fences", self.devices, self.fences));

        let step = progress.step("Path");
        let counters = Arc::new(Counters::default());
        let started = Instant::now();
        let flown = replay::fly(gateway, &tracks, Pace::Unlimited, &counters);
        tokio::time::timeout(Duration::from_secs(600), flown)
            .await
            .map_err(failed)?
            .map_err(failed)?;
        let acknowledged = started.elapsed();
        let sent = i64::from(self.devices) * i64::from(self.positions);
        loop {
            let stored: i64 = database
                .query_one("SELECT count(*) FROM telemetry.positions", &[])
                .await
                .map_err(failed)?
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
        step.done(format!(
            "{path:.0} positions a second, the last {:.1} s after its acknowledgement",
            (started.elapsed() - acknowledged).as_secs_f64()
        ));

        let step = progress.step("Raw COPY");
        let copy = raw_copy(&database, sent).await?;
        step.done(format!("{copy:.0} rows a second"));
        Ok(Report::new(
            "path",
            vec![Figure::more_is_better(
                "path",
                "positions/s",
                path.round(),
                &[("copy", copy.round())],
            )],
        ))
    }

    /// A tracker that wanders over a square degree, one fix a second, from one day before now's
    /// start on: no fix is like another, and none is implausible.
    fn track(&self, index: u32) -> Track {
        let mut random = u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 11) as f64 / (1u64 << 53) as f64
        };
        let first = Timestamp::from_millis(1_760_000_000_000);
        let (mut lat, mut lon) = (46.0 + next(), 12.0 + next());
        let fixes = (0..self.positions)
            .map(|second| {
                lat = (lat + (next() - 0.5) * 0.0004).clamp(46.0, 47.0);
                lon = (lon + (next() - 0.5) * 0.0004).clamp(12.0, 13.0);
                Fix {
                    time: first + i64::from(second) * 1000,
                    lat,
                    lon,
                    altitude_m: Some((200.0 + next() * 2000.0).round() as f32),
                    speed_kmh: Some((next() * 90.0).round() as f32),
                    course_deg: Some((next() * 359.0).round() as f32),
                    satellites: Some(7 + (next() * 8.0) as u8),
                    hdop: None,
                    io: Vec::new(),
                }
            })
            .collect();
        Track {
            number: index,
            imei: Imei::with_check_digit(86_000_000_000_000 + u64::from(index)),
            fixes,
        }
    }

    async fn furnish(
        &self,
        database: &Client,
        tracks: &[Track],
    ) -> Result<(), tokio_postgres::Error> {
        let organization = Uuid::from_u128(1);
        database
            .execute(
                "INSERT INTO organizations (id, name, slug, status) VALUES ($1, 'Bench', 'bench', 'active')",
                &[&organization],
            )
            .await?;
        let ids: Vec<_> =
            tracks.iter().map(|track| Uuid::from_u128(1000 + u128::from(track.number))).collect();
        let imeis: Vec<_> = tracks.iter().map(|track| track.imei.to_string()).collect();
        database
            .execute(
                "INSERT INTO devices (id, organization, name, imei, protocol, status)
                 SELECT id, $1, imei, imei, 'teltonika', 'active' FROM unnest($2::uuid[], $3::text[]) AS d (id, imei)",
                &[&organization, &ids, &imeis],
            )
            .await?;
        database
            .execute(
                "INSERT INTO geofences (id, organization, name, kind, geometry, radius_m, status)
                 SELECT gen_random_uuid(), $1, 'Fence ' || i, 'circle',
                        ST_SetSRID(ST_MakePoint(12 + (i % 97) / 97.0, 46 + (i % 89) / 89.0), 4326), 500 + i % 1500, 'active'
                 FROM generate_series(1, $2::int) AS i",
                &[&organization, &(self.fences as i32)],
            )
            .await?;
        Ok(())
    }
}

/// Tries the login of the last device until the gateway lets it in.
async fn await_known(gateway: SocketAddr, device: &[Track]) -> Result<(), SetupError> {
    let known = [Track {
        number: device[0].number,
        imei: device[0].imei,
        fixes: device[0].fixes[..1].to_vec(),
    }];
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match replay::fly(gateway, &known, Pace::Unlimited, &Arc::default()).await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(failed(error)),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
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
