//! `live`: how many positions a second reach how many clients in time, with the whole stack on this
//! machine, against Directus's own WebSocket and a relay of `ws` and `ioredis` in Node; what a client
//! costs the processor; and whether a crossing was lost.
//!
//! A position's time is when its tracker sent it, by the clock that the clients read too: what is
//! measured is from the tracker to the client, which is more than from the gateway. Half a second of
//! a round's beginning is not counted.

mod clients;
mod directus;
mod trackers;

use std::collections::HashSet;
use std::time::Duration;

use biplane_stack::fleet::{Fleet, device_id};
use biplane_stack::process::{Program, Running};
use biplane_stack::{Altered, Description, Layout, Ports, Progress, SetupError};
use clap::Args;
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use self::clients::{Round, Side};
use self::trackers::Trackers;
use crate::cpu::memory_kib;
use crate::path::connect;
use crate::report::{Figure, Report, Rounds};
use crate::{failed, refused};

/// What a position may take to a client, at the 99th percentile.
const IN_TIME_MS: f64 = 250.0;
/// Devices that a client looks at.
const SEEN: u32 = 200;
/// The curve, in clients.
const CURVE: [(&str, usize); 6] = [
    ("live_curve_1", 1),
    ("live_curve_10", 10),
    ("live_curve_100", 100),
    ("live_curve_500", 500),
    ("live_curve_1000", 1_000),
    ("live_curve_2000", 2_000),
];
/// At which of them the figures are told.
const USUAL: usize = 500;
/// Rounds of Directus's own WebSocket: clients, and rows that are written a second.
const DIRECTUS: [(usize, f64); 8] =
    [(1, 10.0), (1, 50.0), (10, 5.0), (10, 20.0), (50, 5.0), (50, 10.0), (100, 2.0), (100, 5.0)];
/// Until connections that ended are given back.
const SETTLE: Duration = Duration::from_secs(2);

/// Positions from trackers to live clients, against Directus's own WebSocket and a relay in Node.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Trackers, each a position a second.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(200..=9_000))]
    devices: u32,
    /// How long each round is measured, in seconds.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(3..=600))]
    seconds: u32,
}

impl Arguments {
    /// Starts a stack of its own, measures, and stops it.
    pub async fn run(&self, layout: &Layout, progress: &Progress) -> Result<Report, SetupError> {
        let most = CURVE.iter().map(|(_, clients)| clients).max().unwrap_or(&0) + 1;
        let environment = ["BIPLANE_LIVE_CONNECTIONS", "BIPLANE_LIVE_CONNECTIONS_PER_USER"]
            .map(|name| ("Processor", name, most.to_string()));
        let altered = Altered { environment: environment.into(), ..Altered::default() };
        crate::on_an_altered_stack(layout, progress, altered, async |stack| {
            Ok(Report::new("live", self.measure(layout, stack, progress).await?))
        })
        .await
    }

    async fn measure(
        &self,
        layout: &Layout,
        stack: &Description,
        progress: &Progress,
    ) -> Result<Vec<Figure>, SetupError> {
        let step = progress.step("Devices and fences");
        let database = connect(stack).await?;
        let fleet = Fleet::new(self.devices, 1);
        fleet.furnish(&database, 1_000).await?;
        let gateway = stack.teltonika.parse().map_err(failed)?;
        fleet.await_known(gateway).await?;
        let token = static_token(stack).await?;
        let processor = process_of("biplane-process")?;
        let relay = relay(layout, stack).await?;
        let trackers = Trackers::start(gateway, self.devices).await?;
        step.done(format!("{} devices, a position a second each", self.devices));

        let groups: Vec<Vec<Uuid>> = (0..self.devices / SEEN)
            .map(|group| (group * SEEN..(group + 1) * SEEN).map(device_id).collect())
            .collect();
        let ours = Side::ours(&stack.live_url, &token, groups.clone());
        let node = Side::node(&relay.1, groups.clone());
        let seconds = Duration::from_secs(self.seconds.into());
        let (mut figures, mut curve) = (Vec::new(), Vec::new());
        for (id, clients) in CURVE {
            let step = progress.step(format!("{clients} clients"));
            let began = database_time(&database).await?;
            let before = memory_kib(processor)?;
            let (round, memory) = ours.round(clients, seconds, || memory_kib(processor)).await?;
            tokio::time::sleep(SETTLE).await;
            let (relayed, _) = node.round(clients, seconds, || Ok(0.0)).await?;
            tokio::time::sleep(SETTLE).await;
            step.done(format!("ours {round}; relay in Node {relayed}"));
            if clients == USUAL {
                let lost = lost(&database, began, &groups, &round).await?;
                figures.push(
                    Figure::less_is_better(
                        "live_p99_ms",
                        "ms",
                        &Rounds::once(round.p99()),
                        [("node_ws", &Rounds::once(relayed.p99()))],
                    )
                    .with_details(&[
                        ("p50_ms", round.quantile(0.5)),
                        ("deliveries_per_s", round.deliveries_per_s()),
                        ("crossings", round.crossings_told() as f64),
                        ("crossings_lost", lost as f64),
                    ]),
                );
                let each = (memory - before) / clients as f64;
                figures.push(Figure::alone("client_kb", "KiB", each));
                if lost > 0 {
                    return Err(failed(format!("{lost} crossings did not reach their clients")));
                }
            }
            curve.push((id, round, relayed));
        }
        trackers.stop();
        let theirs = directus::rounds(stack, &token, &DIRECTUS, seconds, progress).await?;
        relay.0.stop(Duration::from_secs(5)).await;

        let in_time = |rounds: &mut dyn Iterator<Item = &Round>| {
            let in_time = rounds.filter(|round| round.p99() < IN_TIME_MS);
            in_time.map(Round::deliveries_per_s).fold(0.0, f64::max)
        };
        let most = in_time(&mut curve.iter().map(|(_, round, _)| round));
        let node = in_time(&mut curve.iter().map(|(_, _, round)| round));
        let directus = in_time(&mut theirs.iter());
        let peers = [("directus_ws", directus), ("node_ws", node)];
        figures.push(Figure::more_is_better("live_deliveries_per_s", "positions/s", most, &peers));
        for (id, ours, node) in &curve {
            figures.push(
                Figure::more_is_better(
                    id,
                    "positions/s",
                    ours.deliveries_per_s(),
                    &[("node_ws", node.deliveries_per_s())],
                )
                .with_details(&[("p99_ms", ours.p99()), ("node_ws_p99_ms", node.p99())]),
            );
        }
        Ok(figures)
    }
}

/// A token of the administrator's that does not end.
async fn static_token(stack: &Description) -> Result<String, SetupError> {
    let directus = stack.administrator().await.map_err(failed)?;
    let token = Uuid::new_v5(&Uuid::NAMESPACE_OID, stack.admin_password.as_bytes()).to_string();
    directus.update("/users/me", &json!({ "token": token })).await.map_err(failed)?;
    Ok(token)
}

/// The relay, and where it listens.
async fn relay(layout: &Layout, stack: &Description) -> Result<(Running, String), SetupError> {
    let port = Ports::free()?.live;
    let script = layout.project.join("crates/bench/src/live/relay.mjs");
    let mut relay =
        Program::new("Relay in Node", &stack.directus.node, &layout.project, layout.log("relay"))
            .args([script])
            .env("REDIS_URL", &stack.redis_url)
            .env("PORT", port.to_string())
            .start()?;
    let place = format!("127.0.0.1:{port}");
    relay
        .wait_until(Duration::from_secs(20), async || {
            tokio::net::TcpStream::connect(&place).await.map(|_| ())
        })
        .await?;
    Ok((relay, format!("ws://{place}")))
}

async fn database_time(database: &Client) -> Result<std::time::SystemTime, SetupError> {
    let row = database.query_one("SELECT clock_timestamp()", &[]).await.map_err(refused)?;
    Ok(row.get(0))
}

/// Crossings of the round, times the clients that should have been told of them and were not. Of
/// the last second nothing is asked: it may be on its way.
async fn lost(
    database: &Client,
    began: std::time::SystemTime,
    groups: &[Vec<Uuid>],
    round: &Round,
) -> Result<usize, SetupError> {
    let (from, until) = round.between(began);
    let mut lost = 0;
    for (group, devices) in groups.iter().enumerate() {
        let rows = database
            .query(
                "SELECT id FROM crossings WHERE device = ANY ($1) AND date_created >= $2 AND date_created < $3",
                &[devices, &from, &until],
            )
            .await
            .map_err(refused)?;
        let ids: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        lost += round.told_of_group(group).map(|told| ids.difference(told).count()).sum::<usize>();
    }
    Ok(lost)
}

/// The id of our process of that name, as the system has it.
fn process_of(name: &str) -> Result<u32, SetupError> {
    crate::cpu::processes(name).first().copied().ok_or_else(|| failed(format!("no process {name}")))
}
