//! The snapshot that this project ships.

use biplane_schema::{DIRECTUS_MAJOR, FieldKey, Lineage, ReadError, Snapshot};

const SNAPSHOT: &str = include_str!("../../../snapshots/schema.yaml");
const LINEAGE: &str = include_str!("../../../snapshots/lineage");

fn snapshot() -> Snapshot {
    SNAPSHOT.parse().expect("the project's snapshot is good")
}

#[test]
fn it_reads_and_has_what_both_planes_build_on() {
    let snapshot = snapshot();
    assert!(snapshot.directus.starts_with(&format!("{DIRECTUS_MAJOR}.")));
    let tables: Vec<_> = snapshot
        .collections
        .iter()
        .filter(|(_, collection)| collection.has_table())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        tables,
        [
            "alerts",
            "checkpoints",
            "command_transitions",
            "commands",
            "crossing_edits",
            "crossings",
            "device_profiles",
            "device_status",
            "devices",
            "entries",
            "events",
            "geofences",
            "organization_members",
            "organizations",
            "position_flags",
            "trips",
        ]
    );
    let crossing_device = &snapshot.relations[&FieldKey::new("crossings", "device")];
    assert_eq!(crossing_device.related_collection(), Some("devices"));
    assert_eq!(crossing_device.body["schema"]["on_delete"], "NO ACTION");
}

#[test]
fn every_row_but_an_organization_belongs_to_one() {
    let snapshot = snapshot();
    for (name, collection) in &snapshot.collections {
        if !collection.has_table() || name == "organizations" {
            continue;
        }
        let field = &snapshot.fields[&FieldKey::new(name, "organization")];
        assert_eq!(field.foreign_key_table(), Some("organizations"), "{name}");
        assert_eq!(field.body["schema"]["is_nullable"], false, "{name}");
    }
}

#[test]
fn it_fits_a_directus_without_a_licence() {
    // Version 12 counts folders too.
    assert!(snapshot().collections.len() <= 25);
}

#[test]
fn the_lineage_ends_with_its_hash() {
    let lineage: Lineage = LINEAGE.parse().expect("the project's lineage is good");
    assert_eq!(lineage.current().map(ToString::to_string), Some(snapshot().hash().to_string()));
}

#[test]
fn written_as_json_and_read_again_it_is_the_same() {
    let snapshot = snapshot();
    let again: Snapshot = snapshot.to_normalised_json().parse().expect("its JSON reads");
    assert_eq!(again, snapshot);
    assert_eq!(again.hash(), snapshot.hash());
}

#[test]
fn cut_off_after_any_line_it_is_refused() {
    let lines: Vec<_> = SNAPSHOT.lines().collect();
    // Every line of the last two relations, and every hundredth before them.
    let cuts = (0..lines.len()).rev().step_by(100).chain(lines.len() - 42..lines.len());
    for end in cuts.filter(|end| *end < lines.len()) {
        let cut = lines[..end].join("\n");
        assert!(cut.parse::<Snapshot>().is_err(), "cut off after line {end} it reads");
    }
}

#[test]
fn cut_off_before_the_relations_it_says_so() {
    let (cut, _) = SNAPSHOT.split_once("\nrelations:").expect("it has relations");
    assert_eq!(
        cut.parse::<Snapshot>(),
        Err(ReadError::Missing { place: "the snapshot".into(), key: "relations" })
    );
}
