//! The writer and the readers against a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod history;
mod motion;
mod setup;
#[path = "../support/mod.rs"]
mod support;

use biplane_core::geodesy::Point;
use biplane_core::geofence::{Moment, Segment};
use biplane_core::live::Direction;
use biplane_core::motion::{Motion, MotionLimits};
use biplane_core::plausibility::{Believed, Fault};
use biplane_core::profile::Limits;
use biplane_core::recompute::{Changes, Mark};
use biplane_core::timing::{Crossing, CrossingStatus, Device, crossing_id};
use biplane_core::{Fix, Imei, IoValue, Timestamp};
use biplane_store::{
    AlertWriter, Batch, Claim, Correction, Counts, History, HistoryError, LivePast, Received,
    SetupReader, Silence, StateReader, Status, WriteError, Writer,
};
use support::TestPostgres;
use tokio_postgres::Client;
use uuid::Uuid;

const START: i64 = 1_599_910_800_000;
const DEVICE: Device = Device {
    id: biplane_core::DeviceId(Uuid::from_u128(0xd1)),
    organization: biplane_core::OrganizationId(Uuid::from_u128(0xa1)),
};

/// As large as the gateway makes it.
const TRACE: u64 = (1 << 62) - 1;

fn received(seconds: i64) -> Received {
    Received { at: at(seconds), trace_id: TRACE }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1000)
}

fn fix(seconds: i64, lat: f64) -> Fix {
    Fix {
        time: at(seconds),
        lat,
        lon: 12.123_456_789,
        altitude_m: Some(1455.5),
        speed_kmh: Some(31.5),
        course_deg: None,
        satellites: Some(9),
        hdop: None,
        io: vec![],
    }
}

/// An organization with a device in a running event over one fence, and things that don't count.
const SETUP: &str = "
    INSERT INTO organizations VALUES ('00000000-0000-0000-0000-0000000000a1', 'Club');
    INSERT INTO devices (id, organization, name, imei, status) VALUES
        ('00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000a1', 'one', '490154203237518', 'active'),
        ('00000000-0000-0000-0000-0000000000d2', '00000000-0000-0000-0000-0000000000a1', 'two', '350000000000126', 'retired'),
        ('00000000-0000-0000-0000-0000000000d3', '00000000-0000-0000-0000-0000000000a1', 'three', 'no IMEI', 'active');
    INSERT INTO events (id, organization, name, status) VALUES
        ('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000a1', 'race', 'running'),
        ('00000000-0000-0000-0000-0000000000e2', '00000000-0000-0000-0000-0000000000a1', 'idea', 'draft');
    INSERT INTO entries (id, organization, event, device, number) VALUES
        ('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000a1',
         '00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000d1', '126'),
        ('00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-0000000000a1',
         '00000000-0000-0000-0000-0000000000e2', '00000000-0000-0000-0000-0000000000d1', '1');
    INSERT INTO geofences (id, organization, name, kind, geometry, radius_m, status) VALUES
        ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000a1', 'goal', 'circle',
         'SRID=4326;POINT(12 46)', 1000, 'active'),
        ('00000000-0000-0000-0000-0000000000f2', '00000000-0000-0000-0000-0000000000a1', 'field', 'polygon',
         'SRID=4326;POLYGON((11 45,13 45,13 47,11 47,11 45))', NULL, 'active'),
        ('00000000-0000-0000-0000-0000000000f3', '00000000-0000-0000-0000-0000000000a1', 'broken', 'circle',
         'SRID=4326;POINT(12 46)', NULL, 'active'),
        ('00000000-0000-0000-0000-0000000000f4', '00000000-0000-0000-0000-0000000000a1', 'off', 'circle',
         'SRID=4326;POINT(12 46)', 1000, 'inactive');
    INSERT INTO checkpoints (id, organization, event, geofence, name, direction, sort, opens_at) VALUES
        ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000a1',
         '00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000f1', 'Goal', 'enter', 1,
         '2020-09-12 11:40:00.250+00'),
        ('00000000-0000-0000-0000-0000000000c2', '00000000-0000-0000-0000-0000000000a1',
         '00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000f1', 'Area', 'any', 2, NULL);";

async fn server() -> (TestPostgres, Client) {
    let server = TestPostgres::start().await;
    let client = server.client().await;
    client.batch_execute(SETUP).await.unwrap();
    (server, client)
}

async fn count(client: &Client, what: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {what}"), &[]).await.unwrap().get(0)
}

fn moment(fix: &Fix) -> Moment {
    Moment { time: fix.time, at: Point { lat: fix.lat, lon: fix.lon } }
}

fn status(last_fix: Option<Fix>, received: i64) -> Status {
    Status {
        organization: DEVICE.organization,
        last_fix,
        motion: None,
        visits: None,
        received_at: at(received),
        protocol: "teltonika".into(),
        gateway: "gateway-1".into(),
    }
}

fn crossing(geofence: u128, seconds: i64) -> Crossing {
    let (geofence, direction) = (Uuid::from_u128(geofence).into(), Direction::Enter);
    Crossing {
        id: crossing_id(DEVICE.id, geofence, None, direction, at(seconds)),
        organization: DEVICE.organization,
        course: Some((
            Uuid::from_u128(0xe1).into(),
            Uuid::from_u128(0xb1).into(),
            Uuid::from_u128(0xc9).into(),
        )),
        device: DEVICE.id,
        geofence,
        direction,
        crossed_at: at(seconds) + 7,
        fix_before_at: at(seconds - 5),
        fix_after_at: at(seconds + 5),
        at: Point { lat: 46.0, lon: 12.0 },
        status: CrossingStatus::Valid,
    }
}

const CLAIM: Claim = Claim { partition: 3, generation: 7 };

#[tokio::test]
async fn a_batch_written_twice_is_stored_once_whichever_way_it_takes() {
    let (server, client) = server().await;
    let mut writer = Writer::new(server.url());
    let mut batch = Batch::new(CLAIM);
    for n in 0..100 {
        let fault = (n % 10 == 0).then_some("impossible_speed");
        // Over midnight, so that two partitions are needed.
        batch.position(DEVICE, &fix(44_400 - 50 + n, 46.0), received(50_000), fault, n % 2 == 0);
    }
    batch.position(DEVICE, &fix(44_450, 45.0), received(50_000), None, false);
    let mut io = fix(44_450, 45.0);
    io.io = vec![(239, IoValue::Unsigned(u64::MAX)), (385, IoValue::Bytes(vec![1, 0xab]))];
    batch.position(DEVICE, &io, received(50_000), None, false);
    batch.quarantine(DEVICE, &fix(-700_000_000, 46.0), received(50_000), "time_before_2000");
    batch.quarantine(
        DEVICE,
        &Fix { time: Timestamp::from_millis(i64::MAX), ..fix(0, 46.0) },
        received(0),
        "x",
    );
    batch.crossings.push(crossing(0xf1, 44_400));
    batch.status(DEVICE.id, status(Some(fix(44_450, 46.0)), 50_000));

    let first = writer.write(&[&batch]).await.unwrap();
    assert_eq!(first, Counts { stored: 102, duplicate: 0, quarantined: 2, crossings: 1 });
    let again = writer.write(&[&batch]).await.unwrap();
    assert_eq!(again, Counts { stored: 0, duplicate: 102, quarantined: 0, crossings: 0 });
    let stranger = Writer::new(server.url()).write(&[&batch]).await.unwrap();
    assert_eq!(stranger, again);

    assert_eq!(count(&client, "telemetry.positions").await, 102);
    assert_eq!(
        count(&client, "telemetry.positions WHERE faulty AND fault_reason = 'impossible_speed'")
            .await,
        10
    );
    assert_eq!(count(&client, "telemetry.positions_20200913").await, 52);
    assert_eq!(count(&client, "telemetry.quarantine WHERE reason = 'time_before_2000'").await, 1);
    let row = client
        .query_one(
            "SELECT lat, lon, altitude_m, speed_kmh, course_deg, satellites, organization::text, digest, ts::text,
                received_at::text, io::text, trace_id FROM telemetry.positions WHERE io IS NOT NULL",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get::<_, f64>(0), row.get::<_, f64>(1)), (45.0, 12.123_456_789));
    assert_eq!((row.get::<_, f32>(2), row.get::<_, f32>(3)), (1455.5, 31.5));
    assert_eq!((row.get::<_, Option<f32>>(4), row.get::<_, i16>(5)), (None, 9));
    assert_eq!(row.get::<_, &str>(6), DEVICE.organization.to_string());
    assert_eq!(row.get::<_, i64>(7), io.digest());
    assert_eq!(row.get::<_, &str>(8), "2020-09-13 00:00:50+00");
    assert_eq!(row.get::<_, &str>(9), "2020-09-13 01:33:20+00");
    assert_eq!(row.get::<_, &str>(10), r#"{"239": 18446744073709551615, "385": "01ab"}"#);
    assert_eq!(row.get::<_, i64>(11), TRACE as i64);
    let traced = format!("telemetry.quarantine WHERE trace_id = {TRACE}");
    assert_eq!(count(&client, &traced).await, 2);
}

/// A processor that was stopped for longer than its lease wakes up with a batch in its hands.
#[tokio::test]
async fn a_paused_owner_writes_no_more_once_the_next_has_come() {
    let (server, client) = server().await;
    let (mut paused, mut next) = (Writer::new(server.url()), StateReader::new(server.url()));
    let batch_of = |claim, seconds| {
        let mut batch = Batch::new(claim);
        batch.position(DEVICE, &fix(seconds, 46.0), received(seconds), None, true);
        batch
    };
    paused.write(&[&batch_of(CLAIM, 10)]).await.unwrap();
    let newer = Claim { generation: 8, ..CLAIM };
    assert!(next.claim(&[newer]).await.unwrap().is_empty());
    assert!(next.claim(&[newer]).await.unwrap().is_empty(), "twice is once");

    let other = Claim { partition: 4, ..CLAIM };
    let (late, mine) = (batch_of(CLAIM, 20), batch_of(other, 30));
    match paused.write(&[&late, &mine]).await {
        Err(WriteError::Fenced { partitions }) => assert_eq!(partitions, [3]),
        written => panic!("{written:?}"),
    }
    assert_eq!(count(&client, "telemetry.positions").await, 1, "nothing of it was written");
    paused.write(&[&mine]).await.unwrap();
    assert_eq!(count(&client, "telemetry.positions").await, 2);
    assert_eq!(next.claim(&[CLAIM, other]).await.unwrap(), [3]);
    Writer::new(server.url()).write(&[&batch_of(newer, 40)]).await.unwrap();
    assert_eq!(count(&client, "telemetry.positions").await, 3);
}

#[tokio::test]
async fn the_next_owner_waits_for_what_the_one_before_is_just_writing() {
    let (server, _) = server().await;
    let (mut before, _) = biplane_store::connect(&server.url()).await.unwrap();
    let writing = before.transaction().await.unwrap();
    let claim = "SELECT telemetry.claim_partitions('{3}', '{7}')";
    writing.batch_execute(claim).await.unwrap();
    let newer = [Claim { generation: 8, ..CLAIM }];
    let mut next = StateReader::new(server.url());
    let mut claiming = Box::pin(next.claim(&newer));
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut claiming).await;
    assert!(early.is_err(), "it did not wait");
    writing.commit().await.unwrap();
    assert!(claiming.await.unwrap().is_empty());
}

#[tokio::test]
async fn a_crossing_outlives_its_checkpoint_but_not_its_fence() {
    let (server, client) = server().await;
    let mut batch = Batch::new(CLAIM);
    // Checkpoint c9 and fence f9 were deleted while the batch was on its way.
    batch.crossings = vec![crossing(0xf1, 10), crossing(0xf9, 10)];
    let counts = Writer::new(server.url()).write(&[&batch]).await.unwrap();
    assert_eq!(counts.crossings, 1);
    let row = client
        .query_one(
            "SELECT event::text, checkpoint, crossed_at::text, source, date_created IS NOT NULL FROM crossings",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), Uuid::from_u128(0xe1).to_string());
    assert_eq!(row.get::<_, Option<Uuid>>(1), None);
    assert_eq!(row.get::<_, &str>(2), "2020-09-12 11:40:10.007+00");
    assert_eq!((row.get::<_, &str>(3), row.get::<_, bool>(4)), ("live", true));
}

#[tokio::test]
async fn a_border_that_is_watched_gives_one_alert_until_somebody_closes_it() {
    let (server, client) = server().await;
    let watched =
        "UPDATE geofences SET alert_on = 'enter' WHERE id = '00000000-0000-0000-0000-0000000000f1'";
    client.execute(watched, &[]).await.unwrap();
    let mut writer = Writer::new(server.url());
    let mut write = async |seconds: &[i64]| {
        let mut batch = Batch::new(CLAIM);
        batch.crossings = seconds.iter().map(|&at| crossing(0xf1, at)).collect();
        writer.write(&[&batch]).await.unwrap();
        batch.crossings
    };
    let alerts = "alerts WHERE kind = 'geofence_violation' AND severity = 'critical'";
    let first = write(&[10, 20]).await;
    let open = format!("{alerts} AND status = 'open' AND id = '{}'", first[0].id);
    assert_eq!((count(&client, &open).await, count(&client, alerts).await), (1, 1));
    write(&[10, 20]).await;
    write(&[30]).await;
    assert_eq!(count(&client, alerts).await, 1, "one at a time");
    client.execute("UPDATE alerts SET status = 'closed'", &[]).await.unwrap();
    write(&[10, 20, 30]).await;
    assert_eq!(count(&client, &open).await, 0, "what comes twice opens nothing again");
    let later = write(&[40]).await;
    assert_eq!(count(&client, alerts).await, 2);

    // A crossing that timing again does not find takes its alert with it.
    let changes =
        Changes { delete: vec![later[0].id], insert: vec![crossing(0xf1, 41)], update: Vec::new() };
    let correction = Correction {
        claim: CLAIM,
        device: DEVICE.id,
        marks: &[],
        changes: &changes,
        now_at: None,
        orders: &[],
        marks_changed: 0,
    };
    History::new(server.url()).correct(&correction).await.unwrap();
    assert_eq!(count(&client, &format!("{alerts} AND status = 'open'")).await, 0);
    assert_eq!(count(&client, alerts).await, 2, "and what was missed then is no alert now");

    client.execute("UPDATE geofences SET alert_on = 'exit'", &[]).await.unwrap();
    write(&[50]).await;
    assert_eq!(count(&client, alerts).await, 2, "the other way");
    client.execute("UPDATE geofences SET alert_on = 'any'", &[]).await.unwrap();
    write(&[60]).await;
    assert_eq!(count(&client, alerts).await, 3);
}

#[tokio::test]
async fn an_older_fix_never_replaces_a_newer_one_in_the_status() {
    let (server, client) = server().await;
    let mut writer = Writer::new(server.url());
    for (last_fix, received) in [
        (Some(fix(100, 46.5)), 200),
        (Some(fix(50, 46.0)), 300),
        (None, 400),
        (Some(fix(60, 46.0)), 350),
    ] {
        let mut batch = Batch::new(CLAIM);
        batch.status(DEVICE.id, status(last_fix, received));
        writer.write(&[&batch]).await.unwrap();
    }
    let row = client
        .query_one(
            "SELECT last_fix_at::text, lat, last_received_at::text, connected FROM device_status",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "2020-09-12 11:41:40+00");
    assert_eq!(row.get::<_, f32>(1), 46.5);
    assert_eq!(row.get::<_, &str>(2), "2020-09-12 11:46:40+00");
    assert!(row.get::<_, bool>(3));
    assert_eq!(writer.mark_silent(at(401)).await.unwrap(), Silence { fallen: 1, back: 0 });
    assert_eq!(count(&client, "device_status WHERE connected").await, 0);
    assert_eq!(writer.mark_silent(at(401)).await.unwrap(), Silence::default(), "it is told once");
    let alert = "alerts WHERE kind = 'device_offline' AND severity = 'warning' AND event IS NOT NULL
                 AND occurred_at = '2020-09-12 11:46:40+00' AND message LIKE '%since 2020-09-12 11:46:40 UTC'";
    assert_eq!(count(&client, &format!("{alert} AND status = 'open'")).await, 1);
    let mut batch = Batch::new(CLAIM);
    batch.status(DEVICE.id, status(None, 500));
    writer.write(&[&batch]).await.unwrap();
    assert_eq!(writer.mark_silent(at(401)).await.unwrap(), Silence { fallen: 0, back: 1 });
    assert_eq!(count(&client, &format!("{alert} AND status = 'closed'")).await, 1);
}

/// The row went over to the new organization with the old one's last position in it.
#[tokio::test]
async fn a_tracker_that_changed_hands_showed_its_last_position_to_its_new_tenant() {
    let (server, client) = server().await;
    let buyer = Uuid::from_u128(0xa2);
    client.execute("INSERT INTO organizations VALUES ($1, 'Buyer')", &[&buyer]).await.unwrap();
    let mut writer = Writer::new(server.url());
    // After the sale: nothing believed yet, then a fix of before the seller's last one.
    for (last_fix, owner) in [
        (Some(fix(100, 46.5)), DEVICE.organization),
        (None, buyer.into()),
        (Some(fix(50, 46.0)), buyer.into()),
    ] {
        let mut batch = Batch::new(CLAIM);
        batch.status(DEVICE.id, Status { organization: owner, ..status(last_fix.clone(), 200) });
        writer.write(&[&batch]).await.unwrap();
        let row = client
            .query_one("SELECT organization, last_fix_at::text, lat FROM device_status", &[])
            .await
            .unwrap();
        let lat = last_fix.map(|fix| fix.lat as f32);
        assert_eq!(row.get::<_, Uuid>(0), owner.0);
        assert_eq!(row.get::<_, Option<f32>>(2), lat);
        assert_eq!(row.get::<_, Option<&str>>(1).is_some(), lat.is_some());
    }
}

#[tokio::test]
async fn a_new_owner_learns_where_a_device_was_to_the_last_digit() {
    let (server, _) = server().await;
    let mut writer = Writer::new(server.url());
    let mut batch = Batch::new(CLAIM);
    batch.position(DEVICE, &fix(100, 46.123_456_789_012), received(100), None, true);
    batch.position(DEVICE, &fix(100, 47.0), received(100), None, false);
    for (seconds, reason) in [
        (105, "impossible_speed"),
        (110, "no_satellites"),
        (113, "jitter"),
        (115, "impossible_speed"),
        (118, "jitter"),
        (120, "impossible_speed"),
    ] {
        let far = fix(seconds, 60.0 + seconds as f64 / 1000.0);
        batch.position(DEVICE, &far, received(seconds), Some(reason), true);
    }
    batch.status(DEVICE.id, status(Some(fix(100, 46.123_456_789_012)), 120));
    writer.write(&[&batch]).await.unwrap();

    let unknown = Uuid::from_u128(0xd3).into();
    let mut reader = StateReader::new(server.url());
    let states = reader.states(&[DEVICE.id, unknown], 2).await.unwrap();
    let known = states.iter().find(|state| state.device == DEVICE.id).unwrap();
    let place = Point { lat: 46.123_456_789_012, lon: 12.123_456_789 };
    let moment = Moment { time: at(100), at: place };
    let believed =
        Believed { stood_until: Some(at(118)), ..Believed::new(moment, fix(100, 0.0).speed_kmh) };
    assert_eq!(known.last, Some((DEVICE.organization, believed)));
    assert_eq!(known.watermark, Some(at(120)));
    let refused: Vec<_> = known.refused.iter().map(|moment| (moment.time, moment.at.lat)).collect();
    assert_eq!(refused, [(at(115), 60.115), (at(120), 60.12)]);
    let other = states.iter().find(|state| state.device == unknown).unwrap();
    assert_eq!((other.last, other.watermark, other.refused.len()), (None, None, 0));
    let mut past = LivePast::new(server.url());
    let known = past.last_known().await.unwrap();
    assert_eq!(known.iter().filter(|it| it.position.is_some()).count(), 1);
}

/// Reading 25 devices' states took 3 s with two years of partitions, 0.1 s without.
#[tokio::test]
async fn short_queries_over_many_partitions_were_compiled_for_seconds() {
    let (server, _) = server().await;
    let (client, _) = biplane_store::connect(&server.url()).await.unwrap();
    let jit: String = client.query_one("SHOW jit", &[]).await.unwrap().get(0);
    assert_eq!(jit, "off");
}

/// PostgreSQL takes no 1e-300 into a `real`, and a batch that it refuses is tried forever.
#[tokio::test]
async fn a_place_too_close_to_the_equator_held_up_its_partition_for_good() {
    let (server, client) = server().await;
    let mut writer = Writer::new(server.url());
    let mut batch = Batch::new(CLAIM);
    let tiny = fix(100, 1e-300);
    batch.position(DEVICE, &tiny, received(100), None, true);
    batch.crossings.push(Crossing { at: Point { lat: 1e-300, lon: 12.0 }, ..crossing(0xf1, 95) });
    batch.status(DEVICE.id, status(Some(tiny.clone()), 100));
    let (mut motion, mut happened) = (Motion::begin(moment(&tiny)), vec![]);
    for seconds in [105, 110] {
        let there = moment(&fix(seconds, 0.1));
        motion.take(there, None, &MotionLimits::default(), &mut happened);
    }
    happened.into_iter().for_each(|it| batch.happened(DEVICE, it));
    writer.write(&[&batch]).await.unwrap();
    for table in
        ["crossings WHERE lat = 0", "device_status WHERE lat = 0", "trips WHERE start_lat = 0"]
    {
        assert_eq!(count(&client, table).await, 1, "{table}");
    }
    let mut history = History::new(server.url());
    let changes = Changes::default();
    let now_at = Some(Some(at(100)));
    client.batch_execute("UPDATE device_status SET last_fix_at = now()").await.unwrap();
    let correction = Correction {
        claim: CLAIM,
        device: DEVICE.id,
        marks: &[],
        changes: &changes,
        now_at,
        orders: &[],
        marks_changed: 0,
    };
    history.correct(&correction).await.unwrap();
    assert_eq!(
        count(&client, "device_status WHERE lat = 0 AND last_fix_at < '2021-01-01'").await,
        1
    );
}

/// `support/public.sql` stands in for Directus: it must not drift from what Directus makes.
#[tokio::test]
async fn the_tables_that_these_tests_use_have_the_columns_of_the_schema_snapshot() {
    let (_server, client) = server().await;
    let snapshot = include_str!("../../../../snapshots/schema.yaml");
    let snapshot: serde_json::Value = serde_yaml_ng::from_str(snapshot).unwrap();
    let fields = snapshot["fields"].as_array().unwrap();
    let rows = client
        .query(
            "SELECT table_name::text, column_name::text, data_type::text, character_maximum_length::int8,
                is_nullable = 'YES'
             FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT LIKE 'directus\\_%'",
            &[],
        )
        .await
        .unwrap();
    assert!(rows.len() > 70);
    for row in rows {
        let (table, column): (&str, &str) = (row.get(0), row.get(1));
        let found = fields.iter().find(|f| f["collection"] == table && f["field"] == column);
        let schema =
            &found.unwrap_or_else(|| panic!("{table}.{column} is not in the snapshot"))["schema"];
        let data_type = schema["data_type"].as_str().unwrap();
        if data_type != "GEOMETRY" {
            assert_eq!(row.get::<_, &str>(2), data_type, "{table}.{column}");
        }
        assert_eq!(row.get::<_, Option<i64>>(3), schema["max_length"].as_i64(), "{table}.{column}");
        assert_eq!(
            row.get::<_, bool>(4),
            schema["is_nullable"].as_bool().unwrap(),
            "{table}.{column}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_organization_hears_once_that_positions_are_written_late() {
    let (server, client) = server().await;
    client
        .batch_execute(
            "INSERT INTO organizations VALUES ('00000000-0000-0000-0000-0000000000a2', 'Other', 'active'),
                ('00000000-0000-0000-0000-0000000000a3', 'Gone', 'archived')",
        )
        .await
        .unwrap();
    let mut alerts = AlertWriter::new(server.url());
    assert_eq!(alerts.lag(Some(at(0))).await.unwrap(), 2);
    client
        .execute(
            "UPDATE alerts SET status = 'acknowledged' WHERE organization::text LIKE '%a1'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(alerts.lag(Some(at(10))).await.unwrap(), 0);
    let told = client
        .query_one("SELECT DISTINCT message FROM alerts WHERE kind = 'lag'", &[])
        .await
        .unwrap();
    let message: String = told.get(0);
    assert!(message.contains("2020-09-12 11:40:00 UTC"), "{message}");
    assert_eq!(alerts.lag(None).await.unwrap(), 2);
    assert_eq!(alerts.lag(None).await.unwrap(), 0);
    assert_eq!(alerts.lag(Some(at(20))).await.unwrap(), 2);
}
