//! What an apply took away, brought back.
#![allow(clippy::unwrap_used, reason = "tests")]

use biplane_pipeline::schema::{self, Applied, Mode, Restored, SchemaError};
use biplane_schema_tests::{Draft, Lab};

fn base() -> Draft {
    Draft::default()
        .table("teams")
        .column("teams", "name", "string")
        .table("runners")
        .column("runners", "name", "string")
        .points("runners", "team", "teams")
        .points("runners", "friend", "runners")
        .table("results")
        .points("results", "runner", "runners")
        .column("results", "place", "integer")
}

/// Deletes teams, runners and a field of results; the rescue's number.
async fn lost(lab: &mut Lab) -> i64 {
    lab.bake(&base());
    lab.applied().await;
    lab.sql(
        "INSERT INTO teams (id, name) VALUES (1, 'Biplanes');
         INSERT INTO runners (id, name, team) VALUES (1, 'Ana', 1), (2, 'Bor', NULL);
         UPDATE runners SET friend = 3 - id;
         ALTER TABLE teams ADD COLUMN untracked text; UPDATE teams SET untracked = 'too';
         INSERT INTO results (id, runner, place) VALUES (1, 2, 1), (2, 1, 2), (3, NULL, NULL);
         INSERT INTO directus_permissions (collection, action, fields, policy)
             SELECT 'runners', 'read', '*', id FROM directus_policies LIMIT 1;
         INSERT INTO directus_permissions (collection, action, fields, policy)
             SELECT 'results', 'read', 'id,place', id FROM directus_policies LIMIT 1;
         INSERT INTO directus_presets (collection, layout) VALUES ('runners', 'cards')",
    )
    .await;
    let target = Draft::default().table("results");
    lab.bake(&target);
    let applied = lab.apply(Some(Mode::Auto)).await.unwrap();
    let Applied::Done(_, Some(rescue)) = applied else { panic!("{applied}") };
    assert_eq!(lab.tables().await, ["results"]);
    assert_eq!(lab.columns("results").await, ["id"]);
    assert_eq!(
        lab.number("SELECT count(*) FROM directus_presets WHERE collection = 'runners'").await,
        0
    );
    rescue
}

#[tokio::test]
async fn collections_fields_relations_rows_permissions_and_presets_come_back() {
    let mut lab = Lab::new("rescue_restore").await;
    let id = lost(&mut lab).await;
    let rescues = schema::rescues(&lab.database).await.unwrap();
    assert_eq!(rescues.len(), 1);
    assert_eq!((rescues[0].id, rescues[0].state.as_str()), (id, "applied"));
    assert!(rescues[0].bytes > 0);
    let shown = schema::rescue(&lab.database, id).await.unwrap();
    let parts: Vec<_> = shown
        .parts
        .iter()
        .map(|part| {
            (part.kind.as_str(), part.collection.as_str(), part.field.as_deref(), part.rows)
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("table", "runners", None, 2),
            ("table", "teams", None, 1),
            ("column", "results", Some("place"), 2),
            ("column", "results", Some("runner"), 2),
        ]
    );
    assert_eq!(shown.rows, 7);

    let restored =
        schema::restore(&lab.installation, &mut lab.database, id, &|_| {}).await.unwrap();
    assert_eq!(restored, Restored { back: 7, left: 0 });
    assert_eq!(lab.differs_from(&base()).await, [""; 0]);
    for (what, count, query) in [
        ("runners with friends", 2, "SELECT count(*) FROM runners WHERE friend = 3 - id"),
        (
            "Ana's team",
            1,
            "SELECT count(*) FROM runners JOIN teams ON teams.id = team WHERE runners.name = 'Ana' AND teams.name = 'Biplanes'",
        ),
        (
            "places",
            2,
            "SELECT count(*) FROM results WHERE (id, runner, place) IN ((1, 2, 1), (2, 1, 2))",
        ),
        (
            "a preset",
            1,
            "SELECT count(*) FROM directus_presets WHERE collection = 'runners' AND layout = 'cards'",
        ),
        (
            "a permission",
            1,
            "SELECT count(*) FROM directus_permissions WHERE collection = 'runners' AND fields = '*'",
        ),
        (
            "a permission's field",
            1,
            "SELECT count(*) FROM directus_permissions WHERE collection = 'results' AND fields = 'id,place'",
        ),
    ] {
        assert_eq!(lab.number(query).await, count, "{what}");
    }
    // What came back is uncommitted work: the same boot leaves it.
    lab.boot(schema::Options { mode: Some(Mode::Auto), production: true, ..Default::default() })
        .await
        .unwrap();
    assert_eq!(lab.rows("runners").await, Some(2));
    // Over what is there again nothing is written.
    let refused =
        schema::restore(&lab.installation, &mut lab.database, id, &|_| {}).await.unwrap_err();
    assert!(matches!(refused, SchemaError::Unrestorable { .. }), "{refused}");
    assert!(refused.to_string().contains("`runners` is there again"), "{refused}");
    let unknown =
        schema::restore(&lab.installation, &mut lab.database, 999, &|_| {}).await.unwrap_err();
    assert!(matches!(unknown, SchemaError::NoRescue(999)), "{unknown}");
    lab.done().await;
}

#[tokio::test]
async fn what_was_written_since_is_not_overwritten() {
    let mut lab = Lab::new("rescue_since").await;
    let wide = Draft::default()
        .table("notes")
        .column("notes", "body", "text")
        .column("notes", "label", "string")
        .column("notes", "price", "decimal");
    lab.bake(&wide);
    lab.applied().await;
    lab.sql(
        "INSERT INTO notes (id, body, label, price)
         SELECT n, repeat('long ', 100), 'label ' || n, n + 0.5 FROM generate_series(1, 4) n",
    )
    .await;
    let narrow = Draft::default()
        .table("notes")
        .column("notes", "body", "string")
        .column("notes", "price", "integer");
    lab.bake(&narrow);
    let Applied::Done(_, Some(id)) = lab.apply(Some(Mode::Auto)).await.unwrap() else {
        panic!("no rescue")
    };
    lab.sql(
        "UPDATE notes SET body = 'since', price = 70 WHERE id = 1; DELETE FROM notes WHERE id = 2",
    )
    .await;
    let restored =
        schema::restore(&lab.installation, &mut lab.database, id, &|_| {}).await.unwrap();
    // Of 12 values: three of the deleted row, two written since.
    assert_eq!(restored, Restored { back: 7, left: 5 });
    let whole = "SELECT count(*) FROM notes WHERE body = repeat('long ', 100) AND price = id + 0.5";
    assert_eq!(lab.number(whole).await, 2);
    let since = "SELECT count(*) FROM notes WHERE id = 1 AND body = 'since' AND price = 70 AND label = 'label 1'";
    assert_eq!(lab.number(since).await, 1);

    // Once more, after somebody went on: what is there stays, what is empty is filled.
    lab.sql("UPDATE notes SET label = 'edited' WHERE id = 3; UPDATE notes SET label = NULL WHERE id = 4").await;
    schema::restore(&lab.installation, &mut lab.database, id, &|_| {}).await.unwrap();
    let labels = "SELECT count(*) FROM notes WHERE (id, label) IN ((1, 'label 1'), (3, 'edited'), (4, 'label 4'))";
    assert_eq!(lab.number(labels).await, 3);
    lab.done().await;
}

#[tokio::test]
async fn backups_are_forgotten_by_count_and_age() {
    let lab = Lab::new("rescue_retention").await;
    lab.sql(
        "INSERT INTO telemetry.rescues (taken_at, reason, target_hash, running)
             SELECT now() - make_interval(days => 200 - n), 'a test', 'x', '{}' FROM generate_series(1, 30) n;
         CREATE TABLE rescue.r1_0 (id int);
         INSERT INTO telemetry.rescue_parts SELECT min(id), 0, 'table', 'a', NULL, 'r1_0', 0 FROM telemetry.rescues;
         INSERT INTO telemetry.rescues (reason, target_hash, running) VALUES ('today', 'x', '{}')",
    )
    .await;
    // 20 are kept whatever their age, and what is younger than 90 days whatever its number.
    assert_eq!(schema::prune(&lab.database, 20, 90).await.unwrap(), 11);
    assert_eq!(schema::rescues(&lab.database).await.unwrap().len(), 20);
    assert_eq!(lab.number("SELECT count(*) FROM pg_tables WHERE schemaname = 'rescue'").await, 0);
    assert_eq!(schema::prune(&lab.database, 1, 90).await.unwrap(), 19);
    assert_eq!(schema::prune(&lab.database, 0, 90).await.unwrap(), 0);
    lab.done().await;
}
