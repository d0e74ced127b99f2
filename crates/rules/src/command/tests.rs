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

/// A walk over the states, each step any state that may follow.
fn walk(choices: &[usize]) -> Vec<State> {
    let mut walked = vec![State::Pending];
    for choice in choices {
        let now = walked[walked.len() - 1];
        let next: Vec<_> =
            State::ALL.into_iter().filter(|it| *it != now && now.may_become(*it)).collect();
        match next.len() {
            0 => break,
            count => walked.push(next[choice % count]),
        }
    }
    walked
}

proptest! {
    #[test]
    fn no_way_leads_out_of_an_end_or_sends_a_command_twice(
        choices in prop::collection::vec(0usize..8, 0..40),
    ) {
        let walked = walk(&choices);
        let sent = walked.iter().filter(|state| **state == State::Sent).count();
        prop_assert!(sent <= 1, "{walked:?}");
        let ends = [State::Acknowledged, State::Failed, State::Expired, State::Cancelled];
        for (index, state) in walked.iter().enumerate() {
            prop_assert!(!ends.contains(state) || index == walked.len() - 1, "{walked:?}");
        }
        // What is over before it was sent was never sent, and what was sent can't be taken back.
        if let Some(State::Cancelled | State::Expired) = walked.last() {
            prop_assert_eq!(sent, 0);
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
