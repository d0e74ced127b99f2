//! `npm run -s faults -- <name> --json`: what a fault costs. Nothing, or the run fails.

mod clock;
mod commands;
mod cut;
mod directus_down;
mod disk_full;
mod kill;
mod live;
mod load;
mod outbox;
mod proxy;

use std::path::PathBuf;
use std::process::ExitCode;

use biplane_stack::{
    Altered, Description, Layout, Options, Ports, Progress, SetupError, Stack, prepare,
};
use clap::{Parser, Subcommand};
use serde::Serialize;

/// Fault runs of Biplane; the last line of output is one JSON object. Exits 0 only when nothing
/// that a tracker or a client saw acknowledged was lost.
#[derive(Debug, Parser)]
#[command(name = "faults", version, max_term_width = 100)]
struct Arguments {
    #[arg(long, env = "BIPLANE_PROJECT", hide = true)]
    project: Option<PathBuf>,
    /// Accepted as by every bench and fault run; standard output is the JSON object in any case.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    fault: Fault,
}

#[derive(Debug, Subcommand)]
enum Fault {
    Clock(clock::Arguments),
    Commands(commands::Arguments),
    Cut(cut::Arguments),
    DiskFull(disk_full::Arguments),
    DirectusDown(directus_down::Arguments),
    Kill(kill::Arguments),
    Live(live::Arguments),
    Outbox(outbox::Arguments),
}

/// What came of a fault run.
#[derive(Debug, Serialize)]
struct Outcome {
    fault: &'static str,
    /// Gives the same faults at the same times again, as far as the machine allows.
    seed: u64,
    /// Records that trackers, or changes that clients saw acknowledged.
    acknowledged: u64,
    /// Of these, how many have arrived where they belong.
    stored: u64,
    /// Acknowledged and not stored.
    lost: u64,
    /// Beyond one for a record.
    doubled: u64,
    /// Nothing lost, nothing doubled, and the faults did happen.
    ok: bool,
    /// How often each process was killed, each link cut, each clock moved.
    times: std::collections::BTreeMap<&'static str, u32>,
}

// One thread: children end with the thread that started them.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(outcome) => {
            println!("{}", serde_json::to_string(&outcome).expect("plain figures are JSON"));
            if outcome.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("\nfaults: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A fault run on a stack of its own, which is kept when something went wrong: its logs and tables
/// say what.
async fn on_a_stack(
    layout: &Layout,
    progress: &Progress,
    torment: impl AsyncFnOnce(&mut Stack, &Description) -> Result<Outcome, SetupError>,
) -> Result<Outcome, SetupError> {
    let (data, ports) = (data_folder(layout), Ports::free()?);
    on_a_stack_of(layout, data, ports, Altered::default(), progress, torment).await
}

/// The same with its data in `data`, on those ports, and with something in the way of its parts.
async fn on_a_stack_of(
    layout: &Layout,
    data: PathBuf,
    ports: Ports,
    altered: Altered,
    progress: &Progress,
    torment: impl AsyncFnOnce(&mut Stack, &Description) -> Result<Outcome, SetupError>,
) -> Result<Outcome, SetupError> {
    let node = prepare(layout, progress, false).await?;
    let throwaway = Layout::of_checkout(&layout.project, Some(data))?;
    let mut stack = Stack::new(&throwaway, Options { ports, demo: false })?.altered(altered);
    let outcome = match stack.start(&node, progress).await {
        Ok(description) => torment(&mut stack, &description).await,
        Err(error) => Err(error),
    };
    stack.stop().await;
    if outcome.as_ref().is_ok_and(|outcome| outcome.ok) {
        throwaway.remove()?;
    }
    outcome
}

/// Of this run alone.
fn data_folder(layout: &Layout) -> PathBuf {
    layout.data.join(format!("faults-{}", std::process::id()))
}

fn failed(why: impl std::fmt::Display) -> SetupError {
    SetupError::new("Fault run", why)
}

async fn run(arguments: Arguments) -> Result<Outcome, SetupError> {
    let start = arguments.project.or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let layout = Layout::of_checkout(&start, None)?;
    let progress = Progress::default();
    match arguments.fault {
        Fault::Clock(clock) => clock.run(&layout, &progress).await,
        Fault::Commands(commands) => commands.run(&layout, &progress).await,
        Fault::Cut(cut) => cut.run(&layout, &progress).await,
        Fault::DiskFull(full) => full.run(&layout, &progress).await,
        Fault::DirectusDown(down) => down.run(&layout, &progress).await,
        Fault::Kill(kill) => kill.run(&layout, &progress).await,
        Fault::Live(live) => live.run(&layout, &progress).await,
        Fault::Outbox(outbox) => outbox.run(&layout, &progress).await,
    }
}
