//! Biplane's operations in Flows, as somebody would put them together in the Flow editor.

use biplane_e2e::{Tenant, admin, eventually, fresh_id, stack};
use biplane_stack::Description;
use biplane_stack::directus::Client;
use serde_json::{Value, json};

/// A Flow that a webhook sets off: an operation of Biplane's, then one that tells which path it took and
/// what it was handed. Its address.
async fn flow(admin: &Client, operation: &str, options: Value) -> String {
    let (flow, first, good, bad) = (fresh_id(), fresh_id(), fresh_id(), fresh_id());
    let body = json!({
        "id": flow, "name": operation, "status": "active", "trigger": "webhook", "accountability": "all",
        "options": { "method": "POST", "return": "$last", "async": false },
    });
    admin.create("/flows", &body).await.expect("a Flow");
    let tell = |id, key: &str, path: &str| {
        json!({
            "id": id, "flow": flow, "key": key, "name": key, "type": "transform", "position_x": 20, "position_y": 1,
            "options": { "json": { "path": path, "told": "{{asked}}" } },
        })
    };
    for operation in [tell(good, "good", "resolve"), tell(bad, "bad", "reject")] {
        admin.create("/operations", &operation).await.expect("an operation");
    }
    let asked = json!({
        "id": first, "flow": flow, "key": "asked", "name": "asked", "type": format!("biplane-{operation}"),
        "position_x": 10, "position_y": 1, "options": options, "resolve": good, "reject": bad,
    });
    admin.create("/operations", &asked).await.expect("an operation of Biplane");
    admin
        .update(&format!("/flows/{flow}"), &json!({ "operation": first }))
        .await
        .expect("its start");
    format!("/flows/trigger/{flow}")
}

/// Which path was taken, and what the operation handed on.
async fn run(stack: &Description, session: &Client, path: &str, body: &Value) -> (String, Value) {
    let client = reqwest::Client::new();
    // Directus reads its Flows anew a moment after they were changed; until then they do nothing.
    eventually("an answer of the Flow", async || {
        let response = client
            .post(format!("{}{path}", stack.directus_url))
            .bearer_auth(session.token().expect("logged in"))
            .json(body)
            .send()
            .await
            .expect("an answer");
        let answer: Value = response.json().await.expect("JSON");
        let told = match &answer["told"] {
            Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            other => other.clone(),
        };
        Some((answer["path"].as_str()?.to_owned(), told))
    })
    .await
}

#[tokio::test]
async fn an_item_is_judged_and_takes_the_failure_path_when_it_is_wrong() {
    let stack = stack();
    let admin = admin(&stack).await;
    let options = json!({ "collection": "devices", "item": "{{$trigger.body}}" });
    let path = flow(&admin, "item.validate", options).await;
    let (taken, told) = run(&stack, &admin, &path, &json!({ "imei": "490154203237518" })).await;
    assert_eq!((&*taken, &told["valid"]), ("resolve", &json!(true)), "{told}");
    let (taken, told) = run(&stack, &admin, &path, &json!({ "imei": "490154203237519" })).await;
    assert_eq!(taken, "reject", "{told}");
    assert!(told.to_string().contains("check digit"), "{told}");
}

#[tokio::test]
async fn a_place_is_checked_with_the_rights_of_who_set_the_flow_off() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (tenant, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let options = json!({ "lat": "{{$trigger.body.lat}}", "lon": "{{$trigger.body.lon}}", "organization": tenant.organization });
    let path = flow(&admin, "geofence.check", options).await;
    let place = json!({ "lat": 46.0, "lon": 12.0 });
    let (taken, told) = run(&stack, &tenant.viewer, &path, &place).await;
    assert_eq!((&*taken, &told["inside"]), ("resolve", &json!(true)), "{told}");
    let (_, told) = run(&stack, &other.viewer, &path, &place).await;
    assert_eq!(told["inside"], false, "{told}");
    let (taken, _) =
        run(&stack, &tenant.viewer, &path, &json!({ "lat": "north", "lon": 12.0 })).await;
    assert_eq!(taken, "reject");
}

#[tokio::test]
async fn a_track_is_simplified_and_a_crossing_put_in_words() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let path =
        flow(&admin, "track.simplify", json!({ "track": "{{$trigger.body}}", "tolerance_m": "5" }))
            .await;
    let track = json!({ "type": "LineString", "coordinates": [[12, 46], [12.1, 46], [12.2, 46], [12.2, 46.1]] });
    let (_, told) = run(&stack, &tenant.viewer, &path, &track).await;
    assert_eq!((&told["positions"], &told["of"]), (&json!(3), &json!(4)), "{told}");

    let crossing = fresh_id();
    let made = json!({
        "id": crossing, "organization": tenant.organization, "event": tenant.event, "entry": tenant.entry,
        "checkpoint": tenant.checkpoint, "device": tenant.device, "geofence": tenant.geofence,
        "direction": "enter", "crossed_at": "2026-01-01T01:02:03.004Z", "lat": 46, "lon": 12,
        "fix_before_at": "2026-01-01T01:02:03Z", "fix_after_at": "2026-01-01T01:02:04Z",
    });
    admin.create("/items/crossings", &made).await.expect("a crossing");
    let options = json!({ "crossing": "{{$trigger.body.crossing}}" });
    let path = flow(&admin, "crossing.format", options).await;
    let (_, told) = run(&stack, &tenant.viewer, &path, &json!({ "crossing": crossing })).await;
    assert_eq!(told["text"], "1 One at Circle, 01:02:03.004 UTC", "{told}");
}

#[tokio::test]
async fn a_manager_gets_a_daily_report_of_his_own_organization_only() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (tenant, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let name = async |tenant: &Tenant| {
        let organization = format!("/items/organizations/{}?fields=name", tenant.organization);
        tenant.viewer.read(&organization).await.expect("it")["name"]
            .as_str()
            .expect("a name")
            .to_owned()
    };
    let (own, theirs) = (name(&tenant).await, name(&other).await);
    let found =
        admin.read("/flows?filter[name][_eq]=Daily report&fields=id,options").await.expect("Flows");
    let path =
        format!("/flows/{}", found[0]["id"].as_str().expect("the Flow that `config/` brings"));
    // It runs by the clock: here in the next second instead of the next morning.
    admin
        .update(&path, &json!({ "options": { "cron": "* * * * * *" } }))
        .await
        .expect("a schedule");
    let inbox = async |session: &Client| {
        let inbox = session.read("/notifications?fields=subject,message&limit=100").await;
        inbox.expect("notifications").as_array().cloned().unwrap_or_default()
    };
    let reports = eventually("a report", async || {
        Some(inbox(&tenant.manager).await).filter(|found| !found.is_empty())
    })
    .await;
    admin.update(&path, &json!({ "options": found[0]["options"] })).await.expect("as it was");
    for report in &reports {
        let subject = report["subject"].as_str().expect("a subject");
        assert!(subject.starts_with(&format!("{own}: daily report of ")), "{report}");
        let message = report["message"].as_str().expect("a message");
        assert!(
            message.contains(
                "- Devices: 0 of 1 were heard of; silent for more than 24 hours: Tracker (never)"
            ),
            "{message}"
        );
        assert!(message.contains("- Events: Race (running)"), "{message}");
        assert!(!report.to_string().contains(&theirs), "{report}");
    }
    assert_eq!(inbox(&tenant.operator).await, Vec::<Value>::new(), "it is for managers");
    assert_eq!(inbox(&tenant.viewer).await, Vec::<Value>::new(), "it is for managers");
    let elsewhere = inbox(&other.manager).await;
    assert!(
        elsewhere
            .iter()
            .all(|report| report["subject"].as_str().is_some_and(|it| it.starts_with(&theirs))),
        "{elsewhere:?}"
    );
}
