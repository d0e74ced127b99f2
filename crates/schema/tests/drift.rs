//! The golden cases of the drift, read natively and on wasm32; the extension's tests read the same
//! file.

use std::collections::BTreeMap;

use biplane_schema::{Drift, DriftTexts, Part, Reading, Snapshot};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Golden {
    snapshots: BTreeMap<String, Value>,
    hashes: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    base: Option<String>,
    running: String,
    target: String,
    #[serde(default)]
    lineage: Vec<String>,
    expect: String,
    sentence: Option<String>,
    #[serde(default)]
    uncommitted: Vec<String>,
    #[serde(default)]
    pending: Vec<String>,
    #[serde(default)]
    conflicts: Vec<String>,
    #[serde(default)]
    stale: Vec<String>,
}

fn golden() -> Golden {
    let text = include_str!("../../../tests/golden/drift.json");
    serde_json::from_str(text).expect("golden cases")
}

#[test]
fn the_drift_is_what_the_golden_cases_say() {
    let Golden { snapshots, hashes, cases } = golden();
    assert!(cases.len() > 10);
    for case in cases {
        let text = |name: &String| snapshots[name].to_string();
        let lineage: String =
            case.lineage.iter().map(|name| format!("{}\n", hashes[name])).collect();
        let drift = Drift::read(DriftTexts {
            base: case.base.as_ref().map(text).as_deref(),
            base_hash: case.base.as_ref().and_then(|name| hashes.get(name)).map(String::as_str),
            running: &text(&case.running),
            target: &text(&case.target),
            lineage: &lineage,
        });
        let drift = match drift {
            Ok(drift) => drift,
            Err(error) => {
                assert_eq!(error.code().as_str(), case.expect, "{}: {error}", case.name);
                assert_eq!(Some(error.to_string()), case.sentence, "{}", case.name);
                continue;
            }
        };
        let status = serde_json::to_value(drift.status).expect("a word");
        assert_eq!(status, *case.expect, "{}: {}", case.name, drift.sentence);
        if let Some(sentence) = case.sentence {
            assert_eq!(drift.sentence, sentence, "{}", case.name);
        }
        let named = |parts: &[Part]| -> Vec<_> {
            parts.iter().map(|part| format!("{} {}", part.kind, part.name)).collect()
        };
        assert_eq!(named(&drift.uncommitted), case.uncommitted, "{}", case.name);
        assert_eq!(named(&drift.pending), case.pending, "{}", case.name);
        assert_eq!(named(&drift.conflicts), case.conflicts, "{}", case.name);
        assert_eq!(named(&drift.stale), case.stale, "{}", case.name);
    }
}

#[test]
fn the_hashes_in_the_golden_cases_are_those_of_their_snapshots() {
    let Golden { snapshots, hashes, .. } = golden();
    for (name, hash) in hashes {
        let read = Snapshot::read(&snapshots[&name].to_string(), Reading::Lenient);
        assert_eq!(read.expect("a snapshot").snapshot.hash().to_string(), hash, "{name}");
    }
}
