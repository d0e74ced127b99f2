//! What people say in Directus of what trackers sent, and what becomes of the crossings.

use biplane_core::Timestamp;
use biplane_e2e::{Tenant, admin, eventually, stack, timed_again};
use reqwest::Method;
use serde_json::{Value, json};

/// 2026-06-02T12:00:00Z
const START: Timestamp = Timestamp::from_millis(1_780_401_600_000);

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

#[tokio::test]
async fn a_flag_takes_a_crossing_away_and_its_end_brings_it_back() {
    let stack = stack();
    let tenant = Tenant::make(&stack, &admin(&stack).await).await;
    tenant.fly(&stack, START).await;
    let before = crossings(&tenant, 1).await;
    let flag = json!({
        "organization": tenant.organization, "device": tenant.device, "verdict": "faulty",
        "starts_at": (START + 11_000).to_string(), "ends_at": (START + 60_000).to_string(),
        "reason": "the antenna was off",
    });
    let flag = tenant.operator.create("/items/position_flags", &flag).await.expect("a flag");
    crossings(&tenant, 0).await;
    let ranges = timed_again(&stack, tenant.device, "position_flags", 1).await;
    assert_eq!(ranges.len(), 1);
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
