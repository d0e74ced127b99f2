//! A phone that reports over HTTP is a tracker like any other.

use std::time::Duration;

use biplane_core::Timestamp;
use biplane_e2e::{Tenant, admin, eventually, path, refusal, stack};
use reqwest::Method;
use serde_json::json;

/// 2026-06-03T12:00:00Z
const START: Timestamp = Timestamp::from_millis(1_780_488_000_000);
const TOKEN: &str = "a-token-of-the-phone-7";

#[tokio::test]
async fn a_phone_with_its_devices_token_is_timed_and_its_token_is_shown_to_nobody() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let device = path("devices", tenant.device);
    let phone = |token: &str| json!({ "protocol": "osmand", "model": "Pixel 9", "token": token });
    let weak = tenant.manager.call(Method::PATCH, &device, Some(&phone("secret"))).await;
    let (status, reason, message, _) = refusal(weak);
    assert!((status, &*reason) == (400, "DEVICE_TOKEN"), "a token that can be guessed");
    assert!(!message.contains("secret"), "no token in a sentence");
    let denied =
        tenant.operator.call(Method::PATCH, &device, Some(&json!({ "token": TOKEN }))).await;
    assert!(refusal(denied).0 == 403, "an operator gives no tokens");
    tenant.manager.call(Method::PATCH, &device, Some(&phone(TOKEN))).await.expect("a token");
    let read = tenant.manager.read(&format!("{device}?fields=token")).await.expect("the device");
    assert!(read["token"] == "**********", "a token is not read again");
    let guess =
        format!("/items/devices?filter[token][_starts_with]=a&filter[id][_eq]={}", tenant.device);
    assert!(tenant.viewer.read(&guess).await.is_err(), "nor guessed letter by letter");

    let client = reqwest::Client::new();
    let report = async |second: i64, token: &str| {
        let at = START.as_millis() / 1000 + second;
        // Over the circle's southern border, in twenty steps.
        let lat = 45.9900 + 0.0001 * second as f64;
        let url =
            format!("{}/?id={}&lat={lat}&lon=12.0&timestamp={at}", stack.osmand_url, tenant.imei);
        let request = client.post(url).bearer_auth(token);
        request.timeout(Duration::from_secs(30)).send().await.expect("an answer").status().as_u16()
    };
    eventually("the token is known to the gateway", async || {
        (report(0, TOKEN).await == 200).then_some(())
    })
    .await;
    assert!(report(1, "a-token-of-the-phone-8").await == 401, "another token");
    for second in 1..20 {
        assert!(report(second, TOKEN).await == 200, "a report");
    }
    let crossings = format!(
        "/items/crossings?fields=direction,crossed_at&filter[checkpoint][_eq]={}",
        tenant.checkpoint
    );
    let crossing = eventually("a crossing", async || {
        let found = tenant.viewer.read(&crossings).await.expect("crossings");
        found.get(0).cloned()
    })
    .await;
    assert!(crossing["direction"] == "enter", "it went in");
    let at: Timestamp = crossing["crossed_at"].as_str().expect("a time").parse().expect("a time");
    assert!((at - START - 10_068).abs() <= 2, "at its time");
}
