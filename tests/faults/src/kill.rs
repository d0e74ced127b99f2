//! `kill`: kill -9 of every process of a stack at random moments under load.
//!
//! Proves what survives a crash of a process. It proves nothing about a loss of power: what the
//! kernel has, a killed process leaves behind.

use std::collections::BTreeMap;
use std::time::Duration;

use biplane_stack::fleet::Sequence;
use biplane_stack::{Description, Layout, Progress, SetupError, Stack};
use clap::Args;

use crate::Outcome;
use crate::load::{self, Load};

/// What is killed, by the names that the stack gives them.
const VICTIMS: [&str; 5] = ["Gateway", "Processor", "Redis", "PostgreSQL", "Directus"];
/// Between two kills, in seconds.
const PAUSE: std::ops::Range<f64> = 0.5..3.0;

/// Kill gateway, processor, Redis, PostgreSQL and Directus at random moments under load.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How often something is killed.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    kills: u32,
    /// Chooses victims and moments; from the clock unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    devices: u32,
}

impl Arguments {
    /// Starts a stack of its own, torments it, counts, and stops it.
    pub async fn run(self, layout: &Layout, progress: &Progress) -> Result<Outcome, SetupError> {
        crate::on_a_stack(layout, progress, async |stack, description| {
            self.torment(stack, description, progress).await
        })
        .await
    }

    async fn torment(
        self,
        stack: &mut Stack,
        description: &Description,
        progress: &Progress,
    ) -> Result<Outcome, SetupError> {
        let seed = self.seed.unwrap_or_else(load::seed_of_the_clock);
        let mut random = Sequence::new(seed);
        let plan: Vec<_> =
            (0..self.kills).map(|_| (random.within(PAUSE), *random.one_of(&VICTIMS))).collect();
        // Long enough that the last kill still finds trackers at work.
        let seconds = plan.iter().map(|(pause, _)| pause + 1.0).sum::<f64>() + 10.0;
        let load = Load::new(description, self.devices, seconds).await?;

        let step = progress.step("Killing");
        let mut kills = BTreeMap::new();
        let killing = async {
            for (number, (pause, victim)) in (1..).zip(plan) {
                tokio::time::sleep(Duration::from_secs_f64(pause)).await;
                step.note(format!("{number} of {}: {victim}", self.kills));
                stack.crash(victim).await?;
                *kills.entry(victim).or_insert(0) += 1;
            }
            Ok(())
        };
        load.under(killing).await?;
        step.done(format!("{} kills", self.kills));
        load.count("kill", seed, kills, description, progress).await
    }
}
