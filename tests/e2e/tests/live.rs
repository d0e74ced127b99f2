//! The live channel: Directus decides who is let in and what they see.

use biplane_core::Timestamp;
use biplane_e2e::{Live, Tenant, admin, stack};
use serde_json::json;

/// 2026-06-01T12:00:00Z
const START: Timestamp = Timestamp::from_millis(1_780_315_200_000);

#[tokio::test]
async fn a_member_sees_its_tracker_move_and_cross_and_reads_the_crossing_over_rest() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let mut live = Live::log_in(&stack, &tenant.viewer).await;
    live.say(json!({ "type": "subscribe", "uid": "race", "topic": { "event": tenant.event } }))
        .await;
    let init = live.hear().await.expect("a subscription");
    assert_eq!((&init["event"], &init["uid"]), (&json!("init"), &json!("race")), "{init}");

    tenant.fly(&stack, START).await;

    let (mut moved, mut crossing) = (false, None);
    while !moved || crossing.is_none() {
        let message = live.hear().await.expect("the channel stays open");
        match message["event"].as_str() {
            Some("positions") => moved |= message["data"][0]["device"] == json!(tenant.device),
            Some("crossings") => crossing = Some(message["data"][0].clone()),
            _ => panic!("{message}"),
        }
    }
    let crossing = crossing.expect("a crossing");
    assert_eq!(
        (&crossing["direction"], &crossing["entry"]),
        (&json!("enter"), &json!(tenant.entry))
    );
    let path = format!(
        "/items/crossings/{}?fields=direction,crossed_at,checkpoint,source",
        crossing["id"].as_str().expect("an id")
    );
    let stored = tenant.viewer.read(&path).await.expect("the crossing, as the viewer");
    assert_eq!(stored["checkpoint"], json!(tenant.checkpoint));
    let at: Timestamp = stored["crossed_at"].as_str().expect("a time").parse().expect("a time");
    // The border lies 1000 m south of the centre: 1000 / 6371000 rad below 46°, 10.068 steps on.
    assert!((at - START - 10_068).abs() <= 2, "{at}");
}

#[tokio::test]
async fn a_token_that_directus_does_not_accept_is_refused() {
    let stack = stack();
    let mut live = Live::connect(&stack).await;
    // Well-formed, unexpired, signed by nobody that Directus knows.
    let forged = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6IjEiLCJyb2xlIjpudWxsLCJhcHBfYWNjZXNzIjp0cnVlLCJhZG1pbl9hY2Nlc3MiOnRydWUsImlhdCI6MTc2MDAwMDAwMCwiZXhwIjo0MTAyNDQ0ODAwLCJpc3MiOiJkaXJlY3R1cyJ9.c2lnbmVkLWJ5LW5vYm9keQ";
    live.say(json!({ "type": "auth", "access_token": forged })).await;
    let answer = live.hear().await.expect("an answer");
    assert_eq!(
        (&answer["status"], &answer["error"]["code"]),
        (&json!("error"), &json!("LIVE_UNAUTHORIZED")),
        "{answer}"
    );
    assert_eq!(live.hear().await, None, "then it is closed");
}

#[tokio::test]
async fn nothing_is_said_to_who_has_not_authenticated() {
    let stack = stack();
    let mut live = Live::connect(&stack).await;
    live.say(json!({ "type": "subscribe", "uid": "x", "topic": { "devices": [] } })).await;
    let answer = live.hear().await.expect("an answer");
    assert_eq!(answer["event"], "error", "{answer}");
    assert_eq!(answer["data"]["code"], "LIVE_UNAUTHORIZED", "{answer}");
}

#[tokio::test]
async fn a_member_of_another_organization_is_shown_nothing() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    for topic in [json!({ "event": one.event }), json!({ "devices": [one.device] })] {
        let mut live = Live::log_in(&stack, &two.manager).await;
        live.say(json!({ "type": "subscribe", "uid": "spy", "topic": topic })).await;
        let answer = live.hear().await.expect("an answer");
        assert_eq!(answer["event"], "error", "{answer}");
        assert_eq!(answer["data"]["code"], "LIVE_FORBIDDEN", "{answer}");
    }
}
