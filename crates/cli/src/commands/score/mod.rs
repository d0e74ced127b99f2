//! `biplane score`: the processor's own timing, over a file instead of a stream.

mod course;
mod report;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use biplane_core::Timestamp;
use biplane_core::geofence::FenceIndex;
use biplane_core::plausibility::{Fault, Plausibility};
use biplane_core::timing::{Device, Setup, Tracker, Verdict};
use biplane_stack::say;
use clap::Args;
use uuid::Uuid;

use super::positions::{Positions, Row, of_file};
use course::Course;
use report::Report;

/// Time a race from a file of positions: crossings, splits, results and faulty fixes.
///
/// It is what the processor would make of the same positions in the same order, to the millisecond.
/// Positions of several devices may be mixed. Gzip and xz are read by their extension.
///
/// Exit codes: 0 all was read; 2 the positions or the course can't be.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// CSV with a header: device_id, ts_iso (or time), lat, lon; alt is optional; .csv, .csv.gz, .csv.xz.
    positions: PathBuf,
    /// The course: {"tasks": [{"id", "zones": [{"zone", "role", "lat", "lon", "radius_m", "open", "close"}]}]}.
    #[arg(long, value_name = "FILE")]
    course: PathBuf,
    /// Which task of the course, by its id; needed where it has several.
    #[arg(long, value_name = "ID")]
    task: Option<u32>,
    /// Write all crossings to a file: CSV device_id,zone,direction,time.
    #[arg(long, value_name = "FILE")]
    crossings: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  biplane score race.csv.gz --course course.json
  biplane score race.csv.xz --course course.json --crossings crossings.csv --json

A zone counts from `open` to `close`, both included where they are given; crossings outside of that
are listed, and count for nobody. Zones are taken in the order of their numbers; a zone with the role
`launch` is no part of the race, and one with the role `start` begins everyone's own time.";

/// A crossing of a zone's border.
struct Crossed {
    /// Place in [`Scored::devices`].
    device: usize,
    /// Place in [`Course::zones`].
    zone: usize,
    direction: &'static str,
    at: Timestamp,
}

/// A fix that is not believed.
struct Faulty {
    device: usize,
    at: Timestamp,
    reason: &'static str,
}

/// All that a file says.
#[derive(Default)]
struct Scored {
    positions: u64,
    /// By first appearance.
    devices: Vec<String>,
    crossings: Vec<Crossed>,
    faulty: Vec<Faulty>,
    /// Not later than what was known of their device: believed, and made nothing.
    late: u64,
}

impl Arguments {
    /// Reads, times and prints.
    pub fn run(&self) -> ExitCode {
        match self.score() {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                say(format_args!("\nbiplane: {why}"));
                ExitCode::from(2)
            }
        }
    }

    fn score(&self) -> Result<(), String> {
        let course = Course::read(&self.course, self.task)?;
        let scored = Scored::of(Positions::open(&self.positions)?, &course)
            .map_err(|why| of_file(&self.positions, why))?;
        let report = Report::new(&course, &scored);
        if let Some(file) = &self.crossings {
            let write = || report.write_crossings(std::fs::File::create(file)?);
            write().map_err(|error| of_file(file, error))?;
        }
        if self.json {
            println!("{}", report.json());
        } else {
            print!("{}", report.table());
        }
        Ok(())
    }
}

impl Scored {
    /// Each device has its own tracker, as in the processor; what a fix says is received at once.
    fn of(positions: Positions, course: &Course) -> Result<Self, String> {
        let owner = Device { id: Uuid::nil().into(), organization: Uuid::nil().into() };
        let fences = HashMap::from([(owner.organization, FenceIndex::new(course.fences()))]);
        let setup = Setup { fences, ..Setup::default() };
        let limits = Plausibility::default();
        let mut scored = Self::default();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut trackers: Vec<Tracker> = Vec::new();
        let mut found = Vec::new();
        for row in positions {
            let Row { device: name, fix, .. } = row?;
            let device = match known.get(&name) {
                Some(&device) => device,
                None => {
                    known.insert(name.clone(), trackers.len());
                    scored.devices.push(name);
                    trackers.push(Tracker::default());
                    trackers.len() - 1
                }
            };
            scored.positions += 1;
            let verdict =
                trackers[device].observe(&fix, fix.time, owner, &setup, &limits, &mut found);
            let faulty = |reason| Faulty { device, at: fix.time, reason };
            match verdict {
                Verdict::Moved => {}
                Verdict::Late => scored.late += 1,
                Verdict::Faulty(fault) => scored.faulty.push(faulty(Fault::as_str(fault))),
                Verdict::Quarantined(reason) => scored.faulty.push(faulty(reason.as_str())),
            }
            scored.crossings.extend(found.drain(..).map(|crossing| Crossed {
                device,
                zone: crossing.geofence.0.as_u128() as usize,
                direction: crossing.direction.as_str(),
                at: crossing.crossed_at,
            }));
        }
        if scored.positions == 0 {
            return Err("it has no positions".to_owned());
        }
        Ok(scored)
    }
}
