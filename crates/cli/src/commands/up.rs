//! `biplane up`: everything, from an empty machine to a race on the screen.

use std::cell::Cell;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use biplane_stack::demo::{self, Race};
use biplane_stack::directus::{Client, login_failed};
use biplane_stack::replay::{self, Counters, Pace};
use biplane_stack::{
    Description, Layout, Options, Ports, Progress, SetupError, Stack, prepare, say,
};
use clap::Args;
use serde_json::{Value, json};

use crate::signals::asked_to_stop;

/// Set everything up, start it, and replay the demo race.
#[derive(Debug, Args)]
#[command(after_help = Ports::help())]
pub struct Arguments {
    /// How fast the race passes: so many recorded seconds in one.
    #[arg(long, default_value_t = 30.0, value_parser = speed)]
    speed: f64,
    /// Start everything, but leave the demo race alone.
    #[arg(long, conflicts_with = "check")]
    no_demo: bool,
    /// Replay as fast as it goes, wait until positions and crossings came all the way, print
    /// one JSON object and stop. Exits 0 only when they did.
    #[arg(long)]
    check: bool,
    /// Where databases, secrets and logs are kept [default: .biplane/ in the checkout].
    #[arg(long, env = "BIPLANE_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.1..=10_000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 0.1 to 10000".into()),
    }
}

impl Arguments {
    /// Runs until Ctrl-C, or to the end of the check.
    pub async fn run(self, layout: &Layout) -> Result<ExitCode, SetupError> {
        let started = Instant::now();
        let progress = Progress::default();
        let options = Options { ports: Ports::from_environment()?, demo: !self.no_demo };
        // The ports first: nobody wants to hear of a taken one after ten minutes of compiling.
        let mut stack = Stack::new(layout, options)?;
        let mut stop = std::pin::pin!(asked_to_stop());

        let is_up = Cell::new(false);
        let work = async {
            let node = prepare(layout, &progress, false).await?;
            let installed = started.elapsed();
            let description = stack.start(&node, &progress).await?;
            let race = Race::read(&layout.project.join(demo::FOLDER))?;
            is_up.set(true);
            tokio::select! {
                error = stack.watch() => Err(error),
                outcome = async {
                    if self.check {
                        let clock = Clock { started, installed };
                        check(layout, &description, &race, &progress, clock).await
                    } else {
                        self.show(&description, &race, started).await
                    }
                } => outcome,
            }
        };
        let outcome = tokio::select! {
            outcome = work => outcome.map(Some),
            signal = &mut stop => {
                say(format_args!("{}: stopping …", signal.name));
                Ok(None)
            }
        };
        tokio::select! {
            () = stack.stop() => {}
            // Ctrl-C may come twice at once: from the terminal, and handed on by npm.
            () = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                asked_to_stop().await;
            } => say("not waiting any longer"),
        }
        match outcome? {
            Some(report) => {
                println!("{report}");
                Ok(ExitCode::SUCCESS)
            }
            // Who ends a running stack has what they wanted; who ends its set-up hasn't.
            None if is_up.get() && !self.check => Ok(ExitCode::SUCCESS),
            None => Ok(ExitCode::from(130)),
        }
    }

    /// Says where everything is and replays the race; never returns but with an error.
    async fn show(
        &self,
        description: &Description,
        race: &Race,
        started: Instant,
    ) -> Result<Value, SetupError> {
        let dashboard = format!("{}/admin/insights/{}", description.directus_url, RACE_CONTROL);
        println!("\nBiplane is up after {:.0} s.\n", started.elapsed().as_secs_f64());
        println!("  Race client     {}/biplane/app/", description.directus_url);
        println!("  Race control    {dashboard}");
        println!("  Administrator   {}  {}", description.admin_email, description.admin_password);
        println!(
            "  Operator        {}  {}",
            description.operator_email, description.operator_password
        );
        println!("  Live channel    {}", description.live_url);
        println!("  Devices         {} (Teltonika over TCP and UDP)", description.teltonika);
        println!("  Phones          {} (OsmAnd, with a device's token)", description.osmand_url);
        println!(
            "  Metrics         {0}/metrics  {1}/metrics",
            description.gateway_http, description.processor_http
        );
        if !self.no_demo {
            self.replay(description, race).await?;
        }
        println!("\nCtrl-C stops everything.");
        std::future::pending().await
    }

    async fn replay(&self, description: &Description, race: &Race) -> Result<(), SetupError> {
        let minutes =
            race.times().map_or(0.0, |(first, last)| (last - first) as f64 / 60_000.0 / self.speed);
        println!(
            "  Replay          {}: {} competitors, {} positions at {} times real time, {minutes:.0} min",
            race.name,
            race.tracks.len(),
            race.fixes(),
            self.speed,
        );
        println!("\nCtrl-C stops everything.");
        let counters = Arc::new(Counters::default());
        let watch = async {
            if !std::io::stderr().is_terminal() {
                return std::future::pending().await;
            }
            loop {
                let acknowledged = counters.acknowledged.load(Ordering::Relaxed);
                eprint!("\r  {acknowledged} of {} positions acknowledged ", race.fixes());
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        tokio::select! {
            flown = replay::fly(address(description)?, &race.tracks, Pace::Times(self.speed), &counters) => {
                flown.map_err(|error| SetupError::new("Replay", error))?;
            }
            () = watch => {}
        }
        println!("\n  The race is over: {} positions. Start again to fly it again.", race.fixes());
        Ok(())
    }
}

/// The dashboard "Race control" of `config/directus_dashboards.json`.
const RACE_CONTROL: &str = "67eac3f7-df74-59b2-bec1-3474c5cff266";

fn address(description: &Description) -> Result<SocketAddr, SetupError> {
    description.teltonika.parse().map_err(|error| SetupError::new("Replay", error))
}

/// When the command began, and how long installing and building took.
struct Clock {
    started: Instant,
    installed: Duration,
}

/// Waits until the whole race came from the devices to the table, the live channel and Directus.
async fn check(
    layout: &Layout,
    description: &Description,
    race: &Race,
    progress: &Progress,
    clock: Clock,
) -> Result<Value, SetupError> {
    const PATIENCE: Duration = Duration::from_secs(120);
    let step = progress.step("Race through the stack");
    let failed = |why: &dyn std::fmt::Display| SetupError::new("Check", why);
    let operator = Client::log_in(
        &description.directus_url,
        &description.operator_email,
        &description.operator_password,
    )
    .await
    .map_err(|error| {
        login_failed("Check", &description.operator_email, &layout.secret("operator"), &error)
    })?;
    let token = operator.token().unwrap_or_default();
    let event = demo::event_id().to_string();
    let (live, reading) =
        biplane_stack::live::follow(&description.live_url, token, &json!({ "event": event }))
            .await?;

    let counters = Arc::new(Counters::default());
    let replayed = Instant::now();
    let flying = replay::fly(address(description)?, &race.tracks, Pace::Unlimited, &counters);
    tokio::time::timeout(PATIENCE, flying)
        .await
        .map_err(|_| failed(&"the trackers are not done after 120 s"))?
        .map_err(|error| failed(&error))?;
    let acknowledged = counters.acknowledged.load(Ordering::Relaxed);
    let flown = replayed.elapsed();

    let (database, connection) =
        tokio_postgres::connect(&description.database_url, tokio_postgres::NoTls)
            .await
            .map_err(|error| failed(&error))?;
    let connection = tokio::spawn(connection);
    let deadline = Instant::now() + PATIENCE;
    let crossings_path = format!("/items/crossings?filter[event][_eq]={event}&aggregate[count]=*");
    let devices: Vec<_> = race.tracks.iter().map(|track| demo::device_id(track.number).0).collect();
    let mut report = loop {
        let stored: i64 = database
            .query_one(
                "SELECT count(*) FROM telemetry.positions WHERE device = ANY($1)",
                &[&devices],
            )
            .await
            .map_err(|error| failed(&error))?
            .get(0);
        let answer = operator.read(&crossings_path).await.map_err(|error| failed(&error))?;
        let count = &answer[0]["count"];
        let crossings = count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap_or(0);
        let positions_live = live.positions.load(Ordering::Relaxed);
        let crossings_live = live.crossings.load(Ordering::Relaxed);
        step.note(format!("{stored} stored, {crossings} crossings, {positions_live} live"));
        let all = u64::try_from(stored).unwrap_or(0) >= acknowledged;
        if all && crossings > 0 && positions_live > 0 && crossings_live >= crossings {
            break json!({
                "ok": true,
                "positions": { "sent": race.fixes(), "acknowledged": acknowledged, "stored": stored, "live": positions_live },
                "crossings": { "directus": crossings, "live": crossings_live },
            });
        }
        if Instant::now() > deadline {
            return Err(failed(&format!(
                "after 120 s: {acknowledged} positions acknowledged, {stored} stored, {positions_live} seen live; {crossings} crossings in Directus, {crossings_live} seen live"
            )));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    reading.abort();
    connection.abort();
    step.done(format!("{acknowledged} positions acknowledged and stored"));
    let seconds = |duration: Duration| (duration.as_secs_f64() * 10.0).round() / 10.0;
    report["seconds"] = json!({
        "total": seconds(clock.started.elapsed()),
        "install_and_build": seconds(clock.installed),
        "replay": seconds(flown),
        "through": seconds(replayed.elapsed()),
        "steps": progress.times(),
    });
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dashboard_that_is_shown_is_the_one_in_config() {
        let dashboards = include_str!("../../../../config/directus_dashboards.json");
        let dashboards: Value = serde_json::from_str(dashboards).expect("JSON");
        let race_control =
            dashboards.as_array().expect("an array").iter().find(|d| d["id"] == RACE_CONTROL);
        assert_eq!(race_control.expect("the dashboard")["name"], "Race control");
    }

    #[test]
    fn a_speed_is_a_number_within_reason() {
        assert_eq!(speed("60"), Ok(60.0));
        for text in ["", "0", "-1", "fast", "NaN", "1e9"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
