//! `writer`: positions a second through the processor's writer, against raw binary COPY of the
//! same rows in batches of the same size, one transaction each.

use std::time::{Duration, Instant};

use biplane_core::timing::Device;
use biplane_core::{DeviceId, Fix, OrganizationId, Timestamp};
use biplane_stack::fleet::{self, Fleet};
use biplane_stack::{Description, Layout, Progress, SetupError};
use biplane_store::{Batch, Claim, Received, Writer};
use bytes::{BufMut, Bytes, BytesMut};
use clap::Args;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::report::{Figure, Report};
use crate::{failed, raw, refused};

/// Trackers whose frames make the batches.
const DEVICES: u32 = 200;
/// Records of one tracker in a row, as a frame has them.
const FRAME: usize = 25;
/// Rows of a batch, and its name in the details of both sides.
const SIZES: [(usize, &str, &str); 3] = [
    (1_000, "ours_1k", "copy_1k"),
    (5_000, "ours_5k", "copy_5k"),
    (10_000, "ours_10k", "copy_10k"),
];

/// Rows a second of the writer alone, new ones and replays; the limit is raw binary COPY.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Rows at each size of a batch; each is written twice, new and as a replay.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(10_000..=10_000_000))]
    rows: u32,
}

/// Who takes the rows of a batch, and what has become of them.
#[derive(Default)]
struct Side {
    rows: u64,
    took: Duration,
}

impl Side {
    fn add(&mut self, rows: u64, started: Instant) {
        self.took += started.elapsed();
        self.rows += rows;
    }

    fn rate(&self) -> f64 {
        (self.rows as f64 / self.took.as_secs_f64()).round()
    }
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
        let (database, connection) =
            tokio_postgres::connect(&stack.database_url, NoTls).await.map_err(failed)?;
        tokio::spawn(connection);
        let each = self.rows.div_ceil(DEVICES);
        let fleet = Fleet::new(DEVICES, each * SIZES.len() as u32);
        let rows = frames(&fleet);
        let [(_, first), .., (_, last)] = &*rows else { return Err(failed("no rows")) };
        database
            .execute(
                "SELECT telemetry.ensure_partitions(to_timestamp($1), to_timestamp($2))",
                &[&seconds(first.time), &seconds(last.time)],
            )
            .await
            .map_err(refused)?;
        let mut bench = Bench {
            new: raw::table(&database, "raw_new", COLUMNS).await?,
            replay: raw::table(&database, "raw_replay", COLUMNS).await?,
            writer: Writer::new(&stack.database_url),
            database,
            received: Received { at: last.time, trace_id: 1 << 61 },
        };

        let mut figures = Vec::new();
        for (name, id, fresh) in
            [("New rows", "writer_new", true), ("Replays", "writer_replay", false)]
        {
            let step = progress.step(name);
            let (mut ours, mut copy) = (Side::default(), Side::default());
            let mut details = Vec::new();
            for ((size, our_name, copy_name), rows) in
                SIZES.into_iter().zip(rows.chunks(rows.len() / SIZES.len()))
            {
                let (mut ours_here, mut copy_here) = (Side::default(), Side::default());
                for batch in rows.chunks(size) {
                    bench.write(batch, fresh, &mut ours_here).await?;
                    bench.copy(batch, fresh, &mut copy_here).await?;
                }
                details.push((our_name, ours_here.rate()));
                details.push((copy_name, copy_here.rate()));
                step.note(format!("{size} a batch: {:.0} rows a second", ours_here.rate()));
                for (sum, part) in [(&mut ours, ours_here), (&mut copy, copy_here)] {
                    sum.rows += part.rows;
                    sum.took += part.took;
                }
            }
            step.done(format!("{:.0} rows a second, COPY {:.0}", ours.rate(), copy.rate()));
            let peers = [("copy", copy.rate())];
            let figure = Figure::more_is_better(id, "rows/s", ours.rate(), &peers);
            figures.push(figure.with_details(&details));
        }
        Ok(Report::new("writer", figures))
    }
}

/// Both sides and where they write to.
struct Bench {
    database: Client,
    writer: Writer,
    new: tokio_postgres::Statement,
    replay: tokio_postgres::Statement,
    received: Received,
}

type Row<'a> = (Device, &'a Fix);

/// The columns that a position of a fleet's tracker has something in.
const COLUMNS: &str = "(device, ts, digest, organization, received_at, lat, lon, altitude_m, \
                       speed_kmh, course_deg, satellites, faulty, trace_id)";

impl Bench {
    /// The writer's side: from fixes to the commit.
    async fn write(
        &mut self,
        rows: &[Row<'_>],
        fresh: bool,
        side: &mut Side,
    ) -> Result<(), SetupError> {
        let started = Instant::now();
        let mut batch = Batch::new(Claim { partition: 0, generation: 1 });
        for &(device, fix) in rows {
            batch.position(device, fix, self.received, None, fresh);
        }
        let counts = self.writer.write(&[&batch]).await.map_err(failed)?;
        side.add(rows.len() as u64, started);
        let found = if fresh { counts.stored } else { counts.duplicate };
        if found == rows.len() as u64 {
            return Ok(());
        }
        Err(failed(format!("{found} of {} rows were what they should be: {counts:?}", rows.len())))
    }

    /// COPY's side: what it sends was made before the clock runs.
    async fn copy(&self, rows: &[Row<'_>], fresh: bool, side: &mut Side) -> Result<(), SetupError> {
        let chunks = encoded(rows, self.received);
        let statement = if fresh { &self.new } else { &self.replay };
        let started = Instant::now();
        let copied = raw::copy(&self.database, statement, &chunks).await?;
        side.add(copied, started);
        Ok(())
    }
}

/// A fleet's fixes as they arrive: a frame of each tracker in turn.
fn frames(fleet: &Fleet) -> Vec<Row<'_>> {
    let mut rows = Vec::with_capacity(fleet.positions());
    let frames = fleet.tracks[0].fixes.len().div_ceil(FRAME);
    for frame in 0..frames {
        for track in &fleet.tracks {
            let id = DeviceId(fleet::device_id(track.number));
            let device = Device { id, organization: OrganizationId(Uuid::from_u128(1)) };
            let fixes = track.fixes.iter().skip(frame * FRAME).take(FRAME);
            rows.extend(fixes.map(|fix| (device, fix)));
        }
    }
    rows
}

/// As binary COPY has them: PostgreSQL's manual, COPY, "Binary Format".
fn encoded(rows: &[Row<'_>], received: Received) -> Vec<Bytes> {
    let mut chunks = vec![BytesMut::from(&b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"[..])];
    for (device, fix) in rows {
        if chunks.last().is_none_or(|chunk| chunk.len() >= raw::CHUNK) {
            chunks.push(BytesMut::with_capacity(raw::CHUNK + 256));
        }
        let Some(chunk) = chunks.last_mut() else { continue };
        chunk.put_i16(13);
        let mut field = |value: Option<&[u8]>| match value {
            Some(value) => {
                chunk.put_i32(value.len() as i32);
                chunk.put_slice(value);
            }
            None => chunk.put_i32(-1),
        };
        field(Some(device.id.0.as_bytes()));
        field(Some(&micros(fix.time).to_be_bytes()));
        field(Some(&fix.digest().to_be_bytes()));
        field(Some(device.organization.0.as_bytes()));
        field(Some(&micros(received.at).to_be_bytes()));
        field(Some(&fix.lat.to_be_bytes()));
        field(Some(&fix.lon.to_be_bytes()));
        for value in [fix.altitude_m, fix.speed_kmh, fix.course_deg] {
            field(value.map(f32::to_be_bytes).as_ref().map(|bytes| &bytes[..]));
        }
        let satellites = fix.satellites.map(|count| i16::from(count).to_be_bytes());
        field(satellites.as_ref().map(|bytes| &bytes[..]));
        field(Some(&[0]));
        field(Some(&received.trace_id.to_be_bytes()));
    }
    chunks.push(BytesMut::from(&(-1i16).to_be_bytes()[..]));
    chunks.into_iter().map(BytesMut::freeze).collect()
}

fn seconds(time: Timestamp) -> f64 {
    time.as_millis() as f64 / 1000.0
}

/// Microseconds since 2000-01-01, as `timestamptz` has them.
fn micros(time: Timestamp) -> i64 {
    (time.as_millis() - 946_684_800_000) * 1000
}
