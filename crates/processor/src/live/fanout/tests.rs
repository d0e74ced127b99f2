use biplane_core::live::{Direction, LiveCrossing, LivePosition};
use biplane_core::{ErrorCode, GeofenceId, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::super::outbox::Closing;
use super::*;

const A: OrganizationId = OrganizationId(Uuid::from_u128(1));
const B: OrganizationId = OrganizationId(Uuid::from_u128(2));
const EVENT: EventId = EventId(Uuid::from_u128(3));

fn device(n: u128) -> DeviceId {
    DeviceId(Uuid::from_u128(100 + n))
}

fn position(organization: OrganizationId, of: DeviceId, second: i64) -> PublishedPosition {
    let position = LivePosition {
        device: of,
        time: Timestamp::from_millis(second * 1000),
        lat: 46.0,
        lon: second as f64,
        altitude_m: None,
        speed_kmh: None,
        course_deg: None,
        faulty: false,
    };
    PublishedPosition { organization, position }
}

fn faulty(mut published: PublishedPosition) -> PublishedPosition {
    published.position.faulty = true;
    published
}

fn crossing(organization: OrganizationId, n: u128) -> LiveItem {
    LiveItem::Crossing(LiveCrossing {
        id: Uuid::from_u128(n),
        organization,
        event: Some(EVENT),
        entry: None,
        device: device(0),
        checkpoint: None,
        geofence: GeofenceId(Uuid::from_u128(4)),
        direction: Direction::Enter,
        crossed_at: Timestamp::from_millis(0),
    })
}

fn devices(of: &[(DeviceId, OrganizationId)]) -> Allowed {
    Allowed { devices: of.iter().copied().collect(), crossings: None }
}

fn event(organization: OrganizationId) -> Allowed {
    Allowed { devices: Default::default(), crossings: Some((EVENT, organization)) }
}

/// What would be sent now: for each message its event and the longitudes or the number of its data.
fn sent(outbox: &Outbox) -> Vec<(String, Vec<i64>)> {
    let messages = outbox.take(true).messages;
    messages
        .iter()
        .map(|message| {
            let message: Value = serde_json::from_str(message).expect("JSON");
            let data = message["data"].as_array().expect("data");
            let mut data: Vec<i64> =
                data.iter().map(|item| item["lon"].as_f64().unwrap_or(-1.0) as i64).collect();
            data.sort_unstable();
            (message["event"].as_str().expect("event").to_owned(), data)
        })
        .collect()
}

fn positions(of: impl IntoIterator<Item = PublishedPosition>) -> Vec<LiveItem> {
    of.into_iter().map(LiveItem::Position).collect()
}

#[test]
fn a_subscription_starts_with_the_last_position_of_each_device() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.seed(vec![position(A, device(1), 1), position(A, device(2), 2)]);
    fanout.publish(positions([position(A, device(1), 5)]));
    let all = devices(&[(device(1), A), (device(2), A), (device(3), A)]);
    fanout.watch(&outbox, "map", all);
    assert_eq!(sent(&outbox), [("init".into(), vec![2, 5])]);
    assert!(sent(&outbox).is_empty());
}

#[test]
fn an_init_is_sent_even_when_nothing_is_known_yet() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.watch(&outbox, "map", devices(&[(device(1), A)]));
    assert_eq!(sent(&outbox), [("init".into(), vec![])]);
}

#[test]
fn a_seed_does_not_overtake_what_came_in_meanwhile_and_reaches_who_waits() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.watch(&outbox, "map", devices(&[(device(1), A), (device(2), A)]));
    fanout.publish(positions([position(A, device(1), 5)]));
    sent(&outbox);
    fanout.seed(vec![position(A, device(1), 1), position(A, device(2), 2)]);
    assert_eq!(sent(&outbox), [("positions".into(), vec![2])]);
}

#[test]
fn of_each_device_the_latest_waits_and_no_other() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.watch(&outbox, "map", devices(&[(device(1), A), (device(2), A)]));
    sent(&outbox);
    for second in 0..1000 {
        fanout.publish(positions([
            position(A, device(1), second),
            position(A, device(2), second + 5000),
            position(A, device(9), second),
        ]));
    }
    assert_eq!(sent(&outbox), [("positions".into(), vec![999, 5999])]);
}

#[test]
fn a_faulty_position_is_shown_with_its_mark_but_never_instead_of_a_good_one() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let all = devices(&[(device(1), A)]);
    fanout.watch(&outbox, "map", all.clone());
    sent(&outbox);
    fanout.publish(positions([position(A, device(1), 1), faulty(position(A, device(1), 2))]));
    assert_eq!(sent(&outbox), [("positions".into(), vec![1])]);
    fanout.publish(positions([faulty(position(A, device(1), 3))]));
    assert_eq!(sent(&outbox), [("positions".into(), vec![3])]);
    let late = Outbox::new(10);
    fanout.watch(&late, "map", all);
    assert_eq!(sent(&late), [("init".into(), vec![1])]);
}

#[test]
fn a_tracker_that_changes_hands_shows_its_past_and_future_to_their_own_tenants() {
    let (fanout, old, new) = (Fanout::default(), Outbox::new(10), Outbox::new(10));
    fanout.watch(&old, "map", devices(&[(device(1), A)]));
    fanout.publish(positions([position(A, device(1), 1)]));
    fanout.watch(&new, "map", devices(&[(device(1), B)]));
    assert_eq!(sent(&old), [("init".into(), vec![1])]);
    assert_eq!(sent(&new), [("init".into(), vec![])]);
    fanout.publish(positions([position(B, device(1), 2)]));
    assert!(sent(&old).is_empty());
    assert_eq!(sent(&new), [("positions".into(), vec![2])]);
}

#[test]
fn crossings_reach_the_events_subscribers_of_their_tenant_all_of_them() {
    let (fanout, ours, theirs) = (Fanout::default(), Outbox::new(10), Outbox::new(10));
    fanout.watch(&ours, "board", event(A));
    fanout.watch(&theirs, "board", event(B));
    sent(&ours);
    sent(&theirs);
    fanout.publish(vec![crossing(A, 1), crossing(A, 2), crossing(A, 3)]);
    assert_eq!(sent(&ours), [("crossings".into(), vec![-1, -1, -1])]);
    assert!(sent(&theirs).is_empty());
}

#[test]
fn a_client_that_lets_crossings_pile_up_is_closed_not_deceived() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.watch(&outbox, "board", event(A));
    sent(&outbox);
    fanout.publish((0..10).map(|n| crossing(A, n)).collect());
    assert_eq!(outbox.take(false).closing, None);
    fanout.publish(vec![crossing(A, 10)]);
    let taken = outbox.take(true);
    assert_eq!(taken.closing, Some(Closing::Refused(ErrorCode::LiveBehind)));
    assert!(taken.messages.is_empty());
}

#[test]
fn while_held_nothing_is_sent_and_nothing_is_lost() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let both = Allowed { crossings: Some((EVENT, A)), ..devices(&[(device(1), A)]) };
    fanout.watch(&outbox, "map", both);
    sent(&outbox);
    outbox.hold(true);
    fanout.publish(positions([position(A, device(1), 1)]));
    fanout.publish(vec![crossing(A, 1)]);
    fanout.publish(positions([position(A, device(1), 2)]));
    assert!(!outbox.has_updates());
    assert!(sent(&outbox).is_empty());
    outbox.hold(false);
    assert_eq!(sent(&outbox), [("positions".into(), vec![2]), ("crossings".into(), vec![-1])]);
}

#[test]
fn what_is_no_longer_allowed_is_not_sent_even_if_it_waited() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let mut watch = fanout.watch(&outbox, "map", devices(&[(device(1), A), (device(2), A)]));
    sent(&outbox);
    fanout.publish(positions([position(A, device(1), 1), position(A, device(3), 3)]));
    fanout.rewatch(&mut watch, &outbox, devices(&[(device(2), A), (device(3), A)]));
    fanout.publish(positions([position(A, device(1), 4), position(A, device(2), 5)]));
    assert_eq!(sent(&outbox), [("positions".into(), vec![3, 5])]);
}

#[test]
fn what_is_gone_leaves_nothing_in_the_index() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let both = Allowed { crossings: Some((EVENT, A)), ..devices(&[(device(1), A)]) };
    let watch = fanout.watch(&outbox, "map", both);
    fanout.publish(vec![crossing(A, 1)]);
    fanout.unwatch(watch, &outbox);
    assert!(sent(&outbox).is_empty());
    let state = fanout.lock();
    assert!(state.devices.is_empty() && state.events.is_empty());
    assert_eq!(Arc::strong_count(&outbox), 1);
}
