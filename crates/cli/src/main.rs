//! The `biplane` tool.

mod commands;
mod installation;
mod signals;

use std::path::PathBuf;
use std::process::ExitCode;

use biplane_stack::{Layout, SetupError, say};
use clap::{Parser, Subcommand};

/// Device telemetry with a back office: brings it up, tests it, replays races through it.
#[derive(Debug, Parser)]
#[command(name = "biplane", version, max_term_width = 100)]
struct Arguments {
    /// The checkout; the one that holds the working folder unless given.
    #[arg(long, env = "BIPLANE_PROJECT", hide = true)]
    project: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(commands::up::Arguments),
    Schema(commands::schema::Arguments),
    DbInit(commands::db_init::Arguments),
    Boot(commands::boot::Arguments),
    Test(commands::test::Arguments),
    Lint(commands::lint::Arguments),
    Check(commands::check::Arguments),
    #[command(name = "command")]
    Tell(commands::command::Arguments),
    Decode(commands::decode::Arguments),
    Score(commands::score::Arguments),
    Replay(commands::replay::Arguments),
    DeadLetters(commands::dead_letters::Arguments),
    Quarantine(commands::quarantine::Arguments),
}

// One thread: children end with the thread that started them, and no step here needs two.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let start = arguments.project.or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let layout = |data: Option<PathBuf>| Layout::of_checkout(&start, data);
    let result: Result<ExitCode, SetupError> = match arguments.command {
        Command::Up(up) => match layout(up.data.clone()) {
            Ok(layout) => up.run(&layout).await,
            Err(error) => Err(error),
        },
        Command::Schema(schema) => schema.run(&start).await,
        Command::DbInit(db_init) => db_init.run(&start).await,
        Command::Boot(boot) => boot.run().await,
        Command::Check(check) => Ok(check.run(&start)),
        Command::Tell(command) => command.run(&start).await,
        Command::Decode(decode) => Ok(decode.run()),
        Command::Score(score) => Ok(score.run()),
        Command::Replay(replay) => Ok(replay.run(&start).await),
        Command::DeadLetters(dead_letters) => dead_letters.run().await,
        Command::Quarantine(quarantine) => quarantine.run().await,
        Command::Test(test) => match layout(None) {
            Ok(layout) => test.run(&layout).await,
            Err(error) => Err(error),
        },
        Command::Lint(lint) => match layout(None) {
            Ok(layout) => lint.run(&layout).await,
            Err(error) => Err(error),
        },
    };
    result.unwrap_or_else(|error| {
        say(format_args!("\nbiplane: {error}"));
        ExitCode::FAILURE
    })
}
