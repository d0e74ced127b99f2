//! Alerts of devices that stay in a geofence, by whole processors.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../store/tests/support/mod.rs"]
mod postgres;
#[path = "../../core/tests/support/race.rs"]
mod race;
#[path = "../../bus/tests/support/mod.rs"]
mod redis_server;
mod support;

use biplane_bus::Log;
use biplane_core::Fix;
use support::{Rig, eventually, frame, track};
use uuid::Uuid;

/// Drives into zone 1, stands there for 100 s, where one place is far off, and drives on through it.
fn stay() -> Vec<Fix> {
    let mut fixes = track(0..50);
    let stands = fixes[49].clone();
    fixes.extend((1..=20).map(|n| Fix {
        time: stands.time + n * 5_000,
        lat: if n == 10 { 60.0 } else { stands.lat },
        speed_kmh: Some(0.0),
        ..stands.clone()
    }));
    fixes.extend(track(50..101).into_iter().map(|fix| Fix { time: fix.time + 100_000, ..fix }));
    fixes
}

async fn rig(dwell_s: i32) -> Rig {
    let rig = Rig::new([1]).await;
    let zone = Uuid::from_u128(1);
    let watch = "UPDATE geofences SET dwell_s = $2 WHERE id = $1";
    assert_eq!(rig.client.execute(watch, &[&zone, &dwell_s]).await.unwrap(), 1);
    rig
}

async fn append(rig: &Rig, fixes: &[Fix]) {
    for part in fixes.chunks(10) {
        rig.log.append(&[frame(1, part.to_vec())]).await.unwrap();
    }
    rig.wait_drained().await;
}

/// From the crossing in to the crossing out, the alert a minute after the one.
const OVER: &str = "alerts a
    JOIN crossings i ON i.device = a.device AND i.geofence = a.geofence AND i.direction = 'enter'
    JOIN crossings o ON o.device = a.device AND o.geofence = a.geofence AND o.direction = 'exit'
    WHERE a.kind = 'dwell' AND a.status = 'closed' AND a.occurred_at = i.crossed_at + interval '60 s'
        AND a.message LIKE '%since ' || to_char(i.crossed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
            || ' until ' || to_char(o.crossed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'";

/// All of it again, and by the next owner, as a processor that died before it told the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_visit_goes_on_in_the_next_processor_and_is_one_alert_when_its_frames_come_twice() {
    let rig = rig(60).await;
    let fixes = stay();
    let processor = rig.start();
    append(&rig, &fixes[..20]).await;
    assert_eq!(rig.count("telemetry.visits").await, 0, "not there yet");
    append(&rig, &fixes[20..57]).await;
    assert_eq!(rig.count("telemetry.visits").await, 1);
    assert_eq!(rig.count("alerts").await, 0, "not long enough");
    processor.stop().await;

    let processor = rig.start();
    append(&rig, &fixes[40..70]).await;
    assert_eq!(rig.count("alerts WHERE kind = 'dwell' AND status = 'open'").await, 1);
    processor.stop().await;

    let processor = rig.start();
    append(&rig, &fixes).await;
    assert_eq!(rig.count(OVER).await, 1);
    assert_eq!(rig.count("telemetry.visits").await, 0);
    processor.stop().await;

    let processor = rig.start();
    append(&rig, &fixes).await;
    assert_eq!(rig.count(OVER).await, 1);
    assert_eq!(rig.count("alerts").await, 1);
    assert_eq!(rig.count("telemetry.visits").await, 0);
    assert_eq!(rig.count("telemetry.positions WHERE fault_reason = 'impossible_speed'").await, 1);
    let notices = "telemetry.notices WHERE body ->> 'alert_kind' = 'dwell'";
    assert_eq!(rig.count(notices).await, 1);
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_ends_when_its_device_is_sold_and_when_its_geofence_asks_for_none_any_more() {
    let rig = rig(5).await;
    let processor = rig.start();
    let fixes = stay();
    append(&rig, &fixes[..50]).await;
    let of_club =
        format!("alerts WHERE kind = 'dwell' AND organization = '{}'", Uuid::from_u128(1));
    assert_eq!(rig.count(&format!("{of_club} AND status = 'open'")).await, 1);
    let stands = |n: i64| Fix { time: fixes[49].time + n * 1_000, ..fixes[49].clone() };

    let buyer = Uuid::from_u128(77);
    rig.client.execute("INSERT INTO organizations VALUES ($1, 'Buyer')", &[&buyer]).await.unwrap();
    rig.client.execute("UPDATE devices SET organization = $1", &[&buyer]).await.unwrap();
    let mut n = 0;
    eventually("the club's visit is over", async || {
        n += 1;
        append(&rig, &[stands(n)]).await;
        rig.count(&format!("{of_club} AND status = 'closed'")).await == 1
    })
    .await;
    assert_eq!(rig.count("telemetry.visits").await, 0, "the buyer's geofences are others");
    assert_eq!(rig.count("alerts").await, 1);

    // Bought back, it is there since its first fix as the club's again.
    rig.client
        .execute("UPDATE devices SET organization = $1", &[&Uuid::from_u128(1)])
        .await
        .unwrap();
    let again = format!("{of_club} AND status = 'open'");
    eventually("it is the club's again", async || {
        n += 1;
        append(&rig, &[stands(n)]).await;
        rig.count(&again).await == 1
    })
    .await;
    rig.client.batch_execute("UPDATE geofences SET dwell_s = NULL").await.unwrap();
    eventually("nobody asks for visits", async || {
        n += 1;
        append(&rig, &[stands(n)]).await;
        rig.count(&again).await == 0
    })
    .await;
    assert_eq!(rig.count("telemetry.visits").await, 0);
    assert_eq!(rig.count("alerts WHERE status = 'closed'").await, 2);
    processor.stop().await;
}

/// What is taken for jitter says that it still stands there: it set out after the last of that.
#[tokio::test(flavor = "multi_thread")]
async fn a_visit_and_its_crossing_end_at_one_time_when_its_device_had_stood() {
    let rig = rig(60).await;
    let processor = rig.start_with(&["--parked-jitter-m", "30"]);
    let mut fixes = track(0..50);
    fixes[49].speed_kmh = Some(0.0);
    let stands = fixes[49].clone();
    fixes.extend((1..=20).map(|n| Fix { time: stands.time + n * 5_000, ..stands.clone() }));
    fixes.extend(track(76..101).into_iter().map(|fix| Fix { time: fix.time + 100_000, ..fix }));
    append(&rig, &fixes).await;
    assert_eq!(rig.count("telemetry.positions WHERE fault_reason = 'jitter'").await, 20);
    assert_eq!(rig.count(OVER).await, 1);
    let last = format!(
        "crossings WHERE direction = 'exit' AND fix_before_at = to_timestamp({})",
        (stands.time.as_millis() + 100_000) as f64 / 1000.0
    );
    assert_eq!(rig.count(&last).await, 1);
    processor.stop().await;
}
