//! What waits to be sent to one client.
//!
//! Positions are conflated: of each device the latest waits, so that a client
//! that reads slowly gets fewer positions, never older ones, and memory is
//! bounded by the devices that it sees. Events may not be left out; a client
//! that lets too many wait is closed, and told where to go on.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use biplane_core::live::{Cursor, LiveError, ServerMessage, Status};
use biplane_core::{DeviceId, ErrorCode};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::fanout::SubscriptionKey;

/// Answers that may wait: a client that asks and never reads is closed.
const WAITING_ANSWERS: usize = 128;
/// Positions in one message: what a connection's buffer grows to it keeps, for as long as it lives.
const POSITIONS_TOGETHER: usize = 64;

/// One client's outbox: filled by the session and the fan-out, emptied by the writer.
pub struct Outbox {
    state: Mutex<State>,
    wake: Notify,
    closing: Notify,
    events_limit: usize,
}

#[derive(Default)]
struct State {
    answers: Vec<String>,
    subscriptions: BTreeMap<SubscriptionKey, Waiting>,
    /// Events that wait, those of the past apart.
    events: usize,
    /// The writer was told that something of a subscription waits.
    dirty: bool,
    held: bool,
    closing: Option<Closing>,
    /// The last cursor that went out.
    sent: Option<Cursor>,
}

struct Waiting {
    /// As JSON, quoted.
    uid: String,
    started: bool,
    /// Until the first positions are sent.
    init: bool,
    /// The past is being looked up.
    recalls: bool,
    /// Between two messages of positions.
    interval: Duration,
    /// When positions may be sent.
    due: Instant,
    positions: HashMap<DeviceId, (Arc<str>, bool)>,
    statuses: HashMap<DeviceId, Arc<str>>,
    replay: Vec<Arc<str>>,
    /// What was missed: before the others.
    recalled: Vec<Event>,
    events: Vec<Event>,
}

/// An event on its way.
#[derive(Clone, Debug)]
pub struct Event {
    /// What it is sent as.
    pub kind: EventKind,
    /// What it is about, if it is about one.
    pub device: Option<DeviceId>,
    /// What is sent.
    pub json: Arc<str>,
}

/// As what an event is sent: see [`biplane_core::live::SubscriptionEvent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// `crossings`.
    Crossings,
    /// `retractions`.
    Retractions,
    /// `alerts`.
    Alerts,
}

impl EventKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Crossings => "crossings",
            Self::Retractions => "retractions",
            Self::Alerts => "alerts",
        }
    }
}

/// Why the socket is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The session ended.
    Refused(ErrorCode),
    /// The hub stops; the client may come again at once.
    Stopping,
}

/// What the writer sends next.
#[derive(Debug, Default, PartialEq)]
pub struct Taken {
    /// Text messages, in order.
    pub messages: Vec<String>,
    /// How many positions are in them.
    pub positions: usize,
    /// How many crossings, alerts and the like are in them.
    pub events: usize,
    /// Close after these.
    pub closing: Option<Closing>,
}

impl Outbox {
    /// An empty one in which `events_limit` events may wait.
    pub fn new(events_limit: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            wake: Notify::new(),
            closing: Notify::new(),
            events_limit,
        })
    }

    /// Queues an answer.
    pub fn answer(&self, message: &ServerMessage) {
        let Ok(json) = serde_json::to_string(message) else { return };
        let mut state = self.lock();
        if state.answers.len() >= WAITING_ANSWERS {
            self.end(&mut state, Closing::Refused(ErrorCode::LiveBehind));
        } else {
            state.answers.push(json);
        }
        self.wake.notify_one();
    }

    /// Closes after what waits as an answer.
    pub fn close(&self, closing: Closing) {
        self.end(&mut self.lock(), closing);
    }

    /// Keeps back what is of subscriptions, or goes on.
    pub fn hold(&self, held: bool) {
        self.lock().held = held;
        self.wake.notify_one();
    }

    /// What was looked up of the past, all of it: goes out before what happened since.
    pub fn recall(&self, key: SubscriptionKey, events: Vec<Event>, replay: Vec<Arc<str>>) {
        let mut state = self.lock();
        let Some(waiting) = state.subscriptions.get_mut(&key) else { return };
        waiting.recalls = false;
        waiting.recalled = events;
        waiting.replay = replay;
        self.soil(&mut state);
    }

    pub(super) fn open(&self, key: SubscriptionKey, uid: &str, interval_ms: u32, recalls: bool) {
        let waiting = Waiting {
            uid: serde_json::Value::from(uid).to_string(),
            started: false,
            init: true,
            recalls,
            interval: Duration::from_millis(interval_ms.into()),
            due: Instant::now(),
            positions: HashMap::new(),
            statuses: HashMap::new(),
            replay: Vec::new(),
            recalled: Vec::new(),
            events: Vec::new(),
        };
        self.lock().subscriptions.insert(key, waiting);
    }

    pub(super) fn start(&self, key: SubscriptionKey) {
        let mut state = self.lock();
        if let Some(waiting) = state.subscriptions.get_mut(&key) {
            waiting.started = true;
        }
        self.soil(&mut state);
    }

    pub(super) fn drop_subscription(&self, key: SubscriptionKey) {
        let mut state = self.lock();
        if let Some(waiting) = state.subscriptions.remove(&key) {
            state.events -= waiting.events.len();
        }
    }

    pub(super) fn set_position(
        &self,
        key: SubscriptionKey,
        device: DeviceId,
        json: &Arc<str>,
        faulty: bool,
    ) {
        let mut state = self.lock();
        let Some(waiting) = state.subscriptions.get_mut(&key) else { return };
        // A place that can be believed is not overtaken by one that can't.
        if faulty && waiting.positions.get(&device).is_some_and(|(_, faulty)| !faulty) {
            return;
        }
        waiting.positions.insert(device, (Arc::clone(json), faulty));
        if waiting.started {
            self.soil(&mut state);
        }
    }

    pub(super) fn set_status(&self, key: SubscriptionKey, device: DeviceId, json: &Arc<str>) {
        let mut state = self.lock();
        let Some(waiting) = state.subscriptions.get_mut(&key) else { return };
        waiting.statuses.insert(device, Arc::clone(json));
        if waiting.started {
            self.soil(&mut state);
        }
    }

    pub(super) fn drop_device(&self, key: SubscriptionKey, device: &DeviceId) {
        let mut state = self.lock();
        let Some(waiting) = state.subscriptions.get_mut(&key) else { return };
        waiting.positions.remove(device);
        waiting.statuses.remove(device);
        let is_other = |event: &Event| event.device != Some(*device);
        waiting.recalled.retain(is_other);
        let before = waiting.events.len();
        waiting.events.retain(is_other);
        let dropped = before - waiting.events.len();
        state.events -= dropped;
    }

    pub(super) fn add_event(&self, key: SubscriptionKey, event: Event) {
        let mut state = self.lock();
        let Some(waiting) = state.subscriptions.get_mut(&key) else { return };
        waiting.events.push(event);
        state.events += 1;
        if state.events > self.events_limit {
            self.end(&mut state, Closing::Refused(ErrorCode::LiveBehind));
        }
        self.soil(&mut state);
    }

    pub(super) fn drop_events(&self, key: SubscriptionKey) {
        let mut state = self.lock();
        let Some(waiting) = state.subscriptions.get_mut(&key) else { return };
        waiting.recalled.clear();
        let dropped = std::mem::take(&mut waiting.events).len();
        state.events -= dropped;
    }

    /// Waits until something was put in since the last time.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Waits until the socket is to be closed, for whoever reads it: the writer
    /// may be stuck in a socket that takes nothing.
    pub async fn ended(&self) {
        self.closing.notified().await;
    }

    /// From when on [`Outbox::take`] would give something of a subscription; `None`: nothing waits.
    pub fn due(&self) -> Option<Instant> {
        let state = self.lock();
        if state.held {
            return None;
        }
        state.subscriptions.values().filter_map(Waiting::due).min()
    }

    /// Empties the outbox: answers always, updates of subscriptions when they are due. All that was
    /// committed before `told` is in it, or has gone out.
    pub fn take(&self, now: Instant, updates_due: bool, told: Option<Cursor>) -> Taken {
        let mut state = self.lock();
        let mut taken = Taken { messages: std::mem::take(&mut state.answers), ..Taken::default() };
        taken.closing = state.closing;
        if !updates_due || state.held || taken.closing.is_some() {
            // The writer comes by itself for what waits; of what comes when nothing does it is told.
            state.dirty = state.subscriptions.values().any(|waiting| waiting.due().is_some());
            return taken;
        }
        for waiting in state.subscriptions.values_mut().filter(|waiting| waiting.started) {
            waiting.empty_into(&mut taken, now, told);
        }
        state.events = 0;
        state.dirty = state.subscriptions.values().any(|waiting| waiting.due().is_some());
        if !state.subscriptions.values().any(|waiting| waiting.recalls) {
            state.sent = told.or(state.sent);
        }
        taken
    }

    /// A client that missed something is told what it has: it may come again and go on from there.
    fn end(&self, state: &mut State, closing: Closing) {
        if state.closing.is_none()
            && state.sent.is_some()
            && closing == Closing::Refused(ErrorCode::LiveBehind)
        {
            let message = "you read too slowly and would miss what may not be missed";
            let error = LiveError { code: ErrorCode::LiveBehind, message: message.into() };
            let goodbye = ServerMessage::Error { status: Status::Error, error, cursor: state.sent };
            state.answers.extend(serde_json::to_string(&goodbye));
        }
        state.closing.get_or_insert(closing);
        self.wake.notify_one();
        self.closing.notify_one();
    }

    fn soil(&self, state: &mut State) {
        if !state.dirty {
            state.dirty = true;
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn due(&self) -> Option<Instant> {
        if !self.started {
            return None;
        }
        let is_urgent = self.init
            || !self.statuses.is_empty()
            || !self.replay.is_empty()
            || !self.recalled.is_empty()
            || !self.events.is_empty();
        // Long ago: at once.
        let positions = (!self.positions.is_empty()).then_some(self.due);
        if is_urgent { Some(self.due - self.interval) } else { positions }
    }

    fn empty_into(&mut self, taken: &mut Taken, now: Instant, told: Option<Cursor>) {
        let before = taken.messages.len();
        let mut send = |event: &str, data: &mut dyn Iterator<Item = Arc<str>>| {
            taken.messages.push(update(&self.uid, event, data));
        };
        if self.init || (!self.positions.is_empty() && now >= self.due) {
            taken.positions += self.positions.len();
            let mut positions =
                std::mem::take(&mut self.positions).into_values().map(|(json, _)| json);
            if std::mem::take(&mut self.init) {
                send("init", &mut positions.by_ref().take(POSITIONS_TOGETHER));
            }
            while positions.len() > 0 {
                send("positions", &mut positions.by_ref().take(POSITIONS_TOGETHER));
            }
            self.due = now + self.interval;
        }
        if !self.statuses.is_empty() {
            taken.events += self.statuses.len();
            send("status", &mut std::mem::take(&mut self.statuses).into_values());
        }
        taken.positions += self.replay.len();
        for together in std::mem::take(&mut self.replay).chunks(POSITIONS_TOGETHER) {
            send("replay", &mut together.iter().cloned());
        }
        for events in [std::mem::take(&mut self.recalled), std::mem::take(&mut self.events)] {
            taken.events += events.len();
            // What happened to one crossing goes out in order.
            for together in events.chunk_by(|a, b| a.kind == b.kind) {
                let kind = together[0].kind.as_str();
                send(kind, &mut together.iter().map(|event| Arc::clone(&event.json)));
            }
        }
        // With the last message only: the connection may break off before it.
        if let (Some(told), Some(last)) = (told, taken.messages[before..].last_mut())
            && !self.recalls
        {
            add_cursor(last, told);
        }
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbox(…)")
    }
}

/// A `ServerMessage::Subscription` whose data are JSON already.
fn update(uid: &str, event: &str, data: &mut dyn Iterator<Item = Arc<str>>) -> String {
    let mut message = String::with_capacity(96 + data.size_hint().0 * 224);
    // Writing into a String can't fail.
    let _ = write!(message, r#"{{"type":"subscription","uid":{uid},"event":"{event}","data":["#);
    for (at, json) in data.enumerate() {
        if at > 0 {
            message.push(',');
        }
        message.push_str(&json);
    }
    message.push_str("]}");
    message
}

/// Writes a cursor into what [`update`] made.
fn add_cursor(message: &mut String, cursor: Cursor) {
    if message.pop().is_some() {
        let _ = write!(message, r#","cursor":"{cursor}"}}"#);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use biplane_core::Timestamp;
    use biplane_core::live::{LivePosition, SubscriptionEvent};

    #[test]
    fn an_update_is_what_serde_would_write() {
        let position = LivePosition {
            device: DeviceId(uuid::Uuid::from_u128(1)),
            time: Timestamp::from_millis(1_600_000_000_000),
            lat: 46.123_456_7,
            lon: -0.1,
            altitude_m: Some(1200.5),
            speed_kmh: None,
            course_deg: Some(359.9),
            faulty: true,
        };
        let json: Arc<str> = serde_json::to_string(&position).expect("JSON").into();
        let uid = serde_json::Value::from("a \"map\"\n").to_string();
        let told = Cursor { transaction: 7, at: Timestamp::from_millis(9) };
        for cursor in [None, Some(told)] {
            let mut data = [Arc::clone(&json), Arc::clone(&json)].into_iter();
            let mut by_hand = update(&uid, "positions", &mut data);
            if let Some(cursor) = cursor {
                add_cursor(&mut by_hand, cursor);
            }
            let by_serde = serde_json::to_string(&ServerMessage::Subscription {
                uid: Some("a \"map\"\n".into()),
                event: SubscriptionEvent::Positions(vec![position.clone(), position.clone()]),
                cursor,
            });
            assert_eq!(by_hand, by_serde.expect("JSON"));
        }
    }
}
