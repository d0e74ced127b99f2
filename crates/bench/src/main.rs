//! `npm run -s bench -- <name> --json`: benchmarks of the real stack.
//!
//! Each measures its peer or its limit in the same run and reports a ratio;
//! above 1 means that ours is better.

mod commands;
mod cpu;
mod geofence;
mod live;
mod panels;
mod path;
mod raw;
mod report;
mod sockets;
mod wasm;
mod writer;

use std::path::PathBuf;
use std::process::ExitCode;

use biplane_stack::{
    Altered, Description, Layout, Options, Ports, Progress, SetupError, Stack, prepare,
};
use clap::{Parser, Subcommand};

/// Benchmarks of Biplane; the last line of output is one JSON object.
#[derive(Debug, Parser)]
#[command(name = "bench", version, max_term_width = 100)]
struct Arguments {
    #[arg(long, env = "BIPLANE_PROJECT", hide = true)]
    project: Option<PathBuf>,
    /// Print only the JSON object.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    Commands(commands::Arguments),
    Geofence(geofence::Arguments),
    Live(live::Arguments),
    Panels(panels::Arguments),
    Path(path::Arguments),
    Sockets(sockets::Arguments),
    Wasm(wasm::Arguments),
    Writer(writer::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(report) => {
            if !arguments.json {
                eprint!("{}", report.table());
            }
            println!("{}", report.json());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("\nbench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<report::Report, SetupError> {
    let start =
        arguments.project.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let layout = Layout::of_checkout(&start, None)?;
    let progress = Progress::default();
    match &arguments.bench {
        Bench::Commands(commands) => commands.run(&layout, &progress).await,
        Bench::Geofence(geofence) => geofence.run(&layout, &progress).await,
        Bench::Live(live) => live.run(&layout, &progress).await,
        Bench::Panels(panels) => panels.run(&layout, &progress).await,
        Bench::Path(path) => path.run(&layout, &progress).await,
        Bench::Sockets(sockets) => sockets.run(&layout, &progress).await,
        Bench::Wasm(wasm) => wasm.run(&layout, &progress).await,
        Bench::Writer(writer) => writer.run(&layout, &progress).await,
    }
}

/// A measurement on a stack of its own, which is kept when something went wrong.
async fn on_a_stack(
    layout: &Layout,
    progress: &Progress,
    measure: impl AsyncFnOnce(&Description) -> Result<report::Report, SetupError>,
) -> Result<report::Report, SetupError> {
    on_an_altered_stack(layout, progress, Altered::default(), measure).await
}

/// The same with something of the stack changed.
async fn on_an_altered_stack(
    layout: &Layout,
    progress: &Progress,
    altered: Altered,
    measure: impl AsyncFnOnce(&Description) -> Result<report::Report, SetupError>,
) -> Result<report::Report, SetupError> {
    let node = prepare(layout, progress, false).await?;
    let data = layout.data.join(format!("bench-{}", std::process::id()));
    let throwaway = Layout::of_checkout(&layout.project, Some(data))?;
    let options = Options { ports: Ports::free()?, demo: false };
    let mut stack = Stack::new(&throwaway, options)?.altered(altered);
    let outcome = match stack.start(&node, progress).await {
        Ok(description) => tokio::select! {
            outcome = measure(&description) => outcome,
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
