//! What somebody makes in Directus and nobody committed is seen at once. Other tests may change the
//! schema meanwhile: each looks for what is its own.

use biplane_e2e::{Tenant, admin, refusal, stack, unique};
use biplane_stack::directus::Client;
use reqwest::Method;
use serde_json::{Value, json};

const DRIFT: &str = "/biplane/schema/drift";

/// The drift's parts of one name or of its fields, as `kind name`, and its status and sentence.
async fn uncommitted(admin: &Client, name: &str) -> (Vec<String>, String, String) {
    let drift = admin.read(DRIFT).await.expect("the drift");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parts = drift["uncommitted"].as_array().cloned().unwrap_or_default();
    let mine = parts
        .iter()
        .map(|part| (text(&part["kind"]), text(&part["name"])))
        .filter(|(_, part)| part == name || part.starts_with(&format!("{name}.")))
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect();
    (mine, text(&drift["status"]), text(&drift["sentence"]))
}

fn table(name: &str) -> Value {
    let key = json!({ "field": "id", "type": "uuid", "meta": { "special": ["uuid"] },
        "schema": { "is_primary_key": true } });
    json!({ "collection": name, "meta": { "note": "of a test" }, "schema": {}, "fields": [key] })
}

#[tokio::test]
async fn a_collection_made_over_rest_is_uncommitted_at_once_and_gone_when_it_is_deleted() {
    let stack = stack();
    let admin = admin(&stack).await;
    let name = format!("drift_{}", unique());
    let before = uncommitted(&admin, &name).await;
    admin.create("/collections", &table(&name)).await.expect("a collection");
    let made = uncommitted(&admin, &name).await;
    let field = json!({ "field": "note", "type": "string", "schema": {} });
    admin.create(&format!("/fields/{name}"), &field).await.expect("a field");
    let plan = admin.read(DRIFT).await.map(|drift| drift["plan"]["changes"].clone());
    let path = format!("/collections/{name}");
    admin.call(Method::DELETE, &path, None).await.expect("deleted");
    let after = uncommitted(&admin, &name).await;

    assert_eq!(before.0, Vec::<String>::new());
    assert_eq!(made.0, [format!("collection {name}")]);
    assert!(["uncommitted", "conflict"].contains(&&*made.1), "{}", made.1);
    assert!(made.2.contains("This instance has uncommitted schema changes: "), "{}", made.2);
    assert!(
        made.2.contains("Do not rebuild before `biplane schema snapshot` and a commit."),
        "{}",
        made.2
    );
    let plan = plan.expect("the drift");
    let change = plan.as_array().expect("changes").iter().find(|change| change["name"] == *name);
    assert_eq!(change.expect("the collection")["verdict"], "keep");
    assert_eq!(after.0, Vec::<String>::new());
}

#[tokio::test]
async fn who_is_no_administrator_does_not_see_the_drift() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let nobody = Client::anonymous(&stack.directus_url).expect("a client");
    for client in [&tenant.manager, &tenant.viewer, &nobody] {
        let (status, code, message, _) = refusal(client.read(DRIFT).await);
        assert_eq!((status, &*code), (403, "FORBIDDEN"), "{message}");
    }
}

#[tokio::test]
async fn health_tells_the_public_whether_and_administrators_why() {
    let stack = stack();
    let admin = admin(&stack).await;
    let name = format!("drift_{}", unique());
    // A folder: no table.
    let folder = json!({ "collection": name, "meta": {}, "schema": null });
    admin.create("/collections", &folder).await.expect("a folder");
    let url = format!("{}/biplane/health", stack.directus_url);
    let ask = async |token: Option<&str>| -> Value {
        let request = reqwest::Client::new().get(&url);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.expect("an answer").json().await.expect("JSON")
    };
    let (public, full) = (ask(None).await, ask(admin.token()).await);
    admin.call(Method::DELETE, &format!("/collections/{name}"), None).await.expect("deleted");

    assert_eq!(public, json!({ "status": "warn" }));
    assert_eq!(full["status"], "warn");
    let sentence = full["schema"]["sentence"].as_str().unwrap_or_default();
    assert!(sentence.contains("uncommitted schema changes"), "{full}");
}

#[tokio::test]
async fn the_schema_commands_leave_a_running_admin_ui_its_extensions() {
    let stack = stack();
    let bundle = async || {
        let url = format!("{}/extensions/sources/index.js", stack.directus_url);
        let answer = reqwest::get(url).await.expect("an answer");
        answer.error_for_status().expect("the bundle").text().await.expect("a text")
    };
    let before = bundle().await;
    stack.installation().running_schema().await.expect("the running schema");
    assert_eq!(bundle().await, before);
    assert!(before.len() > 100_000, "all panels are in it: {} bytes", before.len());
}
