//! Partitions that are made ahead and dropped when their time is over, on a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::{Duration, SystemTime};

use biplane_store::{Compression, Retention, Upkeep, UpkeepError, Upkept};
use support::TestPostgres;
use tokio_postgres::Client;

const MONTH: Retention = Retention { days: Some(30), compress_after_days: None };

async fn server() -> (TestPostgres, Client) {
    let server = TestPostgres::start().await;
    let client = server.client().await;
    (server, client)
}

/// A partition with a position of so many days ago, at this time of the day.
async fn position(client: &Client, days_ago: i32) {
    client
        .execute(
            "SELECT telemetry.ensure_partitions(at, at) FROM (SELECT now() - make_interval(days => $1) AS at) AS one",
            &[&days_ago],
        )
        .await
        .unwrap();
    client
        .execute(
            "INSERT INTO telemetry.positions (device, ts, digest, organization, received_at, lat, lon)
             VALUES (gen_random_uuid(), now() - make_interval(days => $1), 1, gen_random_uuid(), now(), 46, 12)",
            &[&days_ago],
        )
        .await
        .unwrap();
}

/// Days ago of all positions, the newest first.
async fn ages(client: &Client) -> Vec<i32> {
    let sql = "SELECT (now()::date - ts::date) FROM telemetry.positions ORDER BY ts DESC";
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn partitions(client: &Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.positions'::regclass";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

async fn round(upkeep: &mut Upkeep, retention: Retention) -> Upkept {
    upkeep.round(retention, SystemTime::now()).await.unwrap().expect("nobody else does it")
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_there_before_their_day_comes() {
    let (server, client) = server().await;
    let mut upkeep = Upkeep::new(server.url());
    assert_eq!(round(&mut upkeep, Retention::default()).await.made, 4);
    assert_eq!(round(&mut upkeep, Retention::default()).await, Upkept::default());
    // The next day one more is needed.
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    let upkept = upkeep.round(Retention::default(), tomorrow).await.unwrap().unwrap();
    assert_eq!((upkept.made, partitions(&client).await), (1, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn days_go_when_their_time_is_over_and_no_day_too_early() {
    let (server, client) = server().await;
    for days_ago in [0, 1, 29, 30, 31, 32, 400] {
        position(&client, days_ago).await;
    }
    let mut upkeep = Upkeep::new(server.url());
    let kept = round(&mut upkeep, Retention::default()).await;
    assert_eq!((kept.dropped.len(), ages(&client).await.len()), (0, 7), "without a retention");
    let upkept = round(&mut upkeep, MONTH).await;
    assert_eq!(ages(&client).await, [0, 1, 29, 30]);
    let sql = "SELECT array_agg((now() - make_interval(days => ago))::date::text ORDER BY ago DESC)
        FROM unnest(ARRAY[31, 32, 400]) AS ago";
    let gone: Vec<String> = client.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(upkept.dropped, gone, "the oldest first");
    assert_eq!(round(&mut upkeep, MONTH).await.dropped, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantined_fixes_are_kept_for_as_long_after_they_came() {
    let (server, client) = server().await;
    client
        .batch_execute(
            "INSERT INTO telemetry.quarantine (device, ts, digest, organization, received_at, lat, lon, reason)
             SELECT gen_random_uuid(), '1999-01-01', 1, gen_random_uuid(), now() - make_interval(days => ago), 46, 12, 'time_before_2000'
             FROM unnest(ARRAY[1, 29, 31, 500]) AS ago",
        )
        .await
        .unwrap();
    assert_eq!(round(&mut Upkeep::new(server.url()), MONTH).await.forgotten, 2);
    let left: i64 =
        client.query_one("SELECT count(*) FROM telemetry.quarantine", &[]).await.unwrap().get(0);
    assert_eq!(left, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn crossings_of_dropped_positions_stay() {
    let (server, client) = server().await;
    position(&client, 40).await;
    client
        .batch_execute(
            "INSERT INTO organizations VALUES ('00000000-0000-0000-0000-0000000000a1', 'Club');
             INSERT INTO devices (id, organization, name, imei, status) VALUES
                 ('00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000a1', 'one', '490154203237518', 'active');
             INSERT INTO geofences (id, organization, name, kind, geometry, radius_m, status) VALUES
                 ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000a1', 'goal', 'circle',
                  'SRID=4326;POINT(12 46)', 1000, 'active');
             INSERT INTO crossings (id, organization, device, geofence, direction, crossed_at, fix_before_at, fix_after_at, lat, lon, status)
                 SELECT gen_random_uuid(), '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000d1',
                     '00000000-0000-0000-0000-0000000000f1', 'enter', at, at, at, 46, 12, 'valid'
                 FROM (SELECT now() - interval '40 days' AS at) AS one",
        )
        .await
        .unwrap();
    assert_eq!(round(&mut Upkeep::new(server.url()), MONTH).await.dropped.len(), 1);
    let left: i64 = client.query_one("SELECT count(*) FROM crossings", &[]).await.unwrap().get(0);
    assert_eq!((ages(&client).await, left), (vec![], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_does_it_at_a_time_and_another_takes_over() {
    let (server, _client) = server().await;
    let (mut one, mut other) = (Upkeep::new(server.url()), Upkeep::new(server.url()));
    round(&mut one, Retention::default()).await;
    assert_eq!(other.round(MONTH, SystemTime::now()).await.unwrap(), None);
    drop(one);
    let mut took = None;
    for _ in 0..100 {
        took = other.round(MONTH, SystemTime::now()).await.unwrap();
        if took.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(took, Some(Upkept::default()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_at_work_is_not_waited_for_and_its_writers_go_on() {
    let (server, mut client) = server().await;
    position(&client, 0).await;
    for days_ago in [40, 41] {
        position(&client, days_ago).await;
    }
    let mut upkeep = Upkeep::new(server.url());
    round(&mut upkeep, Retention::default()).await;
    // Somebody reads for as long as they like.
    let reading = client.transaction().await.unwrap();
    reading.query("SELECT * FROM telemetry.positions", &[]).await.unwrap();
    let error = upkeep.round(MONTH, SystemTime::now()).await.expect_err("the table is at work");
    let UpkeepError::Refused { what, source } = &error else { panic!("{error}") };
    assert_eq!((*what, source.code().unwrap().code()), ("drop a partition", "55P03"));
    position(&server.client().await, 0).await;
    reading.rollback().await.unwrap();
    assert_eq!(round(&mut upkeep, MONTH).await.dropped.len(), 2);
    assert_eq!(ages(&client).await, [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresqls_own_partitions_are_not_compressed_and_say_so() {
    let (server, _client) = server().await;
    let retention = Retention { days: None, compress_after_days: Some(7) };
    let upkept = round(&mut Upkeep::new(server.url()), retention).await;
    assert_eq!(upkept.compression, Some(Compression::Unavailable));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_the_functions_is_an_error_and_not_the_end() {
    let server = TestPostgres::bare().await;
    let superuser = server.try_client("postgres", "postgres").await.unwrap();
    for statement in ["CREATE ROLE biplane_processor LOGIN", "CREATE DATABASE biplane"] {
        superuser.batch_execute(statement).await.unwrap();
    }
    let mut upkeep = Upkeep::new(server.url());
    for _ in 0..2 {
        let error = upkeep.round(MONTH, SystemTime::now()).await.expect_err("no functions");
        assert!(matches!(error, UpkeepError::Refused { what: "make a partition ahead", .. }));
    }
}
