//! What the host of the rules does inside Directus: endpoints, operations, imports, the outbox.

use std::time::Duration;

use biplane_e2e::{Findings, Tenant, admin, stack, unique};
use redis::AsyncTypedCommands;
use serde_json::{Value, json};
use tokio_postgres::NoTls;

/// A file as a browser would upload it to Directus's importer.
async fn import(
    directus: &str,
    token: &str,
    collection: &str,
    csv: &str,
) -> (reqwest::StatusCode, Value) {
    const BOUNDARY: &str = "a-boundary-of-the-test";
    let body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"items.csv\"\r\n\
         Content-Type: text/csv\r\n\r\n{csv}\r\n--{BOUNDARY}--\r\n"
    );
    let answer = reqwest::Client::new()
        .post(format!("{directus}/utils/import/{collection}"))
        .bearer_auth(token)
        .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(body)
        .send()
        .await
        .expect("an answer");
    let status = answer.status();
    (status, answer.json().await.unwrap_or(Value::Null))
}

/// A CSV of so many polygons of the organization; the geometry of each as `shape` has it.
fn fences(tenant: &Tenant, count: usize, shape: impl Fn(usize) -> Value) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["organization", "name", "kind", "status", "geometry"]).expect("a header");
    for number in 1..=count {
        let geometry = json!({ "type": "Polygon", "coordinates": [shape(number)] }).to_string();
        let organization = tenant.organization.to_string();
        let name = format!("Imported {number}");
        writer
            .write_record([organization.as_str(), &name, "polygon", "active", &geometry])
            .expect("a row");
    }
    String::from_utf8(writer.into_inner().expect("all rows")).expect("text")
}

fn square(number: usize) -> Value {
    let (x, y) = (10.0 + number as f64 / 1000.0, 45.0);
    json!([[x, y], [x + 0.1, y], [x + 0.1, y + 0.1], [x, y + 0.1], [x, y]])
}

#[tokio::test]
async fn an_import_of_a_thousand_geofences_names_every_bad_row_with_its_own_sentence() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let token = tenant.manager.token().expect("logged in");
    let bow_tie =
        |x: f64| json!([[x, 45.0], [x + 0.2, 45.2], [x + 0.2, 45.0], [x, 45.2], [x, 45.0]]);
    let bad = |number| match number {
        17 | 600 => bow_tie(20.0 + number as f64 / 1000.0),
        999 => json!([[999.0, 45.0], [10.1, 45.0], [10.1, 45.1], [999.0, 45.0]]),
        _ => square(number),
    };
    let csv = fences(&tenant, 1000, bad);
    let (status, answer) = import(&stack.directus_url, token, "geofences", &csv).await;
    assert_eq!(status, 400, "{answer}");
    let errors = answer["errors"].as_array().expect("errors");
    let mut found: Vec<_> = errors
        .iter()
        .map(|error| {
            let extensions = &error["extensions"];
            assert_eq!(
                (&extensions["code"], &extensions["field"]),
                (&json!("FAILED_VALIDATION"), &json!("geometry"))
            );
            let row = extensions["rows"][0]["rows"][0].as_u64().expect("a row");
            (
                row,
                extensions["substring"].as_str().expect("a reason"),
                error["message"].as_str().expect("a sentence"),
            )
        })
        .collect();
    found.sort_unstable();
    let reasons: Vec<_> = found.iter().map(|(row, reason, _)| (*row, *reason)).collect();
    let expected = [
        (17, "GEOFENCE_SELF_INTERSECTION"),
        (600, "GEOFENCE_SELF_INTERSECTION"),
        (999, "GEOFENCE_COORDINATES"),
    ];
    // Directus counts lines of the file or rows of data: what matters is that each is told apart.
    let shift = reasons[0].0 - 17;
    assert_eq!(reasons, expected.map(|(row, reason)| (row + shift, reason)), "{answer}");
    assert!(found[0].2.contains("20.117") && found[1].2.contains("20.7"), "{found:?}");
    let filter = format!(
        "/items/geofences?filter[organization][_eq]={}&limit=-1&fields=id",
        tenant.organization
    );
    let left = tenant.manager.read(&filter).await.expect("a list");
    assert_eq!(left.as_array().map(Vec::len), Some(1), "an import is made whole or not at all");

    let csv = fences(&tenant, 1000, square);
    let (status, answer) = import(&stack.directus_url, token, "geofences", &csv).await;
    assert!(status.is_success(), "{answer}");
    let made = tenant.manager.read(&filter).await.expect("a list");
    assert_eq!(made.as_array().map(Vec::len), Some(1001));
}

#[tokio::test]
async fn what_redis_refuses_stays_in_the_outbox_and_holds_up_no_other() {
    let stack = stack();
    // Directus's user may write commands only.
    let (refused, taken) =
        (format!("commands:refused-{}", unique()), format!("commands:taken-{}", unique()));
    let client = redis::Client::open(stack.redis_url.as_str()).expect("an address");
    let mut redis = client.get_multiplexed_async_connection().await.expect("Redis");
    // A text where a stream should be.
    redis.set(&refused, "a text").await.expect("set");
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    let streams = vec![refused.clone(), taken.clone()];
    let insert = "INSERT INTO telemetry.outbox (stream, fields)
                  SELECT unnest($1::text[]), '{\"a\": \"1\"}'";
    database.execute(insert, &[&streams]).await.expect("two entries");
    let waiting = async || {
        let select = "SELECT stream FROM telemetry.outbox WHERE stream = ANY ($1) ORDER BY id";
        let rows = database.query(select, &[&streams]).await.expect("rows");
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
    };
    let until = async |left: &[String]| {
        for _ in 0..100 {
            if waiting().await == left {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("within ten seconds: {:?}", waiting().await);
    };
    until(std::slice::from_ref(&refused)).await;
    redis.del(&refused).await.expect("deleted");
    until(&[]).await;
    for stream in [&refused, &taken] {
        let length: usize = redis.xlen(stream).await.expect("a stream");
        assert_eq!(length, 1, "{stream}");
        redis.del(stream).await.expect("deleted");
    }
}

#[tokio::test]
async fn what_is_rolled_back_orders_nothing() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let (mut database, connection) =
        tokio_postgres::connect(&stack.database_url, NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    let transaction = database.transaction().await.expect("a transaction");
    transaction
        .execute(
            "INSERT INTO public.position_flags (id, organization, device, verdict, starts_at, ends_at, reason)
             VALUES (gen_random_uuid(), $1, $2, 'faulty', now(), now(), 'never')",
            &[&tenant.organization, &tenant.device],
        )
        .await
        .expect("a flag");
    let count =
        "SELECT count(*) FROM telemetry.recomputes WHERE device = $1 AND cause = 'position_flags'";
    let within: i64 =
        transaction.query_one(count, &[&tenant.device]).await.expect("a count").get(0);
    assert_eq!(within, 1, "it is written with the row itself");
    transaction.rollback().await.expect("rolled back");
    let after: i64 = database.query_one(count, &[&tenant.device]).await.expect("a count").get(0);
    assert_eq!(after, 0);
}

#[tokio::test]
async fn only_a_flag_that_says_the_contrary_of_the_same_positions_is_in_the_way() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let flag = |verdict: &str, from: &str, to: &str| {
        json!({
            "organization": tenant.organization, "device": tenant.device, "verdict": verdict,
            "starts_at": format!("2026-05-01T{from}:00Z"), "ends_at": format!("2026-05-01T{to}:00Z"),
            "reason": "seen in the recording",
        })
    };
    let set = async |what: &str, flag: Value| {
        (what.to_owned(), tenant.operator.create("/items/position_flags", &flag).await)
    };
    for (what, flag) in [
        ("the first", flag("faulty", "09:00", "10:00")),
        ("the same again", flag("faulty", "09:30", "09:40")),
        ("the contrary just after it", flag("valid", "10:00", "11:00")),
    ] {
        let (what, made) = set(what, flag).await;
        findings.allowed(&what, made);
    }
    let (what, made) = set("the contrary within it", flag("valid", "09:50", "09:55")).await;
    findings.refused(&what, made, 400, &["FLAG_CONTRADICTS"]);
}
