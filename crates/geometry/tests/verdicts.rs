//! Geometries whose verdict another project's test suite knows: data/jts-verdicts.jsonl.

use biplane_geometry::Geometry;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    name: String,
    valid: bool,
    geometry: Value,
}

/// Judged otherwise here: each has a hole without positions, which GeoJSON does not allow.
const DIFFERENT: &[&str] = &["ogc-014", "ogc-834"];

#[test]
fn polygons_are_judged_as_jts_judges_them() {
    let cases = include_str!("data/jts-verdicts.jsonl").lines();
    let different: Vec<_> = cases
        .map(|line| serde_json::from_str::<Case>(line).expect("a case a line"))
        .filter(|case| {
            let verdict = Geometry::read(&case.geometry).and_then(Geometry::judge);
            verdict.is_ok() != case.valid
        })
        .map(|case| case.name)
        .collect();
    assert_eq!(different, DIFFERENT);
}
