//! The whole processor between a real Redis and a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../store/tests/support/mod.rs"]
mod postgres;
#[path = "../../core/tests/support/race.rs"]
mod race;
#[path = "../../bus/tests/support/mod.rs"]
mod redis_server;
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use biplane_bus::{Alerts, Allowlist, LiveFeed, Log, SecondAddress};
use biplane_core::agreement::{Counts, Found, compare};
use biplane_core::live::Direction;
use biplane_core::{Fix, Timestamp};
use support::{PARTITIONS, Rig, START, count, device, device_id, eventually, frame, track};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn frames_in_the_log_become_rows_crossings_and_live_items() {
    let rig = Rig::new([1]).await;
    let feed = LiveFeed::connect(&rig.redis.url(), PARTITIONS).await.unwrap();
    let mut tail = feed.tail().await.unwrap();
    let processor = rig.start();
    let allowlist = Allowlist::new(&rig.log);
    eventually("the device is known to gateways", async || {
        allowlist.find(device(1)).await.unwrap().is_some()
    })
    .await;
    let mut fixes = track(0..100);
    fixes[50].lat = 0.0;
    fixes[50].lon = 0.0;
    fixes.push(Fix { time: Timestamp::from_millis(1000), ..fixes[0].clone() });
    for part in fixes.chunks(10) {
        rig.log.append(&[frame(1, part.to_vec())]).await.unwrap();
    }
    rig.wait_drained().await;
    assert_eq!(rig.count("telemetry.positions").await, 100);
    assert_eq!(rig.count("telemetry.positions WHERE fault_reason = 'zero_coordinates'").await, 1);
    assert_eq!(rig.count("telemetry.quarantine").await, 1);
    let traced = rig.count("telemetry.positions WHERE trace_id = 1").await;
    assert_eq!(traced, 100, "the frame's own id");
    let rows = rig
        .client
        .query(
            "SELECT direction, geofence, checkpoint, entry, extract(epoch FROM crossed_at)::float8, status, id
             FROM crossings ORDER BY crossed_at",
            &[],
        )
        .await
        .unwrap();
    // The circle's southern and northern border are 405 m from its centre.
    let second = |metres: f64| {
        ((46.23083 - 46.222) * 111_194.926_645 + metres) / 20.0 * 111_195.0 / 111_194.926_645
    };
    for (row, (direction, metres)) in rows.iter().zip([("enter", -405.0), ("exit", 405.0)]) {
        assert_eq!(row.get::<_, &str>(0), direction);
        assert_eq!(row.get::<_, Uuid>(1), Uuid::from_u128(1));
        assert_eq!(row.get::<_, Option<Uuid>>(2), Some(Uuid::from_u128(1)));
        assert_eq!(row.get::<_, Option<Uuid>>(3), Some(Uuid::from_u128(0xe001)));
        let crossed = row.get::<_, f64>(4) - START as f64 / 1000.0;
        assert!((crossed - second(metres)).abs() < 0.001, "{crossed} {}", second(metres));
        assert_eq!(row.get::<_, &str>(5), "valid");
    }
    assert_eq!(rows.len(), 2);
    assert_eq!(
        rig.count("device_status WHERE last_fix_at = '2020-09-12 11:41:39+00' AND connected").await,
        1
    );

    let mut last = None;
    while last.is_none_or(|time| time < START + 99_000) {
        let items = tokio::time::timeout(Duration::from_secs(10), tail.next()).await.unwrap();
        let believed = items.iter().filter(|item| !item.position.faulty);
        last = last.max(believed.map(|item| item.position.time.as_millis()).max());
    }
    assert_eq!(rig.count("telemetry.live_events WHERE kind = 'crossing'").await, 2);
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_address_is_one_alert_until_it_is_closed() {
    let rig = Rig::new([1]).await;
    let alerts = Alerts::new(&rig.log);
    let seen = |n: u64, second: i64| SecondAddress {
        imei: device(n),
        address: [10, 0, 0, 1].into(),
        before: "10.0.0.2:4711".into(),
        instance: "gateway-1".into(),
        at: Timestamp::from_millis(START + second * 1000),
    };
    let mut raw = rig.redis.connection().await;
    let strange = ["gateway:alerts", "*", "kind", "another", "imei", "no digits"];
    let _: String = redis::cmd("XADD").arg(&strange).query_async(&mut raw).await.unwrap();
    for alert in [seen(1, 1), seen(77, 2), seen(1, 3)] {
        alerts.raise(&alert).await.unwrap();
    }
    let processor = rig.start();
    let written = "alerts WHERE kind = 'duplicate_imei' AND message = 'tracker logged in from 10.0.0.1 while it was connected from 10.0.0.2:4711'";
    eventually("the alert is written", async || rig.count(written).await == 1).await;
    eventually("all are dealt with", async || alerts.waiting(10).await.unwrap().is_empty()).await;
    rig.client.execute("UPDATE alerts SET status = 'closed'", &[]).await.unwrap();
    alerts.raise(&seen(1, 4)).await.unwrap();
    eventually("another one after that", async || rig.count(written).await == 2).await;
    assert_eq!(rig.count("alerts").await, 2);
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_is_stored_once_also_by_another_processor() {
    let rig = Rig::new([1, 2]).await;
    let frames: Vec<_> = [1, 2]
        .into_iter()
        .flat_map(|n| {
            track(0..100).chunks(10).map(|part| frame(n, part.to_vec())).collect::<Vec<_>>()
        })
        .collect();
    for _ in 0..2 {
        let processor = rig.start();
        rig.log.append(&frames).await.unwrap();
        rig.log.append(&frames).await.unwrap();
        rig.wait_drained().await;
        processor.stop().await;
    }
    assert_eq!(rig.count("telemetry.positions").await, 200);
    assert_eq!(rig.count("crossings").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn processors_killed_under_load_lose_and_double_nothing() {
    const KILLS: i64 = 4;
    let rig = Rig::new(1..=20).await;
    let (mut sent, mut interrupted) = (0, 0);
    for kill in 0..KILLS {
        let mut processor = rig.spawn();
        let before = rig.count("telemetry.positions").await;
        for (n, part) in track(kill * 300..(kill + 1) * 300).chunks(3).enumerate() {
            let frames: Vec<_> = (1..=20).map(|n| frame(n, part.to_vec())).collect();
            rig.log.append(&frames).await.unwrap();
            sent += 60;
            if n == 50 {
                // The new one owns the partitions and is at work; then at another moment each time.
                eventually("it writes", async || rig.count("telemetry.positions").await > before)
                    .await;
                tokio::time::sleep(Duration::from_millis((kill * 13) as u64)).await;
            }
        }
        processor.kill().unwrap();
        processor.wait().unwrap();
        interrupted += i32::from(!rig.drained().await);
    }
    assert!(interrupted > 0, "each was killed when it had nothing to do");
    let processor = rig.start();
    rig.wait_drained().await;
    processor.stop().await;
    assert_eq!(rig.count("telemetry.positions").await, sent);
    assert_eq!(rig.count("telemetry.positions WHERE faulty").await, 0);
    // The track goes straight north: into no zone and out of none more than once.
    let once =
        "(SELECT 1 FROM crossings GROUP BY device, geofence, direction HAVING count(*) = 1) once";
    assert_eq!(rig.count(once).await, rig.count("crossings").await);
    assert_eq!(
        rig.count("crossings WHERE geofence = '00000000-0000-0000-0000-000000000001'").await,
        40
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_killed_between_writing_and_committing_to_the_log_doubles_nothing() {
    let mut rig = Rig::new([1]).await;
    let mut processor = rig.spawn();
    rig.log.append(&[frame(1, track(0..20))]).await.unwrap();
    rig.wait_drained().await;

    // The writer is held up in its transaction while the log is made to wait, then let go.
    let lock = rig.client.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE crossings IN ACCESS EXCLUSIVE MODE").await.unwrap();
    rig.log.append(&[frame(1, track(20..100))]).await.unwrap();
    let other = rig.postgres.client().await;
    let waiting = "pg_locks WHERE relation = 'public.crossings'::regclass AND NOT granted";
    eventually("the writer waits", async || count(&other, waiting).await > 0).await;
    let mut redis = rig.redis.connection().await;
    let mut say = redis::cmd("CLIENT");
    say.arg("PAUSE").arg(60_000).arg("WRITE").query_async::<()>(&mut redis).await.unwrap();
    lock.rollback().await.unwrap();
    eventually("it is written", async || rig.count("telemetry.positions").await == 100).await;
    processor.kill().unwrap();
    processor.wait().unwrap();
    redis::cmd("CLIENT").arg("UNPAUSE").query_async::<()>(&mut redis).await.unwrap();
    assert!(!rig.drained().await, "it was committed after all");

    let processor = rig.start();
    rig.wait_drained().await;
    processor.stop().await;
    assert_eq!(rig.count("telemetry.positions").await, 100);
    assert_eq!(rig.count("crossings").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_or_log_that_goes_away_and_comes_back_loses_nothing() {
    let mut rig = Rig::new([1, 2]).await;
    let processor = rig.start();
    let send = async |rig: &Rig, seconds: std::ops::Range<i64>| {
        let frames: Vec<_> = [1, 2].map(|n| frame(n, track(seconds.clone()))).into();
        rig.log.append(&frames).await.unwrap();
    };
    send(&rig, 0..20).await;
    rig.wait_drained().await;
    rig.postgres.stop();
    send(&rig, 20..40).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    send(&rig, 40..60).await;
    rig.postgres.start_again().await;
    rig.client = rig.postgres.client().await;
    rig.wait_drained().await;
    assert_eq!(rig.count("telemetry.positions").await, 120);

    send(&rig, 60..80).await;
    rig.redis.kill();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    rig.redis.start_again();
    eventually("the log takes frames again", async || {
        let frames: Vec<_> = [1, 2].map(|n| frame(n, track(80..100))).into();
        rig.log.append(&frames).await.is_ok()
    })
    .await;
    rig.wait_drained().await;
    processor.stop().await;
    assert_eq!(rig.count("telemetry.positions").await, 200);
    assert_eq!(rig.count("crossings").await, 4);
}

/// One batch was decided ahead; what came behind it was shown only when the writer had time.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_held_up_what_live_clients_see() {
    let mut rig = Rig::new([1]).await;
    let feed = LiveFeed::connect(&rig.redis.url(), PARTITIONS).await.unwrap();
    let mut tail = feed.tail().await.unwrap();
    // A lease that is lost on a busy machine would have to be claimed behind the writer.
    let processor = rig.start_with(&["--log-lease-s", "60"]);
    rig.log.append(&[frame(1, track(0..1))]).await.unwrap();
    rig.wait_drained().await;
    // The course that was set up is an order, for which live work rests until all is written.
    eventually("the course's order is carried out", async || {
        rig.count("telemetry.recomputes WHERE done_at IS NULL").await == 0
    })
    .await;
    let lock = rig.client.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE device_status IN SHARE MODE").await.unwrap();
    for second in 1..100 {
        rig.log.append(&[frame(1, track(second..second + 1))]).await.unwrap();
        let sent = START + second * 1000;
        let shown = async {
            while !tail.next().await.iter().any(|it| it.position.time.as_millis() == sent) {}
        };
        tokio::time::timeout(Duration::from_secs(30), shown)
            .await
            .unwrap_or_else(|_| panic!("second {second} is not shown"));
    }
    let other = rig.postgres.client().await;
    assert_eq!(count(&other, "telemetry.positions").await, 1, "the writer writes all the same");
    lock.rollback().await.unwrap();
    rig.wait_drained().await;
    processor.stop().await;
    assert_eq!(rig.count("telemetry.positions").await, 100);
    assert_eq!(rig.count("crossings").await, 2);
}

/// The task that reads the setup panicked; the rest went on, healthy to look at, with the setup
/// of then.
#[tokio::test(flavor = "multi_thread")]
async fn a_processor_ran_on_without_the_part_that_had_panicked() {
    let rig = Rig::new([]).await;
    // Of all that Directus may do to a table, what no reader expects.
    rig.client.batch_execute("ALTER TABLE devices ALTER imei TYPE bigint USING 1").await.unwrap();
    rig.client
        .batch_execute(
            "INSERT INTO devices (id, organization, name, imei) VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'x', 1)",
        )
        .await
        .unwrap();
    let mut child = rig.spawn();
    let mut code = None;
    eventually("the processor ends", async || {
        code = child.try_wait().unwrap();
        code.is_some()
    })
    .await;
    assert_eq!(code.unwrap().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_and_frames_of_unknown_devices_are_buried_and_hold_up_nothing() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    let mut connection = rig.redis.connection().await;
    for partition in 0..PARTITIONS {
        redis::cmd("XADD")
            .arg(format!("telemetry:{{p{partition:02}}}"))
            .arg("*")
            .arg("f")
            .arg(b"\x01no frame".as_slice())
            .query_async::<String>(&mut connection)
            .await
            .unwrap();
    }
    rig.log.append(&[frame(99, track(0..5)), frame(1, track(0..5))]).await.unwrap();
    rig.wait_drained().await;
    assert_eq!(rig.count("telemetry.positions").await, 5);
    assert_eq!(rig.dead_letters().await, i64::from(PARTITIONS) + 1);

    // A device that is added now is known when its first frame is decided.
    rig.client
        .execute(
            "INSERT INTO devices (id, organization, name, imei) VALUES ($1, $2, 'new', $3)",
            &[&device_id(99), &Uuid::from_u128(1), &device(99).to_string()],
        )
        .await
        .unwrap();
    rig.log.append(&[frame(99, track(5..10))]).await.unwrap();
    rig.wait_drained().await;
    assert_eq!(rig.count("telemetry.positions").await, 10);
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_race_through_log_and_database_gives_the_scorers_crossings() {
    let tracks = race::tracks();
    let bib = |name: &str| name[1..].parse::<u64>().unwrap();
    let rig = Rig::new(tracks.keys().map(|name| bib(name))).await;
    // As the demo has it: the event lasts from the recording's first fix to its last.
    let times = || tracks.values().flatten().map(|fix| fix.time.as_millis() as f64 / 1000.0);
    let (starts_at, ends_at) = (times().fold(f64::MAX, f64::min), times().fold(0.0, f64::max));
    rig.client
        .execute(
            "UPDATE events SET starts_at = to_timestamp($1), ends_at = to_timestamp($2)",
            &[&starts_at, &ends_at],
        )
        .await
        .unwrap();
    // As trackers send: all at once, each in its own order, ten fixes a frame.
    let mut queues: BTreeMap<_, _> =
        tracks.iter().map(|(name, fixes)| (bib(name), fixes.chunks(10))).collect();
    let processor = rig.start();
    loop {
        let frames: Vec<_> = queues
            .iter_mut()
            .flat_map(|(&n, chunks)| {
                chunks
                    .by_ref()
                    .take(10)
                    .map(move |part| frame(n, part.to_vec()))
                    .collect::<Vec<_>>()
            })
            .collect();
        if frames.is_empty() {
            break;
        }
        rig.log.append(&frames).await.unwrap();
    }
    rig.wait_drained().await;
    processor.stop().await;
    assert_eq!(rig.count("telemetry.positions").await, 78_480);
    assert_eq!(rig.count("telemetry.positions WHERE faulty").await, 0);
    assert_eq!(rig.count("crossings WHERE status <> 'valid'").await, 0);
    let rows = rig
        .client
        .query(
            "SELECT e.number, c.checkpoint, c.direction, (extract(epoch FROM c.crossed_at) * 1000)::int8
             FROM crossings c JOIN entries e ON e.id = c.entry",
            &[],
        )
        .await
        .unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| Found {
            device: format!("p{}", row.get::<_, &str>(0)),
            zone: row.get::<_, Uuid>(1).as_u128() as u32,
            direction: if row.get::<_, &str>(2) == "enter" {
                Direction::Enter
            } else {
                Direction::Exit
            },
            at: Timestamp::from_millis(row.get(3)),
        })
        .collect();
    let agreement = compare(&race::expected(&tracks), &found, race::INTERVAL_MS);
    // The same as the core alone finds; what is missed and extra is explained there.
    assert_eq!(agreement.total(), Counts { matched: 595, missed: 10, extra: 12 });
}
