//! The live feed on a real Redis.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use biplane_bus::LiveFeed;
use biplane_bus::live::Tail;
use biplane_core::live::{LivePosition, PublishedPosition};
use biplane_core::{DeviceId, OrganizationId, Timestamp};
use support::TestRedis;
use uuid::Uuid;

fn item(n: i64) -> PublishedPosition {
    PublishedPosition {
        organization: OrganizationId(Uuid::from_u128(1)),
        position: LivePosition {
            device: DeviceId(Uuid::from_u128(2)),
            time: Timestamp::from_millis(n),
            lat: 46.1,
            lon: 12.2,
            altitude_m: Some(1000.0),
            speed_kmh: None,
            course_deg: None,
            faulty: false,
        },
    }
}

fn number(item: &PublishedPosition) -> i64 {
    item.position.time.as_millis()
}

/// The next so many items, whichever batches they come in.
async fn next(tail: &mut Tail, count: usize) -> Vec<i64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let batch = tokio::time::timeout(Duration::from_secs(20), tail.next()).await;
        numbers.extend(batch.expect("a batch within 20 s").iter().map(number));
    }
    numbers
}

#[tokio::test]
async fn every_tail_sees_what_is_published_from_now_on_in_order() {
    let redis = TestRedis::start();
    let feed = LiveFeed::connect(&redis.url(), 4).await.unwrap();
    feed.publish(&[(0, item(-1))]).await.unwrap();
    let mut tails = [feed.tail().await.unwrap(), feed.tail().await.unwrap()];
    // Before anyone waits, into a partition with a past and one without.
    feed.publish(&[(0, item(1)), (0, item(2))]).await.unwrap();
    feed.publish(&[(3, item(11)), (3, item(12))]).await.unwrap();
    for tail in &mut tails {
        let mut numbers = next(tail, 4).await;
        numbers.sort_by_key(|number| number / 10);
        assert_eq!(numbers, [1, 2, 11, 12]);
    }
}

#[tokio::test]
async fn a_large_burst_comes_whole_and_in_order() {
    let redis = TestRedis::start();
    let feed = LiveFeed::connect(&redis.url(), 1).await.unwrap();
    let mut tail = feed.tail().await.unwrap();
    for start in (0..9_000).step_by(1_000) {
        let batch: Vec<_> = (start..start + 1_000).map(|number| (0, item(number))).collect();
        feed.publish(&batch).await.unwrap();
    }
    assert_eq!(next(&mut tail, 9_000).await, (0..9_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_tail_goes_on_where_it_was_when_redis_comes_back() {
    let mut redis = TestRedis::start();
    let feed = LiveFeed::connect(&redis.url(), 2).await.unwrap();
    let mut tail = feed.tail().await.unwrap();
    feed.publish(&[(0, item(1))]).await.unwrap();
    assert_eq!(next(&mut tail, 1).await, [1]);
    feed.publish(&[(0, item(2))]).await.unwrap();
    redis.kill();
    assert!(
        feed.publish(&[(0, item(3))]).await.is_err(),
        "nothing is promised, and nothing is hidden"
    );
    let waiting = tokio::spawn(async move { next(&mut tail, 2).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    redis.start_again();
    // The publisher comes back by itself too.
    for _ in 0..50 {
        if feed.publish(&[(0, item(4))]).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(waiting.await.unwrap(), [2, 4]);
}

#[tokio::test]
async fn what_is_no_item_is_passed_over() {
    let redis = TestRedis::start();
    let feed = LiveFeed::connect(&redis.url(), 1).await.unwrap();
    let mut tail = feed.tail().await.unwrap();
    let mut connection = redis.connection().await;
    for (field, value) in [("m", "{"), ("m", r#"{"weather":{}}"#), ("x", "y")] {
        let _: String = redis::cmd("XADD")
            .arg("live:{p00}")
            .arg("*")
            .arg(field)
            .arg(value)
            .query_async(&mut connection)
            .await
            .unwrap();
    }
    feed.publish(&[(0, item(5))]).await.unwrap();
    assert_eq!(next(&mut tail, 1).await, [5]);
}

#[tokio::test]
async fn the_streams_stay_short() {
    let redis = TestRedis::start();
    let feed = LiveFeed::connect(&redis.url(), 1).await.unwrap();
    for start in (0..25_000).step_by(5_000) {
        let batch: Vec<_> = (start..start + 5_000).map(|number| (0, item(number))).collect();
        feed.publish(&batch).await.unwrap();
    }
    let length: usize = redis::cmd("XLEN")
        .arg("live:{p00}")
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert!((10_000..11_000).contains(&length), "{length}");
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_an_error_at_once() {
    let error = LiveFeed::connect("redis://127.0.0.1:1", 1).await.err().expect("no Redis");
    assert!(error.to_string().contains("can't reach Redis"));
    let error = LiveFeed::connect("what?", 1).await.err().expect("no address");
    assert!(error.to_string().contains("`what?`"));
}
