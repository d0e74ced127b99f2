//! The log on a real Redis.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::{Duration, Instant};

use biplane_bus::{ConnectError, Durability, EntryId, Lease, Log, LogError, LogOptions, RedisLog};
use biplane_core::{Fix, Frame, Imei, Timestamp};
use support::TestRedis;

const NOW: Duration = Duration::ZERO;

fn frame(device: u64, trace_id: u64) -> Frame {
    let fix = Fix {
        time: Timestamp::from_millis(1_599_910_800_000 + trace_id as i64),
        lat: 46.0,
        lon: 12.8,
        altitude_m: None,
        speed_kmh: None,
        course_deg: None,
        satellites: None,
        hdop: None,
        io: vec![],
    };
    Frame {
        imei: Imei::with_check_digit(35_000_000_000_000 + device),
        received_at: Timestamp::from_millis(1_599_910_801_000),
        gateway: "test".into(),
        protocol: "teltonika".into(),
        trace_id,
        fixes: vec![fix],
    }
}

/// `count` frames of one device, and its partition.
fn frames(count: u64) -> (Vec<Frame>, u16) {
    let frames: Vec<_> = (0..count).map(|n| frame(1, n)).collect();
    let partition = Frame::partition(frames[0].imei, 16);
    (frames, partition)
}

async fn log(redis: &TestRedis) -> RedisLog {
    RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap()
}

async fn short_lease(redis: &TestRedis) -> RedisLog {
    let options = LogOptions { lease: Duration::from_secs(1), ..LogOptions::default() };
    RedisLog::connect(&redis.url(), options).await.unwrap()
}

async fn fence(log: &RedisLog, partition: u16, owner: &str) -> Lease {
    log.fence(partition, owner).await.unwrap().expect("free")
}

/// Waits for the short lease to end.
async fn until_taken(log: &RedisLog, partition: u16, owner: &str) -> Lease {
    for _ in 0..500 {
        if let Some(lease) = log.fence(partition, owner).await.unwrap() {
            return lease;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the lease never ends");
}

async fn read(log: &RedisLog, lease: &Lease, max: usize) -> (Vec<EntryId>, Vec<u64>) {
    let entries = log.read(lease, max, NOW).await.unwrap();
    entries.into_iter().map(|entry| (entry.id, entry.frame.unwrap().trace_id)).unzip()
}

#[tokio::test]
async fn a_partition_is_read_in_the_order_written() {
    let redis = TestRedis::start();
    let log = log(&redis).await;
    let devices: Vec<Frame> = (0..600).map(|n| frame(n % 30, n)).collect();
    for chunk in devices.chunks(100) {
        log.append(chunk).await.unwrap();
    }
    let mut seen = 0;
    for partition in 0..16 {
        let lease = fence(&log, partition, "a").await;
        let mut traces = Vec::new();
        loop {
            let (ids, batch) = read(&log, &lease, 7).await;
            if ids.is_empty() {
                break;
            }
            log.commit(&lease, &ids).await.unwrap();
            traces.extend(batch);
        }
        assert!(traces.is_sorted(), "partition {partition}: {traces:?}");
        seen += traces.len();
    }
    assert_eq!(seen, 600);
}

#[tokio::test]
async fn what_an_owner_left_uncommitted_comes_first_to_the_next() {
    let redis = TestRedis::start();
    let log = short_lease(&redis).await;
    let (frames, partition) = frames(20);
    log.append(&frames).await.unwrap();

    let dies = fence(&log, partition, "dies").await;
    let (ids, _) = read(&log, &dies, 10).await;
    log.commit(&dies, &ids[..4]).await.unwrap();

    let next = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let lease = until_taken(&next, partition, "next").await;
    assert!(lease.generation > dies.generation);
    let mut traces = Vec::new();
    for _ in 0..8 {
        let (_, batch) = read(&next, &lease, 3).await;
        traces.extend(batch);
    }
    assert_eq!(traces, (4..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_answer_that_nobody_received_is_read_again_under_the_same_lease() {
    let redis = TestRedis::start();
    let log = log(&redis).await;
    let (frames, partition) = frames(5);
    let lease = fence(&log, partition, "a").await;
    log.append(&frames[..2]).await.unwrap();
    let (_, mut received) = read(&log, &lease, 1).await;
    // Dropped at ever later points between sending and receiving.
    for micros in (0..2_000).step_by(50) {
        let read = log.read(&lease, 1, NOW);
        if let Ok(entries) = tokio::time::timeout(Duration::from_micros(micros), read).await {
            received
                .extend(entries.unwrap().into_iter().map(|entry| entry.frame.unwrap().trace_id));
        }
        if log.backlog(partition).await.unwrap().pending == 2 {
            break;
        }
    }
    log.append(&frames[2..]).await.unwrap();
    for _ in 0..2 {
        received.extend(read(&log, &lease, 10).await.1);
    }
    assert_eq!(received, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn an_owner_that_lost_its_lease_can_neither_read_nor_commit_nor_bury() {
    let redis = TestRedis::start();
    let log = short_lease(&redis).await;
    let (frames, partition) = frames(4);
    log.append(&frames).await.unwrap();
    let paused = fence(&log, partition, "paused").await;
    let (ids, _) = read(&log, &paused, 2).await;

    let next = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let lease = until_taken(&next, partition, "next").await;
    assert!(matches!(log.commit(&paused, &ids).await, Err(LogError::Fenced { .. })));
    assert!(matches!(log.read(&paused, 9, NOW).await, Err(LogError::Fenced { .. })));
    assert!(matches!(log.bury(&paused, &ids[0], b"x", "why").await, Err(LogError::Fenced { .. })));
    log.release(paused).await.unwrap();
    assert!(log.fence(partition, "paused").await.unwrap().is_none(), "the next still holds it");
    let (_, traces) = read(&next, &lease, 9).await;
    assert_eq!(traces, [0, 1], "nothing was committed");
}

#[tokio::test]
async fn renewing_keeps_the_generation_and_releasing_frees_the_partition_at_once() {
    let redis = TestRedis::start();
    let log = log(&redis).await;
    let first = fence(&log, 3, "a").await;
    assert_eq!(fence(&log, 3, "a").await, first);
    assert!(log.fence(3, "b").await.unwrap().is_none());
    log.release(first.clone()).await.unwrap();
    assert!(fence(&log, 3, "b").await.generation > first.generation);
    assert!(matches!(log.fence(16, "a").await, Err(LogError::Partition { .. })));
}

/// Processors take what has an older generation for an old owner's: they passed over all that
/// came after Redis had been emptied under them.
#[tokio::test]
async fn a_redis_that_lost_its_memory_gave_generations_out_again() {
    let redis = TestRedis::start();
    let log = log(&redis).await;
    let before = fence(&log, 3, "a").await;
    log.release(before.clone()).await.unwrap();
    let before = fence(&log, 3, "b").await;
    let mut raw = redis.connection().await;
    let _: () = redis::cmd("FLUSHALL").query_async(&mut raw).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert!(fence(&log, 3, "b").await.generation > before.generation);
}

/// An acknowledgement stands on this: what Redis refuses must never pass for stored.
#[tokio::test]
async fn what_redis_refuses_even_one_frame_of_many_is_not_stored() {
    let redis = TestRedis::start();
    let log = log(&redis).await;
    let mut raw = redis.connection().await;
    let (mut frames, partition) = frames(3);
    let other = (2..).map(|n| frame(n, 9)).find(|f| Frame::partition(f.imei, 16) != partition);
    frames.insert(1, other.unwrap());
    let full = |value: &'static str| {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("maxmemory").arg(value);
        command
    };
    let _: () = full("1").query_async(&mut raw).await.unwrap();
    assert!(matches!(log.append(&frames).await, Err(LogError::Unavailable(_))));
    let _: () = full("0").query_async(&mut raw).await.unwrap();
    log.append(&frames).await.unwrap();
    // One partition's key is no stream: the other frames fit, this one does not.
    let taken = format!("telemetry:{{p{:02}}}", Frame::partition(frames[1].imei, 16));
    let _: () = redis::cmd("SET").arg(taken).arg("x").query_async(&mut raw).await.unwrap();
    assert!(matches!(log.append(&frames).await, Err(LogError::Unavailable(_))));
}

#[tokio::test]
async fn an_entry_that_is_no_frame_goes_to_the_dead_letters_with_its_reason() {
    let redis = TestRedis::start();
    let log = log(&redis).await;
    let mut raw = redis.connection().await;
    let add = |field: &'static str, bytes: &'static [u8]| {
        let mut command = redis::cmd("XADD");
        command.arg("telemetry:{p05}").arg("*").arg(field).arg(bytes);
        command
    };
    let _: String = add("f", b"\x09garbage").query_async(&mut raw).await.unwrap();
    let _: String = add("g", b"other").query_async(&mut raw).await.unwrap();

    let lease = fence(&log, 5, "a").await;
    let entries = log.read(&lease, 10, NOW).await.unwrap();
    assert_eq!(entries.len(), 2);
    for entry in &entries {
        let poison = entry.frame.as_ref().unwrap_err();
        log.bury(&lease, &entry.id, &poison.bytes, &poison.error).await.unwrap();
    }
    type Dead = Vec<(String, std::collections::HashMap<String, Vec<u8>>)>;
    let dead: Dead = redis::cmd("XRANGE")
        .arg("telemetry:dead:{p05}")
        .arg("-")
        .arg("+")
        .query_async(&mut raw)
        .await
        .unwrap();
    assert_eq!(dead.len(), 2);
    assert_eq!(dead[0].1["f"], b"\x09garbage");
    assert!(String::from_utf8_lossy(&dead[0].1["reason"]).contains("version 9"), "{dead:?}");
    let backlog = log.backlog(5).await.unwrap();
    assert_eq!((backlog.unread, backlog.pending, backlog.oldest), (0, 0, None));
}

#[tokio::test]
async fn the_oldest_entry_that_is_not_committed_is_known_read_or_not() {
    let redis = TestRedis::start();
    let log = log(&redis).await;
    let before = now();
    let (frames, partition) = frames(3);
    log.append(&frames).await.unwrap();
    let lease = fence(&log, partition, "a").await;
    let oldest = async || log.backlog(partition).await.unwrap().oldest.map(Timestamp::as_millis);
    let unread = oldest().await.expect("three wait");
    assert!((before..=now()).contains(&unread), "{unread}");
    let (ids, _) = read(&log, &lease, 3).await;
    assert_eq!(oldest().await, Some(ids[0].major as i64));
    log.commit(&lease, &ids[..2]).await.unwrap();
    assert_eq!(oldest().await, Some(ids[2].major as i64));
    log.commit(&lease, &ids[2..]).await.unwrap();
    assert_eq!(oldest().await, None);
}

/// Milliseconds, by the clock that Redis has too.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_millis() as i64
}

#[tokio::test]
async fn trimming_never_takes_an_unacknowledged_entry() {
    let redis = TestRedis::start();
    let log = log(&redis).await;
    let (frames, partition) = frames(3_000);
    log.append(&frames).await.unwrap();
    let lease = fence(&log, partition, "a").await;
    let (ids, _) = read(&log, &lease, 2_000).await;

    // All but one early entry: it holds back everything behind it.
    let held = ids[150];
    let others: Vec<_> = ids.iter().copied().filter(|&id| id != held).collect();
    log.commit(&lease, &others).await.unwrap();
    let length = || async {
        let mut raw = redis.connection().await;
        let key = format!("telemetry:{{p{partition:02}}}");
        let length: u64 = redis::cmd("XLEN").arg(key).query_async(&mut raw).await.unwrap();
        length
    };
    let kept = length().await;
    assert!((2_850..=2_950).contains(&kept), "{kept} kept");

    let next = self::log(&redis).await;
    log.release(lease).await.unwrap();
    let lease = fence(&next, partition, "b").await;
    let (ids, traces) = read(&next, &lease, 5_000).await;
    assert_eq!(traces, [150], "the pending one is still whole");
    next.commit(&lease, &ids).await.unwrap();
    let (ids, traces) = read(&next, &lease, 5_000).await;
    assert_eq!(traces, (2_000..3_000).collect::<Vec<_>>(), "and so is what nobody read yet");
    next.commit(&lease, &ids).await.unwrap();
    let kept = length().await;
    assert!(kept <= 200, "{kept} kept of none needed");
}

#[tokio::test]
async fn another_group_holds_trimming_back_as_well() {
    let redis = TestRedis::start();
    let log = log(&redis).await;
    let (frames, partition) = frames(1_000);
    log.append(&frames).await.unwrap();
    let key = format!("telemetry:{{p{partition:02}}}");
    let mut raw = redis.connection().await;
    let _: () = redis::cmd("XGROUP")
        .arg("CREATE")
        .arg(&key)
        .arg("archive")
        .arg("0")
        .query_async(&mut raw)
        .await
        .unwrap();
    let lease = fence(&log, partition, "a").await;
    let (ids, _) = read(&log, &lease, 1_000).await;
    log.commit(&lease, &ids).await.unwrap();
    let kept: u64 = redis::cmd("XLEN").arg(&key).query_async(&mut raw).await.unwrap();
    assert_eq!(kept, 1_000);
}

#[tokio::test]
async fn a_reader_that_waits_gets_what_comes_and_holds_nobody_up() {
    let redis = TestRedis::start();
    let log = std::sync::Arc::new(log(&redis).await);
    let (frames, partition) = frames(3);
    let lease = fence(&log, partition, "a").await;
    let waiting = tokio::spawn({
        let (log, lease) = (log.clone(), lease.clone());
        async move { log.read(&lease, 10, Duration::from_secs(20)).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    log.append(&frames).await.unwrap();
    let entries = waiting.await.unwrap();
    assert!(!entries.is_empty());
    assert!(started.elapsed() < Duration::from_secs(5));
    let empty = log.read(&lease, 10, Duration::from_millis(50)).await.unwrap();
    assert!(entries.len() + empty.len() <= 3);
}

#[tokio::test]
async fn entries_survive_a_killed_redis() {
    let mut redis = TestRedis::start();
    let log = log(&redis).await;
    let (frames, partition) = frames(50);
    log.append(&frames).await.unwrap();
    redis.kill();
    assert!(matches!(log.append(&frames[..1]).await, Err(LogError::Unavailable(_))));
    redis.start_again();
    let lease = loop {
        match log.fence(partition, "a").await {
            Ok(lease) => break lease.expect("free"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert_eq!(read(&log, &lease, 100).await.1, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn another_number_of_partitions_is_refused() {
    let redis = TestRedis::start();
    let _first = log(&redis).await;
    let options = LogOptions { partitions: 8, ..LogOptions::default() };
    let error = RedisLog::connect(&redis.url(), options).await.err().expect("refused");
    assert!(matches!(error, ConnectError::Partitions { configured: 8, stored: 16 }), "{error}");
}

#[tokio::test]
async fn an_address_where_nobody_answers_is_named_without_its_password() {
    let error = RedisLog::connect("redis://:secret@127.0.0.1:1", LogOptions::default())
        .await
        .err()
        .expect("nobody there");
    assert_eq!(error.to_string(), "Redis can't be reached at redis://127.0.0.1:1");
}

#[tokio::test]
async fn durability_is_what_redis_is_set_to() {
    let redis = TestRedis::start();
    assert_eq!(log(&redis).await.durability().await.unwrap(), Durability::Durable);
    let weak = TestRedis::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let Durability::Weak { why } = log(&weak).await.durability().await.unwrap() else {
        panic!("durable?")
    };
    assert!(why.len() == 1 && why[0].contains("everysec"), "{why:?}");
    // Valid with `appendfsync always`, which it switches off for minutes.
    let rewriting = "--appendonly yes --appendfsync always --no-appendfsync-on-rewrite yes";
    let weak = TestRedis::start_with(&rewriting.split(' ').collect::<Vec<_>>());
    let Durability::Weak { why } = log(&weak).await.durability().await.unwrap() else {
        panic!("durable?")
    };
    assert!(why.len() == 1 && why[0].contains("on-rewrite"), "{why:?}");
}
