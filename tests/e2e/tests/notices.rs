//! Flows are told of what the processor wrote, which they can't see.

use biplane_core::Timestamp;
use biplane_e2e::{Tenant, admin, eventually, stack};
use biplane_stack::directus::Client;
use serde_json::{Value, json};
use uuid::Uuid;

/// 2026-06-03T12:00:00Z
const START: Timestamp = Timestamp::from_millis(1_780_488_000_000);

/// The Flow that `config/` brings.
async fn flow(admin: &Client, name: &str) -> String {
    let query = format!("/flows?filter[name][_eq]={name}&filter[trigger][_eq]=webhook&fields=id");
    let found = admin.read(&query).await.expect("Flows");
    found[0]["id"].as_str().expect("a Flow of that name").to_owned()
}

/// What Directus recorded of the run of a Flow that was told of a device.
async fn run_about(admin: &Client, flow: &str, device: Uuid) -> Value {
    let query = format!(
        "/revisions?filter[collection][_eq]=directus_flows&filter[item][_eq]={flow}&sort=-id&limit=100&fields=data"
    );
    let device = json!(device);
    eventually("a run of the Flow", async || {
        let found = admin.read(&query).await.expect("revisions");
        let mut runs = found.as_array()?.iter().map(|revision| &revision["data"]);
        runs.find(|data| data["data"]["$trigger"]["body"]["device"] == device).cloned()
    })
    .await
}

#[tokio::test]
async fn a_crossing_of_the_finish_sets_its_flow_off_as_the_service_account() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let path = format!("/items/checkpoints/{}", tenant.checkpoint);
    tenant.operator.update(&path, &json!({ "role": "finish" })).await.expect("a finish");
    tenant.fly(&stack, START).await;

    let run = run_about(&admin, &flow(&admin, "Finish").await, tenant.device).await;
    let body = &run["data"]["$trigger"]["body"];
    assert_eq!(body["kind"], json!("finish"));
    assert_eq!(body["checkpoint"], json!(tenant.checkpoint));
    assert_eq!(body["entry"], json!(tenant.entry));
    let path =
        format!("/items/crossings/{}?fields=crossed_at", body["crossing"].as_str().expect("a key"));
    assert_eq!(
        tenant.viewer.read(&path).await.expect("it is there")["crossed_at"],
        body["crossed_at"]
    );
    assert_eq!(run["steps"][0]["status"], json!("resolve"), "{}", run["steps"]);
    assert_eq!(run["steps"].as_array().map(Vec::len), Some(2), "{}", run["steps"]);
}

#[tokio::test]
async fn who_comes_into_a_geofence_that_people_watch_is_an_alert_and_sets_its_flow_off() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let path = format!("/items/geofences/{}", tenant.geofence);
    tenant.operator.update(&path, &json!({ "alert_on": "enter" })).await.expect("watched");
    tenant.fly(&stack, START).await;

    let run = run_about(&admin, &flow(&admin, "Alert").await, tenant.device).await;
    let body = &run["data"]["$trigger"]["body"];
    assert_eq!(body["alert_kind"], json!("geofence_violation"));
    assert_eq!(run["steps"][0]["status"], json!("resolve"), "{}", run["steps"]);
    let path = format!(
        "/items/alerts/{}?fields=kind,status,severity,geofence,event,occurred_at",
        body["alert"].as_str().expect("a key")
    );
    let alert = tenant.viewer.read(&path).await.expect("it is there");
    assert_eq!(
        (&alert["status"], &alert["severity"], &alert["geofence"], &alert["event"]),
        (&json!("open"), &json!("critical"), &json!(tenant.geofence), &json!(tenant.event)),
        "{alert}"
    );
}

#[tokio::test]
async fn an_alert_sets_its_flow_off_and_a_stranger_who_calls_it_gets_nowhere() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    // As the processor writes it.
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
            .await
            .expect("PostgreSQL");
    tokio::spawn(connection);
    let sql = "INSERT INTO alerts (id, organization, device, kind, severity, status, occurred_at, message)
        VALUES (gen_random_uuid(), $1, $2, 'device_offline', 'warning', 'open', now(), 'silent for ten minutes')";
    database.execute(sql, &[&tenant.organization, &tenant.device]).await.expect("an alert");
    let flow = flow(&admin, "Alert").await;
    let run = run_about(&admin, &flow, tenant.device).await;
    assert_eq!(run["data"]["$trigger"]["body"]["message"], json!("silent for ten minutes"));
    assert_eq!(run["steps"][0]["status"], json!("resolve"), "{}", run["steps"]);

    let forged = json!({ "kind": "alert", "device": Uuid::from_u128(0xbad), "message": "forged" });
    let url = format!("{}/flows/trigger/{flow}", stack.directus_url);
    let answer = reqwest::Client::new().post(url).json(&forged).send().await.expect("an answer");
    assert!(!answer.status().is_success(), "{}", answer.status());
    let run = run_about(&admin, &flow, Uuid::from_u128(0xbad)).await;
    assert_eq!(run["steps"][0]["status"], json!("reject"), "{}", run["steps"]);
    assert_eq!(run["steps"].as_array().map(Vec::len), Some(1), "{}", run["steps"]);
}
