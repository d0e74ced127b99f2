//! Who holds a device: entries that last as long as connections, and connections that end when
//! another one has the device.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

mod device;

use std::time::Duration;

use biplane_bus::{Holder, LogOptions, RedisLog, Registry};
use biplane_gateway::Config;
use biplane_protocols::teltonika::Answer;
use device::{A_WHILE, Device, Running, SOON, config, fix, imei, stored};
use support::TestRedis;

/// How often entries are renewed here.
const OFTEN: Duration = Duration::from_millis(100);

async fn registry(redis: &TestRedis) -> Registry {
    Registry::new(&RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap())
}

/// The config of a gateway of that name.
async fn named(redis: &TestRedis, instance: &str, renew_every: Duration) -> Config {
    Config { instance: instance.into(), renew_every, ..config(redis).await }
}

/// Waits until the entry is `expected`'s, or fails.
async fn held_by(registry: &Registry, n: u64, expected: Option<(&str, &Device)>) {
    let expected = expected.map(|(instance, device)| {
        (instance.to_owned(), device.socket.local_addr().unwrap().to_string())
    });
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let holder = registry.holder(imei(n)).await.unwrap();
        let holder = holder.map(|Holder { instance, remote, .. }| (instance, remote));
        if holder == expected {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{holder:?} instead of {expected:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Takes seconds from an entry's life.
async fn shorten(redis: &TestRedis, n: u64, seconds: i64) -> bool {
    redis::cmd("EXPIRE")
        .arg(format!("registry:{}", imei(n)))
        .arg(seconds)
        .query_async(&mut redis.connection().await)
        .await
        .unwrap()
}

async fn left(redis: &TestRedis, n: u64) -> i64 {
    redis::cmd("TTL")
        .arg(format!("registry:{}", imei(n)))
        .query_async(&mut redis.connection().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_silent_device_stays_in_the_registry_for_as_long_as_it_is_connected() {
    let redis = TestRedis::start();
    let gateway = Running::start(named(&redis, "a", OFTEN).await).await;
    let mut devices = Vec::new();
    for n in 0..5 {
        devices.push(Device::logged_in(&gateway, n).await);
    }
    let registry = registry(&redis).await;
    for n in 0..5 {
        assert!(shorten(&redis, n, 20).await, "there is no entry of device {n}");
    }
    let deadline = tokio::time::Instant::now() + SOON;
    for n in 0..5 {
        while left(&redis, n).await <= 20 {
            assert!(tokio::time::Instant::now() < deadline, "device {n} is not renewed");
            tokio::time::sleep(OFTEN).await;
        }
    }
    // One that is lost all the same is made again.
    let key = format!("registry:{}", imei(3));
    let _: i64 =
        redis::cmd("DEL").arg(&key).query_async(&mut redis.connection().await).await.unwrap();
    held_by(&registry, 3, Some(("a", &devices[3]))).await;
    drop(devices);
    for n in 0..5 {
        held_by(&registry, n, None).await;
    }
    tokio::time::sleep(3 * OFTEN).await;
    for n in 0..5 {
        assert_eq!(registry.holder(imei(n)).await.unwrap(), None, "renewed after its end");
    }
}

#[tokio::test]
async fn a_device_that_connects_again_is_held_by_its_new_connection_only() {
    let redis = TestRedis::start();
    // Not by renewal: at once.
    let gateway = Running::start(named(&redis, "a", Duration::from_secs(3_600)).await).await;
    let registry = registry(&redis).await;
    let mut old = Device::logged_in(&gateway, 1).await;
    let mut bystander = Device::logged_in(&gateway, 2).await;
    let mut new = Device::logged_in(&gateway, 1).await;
    assert_eq!(old.answer().await, None, "closed");
    held_by(&registry, 1, Some(("a", &new))).await;
    for device in [&mut new, &mut bystander] {
        device.send_fixes(&[fix(0)]).await;
        assert_eq!(device.answer().await, Some(Answer::Acknowledged(1)));
    }
    // The old one's end, which came after the new one's login, took nothing with it.
    tokio::time::sleep(A_WHILE).await;
    held_by(&registry, 1, Some(("a", &new))).await;
    held_by(&registry, 2, Some(("a", &bystander))).await;
    drop(new);
    held_by(&registry, 1, None).await;
}

#[tokio::test]
async fn a_device_that_connects_to_another_gateway_is_held_by_that_one_only() {
    let redis = TestRedis::start();
    let a = Running::start(named(&redis, "a", OFTEN).await).await;
    let b = Running::start(named(&redis, "b", OFTEN).await).await;
    let registry = registry(&redis).await;
    let mut old = Device::logged_in(&a, 1).await;
    let mut bystander = Device::logged_in(&a, 2).await;
    held_by(&registry, 1, Some(("a", &old))).await;
    let mut new = Device::logged_in(&b, 1).await;
    assert_eq!(old.answer().await, None, "closed");
    tokio::time::sleep(3 * OFTEN).await;
    held_by(&registry, 1, Some(("b", &new))).await;
    held_by(&registry, 2, Some(("a", &bystander))).await;
    for device in [&mut new, &mut bystander] {
        device.send_fixes(&[fix(0)]).await;
        assert_eq!(device.answer().await, Some(Answer::Acknowledged(1)));
    }
    // And back again.
    let back = Device::logged_in(&a, 1).await;
    assert_eq!(new.answer().await, None, "closed");
    held_by(&registry, 1, Some(("a", &back))).await;
    assert_eq!(stored(&redis).await.len(), 2);
}

#[tokio::test]
async fn what_a_connection_that_is_taken_over_has_sent_is_still_acknowledged() {
    let mut redis = TestRedis::start();
    let config = Config {
        unknown_devices: biplane_gateway::UnknownDevices::Accept,
        ..named(&redis, "a", OFTEN).await
    };
    let gateway = Running::start(config).await;
    let mut old = Device::logged_in(&gateway, 2).await;
    redis.kill();
    old.send_fixes(&[fix(0)]).await;
    old.hears_nothing().await;
    // It needs no allowlist to log in, and its entry is made once Redis is back.
    let mut new = Device::logged_in(&gateway, 2).await;
    redis.start_again();
    assert_eq!(old.answer().await, Some(Answer::Acknowledged(1)));
    assert_eq!(old.answer().await, None, "closed");
    held_by(&registry(&redis).await, 2, Some(("a", &new))).await;
    new.send_fixes(&[fix(1)]).await;
    assert_eq!(new.answer().await, Some(Answer::Acknowledged(1)));
    assert_eq!(stored(&redis).await.len(), 2);
}
