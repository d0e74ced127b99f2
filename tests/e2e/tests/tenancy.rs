//! Where people may do it: what Directus's own rules can't say, and Biplane's do.

use std::collections::BTreeSet;

use biplane_e2e::{
    COLLECTIONS, Findings, Tenant, admin, change, create, fresh_id, graphql, path, refusal, stack,
    user,
};
use biplane_stack::directus::ApiError;
use serde_json::{Value, json};
use uuid::Uuid;

/// What people create, each with the right membership.
const CREATED: [&str; 10] = [
    "organization_members",
    "devices",
    "device_profiles",
    "events",
    "entries",
    "checkpoints",
    "geofences",
    "crossing_edits",
    "position_flags",
    "commands",
];

#[tokio::test]
async fn a_directus_role_means_nothing_where_the_membership_is_less() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let items = tenant.fill(&admin).await;
    let (own, at) = (fresh_id(), tenant.organization);
    create(&admin, "organizations", &json!({ "id": own, "name": "Own", "slug": own })).await;
    let viewer = user(&stack, &admin, "manager", &[(own, "manager"), (at, "viewer")]).await;
    let operator = user(&stack, &admin, "manager", &[(own, "manager"), (at, "operator")]).await;
    let stranger = user(&stack, &admin, "manager", &[(own, "manager")]).await;
    for collection in CREATED {
        let managers_only = matches!(collection, "organization_members" | "devices");
        for (who, may, session) in [
            ("viewer", false, &viewer),
            ("operator", !managers_only, &operator),
            ("stranger", false, &stranger),
        ] {
            let new = tenant.another(&admin, collection, &items).await;
            let made = session.create(&format!("/items/{collection}"), &new).await;
            let what =
                format!("a manager of another organization, here a {who}, creates {collection}");
            if may {
                findings.allowed(&what, made);
            } else {
                findings.refused(&what, made, 403, &["TENANCY_ROLE"]);
            }
        }
    }
    // The hole that this was found by: a viewer who makes itself a manager.
    let me = viewer.read("/users/me?fields=id").await.expect("me");
    let promotion = json!({ "organization": at, "user": me["id"], "role": "manager" });
    let (.., extensions) = refusal(viewer.create("/items/organization_members", &promotion).await);
    findings.check(extensions["field"] == "organization", || format!("the field: {extensions}"));
    let promotion = json!({ "members": { "create": [{ "user": me["id"], "role": "manager" }] } });
    let nested = viewer.update(&path("organizations", at), &promotion).await;
    findings.forbidden("a viewer makes itself a manager by way of the organization", nested);
    let promotion = json!({ "memberships": [{ "organization": at, "role": "manager" }] });
    let nested = viewer.update("/users/me", &promotion).await;
    findings.forbidden("a viewer makes itself a manager by way of its user", nested);
    let import = viewer
        .import("events", &json!([{ "organization": at, "name": "Imported" }]).to_string())
        .await;
    findings.refused("a viewer imports", import.map(|()| Value::Null), 400, &["TENANCY_ROLE"]);

    let move_away = json!({ "organization": own });
    for (who, session) in [("manager", &tenant.manager), ("operator", &operator)] {
        let moved = session.update(&path("events", tenant.event), &move_away).await;
        findings.forbidden(&format!("the {who} moves an event to another organization"), moved);
    }
    let only_reads = user(&stack, &admin, "viewer", &[(at, "manager")]).await;
    let renamed = only_reads.update(&path("events", tenant.event), &change("events")).await;
    findings.forbidden("a manager by membership, a viewer by role, updates", renamed);
}

#[tokio::test]
async fn of_an_organization_one_is_no_member_of_one_learns_not_even_whether_it_exists() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let (real, invented) = (two.organization.to_string(), fresh_id().to_string());
    let mut answers = Vec::new();
    for organization in [&real, &invented] {
        let event = json!({ "organization": organization, "name": "Spy" });
        let (status, code, message, _) = refusal(one.manager.create("/items/events", &event).await);
        answers.push((status, code, message.replace(organization, "…")));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!((answers[0].0, &*answers[0].1), (403, "TENANCY_ROLE"));
}

/// Every field that points to another item of an organization, where people may write it.
const REFERENCES: [(&str, &str, &str); 11] = [
    ("devices", "profile", "device_profiles"),
    ("entries", "event", "events"),
    ("entries", "device", "devices"),
    ("checkpoints", "event", "events"),
    ("checkpoints", "geofence", "geofences"),
    ("crossing_edits", "crossing", "crossings"),
    ("crossing_edits", "entry", "entries"),
    ("crossing_edits", "checkpoint", "checkpoints"),
    ("crossing_edits", "edit", "crossing_edits"),
    ("position_flags", "device", "devices"),
    ("commands", "device", "devices"),
];

#[tokio::test]
async fn nothing_points_into_another_organization() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let (in_one, in_two) = (one.fill(&admin).await, two.fill(&admin).await);
    let both = [(one.organization, "manager"), (two.organization, "manager")];
    let both = user(&stack, &admin, "manager", &both).await;
    for (collection, field, target) in REFERENCES {
        let (foreign, invented) = (in_two.of(target), fresh_id());
        // Trackers are a manager's to create.
        let member = if collection == "devices" { &one.manager } else { &one.operator };
        let mut sentences = BTreeSet::new();
        for (who, session) in
            [("member", member), ("member of both", &both), ("administrator", &admin)]
        {
            for id in [foreign, invented] {
                let mut new = one.another(&admin, collection, &in_one).await;
                new[field] = json!(id);
                if field == "edit" {
                    // What takes an edit back names nothing else.
                    new["action"] = json!("undo");
                    new["crossing"] = Value::Null;
                }
                let what = format!("the {who} creates {collection} with a foreign {field}");
                let made = session.create(&format!("/items/{collection}"), &new).await;
                if let Err(ApiError::Refused { message, extensions, .. }) = &made {
                    sentences.insert(message.replace(&id.to_string(), "…"));
                    findings
                        .check(extensions["field"] == field, || format!("{what}: {extensions}"));
                }
                findings.refused(&what, made, 400, &["TENANCY_REFERENCE"]);
            }
        }
        findings.check(sentences.len() == 1, || format!("{collection}.{field}: {sentences:?}"));
        if matches!(collection, "devices" | "entries" | "checkpoints" | "position_flags") {
            let patch = json!({ field: foreign });
            let updated =
                one.operator.update(&path(collection, in_one.of(collection)), &patch).await;
            let what = format!("the operator updates {collection} with a foreign {field}");
            findings.refused(&what, updated, 400, &["TENANCY_REFERENCE"]);
            // As a form sends it: with an item in place of the id.
            let patch = json!({ field: { "id": foreign } });
            let updated = both.update(&path(collection, in_one.of(collection)), &patch).await;
            findings.refused(
                &format!("{what}, as an object"),
                updated,
                400,
                &["TENANCY_REFERENCE"],
            );
        }
    }
    let event = path("events", one.event);
    let steal =
        json!({ "entries": { "create": [], "update": [{ "id": two.entry }], "delete": [] } });
    findings.refused(
        "an entry is taken over by an event",
        both.update(&event, &steal).await,
        400,
        &["TENANCY_REFERENCE"],
    );
    findings.forbidden(
        "an unseen entry is taken over by an event",
        one.operator.update(&event, &steal).await,
    );
    let nested = json!({ "entries": { "create": [{ "organization": one.organization, "device": one.device, "number": "7", "name": "N" }], "update": [], "delete": [] } });
    findings
        .allowed("an entry is made within its event", one.operator.update(&event, &nested).await);
}

#[tokio::test]
async fn an_import_with_one_stray_row_leaves_nothing_behind() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let event = fresh_id();
    create(
        &admin,
        "events",
        &json!({ "id": event, "organization": one.organization, "name": "Import" }),
    )
    .await;
    let row = |number: u32, device: Uuid| json!({ "organization": one.organization, "event": event, "device": device, "number": number.to_string(), "name": "N" });
    let mut rows: Vec<_> = (0..50).map(|number| row(number, one.device)).collect();
    let list = format!("/items/entries?filter[event][_eq]={event}&limit=-1&fields=id");
    rows.push(row(50, two.device));
    let refused = one.operator.import("entries", &json!(rows).to_string()).await;
    assert_eq!(refusal(refused).1, "TENANCY_REFERENCE");
    assert_eq!(one.operator.read(&list).await.expect("a list"), json!([]));
    rows.pop();
    one.operator.import("entries", &json!(rows).to_string()).await.expect("fifty entries");
    assert_eq!(one.operator.read(&list).await.expect("a list").as_array().map(Vec::len), Some(50));
}

#[tokio::test]
async fn the_database_holds_the_line_where_no_rule_can_see() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    // The rule does not know an organization that comes into being with the item.
    let slug = fresh_id();
    let flag = json!({
        "organization": { "name": "New", "slug": slug }, "device": tenant.device, "reason": "Spy",
        "starts_at": "2020-07-01T10:00:00Z", "ends_at": "2020-07-01T11:00:00Z",
    });
    let (status, code, _, extensions) = refusal(admin.create("/items/position_flags", &flag).await);
    assert_eq!((status, &*code), (400, "INVALID_FOREIGN_KEY"), "{extensions}");
    assert_eq!(
        (&extensions["collection"], &extensions["field"]),
        (&json!("position_flags"), &json!("device"))
    );
    let made = admin.read(&format!("/items/organizations?filter[slug][_eq]={slug}")).await;
    assert_eq!(made.expect("a list"), json!([]), "all of it is taken back");
}

#[tokio::test]
async fn graphql_agrees_with_rest() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    one.fill(&admin).await;
    two.fill(&admin).await;
    for collection in COLLECTIONS {
        let query = format!("query {{ {collection}(limit: -1, sort: [\"id\"]) {{ id }} }}");
        let seen = graphql(&stack, &one.viewer, &query, json!({}))
            .await
            .map(|data| data[collection].clone());
        let rest =
            one.viewer.read(&format!("/items/{collection}?fields=id&limit=-1&sort=id")).await;
        findings.check(seen.as_ref().ok() == rest.as_ref().ok(), || {
            format!("{collection}: {seen:?}, REST {rest:?}")
        });
    }
    let here_a_viewer = user(
        &stack,
        &admin,
        "manager",
        &[(one.organization, "viewer"), (two.organization, "manager")],
    )
    .await;
    let event = "mutation ($data: create_events_input!) { create_events_item(data: $data) { id } }";
    let flag = "mutation ($data: create_position_flags_input!) { create_position_flags_item(data: $data) { id } }";
    let events =
        |tenant: &Tenant| json!({ "data": { "name": "G", "organization": tenant.organization } });
    let flags = |device: Uuid| {
        let span = ("2020-07-01T10:00:00Z", "2020-07-01T11:00:00Z");
        json!({ "data": { "organization": two.organization, "device": device, "reason": "GraphQL", "starts_at": span.0, "ends_at": span.1 } })
    };
    for (what, query, variables, expected) in [
        ("an event where one is a manager", event, events(&two), "ok"),
        ("an event where one is a viewer", event, events(&one), "TENANCY_ROLE"),
        ("a flag on an own device", flag, flags(two.device), "ok"),
        ("a flag on a foreign device", flag, flags(one.device), "TENANCY_REFERENCE"),
    ] {
        let answer = graphql(&stack, &here_a_viewer, query, variables).await;
        let got = answer.as_ref().map_or_else(String::as_str, |_| "ok");
        findings.check(got == expected, || format!("{what}: should be {expected}, but {answer:?}"));
    }
}
