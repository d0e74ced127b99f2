//! What the processor buried and what strangers sent, seen, put back and dropped at the prompt.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod redis_server;

use std::process::Command;
use std::time::Duration;

use biplane_bus::{Allowlist, Known, Log, LogOptions, RedisLog};
use biplane_core::{Fix, Frame, Imei, Timestamp};
use redis_server::TestRedis;

fn frame(number: u64) -> Frame {
    let fix = Fix {
        time: Timestamp::from_millis(1_600_000_000_000),
        lat: 46.0,
        lon: 12.0,
        altitude_m: None,
        speed_kmh: None,
        course_deg: None,
        satellites: None,
        hdop: None,
        io: vec![],
    };
    Frame {
        imei: Imei::with_check_digit(number),
        received_at: Timestamp::from_millis(1_600_000_001_000),
        gateway: "gateway-1".into(),
        protocol: "teltonika".into(),
        trace_id: number,
        fixes: vec![fix],
    }
}

async fn bury_all(log: &RedisLog, reason: &str) -> usize {
    let mut buried = 0;
    for partition in 0..log.partitions() {
        let lease = log.fence(partition, "test").await.unwrap().unwrap();
        for entry in log.read(&lease, 100, Duration::from_millis(1)).await.unwrap() {
            let bytes = entry.frame.map_or_else(|poison| poison.bytes, |frame| frame.to_bytes());
            log.bury(&lease, &entry.id, &bytes, reason).await.unwrap();
            buried += 1;
        }
    }
    buried
}

/// Lines of the answer and what was said beside it.
fn ask(redis: &TestRedis, arguments: &[&str]) -> (Vec<String>, String) {
    ask_for("dead-letters", redis, arguments)
}

fn ask_for(command: &str, redis: &TestRedis, arguments: &[&str]) -> (Vec<String>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_biplane"))
        .args([command, "--redis-url", &redis.url()])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let said = text(output.stderr);
    assert!(output.status.success(), "{said}");
    (text(output.stdout).lines().map(ToOwned::to_owned).collect(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_put_back_and_dropped_by_device() {
    let redis = TestRedis::start();
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    log.append(&[frame(1), frame(2), frame(2)]).await.unwrap();
    let mut raw = redis.connection().await;
    let _: String = redis::cmd("XADD")
        .arg(&["telemetry:{p05}", "*", "f", "garbage"])
        .query_async(&mut raw)
        .await
        .unwrap();
    assert_eq!(bury_all(&log, "no active device").await, 4);

    let (lines, said) = ask(&redis, &["list"]);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(said.contains("4 dead letters found"), "{said}");
    assert_eq!(lines.iter().filter(|line| line.contains("no frame: no active device")).count(), 1);
    let two = frame(2).imei.to_string();
    let (lines, _) = ask(&redis, &["list", "--json", "--imei", &two]);
    let told: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((lines.len(), &told["imei"], &told["positions"]), (2, &two.into(), &1.into()));
    assert_eq!(told["received_at"], "2020-09-13T12:26:41.000Z");

    let (lines, said) = ask(&redis, &["replay", "--imei", &frame(2).imei.to_string()]);
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!(bury_all(&log, "again").await, 2, "they were in the log");
    let (lines, _) = ask(&redis, &["drop"]);
    assert_eq!(lines.len(), 4);
    assert_eq!(ask(&redis, &["list"]).0, Vec::<String>::new());
    assert_eq!(bury_all(&log, "none").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_quarantine_is_released_once_its_device_is_known() {
    let redis = TestRedis::start();
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let ask = |arguments: &[&str]| ask_for("quarantine", &redis, arguments);
    log.quarantine(&[frame(1), frame(2), frame(2), frame(3)]).await.unwrap();
    let mut raw = redis.connection().await;
    let _: String = redis::cmd("XADD")
        .arg(&["quarantine:devices", "*", "f", "garbage"])
        .query_async(&mut raw)
        .await
        .unwrap();
    let (lines, said) = ask(&["list"]);
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(said.contains("5 frames found"), "{said}");
    assert!(lines[4].contains("no frame"), "{lines:?}");
    let one = frame(1).imei.to_string();
    let (lines, _) = ask(&["list", "--json", "--imei", &one]);
    let told: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((lines.len(), &told["imei"], &told["positions"]), (1, &one.into(), &1.into()));
    assert_eq!((&told["gateway"], &told["protocol"]), (&"gateway-1".into(), &"teltonika".into()));

    let (lines, said) = ask(&["release"]);
    assert!(lines.is_empty() && said.contains("5 stay"), "{said}");
    let known = [Known { imei: frame(2).imei, token: None }];
    Allowlist::new(&log).publish(&known, Timestamp::default()).await.unwrap();
    let (lines, said) = ask(&["release"]);
    assert_eq!(lines.len(), 2, "{said}");
    assert!(said.contains("2 frames released") && said.contains("3 stay"), "{said}");
    assert_eq!(bury_all(&log, "they were in the log").await, 2);

    let (lines, _) = ask(&["drop", "--imei", &frame(3).imei.to_string()]);
    assert_eq!(lines.len(), 1);
    let (lines, said) = ask(&["drop"]);
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!(ask(&["list"]).0, Vec::<String>::new());
}

#[test]
fn a_wrong_imei_and_a_redis_that_is_away_are_named() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_biplane"))
            .arg("dead-letters")
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run(&["list", "--imei", "12"]).contains("15 digits"));
    assert!(run(&["list", "--redis-url", "redis://u:secret@127.0.0.1:1"]).contains("127.0.0.1:1"));
    assert!(!run(&["list", "--redis-url", "redis://u:secret@127.0.0.1:1"]).contains("secret"));
}
