//! Every row of the three-way table, on a real Directus.
#![allow(clippy::unwrap_used, reason = "tests")]

use biplane_pipeline::schema::{Applied, Mode, Options, SchemaError};
use biplane_schema::{Outcome, Plan, Verdict};
use biplane_schema_tests::{Draft, Lab};
use serde_json::json;

/// The verdicts of a plan, as `create collection a`.
fn verdicts(plan: &Plan) -> Vec<String> {
    let changes = plan.changes.iter();
    changes.map(|change| format!("{} {}", change.verdict.as_str(), change.item)).collect()
}

fn done(applied: Applied) -> Box<Plan> {
    let Applied::Done(plan, _) = applied else { panic!("{applied:?}") };
    plan
}

fn base() -> Draft {
    Draft::default()
        .table("stays")
        .column("stays", "goes", "text")
        .column("stays", "edited_here", "string")
        .column("stays", "edited_there", "string")
        .column("stays", "deleted_here", "string")
        .table("goes")
        .table("deleted_here")
        .points("deleted_here", "stay", "stays")
}

#[tokio::test]
async fn every_row_of_the_three_way_table_that_is_no_conflict() {
    let mut lab = Lab::new("merge_rows").await;
    lab.bake(&base());
    lab.applied().await;
    lab.sql("INSERT INTO goes (id) VALUES (1), (2)").await;
    lab.sql("INSERT INTO stays (id, goes, edited_here) VALUES (1, 'x', 'kept')").await;

    let running = base()
        .note("stays.edited_here", "by hand")
        .without("stays.deleted_here")
        .without("deleted_here")
        .table("made_here")
        .points("made_here", "stay", "stays")
        .column("stays", "made_here", "integer")
        .table("made_twice");
    lab.change_to(&running);
    let target = base()
        .without("goes")
        .without("stays.goes")
        .note("stays.edited_there", "by a colleague")
        .table("made_there")
        .points("made_there", "stay", "stays")
        .table("made_twice");
    lab.bake(&target);
    let plan = done(lab.apply(Some(Mode::Auto)).await.unwrap());
    assert_eq!(
        verdicts(&plan),
        [
            "delete collection goes",
            "delete field stays.goes",
            "update field stays.edited_there",
            "create collection made_there",
            "keep collection deleted_here",
            "keep collection made_here",
            "keep field stays.deleted_here",
            "keep field stays.edited_here",
            "keep field stays.made_here",
        ]
    );
    let expected = target
        .note("stays.edited_here", "by hand")
        .without("stays.deleted_here")
        .without("deleted_here")
        .table("made_here")
        .points("made_here", "stay", "stays")
        .column("stays", "made_here", "integer");
    assert_eq!(lab.differs_from(&expected).await, [""; 0]);
    assert_eq!(lab.tables().await, ["made_here", "made_there", "made_twice", "stays"]);
    assert_eq!(lab.number("SELECT count(*) FROM stays WHERE edited_here = 'kept'").await, 1);

    // The target is the base now, and the same boot has nothing to do, with and without a look.
    assert!(matches!(lab.apply(Some(Mode::Auto)).await.unwrap(), Applied::Unchanged));
    lab.sql("DELETE FROM telemetry.pipeline_state WHERE key = 'schema_verified'").await;
    let again = lab.apply(Some(Mode::Auto)).await.unwrap();
    let Applied::Nothing(plan) = again else { panic!("{again:?}") };
    assert_eq!(plan.outcome(), Outcome::Nothing);
    lab.done().await;
}

#[tokio::test]
async fn conflicts_are_refused_and_named_and_nothing_is_touched() {
    let mut lab = Lab::new("merge_conflicts").await;
    lab.bake(&base());
    lab.applied().await;
    let running = base()
        .note("stays.edited_there", "by hand")
        .note("goes", "changed here")
        .without("stays.deleted_here")
        .column("stays", "made_twice", "integer");
    lab.change_to(&running);
    let target = base()
        .note("stays.edited_there", "by a colleague")
        .without("goes")
        .note("stays.deleted_here", "changed there")
        .column("stays", "made_twice", "text")
        .table("harmless");
    lab.bake(&target);

    let refused = lab.apply(Some(Mode::Auto)).await.unwrap_err();
    let SchemaError::Conflict { plan } = &refused else { panic!("{refused}") };
    let conflicts: Vec<_> =
        plan.of(Verdict::Conflict).map(|change| change.item.to_string()).collect();
    assert_eq!(
        conflicts,
        [
            "collection goes",
            "field stays.deleted_here",
            "field stays.edited_there",
            "field stays.made_twice"
        ]
    );
    assert_eq!(refused.exit_code(), 3);
    for said in ["goes", "by hand", "by a colleague", "biplane schema snapshot --force"] {
        assert!(refused.to_string().contains(said), "{said}: {refused}");
    }
    assert_eq!(lab.differs_from(&running).await, [""; 0]);
    assert_eq!(lab.number("SELECT count(*) FROM telemetry.schema_bases").await, 1);

    // A boot that is only to look goes on, and says it.
    let said = lab.boot(Options { mode: Some(Mode::DryRun), ..Options::default() }).await.unwrap();
    assert!(said.contains("conflict"), "{said}");
    lab.done().await;
}

#[tokio::test]
async fn without_a_base_things_are_only_added() {
    let mut lab = Lab::new("merge_baseless").await;
    // A database from before the pipeline.
    let running = base().table("old").column("old", "x", "text");
    lab.change_to(&running);
    lab.sql("INSERT INTO old (id, x) VALUES (1, 'y')").await;
    lab.bake(&base().without("goes").table("made_there"));
    let plan =
        done(lab.apply_with(Options { production: true, ..Options::default() }).await.unwrap());
    assert_eq!(plan.counts()["delete"], 0, "{plan}");
    assert_eq!(lab.tables().await, ["deleted_here", "goes", "made_there", "old", "stays"]);
    assert_eq!(lab.rows("old").await, Some(1));
    assert_eq!(lab.differs_from(&running.table("made_there")).await, [""; 0]);
    lab.done().await;
}

#[tokio::test]
async fn a_folder_a_junction_and_a_field_of_the_users_that_nobody_committed_are_kept() {
    let mut lab = Lab::new("merge_kinds").await;
    let base = base().table("alpha").points("alpha", "stay", "stays");
    lab.bake(&base);
    lab.applied().await;
    let running = base
        .clone()
        .folder("folder")
        .edit("stays", |entry| entry["meta"]["group"] = json!("folder"))
        .table("stays_goes")
        .points("stays_goes", "stays_id", "stays")
        .points("stays_goes", "goes_id", "goes")
        .alias("stays", "many", &["m2m"])
        .edit_relation("stays_goes.stays_id", |relation| {
            relation["meta"]["one_field"] = json!("many");
            relation["meta"]["junction_field"] = json!("goes_id");
        })
        .edit_relation("stays_goes.goes_id", |relation| {
            relation["meta"]["junction_field"] = json!("stays_id");
        })
        .column("directus_users", "phone", "string");
    lab.change_to(&running);
    lab.sql("INSERT INTO goes (id) VALUES (1)").await;
    lab.bake(&base.without("alpha").without("goes").note("stays", "there").table("made_there"));
    let plan = done(lab.apply(Some(Mode::Auto)).await.unwrap());
    // `goes` was meant to go; what nobody committed points to it.
    let kept: Vec<_> = plan.of(Verdict::Kept).map(|change| change.item.to_string()).collect();
    assert!(kept.contains(&"collection goes".to_owned()), "{plan}");
    let expected = running.without("alpha").note("stays", "there").table("made_there");
    assert_eq!(lab.differs_from(&expected).await, [""; 0]);
    assert_eq!(lab.rows("goes").await, Some(1));
    // Nothing dangles: Directus itself still takes what it has, and the next apply goes through.
    lab.bake(&expected.clone().table("later"));
    lab.applied().await;
    assert_eq!(lab.differs_from(&expected.table("later")).await, [""; 0]);
    lab.done().await;
}
