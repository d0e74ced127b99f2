//! How far a replay is, and what became of it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use biplane_core::shown::duration;
use biplane_core::{Fix, Imei, Timestamp};
use biplane_stack::replay::{Counters, ReplayError};
use biplane_stack::say;
use serde_json::{Value, json};

use super::Speed;
use super::tracks::Track;

/// A replay under way.
pub struct Flight {
    tracks: Vec<Track>,
    speed: Speed,
    gateway: String,
    /// The first and the last recorded time.
    recorded: (Timestamp, Timestamp),
    /// What is added to recorded times, in milliseconds.
    shift_ms: i64,
    /// What the trackers have done.
    pub counters: Arc<Counters>,
    left: RefCell<Vec<Left>>,
    has_shown: Cell<bool>,
}

/// A device that could not go on.
struct Left {
    /// Place in [`Flight::tracks`].
    track: Option<usize>,
    why: String,
}

impl Flight {
    /// Of tracks that have records.
    pub fn new(tracks: Vec<Track>, speed: Speed, gateway: String) -> Self {
        let ends = |track: &Track| Some((track.fixes.first()?.time, track.fixes.last()?.time));
        let recorded = tracks
            .iter()
            .filter_map(ends)
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            .unwrap_or_default();
        Self {
            tracks,
            speed,
            gateway,
            recorded,
            shift_ms: 0,
            counters: Arc::default(),
            left: RefCell::default(),
            has_shown: Cell::new(false),
        }
    }

    /// From the first record to the last.
    pub fn recorded_ms(&self) -> i64 {
        self.recorded.1 - self.recorded.0
    }

    /// Shifts all times so that the last one is this.
    pub fn end_at(&mut self, last: Timestamp) {
        self.shift_ms = last - self.recorded.1;
    }

    /// Who sends what.
    pub fn trackers(&self) -> impl Iterator<Item = (Imei, impl Iterator<Item = Fix> + use<>)> {
        let shift_ms = self.shift_ms;
        self.tracks.iter().map(move |track| {
            let fixes = Arc::clone(&track.fixes);
            let shifted = move |place: usize| {
                let fix = fixes[place].clone();
                Fix { time: fix.time + shift_ms, ..fix }
            };
            (track.imei, (0..track.fixes.len()).map(shifted))
        })
    }

    /// Notes and names a device that can't go on.
    pub fn stays_behind(&self, error: &ReplayError) {
        let imei = match error {
            ReplayError::Refused(imei) | ReplayError::Unsendable { imei, .. } => Some(*imei),
            ReplayError::Broken(_) => None,
        };
        let track = self.tracks.iter().position(|track| Some(track.imei) == imei);
        let why = match error {
            ReplayError::Refused(_) => {
                "the gateway does not know it: it has to be registered and active".to_owned()
            }
            other => other.to_string(),
        };
        self.clear();
        match track.map(|place| &self.tracks[place]) {
            Some(Track { name, imei, .. }) => {
                say(format_args!("refused: {name} (IMEI {imei}): {why}"));
            }
            None => say(format_args!("refused: {why}")),
        }
        self.left.borrow_mut().push(Left { track, why });
    }

    /// Before it begins.
    pub fn announcement(&self) -> String {
        let (first, last) = (self.recorded.0 + self.shift_ms, self.recorded.1 + self.shift_ms);
        let long = match self.speed {
            Speed::Max => "as fast as they are acknowledged".to_owned(),
            Speed::Times(speed) => {
                format!("{speed} times real time: {}", clock(self.speed.takes(self.recorded_ms())))
            }
        };
        format!(
            "{} records of {} devices from {first} to {last}, to {}, {long}",
            self.records(),
            self.tracks.len(),
            self.gateway
        )
    }

    /// Shows every second how far it is, where somebody looks; never returns.
    pub async fn watch(&self, started: Instant) {
        if !std::io::stderr().is_terminal() {
            return std::future::pending().await;
        }
        let mut due = Due::of(&self.tracks, &[]);
        let mut left = 0;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.left.borrow().len() > left {
                let out: Vec<_> = self.left.borrow().iter().filter_map(|it| it.track).collect();
                left = self.left.borrow().len();
                due = Due::of(&self.tracks, &out);
            }
            let Counters { acknowledged, resent, finished } = &*self.counters;
            let acknowledged = acknowledged.load(Relaxed);
            let lag = match self.speed {
                Speed::Max => String::new(),
                Speed::Times(speed) => {
                    let passed_ms = (started.elapsed().as_secs_f64() * 1000.0 * speed) as i64;
                    let lag_ms = due.lag_ms(self.recorded.0 + passed_ms, acknowledged);
                    format!(", lag {}", clock(self.speed.takes(lag_ms)))
                }
            };
            self.has_shown.set(true);
            eprint!(
                "\r\x1b[K  {acknowledged} of {} records, {} frames sent again, {} of {} devices through{lag}",
                self.records(),
                resent.load(Relaxed),
                finished.load(Relaxed),
                self.tracks.len(),
            );
        }
    }

    /// Takes the line of progress away.
    pub fn clear(&self) {
        if self.has_shown.replace(false) {
            eprint!("\r\x1b[K");
        }
    }

    /// What became of it.
    pub fn report(&self, took: Duration, ended_by: Option<&'static str>) -> Report<'_> {
        Report { flight: self, took, ended_by }
    }

    fn records(&self) -> usize {
        self.tracks.iter().map(|track| track.fixes.len()).sum()
    }
}

/// When records are due, as recorded.
struct Due(Vec<Timestamp>);

impl Due {
    /// Of all tracks but those at the places `out`.
    fn of(tracks: &[Track], out: &[usize]) -> Self {
        let flying = tracks.iter().enumerate().filter(|(place, _)| !out.contains(place));
        let fixes = flying.flat_map(|(_, track)| track.fixes.iter());
        let mut times: Vec<_> = fixes.map(|fix| fix.time).collect();
        times.sort_unstable();
        Self(times)
    }

    /// How long ago, by recorded time, as many records were due as are acknowledged and one more.
    fn lag_ms(&self, recorded_now: Timestamp, acknowledged: u64) -> i64 {
        let next = usize::try_from(acknowledged).ok().and_then(|place| self.0.get(place));
        next.map_or(0, |&next| (recorded_now - next).max(0))
    }
}

/// What became of a replay.
pub struct Report<'a> {
    flight: &'a Flight,
    took: Duration,
    /// The signal, where one ended it.
    ended_by: Option<&'static str>,
}

impl Report<'_> {
    /// Whether every record of every device is acknowledged.
    pub fn is_whole(&self) -> bool {
        self.ended_by.is_none() && self.flight.left.borrow().is_empty()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let Self { flight, took, ended_by } = self;
        let counters = &flight.counters;
        let left = flight.left.borrow();
        let refused = left.iter().map(|Left { track, why }| {
            let track = track.map(|place| &flight.tracks[place]);
            json!({
                "device_id": track.map(|track| &track.name),
                "imei": track.map(|track| track.imei.to_string()),
                "why": why,
            })
        });
        json!({
            "ok": self.is_whole(),
            "gateway": flight.gateway,
            "ended_by": ended_by,
            "devices": { "all": flight.tracks.len(), "through": counters.finished.load(Relaxed) },
            "records": {
                "all": flight.records(), "acknowledged": counters.acknowledged.load(Relaxed),
            },
            "frames_resent": counters.resent.load(Relaxed),
            "from": flight.recorded.0 + flight.shift_ms,
            "until": flight.recorded.1 + flight.shift_ms,
            "refused": refused.collect::<Vec<_>>(),
            "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
        })
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flight, took, ended_by } = self;
        let counters = &flight.counters;
        if let Some(signal) = ended_by {
            write!(f, "{signal}: ")?;
        }
        write!(
            f,
            "{} of {} records acknowledged, {} of {} devices through, {} frames sent again, after {:.1} s",
            counters.acknowledged.load(Relaxed),
            flight.records(),
            counters.finished.load(Relaxed),
            flight.tracks.len(),
            counters.resent.load(Relaxed),
            took.as_secs_f64(),
        )?;
        match flight.left.borrow().len() {
            0 => Ok(()),
            refused => write!(f, "; {refused} refused"),
        }
    }
}

/// A time span as h:mm:ss.
fn clock(ms: i64) -> String {
    let mut text = duration(ms);
    text.truncate(text.len().saturating_sub(4));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use biplane_stack::fleet::Fleet;

    fn flight(speed: Speed) -> Flight {
        let tracks = Fleet::new(2, 10).tracks.into_iter().map(|track| Track {
            name: format!("t{}", track.number),
            imei: track.imei,
            fixes: track.fixes.into(),
        });
        Flight::new(tracks.collect(), speed, "here:5027".into())
    }

    #[test]
    fn with_times_of_today_nothing_is_sent_from_the_future() {
        for speed in [Speed::Times(1.0), Speed::Times(3.0), Speed::Max] {
            let mut flight = flight(speed);
            let now = Timestamp::from_millis(1_800_000_000_000);
            flight.end_at(now + speed.takes(flight.recorded_ms()));
            let first = flight.recorded.0;
            for (track, (_, fixes)) in flight.tracks.iter().zip(flight.trackers()) {
                for (recorded, sent) in track.fixes.iter().zip(fixes) {
                    let sent_at = now + speed.takes(recorded.time - first);
                    assert!(sent.time <= sent_at + 1, "{speed:?}: {} at {sent_at}", sent.time);
                }
            }
        }
    }

    #[test]
    fn the_lag_is_the_age_of_what_should_have_been_acknowledged() {
        let flight = flight(Speed::Times(1.0));
        let due = Due::of(&flight.tracks, &[]);
        let first = flight.recorded.0;
        // Two devices, a record a second each: 4 are due by the second second, 6 by the third.
        assert_eq!(due.lag_ms(first + 2_500, 6), 0);
        assert_eq!(due.lag_ms(first + 2_500, 4), 500);
        assert_eq!(due.lag_ms(first + 2_500, 0), 2_500);
        assert_eq!(due.lag_ms(first + 60_000, 20), 0, "all are through");
        assert_eq!(Due::of(&flight.tracks, &[0]).lag_ms(first + 60_000, 10), 0, "one is refused");
    }

    #[test]
    fn a_report_says_how_far_it_came_and_who_was_refused() {
        let flight = flight(Speed::Max);
        flight.counters.acknowledged.store(10, Relaxed);
        flight.counters.finished.store(1, Relaxed);
        let imei = flight.tracks[1].imei;
        flight.stays_behind(&ReplayError::Refused(imei));
        let report = flight.report(Duration::from_millis(1500), None);
        assert!(!report.is_whole());
        assert_eq!(
            report.to_string(),
            "10 of 20 records acknowledged, 1 of 2 devices through, 0 frames sent again, after 1.5 s; 1 refused"
        );
        let told = report.json();
        assert_eq!(told["refused"][0]["device_id"], "t1");
        assert_eq!(told["refused"][0]["imei"], imei.to_string());
        assert_eq!(told["records"], json!({ "all": 20, "acknowledged": 10 }));
        let ended = flight.report(Duration::ZERO, Some("Ctrl-C")).to_string();
        assert!(ended.starts_with("Ctrl-C: 10 of 20 records"), "{ended}");
    }
}
