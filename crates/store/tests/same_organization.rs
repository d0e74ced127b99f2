//! The database's own word on references between organizations, whoever writes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::TestPostgres;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Two organizations (a1, a2), each with a device (d), an event (e) and an entry (b).
const SETUP: &str = "
    INSERT INTO organizations SELECT ('00000000-0000-0000-0000-0000000000a' || n)::uuid, 'Club' FROM generate_series(1, 2) n;
    INSERT INTO devices (id, organization, name, imei)
        SELECT replace(id::text, '0a', '0d')::uuid, id, 'one', right(id::text, 2) FROM organizations;
    INSERT INTO events (id, organization, name) SELECT replace(id::text, '0a', '0e')::uuid, id, 'race' FROM organizations;
    INSERT INTO entries (id, organization, event, device, number)
        SELECT replace(id::text, '0a', '0b')::uuid, id, replace(id::text, '0a', '0e')::uuid, replace(id::text, '0a', '0d')::uuid, '1'
        FROM organizations;";

/// Runs a statement in which `a1` stands for the UUID that ends in it.
async fn run(client: &Client, statement: &str) -> Result<u64, tokio_postgres::Error> {
    let words = statement.split(' ').map(|word| {
        let id = word.trim_matches(|c: char| !c.is_alphanumeric());
        let short = id.len() == 2 && id.as_bytes()[1].is_ascii_digit();
        if short {
            word.replace(id, &format!("'00000000-0000-0000-0000-0000000000{id}'"))
        } else {
            word.to_owned()
        }
    });
    client.execute(&words.collect::<Vec<_>>().join(" "), &[]).await
}

async fn set_up() -> (TestPostgres, Client) {
    let server = TestPostgres::start().await;
    let client = server.client().await;
    client.batch_execute(SETUP).await.unwrap();
    (server, client)
}

#[tokio::test]
async fn a_reference_into_another_organization_is_answered_like_one_to_what_does_not_exist() {
    let (_server, client) = set_up().await;
    let entry = "INSERT INTO entries (id, organization, event, device, number) VALUES";
    run(&client, &format!("{entry} ( b3 , a1 , e1 , d1 , '2')")).await.unwrap();
    for (statement, field, table) in [
        (format!("{entry} ( b4 , a1 , e1 , d2 , '3')"), "device", "devices"),
        (format!("{entry} ( b4 , a1 , e2 , d1 , '3')"), "event", "events"),
        ("UPDATE entries SET device = d2 WHERE id = b1".to_owned(), "device", "devices"),
        ("UPDATE entries SET organization = a2 WHERE id = b1".to_owned(), "event", "events"),
        // Neither is anywhere: the foreign key's own words.
        (format!("{entry} ( b4 , a1 , e1 , d9 , '3')"), "device", "devices"),
    ] {
        let error = run(&client, &statement).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code(), &SqlState::FOREIGN_KEY_VIOLATION, "{statement}: {error}");
        // Directus takes collection and field from these.
        let detail = error.detail().unwrap();
        assert!(detail.starts_with(&format!("Key ({field})=(00000000-")), "{statement}: {detail}");
        assert!(detail.ends_with(&format!("is not present in table \"{table}\".")), "{detail}");
        assert_eq!(error.table(), Some("entries"), "{statement}");
    }
}

#[tokio::test]
async fn what_pointed_to_a_tracker_stays_writable_when_the_tracker_changes_hands() {
    let (_server, client) = set_up().await;
    run(&client, "UPDATE devices SET organization = a2 WHERE id = d1").await.unwrap();
    run(&client, "UPDATE entries SET number = '7', device = d1 WHERE id = b1").await.unwrap();
    let again = "INSERT INTO entries (id, organization, event, device, number) VALUES ( b3 , a1 , e1 , d1 , '2')";
    assert!(run(&client, again).await.is_err());
}

#[tokio::test]
async fn directus_may_still_retype_and_drop_what_is_guarded() {
    let (_server, client) = set_up().await;
    client
        .batch_execute(
            "SET ROLE directus;
             ALTER TABLE entries ALTER COLUMN number TYPE text;
             ALTER TABLE entries DROP CONSTRAINT entries_event_fkey, ALTER COLUMN event TYPE text;
             ALTER TABLE entries DROP COLUMN event;",
        )
        .await
        .unwrap();
    run(
        &client,
        "INSERT INTO entries (id, organization, device, number) VALUES ( b3 , a1 , d1 , '2')",
    )
    .await
    .unwrap();
}
