//! What becomes of a command.

use biplane_core::ErrorCode;
use biplane_core::shown::shown;
use serde_json::Value;

use crate::Rejection;

/// Where a command is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Dangerous, and nobody else has agreed yet.
    AwaitingApproval,
    /// To be routed.
    Pending,
    /// The device is away.
    Queued,
    /// On its way to the gateway that holds the socket.
    Routed,
    /// Its bytes are on the socket.
    Sent,
    /// The device answered.
    Acknowledged,
    /// It could not be delivered, or the device refused.
    Failed,
    /// Its time was over before it was sent.
    Expired,
    /// Somebody took it back before it was sent.
    Cancelled,
    /// Bytes may have left and no answer came.
    Unknown,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::AwaitingApproval,
        Self::Pending,
        Self::Queued,
        Self::Routed,
        Self::Sent,
        Self::Acknowledged,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// As in the column `commands.status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Routed => "routed",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the column.
    pub fn read(value: &Value) -> Result<Self, Rejection> {
        let found = Self::ALL.into_iter().find(|state| value.as_str() == Some(state.as_str()));
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            let message = format!("status: {} is none of {known}", shown(value));
            Rejection::field(ErrorCode::CommandState, "status", message)
        })
    }

    /// Which states may follow.
    const fn next(self) -> &'static [Self] {
        use State::{
            Acknowledged, Cancelled, Expired, Failed, Pending, Queued, Routed, Sent, Unknown,
        };
        match self {
            Self::AwaitingApproval => &[Pending, Cancelled, Expired],
            Self::Pending => &[Routed, Queued, Cancelled, Expired, Failed, Unknown],
            // The device is back.
            Self::Queued => &[Pending, Cancelled, Expired, Failed, Unknown],
            // The gateway lost the socket before it wrote anything, or died and nobody knows.
            Self::Routed => &[Sent, Queued, Cancelled, Expired, Failed, Unknown],
            Self::Sent => &[Acknowledged, Failed, Unknown],
            // A late answer is an answer; and what may be said twice is said again.
            Self::Unknown => &[Acknowledged, Failed, Queued],
            Self::Acknowledged | Self::Failed | Self::Expired | Self::Cancelled => &[],
        }
    }

    /// What it ends as, where bytes of an attempt before may have reached the device.
    pub const fn after_unknown(self) -> Self {
        match self {
            Self::Cancelled | Self::Expired => Self::Unknown,
            other => other,
        }
    }

    /// Each with those that may follow it.
    #[cfg(test)]
    pub fn transitions() -> impl Iterator<Item = (Self, &'static [Self])> {
        Self::ALL.into_iter().map(|state| (state, state.next()))
    }

    /// Whether it may be followed by this one. A report that comes twice changes nothing.
    pub fn may_become(self, to: Self) -> bool {
        self == to || self.next().contains(&to)
    }

    /// Whether nothing follows.
    pub const fn is_end(self) -> bool {
        self.next().is_empty()
    }
}
