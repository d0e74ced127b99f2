//! `biplane replay`: recorded tracks through a gateway, as real devices send them.

mod told;
mod tracks;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use biplane_core::Timestamp;
use biplane_stack::replay::{self, Pace};
use biplane_stack::{Ports, now, say};
use clap::Args;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::positions::{Positions, of_file};
use crate::installation;
use crate::signals::asked_to_stop;
use told::Flight;
use tracks::{Span, read, read_imeis};

/// Play recorded tracks through a gateway, as real trackers would send them.
///
/// Each device has a connection of its own and sends in order of time, up to 25 records in a frame. A
/// frame that is not acknowledged is sent again until it is. The file is read to its end first (about
/// 100 bytes of memory a record), and what is wrong with it is told before anything is sent.
///
/// Exit codes: 0 all was acknowledged; 1 some devices were refused; 2 the file can't be sent or the
/// gateway is not there; 130 it was ended by Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// CSV with a header: device_id, ts_iso (or time), lat, lon; alt, speed (km/h), course, satellites,
    /// hdop and imei are optional; .csv, .csv.gz, .csv.xz.
    positions: PathBuf,
    /// Which IMEI each device logs in with: CSV device_id,imei.
    #[arg(long, value_name = "FILE")]
    imeis: Option<PathBuf>,
    /// The gateway's Teltonika listener; that of the Biplane that runs in this checkout, else port 5027
    /// of this machine, unless given.
    #[arg(long, value_name = "HOST:PORT")]
    gateway: Option<String>,
    /// So many recorded seconds pass in one; `max`: as fast as it is acknowledged.
    #[arg(long, value_name = "N", default_value = "1")]
    speed: Speed,
    /// Send times of today: the last record's time is the one at which it is sent. Without it, times
    /// are sent as recorded.
    #[arg(long)]
    now: bool,
    /// Leave out what was recorded before, say 2026-05-01T09:30:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Leave out what was recorded after.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Print one JSON object at the end.
    #[arg(long)]
    json: bool,
    /// Data folder of the Biplane that runs [default: .biplane/ in the checkout].
    #[arg(long, env = "BIPLANE_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  biplane replay race.csv.gz --imeis trackers.csv --speed 30
  biplane replay yesterday.csv --now                    as if it happened now, in real time
  biplane replay fleet.csv.xz --gateway tracking.example.com:5027 --speed max --json
  biplane replay race.csv --from 2026-05-01T09:30:00Z --until 2026-05-01T09:45:00Z

Devices are known by their IMEIs: of --imeis, else of the column `imei`, else their names are IMEIs.
Each has to be registered and active. A device that the gateway refuses is named, and the others go on.

Times: recorded times keep results and time windows of an event as they were, and a file that is
played twice adds nothing the second time. With --now each replay is new; faster than real time, it
begins in the past, so that nothing is sent from the future.

What the file lacks is filled in as trackers have it: speed and course from the fix before, and
10 satellites. Columns of other names are left out, and named.";

/// How fast recorded time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Speed {
    Times(f64),
    Max,
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "max" => Ok(Self::Max),
            Ok(speed) if (0.1..=10_000.0).contains(&speed) => Ok(Self::Times(speed)),
            _ => Err("a number from 0.1 to 10000, or `max`"),
        }
    }
}

impl Speed {
    fn pace(self) -> Pace {
        match self {
            Self::Times(speed) => Pace::Times(speed),
            Self::Max => Pace::Unlimited,
        }
    }

    /// How long recorded milliseconds take, in milliseconds.
    fn takes(self, recorded_ms: i64) -> i64 {
        match self {
            Self::Times(speed) => (recorded_ms as f64 / speed) as i64,
            Self::Max => 0,
        }
    }
}

impl Arguments {
    /// Reads, sends and tells.
    pub async fn run(&self, start: &Path) -> ExitCode {
        match self.replay(start).await {
            Ok(code) => code,
            Err(why) => {
                say(format_args!("\nbiplane: {why}"));
                ExitCode::from(2)
            }
        }
    }

    async fn replay(&self, start: &Path) -> Result<ExitCode, String> {
        let imeis = match &self.imeis {
            Some(file) => read_imeis(file)?,
            None => HashMap::new(),
        };
        let positions = Positions::open(&self.positions)?;
        if !positions.unread.is_empty() {
            say(format_args!("left out: the columns {}", positions.unread.join(", ")));
        }
        let span = Span { from: self.from, until: self.until };
        let tracks = read(positions, &imeis, span).map_err(|why| of_file(&self.positions, why))?;
        let place = self.place(start)?;
        let gateway = reach(&place).await?;

        let mut flight = Flight::new(tracks, self.speed, place);
        if self.now {
            flight.end_at(now() + self.speed.takes(flight.recorded_ms()));
        }
        say(flight.announcement());
        let counters = std::sync::Arc::clone(&flight.counters);
        let flying =
            replay::fly_all(gateway, flight.trackers(), self.speed.pace(), &counters, |error| {
                flight.stays_behind(&error)
            });
        let started = Instant::now();
        let ended = tokio::select! {
            () = flying => None,
            () = flight.watch(started) => None,
            asked = asked_to_stop() => Some(asked),
        };
        flight.clear();
        let report = flight.report(started.elapsed(), ended.map(|asked| asked.name));
        if self.json {
            println!("{}", report.json());
        } else {
            println!("{report}");
        }
        Ok(match ended {
            Some(asked) => ExitCode::from(asked.code),
            None if report.is_whole() => ExitCode::SUCCESS,
            None => ExitCode::FAILURE,
        })
    }

    /// Where trackers are taken.
    fn place(&self, start: &Path) -> Result<String, String> {
        if let Some(gateway) = &self.gateway {
            return Ok(gateway.clone());
        }
        if let Some(running) = installation::running(start, self.data.clone()) {
            return Ok(running.teltonika);
        }
        let ports = Ports::from_environment().map_err(|error| error.to_string())?;
        Ok(format!("127.0.0.1:{}", ports.teltonika))
    }
}

/// Whoever never finds the gateway would wait for ever: it has to be there once.
async fn reach(place: &str) -> Result<SocketAddr, String> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let wrong = |why: &dyn std::fmt::Display| {
        format!(
            "no gateway takes trackers at {place}: {why}\n\nWhat to do: start one (`npm start`), or name \
             one with --gateway host:port"
        )
    };
    let addresses = tokio::net::lookup_host(place).await.map_err(|error| wrong(&error))?;
    let mut last = wrong(&"the name has no address");
    for address in addresses {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(address),
            Ok(Err(error)) => last = wrong(&error),
            Err(_) => last = wrong(&"it does not answer"),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_within_reason_or_the_greatest() {
        assert_eq!("2.5".parse(), Ok(Speed::Times(2.5)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        for text in ["", "0", "-1", "fast", "NaN", "inf", "1e9", "MAX"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }
}
