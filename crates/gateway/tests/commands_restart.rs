//! Orders that a gateway left: its next process delivers what nobody claimed and never what
//! somebody did.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

mod device;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use biplane_bus::Outcome::{Acknowledged, Away, Cancelled, Sent, Unknown};
use biplane_bus::{Commands, LogOptions, RedisLog};
use biplane_gateway::Config;
use device::orders::{INSTANCE, Order, nothing_is_left, now, order};
use device::{Device, Running, config};
use support::TestRedis;
use tokio::net::TcpStream;

/// The real process, which can be killed.
struct Process {
    child: Child,
    teltonika: SocketAddr,
}

impl Process {
    fn start(redis: &TestRedis) -> Self {
        // Free a moment ago; whoever takes it meanwhile makes the start fail, and the test with it.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let teltonika = free.local_addr().unwrap();
        drop(free);
        let mut child = Command::new(env!("CARGO_BIN_EXE_biplane-gateway"))
            .env_clear()
            .env("BIPLANE_REDIS_URL", redis.url_of("gateway"))
            .env("BIPLANE_INSTANCE", INSTANCE)
            .env("BIPLANE_GATEWAY_TELTONIKA", teltonika.to_string())
            .env("BIPLANE_GATEWAY_HTTP", "127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("gateway up")), "it starts");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, teltonika }
    }

    async fn device(&self, n: u64) -> Device {
        let mut device = Device::on(TcpStream::connect(self.teltonika).await.unwrap(), n);
        device.log_in().await.expect("accepted");
        device
    }

    /// kill -9.
    fn kill(self) {
        drop(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_gateway_that_is_killed_with_a_command_in_flight_ends_it_unknown_and_writes_it_once() {
    let redis = TestRedis::start();
    config(&redis).await;
    let process = Process::start(&redis);
    let mut device = process.device(1).await;
    let (first, second) = (order(1, "first"), order(1, "second"));
    first.give(&redis).await;
    device.hears_command("first").await;
    second.give(&redis).await;
    process.kill();
    assert_eq!(device.hears().await, None, "closed");

    let process = Process::start(&redis);
    // The device comes back after a moment: what nobody has claimed waits for it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut device = process.device(1).await;
    device.hears_command("second").await;
    device.answers("here").await;
    assert_eq!(second.ends(&redis, &[Sent, Acknowledged]).await.as_deref(), Some("here"));
    let told = first.told(&redis).await;
    assert_eq!(told.last().unwrap().0, "unknown", "{told:?}");
    assert!(told.len() <= 2, "{told:?}");
    device.hears_nothing().await;
    nothing_is_left(&redis).await;
    process.kill();
}

#[tokio::test]
async fn orders_from_before_the_start_end_as_their_claims_say_whether_the_device_is_here_or_not() {
    let redis = TestRedis::start();
    let config = Config { grace: Duration::from_millis(500), ..config(&redis).await };
    let (free, claimed, cancelled, foreign) =
        (order(1, "free"), order(1, "claimed"), order(1, "cancelled"), order(1, "foreign"));
    let over = Order { expires_at: now() + -1, ..order(1, "over") };
    claimed.claim(&redis, &format!("{INSTANCE}/of-before")).await;
    over.claim(&redis, &format!("{INSTANCE}/of-before")).await;
    cancelled.claim(&redis, "cancel/somebody").await;
    foreign.claim(&redis, "somebody-else").await;
    for order in [&free, &claimed, &over, &cancelled, &foreign] {
        order.give(&redis).await;
    }
    let _gateway = Running::start(config).await;
    free.ends(&redis, &[Away]).await;
    claimed.ends(&redis, &[Unknown]).await;
    over.ends(&redis, &[Unknown]).await;
    cancelled.ends(&redis, &[Cancelled]).await;
    foreign.ends(&redis, &[Unknown]).await;
    nothing_is_left(&redis).await;
}

#[tokio::test]
async fn what_a_gateway_that_is_gone_has_left_is_found() {
    let redis = TestRedis::start();
    config(&redis).await;
    let process = Process::start(&redis);
    let log = RedisLog::connect(&redis.url_of("processor"), LogOptions::default()).await.unwrap();
    let processor = Commands::new(&log);
    let mut device = process.device(1).await;
    let order = order(1, "first");
    order.give(&redis).await;
    device.hears_command("first").await;
    process.kill();
    assert_eq!(processor.orphans().await.unwrap(), Vec::<String>::new(), "too early");
    // As after 15 s.
    let _: i64 = redis::cmd("DEL")
        .arg(format!("gateway:{INSTANCE}"))
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert_eq!(processor.orphans().await.unwrap(), [INSTANCE]);
}

#[tokio::test]
async fn thousands_of_orders_that_were_left_are_read_a_part_at_a_time_and_all_reported() {
    const ORDERS: u64 = 5_000;
    let redis = TestRedis::start();
    let config = Config { grace: Duration::from_secs(4), ..config(&redis).await };
    for n in 0..ORDERS / 500 {
        let mut many = redis::pipe();
        for n in 500 * n..500 * (n + 1) {
            order(100 + n, "getinfo").add_to(&mut many, None);
        }
        let _: () = many.query_async(&mut redis.connection().await).await.unwrap();
    }
    let start = now();
    let gateway = Running::start(config).await;
    while !gateway.http("/metrics").await.1.contains("biplane_gateway_orders_open 4096") {
        assert!(now() < start + 4_000, "as many as there is room for are read while they wait");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    nothing_is_left(&redis).await;
    let told: u64 = redis::cmd("XLEN")
        .arg("command-results")
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert_eq!(told, ORDERS);
}
