//! Configuration as code on a running Directus: what people do in the admin UI is kept.
//!
//! The tests bring items of their own into the shared stack, beside all of `config/`, and take them
//! out again. They have one table in common, so that they wait for each other.

use std::path::{Path, PathBuf};

use biplane_core::Timestamp;
use biplane_e2e::{admin, fresh_id, stack, unique, user};
use biplane_pipeline::configuration::{ConfigurationError, ConfigurationReport, apply, is_current};
use biplane_pipeline::directus::{admin_token, admin_user};
use biplane_stack::Description;
use biplane_stack::directus::{ApiError, Client};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A copy of `config/` with more in it, and the database and Directus that it goes to.
struct Sandbox {
    stack: Description,
    admin: Client,
    database: tokio_postgres::Client,
    folder: TempDir,
}

impl Sandbox {
    async fn open() -> Self {
        let stack = stack();
        let admin = admin(&stack).await;
        let (database, connection) =
            tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
                .await
                .expect("PostgreSQL");
        tokio::spawn(connection);
        let alone = "SELECT pg_advisory_lock(hashtext('biplane configuration tests'))";
        database.execute(alone, &[]).await.expect("the only one");
        let sandbox =
            Self { admin, database, folder: tempfile::tempdir().expect("a folder"), stack };
        std::fs::create_dir(sandbox.config()).expect("a folder");
        for entry in std::fs::read_dir(sandbox.project()).expect("config/") {
            let entry = entry.expect("a file");
            std::fs::copy(entry.path(), sandbox.config().join(entry.file_name())).expect("a copy");
        }
        sandbox
    }

    fn project(&self) -> PathBuf {
        self.stack.project.join("config")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// Config's own rows of a collection and these.
    fn set(&self, collection: &str, rows: &[Value]) {
        let name = format!("{collection}.json");
        let text = std::fs::read_to_string(self.project().join(&name)).expect("a file");
        let mut all: Vec<Value> = serde_json::from_str(&text).expect("rows");
        all.extend_from_slice(rows);
        std::fs::write(self.config().join(name), json!(all).to_string()).expect("a file");
    }

    async fn try_apply(&mut self) -> Result<ConfigurationReport, ConfigurationError> {
        let folder = self.config();
        apply(&self.admin, &mut self.database, &folder).await
    }

    /// What it came to: the summary's changes, and all notes about items of ours.
    async fn apply(&mut self, ours: &[&Value]) -> (String, Vec<String>) {
        let report = self.try_apply().await.expect("configuration");
        let count = report.count();
        let notes = report.notes().filter(|note| {
            ours.iter().any(|item| {
                let id = item["id"].as_str().map_or_else(|| item["id"].to_string(), str::to_owned);
                note.contains(&format!(" {id}"))
            })
        });
        let did = format!("+{} ~{} -{}", count.created, count.updated, count.deleted);
        (did, notes.collect())
    }

    async fn bases(&self, item: &Value) -> i64 {
        let count = "SELECT count(*) FROM telemetry.configuration_base WHERE id = $1";
        let id = item["id"].as_str().expect("an id");
        self.database.query_one(count, &[&id]).await.expect("a count").get(0)
    }

    /// Takes everything out again, and what was kept by force.
    async fn close(mut self, leftovers: &[(&str, &Value)]) {
        let folder = self.project();
        apply(&self.admin, &mut self.database, &folder).await.expect("configuration");
        for (path, item) in leftovers {
            self.admin.delete(path, &[item["id"].clone()]).await.expect("deleted");
        }
        assert!(is_current(&self.database, &folder).await.expect("an answer"));
        let left = left_of(&self.admin, &folder, &self.config()).await;
        assert_eq!(left, [""; 0], "something was left behind");
    }
}

/// The dashboards, roles and flows of a test's folder that Directus still has and `config/` lacks.
async fn left_of(admin: &Client, own: &Path, config: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for name in ["dashboards", "roles", "flows"] {
        let rows = |folder: &Path| -> Vec<Value> {
            let file = folder.join(format!("directus_{name}.json"));
            let text = std::fs::read_to_string(file).expect("a file");
            serde_json::from_str(&text).expect("rows")
        };
        let own = rows(own);
        for row in rows(config).iter().filter(|row| own.iter().all(|own| own["id"] != row["id"])) {
            let path = path(name, row);
            if exists(admin, &path).await {
                left.push(path);
            }
        }
    }
    left
}

async fn exists(admin: &Client, path: &str) -> bool {
    match admin.read(path).await {
        Ok(_) => true,
        Err(ApiError::Refused { status, .. }) if matches!(status.as_u16(), 403 | 404) => false,
        Err(error) => panic!("{path}: {error}"),
    }
}

fn path(collection: &str, item: &Value) -> String {
    format!("/{collection}/{}", item["id"].as_str().expect("an id"))
}

fn dashboard(name: &str) -> Value {
    json!({ "id": fresh_id(), "name": format!("{name} {}", unique()), "icon": "map", "note": null, "color": "#2F6FDE" })
}

fn panel(dashboard: &Value) -> Value {
    json!({
        "id": fresh_id(), "dashboard": dashboard["id"], "name": "Count", "icon": "timer", "type": "metric",
        "show_header": true, "position_x": 1, "position_y": 1, "width": 9, "height": 7,
        "options": { "collection": "crossings", "field": "id", "function": "count", "fontWeight": 800.0 },
    })
}

fn with(item: &Value, changes: Value) -> Value {
    let mut item = item.clone();
    for (field, value) in changes.as_object().expect("columns") {
        item[field] = value.clone();
    }
    item
}

fn did(text: &str) -> (String, Vec<String>) {
    (text.to_owned(), Vec::new())
}

#[tokio::test]
async fn an_edit_in_the_admin_ui_is_kept_and_what_config_changes_beside_it_arrives() {
    let mut sandbox = Sandbox::open().await;
    let race = dashboard("Race");
    let count = panel(&race);
    sandbox.set("directus_dashboards", std::slice::from_ref(&race));
    sandbox.set("directus_panels", std::slice::from_ref(&count));
    assert!(!is_current(&sandbox.database, &sandbox.config()).await.expect("an answer"));
    assert_eq!(sandbox.apply(&[&race, &count]).await, did("+2 ~0 -0"));
    assert!(is_current(&sandbox.database, &sandbox.config()).await.expect("an answer"));
    assert_eq!(sandbox.apply(&[&race, &count]).await, did("+0 ~0 -0"), "a second time");

    let edit = json!({ "height": 20, "name": "Mine", "options": { "collection": "alerts" } });
    sandbox.admin.update(&path("panels", &count), &edit).await.expect("an edit");
    sandbox.set("directus_panels", &[with(&count, json!({ "width": 12, "name": "Theirs" }))]);
    let (changes, notes) = sandbox.apply(&[&count]).await;
    let label = format!("directus_panels {} (Mine)", count["id"].as_str().expect("an id"));
    assert_eq!(changes, "+0 ~1 -0");
    assert_eq!(
        notes,
        [
            format!("{label}: height, options: edited in the admin UI: kept"),
            format!(
                "{label}: name: changed in config/ and edited in the admin UI: the edit is kept"
            ),
        ]
    );
    let now = sandbox.admin.read(&path("panels", &count)).await.expect("the panel");
    let shown = ["name", "width", "height", "options"].map(|field| now[field].clone());
    assert_eq!(shown, [json!("Mine"), json!(12), json!(20), json!({ "collection": "alerts" })]);
    let (changes, notes) = sandbox.apply(&[&count]).await;
    assert_eq!((&*changes, notes.len()), ("+0 ~0 -0", 1), "it goes on being reported: {notes:?}");

    // Edited as it is, it outlives its place in config/, and so does its dashboard.
    sandbox.set("directus_panels", &[]);
    sandbox.set("directus_dashboards", &[]);
    let (changes, notes) = sandbox.apply(&[&race, &count]).await;
    assert_eq!((&*changes, notes.len()), ("+0 ~0 -0", 2), "{notes:?}");
    assert_eq!(sandbox.bases(&count).await + sandbox.bases(&race).await, 0);
    sandbox.set("directus_dashboards", std::slice::from_ref(&race));
    sandbox.close(&[("/panels", &count), ("/dashboards", &race)]).await;
}

#[tokio::test]
async fn what_was_deleted_by_hand_stays_deleted_until_it_was_out_of_config() {
    let mut sandbox = Sandbox::open().await;
    let race = dashboard("Race");
    let (count, new) = (panel(&race), panel(&race));
    sandbox.set("directus_dashboards", std::slice::from_ref(&race));
    sandbox.set("directus_panels", std::slice::from_ref(&count));
    sandbox.apply(&[]).await;
    sandbox.admin.delete("/dashboards", &[race["id"].clone()]).await.expect("deleted by hand");
    sandbox.set("directus_panels", &[with(&count, json!({ "height": 8 })), new.clone()]);
    for run in ["first", "second"] {
        let (changes, notes) = sandbox.apply(&[&race, &count, &new]).await;
        assert_eq!((&*changes, notes.len()), ("+0 ~0 -0", 3), "{run}: {notes:?}");
        assert!(notes[0].ends_with("was deleted in the admin UI and stays deleted"), "{notes:?}");
        assert!(!exists(&sandbox.admin, &path("dashboards", &race)).await);
    }
    sandbox.set("directus_dashboards", &[]);
    sandbox.set("directus_panels", &[]);
    assert_eq!(sandbox.apply(&[&race, &count, &new]).await, did("+0 ~0 -0"));
    sandbox.set("directus_dashboards", std::slice::from_ref(&race));
    sandbox.set("directus_panels", std::slice::from_ref(&new));
    assert_eq!(sandbox.apply(&[&race, &new]).await, did("+2 ~0 -0"));
    sandbox.close(&[]).await;
}

#[tokio::test]
async fn what_people_made_is_never_touched_nor_taken_away_with_something_of_ours() {
    let mut sandbox = Sandbox::open().await;
    let (race, theirs) = (dashboard("Race"), dashboard("Theirs"));
    let role = json!({ "id": fresh_id(), "name": format!("crew{}", unique()), "parent": null });
    let policy =
        json!({ "id": fresh_id(), "name": format!("Crew {}", unique()), "app_access": false });
    let access = json!({ "id": fresh_id(), "role": role["id"], "user": null, "policy": policy["id"], "sort": 1 });
    let rule = json!({
        "id": 9_001, "policy": policy["id"], "collection": "devices", "action": "read",
        "permissions": { "status": { "_eq": "active" } }, "validation": null, "presets": null,
        "fields": ["id", "name"],
    });
    sandbox.admin.create("/dashboards", &theirs).await.expect("a dashboard of people's");
    sandbox.set("directus_dashboards", std::slice::from_ref(&race));
    sandbox.set("directus_roles", std::slice::from_ref(&role));
    sandbox.set("directus_policies", std::slice::from_ref(&policy));
    sandbox.set("directus_access", std::slice::from_ref(&access));
    sandbox.set("directus_permissions", std::slice::from_ref(&rule));
    assert_eq!(sandbox.apply(&[&race, &role, &policy, &access, &rule]).await, did("+5 ~0 -0"));
    assert_eq!(sandbox.apply(&[&race, &role, &policy, &access, &rule]).await, did("+0 ~0 -0"));

    let their_panel = panel(&race);
    sandbox.admin.create("/panels", &their_panel).await.expect("a panel of people's");
    let name = role["name"].as_str().expect("a name");
    let member = user(&sandbox.stack, &sandbox.admin, name, &[]).await;
    for collection in ["dashboards", "roles", "policies", "access", "permissions"] {
        sandbox.set(&format!("directus_{collection}"), &[]);
    }
    let (changes, notes) = sandbox.apply(&[&race, &role, &policy, &access, &rule]).await;
    // The role is in use, the dashboard too; the way from role to policy goes.
    assert_eq!((&*changes, notes.len()), ("+0 ~0 -3", 2), "{notes:?}");
    assert!(notes[0].contains("is in use by directus_users "), "{notes:?}");
    assert!(notes[1].contains("is in use by directus_panels "), "{notes:?}");
    let me = member.read("/users/me?fields=id").await.expect("not suspended");
    let me = sandbox.admin.read(&path("users", &me)).await.expect("the user");
    assert_eq!((&me["status"], &me["role"]), (&json!("active"), &role["id"]));
    assert!(exists(&sandbox.admin, &path("panels", &their_panel)).await);
    assert_eq!(
        sandbox.admin.read(&path("dashboards", &theirs)).await.expect("it")["name"],
        theirs["name"]
    );
    assert_eq!(sandbox.apply(&[&race, &role]).await, did("+0 ~0 -0"), "people's from now on");
    sandbox
        .close(&[
            ("/users", &me),
            ("/roles", &role),
            ("/dashboards", &race),
            ("/dashboards", &theirs),
        ])
        .await;
}

#[tokio::test]
async fn a_step_that_is_put_into_a_flow_or_taken_out_is_in_force_at_once() {
    let mut sandbox = Sandbox::open().await;
    let flow_id = fresh_id();
    let step = |says: &str, next: Option<&Value>| {
        json!({
            "id": fresh_id(), "flow": flow_id, "key": says, "name": says, "type": "transform",
            "position_x": 20, "position_y": 1, "options": { "json": { "says": says } },
            "resolve": next.map(|next| next["id"].clone()), "reject": null,
        })
    };
    let last = step("last", None);
    let first = step("first", Some(&last));
    let flow = json!({
        "id": flow_id, "name": format!("Say {}", unique()), "status": "active", "trigger": "webhook",
        "accountability": null, "operation": first["id"],
        "options": { "method": "GET", "async": false, "return": "$all", "cacheEnabled": false },
    });
    sandbox.set("directus_flows", std::slice::from_ref(&flow));
    sandbox.set("directus_operations", &[last.clone(), first.clone()]);
    assert_eq!(sandbox.apply(&[&flow, &first, &last]).await, did("+3 ~0 -0"));
    assert_eq!(steps(&sandbox.stack, &flow).await, ["first", "last"]);

    let middle = step("middle", Some(&last));
    let longer = with(&first, json!({ "resolve": middle["id"] }));
    sandbox.set("directus_operations", &[middle.clone(), longer, last.clone()]);
    assert_eq!(sandbox.apply(&[&flow, &first, &middle, &last]).await, did("+1 ~1 -0"));
    assert_eq!(steps(&sandbox.stack, &flow).await, ["first", "last", "middle"]);

    sandbox.set("directus_operations", &[first.clone(), last.clone()]);
    assert_eq!(sandbox.apply(&[&flow, &first, &middle, &last]).await, did("+0 ~1 -1"));
    assert_eq!(steps(&sandbox.stack, &flow).await, ["first", "last"]);
    sandbox.close(&[]).await;
}

/// The steps that a call of the flow runs through.
async fn steps(stack: &Description, flow: &Value) -> Vec<String> {
    let url =
        format!("{}/flows/trigger/{}", stack.directus_url, flow["id"].as_str().expect("an id"));
    let answer: Value =
        reqwest::get(url).await.expect("an answer").json().await.expect("what the flow says");
    let steps = answer.as_object().unwrap_or_else(|| panic!("{answer}")).keys();
    steps.filter(|step| !step.starts_with('$')).cloned().collect()
}

#[tokio::test]
async fn a_crash_before_the_base_is_written_costs_nothing() {
    let mut sandbox = Sandbox::open().await;
    let race = dashboard("Race");
    sandbox.set("directus_dashboards", std::slice::from_ref(&race));
    sandbox.apply(&[]).await;
    let base = "SELECT item FROM telemetry.configuration_base WHERE id = $1";
    let id = race["id"].as_str().expect("an id");
    let before: Value = sandbox.database.query_one(base, &[&id]).await.expect("a base").get(0);

    // Created, but not yet in base.
    let forget = "DELETE FROM telemetry.configuration_base WHERE id = $1";
    sandbox.database.execute(forget, &[&id]).await.expect("forgotten");
    assert_eq!(sandbox.apply(&[&race]).await, did("+0 ~0 -0"));
    assert_eq!(sandbox.bases(&race).await, 1);

    // Updated, but not yet in base.
    sandbox.set("directus_dashboards", &[with(&race, json!({ "icon": "flag" }))]);
    assert_eq!(sandbox.apply(&[&race]).await, did("+0 ~1 -0"));
    let remember = "UPDATE telemetry.configuration_base SET item = $2 WHERE id = $1";
    sandbox.database.execute(remember, &[&id, &before]).await.expect("as before");
    assert_eq!(sandbox.apply(&[&race]).await, did("+0 ~0 -0"));

    // Deleted, but still in base.
    sandbox.admin.delete("/dashboards", &[race["id"].clone()]).await.expect("deleted");
    sandbox.set("directus_dashboards", &[]);
    assert_eq!(sandbox.apply(&[&race]).await, did("+0 ~0 -0"));
    assert_eq!(sandbox.bases(&race).await, 0);
    sandbox.close(&[]).await;
}

#[tokio::test]
async fn without_a_base_what_is_there_is_adopted_as_it_is() {
    let mut sandbox = Sandbox::open().await;
    let race = dashboard("Race");
    sandbox
        .admin
        .create("/dashboards", &with(&race, json!({ "icon": "flag" })))
        .await
        .expect("one");
    sandbox.set("directus_dashboards", std::slice::from_ref(&race));
    let (changes, notes) = sandbox.apply(&[&race]).await;
    assert_eq!(changes, "+0 ~0 -0");
    assert!(notes[0].ends_with("icon: not as in config/ when it was adopted: kept"), "{notes:?}");
    let now = sandbox.admin.read(&path("dashboards", &race)).await.expect("the dashboard");
    assert_eq!(now["icon"], "flag");
    sandbox.close(&[("/dashboards", &race)]).await;
}

#[tokio::test]
async fn a_folder_with_faults_is_refused_before_anything_is_touched() {
    let mut sandbox = Sandbox::open().await;
    let race = dashboard("Race");
    sandbox.set("directus_dashboards", &[with(&race, json!({ "colour": "red", "panels": [] }))]);
    let id = race["id"].as_str().expect("an id");
    let refused = sandbox.try_apply().await.expect_err("a refusal").to_string();
    assert_eq!(
        refused,
        format!(
            "config/directus_dashboards.json: {id}: there is no column colour\n\
             config/directus_dashboards.json: {id}: there is no column panels"
        )
    );
    std::fs::write(sandbox.config().join("directus_users.json"), "[").expect("a file");
    std::fs::write(sandbox.config().join("directus_roles.json"), "[").expect("a file");
    let refused = sandbox.try_apply().await.expect_err("a refusal").to_string();
    assert_eq!(refused.lines().count(), 2, "{refused}");
    assert!(!exists(&sandbox.admin, &path("dashboards", &race)).await);
    assert_eq!(sandbox.bases(&race).await, 0);
    for name in ["directus_users.json", "directus_roles.json"] {
        std::fs::remove_file(sandbox.config().join(name)).expect("a file");
    }
    sandbox.set("directus_roles", &[]);
    sandbox.close(&[]).await;
}

#[tokio::test]
async fn a_fresh_database_has_all_of_config_even_its_settings_and_an_older_one_is_taken_over() {
    let mut sandbox = Sandbox::open().await;
    let settings =
        sandbox.admin.read("/settings?fields=project_name,module_bar").await.expect("settings");
    assert_eq!(settings["project_name"], "Biplane");
    assert_eq!(settings["module_bar"][0]["id"], "content");
    let folder = sandbox.project();
    let count: i64 = sandbox
        .database
        .query_one("SELECT count(*) FROM telemetry.configuration_base", &[])
        .await
        .expect("a count")
        .get(0);
    assert!(count > 80, "{count}");
    assert!(is_current(&sandbox.database, &folder).await.expect("an answer"));

    // As where config/ was loaded before there was a base. What Directus gives back is what it got.
    let forget = "DELETE FROM telemetry.configuration_base";
    sandbox.database.execute(forget, &[]).await.expect("forgotten");
    let report = sandbox.try_apply().await.expect("configuration");
    assert!(report.changes_nothing(), "{report}");
    assert_eq!(report.notes().collect::<Vec<_>>(), [] as [String; 0]);
    sandbox.close(&[]).await;
}

#[tokio::test]
async fn whoever_holds_secret_and_database_is_an_administrator_for_five_minutes() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
            .await
            .expect("PostgreSQL");
    tokio::spawn(connection);
    let file = std::env::var("BIPLANE_STACK").expect("a running stack");
    let secrets = Path::new(&file).parent().expect("its folder").join("secrets");
    let secret = std::fs::read_to_string(secrets.join("directus")).expect("the secret");
    let found = admin_user(&database).await.expect("an answer").expect("an administrator");
    let me = admin.read("/users/me?fields=id,role").await.expect("me");
    assert_eq!(me, json!({ "id": found.user, "role": found.role }));

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let now = Timestamp::from_millis(i64::try_from(now.as_millis()).expect("a time"));
    let session = |secret: &str, now| {
        let token = admin_token(secret, &found.user, found.role.as_deref(), now);
        Client::with_token(&stack.directus_url, token).expect("a client")
    };
    let ours = session(secret.trim(), now);
    ours.call(Method::GET, "/settings", None).await.expect("let in");
    ours.create("/utils/cache/clear", &json!({})).await.expect("as an administrator");
    for (session, code) in [
        (session(secret.trim(), now + -301_000), "TOKEN_EXPIRED"),
        (session("another secret", now), "INVALID_TOKEN"),
    ] {
        let refused = session.read("/users/me").await.expect_err("a refusal").to_string();
        assert!(refused.contains(code), "{refused}");
    }
}
