//! Commands: from a row in Directus to the device, and a true answer back.

use biplane_core::{Fix, Timestamp};
use biplane_e2e::{PATIENCE, Tenant, admin, eventually, stack};
use biplane_stack::Description;
use biplane_stack::directus::Client;
use biplane_stack::simulator::{Heard, Simulator};
use serde_json::{Value, json};

/// The tenant's tracker, once the gateway knows it.
async fn connect(stack: &Description, tenant: &Tenant) -> Simulator {
    let gateway = stack.teltonika.parse().expect("an address");
    eventually("the tracker is let in", async || {
        Simulator::connect(gateway, tenant.imei).await.expect("a gateway")
    })
    .await
}

async fn heard(tracker: &mut Simulator) -> Heard {
    tokio::time::timeout(PATIENCE, tracker.hear())
        .await
        .expect("something is said in time")
        .expect("the connection stays")
}

async fn give(who: &Client, tenant: &Tenant, command: Value) -> String {
    let mut row = json!({ "organization": tenant.organization, "device": tenant.device });
    for (name, value) in command.as_object().expect("fields") {
        row[name] = value.clone();
    }
    let made = who.create("/items/commands", &row).await.expect("a command");
    made["id"].as_str().expect("a key").to_owned()
}

async fn becomes(who: &Client, command: &str, status: &str) -> Value {
    let path = format!("/items/commands/{command}");
    let what = format!("the command becomes {status}");
    eventually(&what, async || {
        let last = who.read(&path).await.expect("the command");
        (last["status"] == status).then_some(last)
    })
    .await
}

/// Its states so far, with the attempt that they belong to.
async fn history(who: &Client, command: &str) -> Vec<(String, i64)> {
    let path = format!(
        "/items/command_transitions?filter[command][_eq]={command}&sort=occurred_at&fields=*"
    );
    let rows = who.read(&path).await.expect("its history");
    let text = |row: &Value| row["to_status"].as_str().unwrap_or_default().to_owned();
    let rows = rows.as_array().expect("rows");
    rows.iter().map(|row| (text(row), row["attempt"].as_i64().unwrap_or(-1))).collect()
}

fn states<const N: usize>(states: [(&str, i64); N]) -> Vec<(String, i64)> {
    states.map(|(state, attempt)| (state.to_owned(), attempt)).into()
}

#[tokio::test]
async fn a_command_goes_to_its_device_and_the_answer_comes_back() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let mut tracker = connect(&stack, &tenant).await;
    let command = give(&tenant.operator, &tenant, json!({ "name": "getver" })).await;
    assert_eq!(heard(&mut tracker).await, Heard::Command("getver".into()));
    let sent = becomes(&tenant.viewer, &command, "sent").await;
    assert_eq!(sent["attempts"], 1);
    tracker.respond("Ver:03.27.07 GPS:AXN_5.10").await.expect("answered");
    let row = becomes(&tenant.viewer, &command, "acknowledged").await;
    assert_eq!(row["result"], "Ver:03.27.07 GPS:AXN_5.10");
    assert!(row["instance"].as_str().is_some_and(|it| !it.is_empty()), "{row}");
    assert_eq!(
        history(&tenant.viewer, &command).await,
        states([("pending", 0), ("routed", 1), ("sent", 1), ("acknowledged", 1)])
    );
}

#[tokio::test]
async fn a_command_waits_for_a_device_that_is_away() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let command = give(&tenant.operator, &tenant, json!({ "name": "getinfo" })).await;
    becomes(&tenant.viewer, &command, "queued").await;
    let mut tracker = connect(&stack, &tenant).await;
    assert_eq!(heard(&mut tracker).await, Heard::Command("getinfo".into()));
    tracker.respond("INI:2026/1/1").await.expect("answered");
    becomes(&tenant.viewer, &command, "acknowledged").await;
    assert_eq!(
        history(&tenant.viewer, &command).await,
        states([
            ("pending", 0),
            ("queued", 0),
            ("pending", 0),
            ("routed", 1),
            ("sent", 1),
            ("acknowledged", 1),
        ])
    );
}

#[tokio::test]
async fn what_is_over_or_cancelled_is_not_sent() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let soon = Timestamp::from_millis(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_millis() as i64
            + 2_000,
    );
    let over =
        give(&tenant.operator, &tenant, json!({ "name": "getgps", "expires_at": soon })).await;
    let back = give(&tenant.operator, &tenant, json!({ "name": "getio" })).await;
    becomes(&tenant.viewer, &back, "queued").await;
    let cancel = json!({ "status": "cancelled" });
    tenant.operator.update(&format!("/items/commands/{back}"), &cancel).await.expect("cancelled");
    becomes(&tenant.viewer, &over, "expired").await;

    let mut tracker = connect(&stack, &tenant).await;
    let last = give(&tenant.operator, &tenant, json!({ "name": "getver" })).await;
    // The first thing that it hears is what came after them.
    assert_eq!(heard(&mut tracker).await, Heard::Command("getver".into()));
    tracker.respond("Ver").await.expect("answered");
    becomes(&tenant.viewer, &last, "acknowledged").await;
    assert_eq!(becomes(&tenant.viewer, &back, "cancelled").await["attempts"], 0);
    let sent = tenant.operator.update(&format!("/items/commands/{last}"), &cancel).await;
    assert!(sent.is_err(), "what was sent was cancelled");
}

/// Rules run before Directus looks at permissions: the attempt was taken away from the gateway, and
/// then Directus said no.
#[tokio::test]
async fn who_only_looks_blocked_a_command_by_trying_to_cancel_it() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let other = Tenant::make(&stack, &admin).await;
    let command = give(&tenant.operator, &tenant, json!({ "name": "getver" })).await;
    becomes(&tenant.viewer, &command, "queued").await;
    let cancel = json!({ "status": "cancelled" });
    for who in [&tenant.viewer, &other.manager, &other.viewer] {
        let tried = who.update(&format!("/items/commands/{command}"), &cancel).await;
        let refused = tried.expect_err("it was cancelled").to_string();
        assert!(refused.contains("FORBIDDEN"), "{refused}");
    }
    let mut tracker = connect(&stack, &tenant).await;
    assert_eq!(heard(&mut tracker).await, Heard::Command("getver".into()));
    tracker.respond("Ver").await.expect("answered");
    becomes(&tenant.viewer, &command, "acknowledged").await;
}

#[tokio::test]
async fn a_dangerous_command_is_sent_once_somebody_else_agrees() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let mut tracker = connect(&stack, &tenant).await;
    let command = give(&tenant.operator, &tenant, json!({ "name": "cpureset" })).await;
    let path = format!("/items/commands/{command}");
    let approve = json!({ "status": "pending" });
    becomes(&tenant.viewer, &command, "awaiting_approval").await;
    tenant.operator.update(&path, &approve).await.expect_err("its own giver agreed");
    tenant.manager.update(&path, &approve).await.expect("approved");
    assert_eq!(heard(&mut tracker).await, Heard::Command("cpureset".into()));
    // Nothing is answered to it: TCP has it, and that is all that there is to know.
    becomes(&tenant.viewer, &command, "acknowledged").await;
}

#[tokio::test]
async fn records_go_on_while_a_command_waits_for_its_answer() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let mut tracker = connect(&stack, &tenant).await;
    let command = give(&tenant.operator, &tenant, json!({ "name": "getstatus" })).await;
    assert_eq!(heard(&mut tracker).await, Heard::Command("getstatus".into()));
    let fix = Fix {
        time: Timestamp::from_millis(1_780_315_200_000),
        lat: 45.0,
        lon: 12.0,
        altitude_m: Some(100.0),
        speed_kmh: Some(0.0),
        course_deg: Some(0.0),
        satellites: Some(9),
        hdop: None,
        io: vec![],
    };
    tracker.report(&[fix]).await.expect("reported");
    assert_eq!(heard(&mut tracker).await, Heard::Acknowledged(1));
    tracker.respond("Data Link: 1").await.expect("answered");
    becomes(&tenant.viewer, &command, "acknowledged").await;
}
