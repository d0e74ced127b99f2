//! One client's socket: performs what its session asks for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use biplane_core::live::{AccessChange, ServerMessage};
use biplane_core::{ErrorCode, Timestamp};
use futures_util::future::FusedFuture as _;
use futures_util::stream::SplitSink;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Shared;
use super::fanout::{SubscriptionKey, Watch};
use super::outbox::{Closing, Outbox};
use super::pace::Pace;
use super::recall::{Failure, Recalled, recall};
use super::seats::Seat;
use super::session::{Answer, AskId, Effect, Refusal, Session};

/// How long a client may take to hear that it is closed.
const GOODBYE: Duration = Duration::from_secs(2);

/// Serves one client until it goes, or has to.
pub(super) async fn serve(socket: WebSocket, shared: Arc<Shared>) {
    let (sink, mut stream) = socket.split();
    let outbox = Outbox::new(shared.config.limits.waiting_events);
    let writer = write(sink, Arc::clone(&outbox), Arc::clone(&shared)).fuse();
    tokio::pin!(writer);
    let mut session = Session::new(shared.config.session.clone(), now());
    let mut stage = Stage {
        shared: Arc::clone(&shared),
        outbox: Arc::clone(&outbox),
        watches: HashMap::new(),
        asks: JoinSet::new(),
        recalls: JoinSet::new(),
        seat: None,
    };
    let mut stopping = shared.stopping.subscribe();
    let mut access = shared.access.subscribe();
    loop {
        let due = session.deadline() - now();
        let due = Instant::now() + Duration::from_millis(due.max(0) as u64);
        let effects = tokio::select! {
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => session.on_message(now(), &text),
                Some(Ok(Message::Binary(_))) => session.on_binary(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    session.on_sign_of_life();
                    Vec::new()
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "a live client's socket failed");
                    outbox.close(Closing::Refused(ErrorCode::LiveMessage));
                    break;
                }
                Some(Ok(Message::Close(_))) | None => break,
            },
            Some(answered) = stage.asks.join_next() => match answered {
                Ok((ask, answer)) => {
                    let answer = stage.take_a_seat(answer);
                    session.on_answer(now(), ask, answer)
                }
                Err(error) => {
                    tracing::error!(%error, "a question to Directus was lost");
                    Vec::new()
                }
            },
            Some(recalled) = stage.recalls.join_next() => match recalled {
                Ok((uid, key, recalled)) => stage.recalled(&mut session, uid, key, recalled),
                Err(error) => {
                    tracing::error!(%error, "what a client had missed was lost");
                    break;
                }
            },
            change = access.recv() => match change {
                Ok(change) => session.on_access_change(change),
                // Too many to keep count of: any of them may concern it.
                Err(RecvError::Lagged(_)) => session.on_access_change(AccessChange::default()),
                Err(RecvError::Closed) => break,
            },
            () = tokio::time::sleep_until(due) => session.on_time(now()),
            _ = stopping.wait_for(|stopping| *stopping) => {
                outbox.close(Closing::Stopping);
                break;
            }
            () = outbox.ended() => break,
            () = &mut writer => break,
        };
        if stage.perform(effects).is_closed() {
            break;
        }
    }
    stage.clear();
    // Reading on until the client has answered: what is unread when a socket
    // is dropped makes the kernel take back what was written.
    let goodbye = async {
        if !writer.is_terminated() {
            outbox.close(Closing::Stopping);
            writer.await;
        }
        while let Some(Ok(_)) = stream.next().await {}
    };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

/// Whether a session goes on.
enum Goes {
    On,
    Closed,
}

impl Goes {
    fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

/// What a session acts upon.
struct Stage {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    watches: HashMap<String, Watch>,
    asks: JoinSet<(AskId, Answer)>,
    recalls: JoinSet<(String, SubscriptionKey, Result<Recalled, Failure>)>,
    seat: Option<Seat>,
}

impl Stage {
    fn perform(&mut self, effects: Vec<Effect>) -> Goes {
        for effect in effects {
            match effect {
                Effect::Ask(ask, question) => {
                    let shared = Arc::clone(&self.shared);
                    self.asks.spawn(async move { (ask, shared.answer(&question).await) });
                }
                Effect::Send(message) => self.outbox.answer(&message),
                Effect::Watch(uid, allowed, options, past) => {
                    let Shared { fanout, .. } = &*self.shared;
                    let (outbox, recalls) = (&self.outbox, past.is_some());
                    // Before the past is looked up: nothing happens in between.
                    let watch = fanout.watch(outbox, &uid, Arc::clone(&allowed), &options, recalls);
                    if let Some(past) = past {
                        let (shared, uid, key) =
                            (Arc::clone(&self.shared), uid.clone(), watch.key());
                        self.recalls.spawn(async move {
                            (uid, key, recall(&shared, &allowed, past).await)
                        });
                    }
                    self.watches.insert(uid, watch);
                }
                Effect::Rewatch(uid, allowed) => {
                    if let Some(watch) = self.watches.get_mut(&uid) {
                        self.shared.fanout.rewatch(watch, &self.outbox, allowed);
                    }
                }
                Effect::Unwatch(uid) => {
                    if let Some(watch) = self.watches.remove(&uid) {
                        self.shared.fanout.unwatch(watch, &self.outbox);
                    }
                }
                Effect::Hold(held) => self.outbox.hold(held),
                Effect::Close(code) => {
                    self.outbox.close(Closing::Refused(code));
                    return Goes::Closed;
                }
            }
        }
        Goes::On
    }

    fn recalled(
        &mut self,
        session: &mut Session,
        uid: String,
        key: SubscriptionKey,
        recalled: Result<Recalled, Failure>,
    ) -> Vec<Effect> {
        // Another subscription of that name, or none.
        let Some(watch) = self.watches.get(&uid).filter(|watch| watch.key() == key) else {
            return Vec::new();
        };
        match recalled {
            Ok(recalled) => {
                // As it is allowed by now.
                let events = recalled.events(watch.allowed());
                self.outbox.recall(key, events, recalled.replay(watch.allowed(), watch.fields()));
                Vec::new()
            }
            Err(Failure { code, why }) => session.on_recall_failed(uid, code, why),
        }
    }

    /// A user who is known takes a seat once; when none is free, that is the answer.
    fn take_a_seat(&mut self, answer: Answer) -> Answer {
        if let (Answer::User(Ok(user)), None) = (&answer, &self.seat) {
            self.seat = self.shared.seats.take(*user);
            if self.seat.is_none() {
                return Answer::User(Err(Refusal::TooMany));
            }
        }
        answer
    }

    fn clear(&mut self) {
        self.asks.abort_all();
        self.recalls.abort_all();
        self.seat = None;
        for (_, watch) in self.watches.drain() {
            self.shared.fanout.unwatch(watch, &self.outbox);
        }
    }
}

/// A connection that is dropped anywhere leaves nothing in the index.
impl Drop for Stage {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Empties the outbox into the socket: answers at once, updates no more often
/// than configured, and than the client reads. While the socket takes nothing,
/// the outbox conflates.
async fn write(mut sink: SplitSink<WebSocket, Message>, outbox: Arc<Outbox>, shared: Arc<Shared>) {
    let mut pace = Pace::new(shared.config.limits.flush_every);
    let mut next_updates = Instant::now();
    loop {
        let due = outbox.due().map(|due| due.max(next_updates));
        tokio::select! {
            () = outbox.changed() => {}
            () = tokio::time::sleep_until(due.unwrap_or(next_updates)), if due.is_some() => {}
        }
        // Before it is emptied: what was told until then is in it.
        let told = shared.fanout.told();
        let now = Instant::now();
        let taken = outbox.take(now, now >= next_updates, told);
        let has_updates = taken.positions + taken.events > 0;
        for message in taken.messages {
            if sink.send(Message::Text(message.into())).await.is_err() {
                return;
            }
        }
        if has_updates {
            shared.metrics.live_positions.fetch_add(taken.positions as u64, Relaxed);
            shared.metrics.live_events.fetch_add(taken.events as u64, Relaxed);
            if let Some(interval_ms) = pace.sent(now.elapsed()) {
                outbox.answer(&ServerMessage::Rate { interval_ms });
            }
            next_updates = now + pace.interval();
        }
        if let Some(closing) = taken.closing {
            if closing == Closing::Refused(ErrorCode::LiveBehind) {
                shared.metrics.live_behind.fetch_add(1, Relaxed);
            }
            let frame = match closing {
                Closing::Refused(code) => {
                    CloseFrame { code: 4000 + code.status(), reason: code.as_str().into() }
                }
                Closing::Stopping => {
                    CloseFrame { code: close_code::RESTART, reason: "the hub stops".into() }
                }
            };
            let _ = sink.send(Message::Close(Some(frame))).await;
            return;
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(since.as_millis() as i64)
}
