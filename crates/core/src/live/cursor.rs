//! How far a client has been told.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Timestamp;

/// A place in what clients of the live channel are told: all that was committed before it, they
/// have. Opaque to them; as text `<transaction>-<milliseconds>`.
///
/// Whoever goes on from it may be told again what was being committed then: events have ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// PostgreSQL's oldest transaction (`xid8`) that was not over.
    pub transaction: u64,
    /// Processing time: by it is known whether what came after is still kept.
    pub at: Timestamp,
}

/// A text that is no cursor.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is no cursor that the live channel gave")]
pub struct CursorError {
    text: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.transaction, self.at.as_millis())
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (transaction, at) = text.split_once('-')?;
            let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            if !is_number(transaction) || !is_number(at) {
                return None;
            }
            let at = Timestamp::from_millis(at.parse().ok()?);
            Some(Self { transaction: transaction.parse().ok()?, at })
        };
        read().ok_or_else(|| CursorError { text: text.chars().take(64).collect() })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_what_is_none_is_refused() {
        let cursor = Cursor { transaction: 48_213, at: Timestamp::from_millis(1_600_000_000_123) };
        assert_eq!(cursor.to_string(), "48213-1600000000123");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "+1-2",
            "1--2",
            "1-2-3",
            " 1-2",
            "1-2x",
            "99999999999999999999-1",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
