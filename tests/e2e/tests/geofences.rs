//! Geofences and devices are judged by Rust inside Directus, whoever asks.

use biplane_e2e::{Tenant, admin, fresh_id, refusal, stack};
use reqwest::Method;
use serde_json::{Value, json};

fn bow_tie(organization: &Value) -> Value {
    json!({
        "id": fresh_id(), "organization": organization, "name": "Bow tie", "kind": "polygon", "status": "active",
        "geometry": { "type": "Polygon", "coordinates": [[[12.0, 46.0], [12.1, 46.1], [12.1, 46.0], [12.0, 46.1], [12.0, 46.0]]] },
    })
}

#[tokio::test]
async fn a_polygon_that_crosses_itself_is_refused_with_where_it_does() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let fence = bow_tie(&json!(tenant.organization));
    let (status, code, message, extensions) =
        refusal(tenant.manager.create("/items/geofences", &fence).await);
    assert_eq!((status, &*code), (400, "GEOFENCE_SELF_INTERSECTION"), "{message}");
    let sentence = message.strip_prefix("geometry: ").expect("the field's name");
    assert_eq!(extensions["field"], "geometry");
    assert_eq!(extensions["validation_message"], sentence, "forms name the field themselves");
    assert!(message.contains("12.05") && message.contains("46.05"), "{message}");
    let path = format!("/items/geofences?filter[id][_eq]={}", fence["id"].as_str().expect("an id"));
    assert_eq!(admin.read(&path).await.expect("a list"), json!([]));
}

#[tokio::test]
async fn graphql_gives_the_same_code() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let mut fence = bow_tie(&Value::Null);
    fence["organization"] = json!({ "id": tenant.organization, "name": "x", "slug": "x" });
    fence.as_object_mut().expect("an object").remove("id");
    let query =
        "mutation ($data: create_geofences_input!) { create_geofences_item(data: $data) { id } }";
    let body = json!({ "query": query, "variables": { "data": fence } });
    let answer = reqwest::Client::new()
        .post(format!("{}/graphql", stack.directus_url))
        .bearer_auth(admin.token().expect("a token"))
        .header("Content-Type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "FAILED_VALIDATION", "{answer}");
    assert_eq!(extensions["reason"], "GEOFENCE_SELF_INTERSECTION", "{answer}");
}

#[tokio::test]
async fn a_valid_geofence_is_stored_and_a_later_bad_change_of_it_refused() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let path = format!("/items/geofences/{}", tenant.geofence);
    let (status, code, message, _) =
        refusal(tenant.manager.update(&path, &json!({ "radius_m": -1 })).await);
    assert_eq!((status, &*code), (400, "GEOFENCE_RADIUS"), "{message}");
    assert!(message.contains("-1"), "{message}");
    tenant.manager.update(&path, &json!({ "radius_m": 1500 })).await.expect("a larger circle");
    let fence = tenant.manager.read(&path).await.expect("the circle");
    assert_eq!(fence["radius_m"], 1500);
    let area = fence["area_m2"].as_f64().expect("its area");
    assert!((area / (std::f64::consts::PI * 1500.0 * 1500.0) - 1.0).abs() < 1e-3, "{fence}");
}

#[tokio::test]
async fn a_geofence_is_set_right_and_measured_and_nobody_writes_its_measures() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    // Clockwise, not closed, and with a position twice.
    let ring = json!([[12.0, 46.0], [12.0, 46.1], [12.0, 46.1], [12.1, 46.1], [12.1, 46.0]]);
    let fence = json!({
        "organization": tenant.organization, "name": "Square", "kind": "polygon", "status": "active",
        "geometry": { "type": "Polygon", "coordinates": [ring] },
    });
    let made = tenant.operator.create("/items/geofences", &fence).await.expect("a geofence");
    let right = json!([[12, 46], [12.1, 46], [12.1, 46.1], [12, 46.1], [12, 46]]);
    assert_eq!(made["geometry"]["coordinates"], json!([right]));
    assert_eq!(
        (&made["centroid"], &made["bbox"]),
        (&json!([12.05, 46.05]), &json!([12, 46, 12.1, 46.1]))
    );
    let measure = |name: &str| made[name].as_f64().expect("a number");
    assert!((measure("area_m2") - 86_024_620.0).abs() < 100.0, "{made}");
    assert!((measure("perimeter_m") - 37_709.15).abs() < 0.1, "{made}");
    let path = format!("/items/geofences/{}", made["id"].as_str().expect("an id"));
    let written = tenant.manager.update(&path, &json!({ "area_m2": 1 })).await;
    assert_eq!(refusal(written).0, 403);
}

#[tokio::test]
async fn a_device_with_a_wrong_check_digit_is_refused_with_the_right_one() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let device = json!({ "organization": tenant.organization, "name": "T", "imei": "490154203237519", "protocol": "teltonika", "status": "active" });
    let (status, code, message, _) =
        refusal(tenant.manager.create("/items/devices", &device).await);
    assert_eq!((status, &*code), (400, "DEVICE_IMEI"));
    assert!(message.contains('8') && message.contains('9'), "{message}");
}

#[tokio::test]
async fn an_imei_is_unique_over_all_organizations_and_the_error_tells_nothing_of_the_other() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let device = json!({ "organization": two.organization, "name": "T", "imei": one.imei.to_string(), "protocol": "teltonika", "status": "active" });
    let (status, code, message, _) = refusal(two.manager.create("/items/devices", &device).await);
    assert_eq!((status, &*code), (400, "RECORD_NOT_UNIQUE"));
    assert!(!message.contains(&one.organization.to_string()), "{message}");
    two.manager
        .call(Method::GET, &format!("/items/devices/{}", two.device), None)
        .await
        .expect("still there");
}
