//! The shapes of loss that are no deletion at first sight, each on rows that could be lost.
#![allow(clippy::unwrap_used, reason = "tests")]

use biplane_pipeline::schema::{self, Applied, Approved, Mode, Options, SchemaError};
use biplane_schema::{LossKind, Verdict};
use biplane_schema_tests::{Draft, Lab};
use serde_json::{Value, json};

fn base() -> Draft {
    Draft::default()
        .table("notes")
        .column("notes", "body", "text")
        .column("notes", "price", "decimal")
        .column("notes", "label", "string")
        .edit("notes", |entry| {
            entry["meta"]["translations"] =
                json!([{"language": "en-US", "translation": "Notes", "singular": "Note", "plural": "Notes"}]);
        })
}

/// Two notes: one that fits into anything, one that does not.
async fn with_notes(test: &str) -> Lab {
    let mut lab = Lab::new(test).await;
    lab.bake(&base());
    lab.applied().await;
    lab.sql(
        "INSERT INTO notes (id, body, price, label) VALUES
             (1, 'short', 1, 'one'), (2, repeat('long ', 100), 12.34567, 'two')",
    )
    .await;
    lab
}

async fn assert_whole(lab: &Lab) {
    let whole = "SELECT count(*) FROM notes WHERE (id, body, price, label) IN
        ((1, 'short', 1, 'one'), (2, repeat('long ', 100), 12.34567, 'two'))";
    assert_eq!(lab.number(whole).await, 2);
}

/// The snapshot without what `take` takes away.
fn text_without(draft: &Draft, take: impl FnOnce(&mut Value)) -> String {
    let mut value = draft.json();
    take(&mut value);
    value.to_string()
}

type Edit = Box<dyn Fn(&mut Value)>;

fn remove(entry: &mut Value, key: &str) {
    assert!(entry.as_object_mut().unwrap().remove(key).is_some(), "{key} is there");
}

#[tokio::test]
async fn a_missing_key_is_filled_where_directus_drops_the_table_or_column() {
    let mut lab = with_notes("loss_keys").await;
    let field = |value: &mut Value, name: &str| {
        let fields = value["fields"].as_array().unwrap();
        fields.iter().position(|field| field["field"] == name).unwrap()
    };
    let missing: [(&str, Edit); 4] = [
        ("schema", Box::new(|value| remove(&mut value["collections"][0], "schema"))),
        (
            "versioning",
            Box::new(|value| remove(&mut value["collections"][0]["meta"], "versioning")),
        ),
        (
            "plural",
            Box::new(|value| {
                remove(&mut value["collections"][0]["meta"]["translations"][0], "plural")
            }),
        ),
        (
            "is_indexed",
            Box::new(move |value| {
                let label = field(value, "label");
                remove(&mut value["fields"][label]["schema"], "is_indexed");
            }),
        ),
    ];
    for (key, take) in &missing {
        lab.bake_text(&text_without(&base(), take));
        let applied =
            lab.apply(Some(Mode::Auto)).await.unwrap_or_else(|error| panic!("{key}: {error}"));
        assert!(
            !matches!(&applied, Applied::Done(plan, _) if plan.is_destructive()),
            "{key}: {applied}"
        );
        assert_whole(&lab).await;
    }
    // All at once by the official way: the table is gone, and it says that all went well.
    let text = text_without(&base(), |value| missing.iter().for_each(|(_, take)| take(value)));
    let output = lab.official_apply_text(&text);
    assert!(output.status.success());
    assert_eq!(
        lab.rows("notes").await,
        None,
        "Directus fills missing keys now: the danger went away"
    );
    lab.done().await;
}

#[tokio::test]
async fn a_narrowed_column_is_asked_for_saved_and_can_be_brought_back() {
    let mut lab = with_notes("loss_narrow").await;
    let narrow = base()
        .without("notes.body")
        .column("notes", "body", "string")
        .without("notes.price")
        .column("notes", "price", "integer");
    lab.bake(&narrow);
    // Nothing set: planned only.
    let planned = lab.apply(None).await.unwrap();
    let Applied::Planned(plan) = planned else { panic!("{planned:?}") };
    let losses: Vec<_> =
        plan.losses().map(|(item, loss)| (item.name(), loss.kind, loss.rows)).collect();
    assert_eq!(
        losses,
        [
            ("notes.body".to_owned(), LossKind::Narrowed, Some(2)),
            ("notes.price".to_owned(), LossKind::Narrowed, Some(2))
        ]
    );
    assert_whole(&lab).await;

    // In production it wants its fingerprint, and no other.
    let production =
        |confirmed: Option<String>| Options { production: true, confirmed, ..Options::default() };
    let refused = lab.apply_with(production(None)).await.unwrap_err();
    let SchemaError::Unapproved { fingerprint, .. } = &refused else { panic!("{refused}") };
    assert_eq!(refused.exit_code(), 3);
    let other = "0".repeat(64);
    assert!(matches!(
        lab.apply_with(production(Some(other))).await,
        Err(SchemaError::Unapproved { .. })
    ));
    assert_whole(&lab).await;
    let applied = lab.apply_with(production(Some(fingerprint.to_string()))).await.unwrap();
    let Applied::Done(_, Some(rescue)) = applied else { panic!("{applied}") };
    assert_eq!(lab.differs_from(&narrow).await, [""; 0]);
    assert_eq!(lab.number("SELECT length(body)::bigint FROM notes WHERE id = 2").await, 255);
    assert_eq!(lab.number("SELECT price::bigint FROM notes WHERE id = 2").await, 12);

    schema::restore(&lab.installation, &mut lab.database, rescue, &|_| {}).await.unwrap();
    assert_whole(&lab).await;
    assert_eq!(lab.differs_from(&base()).await, [""; 0]);
    lab.done().await;
}

#[tokio::test]
async fn a_plan_that_was_approved_in_the_file_goes_through_and_only_that() {
    let mut lab = with_notes("loss_approved").await;
    let target = base().without("notes.label");
    lab.bake(&target);
    let production =
        |approved: Approved| Options { production: true, approved, ..Options::default() };
    let refused = lab.apply_with(production(Approved::default())).await.unwrap_err();
    let SchemaError::Unapproved { plan, .. } = refused else { panic!("{refused}") };
    let mut approved = Approved::default();
    approved.add(&plan);
    let path = lab.installation.files.approved();
    std::fs::write(&path, approved.to_string()).unwrap();
    let approved = Approved::read(&path).unwrap();

    // More is gone than was looked at.
    lab.bake(&target.clone().without("notes.body"));
    assert!(matches!(
        lab.apply_with(production(approved.clone())).await,
        Err(SchemaError::Unapproved { .. })
    ));
    assert_whole(&lab).await;
    lab.bake(&target);
    let applied = lab.apply_with(production(approved)).await.unwrap();
    assert!(matches!(applied, Applied::Done(_, Some(_))), "{applied}");
    assert_eq!(lab.columns("notes").await, ["body", "id", "price"]);
    lab.done().await;
}

#[tokio::test]
async fn a_renamed_field_and_collection_keep_their_rows_and_permissions() {
    let mut lab = Lab::new("loss_rename").await;
    let base = base().table("pages").points("pages", "note", "notes");
    lab.bake(&base);
    lab.applied().await;
    lab.sql("INSERT INTO notes (id, label) VALUES (1, 'one'); INSERT INTO pages (id, note) VALUES (7, 1)").await;
    lab.sql(
        "INSERT INTO directus_permissions (collection, action, fields, policy)
         SELECT 'notes', 'read', 'id,label', id FROM directus_policies LIMIT 1;
         INSERT INTO directus_presets (collection, layout) VALUES ('notes', 'cards')",
    )
    .await;
    let oid = "SELECT 'notes'::regclass::oid::bigint";
    let oid = lab.number(oid).await;
    let target = Draft::default()
        .table("memos")
        .column("memos", "body", "text")
        .column("memos", "price", "decimal")
        .column("memos", "title", "string")
        .edit("memos", |entry| {
            entry["meta"]["translations"] =
                json!([{"language": "en-US", "translation": "Notes", "singular": "Note", "plural": "Notes"}]);
        })
        .table("pages")
        .points("pages", "note", "memos");
    // What has the same shape is offered; taken for what it looks like, it would be a loss.
    let same_shape = target.clone().without("memos.title").column("memos", "label", "string");
    lab.bake(&same_shape);
    let plan = lab.plan(&[]).await;
    let offered: Vec<_> = plan.renames.iter().map(ToString::to_string).collect();
    assert_eq!(offered, ["notes -> memos"]);
    assert!(plan.loses_rows());
    lab.bake(&target);

    let renames = vec!["notes=memos".parse().unwrap(), "memos.label=memos.title".parse().unwrap()];
    let options = Options { production: true, renames, ..Options::default() };
    let applied = lab.apply_with(options).await.unwrap();
    let Applied::Done(plan, None) = &applied else { panic!("{applied:?}") };
    assert!(!plan.is_destructive(), "{plan}");
    assert_eq!(lab.differs_from(&target).await, [""; 0]);
    assert_eq!(lab.number("SELECT 'memos'::regclass::oid::bigint").await, oid);
    assert_eq!(
        lab.number(
            "SELECT count(*) FROM memos JOIN pages ON pages.note = memos.id WHERE title = 'one'"
        )
        .await,
        1
    );
    assert_eq!(
        lab.number("SELECT count(*) FROM directus_permissions WHERE collection = 'memos' AND fields = 'id,title'").await,
        1
    );
    assert_eq!(
        lab.number("SELECT count(*) FROM directus_presets WHERE collection = 'memos'").await,
        1
    );
    // The same boot again: nothing, though the rename is still approved.
    lab.sql("DELETE FROM telemetry.pipeline_state WHERE key = 'schema_verified'").await;
    let renames = vec!["notes=memos".parse().unwrap(), "memos.label=memos.title".parse().unwrap()];
    let again = lab.apply_with(Options { renames, ..Options::default() }).await.unwrap();
    assert!(matches!(again, Applied::Nothing(_)), "{again:?}");
    lab.done().await;
}

#[tokio::test]
async fn what_directus_can_not_convert_is_refused() {
    let mut lab = with_notes("loss_refused").await;
    let uuid_key = base().edit("notes.id", |field| {
        field["type"] = json!("uuid");
        field["schema"]["data_type"] = json!("uuid");
        field["schema"]["numeric_precision"] = json!(null);
        field["schema"]["numeric_scale"] = json!(null);
    });
    for (what, draft, named) in [
        ("another primary key", uuid_key, "field notes.id"),
        (
            "a table that becomes a folder",
            base().table("other").edit("notes", |entry| entry["schema"] = json!(null)),
            "collection notes",
        ),
    ] {
        lab.bake_text(&draft.json().to_string());
        let refused = lab.apply(Some(Mode::Auto)).await.unwrap_err();
        assert_eq!(refused.exit_code(), 3, "{what}: {refused}");
        assert!(
            refused.to_string().contains(named.rsplit(' ').next().unwrap()),
            "{what}: {refused}"
        );
        if let SchemaError::Conflict { plan } = &refused {
            let conflicts: Vec<_> =
                plan.of(Verdict::Conflict).map(|change| change.item.to_string()).collect();
            assert!(conflicts.contains(&named.to_owned()), "{what}: {conflicts:?}");
        }
        assert_whole(&lab).await;
    }
    assert_eq!(lab.differs_from(&base()).await, [""; 0]);
    lab.done().await;
}

#[tokio::test]
async fn a_column_that_becomes_an_alias_is_a_loss_and_comes_back() {
    let mut lab = with_notes("loss_alias").await;
    let target = base().without("notes.label").alias("notes", "label", &["alias", "no-data"]);
    lab.bake(&target);
    let planned = lab.apply(None).await.unwrap();
    let Applied::Planned(plan) = planned else { panic!("{planned:?}") };
    let losses: Vec<_> =
        plan.losses().map(|(item, loss)| (item.name(), loss.kind, loss.rows)).collect();
    assert_eq!(losses, [("notes.label".to_owned(), LossKind::Column, Some(2))]);
    let applied = lab.apply(Some(Mode::Auto)).await.unwrap();
    let Applied::Done(_, Some(rescue)) = applied else { panic!("{applied}") };
    assert_eq!(lab.columns("notes").await, ["body", "id", "price"]);
    schema::restore(&lab.installation, &mut lab.database, rescue, &|_| {}).await.unwrap();
    assert_whole(&lab).await;
    lab.done().await;
}
