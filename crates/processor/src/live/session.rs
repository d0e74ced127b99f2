//! One client's session, without its socket: what came in, and when, as
//! arguments; what is to be done as values.
//!
//! A session is opened by a token that Directus confirms, shows what Directus
//! answers to the client's own token, and ends with the token. Every answer of
//! Directus is asked again within a minute.

use std::collections::{BTreeMap, HashMap};

use biplane_core::live::{
    ClientMessage, LiveError, ServerMessage, Status, SubscriptionEvent, Topic,
};
use biplane_core::{DeviceId, ErrorCode, EventId, OrganizationId, Timestamp};
use uuid::Uuid;

use super::token::Token;

/// Times and sizes that a session keeps to; milliseconds.
#[derive(Clone, Debug)]
pub struct SessionRules {
    /// From opening to a confirmed token.
    pub handshake: i64,
    /// From a token's end to its successor.
    pub grace: i64,
    /// How old an answer of Directus may be.
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
            refresh: 60_000,
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

/// Names a question until its answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AskId(u64);

/// What only Directus knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Whose token is this?
    User(Token),
    /// What of this topic may the token's user see?
    Topic(Token, Topic),
}

/// What Directus said. Every question gets one answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Question::User`].
    User(Result<UserId, Refusal>),
    /// To [`Question::Topic`].
    Topic(Result<Allowed, Refusal>),
}

/// A row of `directus_users`.
pub type UserId = Uuid;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Directus does not accept the token.
    Unauthorized,
    /// Directus can't be asked.
    Away,
    /// The user has too many connections.
    TooMany,
}

/// What a user may see of a topic, with the tenant that it belongs to now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Whose positions.
    pub devices: BTreeMap<DeviceId, OrganizationId>,
    /// Which event's crossings.
    pub crossings: Option<(EventId, OrganizationId)>,
}

impl Allowed {
    fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.crossings.is_none()
    }
}

/// What the shell is to do.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Ask Directus, and hand the answer to [`Session::on_answer`].
    Ask(AskId, Question),
    /// Send to the client.
    Send(ServerMessage),
    /// Show this under the name, from now on and instead of what was shown before.
    Watch(String, Allowed),
    /// Show nothing more under the name.
    Unwatch(String),
    /// Keep back (true) or go on sending (false) what is watched.
    Hold(bool),
    /// The last effect: close the socket.
    Close(ErrorCode),
}

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
    /// The question whose answer counts; older ones are void.
    ask: Option<AskId>,
    shown: bool,
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
            Ok(ClientMessage::Auth { access_token }) => self.auth(now, Token::new(&access_token)),
            Ok(ClientMessage::Subscribe { uid, topic }) => self.subscribe(uid, topic),
            Ok(ClientMessage::Unsubscribe { uid }) => self.drop_subscription(&uid),
            Ok(ClientMessage::Ping) => self.effects.push(Effect::Send(ServerMessage::Pong)),
            Ok(ClientMessage::Pong) => {}
            Err(error) => self.complain(ErrorCode::LiveMessage, format!("not understood: {error}")),
        }
        std::mem::take(&mut self.effects)
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

    fn subscribe(&mut self, uid: String, topic: Topic) {
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
            return self.effects.push(Effect::Send(ServerMessage::Subscription {
                uid,
                event: SubscriptionEvent::Error(LiveError { code, message }),
            }));
        }
        self.drop_subscription(&uid);
        self.subscriptions.insert(uid.clone(), Subscription { topic, ask: None, shown: false });
        self.ask_topic(&uid);
    }

    fn authorized(
        &mut self,
        now: Timestamp,
        ask: AskId,
        uid: String,
        answer: Result<Allowed, Refusal>,
    ) {
        let Some(subscription) =
            self.subscriptions.get_mut(&uid).filter(|subscription| subscription.ask == Some(ask))
        else {
            return;
        };
        subscription.ask = None;
        let (code, message) = match answer {
            Ok(allowed) if allowed.is_empty() => {
                (ErrorCode::LiveForbidden, "Directus shows you nothing of this topic")
            }
            Ok(allowed) => {
                subscription.shown = true;
                return self.effects.push(Effect::Watch(uid, allowed));
            }
            // What was allowed stays so until the token ends: it could not be taken back, nor widened.
            Err(Refusal::Away | Refusal::TooMany) if subscription.shown => return,
            Err(Refusal::Away | Refusal::TooMany) => {
                (ErrorCode::LiveDirectusAway, "Directus can't be asked")
            }
            Err(Refusal::Unauthorized) => {
                let shown = subscription.shown;
                self.expire(now);
                if shown {
                    return;
                }
                (ErrorCode::LiveUnauthorized, "Directus refuses the token")
            }
        };
        self.drop_subscription(&uid);
        self.effects.push(Effect::Send(ServerMessage::Subscription {
            uid: Some(uid),
            event: SubscriptionEvent::Error(LiveError { code, message: message.to_owned() }),
        }));
    }

    fn drop_subscription(&mut self, uid: &str) {
        if self.subscriptions.remove(uid).is_some_and(|subscription| subscription.shown) {
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
            error: Some(LiveError { code, message }),
        }));
    }

    fn complain(&mut self, code: ErrorCode, message: String) {
        let error = LiveError { code, message };
        self.effects.push(Effect::Send(ServerMessage::Error { status: Status::Error, error }));
    }

    fn close(&mut self, code: ErrorCode) {
        self.closed = true;
        self.effects.push(Effect::Close(code));
    }
}

#[cfg(test)]
mod tests;
