//! What a session asks and is told, and what is to be done about it.

use std::sync::Arc;

use biplane_core::ErrorCode;
use biplane_core::live::{Cursor, Options, ServerMessage, Topic};
use uuid::Uuid;

use super::super::allowed::Allowed;
use super::super::token::Token;

/// Names a question until its answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AskId(pub(super) u64);

/// What only Directus knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    Topic(Result<Arc<Allowed>, Refusal>),
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

/// What a subscription begins with, beside the last positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recall {
    /// What was committed since.
    pub since: Option<Cursor>,
    /// And what happened within so many seconds; 0: none.
    pub replay_s: u32,
}

/// What the shell is to do.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Ask Directus, and hand the answer to [`Session::on_answer`].
    Ask(AskId, Question),
    /// Send to the client.
    Send(ServerMessage),
    /// Show this under the name, from now on.
    Watch(String, Arc<Allowed>, Options, Option<Recall>),
    /// Show this under the name, instead of what was shown before.
    Rewatch(String, Arc<Allowed>),
    /// Show nothing more under the name.
    Unwatch(String),
    /// Keep back (true) or go on sending (false) what is watched.
    Hold(bool),
    /// The last effect: close the socket.
    Close(ErrorCode),
}
