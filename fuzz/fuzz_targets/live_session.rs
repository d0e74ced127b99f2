//! A live client's session with anything said to it, line by line. Lines that begin with `!` are an
//! answer of Directus to the oldest question, with `+` seconds that go by, with `~` a change of access,
//! with `#` a message of bytes; every other line is a message of the client's.
#![no_main]

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use biplane_core::live::AccessChange;
use biplane_core::{DeviceId, OrganizationId, Timestamp};
use biplane_processor::live::SessionRules;
use biplane_processor::live::session::{Allowed, Answer, Effect, Kinds, Question, Refusal, Session};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

const SUBSCRIPTIONS: usize = 32;
/// One client's own questions, its refreshes, and one about itself.
const QUESTIONS: usize = 64 + 2 * SUBSCRIPTIONS;
/// As the hub's limit of a message.
const LONGEST: usize = 64 * 1024;

fuzz_target!(|input: &[u8]| {
    let rules = SessionRules { subscriptions: SUBSCRIPTIONS, ..SessionRules::default() };
    let mut now = Timestamp::from_millis(1_777_636_800_000);
    let mut session = Session::new(rules, now);
    let (mut asked, mut shown, mut closed) = (VecDeque::new(), BTreeSet::new(), false);
    for line in input.split(|&byte| byte == b'\n') {
        let effects = match line {
            [b'!', which, ..] => {
                let Some((ask, question)) = asked.pop_front() else { continue };
                session.on_answer(now, ask, answer(&question, *which))
            }
            [b'+', seconds, ..] => {
                now = now + i64::from(*seconds) * 1000;
                session.on_time(now)
            }
            [b'~', ..] => session.on_access_change(AccessChange::default()),
            // The shell hears nothing more of a client that it has closed.
            [b'#', ..] if !closed => session.on_binary(),
            _ if closed || line.len() > LONGEST => continue,
            _ => session.on_message(now, &String::from_utf8_lossy(line)),
        };
        assert!(!closed || effects.is_empty(), "after the end: {effects:?}");
        for effect in effects {
            assert!(!closed, "after the end: {effect:?}");
            match effect {
                Effect::Ask(ask, question) => asked.push_back((ask, question)),
                Effect::Watch(uid, allowed, ..) => {
                    assert!(!allowed.is_empty(), "nothing is shown under {uid:?}");
                    assert!(shown.insert(uid), "shown twice");
                }
                Effect::Rewatch(uid, _) => assert!(shown.contains(&uid), "{uid:?} is not shown"),
                Effect::Unwatch(uid) => assert!(shown.remove(&uid), "{uid:?} is not shown"),
                Effect::Send(message) => {
                    serde_json::to_string(&message).expect("what is sent has a JSON form");
                }
                Effect::Hold(_) => {}
                Effect::Close(_) => closed = true,
            }
        }
        assert!(shown.len() <= SUBSCRIPTIONS);
        assert!(asked.len() <= QUESTIONS, "{} questions are open", asked.len());
    }
});

fn answer(question: &Question, which: u8) -> Answer {
    let refusal = match which {
        b'0' => Some(Refusal::Unauthorized),
        b'1' => Some(Refusal::Away),
        b'2' => Some(Refusal::TooMany),
        _ => None,
    };
    match (question, refusal) {
        (Question::User(_), Some(refusal)) => Answer::User(Err(refusal)),
        (Question::User(_), None) => Answer::User(Ok(Uuid::from_u128(1))),
        (Question::Topic(..), Some(refusal)) => Answer::Topic(Err(refusal)),
        (Question::Topic(..), None) => {
            let device = |number| (DeviceId(Uuid::from_u128(number)), OrganizationId(Uuid::from_u128(7)));
            Answer::Topic(Ok(Arc::new(Allowed {
                devices: (0..u128::from(which) % 4).map(device).collect(),
                kinds: Kinds { crossings: true, alerts: true, status: true },
                event: None,
                organization: None,
            })))
        }
    }
}
