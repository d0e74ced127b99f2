//! Every row of the three-way table, and what is easy to get wrong.

mod support;

use biplane_schema::{Ancestry, LossKind, Merge, Outcome, Rename, Snapshot, Verdict};
use serde_json::json;
use support::{Draft, lines, plan, plan_as};

/// Two tables, one pointing to the other.
fn first() -> Draft {
    Draft::new()
        .table("devices")
        .column("devices", "imei", "character varying")
        .column("devices", "note", "text")
        .table("entries")
        .points("entries", "device", "devices")
}

fn note(text: &'static str) -> impl FnOnce(&mut serde_json::Value) {
    move |entry| entry["meta"]["note"] = json!(text)
}

#[test]
fn what_only_the_database_has_is_kept_and_reported() {
    let running = first()
        .table("uncommitted")
        .column("uncommitted", "x", "text")
        .column("devices", "y", "text");
    let plan = plan(Some(&first()), &running, &first());
    assert_eq!(
        lines(&plan),
        ["keep collection uncommitted uncommitted", "keep field devices.y uncommitted"]
    );
    assert_eq!(plan.outcome(), Outcome::Nothing);
    assert_eq!(plan.merged, running.read());
}

#[test]
fn what_the_target_lacks_is_deleted_when_nobody_changed_it_here() {
    let target = first().without("entries").without_field("devices", "note");
    let plan = plan(Some(&first()), &first(), &target);
    assert_eq!(
        lines(&plan),
        [
            "delete collection entries gone-from-snapshot",
            "delete field devices.note gone-from-snapshot"
        ]
    );
    let losses: Vec<_> = plan.losses().map(|(item, loss)| (item.name(), loss.kind)).collect();
    assert_eq!(
        losses,
        [("entries".into(), LossKind::Table), ("devices.note".into(), LossKind::Column)]
    );
    assert_eq!(plan.merged, target.read());
}

#[test]
fn what_the_target_lacks_but_was_changed_here_is_a_conflict() {
    for (running, what) in [
        (first().edit("entries", note("here")), "entries"),
        (first().column("entries", "extra", "text"), "entries.extra"),
        (first().edit_field("entries", "device", note("here")), "entries.device"),
    ] {
        let plan = plan(Some(&first()), &running, &first().without("entries"));
        assert_eq!(lines(&plan), ["conflict collection entries changed-here-gone-there"]);
        assert!(plan.changes[0].reason.to_string().ends_with(what), "{}", plan.changes[0].reason);
        assert_eq!(plan.outcome(), Outcome::Refused);
        assert_eq!(plan.merged, running.read());
    }
    let running = first().edit_field("devices", "note", note("here"));
    let plan = plan(Some(&first()), &running, &first().without_field("devices", "note"));
    assert_eq!(lines(&plan), ["conflict field devices.note changed-here-gone-there"]);
}

#[test]
fn what_only_the_target_has_is_created() {
    let target = first().table("races").points("devices", "race", "races");
    let plan = plan(Some(&first()), &first(), &target);
    assert_eq!(
        lines(&plan),
        [
            "create collection races new-in-snapshot",
            "create field devices.race new-in-snapshot",
            "create relation devices.race new-in-snapshot",
        ]
    );
    assert_eq!(plan.merged, target.read());
    assert!(!plan.is_destructive());
}

#[test]
fn a_change_made_here_is_kept_while_the_target_stays() {
    let running = first().edit("devices", note("here")).edit_field("devices", "imei", note("here"));
    let plan = plan(Some(&first()), &running, &first());
    assert_eq!(
        lines(&plan),
        [
            "keep collection devices uncommitted-change",
            "keep field devices.imei uncommitted-change"
        ]
    );
    assert_eq!(plan.merged, running.read());
}

#[test]
fn a_change_of_the_target_is_taken_over() {
    let target =
        first().edit("devices", note("there")).edit_field("devices", "imei", note("there"));
    let plan = plan(Some(&first()), &first(), &target);
    assert_eq!(
        lines(&plan),
        [
            "update collection devices changed-in-snapshot",
            "update field devices.imei changed-in-snapshot"
        ]
    );
    assert_eq!(plan.merged, target.read());
}

#[test]
fn changes_of_different_parts_of_one_field_go_together() {
    let running = first().edit_field("devices", "imei", note("here"));
    let target =
        first().edit_field("devices", "imei", |field| field["meta"]["width"] = json!("half"));
    let plan = plan(Some(&first()), &running, &target);
    assert_eq!(
        lines(&plan),
        [
            "update field devices.imei changed-in-snapshot",
            "keep field devices.imei uncommitted-change"
        ]
    );
    let merged = &plan
        .merged
        .fields
        .values()
        .find(|field| field.body["meta"]["field"] == "imei")
        .expect("imei")
        .body;
    assert_eq!(
        (&merged["meta"]["note"], &merged["meta"]["width"]),
        (&json!("here"), &json!("half"))
    );
}

#[test]
fn changes_of_one_part_on_both_sides_are_a_conflict_that_shows_all_three() {
    let running = first().edit_field("devices", "imei", note("here"));
    let target = first().edit_field("devices", "imei", note("there"));
    let plan = plan(Some(&first()), &running, &target);
    assert_eq!(lines(&plan), ["conflict field devices.imei both-changed"]);
    assert!(
        plan.to_string().contains(r#"meta.note: was null, here "here", in the snapshot "there""#),
        "{plan}"
    );
    assert_eq!(plan.merged, running.read());
}

#[test]
fn the_same_change_on_both_sides_is_no_change() {
    let both = first().edit("devices", note("both")).table("races");
    let plan = plan(Some(&first()), &both, &both);
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(plan.merged, both.read());
}

#[test]
fn what_was_deleted_here_stays_deleted() {
    let running = first().without("entries").without_field("devices", "note");
    let plan = plan(Some(&first()), &running, &first());
    assert_eq!(
        lines(&plan),
        ["keep collection entries deleted-here", "keep field devices.note deleted-here"]
    );
    assert_eq!(plan.outcome(), Outcome::Nothing);
    assert_eq!(plan.merged, running.read());
}

#[test]
fn what_was_deleted_here_and_changed_in_the_target_is_a_conflict() {
    let running = first().without("entries").without_field("devices", "note");
    let target =
        first().column("entries", "number", "integer").edit_field("devices", "note", note("there"));
    let plan = plan(Some(&first()), &running, &target);
    assert_eq!(
        lines(&plan),
        [
            "conflict collection entries gone-here-changed-there",
            "conflict field devices.note gone-here-changed-there"
        ]
    );
}

#[test]
fn what_was_made_on_both_sides_alike_is_adopted_and_unlike_a_conflict() {
    let alike = first().table("races").column("races", "name", "text");
    assert_eq!(lines(&plan(Some(&first()), &alike, &alike)), [""; 0]);
    let unlike =
        first().table("races").column("races", "name", "integer").column("races", "more", "text");
    let plan = plan(Some(&first()), &alike, &unlike);
    assert_eq!(
        lines(&plan),
        ["conflict field races.name both-made", "create field races.more new-in-snapshot"]
    );
}

#[test]
fn without_a_base_things_are_added_and_nothing_is_touched() {
    let running = first().table("old").edit("devices", note("here"));
    let target = first().table("races").edit("devices", note("there")).without("entries");
    let plan = plan(None, &running, &target);
    assert_eq!(plan.ancestry, Ancestry::NoBase);
    assert_eq!(
        lines(&plan),
        [
            "create collection races new-in-snapshot",
            "keep collection devices no-base",
            "keep collection entries uncommitted",
            "keep collection old uncommitted",
        ]
    );
    assert_eq!(plan.merged, running.table("races").read());
}

#[test]
fn a_rollback_takes_nothing_away_and_narrows_nothing() {
    let newer = first()
        .table("races")
        .column("races", "name", "text")
        .edit_field("devices", "imei", |field| {
            field["type"] = json!("text");
            field["schema"]["data_type"] = json!("text");
        })
        .edit("devices", note("newer"));
    let older =
        first().edit_field("devices", "imei", |field| field["schema"]["max_length"] = json!(15));
    let plan = plan_as(Ancestry::Rollback, Some(&newer), &newer, &older, &[]);
    assert_eq!(
        lines(&plan),
        [
            "update collection devices changed-in-snapshot",
            "keep collection races rollback",
            "keep field devices.imei rollback",
        ]
    );
    assert_eq!(
        plan.merged,
        newer.clone().edit("devices", |entry| entry["meta"]["note"] = json!(null)).read()
    );
}

#[test]
fn what_uncommitted_work_points_to_is_not_deleted() {
    let running = first().table("races").points("races", "tracker", "devices");
    let target = Draft::new().table("entries");
    let base = first();
    let plan = plan(Some(&base), &running, &target);
    assert_eq!(
        lines(&plan),
        [
            "delete field entries.device gone-from-snapshot",
            "keep collection devices pointed-to",
            "keep collection races uncommitted",
        ]
    );
    assert!(plan.to_string().contains("uncommitted work points to it: races.tracker"), "{plan}");
    assert!(plan.merged.collections.contains_key("devices"));
}

#[test]
fn a_folder_that_uncommitted_work_lies_in_is_not_deleted() {
    let base = first().folder("fleet");
    let running =
        base.clone().table("races").edit("races", |entry| entry["meta"]["group"] = json!("fleet"));
    let plan = plan(Some(&base), &running, &first());
    assert_eq!(
        lines(&plan),
        ["keep collection fleet pointed-to", "keep collection races uncommitted"]
    );
}

#[test]
fn a_list_of_what_points_here_is_not_deleted_while_an_uncommitted_relation_uses_it() {
    let base = first().alias("devices", "races");
    let running = base.clone().table("races").points("races", "tracker", "devices").edit_relation(
        "races",
        "tracker",
        |relation| relation["meta"]["one_field"] = json!("races"),
    );
    let plan = plan(Some(&base), &running, &first());
    assert_eq!(
        lines(&plan),
        ["keep collection races uncommitted", "keep field devices.races pointed-to"]
    );
}

#[test]
fn a_new_relation_to_what_was_deleted_here_is_a_conflict() {
    let running = first().without("devices").without_field("entries", "device");
    let target = first().points("entries", "spare", "devices");
    let plan = plan(Some(&first()), &running, &target);
    assert!(
        lines(&plan).contains(&"conflict relation entries.spare points-nowhere".to_owned()),
        "{plan}"
    );
}

#[test]
fn narrowing_a_column_is_named_like_a_deletion() {
    let target = first().edit_field("devices", "note", |field| {
        field["type"] = json!("string");
        field["schema"]["data_type"] = json!("character varying");
        field["schema"]["max_length"] = json!(255);
    });
    let plan = plan(Some(&first()), &first(), &target);
    assert!(plan.is_destructive() && plan.loses_rows());
    assert!(
        plan.to_string().contains("narrowed text → character varying(255): rows not counted"),
        "{plan}"
    );
}

#[test]
fn a_text_that_becomes_an_alias_is_a_lost_column() {
    let target = first().without_field("devices", "note").alias("devices", "note");
    let plan = plan(Some(&first()), &first(), &target);
    let losses: Vec<_> = plan.losses().map(|(_, loss)| (loss.kind, loss.detail.as_str())).collect();
    assert_eq!(losses, [(LossKind::Column, "text → alias")]);
}

#[test]
fn a_changed_primary_key_is_refused() {
    let target = first().edit_field("devices", "id", |field| {
        field["type"] = json!("integer");
        field["schema"]["data_type"] = json!("integer");
    });
    let plan = plan(Some(&first()), &first(), &target);
    assert_eq!(lines(&plan), ["conflict field devices.id unsupported"]);
    assert_eq!(plan.merged, first().read());
}

#[test]
fn a_table_that_becomes_a_folder_is_refused() {
    let target = first().without("entries").folder("entries");
    let plan = plan(Some(&first()), &first(), &target);
    assert!(lines(&plan).contains(&"conflict collection entries unsupported".to_owned()), "{plan}");
}

#[test]
fn a_target_without_collections_is_refused_in_any_case() {
    for base in [None, Some(first())] {
        let plan = plan(base.as_ref(), &first(), &Draft::new());
        assert_eq!(plan.outcome(), Outcome::Refused, "{plan}");
        assert!(plan.to_string().contains("it would delete everything"), "{plan}");
    }
    // A new database has nothing to lose.
    assert_eq!(plan(None, &Draft::new(), &Draft::new()).outcome(), Outcome::Nothing);
}

#[test]
fn missing_keys_are_filled_from_the_database() {
    let mut target = first().json();
    target["fields"][1].as_object_mut().expect("object").remove("type");
    for key in ["is_indexed", "default_value", "data_type"] {
        target["fields"][1]["schema"].as_object_mut().expect("object").remove(key);
    }
    target["collections"][0].as_object_mut().expect("object").remove("schema");
    target["collections"][1].as_object_mut().expect("object").remove("meta");
    let target: Snapshot = target.to_string().parse().expect("it reads");
    let (base, running) = (first().read(), first().read());
    let merge = Merge {
        base: Some(&base),
        running: &running,
        target: &target,
        ancestry: Ancestry::Descendant,
        renames: &[],
        lenient: false,
    };
    let plan = merge.plan().expect("a plan");
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(plan.merged, running);
}

#[test]
fn unknown_keys_and_gaps_in_what_is_new_are_refused_by_place() {
    let mut target = first().table("races").column("races", "name", "text").json();
    target["collections"][0]["meta"]["colour"] = json!("#fff");
    target["fields"][1]["schema"]["lenght"] = json!(3);
    target["fields"][6]["schema"].as_object_mut().expect("object").remove("data_type");
    let target: Snapshot = target.to_string().parse().expect("it reads");
    let running = first().read();
    let mut merge = Merge {
        base: None,
        running: &running,
        target: &target,
        ancestry: Ancestry::Descendant,
        renames: &[],
        lenient: false,
    };
    let said: Vec<_> = merge
        .plan()
        .expect_err("refused")
        .iter()
        .map(|fault| format!("{} {fault}", fault.code()))
        .collect();
    assert_eq!(
        said,
        [
            "SNAPSHOT_UNKNOWN_KEY collections (devices).meta: `colour` is unknown to this version of Directus; is it misspelt?",
            "SNAPSHOT_UNKNOWN_KEY fields (devices.imei).schema: `lenght` is unknown to this version of Directus; is it misspelt?",
            "SNAPSHOT_INCOMPLETE fields (races.name).schema: `data_type` is missing; is the snapshot cut off?",
        ]
    );
    merge.lenient = true;
    assert_eq!(merge.plan().expect("only warned").warnings.len(), 3);
}

#[test]
fn a_rename_is_offered_and_once_approved_keeps_the_data() {
    let target =
        first().without_field("devices", "imei").column("devices", "serial", "character varying");
    let offered = plan(Some(&first()), &first(), &target);
    let rename: Rename = "devices.imei -> devices.serial".parse().expect("a rename");
    assert_eq!(offered.renames, std::slice::from_ref(&rename));
    assert_eq!(offered.losses().count(), 1);

    let approved = plan_as(Ancestry::Descendant, Some(&first()), &first(), &target, &[rename]);
    assert_eq!(lines(&approved), ["rename field devices.serial rename-approved"]);
    assert_eq!(approved.losses().count(), 0);
    assert_eq!(approved.merged, target.read());
    assert_ne!(offered.fingerprint(), approved.fingerprint());
}

#[test]
fn a_field_may_be_renamed_in_a_collection_that_is_renamed_whatever_comes_first() {
    let target = Draft::new()
        .table("trackers")
        .column("trackers", "serial", "character varying")
        .column("trackers", "note", "text")
        .table("entries")
        .points("entries", "device", "trackers");
    let parse = |text: &str| text.parse::<Rename>().expect("a rename");
    let mut renames = [parse("trackers.imei -> trackers.serial"), parse("devices -> trackers")];
    for _ in 0..2 {
        let plan = plan_as(Ancestry::Descendant, Some(&first()), &first(), &target, &renames);
        assert_eq!(
            lines(&plan),
            [
                "rename collection trackers rename-approved",
                "rename field trackers.serial rename-approved"
            ]
        );
        assert_eq!(plan.merged, target.read());
        // Interrupted in between: the table has its new name already, the column has not.
        let between = first().read().renamed(&parse("devices -> trackers"));
        let merge = Merge {
            base: Some(&first().read()),
            running: &between,
            target: &target.read(),
            ancestry: Ancestry::Descendant,
            renames: &renames,
            lenient: false,
        };
        assert_eq!(
            lines(&merge.plan().expect("a plan")),
            ["rename field trackers.serial rename-approved"]
        );
        renames.reverse();
    }
}

#[test]
fn a_renamed_collection_takes_its_relations_along() {
    let target = Draft::new()
        .table("trackers")
        .column("trackers", "imei", "character varying")
        .column("trackers", "note", "text")
        .table("entries")
        .points("entries", "device", "trackers");
    let offered = plan(Some(&first()), &first(), &target);
    assert_eq!(
        offered.renames.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["devices -> trackers"]
    );
    let approved =
        plan_as(Ancestry::Descendant, Some(&first()), &first(), &target, &offered.renames);
    assert_eq!(lines(&approved), ["rename collection trackers rename-approved"]);
    assert_eq!(approved.merged, target.read());
}

#[test]
fn a_deletion_that_was_held_up_is_not_forgotten() {
    let running = first().table("made_here").points("made_here", "device", "devices");
    let target = Draft::new().table("races");
    let held = plan(Some(&first()), &running, &target);
    let next = held.next_base(&target.read());
    assert!(next.collections.contains_key("devices") && next.collections.contains_key("races"));
    assert!(next.fields.keys().all(|key| key.collection != "made_here"));
    let again = |running: &Snapshot| {
        let (base, target) = (&next, &target.read());
        let ancestry = Ancestry::Descendant;
        Merge { base: Some(base), running, target, ancestry, renames: &[], lenient: false }
            .plan()
            .expect("a plan")
    };
    // While something points to it, it stays, and is held up again.
    let still = again(&held.merged);
    assert_eq!(
        lines(&still).first().map(String::as_str),
        Some("keep collection devices pointed-to")
    );
    assert_eq!(still.next_base(&target.read()), next);
    let mut free = held.merged.clone();
    free.collections.remove("made_here");
    free.fields.retain(|key, _| key.collection != "made_here");
    free.relations.retain(|key, _| key.collection != "made_here");
    assert_eq!(lines(&again(&free)), ["delete collection devices gone-from-snapshot"]);
    // An older image may start again and again: what stays then is held for nothing.
    let rollback = plan_as(Ancestry::Rollback, Some(&first()), &first(), &target, &[]);
    assert_eq!(rollback.next_base(&target.read()), target.read());
}

#[test]
fn an_index_made_by_hand_stays() {
    let running =
        first().edit_field("devices", "imei", |field| field["schema"]["is_indexed"] = json!(true));
    let target = first().edit_field("devices", "imei", note("there"));
    let plan = plan(Some(&first()), &running, &target);
    let merged = plan
        .merged
        .fields
        .values()
        .find(|field| field.body["meta"]["field"] == "imei")
        .expect("imei");
    assert_eq!(merged.body["schema"]["is_indexed"], true);
}

#[test]
fn the_fingerprint_names_losses_and_target_and_not_the_rows() {
    let target = first().without("entries");
    let mut one = plan(Some(&first()), &first(), &target);
    let before = one.fingerprint();
    for change in &mut one.changes {
        if let Some(loss) = &mut change.loss {
            loss.rows = Some(7);
        }
    }
    assert_eq!(one.fingerprint(), before);
    let other = plan(Some(&first()), &first(), &target.edit("devices", note("more")));
    assert_ne!(other.fingerprint(), before);
}

#[test]
fn a_key_that_comes_or_goes_inside_a_translation_takes_two_stages() {
    let with = |translations| {
        first().edit("devices", |entry| entry["meta"]["translations"] = translations).read()
    };
    let one = with(json!([{"language": "en-US", "translation": "Devices"}]));
    let more = with(json!([{"language": "en-US", "translation": "Devices", "plural": "Devices"}]));
    let other = with(json!([{"language": "en-US", "translation": "Trackers"}]));
    for (running, merged, stages) in
        [(&one, &more, 2), (&more, &one, 2), (&one, &other, 1), (&one, &one, 1)]
    {
        let found = merged.stages(running);
        assert_eq!(found.len(), stages);
        assert_eq!(found.last(), Some(merged));
    }
    assert_eq!(
        one.stages(&more)[0].collections["devices"].body["meta"]["translations"],
        json!(null)
    );
}

#[test]
fn verdicts_of_one_kind_stand_together() {
    let running = first().table("a").edit("devices", note("here"));
    let target = first().table("b").without("entries").edit_field("devices", "note", note("there"));
    let plan = plan(Some(&first()), &running, &target);
    let verdicts: Vec<_> = plan.changes.iter().map(|change| change.verdict).collect();
    assert!(verdicts.is_sorted(), "{verdicts:?}");
    assert_eq!(plan.of(Verdict::Kept).count(), 2);
}
