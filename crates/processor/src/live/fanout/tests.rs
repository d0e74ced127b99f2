use biplane_core::live::{
    Direction, LiveAlert, LiveCrossing, LivePosition, LiveStatus, Retraction,
};
use biplane_core::{ErrorCode, GeofenceId, Timestamp};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::outbox::Closing;
use super::super::session::Kinds;
use super::*;

const A: OrganizationId = OrganizationId(Uuid::from_u128(1));
const B: OrganizationId = OrganizationId(Uuid::from_u128(2));
const EVENT: EventId = EventId(Uuid::from_u128(3));
const ALL: Kinds = Kinds { crossings: true, alerts: true, status: true };
const TOLD: Cursor = Cursor { transaction: 7, at: Timestamp::from_millis(9) };

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

fn crossing(organization: OrganizationId, n: u128) -> Happened {
    Happened {
        organization: Some(organization),
        device: Some(device(1)),
        event: Some(EVENT),
        what: LiveEvent::Crossing(LiveCrossing {
            id: Uuid::from_u128(n),
            organization,
            event: Some(EVENT),
            entry: None,
            device: device(1),
            checkpoint: None,
            geofence: GeofenceId(Uuid::from_u128(4)),
            direction: Direction::Enter,
            crossed_at: Timestamp::from_millis(0),
            status: "valid".into(),
        }),
    }
}

fn retraction(n: u128) -> Happened {
    let id = Uuid::from_u128(n);
    let gone = Retraction { id, organization: A, event: Some(EVENT), device: device(1) };
    Happened { what: LiveEvent::Retraction(gone), ..crossing(A, n) }
}

fn alert(of: Option<DeviceId>) -> Happened {
    Happened {
        organization: Some(A),
        device: of,
        event: None,
        what: LiveEvent::Alert(LiveAlert {
            id: Uuid::from_u128(1),
            organization: A,
            device: of,
            event: None,
            geofence: None,
            kind: "overspeed".into(),
            severity: "warning".into(),
            status: "open".into(),
            occurred_at: Timestamp::from_millis(0),
            message: None,
        }),
    }
}

fn status(of: DeviceId, connected: bool) -> Happened {
    let status = LiveStatus { device: of, connected, heard_at: None };
    Happened {
        organization: Some(A),
        device: Some(of),
        event: None,
        what: LiveEvent::Status(status),
    }
}

fn known(published: PublishedPosition) -> LastKnown {
    let PublishedPosition { organization, position } = published;
    let status = LiveStatus { device: position.device, connected: true, heard_at: None };
    LastKnown { organization, position: Some(position), status }
}

/// Of which only positions are shown.
fn devices(of: &[(DeviceId, OrganizationId)]) -> Arc<Allowed> {
    Arc::new(Allowed { devices: of.iter().copied().collect(), ..Allowed::default() })
}

fn event(organization: OrganizationId) -> Arc<Allowed> {
    Arc::new(Allowed { kinds: ALL, event: Some((EVENT, organization)), ..Allowed::default() })
}

fn all_of(of: &[(DeviceId, OrganizationId)]) -> Arc<Allowed> {
    Arc::new(Allowed { kinds: ALL, ..(*devices(of)).clone() })
}

impl Fanout {
    fn shows(&self, outbox: &Arc<Outbox>, uid: &str, allowed: Arc<Allowed>) -> Watch {
        self.watch(outbox, uid, allowed, &Options::default(), false)
    }
}

/// What would be sent now: for each message its event and the longitudes or the number of its data.
fn sent(outbox: &Outbox) -> Vec<(String, Vec<i64>)> {
    let messages = outbox.take(Instant::now(), true, Some(TOLD)).messages;
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

#[test]
fn a_subscription_starts_with_the_last_position_of_each_device() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.seed(vec![known(position(A, device(1), 1)), known(position(A, device(2), 2))]);
    fanout.publish(vec![position(A, device(1), 5)]);
    let all = devices(&[(device(1), A), (device(2), A), (device(3), A)]);
    fanout.shows(&outbox, "map", all);
    assert_eq!(sent(&outbox), [("init".into(), vec![2, 5])]);
    assert!(sent(&outbox).is_empty());
}

#[test]
fn an_init_is_sent_even_when_nothing_is_known_yet() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.shows(&outbox, "map", devices(&[(device(1), A)]));
    assert_eq!(sent(&outbox), [("init".into(), vec![])]);
}

#[test]
fn a_seed_does_not_overtake_what_came_in_meanwhile_and_reaches_who_waits() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.shows(&outbox, "map", devices(&[(device(1), A), (device(2), A)]));
    fanout.publish(vec![position(A, device(1), 5)]);
    sent(&outbox);
    fanout.seed(vec![known(position(A, device(1), 1)), known(position(A, device(2), 2))]);
    assert_eq!(sent(&outbox), [("positions".into(), vec![2])]);
}

#[test]
fn of_each_device_the_latest_waits_and_no_other() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.shows(&outbox, "map", devices(&[(device(1), A), (device(2), A)]));
    sent(&outbox);
    for second in 0..1000 {
        fanout.publish(vec![
            position(A, device(1), second),
            position(A, device(2), second + 5000),
            position(A, device(9), second),
        ]);
    }
    assert_eq!(sent(&outbox), [("positions".into(), vec![999, 5999])]);
}

#[test]
fn a_faulty_position_is_shown_with_its_mark_but_never_instead_of_a_good_one() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let all = devices(&[(device(1), A)]);
    fanout.shows(&outbox, "map", all.clone());
    sent(&outbox);
    fanout.publish(vec![position(A, device(1), 1), faulty(position(A, device(1), 2))]);
    assert_eq!(sent(&outbox), [("positions".into(), vec![1])]);
    fanout.publish(vec![faulty(position(A, device(1), 3))]);
    assert_eq!(sent(&outbox), [("positions".into(), vec![3])]);
    let late = Outbox::new(10);
    fanout.shows(&late, "map", all);
    assert_eq!(sent(&late), [("init".into(), vec![1])]);
}

#[test]
fn a_tracker_that_changes_hands_shows_its_past_and_future_to_their_own_tenants() {
    let (fanout, old, new) = (Fanout::default(), Outbox::new(10), Outbox::new(10));
    fanout.shows(&old, "map", devices(&[(device(1), A)]));
    fanout.publish(vec![position(A, device(1), 1)]);
    fanout.shows(&new, "map", devices(&[(device(1), B)]));
    assert_eq!(sent(&old), [("init".into(), vec![1])]);
    assert_eq!(sent(&new), [("init".into(), vec![])]);
    fanout.publish(vec![position(B, device(1), 2)]);
    assert!(sent(&old).is_empty());
    assert_eq!(sent(&new), [("positions".into(), vec![2])]);
}

#[test]
fn crossings_reach_the_events_subscribers_of_their_tenant_all_of_them() {
    let (fanout, ours, theirs) = (Fanout::default(), Outbox::new(10), Outbox::new(10));
    fanout.shows(&ours, "board", event(A));
    fanout.shows(&theirs, "board", event(B));
    sent(&ours);
    sent(&theirs);
    fanout.tell(&[crossing(A, 1), crossing(A, 2), crossing(A, 3)], TOLD);
    assert_eq!(sent(&ours), [("crossings".into(), vec![-1, -1, -1])]);
    assert!(sent(&theirs).is_empty());
}

#[test]
fn a_client_that_lets_crossings_pile_up_is_closed_not_deceived() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.shows(&outbox, "board", event(A));
    sent(&outbox);
    fanout.tell(&(0..10).map(|n| crossing(A, n)).collect::<Vec<_>>(), TOLD);
    assert_eq!(outbox.take(Instant::now(), false, None).closing, None);
    fanout.tell(&[crossing(A, 10)], TOLD);
    let taken = outbox.take(Instant::now(), true, Some(TOLD));
    assert_eq!(taken.closing, Some(Closing::Refused(ErrorCode::LiveBehind)));
    // It is told what it has been told: nothing of this.
    let [goodbye] = &taken.messages[..] else { panic!("{taken:?}") };
    assert!(goodbye.contains("LIVE_BEHIND") && goodbye.contains(r#""cursor":"7-9""#), "{goodbye}");
}

#[test]
fn while_held_nothing_is_sent_and_nothing_is_lost() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let both = Allowed { event: Some((EVENT, A)), ..(*all_of(&[(device(1), A)])).clone() };
    fanout.shows(&outbox, "map", Arc::new(both));
    sent(&outbox);
    outbox.hold(true);
    fanout.publish(vec![position(A, device(1), 1)]);
    fanout.tell(&[crossing(A, 1)], TOLD);
    fanout.publish(vec![position(A, device(1), 2)]);
    assert_eq!(outbox.due(), None);
    assert!(sent(&outbox).is_empty());
    outbox.hold(false);
    assert_eq!(sent(&outbox), [("positions".into(), vec![2]), ("crossings".into(), vec![-1])]);
}

#[test]
fn what_is_no_longer_allowed_is_not_sent_even_if_it_waited() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let mut watch = fanout.shows(&outbox, "map", devices(&[(device(1), A), (device(2), A)]));
    sent(&outbox);
    fanout.publish(vec![position(A, device(1), 1), position(A, device(3), 3)]);
    fanout.rewatch(&mut watch, &outbox, devices(&[(device(2), A), (device(3), A)]));
    fanout.publish(vec![position(A, device(1), 4), position(A, device(2), 5)]);
    assert_eq!(sent(&outbox), [("positions".into(), vec![3, 5])]);
}

#[test]
fn what_is_gone_leaves_nothing_in_the_index() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let both = Allowed { event: Some((EVENT, A)), ..(*all_of(&[(device(1), A)])).clone() };
    let watch = fanout.shows(&outbox, "map", Arc::new(both));
    fanout.tell(&[crossing(A, 1)], TOLD);
    fanout.unwatch(watch, &outbox);
    assert!(sent(&outbox).is_empty());
    let state = fanout.lock();
    assert!(state.devices.is_empty() && state.events.is_empty() && state.organizations.is_empty());
    assert_eq!(Arc::strong_count(&outbox), 1);
}

#[test]
fn what_happens_to_devices_reaches_who_sees_them_and_in_an_event_its_crossings_only() {
    let fanout = Fanout::default();
    let both = Allowed { event: Some((EVENT, A)), ..(*all_of(&[(device(1), A)])).clone() };
    let whole = Allowed { organization: Some(A), ..(*all_of(&[(device(1), A)])).clone() };
    let elsewhere = Happened { event: None, ..crossing(A, 1) };
    for (allowed, expected) in [
        (all_of(&[(device(1), A)]), [1, 1, 1, 0, 1]),
        (devices(&[(device(1), A)]), [0, 0, 0, 0, 0]),
        (all_of(&[(device(1), B)]), [0, 0, 0, 0, 0]),
        (all_of(&[(device(2), A)]), [0, 0, 0, 0, 0]),
        (Arc::new(both), [1, 0, 1, 0, 1]),
        (Arc::new(whole), [1, 1, 1, 1, 1]),
    ] {
        let outbox = Outbox::new(10);
        let watch = fanout.shows(&outbox, "x", Arc::clone(&allowed));
        sent(&outbox);
        let happened = [
            crossing(A, 1),
            elsewhere.clone(),
            alert(Some(device(1))),
            alert(None),
            status(device(1), true),
        ];
        let told = happened.each_ref().map(|one| {
            fanout.tell(std::slice::from_ref(one), TOLD);
            sent(&outbox).len()
        });
        assert_eq!(told, expected, "{allowed:?}");
        // What is recalled is let through by the same measure.
        assert_eq!(happened.each_ref().map(|one| usize::from(allowed.shows(one))), expected);
        fanout.unwatch(watch, &outbox);
    }
}

#[test]
fn a_crossing_and_its_retraction_go_out_in_order() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.shows(&outbox, "board", event(A));
    sent(&outbox);
    fanout.tell(&[crossing(A, 1), retraction(1), crossing(A, 1), crossing(A, 2)], TOLD);
    let events: Vec<_> =
        sent(&outbox).into_iter().map(|(event, data)| (event, data.len())).collect();
    let expected = [("crossings", 1), ("retractions", 1), ("crossings", 2)];
    assert_eq!(events, expected.map(|(event, count)| (event.to_owned(), count)));
}

#[test]
fn who_subscribes_is_told_which_devices_are_connected_and_then_which_come_and_go() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    fanout.tell(&[status(device(1), false)], TOLD);
    fanout.seed(vec![known(position(A, device(1), 1)), known(position(A, device(2), 2))]);
    fanout.shows(&outbox, "map", all_of(&[(device(1), A), (device(2), A)]));
    let messages = outbox.take(Instant::now(), true, None).messages;
    let status_of = |message: &str| -> Vec<bool> {
        let message: Value = serde_json::from_str(message).expect("JSON");
        let data = message["data"].as_array().expect("data");
        let mut all: Vec<_> = data
            .iter()
            .map(|one| (one["device"].to_string(), one["connected"].as_bool()))
            .collect();
        all.sort();
        all.into_iter().filter_map(|(_, connected)| connected).collect()
    };
    assert_eq!(messages.len(), 2);
    assert_eq!(status_of(&messages[1]), [false, true], "what was told counts more than a seed");
    fanout
        .tell(&[status(device(2), false), status(device(2), true), status(device(2), false)], TOLD);
    let messages = outbox.take(Instant::now(), true, None).messages;
    assert_eq!(status_of(&messages[0]), [false], "the last one only");
}

#[tokio::test(start_paused = true)]
async fn positions_come_no_more_often_than_asked_for_and_crossings_do_not_wait_for_them() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let options = Options { min_interval_ms: 1_000, ..Options::default() };
    let whole = Allowed { event: Some((EVENT, A)), ..(*all_of(&[(device(1), A)])).clone() };
    fanout.watch(&outbox, "map", Arc::new(whole), &options, false);
    assert_eq!(sent(&outbox).len(), 1, "init");
    fanout.publish(vec![position(A, device(1), 1)]);
    assert_eq!(outbox.due(), Some(Instant::now() + std::time::Duration::from_secs(1)));
    assert!(sent(&outbox).is_empty());
    fanout.tell(&[crossing(A, 1)], TOLD);
    assert!(outbox.due().is_some_and(|due| due <= Instant::now()));
    assert_eq!(sent(&outbox), [("crossings".into(), vec![-1])]);
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    fanout.publish(vec![position(A, device(1), 2)]);
    assert_eq!(sent(&outbox), [("positions".into(), vec![2])]);
}

#[test]
fn while_the_past_is_looked_up_nothing_that_is_sent_says_that_it_was_told() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let watch = fanout.watch(&outbox, "board", event(A), &Options::default(), true);
    fanout.tell(&[crossing(A, 2)], TOLD);
    let cursors = || -> Vec<(String, bool)> {
        let messages = outbox.take(Instant::now(), true, Some(TOLD)).messages;
        let read = |message: &String| {
            let message: Value = serde_json::from_str(message).expect("JSON");
            (message["event"].as_str().expect("event").to_owned(), message["cursor"].is_string())
        };
        messages.iter().map(read).collect()
    };
    assert_eq!(cursors(), [("init".into(), false), ("crossings".into(), false)]);
    let recalled = told_as(&crossing(A, 1)).into_iter().collect();
    let position = serde_json::to_string(&position(A, device(1), 1).position).expect("JSON");
    outbox.recall(watch.key(), recalled, vec![position.into()]);
    // Who hears the first and not the second has not been told of the crossing.
    assert_eq!(cursors(), [("replay".into(), false), ("crossings".into(), true)]);
}

#[test]
fn positions_are_sent_in_the_fields_that_each_subscription_asked_for() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let fields = Some(vec![biplane_core::live::PositionField::Lat]);
    let options = Options { fields, ..Options::default() };
    fanout.shows(&outbox, "whole", devices(&[(device(1), A)]));
    fanout.watch(&outbox, "cut", devices(&[(device(1), A)]), &options, false);
    sent(&outbox);
    fanout.publish(vec![position(A, device(1), 1)]);
    let messages = outbox.take(Instant::now(), true, None).messages;
    let fields: Vec<usize> = messages
        .iter()
        .map(|message| serde_json::from_str::<Value>(message).expect("JSON"))
        .map(|message| message["data"][0].as_object().map_or(0, serde_json::Map::len))
        .collect();
    assert_eq!(fields, [8, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_came_after_an_early_look_that_found_nothing_was_never_sent() {
    let (fanout, outbox) = (Fanout::default(), Outbox::new(10));
    let watch = fanout.watch(&outbox, "board", event(A), &Options::default(), true);
    sent(&outbox);
    outbox.changed().await;
    // The past brings nothing, and it is too early for updates.
    outbox.recall(watch.key(), vec![], vec![]);
    outbox.changed().await;
    outbox.take(Instant::now(), false, Some(TOLD));
    fanout.tell(&[crossing(A, 1)], TOLD);
    let told = tokio::time::timeout(std::time::Duration::from_secs(1), outbox.changed()).await;
    assert!(told.is_ok() && outbox.due().is_some());
}
