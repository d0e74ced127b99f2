//! The writer and the readers against a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "tests")]

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
    AlertWriter, Batch, Claim, Correction, Counts, History, HistoryError, Received, SetupReader,
    Silence, StateReader, Status, WriteError, Writer,
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
    assert_eq!(reader.last_positions().await.unwrap().len(), 1);
}

/// Reading 25 devices' states took 3 s with two years of partitions, 0.1 s without.
#[tokio::test]
async fn short_queries_over_many_partitions_were_compiled_for_seconds() {
    let (server, _) = server().await;
    let (client, _) = biplane_store::connect(&server.url()).await.unwrap();
    let jit: String = client.query_one("SHOW jit", &[]).await.unwrap().get(0);
    assert_eq!(jit, "off");
}

#[tokio::test]
async fn the_setup_holds_what_is_active_and_names_what_it_leaves_out() {
    let (server, client) = server().await;
    let mut reader = SetupReader::connect(&server.url()).await.unwrap();
    let (setup, problems) = reader.read().await.unwrap();
    let imei: Imei = "490154203237518".parse().unwrap();
    assert_eq!(setup.devices.len(), 1);
    assert_eq!(setup.devices[&imei], DEVICE);
    let fences = &setup.fences[&DEVICE.organization];
    assert_eq!(fences.len(), 2);
    let moment = |seconds, lon| Moment { time: at(seconds), at: Point { lat: 46.0, lon } };
    let way = Segment::between(moment(0, 10.0), moment(10, 14.0));
    assert_eq!(fences.crossings(&way).count(), 4);
    assert_eq!(setup.entries[&DEVICE.id].len(), 1);
    let checkpoints = &setup.checkpoints[&Uuid::from_u128(0xf1).into()];
    assert_eq!(checkpoints[0].direction, Some(Direction::Enter));
    assert_eq!(checkpoints[0].opens_at, Some(at(0) + 250));
    assert_eq!((checkpoints[1].direction, checkpoints[1].opens_at), (None, None));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.ends_with("a circle needs a radius above 0 m")));

    let before = reader.fingerprint().await.unwrap();
    assert_eq!(reader.fingerprint().await.unwrap(), before);
    client
        .batch_execute(
            "UPDATE geofences SET status = 'inactive', date_updated = now() WHERE name = 'field'",
        )
        .await
        .unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), reader.noticed()).await.unwrap();
    assert_ne!(reader.fingerprint().await.unwrap(), before);
    let (setup, _) = reader.read().await.unwrap();
    assert_eq!(setup.fences[&DEVICE.organization].len(), 1);
}

#[tokio::test]
async fn a_profile_of_the_devices_organization_is_read_and_what_it_can_not_set_is_told() {
    let (server, client) = server().await;
    client
        .batch_execute(
            "INSERT INTO organizations VALUES ('00000000-0000-0000-0000-0000000000a2', 'Other');
             INSERT INTO device_profiles (id, organization, name, max_speed_kmh, max_hdop, believe_after, stop_after_s) VALUES
                ('00000000-0000-0000-0000-000000000071', '00000000-0000-0000-0000-0000000000a1', 'bikes', 80, 0.1, 1, 60);
             UPDATE devices SET profile = '00000000-0000-0000-0000-000000000071' WHERE name = 'one'",
        )
        .await
        .unwrap();
    let mut reader = SetupReader::connect(&server.url()).await.unwrap();
    let instance = Limits::default();
    let (setup, problems) = reader.read().await.unwrap();
    let mut expected = instance;
    expected.plausibility.max_speed_kmh = 80.0;
    expected.plausibility.max_hdop = 0.1;
    expected.motion.stop_after_s = 60;
    assert_eq!(setup.limits(DEVICE.id, &instance), expected);
    assert_eq!(setup.limits(Uuid::from_u128(0xd2).into(), &instance), instance);
    let told = "believe_after: 1 is not a whole number from 2 to 1000";
    assert!(problems.iter().any(|it| it.ends_with(told)), "{problems:?}");

    let before = reader.fingerprint().await.unwrap();
    client
        .batch_execute("UPDATE device_profiles SET max_speed_kmh = NULL, date_updated = now()")
        .await
        .unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), reader.noticed()).await.unwrap();
    assert_ne!(reader.fingerprint().await.unwrap(), before);
    let (setup, _) = reader.read().await.unwrap();
    let speed = setup.limits(DEVICE.id, &instance).plausibility.max_speed_kmh;
    assert_eq!(speed, instance.plausibility.max_speed_kmh);

    // Whoever gave the profile away: a stranger's word is not taken.
    client
        .batch_execute(
            "UPDATE device_profiles SET organization = '00000000-0000-0000-0000-0000000000a2'",
        )
        .await
        .unwrap();
    let (setup, _) = reader.read().await.unwrap();
    assert_eq!(setup.limits(DEVICE.id, &instance), instance);
    let refused = client
        .batch_execute(
            "UPDATE devices SET profile = NULL;
             UPDATE devices SET profile = '00000000-0000-0000-0000-000000000071'",
        )
        .await;
    assert!(refused.is_err(), "into another organization");
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

fn moment(fix: &Fix) -> Moment {
    Moment { time: fix.time, at: Point { lat: fix.lat, lon: fix.lon } }
}

/// Drives north for 200 s from second 0 with 72 km/h, a fix each 5 s, and stands for 400 s.
fn drive() -> Vec<Fix> {
    let way = |n: i64| Fix {
        speed_kmh: Some(if n < 40 { 72.0 } else { 0.0 }),
        ..fix(n * 5, 46.0 + n.min(40) as f64 * 0.0009)
    };
    (0..=120).map(way).collect()
}

#[tokio::test]
async fn a_trip_and_an_excess_are_one_row_each_however_they_are_told() {
    let (server, client) = server().await;
    let mut writer = Writer::new(server.url());
    let limits = MotionLimits { overspeed_kmh: 60.0, ..MotionLimits::default() };
    let fixes = drive();
    let mut motion = Motion::begin(moment(&fixes[0]));
    let mut seen = vec![];
    for part in fixes.chunks(30) {
        let (mut batch, mut happened) = (Batch::new(CLAIM), vec![]);
        for fix in part {
            motion.take(moment(fix), fix.speed_kmh, &limits, &mut happened);
        }
        happened.into_iter().for_each(|it| batch.happened(DEVICE, it));
        let told = Status { motion: Some(motion), ..status(part.last().cloned(), 600) };
        batch.status(DEVICE.id, told);
        writer.write(&[&batch]).await.unwrap();
        writer.write(&[&batch]).await.unwrap();
        let trip = "SELECT s.motion, s.motion_since, t.ended_at::text, t.distance_m, a.status, a.message, a.event
                    FROM device_status s, trips t, alerts a";
        let row = client.query_one(trip, &[]).await.unwrap();
        let since = row.get::<_, std::time::SystemTime>(1);
        let since = since.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64 - START;
        seen.push((
            row.get::<_, String>(0),
            since,
            row.get::<_, Option<String>>(2),
            row.get::<_, f32>(3).round(),
            row.get::<_, String>(4),
        ));
        assert_eq!(row.get::<_, Option<Uuid>>(6), Some(Uuid::from_u128(0xe1)));
        let message: String = row.get(5);
        assert!(
            message.starts_with("one went up to 72 km/h since 2020-09-12 11:40:05"),
            "{message}"
        );
        let known = StateReader::new(server.url()).states(&[DEVICE.id], 0).await.unwrap().remove(0);
        assert_eq!(known.motion, Some((DEVICE.organization, motion)));
    }
    let row = |motion: &str, since, ended: Option<&str>, way, alert: &str| {
        (motion.to_owned(), since, ended.map(str::to_owned), way, alert.to_owned())
    };
    let end = Some("2020-09-12 11:43:20+00");
    assert_eq!(
        seen,
        [
            row("moving", 0, None, 2002.0, "open"),
            row("moving", 0, None, 4003.0, "closed"),
            row("moving", 0, None, 4003.0, "closed"),
            row("stopped", 200_000, end, 4003.0, "closed"),
            row("stopped", 200_000, end, 4003.0, "closed"),
        ]
    );
    // What people say of an alert stays.
    client.batch_execute("UPDATE alerts SET status = 'acknowledged'").await.unwrap();
    client.batch_execute("UPDATE telemetry.motion SET state = ''").await.unwrap();
    let mut happened = vec![];
    let mut motion = Motion::begin(moment(&fixes[0]));
    for fix in &fixes[..20] {
        motion.take(moment(fix), fix.speed_kmh, &limits, &mut happened);
    }
    let mut batch = Batch::new(CLAIM);
    happened.into_iter().for_each(|it| batch.happened(DEVICE, it));
    writer.write(&[&batch]).await.unwrap();
    assert_eq!(count(&client, "alerts WHERE status = 'acknowledged'").await, 1);
    let known = StateReader::new(server.url()).states(&[DEVICE.id], 0).await.unwrap().remove(0);
    assert_eq!(known.motion, None, "what can't be read is begun anew");
}

/// Valid crossings of a race that was over came in for as long as trackers were switched on.
#[tokio::test]
async fn a_tracker_that_drove_home_next_week_was_timed_for_the_finished_event() {
    let (server, client) = server().await;
    // The first checkpoint opens at 11:40:00.250, the other one has no times of its own.
    let mut reader = SetupReader::connect(&server.url()).await.unwrap();
    for (starts_at, ends_at, first, second) in [
        (None, None, (Some(250), None), (None, None)),
        (None, Some(at(9)), (Some(250), Some(9_000)), (None, Some(9_000))),
        (Some(at(-9)), None, (Some(250), None), (Some(-9_000), None)),
        (Some(at(1)), Some(at(9)), (Some(1_000), Some(9_000)), (Some(1_000), Some(9_000))),
    ] {
        let seconds = |time: Option<Timestamp>| time.map(|time| time.as_millis() as f64 / 1000.0);
        client
            .execute(
                "UPDATE events SET status = 'finished', starts_at = to_timestamp($1), ends_at = to_timestamp($2)
                 WHERE name = 'race'",
                &[&seconds(starts_at), &seconds(ends_at)],
            )
            .await
            .unwrap();
        let (setup, _) = reader.read().await.unwrap();
        let since_start = |time: Option<Timestamp>| time.map(|time| time - at(0));
        let times: Vec<_> = setup.checkpoints[&Uuid::from_u128(0xf1).into()]
            .iter()
            .map(|one| (since_start(one.opens_at), since_start(one.closes_at)))
            .collect();
        assert_eq!(times, [first, second]);
    }
    client
        .batch_execute("UPDATE checkpoints SET closes_at = '2020-09-12 11:40:02+00'")
        .await
        .unwrap();
    let (setup, _) = reader.read().await.unwrap();
    let checkpoints = &setup.checkpoints[&Uuid::from_u128(0xf1).into()];
    assert!(checkpoints.iter().all(|one| one.closes_at == Some(at(2))), "the earlier end counts");
}

#[tokio::test]
async fn entries_and_checkpoints_of_another_organization_took_part_in_an_event() {
    let (server, client) = server().await;
    // As if written before the database refused it.
    client
        .batch_execute(
            "INSERT INTO organizations VALUES ('00000000-0000-0000-0000-0000000000a2', 'Strangers');
             SET session_replication_role = replica;
             UPDATE entries SET organization = '00000000-0000-0000-0000-0000000000a2';
             UPDATE checkpoints SET organization = '00000000-0000-0000-0000-0000000000a2' WHERE name = 'Goal';",
        )
        .await
        .unwrap();
    let mut reader = SetupReader::connect(&server.url()).await.unwrap();
    let (setup, _) = reader.read().await.unwrap();
    assert!(setup.entries.is_empty());
    let left: Vec<_> = setup.checkpoints.values().flatten().map(|one| one.id.0.as_u128()).collect();
    assert_eq!(left, [0xc2]);
}

/// `support/public.sql` stands in for Directus: it must not drift from what Directus makes.
#[tokio::test]
async fn the_tables_that_these_tests_use_have_the_columns_of_the_schema_snapshot() {
    let (_server, client) = server().await;
    let snapshot = include_str!("../../../snapshots/schema.yaml");
    let snapshot: serde_json::Value = serde_yaml_ng::from_str(snapshot).unwrap();
    let fields = snapshot["fields"].as_array().unwrap();
    let rows = client
        .query(
            "SELECT table_name::text, column_name::text, data_type::text, character_maximum_length::int8,
                is_nullable = 'YES'
             FROM information_schema.columns WHERE table_schema = 'public'",
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

#[tokio::test]
async fn history_is_read_in_order_and_corrected_in_one_step() {
    let (server, client) = server().await;
    client.execute("DELETE FROM telemetry.recomputes", &[]).await.unwrap();
    let mut batch = Batch::new(CLAIM);
    for seconds in [10, 20, 30, 40] {
        let fault = (seconds == 20).then_some("impossible_speed");
        batch.position(DEVICE, &fix(seconds, 46.0), received(seconds), fault, seconds != 40);
    }
    batch.crossings = vec![crossing(0xf1, 25), crossing(0xf1, 35)];
    batch.status(DEVICE.id, status(Some(fix(40, 46.0)), 40));
    Writer::new(server.url()).write(&[&batch]).await.unwrap();

    let mut history = History::new(server.url());
    let orders = history.orders().await.unwrap();
    let told: Vec<_> = orders.iter().map(|it| (it.device, it.from, it.until)).collect();
    assert_eq!(told, [(DEVICE.id, at(40), at(40))], "one was not promised to be new");
    assert!(orders[0].imei.is_some());

    let beginning = history.beginning(DEVICE.id, at(30), 4).await.unwrap();
    assert_eq!(
        beginning.last.map(|(owner, it)| (owner, it.moment.time)),
        Some((DEVICE.organization, at(10)))
    );
    assert_eq!(beginning.refused.iter().map(|it| it.time).collect::<Vec<_>>(), [at(20)]);
    let fixes = history.fixes(DEVICE.id, at(10), 2).await.unwrap();
    let told: Vec<_> = fixes.iter().map(|it| (it.time, it.fault.as_deref())).collect();
    assert_eq!(told, [(at(20), Some("impossible_speed")), (at(30), None)]);
    let stored = history.crossings(DEVICE.id, at(20), at(30)).await.unwrap();
    assert_eq!(stored.iter().map(|it| it.id).collect::<Vec<_>>(), [batch.crossings[0].id]);

    let changes = Changes {
        delete: vec![batch.crossings[0].id],
        insert: vec![crossing(0xf1, 26)],
        update: vec![Crossing {
            status: CrossingStatus::OutsideWindow,
            ..batch.crossings[1].clone()
        }],
    };
    let marks = [
        Mark { time: at(20), digest: fix(20, 46.0).digest(), fault: None },
        Mark { time: at(40), digest: fix(40, 46.0).digest(), fault: Some(Fault::Flagged) },
    ];
    let mut correction = Correction {
        claim: Claim { generation: CLAIM.generation - 1, ..CLAIM },
        device: DEVICE.id,
        marks: &marks,
        changes: &changes,
        now_at: Some(Some(at(30))),
        orders: &[orders[0].id],
        marks_changed: 2,
    };
    let fenced = history.correct(&correction).await.unwrap_err();
    assert!(matches!(fenced, HistoryError::Fenced { partition: 3 }), "{fenced}");
    assert_eq!(history.orders().await.unwrap().len(), 1);
    correction.claim = CLAIM;
    history.correct(&correction).await.unwrap();
    assert_eq!(history.orders().await.unwrap(), []);
    let faults =
        "telemetry.positions WHERE fault_reason = 'flagged' AND ts = '2020-09-12 11:40:40+00'";
    assert_eq!(
        (count(&client, faults).await, count(&client, "telemetry.positions WHERE faulty").await),
        (1, 1)
    );
    let said = "crossings WHERE source = 'recomputed' AND (status = 'outside_window') = (date_updated IS NOT NULL)";
    assert_eq!((count(&client, said).await, count(&client, "crossings").await), (2, 2));
    assert_eq!(
        count(&client, "device_status WHERE last_fix_at = '2020-09-12 11:40:30+00'").await,
        1
    );
    let told = "telemetry.recomputes WHERE marks_changed = 2 AND crossings_added = 1 AND crossings_removed = 1 AND crossings_changed = 1";
    assert_eq!(count(&client, told).await, 1);

    // Nothing at all is believed of it any more.
    correction.now_at = Some(None);
    history.correct(&correction).await.unwrap();
    assert_eq!(count(&client, "device_status WHERE last_fix_at IS NULL AND lat IS NULL").await, 1);
    history.tidy(&[orders[0].id]).await.unwrap();
    assert_eq!(count(&client, "telemetry.recomputes").await, 0);
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
