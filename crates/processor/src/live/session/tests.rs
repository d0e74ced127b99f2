use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use biplane_core::{DeviceId, EventId, OrganizationId};
use uuid::Uuid;

use super::super::session::Kinds;
use super::*;

mod story;

const USER: UserId = Uuid::from_u128(1);
const DEVICE: DeviceId = DeviceId(Uuid::from_u128(10));
const OTHER_DEVICE: DeviceId = DeviceId(Uuid::from_u128(11));
const EVENT: EventId = EventId(Uuid::from_u128(20));
const TENANT: OrganizationId = OrganizationId(Uuid::from_u128(30));
const STATIC: &str = "a-static-token";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// A token as Directus signs it, that ends at so many seconds; `which` tells it from others.
fn jwt(which: &str, ends: i64) -> String {
    let payload = format!(r#"{{"id":"{USER}","exp":{ends},"iss":"directus","n":"{which}"}}"#);
    format!("eyJhbGciOiJIUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
}

fn auth(token: &str) -> String {
    format!(r#"{{"type":"auth","access_token":"{token}"}}"#)
}

fn subscribe(uid: &str) -> String {
    format!(r#"{{"type":"subscribe","uid":"{uid}","topic":{{"event":"{EVENT}"}}}}"#)
}

fn allowed(devices: &[DeviceId]) -> Arc<Allowed> {
    Arc::new(Allowed {
        devices: devices.iter().map(|device| (*device, TENANT)).collect(),
        kinds: Kinds { crossings: true, alerts: true, status: true },
        event: Some((EVENT, TENANT)),
        organization: None,
    })
}

/// The one question among the effects.
fn question(effects: &[Effect]) -> (AskId, Question) {
    let mut questions = effects.iter().filter_map(|effect| match effect {
        Effect::Ask(ask, question) => Some((*ask, question.clone())),
        _ => None,
    });
    let first = questions.next().expect("a question");
    assert_eq!(questions.next(), None, "one question only");
    first
}

/// What is said and done, in short.
fn story(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Ask(_, Question::User(_)) => "ask user".into(),
            Effect::Ask(_, Question::Topic(..)) => "ask topic".into(),
            Effect::Send(ServerMessage::Auth { error: Some(error), .. }) => {
                format!("auth {}", error.code)
            }
            Effect::Send(ServerMessage::Auth { .. }) => "auth ok".into(),
            Effect::Send(ServerMessage::Subscription {
                uid,
                event: SubscriptionEvent::Error(error),
                cursor: None,
            }) => format!("{} {}", uid.as_deref().unwrap_or("-"), error.code),
            Effect::Send(ServerMessage::Error { error, .. }) => format!("error {}", error.code),
            Effect::Send(ServerMessage::Ping) => "ping".into(),
            Effect::Send(ServerMessage::Pong) => "pong".into(),
            Effect::Send(other) => format!("{other:?}"),
            Effect::Watch(uid, allowed, _, None) => {
                format!("watch {uid} {}", allowed.devices.len())
            }
            Effect::Watch(uid, allowed, _, Some(Recall { since, replay_s })) => {
                let since = since.map_or("-".to_owned(), |since| since.to_string());
                format!("watch {uid} {} since {since} within {replay_s} s", allowed.devices.len())
            }
            Effect::Rewatch(uid, allowed) => format!("rewatch {uid} {}", allowed.devices.len()),
            Effect::Unwatch(uid) => format!("unwatch {uid}"),
            Effect::Hold(held) => format!("hold {held}"),
            Effect::Close(code) => format!("close {code}"),
        })
        .collect()
}

fn fresh() -> Session {
    Session::new(SessionRules::default(), at(0))
}

/// A session whose token was confirmed at second 0.
fn confirmed(token: &str) -> Session {
    let mut session = fresh();
    let (ask, asked) = question(&session.on_message(at(0), &auth(token)));
    assert_eq!(asked, Question::User(Token::new(token)));
    let effects = session.on_answer(at(0), ask, Answer::User(Ok(USER)));
    assert_eq!(story(&effects), ["auth ok"]);
    session
}

/// The same with a subscription `map` that is shown.
fn subscribed(token: &str) -> Session {
    let mut session = confirmed(token);
    let (ask, _) = question(&session.on_message(at(0), &subscribe("map")));
    let effects = session.on_answer(at(0), ask, Answer::Topic(Ok(allowed(&[DEVICE]))));
    assert_eq!(story(&effects), ["watch map 1"]);
    session
}

/// Keeps the client alive up to a time at which nothing else happens.
fn alive(session: &mut Session, now: Timestamp) {
    session.on_message(now, r#"{"type":"pong"}"#);
    session.ping_at = now + session.rules.ping;
}

#[test]
fn a_client_that_says_nothing_is_closed_after_ten_seconds() {
    let mut session = fresh();
    assert_eq!(session.deadline(), at(10));
    assert!(session.on_time(at(9)).is_empty());
    let effects = session.on_time(at(10));
    assert_eq!(story(&effects), ["auth LIVE_UNAUTHORIZED", "close LIVE_UNAUTHORIZED"]);
    assert!(session.on_message(at(11), &auth(STATIC)).is_empty(), "it stays closed");
}

#[test]
fn a_directus_that_says_nothing_is_named_when_the_handshake_ends() {
    let mut session = fresh();
    session.on_message(at(1), &auth(STATIC));
    let effects = session.on_time(at(10));
    assert_eq!(story(&effects), ["auth LIVE_DIRECTUS_AWAY", "close LIVE_DIRECTUS_AWAY"]);
}

#[test]
fn nothing_is_asked_for_a_client_without_a_token() {
    let mut session = fresh();
    let effects = session.on_message(at(0), &subscribe("map"));
    assert_eq!(story(&effects), ["map LIVE_UNAUTHORIZED"]);
}

#[test]
fn a_token_that_directus_refuses_closes_the_session() {
    for (refusal, code) in [
        (Refusal::Unauthorized, "LIVE_UNAUTHORIZED"),
        (Refusal::Away, "LIVE_DIRECTUS_AWAY"),
        (Refusal::TooMany, "LIVE_LIMIT"),
    ] {
        let mut session = fresh();
        let (ask, _) = question(&session.on_message(at(0), &auth("bad")));
        let effects = session.on_answer(at(1), ask, Answer::User(Err(refusal)));
        assert_eq!(story(&effects), [format!("auth {code}"), format!("close {code}")]);
    }
}

#[test]
fn a_token_that_has_ended_is_not_even_asked_about() {
    let effects = fresh().on_message(at(100), &auth(&jwt("old", 100)));
    assert_eq!(story(&effects), ["auth LIVE_TOKEN_EXPIRED", "close LIVE_TOKEN_EXPIRED"]);
}

#[test]
fn a_token_that_ends_while_directus_is_asked_opens_nothing() {
    let mut session = fresh();
    let (ask, _) = question(&session.on_message(at(0), &auth(&jwt("short", 2))));
    let effects = session.on_answer(at(2), ask, Answer::User(Ok(USER)));
    assert_eq!(story(&effects), ["auth LIVE_TOKEN_EXPIRED", "close LIVE_TOKEN_EXPIRED"]);
}

#[test]
fn the_client_is_told_when_its_token_ends_and_nothing_of_a_static_one() {
    for (token, expected) in [(jwt("a", 900), Some(at(900))), (STATIC.to_owned(), None)] {
        let mut session = fresh();
        let (ask, _) = question(&session.on_message(at(0), &auth(&token)));
        let effects = session.on_answer(at(0), ask, Answer::User(Ok(USER)));
        let [Effect::Send(ServerMessage::Auth { status: Status::Ok, expires_at, time, .. })] =
            &effects[..]
        else {
            panic!("{effects:?}");
        };
        assert_eq!((*expires_at, *time), (expected, Some(at(0))));
    }
}

#[test]
fn a_topic_is_asked_with_the_clients_own_token() {
    let token = jwt("a", 900);
    let mut session = confirmed(&token);
    let (_, asked) = question(&session.on_message(at(1), &subscribe("map")));
    assert_eq!(asked, Question::Topic(Token::new(&token), Topic::Event(EVENT)));
}

#[test]
fn a_topic_of_which_directus_shows_nothing_is_forbidden() {
    let mut session = confirmed(STATIC);
    let (ask, _) = question(&session.on_message(at(1), &subscribe("map")));
    let effects = session.on_answer(at(1), ask, Answer::Topic(Ok(Arc::default())));
    assert_eq!(story(&effects), ["map LIVE_FORBIDDEN"]);
    let again = session.on_message(at(1), &subscribe("map"));
    assert_eq!(story(&again), ["ask topic"], "the name is free again");
}

#[test]
fn a_readable_event_without_entries_is_shown_for_its_crossings() {
    let mut session = confirmed(STATIC);
    let (ask, _) = question(&session.on_message(at(1), &subscribe("map")));
    let effects = session.on_answer(at(1), ask, Answer::Topic(Ok(allowed(&[]))));
    assert_eq!(story(&effects), ["watch map 0"]);
}

#[test]
fn directus_away_refuses_new_subscriptions_and_keeps_old_ones() {
    let mut session = subscribed(&jwt("a", 900));
    let (ask, _) = question(&session.on_message(at(1), &subscribe("second")));
    let effects = session.on_answer(at(6), ask, Answer::Topic(Err(Refusal::Away)));
    assert_eq!(story(&effects), ["second LIVE_DIRECTUS_AWAY"]);

    alive(&mut session, at(59));
    let (ask, _) = question(&session.on_time(at(60)));
    assert!(session.on_answer(at(65), ask, Answer::Topic(Err(Refusal::Away))).is_empty());
    alive(&mut session, at(119));
    assert_eq!(story(&session.on_time(at(120))), ["ask topic"], "and asks again");
}

#[test]
fn what_directus_allowed_is_asked_again_within_a_minute() {
    let mut session = subscribed(&jwt("a", 900));
    alive(&mut session, at(49));
    assert_eq!(session.deadline(), at(50));
    let (ask, _) = question(&session.on_time(at(60)));
    let answer = Answer::Topic(Ok(allowed(&[DEVICE, OTHER_DEVICE])));
    assert_eq!(story(&session.on_answer(at(60), ask, answer)), ["rewatch map 2"]);

    alive(&mut session, at(119));
    let (ask, _) = question(&session.on_time(at(120)));
    let effects = session.on_answer(at(120), ask, Answer::Topic(Ok(Arc::default())));
    assert_eq!(story(&effects), ["unwatch map", "map LIVE_FORBIDDEN"]);
}

#[test]
fn at_the_tokens_end_nothing_is_shown_until_a_fresh_one_is_confirmed() {
    let mut session = subscribed(&jwt("a", 30));
    alive(&mut session, at(29));
    assert_eq!(session.deadline(), at(30));
    let effects = session.on_time(at(30));
    assert_eq!(story(&effects), ["hold true", "auth LIVE_TOKEN_EXPIRED"]);
    assert_eq!(session.deadline(), at(40));
    let refused = session.on_message(at(31), &subscribe("second"));
    assert_eq!(story(&refused), ["second LIVE_TOKEN_EXPIRED"]);

    let fresh = jwt("b", 930);
    let (ask, _) = question(&session.on_message(at(39), &auth(&fresh)));
    assert!(session.on_time(at(41)).is_empty(), "it came in time; Directus decides");
    let effects = session.on_answer(at(42), ask, Answer::User(Ok(USER)));
    assert_eq!(story(&effects), ["auth ok", "hold false", "ask topic"]);
    let (_, asked) = question(&effects);
    assert_eq!(asked, Question::Topic(Token::new(&fresh), Topic::Event(EVENT)));
}

#[test]
fn without_a_fresh_token_the_session_ends_ten_seconds_after_the_old_one() {
    let mut session = subscribed(&jwt("a", 15));
    session.on_time(at(15));
    assert!(session.on_time(at(24)).is_empty());
    assert_eq!(story(&session.on_time(at(25))), ["close LIVE_TOKEN_EXPIRED"]);
}

#[test]
fn a_fresh_token_that_is_refused_after_the_grace_leaves_nothing() {
    let mut session = subscribed(&jwt("a", 15));
    session.on_time(at(15));
    let (ask, _) = question(&session.on_message(at(24), &auth("bad")));
    session.on_time(at(26));
    let effects = session.on_answer(at(27), ask, Answer::User(Err(Refusal::Unauthorized)));
    assert_eq!(story(&effects), ["auth LIVE_UNAUTHORIZED"]);
    assert_eq!(session.deadline(), at(25), "due at once");
    assert_eq!(story(&session.on_time(at(27))), ["close LIVE_TOKEN_EXPIRED"]);
}

#[test]
fn a_renewal_that_fails_leaves_the_token_in_use_as_it_was() {
    for refusal in [Refusal::Unauthorized, Refusal::Away] {
        let mut session = subscribed(&jwt("a", 50));
        let (ask, _) = question(&session.on_message(at(5), &auth("bad")));
        let effects = session.on_answer(at(5), ask, Answer::User(Err(refusal)));
        assert!(story(&effects)[0].starts_with("auth LIVE_"), "{effects:?}");
        assert_eq!(effects.len(), 1);
        alive(&mut session, at(29));
        assert_eq!(session.deadline(), at(50));
    }
}

#[test]
fn another_users_token_does_not_take_over_a_connection() {
    let mut session = subscribed(&jwt("a", 50));
    let (ask, _) = question(&session.on_message(at(5), &auth("of somebody else")));
    let effects = session.on_answer(at(5), ask, Answer::User(Ok(Uuid::from_u128(2))));
    assert_eq!(story(&effects), ["auth LIVE_UNAUTHORIZED", "close LIVE_UNAUTHORIZED"]);
}

#[test]
fn of_two_tokens_sent_at_once_the_last_counts() {
    let mut session = fresh();
    let (first, _) = question(&session.on_message(at(0), &auth("one")));
    let (second, _) = question(&session.on_message(at(0), &auth("two")));
    assert!(session.on_answer(at(1), first, Answer::User(Err(Refusal::Unauthorized))).is_empty());
    assert_eq!(story(&session.on_answer(at(1), second, Answer::User(Ok(USER)))), ["auth ok"]);
}

#[test]
fn a_static_token_is_asked_again_every_minute_and_lives_fifteen_without_directus() {
    let mut session = subscribed(STATIC);
    for minute in 1..15 {
        let now = at(minute * 60);
        alive(&mut session, now);
        let (ask, asked) = question(&session.on_time(now));
        assert_eq!(asked, Question::User(Token::new(STATIC)));
        assert!(session.on_answer(now, ask, Answer::User(Err(Refusal::Away))).is_empty());
    }
    alive(&mut session, at(900));
    assert_eq!(story(&session.on_time(at(900))), ["hold true", "auth LIVE_TOKEN_EXPIRED"]);
}

#[test]
fn a_static_token_that_directus_confirms_again_lives_on() {
    let mut session = subscribed(STATIC);
    alive(&mut session, at(60));
    let (ask, _) = question(&session.on_time(at(60)));
    let effects = session.on_answer(at(61), ask, Answer::User(Ok(USER)));
    assert_eq!(story(&effects), ["ask topic"]);
    assert_eq!(session.identity.as_ref().map(|identity| identity.ends), Some(at(961)));
}

#[test]
fn a_static_token_that_was_taken_away_ends_the_session() {
    let mut session = subscribed(STATIC);
    alive(&mut session, at(60));
    let (ask, _) = question(&session.on_time(at(60)));
    let effects = session.on_answer(at(60), ask, Answer::User(Err(Refusal::Unauthorized)));
    assert_eq!(story(&effects), ["hold true", "auth LIVE_TOKEN_EXPIRED"]);
}

#[test]
fn a_logout_is_noticed_when_a_topic_is_asked_again() {
    let mut session = subscribed(&jwt("a", 900));
    alive(&mut session, at(60));
    let (ask, _) = question(&session.on_time(at(60)));
    let effects = session.on_answer(at(60), ask, Answer::Topic(Err(Refusal::Unauthorized)));
    assert_eq!(story(&effects), ["hold true", "auth LIVE_TOKEN_EXPIRED"]);
}

#[test]
fn an_answer_that_comes_after_unsubscribe_shows_nothing() {
    let mut session = confirmed(STATIC);
    let (ask, _) = question(&session.on_message(at(1), &subscribe("map")));
    session.on_message(at(1), r#"{"type":"unsubscribe","uid":"map"}"#);
    assert!(session.on_answer(at(2), ask, Answer::Topic(Ok(allowed(&[DEVICE])))).is_empty());
}

#[test]
fn an_answer_to_a_topic_that_was_replaced_shows_nothing() {
    let mut session = confirmed(STATIC);
    let (old, _) = question(&session.on_message(at(1), &subscribe("map")));
    let other = format!(r#"{{"type":"subscribe","uid":"map","topic":{{"devices":["{DEVICE}"]}}}}"#);
    let (new, asked) = question(&session.on_message(at(1), &other));
    assert!(matches!(asked, Question::Topic(_, Topic::Devices(_))));
    assert!(session.on_answer(at(2), old, Answer::Topic(Ok(allowed(&[OTHER_DEVICE])))).is_empty());
    let effects = session.on_answer(at(2), new, Answer::Topic(Ok(allowed(&[DEVICE]))));
    assert_eq!(story(&effects), ["watch map 1"]);
}

#[test]
fn unsubscribing_what_is_shown_ends_it() {
    let mut session = subscribed(STATIC);
    let effects = session.on_message(at(1), r#"{"type":"unsubscribe","uid":"map"}"#);
    assert_eq!(story(&effects), ["unwatch map"]);
    assert!(session.on_message(at(1), r#"{"type":"unsubscribe","uid":"map"}"#).is_empty());
}

#[test]
fn a_client_has_so_many_subscriptions_and_no_more() {
    let mut session = confirmed(STATIC);
    for at_most in 0..32 {
        let effects = session.on_message(at(1), &subscribe(&format!("s{at_most}")));
        let (ask, _) = question(&effects);
        session.on_answer(at(1), ask, Answer::Topic(Ok(allowed(&[DEVICE]))));
    }
    assert_eq!(story(&session.on_message(at(1), &subscribe("more"))), ["more LIVE_LIMIT"]);
    let replaced = session.on_message(at(1), &subscribe("s0"));
    assert_eq!(story(&replaced), ["unwatch s0", "ask topic"], "one of them may change its topic");
}

#[test]
fn a_client_that_asks_faster_than_directus_answers_is_stopped() {
    let mut session = confirmed(STATIC);
    let mut asked = 0;
    for _ in 0..1000 {
        let effects = session.on_message(at(1), &subscribe("map"));
        asked += effects.iter().filter(|effect| matches!(effect, Effect::Ask(..))).count();
    }
    assert_eq!(asked, OPEN_QUESTIONS);
    assert_eq!(story(&session.on_message(at(1), &auth(STATIC))), ["error LIVE_LIMIT"]);
}

#[test]
fn what_is_no_message_is_answered_and_forgiven() {
    let mut session = confirmed(STATIC);
    for text in [
        "",
        "null",
        "[]",
        r#"{"type":"launch"}"#,
        r#"{"type":"auth"}"#,
        r#"{"type":"subscribe","topic":{"planet":"mars"}}"#,
        r#"{"type":"subscribe","uid":7,"topic":{"event":"not a uuid"}}"#,
    ] {
        let effects = session.on_message(at(1), text);
        assert_eq!(story(&effects), ["error LIVE_MESSAGE"], "{text}");
    }
    for text in [
        r#"{"type":"subscribe","uid":"x"}"#,
        r#"{"type":"subscribe","uid":"x","topic":{"event":"not a uuid"}}"#,
        r#"{"type":"subscribe","uid":"x","topic":{"devices":[]},"options":{"speed":1}}"#,
    ] {
        let effects = session.on_message(at(1), text);
        assert_eq!(story(&effects), ["x LIVE_MESSAGE"], "by its name: {text}");
    }
    assert_eq!(story(&session.on_binary()), ["error LIVE_MESSAGE"]);
    assert_eq!(story(&session.on_message(at(1), r#"{"type":"ping"}"#)), ["pong"]);
}

#[test]
fn a_subscription_needs_a_name_and_a_device() {
    let mut session = confirmed(STATIC);
    assert_eq!(story(&session.on_message(at(1), &subscribe(""))), [" LIVE_MESSAGE"]);
    let long = "x".repeat(129);
    assert_eq!(story(&session.on_message(at(1), &subscribe(&long))), ["- LIVE_MESSAGE"]);
    let none = r#"{"type":"subscribe","uid":"x","topic":{"devices":[]}}"#;
    assert_eq!(story(&session.on_message(at(1), none)), ["x LIVE_MESSAGE"]);
}

#[test]
fn a_client_that_does_not_answer_a_ping_is_closed() {
    let mut session = subscribed(&jwt("a", 900));
    assert_eq!(session.deadline(), at(30));
    assert_eq!(story(&session.on_time(at(30))), ["ping"]);
    session.on_message(at(31), r#"{"type":"pong"}"#);
    assert_eq!(story(&session.on_time(at(60))), ["ask topic", "ping"]);
    assert_eq!(story(&session.on_time(at(90))), ["close LIVE_BEHIND"]);
}

#[test]
fn a_directus_that_hangs_is_not_asked_ever_more() {
    for token in [jwt("a", 3000), STATIC.to_owned()] {
        let mut session = subscribed(&token);
        let mut asked = 0;
        for minute in 1..10 {
            alive(&mut session, at(minute * 60));
            let effects = session.on_time(at(minute * 60));
            asked += effects.iter().filter(|effect| matches!(effect, Effect::Ask(..))).count();
        }
        assert_eq!(asked, 1);
    }
}

#[test]
fn who_comes_back_with_a_cursor_is_told_what_was_missed_once() {
    let mut session = confirmed(&jwt("a", 900));
    let resume = format!(
        r#"{{"type":"subscribe","uid":"map","topic":{{"event":"{EVENT}"}},"resume":"7-9","options":{{"replay_s":60}}}}"#
    );
    let (ask, _) = question(&session.on_message(at(1), &resume));
    let effects = session.on_answer(at(1), ask, Answer::Topic(Ok(allowed(&[DEVICE]))));
    assert_eq!(story(&effects), ["watch map 1 since 7-9 within 60 s"]);
    alive(&mut session, at(60));
    let (ask, _) = question(&session.on_time(at(60)));
    let effects =
        session.on_answer(at(60), ask, Answer::Topic(Ok(allowed(&[DEVICE, OTHER_DEVICE]))));
    assert_eq!(story(&effects), ["rewatch map 2"]);
}

#[test]
fn a_subscription_whose_past_cannot_be_told_ends_and_may_be_made_again() {
    let mut session = subscribed(STATIC);
    let code = ErrorCode::LiveCursor;
    let effects = session.on_recall_failed("map".into(), code, "too much".into());
    assert_eq!(story(&effects), ["unwatch map", "map LIVE_CURSOR"]);
    assert_eq!(story(&session.on_message(at(1), &subscribe("map"))), ["ask topic"]);
}

#[test]
fn options_beyond_their_limits_are_refused_by_name() {
    let mut session = confirmed(STATIC);
    for (option, most) in [("min_interval_ms", 60_000), ("replay_s", 3_600)] {
        let with = |value: i64| {
            format!(
                r#"{{"type":"subscribe","uid":"x","topic":{{"event":"{EVENT}"}},"options":{{"{option}":{value}}}}}"#
            )
        };
        assert_eq!(story(&session.on_message(at(1), &with(most))), ["ask topic"]);
        let effects = session.on_message(at(1), &with(most + 1));
        assert_eq!(story(&effects), ["x LIVE_MESSAGE"]);
        let [Effect::Send(message)] = &effects[..] else { panic!("{effects:?}") };
        let text = serde_json::to_string(message).expect("JSON");
        assert!(text.contains(option) && text.contains(&(most + 1).to_string()), "{text}");
    }
}

#[test]
fn a_protocol_that_the_hub_does_not_speak_is_refused() {
    let mut session = fresh();
    let effects = session.on_message(at(0), r#"{"type":"auth","access_token":"a","protocol":2}"#);
    assert_eq!(story(&effects), ["auth LIVE_PROTOCOL", "close LIVE_PROTOCOL"]);
    let mut session = fresh();
    let effects = session.on_message(at(0), r#"{"type":"auth","access_token":"a","protocol":1}"#);
    assert_eq!(story(&effects), ["ask user"]);
}

#[test]
fn a_change_of_access_is_asked_about_at_once_by_those_whom_it_concerns() {
    let of_user = |user| AccessChange { user: Some(user), organization: None };
    let of = |organization| AccessChange { user: None, organization: Some(organization) };
    let stranger = OrganizationId(Uuid::from_u128(31));
    for (change, concerns) in [
        (AccessChange::default(), true),
        (of_user(USER), true),
        (of_user(Uuid::from_u128(2)), false),
        (of(TENANT), true),
        (of(stranger), false),
    ] {
        let mut session = subscribed(STATIC);
        let effects = session.on_access_change(change);
        let expected: &[&str] = if concerns { &["ask topic"] } else { &[] };
        assert_eq!(story(&effects), expected, "{change:?}");
    }
    assert!(fresh().on_access_change(AccessChange::default()).is_empty());
}

#[test]
fn an_answer_from_before_a_change_of_access_shows_nothing() {
    let mut session = confirmed(STATIC);
    let (before, _) = question(&session.on_message(at(1), &subscribe("map")));
    let of_tenant = AccessChange { user: None, organization: Some(TENANT) };
    for _ in 0..1000 {
        assert!(session.on_access_change(of_tenant).is_empty(), "not ever more questions");
    }
    let effects = session.on_answer(at(2), before, Answer::Topic(Ok(allowed(&[DEVICE]))));
    let (after, _) = question(&effects);
    let effects = session.on_answer(at(2), after, Answer::Topic(Ok(Arc::default())));
    assert_eq!(story(&effects), ["map LIVE_FORBIDDEN"]);
}
