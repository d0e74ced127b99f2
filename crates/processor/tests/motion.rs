//! Trips, stops and alerts of speed, by whole processors.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../store/tests/support/mod.rs"]
mod postgres;
#[path = "../../core/tests/support/race.rs"]
mod race;
#[path = "../../bus/tests/support/mod.rs"]
mod redis_server;
mod support;

use biplane_bus::Log;
use biplane_core::{Fix, Timestamp};
use support::{Rig, START, device_id, eventually, frame, track};
use uuid::Uuid;

/// Drives for 100 s, stands for 400 s.
fn drive() -> Vec<Fix> {
    let mut fixes = track(0..101);
    let arrived = fixes[100].clone();
    fixes.extend((1..=80).map(|n| Fix {
        time: arrived.time + n * 5_000,
        speed_kmh: Some(0.0),
        ..arrived.clone()
    }));
    fixes
}

async fn append(rig: &Rig, fixes: &[Fix]) {
    for part in fixes.chunks(10) {
        rig.log.append(&[frame(1, part.to_vec())]).await.unwrap();
    }
    rig.wait_drained().await;
}

/// All of it again, and by the next owner, as a processor that died before it told the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_trip_goes_on_in_the_next_processor_and_comes_once_when_its_frames_come_twice() {
    let rig = Rig::new([1]).await;
    let fixes = drive();
    let processor = rig.start();
    append(&rig, &fixes[..50]).await;
    assert_eq!(rig.count("trips WHERE ended_at IS NULL").await, 1);
    assert_eq!(
        rig.count(
            "device_status WHERE motion = 'moving' AND motion_since = '2020-09-12 11:40:00+00'"
        )
        .await,
        1
    );
    processor.stop().await;
    let processor = rig.start();
    append(&rig, &fixes[20..]).await;
    processor.stop().await;
    let processor = rig.start();
    append(&rig, &fixes).await;

    let row = rig
        .client
        .query_one(
            "SELECT device, started_at::text, ended_at::text, distance_m, max_speed_kmh, end_lat FROM trips",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, Uuid>(0), device_id(1));
    assert_eq!(row.get::<_, &str>(1), "2020-09-12 11:40:00+00");
    // It came to its last place two fixes before it stood there: within the radius of a stop.
    assert_eq!(row.get::<_, &str>(2), "2020-09-12 11:41:39+00");
    assert!((row.get::<_, f32>(3) - 1980.0).abs() < 1.0, "{}", row.get::<_, f32>(3));
    assert_eq!(row.get::<_, f32>(4), 72.0);
    assert_eq!(row.get::<_, f32>(5), fixes[99].lat as f32);
    assert_eq!(
        rig.count(
            "device_status WHERE motion = 'stopped' AND motion_since = '2020-09-12 11:41:39+00'"
        )
        .await,
        1
    );
    assert_eq!(rig.count("alerts WHERE kind = 'overspeed'").await, 0, "off unless it is set");

    // For its new owner it does nothing yet; its trips stay with the old one.
    let buyer = Uuid::from_u128(77);
    rig.client.execute("INSERT INTO organizations VALUES ($1, 'Buyer')", &[&buyer]).await.unwrap();
    rig.client.execute("UPDATE devices SET organization = $1", &[&buyer]).await.unwrap();
    let later = |n: i64| Fix { time: fixes[180].time + 100_000 + n * 5_000, ..fixes[180].clone() };
    let sold = format!("device_status WHERE organization = '{buyer}' AND motion = 'stopped'");
    let mut n = 0;
    eventually("the device is the buyer's", async || {
        n += 1;
        append(&rig, &[later(n)]).await;
        rig.count(&sold).await == 1
    })
    .await;
    assert_eq!(rig.count(&format!("trips WHERE organization = '{buyer}'")).await, 0);
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_devices_profile_decides_what_is_too_fast_and_what_is_faulty_from_the_next_fix_on() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    let fixes = drive();
    append(&rig, &fixes[..40]).await;
    assert_eq!(rig.count("alerts").await, 0);

    let profile = Uuid::from_u128(0x71);
    rig.client
        .execute(
            "INSERT INTO device_profiles (id, organization, name, overspeed_kmh, overspeed_for_s, parked_jitter_m)
             VALUES ($1, $2, 'slow', 60, 5, 25)",
            &[&profile, &Uuid::from_u128(1)],
        )
        .await
        .unwrap();
    rig.client.execute("UPDATE devices SET profile = $1", &[&profile]).await.unwrap();
    // Within a second or so.
    let mut n = 40;
    eventually("the device is too fast", async || {
        n += 1;
        if n < 90 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            append(&rig, &fixes[n - 1..n]).await;
        }
        rig.count("alerts WHERE kind = 'overspeed' AND status = 'open'").await == 1
    })
    .await;
    append(&rig, &fixes[n..]).await;
    assert_eq!(rig.count("alerts WHERE kind = 'overspeed' AND status = 'closed'").await, 1);
    assert_eq!(rig.count("alerts").await, 1);
    // The first fix of the stop is the place; those after it add nothing.
    assert_eq!(rig.count("telemetry.positions WHERE fault_reason = 'jitter'").await, 79);
    let stopped = "device_status WHERE motion = 'stopped' AND last_fix_at = $1";
    let first = std::time::SystemTime::UNIX_EPOCH
        + std::time::Duration::from_millis(START as u64 + 105_000);
    let found: i64 = rig
        .client
        .query_one(&format!("SELECT count(*) FROM {stopped}"), &[&first])
        .await
        .unwrap()
        .get(0);
    assert_eq!(found, 1, "jitter moves nothing, but it tells that the device stands");
    processor.stop().await;
}

/// Believed after five fixes that agree: nobody drove the way there.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_a_device_insisted_on_is_no_trip() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    let mut fixes = track(0..60);
    fixes.extend(track(60..120).into_iter().map(|fix| Fix { lat: fix.lat + 60.0 - 46.0, ..fix }));
    append(&rig, &fixes).await;
    let ended: Timestamp = fixes[59].time;
    let rows = rig
        .client
        .query(
            "SELECT distance_m, extract(epoch FROM ended_at)::float8 FROM trips ORDER BY started_at",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    assert!((rows[0].get::<_, f32>(0) - 1180.0).abs() < 1.0, "{}", rows[0].get::<_, f32>(0));
    assert_eq!(rows[0].get::<_, f64>(1), ended.as_millis() as f64 / 1000.0);
    assert!(rows[1].get::<_, f32>(0) < 2000.0);
    assert_eq!(rows[1].get::<_, Option<f64>>(1), None);
    processor.stop().await;
}
