//! Orders, claims and reports on a real Redis, each side under its own user.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::{Duration, Instant};

use biplane_bus::{Claim, Commands, EntryId, LogOptions, Order, Outcome, RedisLog, Report};
use biplane_core::{Imei, Timestamp};
use support::TestRedis;
use uuid::Uuid;

const NO_WAIT: Duration = Duration::ZERO;
const FIRST: EntryId = EntryId { major: 0, minor: 0 };

async fn commands(redis: &TestRedis, user: &str) -> Commands {
    Commands::new(&RedisLog::connect(&redis.url_of(user), LogOptions::default()).await.unwrap())
}

fn order(n: u128) -> Order {
    Order {
        command: Uuid::from_u128(n),
        attempt: 1,
        imei: Imei::with_check_digit(35_000_000_000_000),
        text: "getinfo".into(),
        expires_at: Timestamp::from_millis(1_599_910_800_123),
        answers: true,
    }
}

fn report(order: &Order, outcome: Outcome) -> Report {
    Report {
        command: order.command,
        attempt: order.attempt,
        outcome,
        at: Timestamp::from_millis(1_599_910_801_456),
        instance: "a".into(),
        text: (outcome == Outcome::Acknowledged).then(|| "RTC:2020/9/12".into()),
    }
}

/// As the outbox hands it on, by its user.
async fn give(redis: &TestRedis, instance: &str, order: &Order) -> EntryId {
    let id: String = redis::cmd("XADD")
        .arg(format!("commands:{instance}"))
        .arg("*")
        .arg("command")
        .arg(order.command.to_string())
        .arg("attempt")
        .arg(order.attempt)
        .arg("imei")
        .arg(order.imei.to_string())
        .arg("text")
        .arg(&order.text)
        .arg("expires_at")
        .arg(order.expires_at.to_string())
        .arg("answers")
        .arg(order.answers.to_string())
        .arg("outbox_id")
        .arg(7)
        .query_async(&mut directus(redis).await)
        .await
        .unwrap();
    id.parse().unwrap()
}

async fn directus(redis: &TestRedis) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(redis.url_of("directus")).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn an_order_stays_until_it_is_finished_and_its_report_until_it_is_dealt_with() {
    let redis = TestRedis::start();
    let (gateway, processor) =
        (commands(&redis, "gateway").await, commands(&redis, "processor").await);
    let first = give(&redis, "a", &order(1)).await;
    let second = give(&redis, "a", &Order { answers: false, ..order(2) }).await;
    for _ in 0..2 {
        let waiting = gateway.waiting("a", FIRST, 10, NO_WAIT).await.unwrap();
        assert_eq!(waiting[0], (first, Ok(order(1))));
        assert_eq!(waiting[1], (second, Ok(Order { answers: false, ..order(2) })));
    }
    assert_eq!(gateway.waiting("a", first, 10, NO_WAIT).await.unwrap().len(), 1);
    assert_eq!(gateway.waiting("a", FIRST, 1, NO_WAIT).await.unwrap().len(), 1);
    assert_eq!(gateway.waiting("b", FIRST, 1, NO_WAIT).await.unwrap(), []);

    let (sent, acknowledged) =
        (report(&order(1), Outcome::Sent), report(&order(1), Outcome::Acknowledged));
    gateway.report(&sent).await.unwrap();
    assert_eq!(gateway.waiting("a", FIRST, 10, NO_WAIT).await.unwrap().len(), 2);
    assert!(gateway.finish("a", first, &acknowledged).await.unwrap());
    // Whoever comes second says nothing.
    assert!(
        !processor.finish("a", first, &report(&order(1), Outcome::Unknown)).await.unwrap(),
        "finished twice"
    );
    gateway.discard("a", second).await.unwrap();
    assert_eq!(gateway.waiting("a", FIRST, 10, NO_WAIT).await.unwrap(), []);

    let told: Vec<_> = processor.reports(10).await.unwrap();
    assert_eq!(
        told.iter().map(|(_, it)| it.clone()).collect::<Vec<_>>(),
        [Ok(sent), Ok(acknowledged)]
    );
    // Another processor, or the same one after a crash, gets them again; first those.
    gateway.report(&report(&order(2), Outcome::Sent)).await.unwrap();
    assert_eq!(processor.reports(10).await.unwrap(), told);
    processor.reported(&told.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await.unwrap();
    processor.reported(&[]).await.unwrap();
    let last = processor.reports(10).await.unwrap();
    assert_eq!(last[0].1, Ok(report(&order(2), Outcome::Sent)));
    processor.reported(&[last[0].0]).await.unwrap();
    assert_eq!(processor.reports(10).await.unwrap(), []);
    let length: u64 = redis::cmd("XLEN")
        .arg("command-results")
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert_eq!(length, 0, "kept for ever");
}

#[tokio::test]
async fn who_waits_has_an_order_as_soon_as_it_is_there_and_nobody_else_waits_for_it() {
    let redis = TestRedis::start();
    let gateway = commands(&redis, "gateway").await;
    assert_eq!(
        gateway.waiting("a", FIRST, 1, Duration::from_millis(50)).await.unwrap(),
        [],
        "nothing came"
    );
    let waits = {
        let gateway = gateway.clone();
        tokio::spawn(async move { gateway.waiting("a", FIRST, 1, Duration::from_secs(60)).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    gateway.beat("a").await.unwrap();
    let entry = give(&redis, "a", &order(1)).await;
    let waiting = tokio::time::timeout(Duration::from_secs(20), waits).await;
    assert_eq!(waiting.expect("in time").unwrap().unwrap(), [(entry, Ok(order(1)))]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_attempt_is_claimed_by_one_only_who_may_ask_again() {
    let redis = TestRedis::start();
    let (gateway, processor) =
        (commands(&redis, "gateway").await, commands(&redis, "processor").await);
    let command = Uuid::from_u128(1);
    assert_eq!(gateway.claim(command, 1, "a/1/5-0").await.unwrap(), Claim::Ours);
    assert_eq!(gateway.claim(command, 1, "a/1/5-0").await.unwrap(), Claim::Ours);
    let theirs = Claim::Theirs("a/1/5-0".into());
    assert_eq!(processor.claim(command, 1, "processor").await.unwrap(), theirs);
    assert_eq!(processor.claim(command, 2, "processor").await.unwrap(), Claim::Ours);
    // Who cancels does it as Directus's user.
    let set = async |attempt: u32| -> Option<String> {
        redis::cmd("SET")
            .arg(format!("command:{command}:{attempt}"))
            .arg(&["cancel/somebody", "NX", "EX", "60"])
            .query_async(&mut directus(&redis).await)
            .await
            .unwrap()
    };
    assert_eq!((set(1).await, set(3).await), (None, Some("OK".into())));
    let cancelled = Claim::Theirs("cancel/somebody".into());
    assert_eq!(gateway.claim(command, 3, "a/1/6-0").await.unwrap(), cancelled);
    let left: i64 = redis::cmd("TTL")
        .arg(format!("command:{command}:1"))
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert!((691_000..=691_200).contains(&left), "{left} s");
}

#[tokio::test]
async fn what_can_not_be_read_says_why_and_holds_up_nothing() {
    let redis = TestRedis::start();
    let (gateway, processor) =
        (commands(&redis, "gateway").await, commands(&redis, "processor").await);
    let mut raw = redis.connection().await;
    for (key, fields) in [
        ("commands:a", &["text", "getinfo"][..]),
        ("commands:a", &["command", "x", "attempt", "1"]),
        ("command-results", &["outcome", "sent"]),
    ] {
        let _: String =
            redis::cmd("XADD").arg(key).arg("*").arg(fields).query_async(&mut raw).await.unwrap();
    }
    let good = give(&redis, "a", &order(1)).await;
    let waiting = gateway.waiting("a", FIRST, 10, NO_WAIT).await.unwrap();
    assert_eq!(waiting[0].1, Err("there is no text in `command`".into()));
    assert_eq!(waiting[1].1, Err("`command` can't be `x`".into()));
    assert_eq!(waiting[2], (good, Ok(order(1))));
    gateway.report(&report(&order(1), Outcome::Sent)).await.unwrap();
    let reports = processor.reports(10).await.unwrap();
    assert_eq!(reports[0].1, Err("there is no text in `command`".into()));
    assert_eq!(reports[1].1, Ok(report(&order(1), Outcome::Sent)));
}

#[tokio::test]
async fn a_gateway_that_is_gone_and_left_orders_is_found_and_one_that_left_none_is_forgotten() {
    let redis = TestRedis::start();
    let (gateway, processor) =
        (commands(&redis, "gateway").await, commands(&redis, "processor").await);
    for instance in ["a", "b", "c", "d"] {
        gateway.beat(instance).await.unwrap();
    }
    let left = give(&redis, "a", &order(1)).await;
    give(&redis, "b", &order(2)).await;
    assert_eq!(processor.orphans().await.unwrap(), Vec::<String>::new());
    let mut raw = redis.connection().await;
    let mut expire = async |keys: &[&str]| {
        let _: i64 = redis::cmd("DEL").arg(keys).query_async(&mut raw).await.unwrap();
    };
    // The heartbeats of `a`, `c` and `d` are over, that of `d` for an hour.
    expire(&["gateway:a", "gateway:c", "gateway:d", "gateway:d:lately"]).await;
    assert_eq!(processor.orphans().await.unwrap(), ["a"]);
    let mut known: Vec<String> = redis::cmd("SMEMBERS")
        .arg("gateways")
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    known.sort();
    assert_eq!(known, ["a", "b", "c"]);
    // An order that comes to it only now is found, too.
    give(&redis, "c", &order(3)).await;
    let mut orphans = processor.orphans().await.unwrap();
    orphans.sort();
    assert_eq!(orphans, ["a", "c"]);
    // The processor does for them what they would have done.
    assert_eq!(processor.waiting("a", FIRST, 10, NO_WAIT).await.unwrap(), [(left, Ok(order(1)))]);
    assert_eq!(processor.claim(order(1).command, 1, "processor").await.unwrap(), Claim::Ours);
    assert!(processor.finish("a", left, &report(&order(1), Outcome::Away)).await.unwrap());
    assert_eq!(processor.orphans().await.unwrap(), ["c"]);
    gateway.beat("c").await.unwrap();
    assert_eq!(processor.orphans().await.unwrap(), Vec::<String>::new());
}
