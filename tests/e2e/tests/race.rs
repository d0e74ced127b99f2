//! The demo race, flown by simulated trackers through the whole platform.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use biplane_core::agreement::{Expected, Found, compare};
use biplane_core::live::Direction;
use biplane_e2e::{eventually, stack};
use biplane_stack::demo::{self, Race};
use biplane_stack::directus::Client;
use biplane_stack::replay::{self, Counters, Pace};
use serde_json::Value;

/// The demo has a fix per 5 s, the scorer saw one a second.
const TOLERANCE_MS: i64 = 5_000;

fn direction(text: &str) -> Direction {
    match text {
        "enter" => Direction::Enter,
        "exit" => Direction::Exit,
        other => panic!("no direction: {other}"),
    }
}

/// The scorer's crossings, but for those before a track's first fix.
fn oracle(race: &Race, folder: &std::path::Path) -> Vec<Expected> {
    let first: HashMap<_, _> =
        race.tracks.iter().map(|track| (track.number.to_string(), track.fixes[0].time)).collect();
    let mut reader =
        csv::Reader::from_path(folder.join("crossings-oracle.csv")).expect("the oracle");
    let rows = reader.deserialize::<HashMap<String, String>>().map(|row| row.expect("a row"));
    rows.map(|row| Expected {
        device: row["device_id"].trim_start_matches('p').to_owned(),
        zone: row["zone"].parse().expect("a zone"),
        direction: direction(&row["direction"]),
        after: row["t_before"].parse().expect("a time"),
        before: row["t_after"].parse().expect("a time"),
    })
    .filter(|crossing| crossing.after >= first[&crossing.device])
    .collect()
}

async fn crossings(operator: &Client) -> Vec<Found> {
    let path = format!(
        "/items/crossings?filter[event][_eq]={}&fields=direction,crossed_at,entry.number,checkpoint.sort&limit=-1",
        demo::event_id()
    );
    let rows = operator.read(&path).await.expect("crossings, as the operator");
    let rows = rows.as_array().expect("an array").iter();
    rows.map(|row: &Value| Found {
        device: row["entry"]["number"].as_str().expect("a number").to_owned(),
        zone: row["checkpoint"]["sort"].as_u64().expect("a zone") as u32,
        direction: direction(row["direction"].as_str().expect("a direction")),
        at: row["crossed_at"].as_str().expect("a time").parse().expect("a time"),
    })
    .collect()
}

#[tokio::test]
async fn the_crossings_read_over_directus_agree_with_an_independent_scorer() {
    let stack = stack();
    let folder = stack.project.join(demo::FOLDER);
    let race = Race::read(&folder).expect("the demo race");
    let counters = Arc::new(Counters::default());
    let gateway = stack.teltonika.parse().expect("an address");
    replay::fly(gateway, &race.tracks, Pace::Unlimited, &counters).await.expect("flown");
    assert_eq!(counters.acknowledged.load(Ordering::Relaxed), 78_480);

    // Each acknowledged record is in the table, once, though the race was begun before.
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
            .await
            .expect("PostgreSQL");
    tokio::spawn(connection);
    let devices: Vec<_> = race.tracks.iter().map(|track| demo::device_id(track.number).0).collect();
    eventually("every acknowledged position is stored", async || {
        let stored: i64 = database
            .query_one(
                "SELECT count(*) FROM telemetry.positions WHERE device = ANY($1)",
                &[&devices],
            )
            .await
            .expect("a count")
            .get(0);
        assert!(stored <= 78_480, "{stored} rows of 78480 records");
        (stored == 78_480).then_some(())
    })
    .await;

    let operator =
        Client::log_in(&stack.directus_url, &stack.operator_email, &stack.operator_password).await;
    let operator = operator.expect("the operator logs in");
    let expected = oracle(&race, &folder);
    let found = crossings(&operator).await;
    let agreement = compare(&expected, &found, TOLERANCE_MS);
    let counts = |zone| {
        let counts = agreement.zones[&zone];
        (counts.matched, counts.missed, counts.extra)
    };
    // Measured, and the same as in the core's own test over the file (crates/core/tests/real_race.rs,
    // which explains each miss and each extra): nothing is lost or added on the way from the socket.
    assert_eq!(
        (1..=8).map(counts).collect::<Vec<_>>(),
        [
            (224, 8, 0),
            (70, 2, 0),
            (50, 0, 0),
            (122, 0, 0),
            (40, 0, 0),
            (36, 0, 0),
            (27, 0, 2),
            (26, 0, 10),
        ],
        "missed {:#?}, extra {:#?}",
        agreement.missed,
        agreement.extra
    );
}
