use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::{Context, Kind};

const DEVICE: &str = "0ddddddd-0000-4000-8000-000000000002";

fn give(name: &str, parameters: Value, model: &str) -> Outcome {
    let tracker =
        json!([{ "id": DEVICE, "protocol": "teltonika", "model": model, "status": "active" }]);
    let results = [("tracker".to_owned(), tracker)];
    validate(&Call {
        kind: Kind::Filter,
        name: VALIDATE.name.to_owned(),
        event: Some(Event::Create),
        payload: json!({ "device": DEVICE, "name": name, "parameters": parameters }),
        flat: None,
        ctx: Context { results: results.into(), ..Context::default() },
    })
}

#[test]
fn every_command_of_every_tracker_is_named_once_and_says_itself() {
    for model in ["FMB920", "FMC650", "something else"] {
        let tracker = json!({ "protocol": "teltonika", "model": model });
        let all: Vec<_> = catalogue::commands(&tracker).collect();
        let names: HashSet<_> = all.iter().map(|spec| spec.name).collect();
        assert_eq!(names.len(), all.len());
        for spec in all {
            let arguments = Arguments::of(Map::new(), &[]).expect("none");
            assert!((spec.text)(&arguments).starts_with(spec.name), "{}", spec.name);
        }
    }
    assert_eq!(catalogue::commands(&json!({ "protocol": "other" })).count(), 0);
}

/// A walk over the states, each step any state that may follow, as the rule makes it true.
fn walk(choices: &[usize]) -> Vec<State> {
    let mut walked = vec![State::Pending];
    for choice in choices {
        let now = walked[walked.len() - 1];
        let next: Vec<_> =
            State::ALL.into_iter().filter(|it| *it != now && now.may_become(*it)).collect();
        if next.is_empty() {
            break;
        }
        let next = next[choice % next.len()];
        let unknown = walked.contains(&State::Unknown);
        walked.push(if unknown { next.after_unknown() } else { next });
    }
    walked
}

proptest! {
    #[test]
    fn no_way_leads_out_of_an_end_or_sends_a_command_twice_but_for_one_that_is_unknown(
        choices in prop::collection::vec(0usize..8, 0..40),
    ) {
        let walked = walk(&choices);
        let count = |state| walked.iter().filter(|it| **it == state).count();
        prop_assert!(count(State::Sent) <= 1 + count(State::Unknown), "{walked:?}");
        let ends = [State::Acknowledged, State::Failed, State::Expired, State::Cancelled];
        for (index, state) in walked.iter().enumerate() {
            prop_assert!(!ends.contains(state) || index == walked.len() - 1, "{walked:?}");
        }
        // What is over before it was sent was never sent, and what was sent can't be taken back.
        if let Some(State::Cancelled | State::Expired) = walked.last() {
            prop_assert_eq!((count(State::Sent), count(State::Unknown)), (0, 0), "{:?}", walked);
        }
    }

    #[test]
    fn no_parameters_make_a_text_that_ends_before_its_time(
        id in any::<i64>(), value in ".{0,80}", extra in any::<bool>(),
    ) {
        let mut parameters = json!({ "id": id, "value": value });
        if extra {
            parameters["more"] = json!(value);
        }
        let outcome = give("setparam", parameters, "FMB920");
        if let Some(patch) = outcome.patch {
            let text = patch["payload"].as_str().expect("a text");
            prop_assert!(text.is_ascii() && !text.contains([';', '\r', '\n', '\0']), "{text:?}");
        } else {
            prop_assert!(!outcome.reject.is_empty());
        }
    }
}

/// The database refuses the same: two who decide at a time have read the same state.
#[test]
fn the_database_knows_the_same_transitions() {
    let sql = include_str!("../../../../db-init/always/066_command_transitions.sql");
    let listed = sql.split("-- transitions\n").nth(1).expect("the table of transitions");
    let said: Vec<String> = State::transitions()
        .flat_map(|(from, next)| next.iter().map(move |to| (from, *to)))
        .map(|(from, to)| format!("('{}', '{}')", from.as_str(), to.as_str()))
        .collect();
    let found: Vec<&str> = listed.lines().map(|line| line.trim().trim_end_matches(',')).collect();
    assert_eq!(found, said);
}
