//! `npm run -s bench -- <name> --json`: benchmarks of the real stack.
//!
//! Each measures its peer or its limit in the same run and reports a ratio;
//! above 1 means that ours is better.

mod geofence;
mod path;
mod report;
mod wasm;

use std::path::PathBuf;
use std::process::ExitCode;

use biplane_stack::{Layout, Progress, SetupError};
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
    Geofence(geofence::Arguments),
    Path(path::Arguments),
    Wasm(wasm::Arguments),
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
        Bench::Geofence(geofence) => geofence.run(&layout, &progress).await,
        Bench::Path(path) => path.run(&layout, &progress).await,
        Bench::Wasm(wasm) => wasm.run(&layout, &progress).await,
    }
}
