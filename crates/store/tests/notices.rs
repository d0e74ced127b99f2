//! What Flows are to be told, against a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use biplane_store::{Notice, NoticeKind, NoticeQueue};
use serde_json::json;
use support::TestPostgres;
use tokio_postgres::Client;
use uuid::Uuid;

const START: &str = "
    INSERT INTO organizations VALUES ('00000000-0000-0000-0000-0000000000a1', 'Club');
    INSERT INTO devices (id, organization, name, imei, status) VALUES
        ('00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000a1', 'one', '490154203237518', 'active'),
        ('00000000-0000-0000-0000-0000000000d2', '00000000-0000-0000-0000-0000000000a1', 'two', '350000000000126', 'active');
    INSERT INTO events (id, organization, name, status) VALUES
        ('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000a1', 'race', 'running');
    INSERT INTO geofences (id, organization, name, kind, geometry, radius_m, status) VALUES
        ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000a1', 'goal', 'circle',
         'SRID=4326;POINT(12 46)', 1000, 'active');
    INSERT INTO checkpoints (id, organization, event, geofence, name, role) VALUES
        ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000a1',
         '00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000f1', 'Goal', 'finish'),
        ('00000000-0000-0000-0000-0000000000c2', '00000000-0000-0000-0000-0000000000a1',
         '00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000f1', 'Turn', 'turnpoint');";

async fn server() -> (TestPostgres, Client) {
    let server = TestPostgres::start().await;
    let client = server.client().await;
    client.batch_execute(START).await.unwrap();
    (server, client)
}

/// A crossing by a device, of a checkpoint or of none.
async fn cross(client: &Client, id: u128, device: u128, checkpoint: Option<u128>, status: &str) {
    let sql = "INSERT INTO crossings (id, organization, event, checkpoint, device, geofence, direction,
            crossed_at, fix_before_at, fix_after_at, lat, lon, status)
        VALUES ($1, '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000e1', $2, $3,
            '00000000-0000-0000-0000-0000000000f1', 'enter', '2020-09-12 11:40:00.250+00',
            '2020-09-12 11:40:00+00', '2020-09-12 11:40:01+00', 46, 12, $4)
        ON CONFLICT (id) DO NOTHING";
    let checkpoint = checkpoint.map(Uuid::from_u128);
    client
        .execute(sql, &[&Uuid::from_u128(id), &checkpoint, &Uuid::from_u128(device), &status])
        .await
        .unwrap();
}

async fn alert(client: &impl tokio_postgres::GenericClient, id: u128, device: Option<u128>) {
    let sql = "INSERT INTO alerts (id, organization, device, kind, occurred_at, message)
        VALUES ($1, '00000000-0000-0000-0000-0000000000a1', $2, 'device_offline', '2020-09-12 11:40:00Z', 'gone')";
    client.execute(sql, &[&Uuid::from_u128(id), &device.map(Uuid::from_u128)]).await.unwrap();
}

async fn due(queue: &mut NoticeQueue) -> Vec<Notice> {
    queue.due(10).await.unwrap().expect("the right to post")
}

fn subjects(notices: &[Notice]) -> Vec<&str> {
    notices
        .iter()
        .map(|notice| {
            notice.body["crossing"].as_str().or(notice.body["alert"].as_str()).unwrap_or("none")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_crossing_of_a_finish_is_noted_once_and_others_are_not() {
    let (server, client) = server().await;
    let mut queue = NoticeQueue::new(server.url());
    cross(&client, 1, 0xd1, Some(0xc2), "valid").await;
    cross(&client, 2, 0xd1, None, "valid").await;
    cross(&client, 3, 0xd1, Some(0xc1), "outside_window").await;
    assert_eq!(due(&mut queue).await, []);

    cross(&client, 4, 0xd1, Some(0xc1), "valid").await;
    // As a recompute does that takes it away and finds it again.
    client.execute("DELETE FROM crossings WHERE id = $1", &[&Uuid::from_u128(4)]).await.unwrap();
    cross(&client, 4, 0xd1, Some(0xc1), "valid").await;
    let told = due(&mut queue).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, NoticeKind::Finish);
    assert_eq!(told[0].body["crossed_at"], json!("2020-09-12T11:40:00.250Z"));
    assert_eq!(told[0].body["device"], json!(Uuid::from_u128(0xd1)));
    queue.taken(told[0].id).await.unwrap();

    // A window that is opened afterwards makes it one.
    client
        .execute("UPDATE crossings SET status = 'valid' WHERE id = $1", &[&Uuid::from_u128(3)])
        .await
        .unwrap();
    let told = due(&mut queue).await;
    assert_eq!(subjects(&told), [Uuid::from_u128(3).to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_of_a_device_wait_for_the_one_before_and_those_of_others_do_not() {
    let (server, client) = server().await;
    let mut queue = NoticeQueue::new(server.url());
    for (id, device) in [(1, Some(0xd1)), (2, Some(0xd1)), (3, Some(0xd2)), (4, None)] {
        alert(&client, id, device).await;
    }
    let name = |id| Uuid::from_u128(id).to_string();
    let told = due(&mut queue).await;
    assert_eq!(subjects(&told), [name(1), name(3), name(4)]);
    assert_eq!(told[0].kind, NoticeKind::Alert);
    assert_eq!(told[0].body["alert_kind"], json!("device_offline"));

    // What is to be tried later holds up its own device's.
    queue.put_off(told[0].id, "away", Duration::from_secs(60)).await.unwrap();
    queue.taken(told[1].id).await.unwrap();
    queue.taken(told[2].id).await.unwrap();
    assert_eq!(due(&mut queue).await, []);

    queue.refused(told[0].id, "refused", None).await.unwrap();
    let told = due(&mut queue).await;
    assert_eq!((subjects(&told), told[0].refusals), (vec![&*name(2)], 0));
    let row = client
        .query_one("SELECT refusals, failure, done_at IS NOT NULL FROM telemetry.notices ORDER BY id LIMIT 1", &[])
        .await
        .unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (1, "refused", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_posts_at_a_time_and_another_takes_over_when_its_connection_ends() {
    let (server, client) = server().await;
    let (mut one, mut other) = (NoticeQueue::new(server.url()), NoticeQueue::new(server.url()));
    alert(&client, 1, None).await;
    assert_eq!(due(&mut one).await.len(), 1);
    assert_eq!(other.due(10).await.unwrap(), None);
    drop(one);
    let mut took = None;
    for _ in 0..100 {
        took = other.due(10).await.unwrap();
        if took.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(took.map(|notices| notices.len()), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_is_told_to_nobody() {
    let (server, mut client) = server().await;
    let mut queue = NoticeQueue::new(server.url());
    let transaction = client.transaction().await.unwrap();
    alert(&transaction, 1, None).await;
    transaction.rollback().await.unwrap();
    assert_eq!(due(&mut queue).await, []);
}
