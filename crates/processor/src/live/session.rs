//! One client's session, without its socket: what came in, and when, as
//! arguments; what is to be done as values.
//!
//! A session is opened by a token that Directus confirms, shows what Directus
//! answers to the client's own token, and ends with the token. Every answer of
//! Directus is asked for again within a minute, and at once when it may have changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use biplane_core::live::{
    AccessChange, ClientMessage, Cursor, LiveError, Options, PROTOCOL, ServerMessage, Status,
    SubscriptionEvent, Topic,
};
use biplane_core::{ErrorCode, Timestamp};

mod terms;

pub use terms::{Answer, AskId, Effect, Question, Recall, Refusal, UserId};

pub use super::allowed::{Allowed, Kinds};
use super::token::Token;

/// Times and sizes that a session keeps to; milliseconds.
#[derive(Clone, Debug)]
pub struct SessionRules {
    /// From opening to a confirmed token.
    pub handshake: i64,
    /// From a token's end to its successor.
    pub grace: i64,
    /// After so long an answer of Directus is asked for again.
    pub refresh: i64,
    /// How long a static token lives on without Directus.
    pub unconfirmed: i64,
    /// Between two pings; a client that was not heard of since the last is dead.
    pub ping: i64,
    /// Subscriptions at a time.
    pub subscriptions: usize,
}

impl Default for SessionRules {
    fn default() -> Self {
        Self {
            handshake: 10_000,
            grace: 10_000,
            refresh: 50_000,
            unconfirmed: 15 * 60_000,
            ping: 30_000,
            subscriptions: 32,
        }
    }
}

/// Longest name of a subscription, in bytes.
const LONGEST_UID: usize = 128;
/// Questions that one client may have open at a time, its own refreshes apart.
const OPEN_QUESTIONS: usize = 64;

/// A session's state.
#[derive(Debug)]
pub struct Session {
    rules: SessionRules,
    opened: Timestamp,
    identity: Option<Identity>,
    confirming: Option<AskId>,
    grace_ends: Option<Timestamp>,
    refresh_at: Timestamp,
    ping_at: Timestamp,
    heard_since_ping: bool,
    subscriptions: BTreeMap<String, Subscription>,
    asks: HashMap<AskId, Purpose>,
    last_ask: u64,
    closed: bool,
    effects: Vec<Effect>,
}

#[derive(Debug)]
struct Identity {
    user: UserId,
    token: Token,
    ends: Timestamp,
    is_static: bool,
}

#[derive(Debug)]
struct Subscription {
    topic: Topic,
    options: Options,
    resume: Option<Cursor>,
    /// The question whose answer counts; older ones are void.
    ask: Option<AskId>,
    /// Its answer may be of before a change of access: then it is asked for once more.
    stale: bool,
    /// What is shown; `None`: nothing yet.
    shown: Option<Arc<Allowed>>,
}

#[derive(Debug)]
enum Purpose {
    /// The client sent this token.
    Confirm(Token),
    /// The static token in use is asked again.
    Reconfirm,
    Topic(String),
}

impl Session {
    /// Of a socket that was opened now.
    pub fn new(rules: SessionRules, now: Timestamp) -> Self {
        Self {
            opened: now,
            identity: None,
            confirming: None,
            grace_ends: None,
            refresh_at: now + rules.refresh,
            ping_at: now + rules.ping,
            heard_since_ping: true,
            subscriptions: BTreeMap::new(),
            asks: HashMap::new(),
            last_ask: 0,
            closed: false,
            effects: Vec::new(),
            rules,
        }
    }

    /// When [`Session::on_time`] is due.
    pub fn deadline(&self) -> Timestamp {
        let mut deadline = self.ping_at;
        match (&self.identity, self.grace_ends) {
            (None, _) => deadline = deadline.min(self.opened + self.rules.handshake),
            // A fresh token came in time; its answer decides.
            (Some(_), Some(_)) if self.confirming.is_some() => {}
            (Some(_), Some(ends)) => deadline = deadline.min(ends),
            (Some(identity), None) => deadline = deadline.min(identity.ends).min(self.refresh_at),
        }
        deadline
    }

    /// A text message came.
    pub fn on_message(&mut self, now: Timestamp, text: &str) -> Vec<Effect> {
        if self.closed {
            return Vec::new();
        }
        self.heard_since_ping = true;
        match serde_json::from_str(text) {
            Ok(ClientMessage::Auth { protocol: Some(other), .. }) if other != PROTOCOL => {
                let why = format!("this hub speaks protocol {PROTOCOL}, not {other}");
                self.refuse(ErrorCode::LiveProtocol, why);
            }
            Ok(ClientMessage::Auth { access_token, .. }) => {
                self.auth(now, Token::new(&access_token));
            }
            Ok(ClientMessage::Subscribe { uid, topic, options, resume }) => {
                self.subscribe(uid, topic, options, resume);
            }
            Ok(ClientMessage::Unsubscribe { uid }) => self.drop_subscription(&uid),
            Ok(ClientMessage::Ping) => self.effects.push(Effect::Send(ServerMessage::Pong)),
            Ok(ClientMessage::Pong) => {}
            Err(error) => self.not_understood(text, &error),
        }
        std::mem::take(&mut self.effects)
    }

    /// Who subscribes waits for an answer by the subscription's name.
    fn not_understood(&mut self, text: &str, error: &serde_json::Error) {
        #[derive(serde::Deserialize)]
        struct Named {
            r#type: String,
            uid: String,
        }
        let why = format!("not understood: {error}");
        match serde_json::from_str(text) {
            Ok(Named { r#type, uid }) if r#type == "subscribe" && uid.len() <= LONGEST_UID => {
                self.send_subscription_error(Some(uid), ErrorCode::LiveMessage, why);
            }
            _ => self.complain(ErrorCode::LiveMessage, why),
        }
    }

    /// Something came that is no text message: the client lives, and is told.
    pub fn on_binary(&mut self) -> Vec<Effect> {
        self.heard_since_ping = true;
        self.complain(ErrorCode::LiveMessage, "messages are JSON texts, not bytes".into());
        std::mem::take(&mut self.effects)
    }

    /// A control frame came: the client lives.
    pub fn on_sign_of_life(&mut self) {
        self.heard_since_ping = true;
    }

    /// Directus answered.
    pub fn on_answer(&mut self, now: Timestamp, ask: AskId, answer: Answer) -> Vec<Effect> {
        let purpose = self.asks.remove(&ask);
        if self.closed {
            return Vec::new();
        }
        match (purpose, answer) {
            (Some(Purpose::Confirm(token)), Answer::User(answer))
                if self.confirming == Some(ask) =>
            {
                self.confirming = None;
                self.confirmed(now, token, answer);
            }
            (Some(Purpose::Reconfirm), Answer::User(answer)) => self.reconfirmed(now, answer),
            (Some(Purpose::Topic(uid)), Answer::Topic(answer)) => {
                self.authorized(now, ask, uid, answer);
            }
            _ => {}
        }
        std::mem::take(&mut self.effects)
    }

    /// Time went by.
    pub fn on_time(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.closed {
            return Vec::new();
        }
        match (&self.identity, self.grace_ends) {
            (None, _) if now >= self.opened + self.rules.handshake => {
                let seconds = self.rules.handshake / 1000;
                if self.confirming.is_some() {
                    self.refuse(ErrorCode::LiveDirectusAway, "Directus takes too long".into());
                } else {
                    let why = format!("no `auth` message came within {seconds} s");
                    self.refuse(ErrorCode::LiveUnauthorized, why);
                }
            }
            (Some(_), Some(ends)) if now >= ends && self.confirming.is_none() => {
                self.close(ErrorCode::LiveTokenExpired);
            }
            (Some(identity), None) if now >= identity.ends => self.expire(now),
            (Some(_), None) if now >= self.refresh_at => self.refresh(now),
            _ => {}
        }
        if !self.closed && now >= self.ping_at {
            if self.heard_since_ping {
                self.heard_since_ping = false;
                self.ping_at = now + self.rules.ping;
                self.effects.push(Effect::Send(ServerMessage::Ping));
            } else {
                self.close(ErrorCode::LiveBehind);
            }
        }
        std::mem::take(&mut self.effects)
    }

    fn auth(&mut self, now: Timestamp, token: Token) {
        if token.as_str().is_empty() {
            return self.refuse(ErrorCode::LiveUnauthorized, "the token is empty".into());
        }
        if token.expires_at().is_some_and(|end| end <= now) {
            return self.refuse(ErrorCode::LiveTokenExpired, "the token has ended".into());
        }
        if self.asks.len() >= OPEN_QUESTIONS {
            return self.complain(ErrorCode::LiveLimit, "too many questions at a time".into());
        }
        let purpose = Purpose::Confirm(token.clone());
        self.confirming = Some(self.ask(purpose, Question::User(token)));
    }

    fn confirmed(&mut self, now: Timestamp, token: Token, answer: Result<UserId, Refusal>) {
        let user = match answer {
            Ok(user) => user,
            Err(Refusal::Unauthorized) => {
                return self
                    .refuse(ErrorCode::LiveUnauthorized, "Directus refuses the token".into());
            }
            Err(Refusal::Away) => {
                return self.refuse(ErrorCode::LiveDirectusAway, "Directus can't be asked".into());
            }
            Err(Refusal::TooMany) => {
                self.send_auth_error(ErrorCode::LiveLimit, "too many connections of yours".into());
                return self.close(ErrorCode::LiveLimit);
            }
        };
        if self.identity.as_ref().is_some_and(|identity| identity.user != user) {
            let why = "the fresh token is another user's: open a connection of its own";
            self.send_auth_error(ErrorCode::LiveUnauthorized, why.into());
            return self.close(ErrorCode::LiveUnauthorized);
        }
        let (ends, is_static) = match token.expires_at() {
            Some(end) if end <= now => {
                return self.refuse(ErrorCode::LiveTokenExpired, "the token has ended".into());
            }
            Some(end) => (end, false),
            None => (now + self.rules.unconfirmed, true),
        };
        self.identity = Some(Identity { user, token, ends, is_static });
        self.effects.push(Effect::Send(ServerMessage::Auth {
            status: Status::Ok,
            expires_at: (!is_static).then_some(ends),
            protocol: Some(PROTOCOL),
            time: Some(now),
            error: None,
        }));
        if self.grace_ends.take().is_some() {
            self.effects.push(Effect::Hold(false));
        }
        self.refresh_at = now + self.rules.refresh;
        // With the fresh token, whatever is still asked with the old one.
        self.ask_topics(|_| true);
    }

    fn reconfirmed(&mut self, now: Timestamp, answer: Result<UserId, Refusal>) {
        let Some(identity) = self.identity.as_mut().filter(|identity| identity.is_static) else {
            return;
        };
        match answer {
            Ok(user) if user == identity.user => {
                identity.ends = now + self.rules.unconfirmed;
                self.ask_topics(|subscription| subscription.ask.is_none());
            }
            Ok(_) | Err(Refusal::Unauthorized) => self.expire(now),
            Err(Refusal::Away | Refusal::TooMany) => {}
        }
    }

    /// The token's end: nothing more is shown until a fresh one is confirmed.
    fn expire(&mut self, now: Timestamp) {
        if self.grace_ends.is_some() {
            return;
        }
        self.grace_ends = Some(now + self.rules.grace);
        self.effects.push(Effect::Hold(true));
        let seconds = self.rules.grace / 1000;
        let why = format!("the token has ended: send a fresh one within {seconds} s");
        self.send_auth_error(ErrorCode::LiveTokenExpired, why);
    }

    /// What is asked already is not asked twice: a Directus that hangs would
    /// find ever more questions when it comes back.
    fn refresh(&mut self, now: Timestamp) {
        self.refresh_at = now + self.rules.refresh;
        let Some(identity) = &self.identity else { return };
        if !identity.is_static {
            return self.ask_topics(|subscription| subscription.ask.is_none());
        }
        if !self.asks.values().any(|purpose| matches!(purpose, Purpose::Reconfirm)) {
            let token = identity.token.clone();
            self.ask(Purpose::Reconfirm, Question::User(token));
        }
    }

    fn ask_topics(&mut self, which: impl Fn(&Subscription) -> bool) {
        let uids: Vec<String> = self
            .subscriptions
            .iter()
            .filter(|(_, subscription)| which(subscription))
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in uids {
            self.ask_topic(&uid);
        }
    }

    fn ask_topic(&mut self, uid: &str) {
        let (Some(identity), Some(subscription)) = (&self.identity, self.subscriptions.get(uid))
        else {
            return;
        };
        let question = Question::Topic(identity.token.clone(), subscription.topic.clone());
        let ask = self.ask(Purpose::Topic(uid.to_owned()), question);
        if let Some(subscription) = self.subscriptions.get_mut(uid) {
            subscription.ask = Some(ask);
        }
    }

    fn subscribe(&mut self, uid: String, topic: Topic, options: Options, resume: Option<Cursor>) {
        let refusal = match (&self.identity, self.grace_ends) {
            (None, _) => Some((ErrorCode::LiveUnauthorized, "first send `auth`".to_owned())),
            (_, Some(_)) => {
                Some((ErrorCode::LiveTokenExpired, "first send a fresh token".to_owned()))
            }
            _ if uid.is_empty() || uid.len() > LONGEST_UID => Some((
                ErrorCode::LiveMessage,
                format!("`uid` has {} bytes, should have 1 to {LONGEST_UID}", uid.len()),
            )),
            _ if topic == Topic::Devices(Vec::new()) => {
                Some((ErrorCode::LiveMessage, "`topic.devices` names no device".to_owned()))
            }
            _ if options.min_interval_ms > Options::LONGEST_INTERVAL_MS => Some((
                ErrorCode::LiveMessage,
                format!(
                    "`options.min_interval_ms` is {}, should be at most {}",
                    options.min_interval_ms,
                    Options::LONGEST_INTERVAL_MS
                ),
            )),
            _ if options.replay_s > Options::LONGEST_REPLAY_S => Some((
                ErrorCode::LiveMessage,
                format!(
                    "`options.replay_s` is {}, should be at most {}",
                    options.replay_s,
                    Options::LONGEST_REPLAY_S
                ),
            )),
            _ if self.subscriptions.len() >= self.rules.subscriptions
                && !self.subscriptions.contains_key(&uid) =>
            {
                let most = self.rules.subscriptions;
                Some((ErrorCode::LiveLimit, format!("at most {most} subscriptions")))
            }
            _ if self.asks.len() >= OPEN_QUESTIONS => {
                Some((ErrorCode::LiveLimit, "too many questions at a time".to_owned()))
            }
            _ => None,
        };
        if let Some((code, message)) = refusal {
            let uid = if uid.len() > LONGEST_UID { None } else { Some(uid) };
            return self.send_subscription_error(uid, code, message);
        }
        self.drop_subscription(&uid);
        let subscription =
            Subscription { topic, options, resume, ask: None, stale: false, shown: None };
        self.subscriptions.insert(uid.clone(), subscription);
        self.ask_topic(&uid);
    }

    fn authorized(
        &mut self,
        now: Timestamp,
        ask: AskId,
        uid: String,
        answer: Result<Arc<Allowed>, Refusal>,
    ) {
        let Some(subscription) =
            self.subscriptions.get_mut(&uid).filter(|subscription| subscription.ask == Some(ask))
        else {
            return;
        };
        subscription.ask = None;
        if std::mem::take(&mut subscription.stale) && answer.is_ok() {
            return self.ask_topic(&uid);
        }
        let (code, message) = match answer {
            Ok(allowed) if allowed.is_empty() => {
                (ErrorCode::LiveForbidden, "Directus shows you nothing of this topic")
            }
            Ok(allowed) => {
                let before = subscription.shown.replace(Arc::clone(&allowed));
                let effect = match before {
                    // Nobody's permissions changed: the usual answer.
                    Some(before) if before == allowed => return,
                    Some(_) => Effect::Rewatch(uid, allowed),
                    None => {
                        let since = subscription.resume.take();
                        let replay_s = subscription.options.replay_s;
                        let recall =
                            (since.is_some() || replay_s > 0).then_some(Recall { since, replay_s });
                        Effect::Watch(uid, allowed, subscription.options.clone(), recall)
                    }
                };
                return self.effects.push(effect);
            }
            // What was allowed stays so until the token ends: it could not be taken back, nor widened.
            Err(Refusal::Away | Refusal::TooMany) if subscription.shown.is_some() => return,
            Err(Refusal::Away | Refusal::TooMany) => {
                (ErrorCode::LiveDirectusAway, "Directus can't be asked")
            }
            Err(Refusal::Unauthorized) => {
                let shown = subscription.shown.is_some();
                self.expire(now);
                if shown {
                    return;
                }
                (ErrorCode::LiveUnauthorized, "Directus refuses the token")
            }
        };
        self.drop_subscription(&uid);
        self.send_subscription_error(Some(uid), code, message.to_owned());
    }

    /// What was missed could not be told: the subscription ends, and may be made again.
    pub fn on_recall_failed(&mut self, uid: String, code: ErrorCode, why: String) -> Vec<Effect> {
        if !self.closed {
            self.drop_subscription(&uid);
            self.send_subscription_error(Some(uid), code, why);
        }
        std::mem::take(&mut self.effects)
    }

    /// Who may see what has changed: what is shown to those whom it concerns is asked for again; what
    /// is being asked once its answer is there, for that may be of before.
    pub fn on_access_change(&mut self, change: AccessChange) -> Vec<Effect> {
        let Some(identity) = self.identity.as_ref().filter(|_| !self.closed) else {
            return Vec::new();
        };
        let is_mine = change.concerns_all() || change.user == Some(identity.user);
        let concerns = |subscription: &Subscription| {
            is_mine
                || change.organization.is_some_and(|organization| {
                    subscription.ask.is_some()
                        || subscription.topic == Topic::Organization(organization)
                        || subscription.shown.as_ref().is_some_and(|it| it.is_of(organization))
                })
        };
        for subscription in self.subscriptions.values_mut() {
            subscription.stale |= subscription.ask.is_some() && concerns(subscription);
        }
        self.ask_topics(|subscription| subscription.ask.is_none() && concerns(subscription));
        std::mem::take(&mut self.effects)
    }

    fn send_subscription_error(&mut self, uid: Option<String>, code: ErrorCode, message: String) {
        self.effects.push(Effect::Send(ServerMessage::Subscription {
            uid,
            event: SubscriptionEvent::Error(LiveError { code, message }),
            cursor: None,
        }));
    }

    fn drop_subscription(&mut self, uid: &str) {
        if self.subscriptions.remove(uid).is_some_and(|it| it.shown.is_some()) {
            self.effects.push(Effect::Unwatch(uid.to_owned()));
        }
    }

    fn ask(&mut self, purpose: Purpose, question: Question) -> AskId {
        self.last_ask += 1;
        let ask = AskId(self.last_ask);
        self.asks.insert(ask, purpose);
        self.effects.push(Effect::Ask(ask, question));
        ask
    }

    /// A token that is not accepted ends a session that has none yet; one that
    /// has goes on with it for as long as it lasts.
    fn refuse(&mut self, code: ErrorCode, why: String) {
        self.send_auth_error(code, why);
        if self.identity.is_none() {
            self.close(code);
        }
    }

    fn send_auth_error(&mut self, code: ErrorCode, message: String) {
        self.effects.push(Effect::Send(ServerMessage::Auth {
            status: Status::Error,
            expires_at: None,
            protocol: None,
            time: None,
            error: Some(LiveError { code, message }),
        }));
    }

    fn complain(&mut self, code: ErrorCode, message: String) {
        let error = LiveError { code, message };
        let message = ServerMessage::Error { status: Status::Error, error, cursor: None };
        self.effects.push(Effect::Send(message));
    }

    fn close(&mut self, code: ErrorCode) {
        self.closed = true;
        self.effects.push(Effect::Close(code));
    }
}

#[cfg(test)]
mod tests;
