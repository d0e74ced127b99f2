//! What a flag would change, told before it is made: by the same judgement, and changing nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../store/tests/support/mod.rs"]
mod postgres;
#[path = "../../core/tests/support/race.rs"]
mod race;
#[path = "../../bus/tests/support/mod.rs"]
mod redis_server;
mod support;

use std::time::{Duration, SystemTime};

use biplane_bus::Log;
use biplane_core::Timestamp;
use serde_json::Value;
use support::{Rig, START, device_id, eventually, frame, track};
use uuid::Uuid;

/// Direction and event time, in order of time.
async fn crossings(rig: &Rig) -> Vec<(String, i64)> {
    let statement = "SELECT direction, (extract(epoch FROM crossed_at) * 1000)::int8
                     FROM crossings ORDER BY crossed_at";
    let rows = rig.client.query(statement, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// What a preview makes of crossings: it tells of those of the way that it looked at.
fn applied(before: &[(String, i64)], told: &Value) -> Vec<(String, i64)> {
    let list = told["crossings"]["list"].as_array().unwrap();
    let of = |field: &str| -> Vec<(String, i64)> {
        let at = |it: &Value| it[field].as_str().map(|text| text.parse::<Timestamp>().unwrap());
        let named = |it: &Value| Some((it["direction"].as_str()?.to_owned(), at(it)?.as_millis()));
        list.iter().filter_map(named).collect()
    };
    let told_of = of("before_at");
    assert!(told_of.iter().all(|it| before.contains(it)), "{before:?}: {told}");
    let mut after: Vec<_> = before.iter().filter(|it| !told_of.contains(it)).cloned().collect();
    after.extend(of("after_at"));
    after.sort_by_key(|it| it.1);
    after
}

async fn settled(rig: &Rig) {
    rig.wait_drained().await;
    eventually("orders are carried out", async || {
        rig.count("telemetry.recomputes WHERE done_at IS NULL").await == 0
    })
    .await;
}

fn second(second: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis((START + second * 1000) as u64)
}

async fn preview(rig: &Rig, change: &str, verdict: &str, (from, until): (i64, i64)) -> Value {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{change}{verdict}{from}").as_bytes());
    let statement = "INSERT INTO telemetry.review_previews
                         (id, asked_by, organization, device, change, verdict, starts_at, ends_at)
                     SELECT $1, $1, organization, id, $3, $4, $5, $6 FROM devices WHERE id = $2";
    rig.client
        .execute(statement, &[&id, &device_id(1), &change, &verdict, &second(from), &second(until)])
        .await
        .unwrap();
    let done = format!("telemetry.review_previews WHERE id = '{id}' AND done_at IS NOT NULL");
    eventually("the preview is answered", async || rig.count(&done).await == 1).await;
    let statement = "SELECT outcome::text FROM telemetry.review_previews WHERE id = $1";
    let row = rig.client.query_one(statement, &[&id]).await.unwrap();
    serde_json::from_str(row.get(0)).unwrap()
}

async fn flag(rig: &Rig, verdict: &str, (from, until): (i64, i64)) {
    let statement = "INSERT INTO position_flags (id, organization, device, verdict, starts_at, ends_at, reason)
                     SELECT gen_random_uuid(), organization, id, $2, $3, $4, 'drove' FROM devices WHERE id = $1";
    rig.client
        .execute(statement, &[&device_id(1), &verdict, &second(from), &second(until)])
        .await
        .unwrap();
}

/// A fix that lies is in it, so that both verdicts change something, and no even speed at the border.
async fn flown(rig: &Rig) {
    let mut fixes = track(0..100);
    fixes[50].lat = 46.4;
    for fix in &mut fixes[27..30] {
        fix.lat += 5.0 / 111_195.0;
    }
    for part in fixes.chunks(10) {
        rig.log.append(&[frame(1, part.to_vec())]).await.unwrap();
    }
    settled(rig).await;
    assert_eq!(rig.count("telemetry.positions WHERE faulty").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_tells_what_the_flag_then_does_and_its_end_undoes() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    flown(&rig).await;
    let before = crossings(&rig).await;
    assert_eq!(before.len(), 2, "{before:?}");
    // All within the zone; the way in; all to the end; nothing that matters; the lie, believed.
    let ranges = [
        ("faulty", (25, 75)),
        ("faulty", (15, 40)),
        ("faulty", (20, 200)),
        ("faulty", (0, 5)),
        ("valid", (50, 51)),
    ];
    for (verdict, range) in ranges {
        let marks = rig.count("telemetry.positions WHERE faulty").await;
        let told = preview(&rig, "add", verdict, range).await;
        assert_eq!(crossings(&rig).await, before, "a preview changes nothing");
        assert_eq!(rig.count("telemetry.positions WHERE faulty").await, marks);
        assert_eq!(rig.count("position_flags").await, 0);

        flag(&rig, verdict, range).await;
        settled(&rig).await;
        let flagged = crossings(&rig).await;
        assert_eq!(applied(&before, &told), flagged, "{verdict} {range:?}: {told}");
        let changed = rig.count("telemetry.positions WHERE faulty").await - marks;
        let count = |of: &str| told["marks"][of].as_i64().unwrap();
        assert_eq!(count("faulty") - count("valid"), changed, "{verdict} {range:?}: {told}");

        let told = preview(&rig, "remove", verdict, range).await;
        assert_eq!(crossings(&rig).await, flagged);
        rig.client.execute("DELETE FROM position_flags", &[]).await.unwrap();
        settled(&rig).await;
        assert_eq!(crossings(&rig).await, before);
        assert_eq!(applied(&flagged, &told), before, "{verdict} {range:?}: {told}");
    }
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crossing_that_moves_is_told_with_its_milliseconds_and_an_edited_one_stays() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    flown(&rig).await;
    let before = crossings(&rig).await;
    let told = preview(&rig, "add", "faulty", (25, 75)).await;
    let counts = &told["crossings"]["counts"];
    // The straight way over what is left out crosses at other times, if at all.
    assert!(counts["moved"].as_i64() > Some(0), "{told}");
    let list = told["crossings"]["list"].as_array().unwrap();
    let moved = list.iter().find(|it| it["becomes"] == "moved").unwrap();
    let at = |field: &str| -> i64 {
        moved[field].as_str().unwrap().parse::<Timestamp>().unwrap().as_millis()
    };
    assert_eq!(moved["moved_ms"].as_i64().unwrap(), at("after_at") - at("before_at"));
    assert!(before.iter().any(|(_, ms)| *ms == at("before_at")));

    let edit = "INSERT INTO crossing_edits (id, organization, crossing, reason)
                SELECT gen_random_uuid(), organization, id, 'seen by eye' FROM crossings WHERE direction = 'enter'";
    rig.client.execute(edit, &[]).await.unwrap();
    settled(&rig).await;
    let told = preview(&rig, "add", "faulty", (10, 200)).await;
    let list = told["crossings"]["list"].as_array().unwrap();
    assert!(list.iter().any(|it| it["becomes"] == "kept" && it["edited"] == true), "{told}");
    flag(&rig, "faulty", (10, 200)).await;
    settled(&rig).await;
    assert_eq!(applied(&before, &told), crossings(&rig).await, "{told}");
    processor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_that_nobody_waits_for_any_more_is_forgotten() {
    let rig = Rig::new([1]).await;
    let processor = rig.start();
    flown(&rig).await;
    preview(&rig, "add", "faulty", (25, 75)).await;
    let long_ago = "UPDATE telemetry.review_previews SET asked_at = now() - interval '16 minutes'";
    rig.client.execute(long_ago, &[]).await.unwrap();
    eventually("it is gone", async || rig.count("telemetry.review_previews").await == 0).await;
    processor.stop().await;
}
