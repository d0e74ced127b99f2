//! Redis hangs and is away: trackers wait, and nothing that was acknowledged is lost.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

mod device;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use biplane_protocols::teltonika::{Answer, Tracker};
use device::{A_WHILE, Device, Running, SOON, config, fix, imei, stored};
use support::TestRedis;
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

const DEVICES: u64 = 8;

/// A tracker as it is: one frame after the other, each when the one before is acknowledged.
async fn track(
    mut device: Device,
    acknowledged: Arc<AtomicU32>,
    enough: Arc<AtomicBool>,
) -> (Device, i64) {
    let mut count = 0;
    while !enough.load(Ordering::Relaxed) {
        device.send_fixes(&[fix(count)]).await;
        assert_eq!(device.answer().await, Some(Answer::Acknowledged(1)), "its socket stays");
        count += 1;
        acknowledged.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(5)).await;
    }
    (device, count)
}

/// Waits until something is acknowledged.
async fn goes_on(acknowledged: &AtomicU32) {
    let before = acknowledged.load(Ordering::Relaxed);
    timeout(SOON, async {
        while acknowledged.load(Ordering::Relaxed) < before + DEVICES as u32 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("acknowledged again");
}

/// Watches for so long that nothing is acknowledged.
async fn nothing_happens(acknowledged: &AtomicU32, long: Duration) {
    // What was answered before is on its way for a moment.
    sleep(A_WHILE).await;
    let before = acknowledged.load(Ordering::Relaxed);
    sleep(long).await;
    assert_eq!(acknowledged.load(Ordering::Relaxed), before, "acknowledged by nobody");
}

#[tokio::test]
async fn trackers_wait_out_a_redis_that_hangs_and_one_that_dies_and_lose_nothing() {
    let mut redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    let (acknowledged, enough) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let mut tracking = Vec::new();
    for n in 0..DEVICES {
        let device = Device::logged_in(&gateway, n).await;
        tracking.push(tokio::spawn(track(device, acknowledged.clone(), enough.clone())));
    }
    goes_on(&acknowledged).await;
    redis.freeze();
    // Longer than an answer is waited for: what is on its way is written again.
    nothing_happens(&acknowledged, Duration::from_secs(11)).await;
    redis.thaw();
    goes_on(&acknowledged).await;
    redis.kill();
    nothing_happens(&acknowledged, A_WHILE).await;
    redis.start_again();
    goes_on(&acknowledged).await;
    enough.store(true, Ordering::Relaxed);

    let mut told = HashSet::new();
    for (n, tracking) in (0..).zip(tracking) {
        let (_, count) = tracking.await.expect("the tracker kept its connection");
        told.extend((0..count).map(|count| (imei(n), fix(count).time)));
    }
    let stored: HashSet<_> = stored(&redis)
        .await
        .into_iter()
        .flat_map(|frame| frame.fixes.into_iter().map(move |fix| (frame.imei, fix.time)))
        .collect();
    let lost: Vec<_> = told.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged and not in the stream: {lost:?}");
    assert_eq!(gateway.http("/health/ready").await.0, 200);
}

#[tokio::test]
async fn who_sends_on_and_on_while_redis_hangs_is_not_read_and_fills_no_memory() {
    /// Far more than the kernel keeps of a connection.
    const MUCH: usize = 256 * 1024 * 1024;
    let redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let frame = Tracker::frame(&vec![fix(0); 100]).unwrap();
    let chunk = frame.repeat(64);
    redis.freeze();
    let mut sent = 0;
    while let Ok(count) = timeout(A_WHILE, device.socket.write(&chunk[sent % chunk.len()..])).await
    {
        sent += count.unwrap();
        assert!(sent < MUCH, "the gateway reads on and on");
    }
    redis.thaw();
    assert!(sent > frame.len());
    assert_eq!(device.answer().await, Some(Answer::Acknowledged(100)));
}
