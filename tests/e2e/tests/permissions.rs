//! Who may do what: the table in config/README.md, asked of the running platform.

use std::collections::BTreeSet;

use biplane_e2e::{
    COLLECTIONS, Findings, Tenant, admin, change, create, graphql, path, stack, user,
};
use biplane_stack::directus::Client;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// The organizations that the items of a list belong to.
fn organizations(collection: &str, items: &Value) -> BTreeSet<Uuid> {
    let field = if collection == "organizations" { "id" } else { "organization" };
    let items = items.as_array().expect("a list").iter();
    items.map(|item| item[field].as_str().and_then(|id| id.parse().ok()).expect("an id")).collect()
}

#[tokio::test]
async fn everybody_reads_all_of_their_own_organizations_and_touches_nothing_of_others() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let (in_one, in_two) = (one.fill(&admin).await, two.fill(&admin).await);
    let both = [(one.organization, "viewer"), (two.organization, "manager")];
    let both = user(&stack, &admin, "manager", &both).await;
    let nowhere = user(&stack, &admin, "manager", &[]).await;
    for (who, session, own) in [
        ("one's manager", &one.manager, vec![&one]),
        ("one's operator", &one.operator, vec![&one]),
        ("one's viewer", &one.viewer, vec![&one]),
        ("two's manager", &two.manager, vec![&two]),
        ("two's operator", &two.operator, vec![&two]),
        ("two's viewer", &two.viewer, vec![&two]),
        ("a member of both", &both, vec![&one, &two]),
        ("a member of none", &nowhere, vec![]),
    ] {
        let own: BTreeSet<_> = own.iter().map(|tenant| tenant.organization).collect();
        for collection in COLLECTIONS {
            let list = session.read(&format!("/items/{collection}?limit=-1")).await;
            let seen = list.as_ref().map(|list| organizations(collection, list)).ok();
            findings.check(seen.as_ref() == Some(&own), || {
                format!("{who} lists {collection}: {list:?}")
            });
            for (tenant, items) in [(&one, &in_one), (&two, &in_two)] {
                if own.contains(&tenant.organization) {
                    continue;
                }
                let path = path(collection, items.of(collection));
                for (method, body) in [
                    (Method::GET, None),
                    (Method::PATCH, Some(change(collection))),
                    (Method::DELETE, None),
                ] {
                    let what = format!("{who}: {method} of another's item of {collection}");
                    let result = session.call(method, &path, body.as_ref()).await;
                    // Not a word more than of what does not exist.
                    findings.refused(&what, result, 403, &["FORBIDDEN"]);
                }
            }
        }
    }
}

#[tokio::test]
async fn some_fields_are_nobodys_to_set() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let items = tenant.fill(&admin).await;
    let (operator, manager) = (&tenant.operator, &tenant.manager);
    let manager_id = manager.read("/users/me?fields=id").await.expect("a manager")["id"].take();
    let manager_role =
        manager.read("/users/me?fields=role").await.expect("a manager")["role"].take();

    let device = path("devices", tenant.device);
    let imei = json!({ "imei": "490154203237518" });
    findings.forbidden("an operator changes an IMEI", operator.update(&device, &imei).await);
    let protocol = json!({ "protocol": "teltonika" });
    findings.forbidden("an operator changes a protocol", operator.update(&device, &protocol).await);

    let mut command = tenant.another(&admin, "commands", &items).await;
    command["status"] = json!("sent");
    let sent = operator.create("/items/commands", &command).await;
    findings.refused("a command is created as sent", sent, 400, &["COMMAND_STATE"]);
    let command = path("commands", items.of("commands"));
    let faked = operator.update(&command, &json!({ "status": "acknowledged" })).await;
    findings.refused("an operator fakes an acknowledgement", faked, 400, &["FAILED_VALIDATION"]);
    let cancelled = json!({ "status": "cancelled" });
    findings.allowed("an operator cancels a command", operator.update(&command, &cancelled).await);
    findings.forbidden("what is cancelled is changed", operator.update(&command, &cancelled).await);

    let alert = path("alerts", items.of("alerts"));
    let in_anothers_name = json!({ "acknowledged_by": manager_id });
    findings.forbidden(
        "an alert is acknowledged in another's name",
        operator.update(&alert, &in_anothers_name).await,
    );

    let mut edit = tenant.another(&admin, "crossing_edits", &items).await;
    edit.as_object_mut().expect("an object").remove("reason");
    findings.refused(
        "an edit without a reason",
        operator.create("/items/crossing_edits", &edit).await,
        400,
        &["FAILED_VALIDATION"],
    );
    let mut fence = tenant.another(&admin, "geofences", &items).await;
    fence["color"] = json!("red");
    findings.refused(
        "a colour that is none",
        operator.create("/items/geofences", &fence).await,
        400,
        &["FAILED_VALIDATION"],
    );
    let event = operator.create("/items/events", &json!({ "name": "Nobody's" })).await;
    findings.refused("an event of no organization", event, 400, &["TENANCY_REFERENCE"]);

    let promotion = json!({ "role": manager_role });
    findings.forbidden(
        "an operator takes another role",
        operator.update("/users/me", &promotion).await,
    );
    let rename = json!({ "first_name": "Me" });
    findings.allowed("an operator changes its name", operator.update("/users/me", &rename).await);
    // Directus hands on the database's refusal of a delete as a bare 500.
    let crossed = manager.call(Method::DELETE, &device, None).await;
    findings.check(crossed.is_err(), || "a device with crossings is deleted".to_owned());
    findings.allowed("the device with crossings is read", manager.read(&device).await);
}

#[tokio::test]
async fn who_acknowledges_alerts_is_written_down() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let (in_one, in_two) = (one.fill(&admin).await, two.fill(&admin).await);
    let another = create(&admin, "alerts", &one.another(&admin, "alerts", &in_one).await).await;
    // As the list of alerts sends what was marked in it.
    let seen = async |session: &Client, keys: &[Uuid]| {
        let many = json!({ "keys": keys, "data": { "status": "acknowledged" } });
        session.update("/items/alerts", &many).await
    };
    let foreign = in_two.of("alerts");
    for (who, session) in [("operator", &one.operator), ("viewer", &one.viewer)] {
        let result = seen(session, &[foreign, another]).await;
        findings.check(result.is_err(), || format!("one's {who} acknowledges two's alert"));
    }
    for alert in [foreign, another] {
        let untouched = admin.read(&path("alerts", alert)).await.expect("an alert");
        findings.check(untouched["status"] == "open", || format!("all or none: {untouched}"));
    }

    let both = [in_one.of("alerts"), another];
    findings.allowed("the list", seen(&one.operator, &both).await);
    let me = one.operator.read("/users/me?fields=id").await.expect("me");
    for alert in both {
        let alert = admin.read(&path("alerts", alert)).await.expect("an alert");
        let stamped = alert["status"] == "acknowledged"
            && alert["acknowledged_by"] == me["id"]
            && alert["acknowledged_at"].is_string();
        findings.check(stamped, || format!("the stamp: {alert}"));
    }
}

#[tokio::test]
async fn people_see_their_fellow_members_and_nobody_else() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let mut fellows = BTreeSet::new();
    for session in [&one.manager, &one.operator, &one.viewer] {
        fellows.insert(session.read("/users/me?fields=id").await.expect("me")["id"].to_string());
    }
    let seen = one.viewer.read("/users?fields=id&limit=-1").await.expect("users");
    let seen: BTreeSet<_> =
        seen.as_array().expect("a list").iter().map(|user| user["id"].to_string()).collect();
    assert_eq!(seen, fellows);
    let other = two.viewer.read("/users?fields=id&limit=-1").await.expect("users");
    assert_eq!(other.as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_service_reports_on_commands_and_sees_nothing_else() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let items = one.fill(&admin).await;
    let service = user(&stack, &admin, "service", &[]).await;
    for collection in COLLECTIONS {
        let list = service.read(&format!("/items/{collection}?limit=1")).await;
        match collection {
            "commands" => findings.allowed("the service reads commands", list),
            // What says which commands a device understands.
            "devices" => findings.allowed("the service reads devices", list),
            // What says whether one may have been heard.
            "command_transitions" => {
                findings.allowed("the service reads which states there were", list)
            }
            _ => findings.forbidden(&format!("the service reads {collection}"), list),
        }
    }
    let command = path("commands", items.of("commands"));
    let devices = service.read("/items/devices?fields=id,protocol,model&limit=1").await;
    findings.allowed("the service reads what a device is", devices);
    let names = service.read("/items/devices?fields=name,imei&limit=1").await;
    findings.forbidden("the service reads a device's name", names);
    // In the queue by now, or about to be.
    let report = json!({ "status": "expired", "attempts": 0 });
    findings.allowed("the service reports", service.update(&command, &report).await);
    let dangerous = json!({
        "organization": one.organization, "device": one.device, "name": "cpureset",
    });
    let waits = one.operator.create("/items/commands", &dangerous).await.expect("a command");
    let waits = format!("/items/commands/{}", waits["id"].as_str().expect("a key"));
    let approved = service.update(&waits, &json!({ "status": "pending" })).await;
    findings.forbidden("the service approves a command", approved);
    let parameters = service.read("/items/commands?fields=parameters,payload,result&limit=1").await;
    findings.forbidden("the service reads what is said to devices", parameters);
    let readdressed = service.update(&command, &json!({ "device": two.device })).await;
    findings.forbidden("the service readdresses a command", readdressed);
}

#[tokio::test]
async fn the_public_sees_and_writes_nothing() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let items = tenant.fill(&admin).await;
    let public = Client::anonymous(&stack.directus_url).expect("a client");
    for collection in COLLECTIONS {
        let (list, item) = (format!("/items/{collection}"), path(collection, items.of(collection)));
        let new = tenant.another(&admin, collection, &items).await;
        let only = &["FORBIDDEN"];
        findings.refused(&format!("lists {collection}"), public.read(&list).await, 403, only);
        findings.refused(&format!("reads {collection}"), public.read(&item).await, 403, only);
        findings.refused(
            &format!("creates {collection}"),
            public.create(&list, &new).await,
            403,
            only,
        );
        findings.refused(
            &format!("updates {collection}"),
            public.update(&item, &change(collection)).await,
            403,
            only,
        );
        findings.refused(
            &format!("deletes {collection}"),
            public.call(Method::DELETE, &item, None).await,
            403,
            only,
        );
    }
    let answer = graphql(&stack, &public, "query { devices { id } }", json!({})).await;
    findings.check(answer.is_err(), || format!("the public by GraphQL: {answer:?}"));
}
