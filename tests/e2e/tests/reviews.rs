//! What people say in Directus of what trackers sent, what they ask before, and what becomes of the
//! crossings.

use biplane_core::Timestamp;
use biplane_e2e::{Tenant, admin, eventually, refusal, stack, timed_again};
use biplane_stack::directus::Client;
use reqwest::Method;
use serde_json::{Value, json};

/// 2026-06-03T12:00:00Z
const START: Timestamp = Timestamp::from_millis(1_780_488_000_000);

/// What the viewer reads, once there are so many. Where the tracker was faster than the processor's
/// learning of the course, a crossing first belongs to none.
async fn crossings(tenant: &Tenant, count: usize) -> Vec<Value> {
    let path = format!(
        "/items/crossings?fields=id,crossed_at,source,direction&filter[checkpoint][_eq]={}",
        tenant.checkpoint
    );
    eventually("the crossings are so many", async || {
        let found = tenant.viewer.read(&path).await.expect("crossings");
        let found = found.as_array().expect("a list").clone();
        (found.len() == count).then_some(found)
    })
    .await
}

/// The answer, once it is there.
async fn answer(client: &Client, review: &Value) -> Value {
    let path = format!("/biplane/reviews/{}", review["review"].as_str().expect("a key"));
    eventually("the preview is answered", async || {
        let told = client.read(&path).await.expect("a preview");
        (told["state"] != "waiting").then_some(told)
    })
    .await
}

#[tokio::test]
async fn a_preview_tells_what_a_flag_and_its_end_then_do() {
    let stack = stack();
    let tenant = Tenant::make(&stack, &admin(&stack).await).await;
    tenant.fly(&stack, START).await;
    let before = crossings(&tenant, 1).await;
    let range = json!({
        "device": tenant.device, "verdict": "faulty",
        "starts_at": (START + 11_000).to_string(), "ends_at": (START + 60_000).to_string(),
    });
    let review = tenant.operator.create("/biplane/reviews/flags", &range).await.expect("a preview");
    let told = answer(&tenant.operator, &review).await;
    assert_eq!(told["state"], "done", "{told}");
    let outcome = &told["outcome"];
    assert_eq!(outcome["crossings"]["counts"]["gone"], 1, "{told}");
    assert_eq!(outcome["marks"]["faulty"], 9, "{told}");
    assert_eq!(outcome["crossings"]["list"][0]["before_at"], before[0]["crossed_at"]);
    assert_eq!(crossings(&tenant, 1).await, before, "a preview changes nothing");

    let mut flag = range.clone();
    flag["organization"] = json!(tenant.organization);
    flag["reason"] = json!("the antenna was off");
    let flag = tenant.operator.create("/items/position_flags", &flag).await.expect("a flag");
    crossings(&tenant, 0).await;
    let ranges = timed_again(&stack, tenant.device, "position_flags", 1).await;
    assert_eq!(ranges.len(), 1);
    let orders = format!("/biplane/devices/{}/recomputes", tenant.device);
    let orders = tenant.viewer.read(&orders).await.expect("orders");
    let order =
        orders.as_array().expect("a list").iter().find(|it| it["cause"] == "position_flags");
    assert!(order.is_some_and(|it| it["done_at"].is_string()), "{orders}");

    let asked = json!({ "flag": flag["id"] });
    let review =
        tenant.operator.create("/biplane/reviews/removals", &asked).await.expect("a preview");
    let told = answer(&tenant.operator, &review).await;
    assert_eq!(told["outcome"]["crossings"]["counts"]["new"], 1, "{told}");
    assert_eq!(told["outcome"]["crossings"]["list"][0]["after_at"], before[0]["crossed_at"]);
    let path = format!("/items/position_flags/{}", flag["id"].as_str().expect("a key"));
    tenant.operator.call(Method::DELETE, &path, None).await.expect("it is taken back");
    let after = crossings(&tenant, 1).await;
    assert_eq!((&after[0]["id"], &after[0]["source"]), (&before[0]["id"], &json!("recomputed")));
    assert_eq!(after[0]["crossed_at"], before[0]["crossed_at"]);
}

#[tokio::test]
async fn an_edited_crossing_stays_until_the_edit_is_taken_back() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    tenant.fly(&stack, START).await;
    let crossing = crossings(&tenant, 1).await[0]["id"].clone();
    let edit = json!({
        "organization": tenant.organization, "action": "adjust", "crossing": crossing,
        "crossed_at": (START + 9_500).to_string(), "reason": "seen by the judge at the line",
    });
    let edit = tenant.operator.create("/items/crossing_edits", &edit).await.expect("an edit");
    let flag = json!({
        "organization": tenant.organization, "device": tenant.device, "verdict": "faulty",
        "starts_at": (START + 8_000).to_string(), "ends_at": (START + 60_000).to_string(),
        "reason": "the antenna was off",
    });
    tenant.operator.create("/items/position_flags", &flag).await.expect("a flag");
    timed_again(&stack, tenant.device, "position_flags", 1).await;
    assert_eq!(crossings(&tenant, 1).await[0]["id"], crossing);
    let undo = json!({
        "organization": tenant.organization, "action": "undo", "edit": edit["id"], "reason": "the judge erred",
    });
    tenant.operator.create("/items/crossing_edits", &undo).await.expect("it is taken back");
    crossings(&tenant, 0).await;
}

#[tokio::test]
async fn only_who_may_flag_may_preview_and_only_who_asked_is_told() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (tenant, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let range = |verdict: &str, until: i64| {
        json!({
            "device": tenant.device, "verdict": verdict,
            "starts_at": START.to_string(), "ends_at": (START + until).to_string(),
        })
    };
    let ask = "/biplane/reviews/flags";
    for stranger in [&tenant.viewer, &other.operator, &other.manager] {
        let refused = stranger.create(ask, &range("faulty", 60_000)).await;
        assert_eq!(refusal(refused).0, 403);
    }
    let review = tenant.operator.create(ask, &range("faulty", 60_000)).await.expect("a preview");
    let told = answer(&tenant.operator, &review).await;
    assert_eq!((&told["state"], &told["outcome"]["positions"]), (&json!("done"), &json!(0)));
    let path = format!("/biplane/reviews/{}", review["review"].as_str().expect("a key"));
    for other in [&tenant.manager, &tenant.viewer, &other.operator] {
        assert_eq!(refusal(other.read(&path).await).0, 403);
    }

    // What could not be flagged so is not previewed either, with the same sentence.
    let backwards = tenant.operator.create(ask, &range("faulty", -1)).await;
    assert_eq!(refusal(backwards).1, "FLAG_RANGE");
    let mut flag = range("valid", 60_000);
    flag["organization"] = json!(tenant.organization);
    flag["reason"] = json!("seen by eye");
    let flag = tenant.operator.create("/items/position_flags", &flag).await.expect("a flag");
    let contrary = tenant.operator.create(ask, &range("faulty", 30_000)).await;
    assert_eq!(refusal(contrary).1, "FLAG_CONTRADICTS");
    let asked = json!({ "flag": flag["id"] });
    for stranger in [&tenant.viewer, &other.operator] {
        let refused = stranger.create("/biplane/reviews/removals", &asked).await;
        assert_eq!(refusal(refused).0, 403);
    }
    let orders = format!("/biplane/devices/{}/recomputes", tenant.device);
    assert!(tenant.viewer.read(&orders).await.is_ok());
    assert_eq!(refusal(other.viewer.read(&orders).await).0, 403);
}
