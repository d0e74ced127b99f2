//! `clock`: the clocks of gateway and processor jump at random moments under load, each for itself.
//! They are libfaketime's: the machine's own stays. (Redis does not start under it: its allocator
//! asks for the time before the library is ready.)

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use biplane_stack::fleet::Sequence;
use biplane_stack::{Altered, Description, Layout, Ports, Progress, SetupError};
use clap::Args;

use crate::load::{self, Load};
use crate::{Outcome, failed};

/// Whose clocks jump.
const VICTIMS: [&str; 2] = ["Gateway", "Processor"];
/// Between two jumps, in seconds.
const PAUSE: std::ops::Range<f64> = 0.5..3.0;
/// How far from the machine's clock, in seconds: what a correction does, a wrong time zone, a day.
const JUMPS: [i64; 9] = [-DAY, -3_600, -60, -2, 0, 2, 60, 3_600, DAY];
const DAY: i64 = 86_400;
/// Where Debian has the library.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
];

/// Let the clocks of gateway and processor jump at random moments under load.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How often a clock jumps.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    jumps: u32,
    /// Chooses clocks and moments; from the clock unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    devices: u32,
}

impl Arguments {
    /// Starts a stack of its own under other clocks, lets them jump, counts, and stops it.
    pub async fn run(self, layout: &Layout, progress: &Progress) -> Result<Outcome, SetupError> {
        let library = LIBRARIES.iter().find(|library| Path::new(library).exists());
        let library = library.ok_or_else(|| {
            failed("there is no libfaketime.so.1").advice("install Debian's package `faketime`")
        })?;
        let data = crate::data_folder(layout);
        std::fs::create_dir_all(&data).map_err(failed)?;
        let mut altered = Altered::default();
        let clocks = VICTIMS.map(|name| (name, data.join(format!("clock-of-{name}"))));
        for (name, file) in &clocks {
            set(file, 0)?;
            for (key, value) in [
                ("LD_PRELOAD", (*library).to_owned()),
                ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
                ("FAKETIME_NO_CACHE", "1".to_owned()),
                // Durations are measured by the other clock, which no correction moves.
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ] {
                altered.environment.push((name, key, value));
            }
        }
        let ports = Ports::free()?;
        crate::on_a_stack_of(layout, data, ports, altered, progress, async |_, description| {
            self.torment(&clocks, description, progress).await
        })
        .await
    }

    async fn torment(
        &self,
        clocks: &[(&'static str, PathBuf)],
        description: &Description,
        progress: &Progress,
    ) -> Result<Outcome, SetupError> {
        let seed = self.seed.unwrap_or_else(load::seed_of_the_clock);
        let mut random = Sequence::new(seed);
        let mut plan: Vec<_> = (0..self.jumps)
            .map(|_| (random.within(PAUSE), random.one_of(clocks), *random.one_of(&JUMPS)))
            .collect();
        // By which it is seen that the clocks are those that were set.
        plan.extend(clocks.first().map(|gateway| (PAUSE.end, gateway, DAY)));
        let seconds = plan.iter().map(|(pause, ..)| pause).sum::<f64>() + 10.0;
        let load = Load::new(description, self.devices, seconds).await?;

        let step = progress.step("Jumping");
        let mut times = BTreeMap::new();
        let jumping = async {
            for (number, (pause, (name, file), jump)) in (1..).zip(plan) {
                tokio::time::sleep(Duration::from_secs_f64(pause)).await;
                step.note(format!("{number} of {}: {name} to {jump} s", self.jumps + 1));
                set(file, jump)?;
                *times.entry(*name).or_insert(0) += 1;
            }
            Ok(())
        };
        load.under(jumping).await?;
        step.done(format!("{} jumps", self.jumps));
        let mut outcome = load.count("clock", seed, times, description, progress).await?;
        outcome.ok &= gateway_was_ahead(&load::connect(description).await?).await?;
        Ok(outcome)
    }
}

/// So many seconds from the machine's clock. Whoever reads meanwhile finds the old file or the new.
fn set(file: &Path, seconds: i64) -> Result<(), SetupError> {
    let draft = file.with_extension("draft");
    std::fs::write(&draft, format!("{seconds:+}\n")).map_err(failed)?;
    std::fs::rename(&draft, file).map_err(failed)
}

/// Whether the gateway went by the clock that it was given: else nothing was tried.
async fn gateway_was_ahead(database: &tokio_postgres::Client) -> Result<bool, SetupError> {
    let sql = "SELECT max(received_at) > now() + interval '12 hours' FROM telemetry.positions";
    let row = database.query_one(sql, &[]).await.map_err(failed)?;
    Ok(row.get::<_, Option<bool>>(0).unwrap_or(false))
}
