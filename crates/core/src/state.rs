//! States of devices as bytes, as the database keeps them from one owner of a partition to the next.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes that are no state.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the state of {what} can't be read: {reason}")]
pub struct StateError {
    what: &'static str,
    reason: String,
}

impl StateError {
    pub(crate) fn new(what: &'static str, reason: impl Into<String>) -> Self {
        Self { what, reason: reason.into() }
    }
}

/// A version byte, then postcard.
pub(crate) fn to_bytes(version: u8, state: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(state, vec![version])
        .expect("writing to a Vec can't fail, and no state refuses to serialize")
}

/// Reads what [`to_bytes`] wrote.
pub(crate) fn from_bytes<T: DeserializeOwned>(
    what: &'static str,
    version: u8,
    bytes: &[u8],
) -> Result<T, StateError> {
    match bytes.split_first() {
        Some((first, rest)) if *first == version => {
            postcard::from_bytes(rest).map_err(|error| StateError::new(what, error.to_string()))
        }
        Some((first, _)) => {
            Err(StateError::new(what, format!("version {first}, this build reads {version}")))
        }
        None => Err(StateError::new(what, "empty")),
    }
}
