//! `panels`: what the extension's panels weigh, and how long a person waits for the map, with the demo
//! race under way on a stack of its own.
//!
//! `tests/browser/measure-panels.ts` measures in Chromium; what it is measured against is the limit that the
//! project sets itself, and Directus's own time for a dashboard without a panel.

use std::sync::Arc;

use biplane_stack::demo::{self, Race};
use biplane_stack::replay::{self, Pace};
use biplane_stack::{Layout, Options, Ports, Progress, SetupError, Stack, prepare};
use clap::Args;

use crate::failed;
use crate::report::Report;
use crate::wasm::measure;

/// Size of the panels, and the time until the live map is drawn.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Pages that are opened for each side.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(5..=1_000))]
    rounds: u32,
}

impl Arguments {
    /// Starts a stack of its own, measures, and stops it.
    pub async fn run(&self, layout: &Layout, progress: &Progress) -> Result<Report, SetupError> {
        let node = prepare(layout, progress, false).await?;
        let data = layout.data.join(format!("bench-{}", std::process::id()));
        let throwaway = Layout::of_checkout(&layout.project, Some(data))?;
        let race = Race::read(&layout.project.join(demo::FOLDER))?;
        let mut stack = Stack::new(&throwaway, Options { ports: Ports::free()?, demo: true })?;
        let work = async {
            let description = stack.start(&node, progress).await?;
            let step = progress.step("Panels in Chromium");
            let rounds = self.rounds.to_string();
            let environment = [
                ("BIPLANE_DIRECTUS_URL", description.directus_url.as_str()),
                ("BIPLANE_ADMIN_EMAIL", &description.admin_email),
                ("BIPLANE_ADMIN_PASSWORD", &description.admin_password),
                ("BIPLANE_ROUNDS", &rounds),
            ];
            let script = layout.project.join("tests/browser/measure-panels.ts");
            let counters = Arc::default();
            let gateway = description.teltonika.parse().map_err(failed)?;
            let flight = async {
                match replay::fly(gateway, &race.tracks, Pace::Times(30.0), &counters).await {
                    Ok(()) => std::future::pending().await,
                    Err(error) => failed(error),
                }
            };
            let figures = tokio::select! {
                measured = measure(&node, &script, &[], &environment, &step) => measured,
                error = flight => Err(error),
                error = stack.watch() => Err(error),
            }?;
            step.done(format!("{} figures", figures.len()));
            Ok(Report::new("panels", figures))
        };
        let outcome = work.await;
        stack.stop().await;
        if outcome.is_ok() {
            throwaway.remove()?;
        }
        outcome
    }
}
