//! What live clients may not miss, against a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use biplane_core::live::{AccessChange, Cursor, LiveEvent};
use biplane_core::{DeviceId, EventId, OrganizationId, Timestamp};
use biplane_store::{Happened, LiveEvents, LivePast, PastError, Whose};
use support::TestPostgres;
use tokio_postgres::{Client, GenericClient};
use uuid::Uuid;

const CLUB: OrganizationId = OrganizationId(Uuid::from_u128(0xa1));
const OTHER: OrganizationId = OrganizationId(Uuid::from_u128(0xa2));
const DEVICE: DeviceId = DeviceId(Uuid::from_u128(0xd1));
const RACE: EventId = EventId(Uuid::from_u128(0xe1));

const START: &str = "
    INSERT INTO organizations VALUES
        ('00000000-0000-0000-0000-0000000000a1', 'Club'), ('00000000-0000-0000-0000-0000000000a2', 'Other');
    INSERT INTO devices (id, organization, name, imei) VALUES
        ('00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000a1', 'one', '490154203237518'),
        ('00000000-0000-0000-0000-0000000000d2', '00000000-0000-0000-0000-0000000000a1', 'two', '350000000000126');
    INSERT INTO events (id, organization, name, status) VALUES
        ('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000a1', 'race', 'running');
    INSERT INTO geofences (id, organization, name, kind, geometry, radius_m) VALUES
        ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000a1', 'goal', 'circle',
         'SRID=4326;POINT(12 46)', 1000);";

async fn server() -> (TestPostgres, Client) {
    let server = TestPostgres::start().await;
    let client = server.client().await;
    client.batch_execute(START).await.unwrap();
    (server, client)
}

async fn cross(client: &impl GenericClient, id: u128) {
    let sql = "INSERT INTO crossings (id, organization, event, device, geofence, direction,
            crossed_at, fix_before_at, fix_after_at, lat, lon)
        VALUES ($1, '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000e1',
            '00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000f1', 'enter',
            '2020-09-12 11:40:00.25+00', '2020-09-12 11:40:00+00', '2020-09-12 11:40:01+00', 46, 12)";
    client.execute(sql, &[&Uuid::from_u128(id)]).await.unwrap();
}

/// Followed from now on.
async fn follow(server: &TestPostgres) -> (LiveEvents, Cursor) {
    let mut events = LiveEvents::new(server.url());
    let (happened, cursor) = events.next().await.unwrap();
    assert_eq!(happened, []);
    (events, cursor)
}

/// The next that is told, whatever looks that takes.
async fn told(events: &mut LiveEvents) -> (Vec<Happened>, Cursor) {
    let look = async {
        loop {
            let (happened, cursor) = events.next().await.unwrap();
            if !happened.is_empty() {
                return (happened, cursor);
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), look).await.expect("within 10 s")
}

/// Ids of crossings, and of retractions below 0.
fn crossings(happened: &[Happened]) -> Vec<i64> {
    let id = |id: Uuid| i64::try_from(id.as_u128()).unwrap();
    let crossings = happened.iter().filter_map(|one| match &one.what {
        LiveEvent::Crossing(crossing) => Some(id(crossing.id)),
        LiveEvent::Retraction(gone) => Some(-id(gone.id)),
        _ => None,
    });
    crossings.collect()
}

fn of_device() -> Whose {
    Whose { devices: vec![DEVICE], ..Whose::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crossing_is_told_when_it_is_committed_with_all_that_clients_see_of_it() {
    let (server, mut client) = server().await;
    cross(&client, 1).await;
    let (mut events, _) = follow(&server).await;
    let transaction = client.transaction().await.unwrap();
    cross(&transaction, 2).await;
    assert_eq!(events.next().await.unwrap().0, [], "it may be rolled back yet");
    transaction.rollback().await.unwrap();
    cross(&client, 3).await;
    let (happened, _) = told(&mut events).await;
    let [Happened { organization, device, event, what: LiveEvent::Crossing(crossing) }] =
        &happened[..]
    else {
        panic!("{happened:?}")
    };
    assert_eq!((*organization, *device, *event), (Some(CLUB), Some(DEVICE), Some(RACE)));
    assert_eq!((crossing.id, crossing.device), (Uuid::from_u128(3), DEVICE));
    assert_eq!(crossing.crossed_at, Timestamp::from_millis(1_599_910_800_250));
    assert_eq!((&*crossing.status, crossing.entry), ("valid", None));

    client
        .batch_execute("UPDATE crossings SET status = 'outside_window' WHERE id::text LIKE '%3'")
        .await
        .unwrap();
    let (happened, _) = told(&mut events).await;
    assert!(matches!(&happened[0].what, LiveEvent::Crossing(it) if it.status == "outside_window"));
    client.batch_execute("DELETE FROM crossings WHERE id::text LIKE '%3'").await.unwrap();
    assert_eq!(crossings(&told(&mut events).await.0), [-3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_later_than_what_came_after_it_is_not_missed_and_nothing_comes_twice() {
    let (server, client) = server().await;
    let mut slow = server.client().await;
    let (mut events, before) = follow(&server).await;
    let transaction = slow.transaction().await.unwrap();
    cross(&transaction, 1).await;
    for id in 2..5 {
        cross(&client, id).await;
        assert_eq!(crossings(&told(&mut events).await.0), [i64::try_from(id).unwrap()]);
    }
    let (nothing, meanwhile) = events.next().await.unwrap();
    assert_eq!(nothing, []);
    transaction.commit().await.unwrap();
    let (happened, after) = told(&mut events).await;
    assert_eq!(crossings(&happened), [1]);
    let (nothing, _) = events.next().await.unwrap();
    assert_eq!(nothing, []);

    // Whoever comes back misses nothing either, wherever it was.
    let mut past = LivePast::new(server.url());
    let since = async |past: &mut LivePast, cursor| {
        let mut ids = crossings(&past.since(cursor, &of_device(), 10).await.unwrap());
        ids.sort_unstable();
        ids
    };
    assert_eq!(since(&mut past, before).await, [1, 2, 3, 4]);
    assert!(since(&mut past, meanwhile).await.contains(&1));
    assert!(after > meanwhile);
    assert_eq!(since(&mut past, events.next().await.unwrap().1).await, Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_look_takes_comes_in_several_and_all_of_it_once() {
    let (server, client) = server().await;
    let (mut events, _) = follow(&server).await;
    let many = "INSERT INTO alerts (id, organization, kind, occurred_at)
        SELECT gen_random_uuid(), '00000000-0000-0000-0000-0000000000a1', 'lag', now()
        FROM generate_series(1, 6000)";
    client.batch_execute(many).await.unwrap();
    client.batch_execute(many).await.unwrap();
    let mut seen = std::collections::HashSet::new();
    let mut count = 0;
    while count < 12_000 {
        let (happened, _) = told(&mut events).await;
        assert!(happened.len() <= 5_000);
        count += happened.len();
        seen.extend(happened.iter().filter_map(|one| match &one.what {
            LiveEvent::Alert(alert) => Some(alert.id),
            _ => None,
        }));
    }
    assert_eq!((count, seen.len()), (12_000, 12_000));
    assert_eq!(events.next().await.unwrap().0, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_loses_nothing() {
    let (server, client) = server().await;
    let (mut events, _) = follow(&server).await;
    client
        .batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'biplane' AND pid <> pg_backend_pid()")
        .await
        .unwrap();
    cross(&client, 1).await;
    let mut found = None;
    for _ in 0..20 {
        if let Ok((happened, _)) = events.next().await
            && !happened.is_empty()
        {
            found = Some(crossings(&happened));
            break;
        }
    }
    assert_eq!(found, Some(vec![1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_or_too_much_is_not_told_in_part() {
    let (server, client) = server().await;
    let (mut events, cursor) = follow(&server).await;
    for id in 1..4 {
        cross(&client, id).await;
    }
    told(&mut events).await;
    let mut past = LivePast::new(server.url());
    assert_eq!(past.since(cursor, &of_device(), 3).await.unwrap().len(), 3);
    let too_much = past.since(cursor, &of_device(), 2).await;
    assert!(matches!(too_much, Err(PastError::TooMuch { most: 2 })), "{too_much:?}");
    let long_ago = Cursor { at: cursor.at + -86_400_001, ..cursor };
    // Of another database, or made up.
    let never = Cursor { transaction: cursor.transaction + 1_000_000, ..cursor };
    for cursor in [long_ago, never] {
        let forgotten = past.since(cursor, &of_device(), 10).await;
        assert!(matches!(forgotten, Err(PastError::Forgotten)), "{forgotten:?}");
    }
    let whose = Whose { devices: vec![Uuid::from_u128(0xd2).into()], ..Whose::default() };
    assert_eq!(past.since(cursor, &whose, 10).await.unwrap(), []);
    let whose = Whose { event: Some(RACE), ..Whose::default() };
    assert_eq!(past.since(cursor, &whose, 10).await.unwrap().len(), 3);
    assert_eq!(crossings(&past.within(60, &whose, 2).await.unwrap()), [2, 3], "the newest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_told_of_when_it_comes_or_goes_and_not_for_each_batch() {
    let (server, client) = server().await;
    let (mut events, _) = follow(&server).await;
    let status = |device: u128, connected: bool| {
        format!(
            "INSERT INTO device_status (id, organization, device, connected, last_received_at, last_fix_at, lat, lon)
             VALUES (gen_random_uuid(), '00000000-0000-0000-0000-0000000000a1', '{}', {connected}, now(),
                 '2020-09-12 11:41:00Z', 46, 12)
             ON CONFLICT (device) DO UPDATE SET connected = excluded.connected, last_received_at = now()",
            Uuid::from_u128(device)
        )
    };
    for connected in [true, true, false, false, true] {
        client.batch_execute(&status(0xd1, connected)).await.unwrap();
    }
    let mut all = Vec::new();
    while all.len() < 3 {
        all.extend(told(&mut events).await.0);
    }
    assert_eq!(events.next().await.unwrap().0, []);
    let connected: Vec<_> = all
        .iter()
        .map(|one| match &one.what {
            LiveEvent::Status(status) => {
                (status.device, status.connected, status.heard_at.is_some())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(connected, [(DEVICE, true, true), (DEVICE, false, true), (DEVICE, true, true)]);

    let mut past = LivePast::new(server.url());
    let known = past.last_known().await.unwrap();
    assert_eq!((known.len(), known[0].organization, known[0].status.connected), (1, CLUB, true));
    assert_eq!(known[0].position.as_ref().map(|it| (it.lat, it.lon)), Some((46.0, 12.0)));
    client
        .batch_execute(
            "SELECT telemetry.ensure_partitions('2020-09-12', '2020-09-12');
             INSERT INTO telemetry.positions (device, organization, ts, digest, received_at, lat, lon, faulty, fault_reason)
             SELECT '00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000a1',
                 '2020-09-12 11:40:00Z'::timestamptz + make_interval(secs => n), n, now(), 46 + n / 1000.0, 12, n = 40, CASE WHEN n = 40 THEN 'flagged' END
             FROM generate_series(0, 60) n",
        )
        .await
        .unwrap();
    let tracks = async |past: &mut LivePast, owner, seconds, most| {
        let track = past.tracks(&[(DEVICE, owner)], seconds, most).await.unwrap();
        track.iter().map(|it| (it.time.as_millis() - 1_599_910_800_000) / 1000).collect::<Vec<_>>()
    };
    // Without the last, which `init` has, and the faulty one.
    let expected: Vec<i64> = (30..60).filter(|second| *second != 40).collect();
    assert_eq!(tracks(&mut past, CLUB, 30, 1000).await, expected);
    assert_eq!(tracks(&mut past, CLUB, 3600, 3).await, [57, 58, 59]);
    assert_eq!(tracks(&mut past, OTHER, 30, 1000).await, Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_who_may_see_what_are_told_for_whom_they_concern() {
    let (server, client) = server().await;
    let user = Uuid::from_u128(0x11);
    client
        .batch_execute(&format!("INSERT INTO directus_users (id) VALUES ('{user}')"))
        .await
        .unwrap();
    let (mut events, _) = follow(&server).await;
    let of_user = AccessChange { user: Some(user), organization: None };
    let of = |organization| AccessChange { user: None, organization: Some(organization) };
    let all = AccessChange::default();
    for (sql, expected) in [
        (
            format!("INSERT INTO organization_members VALUES ('{user}', '{}', '{user}')", CLUB),
            vec![of_user],
        ),
        (format!("UPDATE organization_members SET organization = '{OTHER}'"), vec![of_user]),
        ("DELETE FROM organization_members".into(), vec![of_user]),
        (
            format!("UPDATE directus_users SET status = 'suspended' WHERE id = '{user}'"),
            vec![of_user],
        ),
        (
            format!("UPDATE devices SET organization = '{OTHER}' WHERE name = 'two'"),
            vec![of(CLUB), of(OTHER)],
        ),
        ("UPDATE events SET name = 'another'".into(), vec![of(CLUB)]),
        ("UPDATE organizations SET name = 'another' WHERE name = 'Other'".into(), vec![of(OTHER)]),
        ("INSERT INTO directus_permissions DEFAULT VALUES".into(), vec![all]),
        ("DELETE FROM directus_permissions".into(), vec![all]),
        (format!("INSERT INTO directus_access VALUES ('{user}')"), vec![all]),
        (format!("INSERT INTO directus_policies VALUES ('{user}')"), vec![all]),
        (format!("INSERT INTO directus_roles VALUES ('{user}')"), vec![all]),
    ] {
        client.batch_execute(&sql).await.unwrap();
        let (happened, _) = told(&mut events).await;
        let mut changes: Vec<_> = happened
            .iter()
            .map(|one| match &one.what {
                LiveEvent::Access(change) => *change,
                other => panic!("{sql}: {other:?}"),
            })
            .collect();
        changes.sort_by_key(|change| change.organization.map(|it| it.0));
        assert_eq!(changes, expected, "{sql}");
    }
    // Somebody logs in.
    client.batch_execute("UPDATE directus_users SET last_access = now()").await.unwrap();
    assert_eq!(events.next().await.unwrap().0, []);
}
