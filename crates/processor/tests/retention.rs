//! Positions whose time is over, between a real Redis and a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../store/tests/support/mod.rs"]
mod postgres;
#[path = "../../core/tests/support/race.rs"]
mod race;
#[path = "../../bus/tests/support/mod.rs"]
mod redis_server;
mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use biplane_bus::Log;
use biplane_core::{Fix, Frame, Timestamp};
use support::{Rig, eventually, frame, track};

const DAY: i64 = 86_400_000;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(since.as_millis() as i64)
}

/// Fixes of these ages in milliseconds, received now.
fn aged(ages: &[i64]) -> Frame {
    let now = now();
    let fixes = ages.iter().zip(track(0..100));
    let fixes = fixes.map(|(age, fix)| Fix { time: now + -age, ..fix }).collect();
    Frame { received_at: now, ..frame(1, fixes) }
}

async fn partitions(rig: &Rig) -> i64 {
    rig.count("pg_inherits WHERE inhparent = 'telemetry.positions'::regclass").await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_retention_old_days_go_and_what_is_older_makes_no_new_ones() {
    let rig = Rig::new([1]).await;
    let old = "INSERT INTO telemetry.positions (device, ts, digest, organization, received_at, lat, lon)
        VALUES (gen_random_uuid(), now() - interval '40 days', 1, gen_random_uuid(), now(), 46, 12)";
    let day = "SELECT telemetry.ensure_partitions(now() - interval '40 days', now() - interval '40 days')";
    rig.client.query(day, &[]).await.unwrap();
    rig.client.execute(old, &[]).await.unwrap();
    let processor = rig.start_with(&["--retention-days", "30"]);
    eventually("the old day is gone", async || {
        rig.count("telemetry.positions").await == 0 && partitions(&rig).await == 4
    })
    .await;
    rig.log.append(&[aged(&[41 * DAY, 40 * DAY, 30 * DAY + 60_000])]).await.unwrap();
    rig.log.append(&[aged(&[2_000, 1_000, 0])]).await.unwrap();
    rig.wait_drained().await;
    assert_eq!(rig.count("telemetry.positions").await, 3);
    let quarantined = "telemetry.quarantine WHERE reason = 'time_before_retention'";
    assert_eq!(rig.count(quarantined).await, 3);
    // Around midnight the three of now may lie in two days; upkeep has made tomorrow's.
    assert!(partitions(&rig).await <= 5, "no day for what is too old");
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_retention_what_is_old_is_kept() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    rig.log.append(&[aged(&[4000 * DAY, 40 * DAY, 0])]).await.unwrap();
    rig.wait_drained().await;
    assert_eq!(rig.count("telemetry.positions").await, 3);
    processor.stop().await;
}
