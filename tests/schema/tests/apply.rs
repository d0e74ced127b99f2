//! What can go wrong in the middle of an apply: Directus's known defects, and other people.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use biplane_pipeline::schema::{Applied, Mode, SchemaError};
use biplane_schema::Verdict;
use biplane_schema_tests::{Draft, Lab};
use serde_json::json;

fn base() -> Draft {
    Draft::default()
        .table("alpha")
        .column("alpha", "name", "string")
        .table("beta")
        .column("beta", "number", "string")
}

async fn with_rows(test: &str) -> Lab {
    let mut lab = Lab::new(test).await;
    lab.bake(&base());
    lab.applied().await;
    lab.sql("INSERT INTO alpha (id, name) VALUES (1, 'a'), (2, 'b'); INSERT INTO beta (id, number) VALUES (1, 'no number')").await;
    lab
}

async fn assert_rows(lab: &Lab) {
    assert_eq!(
        lab.number("SELECT count(*) FROM alpha WHERE (id, name) IN ((1, 'a'), (2, 'b'))").await,
        2
    );
    assert_eq!(lab.number("SELECT count(*) FROM beta WHERE number = 'no number'").await, 1);
}

/// Neither a guard nor a lock nor a permission to drop is left behind.
async fn assert_thawed(lab: &Lab) {
    for left in [
        "SELECT count(*) FROM pg_trigger WHERE tgname = 'biplane_schema_freeze'",
        "SELECT count(*) FROM telemetry.schema_drops",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1112100460 AND objid = 2
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    ] {
        assert_eq!(lab.number(left).await, 0, "{left}");
    }
}

#[tokio::test]
async fn an_apply_that_fails_half_way_leaves_everything_as_it_was() {
    let mut lab = with_rows("apply_fails").await;
    // Deletes, creates, and then meets a value that is no number.
    let target = base()
        .without("alpha")
        .without("beta.number")
        .column("beta", "number", "integer")
        .table("gamma");
    lab.bake(&target);
    let failed = lab.apply(Some(Mode::Auto)).await.unwrap_err();
    assert!(matches!(failed, SchemaError::Undone { .. }), "{failed}");
    assert!(failed.to_string().contains("no number"), "the cause is named: {failed}");
    assert_eq!(failed.exit_code(), 1);
    assert_rows(&lab).await;
    assert_eq!(lab.differs_from(&base()).await, [""; 0]);
    assert_eq!(lab.number("SELECT count(*) FROM telemetry.schema_bases").await, 1);
    assert_eq!(
        lab.number("SELECT count(*) FROM telemetry.rescues WHERE state = 'undone'").await,
        1
    );
    assert_thawed(&lab).await;

    // The cause mended, the same goes through.
    lab.sql("UPDATE beta SET number = '7'").await;
    lab.applied().await;
    assert_eq!(lab.number("SELECT number::bigint FROM beta").await, 7);
    assert_eq!(lab.differs_from(&target).await, [""; 0]);
    lab.done().await;
}

#[tokio::test]
async fn a_deadlock_that_directus_calls_a_success_is_found_and_set_back() {
    let mut lab = with_rows("apply_deadlock").await;
    let target = base()
        .without("alpha")
        .table("gamma")
        .column("gamma", "one", "string")
        .column("gamma", "two", "string")
        .column("beta", "more", "string");
    lab.bake(&target);
    let stranger = lab.connect().await;
    // It reads `beta` and, once the apply waits for that, wants what the apply holds. The apply looks
    // for a deadlock after a second, the stranger does not: the apply is what PostgreSQL ends.
    stranger
        .batch_execute("SET deadlock_timeout = '60s'; BEGIN; SELECT * FROM public.beta")
        .await
        .unwrap();
    let watcher = lab.connect().await;
    let deadlock = async {
        let waits = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
            WHERE NOT l.granted AND l.relation = 'public.beta'::regclass AND a.application_name = 'biplane schema apply')";
        while !watcher.query_one(waits, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stranger.batch_execute("LOCK TABLE public.directus_collections").await.unwrap();
        stranger.batch_execute("ROLLBACK").await.unwrap();
    };
    let apply = lab.apply(Some(Mode::Auto));
    let (applied, ()) =
        tokio::time::timeout(Duration::from_secs(120), async { tokio::join!(apply, deadlock) })
            .await
            .expect("an end within two minutes");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert!(lab.number(deadlocks).await > 0, "there was none");
    let failed = applied.unwrap_err();
    assert!(matches!(failed, SchemaError::Undone { .. }), "{failed}");
    assert_rows(&lab).await;
    assert_eq!(lab.differs_from(&base()).await, [""; 0]);
    assert_thawed(&lab).await;
    lab.applied().await;
    assert_eq!(lab.differs_from(&target).await, [""; 0]);
    lab.done().await;
}

#[tokio::test]
async fn tables_that_directus_does_not_track_are_left_alone_and_refused_as_a_target() {
    let mut lab = with_rows("apply_untracked").await;
    lab.sql(
        "CREATE TABLE theirs (a int, b int, PRIMARY KEY (a, b)); INSERT INTO theirs VALUES (1, 2);
         CREATE TABLE log (at timestamptz NOT NULL) PARTITION BY RANGE (at);
         CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
         INSERT INTO log VALUES ('2026-11-24');
         ALTER TABLE alpha ADD COLUMN raw text; UPDATE alpha SET raw = 'x'",
    )
    .await;
    lab.bake(&base().table("gamma"));
    lab.applied().await;
    assert_eq!((lab.rows("theirs").await, lab.rows("log").await), (Some(1), Some(1)));
    assert_eq!(lab.number("SELECT count(*) FROM alpha WHERE raw = 'x'").await, 2);

    lab.bake(&base().table("gamma").table("theirs"));
    let refused = lab.apply(Some(Mode::Auto)).await.unwrap_err();
    let SchemaError::Untracked { names } = &refused else { panic!("{refused}") };
    assert_eq!(names, &["theirs"]);
    assert_eq!(refused.exit_code(), 3);
    assert_eq!(lab.rows("theirs").await, Some(1));
    assert_thawed(&lab).await;
    lab.done().await;
}

#[tokio::test]
async fn indexes_and_unique_constraints_made_by_sql_survive_an_apply() {
    let mut lab = with_rows("apply_indexes").await;
    lab.sql(
        "CREATE INDEX by_hand ON alpha (name);
         CREATE UNIQUE INDEX unique_by_hand ON beta (number) WHERE number IS NOT NULL;
         ALTER TABLE beta ADD CONSTRAINT pair_by_hand UNIQUE (id, number)",
    )
    .await;
    lab.bake(&base().table("gamma").note("beta", "changed"));
    lab.applied().await;
    for name in ["by_hand", "unique_by_hand", "pair_by_hand"] {
        let there = format!("SELECT count(*) FROM pg_class WHERE relname = '{name}'");
        assert_eq!(lab.number(&there).await, 1, "{name}");
    }
    assert_rows(&lab).await;
    lab.done().await;
}

#[tokio::test]
async fn nobody_writes_where_an_apply_works_and_everybody_may_afterwards() {
    let mut lab = with_rows("apply_frozen").await;
    lab.bake(&base().without("alpha").column("beta", "more", "string"));
    let stranger = lab.connect().await;
    let watcher = async {
        let frozen = "SELECT count(*) FROM pg_trigger WHERE tgname = 'biplane_schema_freeze'
            AND tgrelid IN ('public.alpha'::regclass, 'public.beta'::regclass)";
        while stranger.query_one(frozen, &[]).await.unwrap().get::<_, i64>(0) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut refused = Vec::new();
        for write in [
            "INSERT INTO public.alpha (id) VALUES (3)",
            "UPDATE public.beta SET number = 'lost'",
            "DELETE FROM public.alpha",
            "TRUNCATE public.beta",
            "INSERT INTO public.directus_collections (collection) VALUES ('sneaked_in')",
        ] {
            refused.push(stranger.batch_execute(write).await.unwrap_err());
        }
        refused
    };
    let (applied, refused) = tokio::join!(lab.apply(Some(Mode::Auto)), watcher);
    let Applied::Done(_, Some(_)) = applied.unwrap() else { panic!("a rescue") };
    for error in refused {
        let error = error.as_db_error().unwrap();
        assert_eq!(error.message(), "the schema is being changed just now; try again in a moment");
    }
    assert_thawed(&lab).await;
    lab.sql("INSERT INTO beta (id, number, more) VALUES (2, 'after', 'x')").await;
    assert_eq!(lab.rows("beta").await, Some(2));
    lab.done().await;
}

#[tokio::test]
async fn an_apply_drops_what_its_plan_names_and_nothing_else() {
    let lab = with_rows("apply_guard").await;
    lab.sql("SET application_name = 'biplane schema apply'").await;
    for drop in ["DROP TABLE public.alpha", "ALTER TABLE public.beta DROP COLUMN number"] {
        let refused = lab.database.batch_execute(drop).await.unwrap_err();
        let message = refused.as_db_error().unwrap().message();
        assert!(message.starts_with("Directus would drop public."), "{drop}: {message}");
    }
    assert_rows(&lab).await;
    lab.sql("INSERT INTO telemetry.schema_drops VALUES ('public.alpha'); DROP TABLE public.alpha")
        .await;
    assert_eq!(lab.rows("alpha").await, None);
    lab.done().await;
}

#[tokio::test]
async fn what_uncommitted_work_points_to_stays_and_nothing_dangles() {
    let mut lab = with_rows("apply_dangling").await;
    let running = base().table("made_here").points("made_here", "alpha", "alpha");
    lab.change_to(&running);
    lab.sql("INSERT INTO made_here (id, alpha) VALUES (1, 2)").await;
    lab.bake(&base().without("alpha"));
    let applied = lab.apply(Some(Mode::Auto)).await.unwrap();
    let plan = match &applied {
        Applied::Nothing(plan) | Applied::Done(plan, _) => plan,
        other => panic!("{other:?}"),
    };
    let kept: Vec<_> = plan.of(Verdict::Kept).map(|change| change.item.to_string()).collect();
    assert!(kept.contains(&"collection alpha".to_owned()), "{plan}");
    assert!(plan.to_string().contains("made_here"), "the reason names what points there: {plan}");
    assert_rows(&lab).await;
    // Unlike after the official apply, the next one goes through.
    lab.bake(&base().without("alpha").table("gamma"));
    lab.applied().await;
    assert_eq!(lab.tables().await, ["alpha", "beta", "gamma", "made_here"]);

    // Once nothing points there any more, what was meant to go goes; asked for, as any deletion.
    lab.change_to(&base().table("gamma"));
    let planned = lab.apply(None).await.unwrap();
    let Applied::Planned(plan) = planned else { panic!("{planned:?}") };
    let gone: Vec<_> = plan.of(Verdict::Deleted).map(|change| change.item.to_string()).collect();
    assert_eq!(gone, ["collection alpha"]);
    let applied = lab.apply(Some(Mode::Auto)).await.unwrap();
    assert!(matches!(applied, Applied::Done(_, Some(_))), "{applied}");
    assert_eq!(lab.tables().await, ["beta", "gamma"]);
    lab.done().await;
}

#[tokio::test]
async fn bad_snapshots_are_refused_before_anything_is_touched() {
    let mut lab = with_rows("apply_refusals").await;
    let value = base().json();
    let text = value.to_string();
    let edited = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = value.clone();
        change(&mut value);
        value.to_string()
    };
    let cases = [
        ("an empty file", String::new()),
        ("a truncated one", text[..text.len() / 2].to_owned()),
        ("no YAML", "a: [b".to_owned()),
        ("another vendor", edited(&|value| value["vendor"] = json!("sqlite"))),
        ("another major version", edited(&|value| value["directus"] = json!("12.4.0"))),
        (
            "a field twice",
            edited(&|value| {
                let field = value["fields"][0].clone();
                value["fields"].as_array_mut().unwrap().push(field);
            }),
        ),
        ("an unknown key", edited(&|value| value["fields"][0]["meta"]["colour"] = json!("red"))),
        ("a relation to nowhere", {
            let draft = base().points("beta", "alpha", "alpha");
            let mut value = draft.json();
            value["relations"][0]["related_collection"] = json!("nowhere");
            value["relations"][0]["schema"]["foreign_key_table"] = json!("nowhere");
            value.to_string()
        }),
        ("nothing at all", Draft::default().json().to_string()),
    ];
    for (what, text) in cases {
        lab.bake_text(&text);
        for mode in [Some(Mode::Auto), Some(Mode::DryRun), None] {
            match lab.apply(mode).await {
                Err(refused) => {
                    assert_eq!(refused.exit_code(), 3, "{what}: {refused}");
                    assert!(refused.to_string().contains("schema.yaml"), "{what}: {refused}");
                }
                Ok(applied) => panic!("{what}: {applied:?}"),
            }
        }
    }
    assert_rows(&lab).await;
    assert_eq!(lab.differs_from(&base()).await, [""; 0]);
    assert_thawed(&lab).await;
    lab.done().await;
}
