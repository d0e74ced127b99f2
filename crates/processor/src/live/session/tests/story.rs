//! Whatever may happen to a session, in any order.

use proptest::prelude::*;

use super::*;

/// What may come to a session, in any order.
#[derive(Clone, Debug)]
enum Happens {
    Text(String),
    Bytes,
    /// Seconds go by.
    Time(i64),
    /// The oldest open question is answered.
    Answer(usize),
    Access(AccessChange),
}

fn any_text() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(format!(r#""{EVENT}""#)),
        Just(r#""7-9""#.to_owned()),
        Just(format!(r#"["{DEVICE}","{OTHER_DEVICE}"]"#)),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("null".to_owned()),
        Just("-1".to_owned()),
        Just("1e308".to_owned()),
        Just(r#"["lat","lat"]"#.to_owned()),
        Just(format!(r#"{{"event":"{EVENT}"}}"#)),
        Just(format!(r#"{{"devices":["{DEVICE}"]}}"#)),
        Just(r#"{"replay_s":3600,"min_interval_ms":60000}"#.to_owned()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    let name = prop_oneof![
        Just("type"),
        Just("uid"),
        Just("topic"),
        Just("options"),
        Just("resume"),
        Just("access_token"),
        Just("protocol"),
        Just("event"),
    ];
    let kind = prop_oneof![
        Just("auth"),
        Just("subscribe"),
        Just("unsubscribe"),
        Just("ping"),
        Just("pong"),
        Just("x"),
    ];
    let fields = prop::collection::vec((name, value), 0..5);
    let message = (kind, fields).prop_map(|(kind, fields)| {
        let fields = fields.iter().map(|(name, value)| format!(r#","{name}":{value}"#));
        format!(r#"{{"type":"{kind}"{}}}"#, fields.collect::<String>())
    });
    // Cut short anywhere, or anything at all.
    prop_oneof![
        6 => message.clone(),
        1 => (message, any::<prop::sample::Index>()).prop_map(|(text, at)| {
            let at = at.index(text.len());
            text.char_indices().take_while(|(place, _)| *place < at).map(|(_, c)| c).collect()
        }),
        1 => any::<String>(),
        2 => Just(auth(STATIC)),
        2 => (0..40u8).prop_map(|uid| subscribe(&uid.to_string())),
    ]
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        8 => any_text().prop_map(Happens::Text),
        1 => Just(Happens::Bytes),
        3 => (0..40i64).prop_map(Happens::Time),
        6 => (0..6usize).prop_map(Happens::Answer),
        1 => prop_oneof![
            Just(AccessChange::default()),
            Just(AccessChange { user: Some(USER), organization: None }),
            Just(AccessChange { user: None, organization: Some(TENANT) }),
        ].prop_map(Happens::Access),
    ]
}

proptest! {
    #[test]
    fn whatever_a_client_says_it_is_bounded_and_nothing_comes_after_the_end(
        story in prop::collection::vec(happens(), 1..200),
    ) {
        let mut session = fresh();
        let (mut now, mut open, mut shown, mut closed) = (0, Vec::new(), BTreeMap::new(), false);
        for event in story {
            let effects = match event {
                Happens::Text(text) => session.on_message(at(now), &text),
                Happens::Bytes if !closed => session.on_binary(),
                Happens::Bytes => Vec::new(),
                Happens::Time(seconds) => {
                    now += seconds;
                    session.on_time(at(now))
                }
                Happens::Access(change) => session.on_access_change(change),
                Happens::Answer(which) => {
                    if open.is_empty() {
                        continue;
                    }
                    let (ask, question): (AskId, Question) = open.remove(0);
                    let answer = match (question, which) {
                        (Question::User(_), 0) => Answer::User(Err(Refusal::Unauthorized)),
                        (Question::User(_), 1) => Answer::User(Err(Refusal::Away)),
                        (Question::User(_), _) => Answer::User(Ok(USER)),
                        (Question::Topic(..), 0) => Answer::Topic(Err(Refusal::Away)),
                        (Question::Topic(..), 1) => Answer::Topic(Ok(Arc::default())),
                        (Question::Topic(..), 2) => Answer::Topic(Ok(allowed(&[]))),
                        (Question::Topic(..), _) => Answer::Topic(Ok(allowed(&[DEVICE]))),
                    };
                    session.on_answer(at(now), ask, answer)
                }
            };
            prop_assert!(!closed || effects.is_empty(), "after the end: {effects:?}");
            for effect in effects {
                match effect {
                    Effect::Ask(ask, question) => open.push((ask, question)),
                    Effect::Watch(uid, allowed, ..) => {
                        prop_assert!(!allowed.is_empty());
                        prop_assert!(shown.insert(uid, allowed).is_none(), "shown twice");
                    }
                    Effect::Rewatch(uid, _) => prop_assert!(shown.contains_key(&uid)),
                    Effect::Unwatch(uid) => prop_assert!(shown.remove(&uid).is_some()),
                    Effect::Close(_) => closed = true,
                    Effect::Send(message) => {
                        prop_assert!(serde_json::to_string(&message).is_ok());
                    }
                    Effect::Hold(_) => {}
                }
            }
            prop_assert!(session.subscriptions.len() <= 32 && shown.len() <= 32);
            // Each subscription is asked about once more than a client may ask at a time.
            prop_assert!(session.asks.len() <= OPEN_QUESTIONS + 2 * 32, "{}", session.asks.len());
        }
    }
}
