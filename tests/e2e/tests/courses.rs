//! What a course is made of, once somebody crossed it.

use biplane_e2e::{Tenant, admin, create, graphql, orders, path, refusal, stack, timed_again};
use reqwest::Method;
use serde_json::json;

/// A tenant whose course has a crossing, and no revision.
async fn crossed(stack: &biplane_stack::Description) -> Tenant {
    let admin = admin(stack).await;
    let tenant = Tenant::make(stack, &admin).await;
    let at = "2026-01-01T01:02:03Z";
    let crossing = json!({
        "organization": tenant.organization, "device": tenant.device, "event": tenant.event,
        "entry": tenant.entry, "checkpoint": tenant.checkpoint, "geofence": tenant.geofence,
        "direction": "enter", "crossed_at": at, "fix_before_at": at, "fix_after_at": at,
        "lat": 46, "lon": 12,
    });
    create(&admin, "crossings", &crossing).await;
    tenant
}

#[tokio::test]
async fn a_course_that_was_crossed_is_changed_by_no_way_in() {
    let stack = stack();
    let tenant = crossed(&stack).await;
    let manager = &tenant.manager;
    let (checkpoint, geofence) =
        (path("checkpoints", tenant.checkpoint), path("geofences", tenant.geofence));
    let event = path("events", tenant.event);
    let another = json!({
        "organization": tenant.organization, "event": tenant.event, "geofence": tenant.geofence,
        "name": "Late", "role": "turnpoint", "sort": 2,
    });
    let nested = json!({ "checkpoints": { "create": [another], "update": [], "delete": [] } });
    for (method, path, body) in [
        (Method::POST, "/items/checkpoints", Some(another.clone())),
        (Method::PATCH, &checkpoint, Some(json!({ "direction": "leave" }))),
        (Method::DELETE, &checkpoint, None),
        (Method::PATCH, &geofence, Some(json!({ "radius_m": 900 }))),
        (Method::DELETE, &geofence, None),
        (Method::PATCH, &event, Some(nested)),
    ] {
        let (status, reason, message, _) =
            refusal(manager.call(method.clone(), path, body.as_ref()).await);
        assert_eq!((status, reason.as_str()), (400, "COURSE_FIXED"), "{method} {path}: {message}");
        assert!(message.contains("`Race` has crossings already"), "{message}");
    }
    let mutation =
        "mutation ($id: ID!) { update_checkpoints_item(id: $id, data: { sort: 7 }) { id } }";
    let answer = graphql(&stack, manager, mutation, json!({ "id": tenant.checkpoint })).await;
    assert_eq!(answer, Err("COURSE_FIXED".to_owned()));
    // What is no part of the course is free.
    for (path, change) in
        [(&checkpoint, json!({ "name": "Circle 2" })), (&geofence, json!({ "name": "Circle 2" }))]
    {
        manager.call(Method::PATCH, path, Some(&change)).await.expect("a name");
    }
}

#[tokio::test]
async fn a_course_under_revision_may_be_changed_and_its_end_orders_a_recompute() {
    let stack = stack();
    let tenant = crossed(&stack).await;
    let operator = &tenant.operator;
    let event = path("events", tenant.event);
    // A checkpoint of an event that runs already.
    let before = timed_again(&stack, tenant.device, "checkpoints", 1).await;
    let revision = json!({
        "course_revision": true,
        "checkpoints": {
            "create": [], "delete": [],
            "update": [{ "id": tenant.checkpoint, "direction": "leave" }],
        },
    });
    operator.call(Method::PATCH, &event, Some(&revision)).await.expect("both in one save");
    let smaller = json!({ "radius_m": 900 });
    let geofence = path("geofences", tenant.geofence);
    operator.call(Method::PATCH, &geofence, Some(&smaller)).await.expect("another radius");
    let done = json!({ "course_revision": false });
    operator.call(Method::PATCH, &event, Some(&done)).await.expect("the end of it");
    // Nothing was ordered before: under revision there is nothing to time by.
    let ranges = timed_again(&stack, tenant.device, "events", 1).await;
    assert_eq!(ranges.len(), 1, "{ranges:?}");
    assert_eq!(timed_again(&stack, tenant.device, "checkpoints", 1).await, before);
    assert_eq!(timed_again(&stack, tenant.device, "geofences", 0).await, []);
    // A crossing of which there are no positions stays.
    let (_, reason, ..) =
        refusal(operator.call(Method::PATCH, &geofence, Some(&json!({ "radius_m": 800 }))).await);
    assert_eq!(reason, "COURSE_FIXED");
}

#[tokio::test]
async fn a_course_that_changes_has_its_own_trackers_timed_again_and_no_others() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (tenant, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let (own, others) = (orders(&stack, tenant.device).await, orders(&stack, other.device).await);
    let another = json!({
        "organization": tenant.organization, "event": tenant.event, "geofence": tenant.geofence,
        "name": "Late", "role": "turnpoint", "sort": 2,
    });
    create(&admin, "checkpoints", &another).await;
    assert_eq!(orders(&stack, tenant.device).await, own + 1);
    let geofence = path("geofences", tenant.geofence);
    let smaller = json!({ "radius_m": 900 });
    tenant.manager.call(Method::PATCH, &geofence, Some(&smaller)).await.expect("a radius");
    assert_eq!(orders(&stack, tenant.device).await, own + 2);
    let later = json!({ "ends_at": "2027-01-01T00:00:00Z" });
    let event = path("events", tenant.event);
    tenant.manager.call(Method::PATCH, &event, Some(&later)).await.expect("an end");
    assert_eq!(orders(&stack, tenant.device).await, own + 3);
    assert_eq!(orders(&stack, other.device).await, others);
}

#[tokio::test]
async fn an_event_starts_only_with_trackers_that_race_nowhere_else() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let next =
        json!({ "organization": tenant.organization, "name": "Next", "status": "scheduled" });
    let next = create(&admin, "events", &next).await;
    let entry = json!({
        "organization": tenant.organization, "event": next, "device": tenant.device,
        "number": "1", "name": "One", "status": "registered",
    });
    create(&admin, "entries", &entry).await;
    let (key, next, started) = (next, path("events", next), json!({ "status": "running" }));
    let (status, reason, message, _) =
        refusal(tenant.operator.call(Method::PATCH, &next, Some(&started)).await);
    assert_eq!((status, reason.as_str()), (400, "ENTRY_DEVICE"), "{message}");
    assert!(message.contains("`Tracker` takes part in `Race`"), "{message}");
    let over = json!({ "status": "finished" });
    let finished = path("events", tenant.event);
    tenant.operator.call(Method::PATCH, &finished, Some(&over)).await.expect("it is over");
    let third =
        json!({ "organization": tenant.organization, "name": "Third", "status": "scheduled" });
    let third = create(&admin, "events", &third).await;
    create(
        &admin,
        "entries",
        &json!({ "event": third, "number": "1", "name": "One",
        "organization": tenant.organization, "device": tenant.device, "status": "registered" }),
    )
    .await;
    let both = json!({ "keys": [key, third], "data": started });
    let (status, reason, message, _) =
        refusal(tenant.operator.call(Method::PATCH, "/items/events", Some(&both)).await);
    assert_eq!((status, reason.as_str()), (400, "ENTRY_DEVICE"), "{message}");
    assert!(message.contains("is to start too"), "{message}");
    tenant.operator.call(Method::PATCH, &next, Some(&started)).await.expect("the next one runs");
}
