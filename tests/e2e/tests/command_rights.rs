//! Who may send which command to which device, by whichever way they come in.

use biplane_core::Imei;
use biplane_e2e::{Caller, Findings, Tenant, Way, admin, create, stack, unique, user};
use biplane_stack::directus::Client;
use serde_json::{Value, json};
use uuid::Uuid;

/// Somebody who is logged in, and whether they may give commands in the first organization and in the
/// second.
struct Person<'a> {
    name: &'static str,
    session: &'a Client,
    may: [bool; 2],
}

/// A command that somebody tries to give.
struct Attempt {
    what: &'static str,
    fields: fn() -> Value,
    /// Its state, where whoever gives it may; `None`: no such device has such a command.
    becomes: Option<&'static str>,
}

const ATTEMPTS: [Attempt; 7] = [
    Attempt {
        what: "a harmless one",
        fields: || json!({ "name": "getver" }),
        becomes: Some("pending"),
    },
    Attempt {
        what: "a dangerous one",
        fields: || json!({ "name": "cpureset" }),
        becomes: Some("awaiting_approval"),
    },
    Attempt {
        // What the form sends where nobody chose a state.
        what: "a dangerous one that is pending",
        fields: || json!({ "name": "cpureset", "status": "pending" }),
        becomes: Some("awaiting_approval"),
    },
    Attempt {
        what: "one that is sent already",
        fields: || json!({ "name": "getver", "status": "sent" }),
        becomes: None,
    },
    Attempt { what: "one that is none", fields: || json!({ "name": "nonsense" }), becomes: None },
    Attempt {
        what: "a parameter too many",
        fields: || json!({ "name": "getver", "parameters": { "id": 1 } }),
        becomes: None,
    },
    Attempt {
        what: "a parameter out of its range",
        fields: || json!({ "name": "readio", "parameters": { "id": -1 } }),
        becomes: None,
    },
];

/// Whether a refusal says why: for want of a right, or by a rule.
fn is_a_refusal(way: Way, code: &str) -> bool {
    way.refusals().contains(&code)
        || code.contains("COMMAND_")
        || code.contains("TENANCY_")
        // What a rule said is not told there.
        || way == Way::WebSocket && code == "FAILED_VALIDATION"
}

/// A tracker of a protocol with other commands.
async fn gt06(admin: &Client, tenant: &Tenant) -> Uuid {
    let imei = Imei::with_check_digit(85_000_000_000_000 + unique() % 1_000_000_000_000);
    let device = json!({
        "organization": tenant.organization, "name": "Other", "imei": imei.to_string(),
        "protocol": "gt06", "status": "active",
    });
    create(admin, "devices", &device).await
}

async fn status(admin: &Client, command: &Value) -> String {
    let command = command.as_str().expect("a key");
    let row = admin.read(&format!("/items/commands/{command}")).await.expect("the command");
    row["status"].as_str().expect("a status").to_owned()
}

async fn commands_of(admin: &Client, tenants: [&Tenant; 2]) -> Vec<Value> {
    let [one, two] = tenants.map(|tenant| tenant.organization);
    let path = format!("/items/commands?fields=id&limit=-1&filter[organization][_in]={one},{two}");
    let rows = admin.read(&path).await.expect("commands");
    rows.as_array().expect("a list").iter().map(|row| row["id"].clone()).collect()
}

async fn matrix(way: Way) {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let other_protocol = gt06(&admin, &one).await;
    let both = [(one.organization, "viewer"), (two.organization, "operator")];
    let both = user(&stack, &admin, "manager", &both).await;
    let in_name_only = user(&stack, &admin, "viewer", &[(one.organization, "manager")]).await;
    let nowhere = user(&stack, &admin, "manager", &[]).await;
    let service = user(&stack, &admin, "service", &[]).await;
    let people = [
        Person { name: "one's manager", session: &one.manager, may: [true, false] },
        Person { name: "one's operator", session: &one.operator, may: [true, false] },
        Person { name: "one's viewer", session: &one.viewer, may: [false, false] },
        Person { name: "two's manager", session: &two.manager, may: [false, true] },
        Person { name: "who looks at one and runs two", session: &both, may: [false, true] },
        Person { name: "a viewer called a manager", session: &in_name_only, may: [false, false] },
        Person { name: "a member of none", session: &nowhere, may: [false, false] },
        Person { name: "the service", session: &service, may: [false, false] },
    ];
    for Person { name: who, session, may } in &people {
        let mut caller = Caller::new(way, &stack, session).await;
        let before = commands_of(&admin, [&one, &two]).await.len();
        let mut given = 0;
        for (what, device, organization, may) in [
            ("one's device", one.device, &one, may[0]),
            ("two's device", two.device, &two, may[1]),
            ("one's device in two's name", one.device, &two, false),
            ("two's device in one's name", two.device, &one, false),
            // What the others say to theirs is nothing to this one.
            ("a device of another protocol", other_protocol, &one, false),
        ] {
            for Attempt { what: command, fields, becomes } in ATTEMPTS {
                let mut row = fields();
                row["organization"] = json!(organization.organization);
                row["device"] = json!(device);
                let answer = caller.create("commands", &row).await;
                let tried = || format!("{way:?}: {who} gives {command} to {what}");
                match (&answer, becomes.filter(|_| may)) {
                    (Ok(id), Some(becomes)) => {
                        given += 1;
                        let status = status(&admin, id).await;
                        // Its device is away: it may have been queued by now.
                        let as_meant =
                            status == becomes || becomes == "pending" && status == "queued";
                        findings.check(as_meant, || format!("{}: it is {status}", tried()));
                    }
                    (Err(code), None) => findings.check(is_a_refusal(way, code), || {
                        format!("{}: refused by {code}", tried())
                    }),
                    (answer, _) => findings.check(false, || format!("{}: {answer:?}", tried())),
                }
            }
        }
        let after = commands_of(&admin, [&one, &two]).await.len();
        findings.check(after == before + given, || {
            format!("{way:?}: {who} gave {given} commands, and there are {} more", after - before)
        });
    }
    for Person { name: who, session, may } in &people[..7] {
        let mut caller = Caller::new(way, &stack, session).await;
        for (change, command, to, may) in [
            // Its own giver is not somebody else.
            ("approves", "cpureset", "pending", may[0] && *who != "one's operator"),
            ("cancels", "getver", "cancelled", may[0]),
            ("cancels unapproved", "cpureset", "cancelled", may[0]),
        ] {
            let row = json!({
                "organization": one.organization, "device": one.device, "name": command,
            });
            let given = create(&one.operator, "commands", &row).await;
            let answer = caller.update("commands", given, &json!({ "status": to })).await;
            let as_meant = match &answer {
                Ok(_) => may,
                Err(code) => !may && is_a_refusal(way, code),
            };
            findings.check(as_meant, || format!("{way:?}: {who} {change}: {answer:?}"));
            let status = status(&admin, &json!(given)).await;
            let is_done = match change {
                "approves" => status != "awaiting_approval",
                _ => status == "cancelled",
            };
            findings.check(is_done == may, || format!("{way:?}: {who} {change}: it is {status}"));
        }
    }
}

#[tokio::test]
async fn who_may_send_which_command_to_which_device_over_rest() {
    matrix(Way::Rest).await;
}

#[tokio::test]
async fn who_may_send_which_command_to_which_device_over_graphql() {
    matrix(Way::GraphQl).await;
}

#[tokio::test]
async fn who_may_send_which_command_to_which_device_over_directuss_websocket() {
    matrix(Way::WebSocket).await;
}
