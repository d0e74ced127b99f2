//! The registry and the allowlist on a real Redis.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use biplane_bus::{Allowlist, Holder, Known, LogOptions, RedisLog, Registry, TokenDigest};
use biplane_core::{Imei, Timestamp};
use support::TestRedis;

fn imei(n: u64) -> Imei {
    Imei::with_check_digit(35_000_000_000_000 + n)
}

fn holder(instance: &str, remote: &str) -> Holder {
    Holder {
        instance: instance.into(),
        remote: remote.into(),
        since: Timestamp::from_millis(1_599_910_800_123),
    }
}

#[tokio::test]
async fn a_device_that_connects_elsewhere_is_taken_over_and_the_former_holder_named() {
    let redis = TestRedis::start();
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let registry = Registry::new(&log);
    let (a, b) = (holder("a", "10.0.0.1:1"), holder("b", "10.0.0.2:1"));
    assert_eq!(registry.claim(imei(1), &a).await.unwrap(), None);
    assert_eq!(registry.claim(imei(1), &b).await.unwrap(), Some(a.clone()));
    assert_eq!(registry.renew(&[(imei(1), a.clone())]).await.unwrap(), [false]);
    registry.release(imei(1), &a).await.unwrap();
    assert_eq!(registry.holder(imei(1)).await.unwrap(), Some(b.clone()));
    assert_eq!(registry.renew(&[(imei(1), b.clone())]).await.unwrap(), [true]);
    registry.release(imei(1), &b).await.unwrap();
    assert_eq!(registry.holder(imei(1)).await.unwrap(), None);
}

#[tokio::test]
async fn an_entry_ends_by_itself_and_renewing_makes_it_again() {
    let redis = TestRedis::start();
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let registry = Registry::new(&log);
    let a = holder("a", "10.0.0.1:1");
    registry.claim(imei(2), &a).await.unwrap();
    let mut raw = redis.connection().await;
    let key = format!("registry:{}", imei(2));
    let left: i64 = redis::cmd("TTL").arg(&key).query_async(&mut raw).await.unwrap();
    assert!((290..=300).contains(&left), "{left} s");
    let _: i64 = redis::cmd("DEL").arg(&key).query_async(&mut raw).await.unwrap();
    assert_eq!(registry.renew(&[(imei(2), a.clone())]).await.unwrap(), [true]);
    assert_eq!(registry.holder(imei(2)).await.unwrap(), Some(a));
}

#[tokio::test]
async fn many_entries_are_renewed_in_one_step_each_with_its_own_outcome() {
    let redis = TestRedis::start();
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let registry = Registry::new(&log);
    let (a, b) = (holder("a", "10.0.0.1:1"), holder("b", "10.0.0.2:1"));
    let held: Vec<_> = (0..500).map(|n| (imei(n), a.clone())).collect();
    for n in [0, 7, 499] {
        registry.claim(imei(n), if n == 7 { &b } else { &a }).await.unwrap();
    }
    let key = format!("registry:{}", imei(0));
    let mut raw = redis.connection().await;
    let _: i64 = redis::cmd("EXPIRE").arg(&key).arg(10).query_async(&mut raw).await.unwrap();
    let renewed = registry.renew(&held).await.unwrap();
    assert_eq!(renewed, (0..500).map(|n| n != 7).collect::<Vec<_>>());
    assert_eq!(registry.holder(imei(7)).await.unwrap(), Some(b));
    assert_eq!(registry.holder(imei(300)).await.unwrap(), Some(a));
    let left: i64 = redis::cmd("TTL").arg(&key).query_async(&mut raw).await.unwrap();
    assert!((290..=300).contains(&left), "{left} s");
    assert_eq!(registry.renew(&[]).await.unwrap(), Vec::<bool>::new());
}

#[tokio::test]
async fn publishing_replaces_the_whole_allowlist() {
    let redis = TestRedis::start();
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let allowlist = Allowlist::new(&log);
    let now = Timestamp::from_millis(1_599_910_800_123);
    assert_eq!(allowlist.published().await.unwrap(), None);
    assert_eq!(allowlist.find(imei(1)).await.unwrap(), None);
    let token = |n| (n % 2 == 1).then(|| TokenDigest::of(&format!("token of {n}")));
    let all: Vec<_> = (0..2_500).map(|n| Known { imei: imei(n), token: token(n) }).collect();
    allowlist.publish(&all, now).await.unwrap();
    assert_eq!(allowlist.find(imei(0)).await.unwrap(), Some(all[0]));
    let last = allowlist.find(imei(2_499)).await.unwrap().unwrap();
    assert!(last.token.unwrap().is_of("token of 2499"));
    assert!(!last.token.unwrap().is_of("token of 2498"));
    allowlist.publish(&all[1..2], now + 1).await.unwrap();
    assert_eq!(allowlist.find(imei(0)).await.unwrap(), None);
    assert_eq!(allowlist.find(imei(1)).await.unwrap(), Some(all[1]));
    let gone: bool = redis::cmd("HEXISTS")
        .arg(&["devices:tokens", &imei(3).to_string()])
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert!(!gone, "the token of a device that is no longer known");
    assert_eq!(allowlist.published().await.unwrap(), Some(now + 1));
}
