//! What people say of stored positions, what comes late and what a course becomes, timed again.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../store/tests/support/mod.rs"]
mod postgres;
#[path = "../../core/tests/support/race.rs"]
mod race;
#[path = "../../bus/tests/support/mod.rs"]
mod redis_server;
mod support;

use std::time::SystemTime;

use biplane_bus::Log;
use biplane_core::Fix;
use support::{Rig, START, device_id, eventually, frame, track};
use uuid::Uuid;

/// Direction, milliseconds since the start, source; in order of time.
async fn crossings(rig: &Rig) -> Vec<(String, i64, String)> {
    let statement = "SELECT direction, (extract(epoch FROM crossed_at) * 1000)::int8, source
                     FROM crossings ORDER BY crossed_at";
    let rows = rig.client.query(statement, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1) - START, row.get(2))).collect()
}

fn times(crossings: &[(String, i64, String)]) -> Vec<(&str, i64)> {
    crossings.iter().map(|(direction, at, _)| (direction.as_str(), *at)).collect()
}

async fn settled(rig: &Rig) {
    rig.wait_drained().await;
    eventually("orders are carried out", async || {
        rig.count("telemetry.recomputes WHERE done_at IS NULL").await == 0
    })
    .await;
}

async fn send(rig: &Rig, fixes: &[Fix]) {
    for part in fixes.chunks(10) {
        rig.log.append(&[frame(1, part.to_vec())]).await.unwrap();
    }
}

fn second(second: i64) -> SystemTime {
    let since = std::time::Duration::from_millis((START + second * 1000) as u64);
    SystemTime::UNIX_EPOCH + since
}

async fn flag(rig: &Rig, from: i64, until: i64) -> Uuid {
    let id = Uuid::from_u128(0xf1a6);
    let statement = "INSERT INTO position_flags (id, organization, device, verdict, starts_at, ends_at, reason)
                     SELECT $1, organization, id, 'faulty', $3, $4, 'drove' FROM devices WHERE id = $2";
    rig.client
        .execute(statement, &[&id, &device_id(1), &second(from), &second(until)])
        .await
        .unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_takes_crossings_away_and_its_end_brings_them_back() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    send(&rig, &track(0..100)).await;
    settled(&rig).await;
    let before = crossings(&rig).await;
    assert_eq!(before.len(), 2, "{before:?}");

    // All that was inside of the zone: who was never seen there has crossed it on the straight way.
    flag(&rig, 25, 75).await;
    settled(&rig).await;
    assert_eq!(rig.count("telemetry.positions WHERE fault_reason = 'flagged'").await, 51);
    let flagged = crossings(&rig).await;
    assert_eq!(flagged.len(), 2, "{flagged:?}");
    // To the end of what there is: then the device is where it was before.
    rig.client.execute("UPDATE position_flags SET ends_at = $1", &[&second(200)]).await.unwrap();
    settled(&rig).await;
    assert_eq!(crossings(&rig).await, []);
    let status = "device_status WHERE last_fix_at = '2020-09-12 11:40:24+00' AND round(lat::numeric, 4) = 46.2263";
    assert_eq!(rig.count(status).await, 1);
    // What comes now is flagged as it comes, until the flag's end.
    send(&rig, &track(100..110)).await;
    settled(&rig).await;
    assert_eq!(rig.count("telemetry.positions WHERE fault_reason = 'flagged'").await, 85);

    rig.client.execute("DELETE FROM position_flags", &[]).await.unwrap();
    settled(&rig).await;
    assert_eq!(rig.count("telemetry.positions WHERE faulty").await, 0);
    let after = crossings(&rig).await;
    assert_eq!(times(&after), times(&before));
    assert_eq!(after[0].2, "recomputed");
    send(&rig, &track(110..120)).await;
    settled(&rig).await;
    assert_eq!(rig.count("device_status WHERE last_fix_at = '2020-09-12 11:41:59+00'").await, 1);
    let counts =
        "SELECT sum(marks_changed)::int8, sum(crossings_added)::int8 FROM telemetry.recomputes";
    let row = rig.client.query_one(counts, &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) >= 51 && row.get::<_, i64>(1) >= 2, "{row:?}");
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_is_timed_as_if_it_had_come_in_time() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    let fixes = track(0..100);
    // The tracker had no signal at the borders of the zone, and sends that last.
    let (early, late): (Vec<_>, Vec<_>) = fixes
        .iter()
        .cloned()
        .enumerate()
        .partition(|(second, _)| !(20..40).contains(second) && !(60..80).contains(second));
    let fixes_of =
        |part: Vec<(usize, Fix)>| part.into_iter().map(|(_, fix)| fix).collect::<Vec<_>>();
    send(&rig, &fixes_of(early)).await;
    settled(&rig).await;
    let rough = crossings(&rig).await;
    assert_eq!(rough.len(), 2, "{rough:?}");
    let late = fixes_of(late);
    send(&rig, &late[20..]).await;
    send(&rig, &late[..20]).await;
    settled(&rig).await;
    let exact = crossings(&rig).await;
    let spans = "crossings WHERE fix_after_at - fix_before_at = interval '1 second'";
    assert_eq!(rig.count(spans).await, 2, "{exact:?}");
    assert_eq!(exact.len(), 2);

    // All of it in time, by another tracker.
    let other = Rig::new([1]).await;
    let second = other.start();
    send(&other, &fixes).await;
    settled(&other).await;
    assert_eq!(times(&crossings(&other).await), times(&exact));
    // Sent again it orders nothing.
    let orders = rig.count("telemetry.recomputes").await;
    send(&rig, &late).await;
    settled(&rig).await;
    assert_eq!(rig.count("telemetry.recomputes").await, orders);
    second.stop().await;
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_crossing_stays_whatever_is_found_again() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    send(&rig, &track(0..100)).await;
    settled(&rig).await;
    let statement = "INSERT INTO crossing_edits (id, organization, crossing, reason)
                     SELECT $1, organization, id, 'seen by eye' FROM crossings WHERE direction = 'enter'";
    rig.client.execute(statement, &[&Uuid::from_u128(0xed17)]).await.unwrap();
    settled(&rig).await;
    let edited = crossings(&rig).await;
    flag(&rig, 20, 200).await;
    settled(&rig).await;
    let left = crossings(&rig).await;
    assert_eq!(left, edited[..1]);
    let taken_back = "INSERT INTO crossing_edits (id, organization, edit, reason)
                      SELECT $1, organization, id, 'seen by another eye' FROM crossing_edits";
    rig.client.execute(taken_back, &[&Uuid::from_u128(0xed18)]).await.unwrap();
    settled(&rig).await;
    assert_eq!(crossings(&rig).await, [], "nothing holds it any more");
    assert_eq!(rig.count("crossing_edits").await, 2, "what was done stays on record");
    processor.stop().await;
}

/// Somebody's own table points to a crossing, and does not let it go.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_one_device_holds_up_no_other() {
    let rig = Rig::new([1, 2]).await;
    let processor = rig.start();
    send(&rig, &track(0..100)).await;
    rig.log.append(&[frame(2, track(0..100))]).await.unwrap();
    settled(&rig).await;
    assert_eq!(crossings(&rig).await.len(), 4);
    let holds = "CREATE TABLE prizes AS SELECT id AS crossing FROM crossings WHERE device = '{}';
                 ALTER TABLE prizes ADD FOREIGN KEY (crossing) REFERENCES crossings";
    let holds = holds.replace("{}", &device_id(1).to_string());
    rig.client.batch_execute(&holds).await.unwrap();
    let both = "INSERT INTO position_flags (id, organization, device, verdict, starts_at, ends_at, reason)
                SELECT gen_random_uuid(), organization, id, 'faulty', $1, $2, 'drove' FROM devices ORDER BY imei";
    rig.client.execute(both, &[&second(0), &second(200)]).await.unwrap();
    let of = |n| format!("crossings WHERE device = '{}'", device_id(n));
    eventually("the other's are gone", async || rig.count(&of(2)).await == 0).await;
    assert_eq!(rig.count(&of(1)).await, 2);
    rig.client.batch_execute("DROP TABLE prizes").await.unwrap();
    settled(&rig).await;
    assert_eq!(crossings(&rig).await, []);
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crossings_outlive_the_positions_that_retention_takes() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    send(&rig, &track(0..100)).await;
    settled(&rig).await;
    let before = crossings(&rig).await;
    rig.client
        .execute("DELETE FROM telemetry.positions WHERE ts < $1", &[&second(50)])
        .await
        .unwrap();
    flag(&rig, 0, 60).await;
    settled(&rig).await;
    // The way out is timed from what is left; the way in is known from before.
    assert_eq!(crossings(&rig).await[0], before[0]);
    rig.client.execute("DELETE FROM telemetry.positions", &[]).await.unwrap();
    let left = crossings(&rig).await;
    rig.client.execute("DELETE FROM position_flags", &[]).await.unwrap();
    settled(&rig).await;
    assert_eq!(crossings(&rig).await, left);
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_course_that_changes_is_timed_again_by_any_processor() {
    let rig = Rig::new([1, 2]).await;
    let processor = rig.start();
    send(&rig, &track(0..100)).await;
    settled(&rig).await;
    let before = crossings(&rig).await;
    processor.stop().await;

    // Nobody is there to carry it out, and it is not forgotten.
    rig.client
        .execute("UPDATE geofences SET radius_m = 200 WHERE id = $1", &[&Uuid::from_u128(1)])
        .await
        .unwrap();
    assert!(
        rig.count("telemetry.recomputes WHERE done_at IS NULL AND cause = 'geofences'").await >= 2
    );
    let next = rig.start();
    settled(&rig).await;
    let after = crossings(&rig).await;
    assert_eq!(after.len(), 2);
    assert!(before[0].1 < after[0].1 && after[1].1 < before[1].1, "{before:?} {after:?}");

    let closes = "UPDATE checkpoints SET closes_at = $1 WHERE geofence = $2";
    rig.client.execute(closes, &[&second(0), &Uuid::from_u128(1)]).await.unwrap();
    settled(&rig).await;
    assert_eq!(times(&crossings(&rig).await), times(&after));
    assert_eq!(rig.count("crossings WHERE status = 'outside_window'").await, 2);

    // Under revision nothing is ordered; its end orders all at once.
    rig.client.execute("UPDATE events SET course_revision = true", &[]).await.unwrap();
    let orders = rig.count("telemetry.recomputes").await;
    rig.client.execute("UPDATE checkpoints SET closes_at = NULL", &[]).await.unwrap();
    assert_eq!(rig.count("telemetry.recomputes").await, orders);
    rig.client.execute("UPDATE events SET course_revision = false", &[]).await.unwrap();
    settled(&rig).await;
    assert_eq!(rig.count("crossings WHERE status = 'outside_window'").await, 0);

    // Who is not in the race has crossed the zone, but no checkpoint.
    rig.client.execute("DELETE FROM entries WHERE device = $1", &[&device_id(1)]).await.unwrap();
    settled(&rig).await;
    assert_eq!(rig.count("crossings WHERE entry IS NULL AND checkpoint IS NULL").await, 2);
    assert_eq!(rig.count("crossings").await, 2);
    next.stop().await;
}
