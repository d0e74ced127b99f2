//! What holds of every merge.

mod support;

use std::collections::BTreeSet;

use biplane_schema::{Ancestry, Item, Merge, Outcome, Plan, Snapshot, Verdict};
use proptest::prelude::*;
use serde_json::json;
use support::{Draft, plan, plan_as};

const TABLES: [&str; 4] = ["alpha", "bravo", "charlie", "delta"];
const COLUMNS: [&str; 3] = ["one", "two", "three"];
const TYPES: [&str; 3] = ["text", "integer", "bigint"];

/// A table: its note, its columns' types and notes, where its pointer points.
type Table = (u8, Vec<(bool, u8, u8)>, Option<u8>);

fn draft() -> impl Strategy<Value = Draft> {
    let column = (any::<bool>(), 0..3_u8, 0..3_u8);
    let table = (0..3_u8, prop::collection::vec(column, COLUMNS.len()), prop::option::of(0..4_u8));
    let tables = prop::collection::vec(prop::option::weighted(0.7, table), TABLES.len());
    // One table is always there: a target without any is refused, which is another test's.
    tables.prop_map(|tables| build(&tables).table("always"))
}

/// Base, running and target, where the other two changed some of the base each: seldom the same.
fn triple() -> impl Strategy<Value = [Draft; 3]> {
    let column = (any::<bool>(), 0..3_u8, 0..3_u8);
    let table = || {
        let columns = prop::collection::vec(column.clone(), COLUMNS.len());
        prop::option::weighted(0.8, (0..3_u8, columns, prop::option::of(0..4_u8)))
    };
    // Who changes a table: the whole of it, or one of its columns.
    let change = (0..12_u8, 0..COLUMNS.len(), table());
    let slot = (table(), change);
    prop::collection::vec(slot, TABLES.len()).prop_map(|slots| {
        let base: Vec<_> = slots.iter().map(|(table, _)| table.clone()).collect();
        let mut others = [base.clone(), base.clone()];
        for (index, (_, (who, column, new))) in slots.into_iter().enumerate() {
            let Some(other) = others.get_mut(usize::from(who) % 4) else { continue };
            match (&mut other[index], new) {
                (Some((_, columns, _)), Some((_, new, _))) if who < 8 => {
                    columns[column] = new[column]
                }
                (old, new) => *old = new,
            }
        }
        let [running, target] = others;
        [base, running, target].map(|tables| build(&tables).table("always"))
    })
}

fn build(tables: &[Option<Table>]) -> Draft {
    let mut draft = Draft::new();
    for (name, table) in TABLES.iter().zip(tables) {
        let Some((note, columns, pointer)) = table else { continue };
        draft = draft.table(name).edit(name, |entry| entry["meta"]["note"] = json!(note));
        for (column, (there, data_type, note)) in COLUMNS.iter().zip(columns) {
            if *there {
                draft = draft.field(name, column, TYPES[usize::from(*data_type)], |field| {
                    field["meta"]["note"] = json!(note);
                });
            }
        }
        if let Some(to) = pointer.map(usize::from).filter(|to| tables[*to].is_some()) {
            draft = draft.points(name, "pointer", TABLES[to]);
        }
    }
    draft
}

fn items(snapshot: &Snapshot) -> BTreeSet<Item> {
    let collections = snapshot.collections.keys().cloned().map(Item::Collection);
    let fields = snapshot.fields.keys().cloned().map(Item::Field);
    collections
        .chain(fields)
        .chain(snapshot.relations.keys().cloned().map(Item::Relation))
        .collect()
}

/// The plan when the merged schema is the running one.
fn again(base: &Draft, plan: &Plan, target: &Draft) -> Plan {
    let (base, target) = (base.read(), target.read());
    let ancestry = Ancestry::Descendant;
    Merge {
        base: Some(&base),
        running: &plan.merged,
        target: &target,
        ancestry,
        renames: &[],
        lenient: false,
    }
    .plan()
    .expect("a plan")
}

proptest! {
    #[test]
    fn applied_twice_changes_nothing([base, running, target] in triple()) {
        let once = plan(Some(&base), &running, &target);
        prop_assume!(once.outcome() != Outcome::Refused);
        // The target is the base afterwards.
        let twice = again(&target, &once, &target);
        prop_assert_eq!(twice.outcome(), Outcome::Nothing, "{}", twice);
        prop_assert!(twice.merged == once.merged, "{once}");
    }

    #[test]
    fn nothing_that_the_base_lacks_is_ever_deleted(base in prop::option::of(draft()), running in draft(), target in draft()) {
        let plan = plan(base.as_ref(), &running, &target);
        let known = base.map(|base| items(&base.read())).unwrap_or_default();
        for item in items(&running.read()).difference(&known) {
            prop_assert!(items(&plan.merged).contains(item), "{item}\n{plan}");
        }
    }

    #[test]
    fn with_the_running_schema_as_base_the_result_is_the_target(running in draft(), target in draft()) {
        let plan = plan(Some(&running), &running, &target);
        prop_assert_eq!(plan.outcome() == Outcome::Refused, false, "{}", plan);
        prop_assert!(plan.merged == target.read(), "{plan}");
    }

    #[test]
    fn with_the_target_as_base_the_result_is_the_running_schema(running in draft(), target in draft()) {
        let plan = plan(Some(&target), &running, &target);
        prop_assert_eq!(plan.outcome(), Outcome::Nothing, "{}", plan);
        prop_assert!(plan.merged == running.read(), "{plan}");
    }

    #[test]
    fn the_order_of_entries_does_not_matter(base in draft(), running in draft(), target in draft(), seed in any::<u64>()) {
        let shuffled = |draft: &Draft| -> Snapshot {
            let mut document = draft.json();
            for section in ["collections", "fields", "relations"] {
                let list = document[section].as_array_mut().expect("a list");
                let turn = usize::try_from(seed % 7).expect("small") % list.len().max(1);
                list.rotate_left(turn);
                list.reverse();
            }
            document.to_string().parse().expect("a good snapshot")
        };
        let straight = plan(Some(&base), &running, &target);
        let (base, running, target) = (shuffled(&base), shuffled(&running), shuffled(&target));
        let ancestry = Ancestry::Descendant;
        let merge = Merge { base: Some(&base), running: &running, target: &target, ancestry, renames: &[], lenient: false };
        let other = merge.plan().expect("a plan");
        prop_assert_eq!(other.to_json(), straight.to_json());
        prop_assert!(other.merged == straight.merged, "{straight}");
    }

    #[test]
    fn a_rollback_deletes_and_narrows_nothing(base in draft(), running in draft(), target in draft()) {
        let plan = plan_as(Ancestry::Rollback, Some(&base), &running, &target, &[]);
        prop_assert!(!plan.is_destructive(), "{}", plan);
        prop_assert!(items(&plan.merged).is_superset(&items(&running.read())));
    }

    #[test]
    fn the_merged_schema_reads_and_points_nowhere([base, running, target] in triple()) {
        let plan = plan(Some(&base), &running, &target);
        prop_assume!(plan.outcome() != Outcome::Refused);
        let again = plan.merged.to_yaml().parse::<Snapshot>();
        prop_assert!(again.as_ref() == Ok(&plan.merged), "{:?}\n{plan}", again.err());
    }

    #[test]
    fn a_conflict_leaves_what_it_is_about_as_it_is(base in draft(), running in draft(), target in draft()) {
        let plan = plan(Some(&base), &running, &target);
        let (before, after) = (items(&running.read()), items(&plan.merged));
        for change in plan.of(Verdict::Conflict) {
            let there = before.contains(&change.item);
            prop_assert!(!there || after.contains(&change.item), "{}\n{}", change.item, plan);
        }
    }
}
