//! What a race came to.

use std::fmt::Write as _;
use std::io::Write;

use biplane_core::Timestamp;
use biplane_core::results::{self, RankBy, Standing, standings};
use biplane_core::shown::duration;
use serde_json::{Value, json};

use super::{Course, Scored};

/// Everything that is told.
pub struct Report<'a> {
    course: &'a Course,
    scored: &'a Scored,
    /// Places of the zones that are raced.
    raced: Vec<usize>,
    /// The device's place in [`Scored::devices`], in the order of the ranking.
    rows: Vec<(usize, Standing)>,
}

impl<'a> Report<'a> {
    /// Ranks the devices by the crossings that count, by time since the own start.
    pub fn new(course: &'a Course, scored: &'a Scored) -> Self {
        let raced = course.raced();
        let mut times: Vec<Vec<Vec<Timestamp>>> =
            vec![vec![Vec::new(); raced.len()]; scored.devices.len()];
        for crossing in &scored.crossings {
            let place = raced.iter().position(|&zone| zone == crossing.zone);
            if let Some(place) = place
                && course.zones[crossing.zone].is_open(crossing.at)
            {
                times[crossing.device][place].push(crossing.at);
            }
        }
        let shape = results::Course {
            starts_at_first: raced.first().is_some_and(|&zone| course.zones[zone].role == "start"),
            gun: None,
            checkpoints: raced.len(),
        };
        let mut rows: Vec<_> =
            standings(&shape, times, RankBy::Elapsed).into_iter().enumerate().collect();
        rows.sort_by(|(one, a), (other, b)| {
            let rank = |standing: &Standing| standing.rank.unwrap_or(usize::MAX);
            rank(a).cmp(&rank(b)).then_with(|| scored.devices[*one].cmp(&scored.devices[*other]))
        });
        Self { course, scored, raced, rows }
    }

    /// CSV of all crossings, in the order in which they were found.
    pub fn write_crossings(&self, file: impl Write) -> Result<(), std::io::Error> {
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(["device_id", "zone", "direction", "time"])?;
        for crossing in &self.scored.crossings {
            writer.write_record([
                self.scored.devices[crossing.device].as_str(),
                &self.course.zones[crossing.zone].zone.to_string(),
                crossing.direction,
                &crossing.at.to_string(),
            ])?;
        }
        writer.flush()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let name = |device: usize| &self.scored.devices[device];
        let results = self.rows.iter().map(|(device, standing)| {
            let splits = self.raced.iter().enumerate().map(|(place, &zone)| {
                json!({
                    "zone": self.course.zones[zone].zone,
                    "time": standing.splits[place],
                    "elapsed_ms": standing.elapsed_ms[place],
                    "gap_ms": standing.gaps_ms[place],
                })
            });
            json!({
                "rank": standing.rank,
                "device_id": name(*device),
                "zones_taken": standing.taken,
                "finished": standing.taken == self.raced.len(),
                "splits": splits.collect::<Vec<_>>(),
            })
        });
        let faulty =
            self.scored.faulty.iter().map(
                |it| json!({ "device_id": name(it.device), "time": it.at, "reason": it.reason }),
            );
        json!({
            "positions": self.scored.positions,
            "devices": self.scored.devices.len(),
            "crossings": self.scored.crossings.len(),
            "late": self.scored.late,
            "faulty": faulty.collect::<Vec<_>>(),
            "results": results.collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub fn table(&self) -> String {
        let Scored { positions, devices, crossings, faulty, late } = self.scored;
        let mut table = format!(
            "{positions} positions of {} devices: {} crossings, {} faulty fixes, {late} late\n\n",
            devices.len(),
            crossings.len(),
            faulty.len(),
        );
        let width = devices.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(6);
        let _ = writeln!(
            table,
            "{:>4}  {:width$}  {:>5}  {:>13}  last",
            "rank", "device", "zones", "elapsed"
        );
        for (device, standing) in &self.rows {
            let last = standing.taken.checked_sub(1);
            let rank = standing.rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string());
            let elapsed = last.and_then(|last| standing.elapsed_ms[last]).map(duration);
            let at = last.and_then(|last| standing.splits[last]).map(|at| at.to_string());
            let _ = writeln!(
                table,
                "{rank:>4}  {:width$}  {:>2}/{:<2}  {:>13}  {}",
                devices[*device],
                standing.taken,
                self.raced.len(),
                elapsed.unwrap_or_default(),
                at.unwrap_or_default(),
            );
        }
        table
    }
}
