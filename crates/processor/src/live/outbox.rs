//! What waits to be sent to one client.
//!
//! Positions are conflated: of each device the latest waits, so that a client
//! that reads slowly gets fewer positions, never older ones, and memory is
//! bounded by the devices that it sees. Crossings may not be left out; a client
//! that lets too many wait is closed.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use biplane_core::live::ServerMessage;
use biplane_core::{DeviceId, ErrorCode};
use tokio::sync::Notify;

use super::fanout::SubscriptionKey;

/// Answers that may wait: a client that asks and never reads is closed.
const WAITING_ANSWERS: usize = 128;

/// One client's outbox: filled by the session and the fan-out, emptied by the writer.
pub struct Outbox {
    state: Mutex<State>,
    wake: Notify,
    closing: Notify,
    crossings_limit: usize,
}

#[derive(Default)]
struct State {
    answers: Vec<String>,
    subscriptions: BTreeMap<SubscriptionKey, Waiting>,
    crossings: usize,
    /// Something of a subscription waits.
    dirty: bool,
    held: bool,
    closing: Option<Closing>,
}

struct Waiting {
    /// As JSON, quoted.
    uid: String,
    started: bool,
    /// Until the first positions are sent.
    init: bool,
    positions: HashMap<DeviceId, (Arc<str>, bool)>,
    crossings: Vec<Arc<str>>,
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
    /// How many crossings are in them.
    pub crossings: usize,
    /// Close after these.
    pub closing: Option<Closing>,
}

impl Outbox {
    /// An empty one in which `crossings_limit` crossings may wait.
    pub fn new(crossings_limit: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            wake: Notify::new(),
            closing: Notify::new(),
            crossings_limit,
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

    pub(super) fn open(&self, key: SubscriptionKey, uid: &str) {
        let uid = serde_json::Value::from(uid).to_string();
        let waiting = Waiting {
            uid,
            started: false,
            init: true,
            positions: HashMap::new(),
            crossings: Vec::new(),
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
            state.crossings -= waiting.crossings.len();
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

    pub(super) fn drop_position(&self, key: SubscriptionKey, device: &DeviceId) {
        if let Some(waiting) = self.lock().subscriptions.get_mut(&key) {
            waiting.positions.remove(device);
        }
    }

    pub(super) fn add_crossing(&self, key: SubscriptionKey, json: &Arc<str>) {
        let mut state = self.lock();
        let Some(waiting) = state.subscriptions.get_mut(&key) else { return };
        waiting.crossings.push(Arc::clone(json));
        state.crossings += 1;
        if state.crossings > self.crossings_limit {
            self.end(&mut state, Closing::Refused(ErrorCode::LiveBehind));
        }
        self.soil(&mut state);
    }

    pub(super) fn drop_crossings(&self, key: SubscriptionKey) {
        let mut state = self.lock();
        let Some(waiting) = state.subscriptions.get_mut(&key) else { return };
        let dropped = std::mem::take(&mut waiting.crossings).len();
        state.crossings -= dropped;
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

    /// Whether [`Outbox::take`] would give something of a subscription.
    pub fn has_updates(&self) -> bool {
        let state = self.lock();
        state.dirty && !state.held
    }

    /// Empties the outbox: answers always, updates of subscriptions when they are due.
    pub fn take(&self, updates_due: bool) -> Taken {
        let mut state = self.lock();
        let mut taken = Taken { messages: std::mem::take(&mut state.answers), ..Taken::default() };
        taken.closing = state.closing;
        if !updates_due || !state.dirty || state.held || taken.closing.is_some() {
            return taken;
        }
        for waiting in state.subscriptions.values_mut().filter(|waiting| waiting.started) {
            if waiting.init || !waiting.positions.is_empty() {
                let event = if waiting.init { "init" } else { "positions" };
                taken.positions += waiting.positions.len();
                let positions = waiting.positions.drain().map(|(_, (json, _))| json);
                taken.messages.push(update(&waiting.uid, event, positions));
                waiting.init = false;
            }
            if !waiting.crossings.is_empty() {
                taken.crossings += waiting.crossings.len();
                let crossings = waiting.crossings.drain(..);
                taken.messages.push(update(&waiting.uid, "crossings", crossings));
            }
        }
        state.crossings = 0;
        state.dirty = false;
        taken
    }

    fn end(&self, state: &mut State, closing: Closing) {
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

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbox(…)")
    }
}

/// A `ServerMessage::Subscription` whose data are JSON already.
fn update(uid: &str, event: &str, data: impl Iterator<Item = Arc<str>>) -> String {
    let mut message = String::with_capacity(64 + data.size_hint().0 * 224);
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
        let by_hand = update(&uid, "positions", [Arc::clone(&json), json].into_iter());
        let by_serde = serde_json::to_string(&ServerMessage::Subscription {
            uid: Some("a \"map\"\n".into()),
            event: SubscriptionEvent::Positions(vec![position.clone(), position]),
        });
        assert_eq!(by_hand, by_serde.expect("JSON"));
    }
}
