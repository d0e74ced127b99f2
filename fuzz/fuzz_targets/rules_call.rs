//! Any rule of the manifest, asked with any JSON. The first line is the rule's name, or else its first
//! byte says which; the next byte says what happens and who asks; then comes JSON, a value a line: the
//! payload, the keys, the answers to what the rule asks for.
#![no_main]

use biplane_rules::{Call, Context, Event, Trigger, fits};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// How often a host asks; by the last time it has to be decided.
const MAX_ROUNDS: usize = 4;

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|&byte| byte == b'\n') else { return };
    let (name, [_, how, text @ ..]) = input.split_at(end) else { return };
    let mut values = text
        .split(|&byte| byte == b'\n')
        .map(|line| serde_json::from_slice::<Value>(line).unwrap_or_default());
    let rules = biplane_rules::manifest().rules;
    let which = usize::from(name.first().copied().unwrap_or_default());
    let named = rules.iter().find(|rule| rule.name.as_bytes() == name);
    let rule = *named.unwrap_or(&rules[which % rules.len()]);
    let (events, collections): (&[Event], &[&str]) = match rule.trigger {
        Trigger::Filter { events, collections, .. } | Trigger::Action { events, collections } => {
            (events, collections)
        }
        Trigger::Endpoint { .. } | Trigger::Operation { .. } => (&[], &[]),
    };
    let payload = values.next().unwrap_or_default();
    if !fits(&payload) {
        return;
    }
    let keys = values.next().and_then(|keys| keys.as_array().cloned()).unwrap_or_default();
    let ctx = Context {
        now_ms: 1_777_636_800_000.0,
        collection: collections.first().copied().unwrap_or_default().to_owned(),
        keys,
        user: (how & 1 == 1).then(|| "someone".to_owned()),
        admin: how & 2 == 2,
        ..Context::default()
    };
    let event = events.get(usize::from(how >> 2) % events.len().max(1)).copied();
    let (kind, name) = (rule.kind(), rule.name.to_owned());
    let mut call = Call { kind, name, event, payload, flat: None, ctx };
    for _ in 0..MAX_ROUNDS {
        let outcome = biplane_rules::call(&call);
        assert!(outcome.reject.is_empty() || outcome.need.is_empty(), "{outcome:?}");
        if outcome.need.is_empty() {
            return;
        }
        for need in outcome.need {
            call.ctx.results.insert(need.name().to_owned(), values.next().unwrap_or_default());
        }
    }
    panic!("{} still asks after {MAX_ROUNDS} rounds", call.name);
});
