//! What `/metrics` shows, and what readiness is made of.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use biplane_core::plausibility::Fault;

/// Counts since the start. All are read and written without order among each other.
#[derive(Debug, Default)]
pub struct Metrics {
    /// New rows in `telemetry.positions`.
    pub stored: AtomicU64,
    /// Positions that were there already.
    pub duplicate: AtomicU64,
    /// New rows in `telemetry.quarantine`.
    pub quarantined: AtomicU64,
    /// New rows in `crossings`.
    pub crossings: AtomicU64,
    /// Positions that came after a later one.
    pub late: AtomicU64,
    /// Positions marked faulty, as in [`Fault::ALL`].
    pub faulty: [AtomicU64; Fault::ALL.len()],
    /// Transactions.
    pub batches: AtomicU64,
    /// Entries in the dead letters: no frames.
    pub poison: AtomicU64,
    /// Entries in the dead letters: frames of devices that are not active.
    pub unknown: AtomicU64,
    /// Times that a partition was found to have another owner when it was to be written.
    pub fenced: AtomicU64,
    /// Live items that were not published: the feed was behind or away.
    pub unpublished: AtomicU64,
    /// Live clients that are connected.
    pub live_connections: AtomicU64,
    /// Positions sent to live clients, counted for each subscription.
    pub live_positions: AtomicU64,
    /// Crossings, alerts and the like sent to live clients, counted for each subscription.
    pub live_events: AtomicU64,
    /// Times that a live client was closed because it read too slowly.
    pub live_behind: AtomicU64,
    /// Times that the setup was read.
    pub setups: AtomicU64,
    /// Partitions that this process owns.
    pub partitions: AtomicU64,
    /// Entries of owned partitions that are not written yet.
    pub lag: AtomicU64,
    /// Milliseconds that the oldest of them has been in the log.
    pub lag_ms: AtomicU64,
    /// Positions a batch.
    pub batch_positions: Histogram<BatchSizes>,
    /// Seconds to decide on a batch, what had to be read for it included.
    pub decide_seconds: Histogram<Seconds>,
    /// Seconds to tell the log what is written.
    pub commit_seconds: Histogram<Seconds>,
    /// Seconds to write a batch, retries included.
    pub write_seconds: Histogram<Seconds>,
    /// Seconds from the gateway's having a frame to its rows' being committed.
    pub frame_to_row_seconds: Histogram<Seconds>,
    /// Orders to time stored positions again that were carried out.
    pub recomputes: AtomicU64,
    /// Such orders that wait, of all processors; 1,000 at most.
    pub recomputes_open: AtomicU64,
    /// Seconds to carry out those of one device.
    pub recompute_seconds: Histogram<Seconds>,
    /// New rows in `alerts` of what gateways saw.
    pub alerts: AtomicU64,
    /// Reports on commands that Directus took or refused for good.
    pub commands_reported: AtomicU64,
    /// Notices that a Flow took.
    pub notices: AtomicU64,
    /// Notices that a Flow refused for good.
    pub notices_given_up: AtomicU64,
    /// Partitions of positions, a day each, that were made ahead.
    pub days_made: AtomicU64,
    /// Partitions of positions that were dropped, their retention being over.
    pub days_dropped: AtomicU64,
    /// Rows of `telemetry.quarantine` that were deleted for the same reason.
    pub quarantine_forgotten: AtomicU64,
    /// Times that partitions could not be made or dropped.
    pub upkeep_failures: AtomicU64,
    /// Whether a setup was read.
    pub(crate) has_setup: AtomicBool,
    /// Whether the database or the log is away.
    pub(crate) database_away: AtomicBool,
    pub(crate) log_away: AtomicBool,
}

/// Upper bounds of a histogram's buckets.
pub trait Buckets {
    /// Rising.
    const BOUNDS: [f64; 8];
}

/// For positions a batch.
#[derive(Debug, Default)]
pub struct BatchSizes;
impl Buckets for BatchSizes {
    const BOUNDS: [f64; 8] = [1.0, 10.0, 100.0, 500.0, 1e3, 2e3, 5e3, 1e4];
}

/// For durations.
#[derive(Debug, Default)]
pub struct Seconds;
impl Buckets for Seconds {
    const BOUNDS: [f64; 8] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 2.0, 10.0];
}

/// A Prometheus histogram.
#[derive(Debug, Default)]
pub struct Histogram<B> {
    counts: [AtomicU64; 9],
    thousandths: AtomicU64,
    buckets: std::marker::PhantomData<B>,
}

impl<B: Buckets> Histogram<B> {
    /// Counts `times` observations of the same value.
    pub fn observe(&self, value: f64, times: u64) {
        let bucket = B::BOUNDS.iter().position(|&bound| value <= bound).unwrap_or(B::BOUNDS.len());
        self.counts[bucket].fetch_add(times, Relaxed);
        self.thousandths.fetch_add((value * 1000.0) as u64 * times, Relaxed);
    }

    fn render(&self, out: &mut String, name: &str) {
        let mut sum = 0;
        line(out, format_args!("# TYPE {name} histogram"));
        for (n, count) in self.counts.iter().enumerate() {
            sum += count.load(Relaxed);
            let bound = B::BOUNDS.get(n).map_or("+Inf".to_owned(), f64::to_string);
            line(out, format_args!("{name}_bucket{{le=\"{bound}\"}} {sum}"));
        }
        let total = self.thousandths.load(Relaxed) as f64 / 1000.0;
        line(out, format_args!("{name}_sum {total}\n{name}_count {sum}"));
    }
}

fn line(out: &mut String, text: impl Display) {
    let _ = writeln!(out, "{text}");
}

impl Metrics {
    pub(crate) fn is_ready(&self) -> bool {
        self.has_setup.load(Relaxed)
            && !self.database_away.load(Relaxed)
            && !self.log_away.load(Relaxed)
    }

    pub(crate) fn observe_write(&self, took: Duration, positions: usize) {
        self.batches.fetch_add(1, Relaxed);
        self.batch_positions.observe(positions as f64, 1);
        self.write_seconds.observe(took.as_secs_f64(), 1);
    }

    /// In Prometheus's text format.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for (name, counter) in [
            ("positions_stored", &self.stored),
            ("positions_duplicate", &self.duplicate),
            ("positions_quarantined", &self.quarantined),
            ("positions_late", &self.late),
            ("crossings", &self.crossings),
            ("batches", &self.batches),
            ("log_entries_poison", &self.poison),
            ("log_entries_of_unknown_devices", &self.unknown),
            ("partitions_fenced", &self.fenced),
            ("live_items_unpublished", &self.unpublished),
            ("live_positions_sent", &self.live_positions),
            ("live_events_sent", &self.live_events),
            ("live_clients_behind", &self.live_behind),
            ("setup_reads", &self.setups),
            ("recomputes", &self.recomputes),
            ("alerts", &self.alerts),
            ("commands_reported", &self.commands_reported),
            ("notices", &self.notices),
            ("notices_given_up", &self.notices_given_up),
            ("position_days_made", &self.days_made),
            ("position_days_dropped", &self.days_dropped),
            ("quarantine_forgotten", &self.quarantine_forgotten),
            ("upkeep_failures", &self.upkeep_failures),
        ] {
            let value = counter.load(Relaxed);
            line(
                &mut out,
                format_args!("# TYPE biplane_{name}_total counter\nbiplane_{name}_total {value}"),
            );
        }
        line(&mut out, "# TYPE biplane_positions_faulty_total counter");
        for (fault, counter) in Fault::ALL.iter().zip(&self.faulty) {
            let (reason, value) = (fault.as_str(), counter.load(Relaxed));
            line(
                &mut out,
                format_args!("biplane_positions_faulty_total{{reason=\"{reason}\"}} {value}"),
            );
        }
        for (name, gauge) in [
            ("partitions_owned", &self.partitions),
            ("log_lag_entries", &self.lag),
            ("live_connections", &self.live_connections),
            ("recomputes_open", &self.recomputes_open),
        ] {
            let value = gauge.load(Relaxed);
            line(&mut out, format_args!("# TYPE biplane_{name} gauge\nbiplane_{name} {value}"));
        }
        for (name, away) in [("database_away", &self.database_away), ("log_away", &self.log_away)] {
            let value = u8::from(away.load(Relaxed));
            line(&mut out, format_args!("# TYPE biplane_{name} gauge\nbiplane_{name} {value}"));
        }
        let lag = self.lag_ms.load(Relaxed) as f64 / 1000.0;
        line(
            &mut out,
            format_args!("# TYPE biplane_log_lag_seconds gauge\nbiplane_log_lag_seconds {lag}"),
        );
        self.batch_positions.render(&mut out, "biplane_batch_positions");
        self.decide_seconds.render(&mut out, "biplane_decide_seconds");
        self.commit_seconds.render(&mut out, "biplane_commit_seconds");
        self.write_seconds.render(&mut out, "biplane_write_seconds");
        self.recompute_seconds.render(&mut out, "biplane_recompute_seconds");
        self.frame_to_row_seconds.render(&mut out, "biplane_frame_to_row_seconds");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_faults_are_told_by_reason() {
        let metrics = Metrics::default();
        metrics.observe_write(Duration::from_millis(30), 700);
        metrics.observe_write(Duration::from_secs(60), 20_000);
        metrics.faulty[4].fetch_add(3, Relaxed);
        let text = metrics.render();
        for line in [
            "biplane_batch_positions_bucket{le=\"500\"} 0",
            "biplane_batch_positions_bucket{le=\"1000\"} 1",
            "biplane_batch_positions_bucket{le=\"+Inf\"} 2",
            "biplane_write_seconds_sum 60.03",
            "biplane_positions_faulty_total{reason=\"impossible_speed\"} 3",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
    }
}
