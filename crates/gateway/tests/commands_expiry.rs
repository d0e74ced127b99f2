//! Commands that are with the kernel and not with the device when their time is over.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

mod device;

use std::time::Duration;

use biplane_bus::Outcome::{Sent, Unknown};
use biplane_gateway::Config;
use device::orders::{Order, now, order};
use device::{Device, Running, SOON, config, fix};
use support::TestRedis;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

async fn gateway(redis: &TestRedis) -> Running {
    Running::start(Config { grace: Duration::ZERO, ..config(redis).await }).await
}

/// A device that has room for a fraction of a large command: the rest waits in the gateway's kernel.
async fn narrow(gateway: &Running, n: u64) -> Device {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    let socket = socket.connect(gateway.teltonika).await.unwrap();
    let mut device = Device::on(socket, n);
    device.log_in().await.expect("accepted");
    device
}

fn large(n: u64, milliseconds: i64) -> Order {
    Order { expires_at: now() + milliseconds, ..order(n, &"x".repeat(16_000)) }
}

/// Reads all that still comes, and expects that the connection was reset.
async fn reset(device: &mut Device) -> usize {
    let mut read = Vec::new();
    let end = timeout(SOON, device.socket.read_to_end(&mut read)).await.expect("an end");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    read.len()
}

#[tokio::test]
async fn what_tcp_has_not_acknowledged_when_a_command_expires_never_arrives() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    for answers in [true, false] {
        let mut device = narrow(&gateway, 1).await;
        let order = Order { answers, ..large(1, 1_500) };
        order.give(&redis).await;
        order.ends(&redis, &[Sent, Unknown]).await;
        assert!(now() >= order.expires_at, "before its time was over");
        // Now it would have time to read.
        let read = reset(&mut device).await;
        assert!(read < order.text.len(), "{read} bytes of the command");
    }
}

#[tokio::test]
async fn a_redis_that_hangs_holds_up_no_expiry() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = narrow(&gateway, 1).await;
    let order = large(1, 3_000);
    order.give(&redis).await;
    while order.told(&redis).await.is_empty() {
        sleep(Duration::from_millis(20)).await;
    }
    redis.freeze();
    // The connection waits for these to be stored.
    device.send_fixes(&[fix(0)]).await;
    sleep(Duration::from_millis((order.expires_at - now() + 500).unsigned_abs())).await;
    let read = reset(&mut device).await;
    assert!(read < order.text.len(), "{read} bytes of the command");
    redis.thaw();
    order.ends(&redis, &[Sent, Unknown]).await;
}

#[tokio::test]
async fn a_command_that_the_socket_took_a_part_of_when_it_expires_never_gets_its_other_part() {
    /// Far more than the kernel keeps of a connection.
    const MANY: usize = 1_000;
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = narrow(&gateway, 1).await;
    let mut written = 0;
    for _ in 0..MANY {
        let order = large(1, 2_000);
        order.give(&redis).await;
        let last = loop {
            match order.told(&redis).await.pop() {
                None => sleep(Duration::from_millis(5)).await,
                // It answers what it has not read: the next one is written behind it.
                Some((outcome, _)) if outcome == "sent" => {
                    device.answers("done").await;
                    break None;
                }
                Some((outcome, _)) => break Some(outcome),
            }
        };
        if let Some(outcome) = last {
            assert_eq!(outcome, "unknown");
            order.ends(&redis, &[Unknown]).await;
            assert!(now() >= order.expires_at);
            let read = reset(&mut device).await;
            assert!(read < written, "{read} of {written} bytes");
            return;
        }
        written += order.text.len();
    }
    panic!("the socket takes everything");
}
