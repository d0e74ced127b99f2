//! The incident that the pipeline exists for: five collections, made in a running Directus and in no
//! commit yet, were deleted when its container was rebuilt with a stale snapshot.
#![allow(clippy::unwrap_used, reason = "tests")]

use biplane_pipeline::schema::{self, Mode, Options};
use biplane_schema_tests::{Draft, Lab, Server};
use serde_json::{Value, json};

const FIVE: [&str; 5] = ["runners", "teams", "shirts", "buses", "meals"];
const ROWS: i64 = 3;

/// What was committed.
fn committed() -> Draft {
    Draft::default().table("races").column("races", "title", "string")
}

/// A fresh database with what was committed.
async fn deployed(test: &str) -> Lab {
    let mut lab = Lab::new(test).await;
    lab.bake(&committed());
    lab.applied().await;
    lab
}

/// Makes the five, with rows, and a field in a committed collection: as the admin UI does.
async fn work_over_rest(server: &Server) {
    let admin = server.admin().await;
    for (number, name) in FIVE.into_iter().enumerate() {
        let previous = number.checked_sub(1).map(|previous| FIVE[previous]);
        let fields = json!([
            {"field": "id", "type": "integer", "meta": {"hidden": true},
                "schema": {"is_primary_key": true, "has_auto_increment": true}},
            {"field": "name", "type": "string", "meta": {"interface": "input"}, "schema": {}},
        ]);
        let collection =
            json!({"collection": name, "meta": {"icon": "sports"}, "schema": {}, "fields": fields});
        admin.create("/collections", &collection).await.unwrap();
        if let Some(previous) = previous {
            let field = json!({"field": "before", "type": "integer", "meta": {"special": ["m2o"]}, "schema": {}});
            admin.create(&format!("/fields/{name}"), &field).await.unwrap();
            let relation = json!({"collection": name, "field": "before", "related_collection": previous,
                "schema": {"on_delete": "SET NULL"}, "meta": {"one_field": null}});
            admin.create("/relations", &relation).await.unwrap();
        }
        let rows: Vec<_> = (1..=ROWS).map(|row| json!({"name": format!("{name} {row}")})).collect();
        admin.create(&format!("/items/{name}"), &Value::from(rows)).await.unwrap();
    }
    let field = json!({"field": "distance_m", "type": "integer", "meta": {}, "schema": {}});
    admin.create("/fields/races", &field).await.unwrap();
    let race = json!({"id": 1, "title": "Nightly", "distance_m": 42_195});
    admin.create("/items/races", &race).await.unwrap();
}

async fn assert_whole(lab: &Lab) {
    for name in FIVE {
        assert_eq!(lab.rows(name).await, Some(ROWS), "{name}");
        let named = format!("SELECT count(*) FROM public.{name} WHERE name = '{name} ' || id");
        assert_eq!(lab.number(&named).await, ROWS, "{name}");
    }
    assert_eq!(lab.number("SELECT distance_m::bigint FROM public.races").await, 42_195);
}

/// As a container starts, in this mode.
fn mode(mode: Option<Mode>, production: bool) -> Options {
    Options { mode, production, ..Options::default() }
}

#[tokio::test]
async fn five_uncommitted_collections_survive_a_rebuild_with_a_stale_snapshot() {
    let lab = deployed("incident").await;
    let server = lab.start().await;
    work_over_rest(&server).await;
    assert_whole(&lab).await;
    drop(server);
    let made = lab.installation.running_schema().await.unwrap();

    for (named, options) in [
        ("auto", mode(Some(Mode::Auto), false)),
        ("auto in production", mode(Some(Mode::Auto), true)),
        ("dry-run", mode(Some(Mode::DryRun), false)),
        ("skip", mode(Some(Mode::Skip), false)),
        ("no mode", mode(None, false)),
        ("no mode in production", mode(None, true)),
    ] {
        // Else it would know that nothing changed since the boot before.
        lab.sql("DELETE FROM telemetry.pipeline_state WHERE key = 'schema_verified'").await;
        let said = lab.boot(options).await.unwrap_or_else(|error| panic!("{named}: {error}"));
        assert_whole(&lab).await;
        if named != "skip" {
            assert!(said.contains("uncommitted"), "{named}: {said}");
            for name in FIVE {
                assert!(said.contains(name), "{named} does not name {name}: {said}");
            }
        }
    }
    assert_eq!(made.differences(&lab.installation.running_schema().await.unwrap()), [""; 0]);

    // What people get to see: the rows, over the API.
    let server = lab.start().await;
    let admin = server.admin().await;
    for name in FIVE {
        let rows = admin.read(&format!("/items/{name}")).await.unwrap();
        assert_eq!(rows.as_array().unwrap().len(), 3, "{name}: {rows}");
    }
    drop(server);
    lab.done().await;
}

#[tokio::test]
async fn the_official_apply_of_the_stale_snapshot_loses_all_five() {
    let lab = deployed("incident_official").await;
    let server = lab.start().await;
    work_over_rest(&server).await;
    drop(server);
    let output = lab.official_apply(&committed());
    assert!(output.status.success(), "it says that all went well");
    for name in FIVE {
        assert_eq!(lab.rows(name).await, None, "Directus keeps {name} now: the danger went away");
    }
    assert!(!lab.columns("races").await.contains(&"distance_m".to_owned()));
    lab.done().await;
}

/// The five and their rows, made without a server.
async fn work(lab: &Lab, draft: Draft) -> Draft {
    let draft = FIVE
        .into_iter()
        .fold(draft, |draft, name| draft.table(name).column(name, "name", "string"));
    let draft = draft.column("races", "distance_m", "integer");
    lab.change_to(&draft);
    for name in FIVE {
        let rows = format!(
            "INSERT INTO public.{name} (id, name) SELECT n, '{name} ' || n FROM generate_series(1, {ROWS}) n"
        );
        lab.sql(&rows).await;
    }
    lab.sql("INSERT INTO public.races (id, title, distance_m) VALUES (1, 'Nightly', 42195)").await;
    draft
}

#[tokio::test]
async fn a_stale_image_may_boot_three_times_in_a_row() {
    let lab = deployed("incident_thrice").await;
    let draft = work(&lab, committed()).await;
    for boot in 1..=3 {
        let said = lab.boot(mode(Some(Mode::Auto), true)).await.unwrap();
        assert_whole(&lab).await;
        // The first one looks; nothing changed since, as the other two find without asking Directus.
        assert_eq!(said.contains("nothing changed since"), boot > 1, "{said}");
    }
    assert_eq!(lab.differs_from(&draft).await, [""; 0]);
    assert_eq!(lab.number("SELECT count(*) FROM telemetry.schema_bases").await, 1);
    lab.done().await;
}

#[tokio::test]
async fn a_snapshot_that_was_taken_but_not_committed_loses_nothing_in_a_stale_boot() {
    let lab = deployed("incident_taken").await;
    work(&lab, committed()).await;
    let taken = schema::take(&lab.installation, &lab.database, false).await.unwrap();
    assert!(taken.changed);
    // The image is built from git, which has neither.
    lab.bake_stale(&committed());
    lab.boot(mode(Some(Mode::Auto), true)).await.unwrap();
    assert_whole(&lab).await;
    lab.done().await;
}

#[tokio::test]
async fn an_image_rolled_back_and_forward_again_loses_nothing() {
    let mut lab = deployed("incident_rollback").await;
    // The next version brings a collection and a field; people use them, and work on.
    let next = committed().table("sponsors").column("races", "city", "string");
    lab.bake(&next);
    lab.applied().await;
    lab.sql("INSERT INTO public.sponsors (id) VALUES (1), (2)").await;
    work(&lab, next.clone()).await;
    lab.sql("UPDATE public.races SET city = 'Kranj'").await;

    let whole = async |lab: &Lab| {
        assert_whole(lab).await;
        assert_eq!(lab.rows("sponsors").await, Some(2));
        assert_eq!(lab.number("SELECT count(*) FROM public.races WHERE city = 'Kranj'").await, 1);
    };
    lab.bake_stale(&committed());
    let said = lab.boot(mode(Some(Mode::Auto), true)).await.unwrap();
    whole(&lab).await;
    assert!(said.contains("sponsors"), "{said}");
    lab.bake(&next);
    let said = lab.boot(mode(Some(Mode::Auto), true)).await.unwrap();
    whole(&lab).await;
    assert!(!said.contains("delete"), "{said}");
    lab.done().await;
}
