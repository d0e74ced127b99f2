//! Visits of geofences against a real PostgreSQL: what is asked for, what is told, what is kept.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use biplane_core::geodesy::Point;
use biplane_core::geofence::Moment;
use biplane_core::motion::Happened;
use biplane_core::profile::Limits;
use biplane_core::timing::Device;
use biplane_core::visits::{Visits, WatchedFences};
use biplane_core::{DeviceId, OrganizationId, Timestamp};
use biplane_store::{Batch, Claim, SetupReader, StateReader, Status, Writer};
use support::TestPostgres;
use tokio_postgres::Client;
use uuid::Uuid;

const START: i64 = 1_599_910_800_000;
const CLAIM: Claim = Claim { partition: 3, generation: 7 };
const CLUB: OrganizationId = OrganizationId(Uuid::from_u128(0xa1));
const DEVICE: Device = Device { id: DeviceId(Uuid::from_u128(0xd1)), organization: CLUB };

/// Two geofences at one place ask to be told after a minute; the others ask for nothing, or for what
/// nobody can be told.
const SETUP: &str = "
    INSERT INTO organizations VALUES ('00000000-0000-0000-0000-0000000000a1', 'Club');
    INSERT INTO devices (id, organization, name, imei) VALUES
        ('00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000a1', 'one', '490154203237518');
    INSERT INTO geofences (id, organization, name, kind, geometry, radius_m, dwell_s, hysteresis_m, status)
    SELECT ('00000000-0000-0000-0000-0000000000' || id)::uuid, '00000000-0000-0000-0000-0000000000a1', name,
        kind, ST_GeomFromText(geometry, 4326), 100, dwell_s, hysteresis_m, status
    FROM (VALUES
        ('f1', 'yard', 'circle', 'POINT(12 46)', 60, NULL, 'active'),
        ('f2', 'hall', 'circle', 'POINT(12 46)', 60, 0, 'active'),
        ('f3', 'silent', 'circle', 'POINT(12 46)', NULL, 5, 'active'),
        ('f4', 'off', 'circle', 'POINT(12 46)', 60, 5, 'inactive'),
        ('f5', 'never', 'circle', 'POINT(12 46)', 0, NULL, 'active'),
        ('f6', 'below', 'circle', 'POINT(12 46)', 60, -1, 'active'),
        ('f7', 'line', 'gate', 'LINESTRING(11.9 46, 12.1 46)', 60, NULL, 'active')
    ) AS f (id, name, kind, geometry, dwell_s, hysteresis_m, status)";

async fn server() -> (TestPostgres, Client) {
    let server = TestPostgres::start().await;
    let client = server.client().await;
    client.batch_execute(SETUP).await.unwrap();
    (server, client)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1000)
}

/// So many metres north of the geofences' centre.
fn moment(seconds: i64, north_m: f64) -> Moment {
    Moment { time: at(seconds), at: Point { lat: 46.0 + north_m / 111_194.93, lon: 12.0 } }
}

/// What these fixes make known, and the state after them, in a batch.
fn batch(visits: &mut Visits, fixes: &[Moment], fences: Option<&WatchedFences>) -> Batch {
    let (mut batch, mut happened) = (Batch::new(CLAIM), vec![]);
    for fix in fixes {
        visits.take(None, *fix, fences, &Limits::default(), &mut happened);
    }
    happened.into_iter().for_each(|it| batch.happened(DEVICE, it));
    let status = Status {
        organization: CLUB,
        last_fix: None,
        motion: None,
        visits: Some(visits.clone()),
        received_at: at(600),
        protocol: "teltonika".into(),
        gateway: "gateway-1".into(),
    };
    batch.status(DEVICE.id, status);
    batch
}

/// Status, message and time of the alerts of a geofence that is or was there.
async fn alerts(client: &Client, geofence: &str) -> Vec<(String, String, i64)> {
    let statement = "SELECT status, message, extract(epoch FROM occurred_at)::int8 FROM alerts
                     WHERE kind = 'dwell' AND message LIKE '%' || $1 || '%' ORDER BY occurred_at";
    let rows = client.query(statement, &[&geofence]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

async fn known(server: &TestPostgres) -> Option<(OrganizationId, Visits)> {
    StateReader::new(server.url()).states(&[DEVICE.id], 0).await.unwrap().remove(0).visits
}

#[tokio::test]
async fn geofences_that_ask_for_visits_are_watched_and_what_they_can_not_ask_for_is_told() {
    let (server, _client) = server().await;
    let mut reader = SetupReader::connect(&server.url()).await.unwrap();
    let (setup, problems) = reader.read().await.unwrap();
    let told = |name: &str| problems.iter().any(|it| it.ends_with(name));
    assert!(told("dwell_s: 0 is not a whole number of seconds from 1 to 31536000"), "{problems:?}");
    assert!(told("hysteresis_m: -1 is not a number of metres from 0 to 10000"), "{problems:?}");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(setup.fences[&CLUB].len(), 6, "what asks for nothing good is crossed all the same");

    let (mut visits, mut happened) = (Visits::default(), vec![]);
    for fix in [moment(0, 0.0), moment(60, 0.0), moment(70, 110.0)] {
        let watched = setup.watched.get(&CLUB);
        visits.take(None, fix, watched, &Limits::default(), &mut happened);
    }
    let told: Vec<_> = happened
        .iter()
        .map(|it| match it {
            Happened::Dwell(dwell, end) => (dwell.geofence.0.as_u128(), *end),
            other => panic!("{other:?}"),
        })
        .collect();
    // 10 m outside the yard's visit goes on, by the instance's hysteresis.
    assert_eq!(told, [(0xf1, None), (0xf2, None), (0xf2, Some(at(60)))]);
}

#[tokio::test]
async fn a_visit_is_one_alert_however_it_is_told_and_its_state_goes_with_it() {
    let (server, client) = server().await;
    let setup = SetupReader::connect(&server.url()).await.unwrap().read().await.unwrap().0;
    let watched = setup.watched.get(&CLUB);
    let mut writer = Writer::new(server.url());
    let mut visits = Visits::default();

    let quiet = batch(&mut visits, &[moment(0, 0.0), moment(59, 0.0)], watched);
    writer.write(&[&quiet]).await.unwrap();
    assert_eq!(known(&server).await, Some((CLUB, visits.clone())));
    assert_eq!(alerts(&client, "").await, []);

    let begun = batch(&mut visits, &[moment(75, 0.0)], watched);
    for _ in 0..2 {
        writer.write(&[&begun]).await.unwrap();
        assert_eq!(known(&server).await, Some((CLUB, visits.clone())));
        let since = "since 2020-09-12 11:40:00 UTC";
        let open = |name| {
            let message = format!("one has been in {name} for 00:01:00, {since}");
            vec![("open".to_owned(), message, START / 1000 + 60)]
        };
        assert_eq!(alerts(&client, "yard").await, open("yard"));
        assert_eq!(alerts(&client, "hall").await, open("hall"));
    }
    let row = client
        .query_one(
            "SELECT severity, device, geofence, organization FROM alerts WHERE message LIKE '%yard%'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "warning");
    assert_eq!(row.get::<_, Uuid>(1), DEVICE.id.0);
    assert_eq!(row.get::<_, Uuid>(2), Uuid::from_u128(0xf1));
    assert_eq!(row.get::<_, Uuid>(3), CLUB.0);
    let notices = "SELECT count(*) FROM telemetry.notices WHERE body ->> 'alert_kind' = 'dwell'
                   AND body ->> 'geofence' IS NOT NULL";
    assert_eq!(client.query_one(notices, &[]).await.unwrap().get::<_, i64>(0), 2);

    // What people say of an alert stays, and a geofence that is gone is still named.
    client
        .batch_execute(
            "UPDATE alerts SET status = 'acknowledged' WHERE message LIKE '%yard%';
             DELETE FROM geofences WHERE name = 'hall'",
        )
        .await
        .unwrap();
    let over = batch(&mut visits, &[moment(90_000, 0.0), moment(90_010, 500.0)], watched);
    assert!(visits.is_empty());
    for _ in 0..2 {
        writer.write(&[&over]).await.unwrap();
        assert_eq!(known(&server).await, None);
        let [(status, message, _)] = &alerts(&client, "yard").await[..] else { panic!("one") };
        let period = "since 2020-09-12 11:40:00 until 2020-09-13 12:40:00 UTC";
        assert_eq!(status, "acknowledged");
        assert_eq!(*message, format!("one was in yard for 1 day 01:00:00, {period}"));
        let [(status, message, _)] = &alerts(&client, "hall").await[..] else { panic!("one") };
        assert_eq!(status, "closed");
        assert_eq!(message, "one has been in hall for 00:01:00, since 2020-09-12 11:40:00 UTC");
    }
    assert_eq!(
        client.query_one(notices, &[]).await.unwrap().get::<_, i64>(0),
        2,
        "an end is no other notice"
    );

    client
        .execute(
            "INSERT INTO telemetry.visits VALUES ($1, $2, '\\x0900')",
            &[&DEVICE.id.0, &CLUB.0],
        )
        .await
        .unwrap();
    assert_eq!(known(&server).await, None, "what can't be read is begun anew");
}
