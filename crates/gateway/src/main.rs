//! `biplane-gateway`: the library's gateway, configured from arguments and environment.

use std::error::Error;
use std::io::IsTerminal;
use std::process::ExitCode;

use biplane_gateway::{Config, LogFormat, Options, run};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("biplane-gateway: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), Box<dyn Error>> {
    let config = Config::try_from(Options::parse())?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // A log that can't be written to, on a full disk say, must end nothing.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    raise_file_limit(config.max_connections);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        run(config, shutdown).await.map_err(Into::into)
    })
}

/// Every connection is a file, and the usual limit of 1,024 is soft.
fn raise_file_limit(connections: usize) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let wanted = connections as u64 + 256;
    if soft >= wanted {
        return;
    }
    // Beyond the hard limit only a privileged process gets.
    let raise = |limit: u64| setrlimit(Resource::RLIMIT_NOFILE, limit, hard.max(limit));
    if raise(wanted).is_err() {
        let _ = raise(hard);
        tracing::info!(
            files = hard,
            connections,
            "fewer files may be open than connections are allowed; raise it by ulimit -Hn"
        );
    }
}
