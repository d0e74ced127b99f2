//! The same rights by whichever way somebody comes in: REST, GraphQL and Directus's own WebSocket.

use biplane_e2e::Least::{Manager, Operator, Viewer};
use biplane_e2e::{
    Caller, Findings, RIGHTS, Socket, Tenant, Way, admin, change, create, path, stack,
};
use serde_json::{Value, json};

/// Where GraphQL takes no key of an item that the caller could make too, but all of that item.
const NO_KEYS: [&str; 2] = ["entries", "checkpoints"];

async fn table(way: Way) {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let (tenant, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let items = tenant.fill(&admin).await;
    for (who, role, session) in [
        ("a viewer", Some(Viewer), &tenant.viewer),
        ("an operator", Some(Operator), &tenant.operator),
        ("a manager", Some(Manager), &tenant.manager),
        ("another's manager", None, &other.manager),
    ] {
        let mut caller = Caller::new(way, &stack, session).await;
        for (collection, creates, updates, deletes) in RIGHTS {
            let new = tenant.another(&admin, collection, &items).await;
            let creates = Some(creates)
                .filter(|_| !matches!(way, Way::GraphQl) || !NO_KEYS.contains(&collection));
            let made = match creates {
                Some(_) => caller.create(collection, &new).await,
                None => Ok(json!(create(&admin, collection, &new).await)),
            };
            let target = match collection {
                "organizations" => tenant.organization,
                _ => match made.as_ref().ok().and_then(Value::as_str) {
                    Some(id) => id.parse().expect("an id"),
                    None => create(&admin, collection, &new).await,
                },
            };
            let updated = caller.update(collection, target, &change(collection)).await;
            let deleted = caller.delete(collection, target).await;
            let left = admin.read(&path(collection, target)).await.is_ok();
            findings.check(deleted.is_ok() != left, || {
                format!("{way:?}: {who} deletes {collection}: {deleted:?}, and it is there: {left}")
            });
            for (action, least, answer) in [
                ("creates", creates, made),
                ("updates", Some(updates), updated),
                ("deletes", Some(deletes), deleted),
            ] {
                let Some(least) = least else { continue };
                let allowed = role.is_some_and(|role| role >= least);
                let as_meant = match &answer {
                    Ok(_) => allowed,
                    Err(code) => !allowed && way.refusals().contains(&code.as_str()),
                };
                findings.check(as_meant, || {
                    format!("{way:?}: {who} {action} {collection}, allowed: {allowed}: {answer:?}")
                });
            }
        }
    }
}

#[tokio::test]
async fn each_role_does_over_rest_what_the_table_says() {
    table(Way::Rest).await;
}

#[tokio::test]
async fn each_role_does_over_graphql_what_the_table_says() {
    table(Way::GraphQl).await;
}

#[tokio::test]
async fn each_role_does_over_directuss_websocket_what_the_table_says() {
    table(Way::WebSocket).await;
}

#[tokio::test]
async fn a_rule_refuses_over_directuss_websocket_too() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let mut socket = Socket::log_in(&stack, &tenant.manager).await;
    let wrong = json!({
        "organization": tenant.organization, "name": "Typed wrong", "imei": "356307042441014", "protocol": "teltonika",
    });
    let answer = socket.ask("devices", "create", json!({ "data": wrong })).await;
    assert_eq!(answer, Err("FAILED_VALIDATION".to_owned()));
    let made = "/items/devices?filter[imei][_eq]=356307042441014";
    assert_eq!(admin.read(made).await.expect("a list"), json!([]));
}
