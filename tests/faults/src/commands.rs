//! `commands`: Directus is away, Redis is restarted, a gateway is killed, trackers go from one
//! gateway to another and back, while commands are given and under way. Each has to end in a state
//! that is true by what its tracker heard.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use biplane_core::Timestamp;
use biplane_stack::directus::Client;
use biplane_stack::fleet::{Fleet, Sequence, device_id, imei};
use biplane_stack::process::{Program, Running};
use biplane_stack::simulator::{Heard, Simulator};
use biplane_stack::{Description, Layout, Ports, Progress, SetupError, Stack, now};
use clap::Args;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::load::{connect, seed_of_the_clock};
use crate::{Outcome, failed};

/// Between two faults.
const BETWEEN: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_secs(4);
/// Until every command has to be at its end: the last expiry, and what is waited for behind it.
const PATIENCE: Duration = Duration::from_secs(320);
/// How long a command may wait.
const WAITS_MS: std::ops::Range<f64> = 3_000.0..60_000.0;
/// From a gateway's clock to the tracker's ears: what the kernel and this machine may take for bytes
/// that were written in time.
const ON_THE_WAY_MS: i64 = 500;

/// Directus, Redis and gateways go and come back while commands are under way: each ends true.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How long Directus is away, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(3..=3_600))]
    seconds: u64,
    /// Trackers.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    devices: u32,
    /// Draws what is given to whom; drawn from the clock unless given.
    #[arg(long)]
    seed: Option<u64>,
}

/// What trackers heard: of which command, and when.
type Ears = Arc<Mutex<Vec<(u32, String, Timestamp)>>>;

impl Arguments {
    /// Starts a stack of its own, torments it, compares, and stops it.
    pub async fn run(self, layout: &Layout, progress: &Progress) -> Result<Outcome, SetupError> {
        crate::on_a_stack(layout, progress, async |stack, description| {
            self.torment(layout, stack, description, progress).await
        })
        .await
    }

    async fn torment(
        self,
        layout: &Layout,
        stack: &mut Stack,
        description: &Description,
        progress: &Progress,
    ) -> Result<Outcome, SetupError> {
        let seed = self.seed.unwrap_or_else(seed_of_the_clock);
        let fleet = Fleet::new(self.devices, 1);
        fleet.furnish(&connect(description).await?, 1).await?;
        let first: SocketAddr = description.teltonika.parse().map_err(failed)?;
        fleet.await_known(first).await?;
        let (second, _gateway) = second_gateway(layout, description).await?;

        let ears = Ears::default();
        let (whither, at) = watch::channel(first);
        let mut trackers = JoinSet::new();
        for number in 0..self.devices {
            trackers.spawn(tracker(number, seed, at.clone(), Arc::clone(&ears)));
        }
        let directus = description.administrator().await.map_err(failed)?;
        let (enough, until) = watch::channel(false);
        let giving = tokio::spawn(give(directus, self.devices, seed, until));

        let step = progress.step("Gateway, Directus, Redis, another gateway and back");
        for (name, away) in [
            ("Gateway", SHORT),
            ("Directus", Duration::from_secs(self.seconds)),
            ("Redis", SHORT),
            ("Gateway", SHORT),
            ("Processor", SHORT),
        ] {
            sleep(BETWEEN).await;
            step.note(format!("{name} is away for {} s", away.as_secs()));
            stack.outage(name, sleep(away)).await?;
        }
        for gateway in [second, first] {
            sleep(BETWEEN).await;
            step.note(format!("the trackers go to {gateway}"));
            whither.send_replace(gateway);
        }
        sleep(BETWEEN).await;
        enough.send_replace(true);
        giving.await.map_err(failed)?;
        step.done("commands were given all the time");

        let step = progress.step("Every command comes to an end");
        let rows = ended(&description.administrator().await.map_err(failed)?).await?;
        let heard = ears.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let judged = judge(&rows, &heard);
        step.done(judged.to_string());
        let times = BTreeMap::from([
            ("Gateway", 2),
            ("Directus", 1),
            ("Redis", 1),
            ("Processor", 1),
            ("Moves", 2),
        ]);
        Ok(Outcome {
            fault: "commands",
            seed,
            acknowledged: rows.len() as u64,
            stored: rows.len() as u64 - judged.open - judged.untrue,
            lost: judged.open + judged.untrue,
            doubled: judged.doubled + judged.late,
            ok: judged.is_good(),
            times,
        })
    }
}

/// What came of it, by the trackers' ears.
#[derive(Debug, Default)]
struct Judged {
    states: BTreeMap<String, u64>,
    /// In no final state.
    open: u64,
    /// Called acknowledged and never heard, or called expired or cancelled and heard.
    untrue: u64,
    /// Heard more often than it was tried, or than once where twice does harm.
    doubled: u64,
    /// Heard after its time.
    late: u64,
}

impl Judged {
    fn is_good(&self) -> bool {
        let some = |state: &str| self.states.get(state).is_some_and(|count| *count > 0);
        self.open + self.untrue + self.doubled + self.late == 0
            // The faults did meet commands.
            && some("acknowledged")
            && (some("expired") || some("unknown"))
    }
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let states: Vec<_> = self.states.iter().map(|(state, n)| format!("{n} {state}")).collect();
        write!(
            f,
            "{}; {} not ended, {} untrue, {} doubled, {} after their time",
            states.join(", "),
            self.open,
            self.untrue,
            self.doubled,
            self.late
        )
    }
}

const ENDS: [&str; 5] = ["acknowledged", "failed", "expired", "cancelled", "unknown"];

/// A command's text is its own: of each it is known how often it was heard. (What a tracker is told
/// without a number of its own is counted by tracker.)
fn judge(rows: &[Value], heard: &[(u32, String, Timestamp)]) -> Judged {
    let mut judged = Judged::default();
    let mut by_text: HashMap<(Uuid, &str), Vec<Timestamp>> = HashMap::new();
    for (number, text, at) in heard {
        by_text.entry((device_id(*number), text)).or_default().push(*at);
    }
    let mut once: HashMap<Uuid, (u64, u64)> = HashMap::new();
    for row in rows {
        let state = row["status"].as_str().unwrap_or_default();
        *judged.states.entry(state.to_owned()).or_default() += 1;
        judged.open += u64::from(!ENDS.contains(&state));
        let device: Uuid =
            row["device"].as_str().and_then(|it| it.parse().ok()).unwrap_or_default();
        let text = row["payload"].as_str().unwrap_or_default();
        let none = Vec::new();
        let times = by_text.get(&(device, text)).unwrap_or(&none);
        if row["name"] == "getrecord" {
            // Nothing is answered to it: a tracker's kernel may have acknowledged what it never read.
            let (all, may) = once.entry(device).or_default();
            *all = times.len() as u64;
            *may += u64::from(matches!(state, "acknowledged" | "unknown"));
            continue;
        }
        let attempts = row["attempts"].as_u64().unwrap_or_default();
        judged.doubled += u64::from(times.len() as u64 > attempts);
        judged.untrue += u64::from(state == "acknowledged" && times.is_empty());
        // An attempt before the last may have been heard where saying it again does no harm.
        let may_be_heard = attempts > 1;
        judged.untrue += u64::from(
            matches!(state, "expired" | "cancelled") && !times.is_empty() && !may_be_heard,
        );
        let expires_at: Option<Timestamp> =
            row["expires_at"].as_str().and_then(|text| text.parse().ok());
        let is_late = |at: &&Timestamp| expires_at.is_some_and(|time| **at - time > ON_THE_WAY_MS);
        judged.late += times.iter().filter(is_late).count() as u64;
    }
    for (all, may) in once.into_values() {
        judged.doubled += all.saturating_sub(may);
    }
    judged
}

/// Gives commands until it is enough; what Directus does not take was never given.
async fn give(directus: Client, devices: u32, seed: u64, enough: watch::Receiver<bool>) {
    let mut random = Sequence::new(seed);
    let mut next: u32 = 0;
    while !*enough.borrow() {
        let device = device_id(random.within(0.0..f64::from(devices)) as u32);
        let waits = random.within(WAITS_MS) as i64;
        let mut row = json!({
            "organization": Uuid::from_u128(1), "device": device, "expires_at": now() + waits,
        });
        if random.unit() < 0.2 {
            row["name"] = json!("getrecord");
        } else {
            row["name"] = json!("readio");
            row["parameters"] = json!({ "id": next % 65_536 });
            next += 1;
        }
        let given = directus.create("/items/commands?fields=id", &row);
        // A Directus that is away answers nothing for a while.
        if !matches!(tokio::time::timeout(Duration::from_secs(2), given).await, Ok(Ok(_))) {
            sleep(Duration::from_millis(200)).await;
        }
        sleep(Duration::from_millis(40)).await;
    }
}

/// Connects again and again, to wherever it is to go, and answers after a while what it is told.
async fn tracker(number: u32, seed: u64, mut at: watch::Receiver<SocketAddr>, ears: Ears) {
    let mut random = Sequence::new(seed ^ u64::from(number).rotate_left(32));
    loop {
        let gateway = *at.borrow_and_update();
        if let Ok(Some(mut tracker)) = Simulator::connect(gateway, imei(number)).await {
            loop {
                let heard = tokio::select! {
                    heard = tracker.hear() => heard,
                    _ = at.changed() => break,
                };
                let Ok(heard) = heard else { break };
                let Heard::Command(text) = heard else { continue };
                let answers = text != "getrecord";
                ears.lock().unwrap_or_else(PoisonError::into_inner).push((number, text, now()));
                if answers {
                    sleep(Duration::from_millis(random.within(0.0..1_500.0) as u64)).await;
                    if tracker.respond("Param value: 0").await.is_err() {
                        break;
                    }
                }
            }
        }
        sleep(Duration::from_millis(random.within(200.0..1_500.0) as u64)).await;
    }
}

/// All commands, once none is open, or nothing more can be hoped for.
async fn ended(directus: &Client) -> Result<Vec<Value>, SetupError> {
    let began = Instant::now();
    loop {
        let rows = directus
            .read(
                "/items/commands?limit=-1&fields=id,device,name,payload,status,attempts,expires_at",
            )
            .await
            .map_err(failed)?;
        let rows = rows.as_array().cloned().unwrap_or_default();
        let is_open = |row: &Value| !row["status"].as_str().is_some_and(|it| ENDS.contains(&it));
        if !rows.iter().any(is_open) || began.elapsed() > PATIENCE {
            return Ok(rows);
        }
        sleep(Duration::from_secs(2)).await;
    }
}

/// Another gateway beside the stack's own, and where trackers reach it.
async fn second_gateway(
    layout: &Layout,
    description: &Description,
) -> Result<(SocketAddr, Running), SetupError> {
    let ports = Ports::free()?;
    let (teltonika, http) =
        (format!("127.0.0.1:{}", ports.teltonika), format!("127.0.0.1:{}", ports.gateway_http));
    let binary = layout.project.join("target/release/biplane-gateway");
    let mut gateway =
        Program::new("Second gateway", &binary, &layout.project, layout.log("gateway-2"))
            .env("BIPLANE_REDIS_URL", &description.redis_url)
            .env("BIPLANE_GATEWAY_TELTONIKA", &teltonika)
            .env("BIPLANE_GATEWAY_HTTP", &http)
            .env("BIPLANE_INSTANCE", "gateway-2")
            .start()?;
    let address: SocketAddr = teltonika.parse().map_err(failed)?;
    gateway
        .wait_until(Duration::from_secs(20), async || {
            tokio::net::TcpStream::connect(address).await.map(drop)
        })
        .await?;
    Ok((address, gateway))
}
