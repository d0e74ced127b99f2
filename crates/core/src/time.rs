//! Instants in UTC with milliseconds.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::StaticFormatDescription;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

const PRINTED: StaticFormatDescription = format_description!(
    version = 2,
    "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
);

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
///
/// Event time (when a device was somewhere) and processing time (when we knew)
/// are both `Timestamp`s; the name of the field says which.
///
/// In JSON it is RFC 3339 with milliseconds (`2020-09-12T11:40:00.000Z`), in
/// binary formats the bare number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 instant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an RFC 3339 instant such as 2020-09-12T11:40:00.000Z")]
pub struct TimestampError {
    text: String,
}

impl Timestamp {
    /// Of milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The first instant of this instant's day in UTC.
    pub const fn start_of_day(self) -> Self {
        const DAY: i64 = 86_400_000;
        Self(self.0.div_euclid(DAY) * DAY)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = OffsetDateTime::UNIX_EPOCH.checked_add(Duration::milliseconds(self.0));
        match instant.and_then(|instant| instant.format(PRINTED).ok()) {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(|instant| Self((instant - OffsetDateTime::UNIX_EPOCH).whole_milliseconds() as i64))
            .map_err(|_| TimestampError { text: text.chars().take(64).collect() })
    }
}

/// Plus milliseconds, saturating.
impl Add<i64> for Timestamp {
    type Output = Self;
    fn add(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// The difference in milliseconds, saturating.
impl Sub for Timestamp {
    type Output = i64;
    fn sub(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_and_prints_with_milliseconds() {
        let instant: Timestamp = "2020-09-12T11:40:00Z".parse().expect("an instant");
        assert_eq!(instant.to_string(), "2020-09-12T11:40:00.000Z");
        assert_eq!((instant + 7).to_string(), "2020-09-12T11:40:00.007Z");
        assert_eq!(instant.start_of_day().to_string(), "2020-09-12T00:00:00.000Z");
    }

    #[test]
    fn a_day_before_the_epoch_starts_before_it() {
        assert_eq!(Timestamp::from_millis(-1).start_of_day().as_millis(), -86_400_000);
    }

    #[test]
    fn a_text_that_is_no_instant_is_named_in_the_error() {
        let error = "yesterday".parse::<Timestamp>().expect_err("no instant");
        assert!(error.to_string().contains("`yesterday`"));
    }
}
