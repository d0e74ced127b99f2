//! `commands`: from a REST insert to the bytes on the device's socket, one at a time, and 500 in one
//! request, with thousands of devices connected. Against it: what the insert alone takes, and what
//! Redis and gateway alone take for an order that nobody inserted.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use biplane_bus::{LogOptions, RedisLog};
use biplane_core::Imei;
use biplane_stack::directus::Client;
use biplane_stack::fleet::{Fleet, Sequence, device_id, imei};
use biplane_stack::simulator::{Heard, Simulator, answer};
use biplane_stack::{Description, Layout, Progress, SetupError, now};
use clap::Args;
use futures_util::StreamExt as _;
use redis::aio::ConnectionManager;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::path::connect;
use crate::report::{Figure, Report, Rounds};
use crate::{failed, on_a_stack};

/// Devices that connect at a time.
const TOGETHER: usize = 64;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two commands: what came of the one before is being written.
const PAUSE: Duration = Duration::from_millis(60);

/// Commands from Directus to devices.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Devices that are connected.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=9_000))]
    devices: u32,
    /// Commands that are given one at a time.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    commands: u32,
    /// Commands in one request.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    bulk: u32,
}

impl Arguments {
    /// Starts a stack of its own, measures, and stops it.
    pub async fn run(&self, layout: &Layout, progress: &Progress) -> Result<Report, SetupError> {
        on_a_stack(layout, progress, async |stack| {
            Ok(Report::new("commands", self.measure(stack, progress).await?))
        })
        .await
    }

    async fn measure(
        &self,
        stack: &Description,
        progress: &Progress,
    ) -> Result<Vec<Figure>, SetupError> {
        let step = progress.step("Devices");
        let fleet = Fleet::new(self.devices, 1);
        fleet.furnish(&connect(stack).await?, 1).await?;
        let gateway = stack.teltonika.parse().map_err(failed)?;
        fleet.await_known(gateway).await?;
        let mut listening = Listening::start(gateway, self.devices).await?;
        step.done(format!("{} connected", self.devices));
        let directus = stack.administrator().await.map_err(failed)?;
        let options = LogOptions { partitions: 16, ..LogOptions::default() };
        let log = RedisLog::connect(&stack.redis_url, options).await.map_err(failed)?;
        let redis = log.connection();

        let step = progress.step("One at a time");
        let mut random = Sequence::new(7);
        let (mut ours, mut inserts, mut orders) = (Rounds::new(), Rounds::new(), Rounds::new());
        for _ in 0..self.commands {
            let number = random.within(0.0..f64::from(self.devices)) as u32;
            let began = Instant::now();
            give(&directus, vec![command(number)]).await?;
            inserts.push(ms(began, Instant::now()));
            ours.push(ms(began, listening.next(imei(number)).await?));
            tokio::time::sleep(PAUSE).await;
            let began = Instant::now();
            order(&redis, number).await?;
            orders.push(ms(began, listening.next(imei(number)).await?));
            tokio::time::sleep(PAUSE).await;
        }
        step.done(format!("p50 {:.0} ms, p99 {:.0} ms", ours.median(), ours.quantile(0.99)));

        let step = progress.step(format!("{} in one request", self.bulk));
        let numbers: Vec<u32> = (0..self.bulk.min(self.devices)).collect();
        let began = Instant::now();
        give(&directus, numbers.iter().map(|&number| command(number)).collect()).await?;
        let inserted = began.elapsed();
        let mut last = began;
        for &number in &numbers {
            last = last.max(listening.next(imei(number)).await?);
        }
        let bulk = (last - began).as_secs_f64();
        let acknowledged = acknowledged(&directus, numbers.len(), began).await?;
        step.done(format!(
            "on their sockets after {bulk:.1} s, answered after {acknowledged:.1} s"
        ));

        let p99 = |rounds: &Rounds| Rounds::once(rounds.quantile(0.99));
        Ok(vec![
            Figure::less_is_better(
                "command_p50_ms",
                "ms",
                &ours,
                [("rest_insert", &inserts), ("order_in_redis", &orders)],
            )
            .with_details(&[("devices", f64::from(self.devices))]),
            Figure::less_is_better(
                "command_p99_ms",
                "ms",
                &p99(&ours),
                [("rest_insert", &p99(&inserts)), ("order_in_redis", &p99(&orders))],
            )
            .with_details(&[("most_ms", ours.most())]),
            Figure::less_is_better(
                "bulk_500_s",
                "s",
                &Rounds::once(bulk),
                [("rest_insert", &Rounds::once(inserted.as_secs_f64()))],
            )
            .with_details(&[("commands", numbers.len() as f64), ("acknowledged_s", acknowledged)]),
        ])
    }
}

fn ms(from: Instant, to: Instant) -> f64 {
    (to - from).as_secs_f64() * 1_000.0
}

fn command(number: u32) -> Value {
    json!({ "organization": Uuid::from_u128(1), "device": device_id(number), "name": "getver" })
}

async fn give(directus: &Client, commands: Vec<Value>) -> Result<(), SetupError> {
    directus
        .create("/items/commands?fields=id&limit=1", &Value::Array(commands))
        .await
        .map(drop)
        .map_err(failed)
}

/// Seconds until Directus knows the answers of so many.
async fn acknowledged(directus: &Client, count: usize, began: Instant) -> Result<f64, SetupError> {
    let path = "/items/commands?aggregate[count]=id&filter[status][_neq]=acknowledged";
    while began.elapsed() < PATIENCE * 2 {
        let open = directus.read(path).await.map_err(failed)?;
        let open = open[0]["count"]["id"].as_str().and_then(|it| it.parse::<usize>().ok());
        if open == Some(0) {
            return Ok(began.elapsed().as_secs_f64());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(failed(format!("not all of {count} commands were answered within two minutes")))
}

/// An order that Directus knows nothing of, straight into the gateway's stream.
async fn order(redis: &ConnectionManager, number: u32) -> Result<(), SetupError> {
    redis::cmd("XADD")
        .arg("commands:gateway-1")
        .arg("*")
        .arg("command")
        .arg(
            Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{:?}", Instant::now()).as_bytes())
                .to_string(),
        )
        .arg(&["attempt", "1", "text", "getver", "answers", "true"])
        .arg("expires_at")
        .arg((now() + 60_000).to_string())
        .arg("imei")
        .arg(imei(number).to_string())
        .exec_async(&mut redis.clone())
        .await
        .map_err(failed)
}

/// Trackers that answer what they are told, and say when they heard it.
struct Listening {
    heard: mpsc::UnboundedReceiver<(Imei, Instant)>,
    /// What came before it was asked for.
    early: HashMap<Imei, Instant>,
    _trackers: JoinSet<()>,
}

impl Listening {
    async fn start(gateway: SocketAddr, devices: u32) -> Result<Self, SetupError> {
        let (say, heard) = mpsc::unbounded_channel();
        let mut trackers = JoinSet::new();
        let mut connecting = futures_util::stream::iter(0..devices)
            .map(async |number| (imei(number), Simulator::connect(gateway, imei(number)).await))
            .buffer_unordered(TOGETHER);
        while let Some((imei, connected)) = connecting.next().await {
            let tracker = connected.map_err(failed)?;
            let tracker = tracker.ok_or_else(|| failed(format!("{imei} was not let in")))?;
            trackers.spawn(listen(tracker, imei, say.clone()));
        }
        Ok(Self { heard, early: HashMap::new(), _trackers: trackers })
    }

    /// When a tracker heard its next command.
    async fn next(&mut self, imei: Imei) -> Result<Instant, SetupError> {
        if let Some(at) = self.early.remove(&imei) {
            return Ok(at);
        }
        loop {
            let next = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
            let next = next.map_err(|_| failed(format!("{imei} was told nothing in a minute")))?;
            let (whose, at) = next.ok_or_else(|| failed("no tracker is left"))?;
            if whose == imei {
                return Ok(at);
            }
            self.early.insert(whose, at);
        }
    }
}

async fn listen(mut tracker: Simulator, imei: Imei, say: mpsc::UnboundedSender<(Imei, Instant)>) {
    while let Ok(heard) = tracker.hear().await {
        let Heard::Command(text) = heard else { continue };
        let said = say.send((imei, Instant::now()));
        let answered = match answer(&text) {
            Some(answer) => tracker.respond(answer).await,
            None => Ok(()),
        };
        if said.is_err() || answered.is_err() {
            return;
        }
    }
}
