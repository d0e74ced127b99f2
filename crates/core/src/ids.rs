//! Identifiers: one type a thing, so that a device is never passed for an entry.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

uuid_id! {
    /// A row of `organizations`: the tenant that owns everything else.
    OrganizationId,
    /// A row of `devices`.
    DeviceId,
    /// A row of `events`.
    EventId,
    /// A row of `entries`: a competitor or vehicle, with its device, in an event.
    EntryId,
    /// A row of `geofences`.
    GeofenceId,
    /// A row of `checkpoints`: a geofence's place in an event's course.
    CheckpointId,
}

/// An International Mobile Equipment Identity: 15 digits, the last a Luhn check digit (3GPP TS 23.003).
///
/// Identifies a device and proves nothing: it is no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Imei(u64);

/// Why a text is no IMEI.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImeiError {
    /// Not 15 ASCII digits.
    #[error("an IMEI has 15 digits; got {length} characters")]
    Shape {
        /// How many characters came.
        length: usize,
    },
    /// The last digit is not the Luhn digit of the others.
    #[error("the IMEI's check digit is {got}, should be {expected}")]
    CheckDigit {
        /// The digit that came.
        got: u8,
        /// The digit that the other 14 ask for.
        expected: u8,
    },
}

impl Imei {
    /// Reads 15 digits without asking for the check digit: trackers exist that send none.
    pub fn from_digits(text: &str) -> Result<Self, ImeiError> {
        let shape = ImeiError::Shape { length: text.chars().count() };
        if text.len() != 15 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(shape);
        }
        text.parse().map(Self).map_err(|_| shape)
    }

    /// The IMEI made of `body` (at most 14 digits) and its Luhn digit.
    pub const fn with_check_digit(body: u64) -> Self {
        let body = body % 100_000_000_000_000;
        Self(body * 10 + luhn_digit(body) as u64)
    }

    /// The number, below 10^15.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Whether the last digit is the Luhn digit of the others; the error names both.
    pub const fn check(self) -> Result<(), ImeiError> {
        let (got, expected) = ((self.0 % 10) as u8, luhn_digit(self.0 / 10));
        if got == expected { Ok(()) } else { Err(ImeiError::CheckDigit { got, expected }) }
    }
}

const fn luhn_digit(mut body: u64) -> u8 {
    let (mut sum, mut double) = (0, true);
    while body > 0 {
        let digit = body % 10;
        sum += match (double, digit) {
            (false, d) => d,
            (true, d) if d < 5 => d * 2,
            (true, d) => d * 2 - 9,
        };
        double = !double;
        body /= 10;
    }
    ((10 - sum % 10) % 10) as u8
}

impl fmt::Display for Imei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:015}", self.0)
    }
}

impl FromStr for Imei {
    type Err = ImeiError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let imei = Self::from_digits(text)?;
        imei.check()?;
        Ok(imei)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_imei_has_the_right_check_digit() {
        // 3GPP's and GSMA's usual example.
        assert_eq!("490154203237518".parse::<Imei>().expect("valid").as_u64(), 490_154_203_237_518);
        assert_eq!(Imei::with_check_digit(49_015_420_323_751).to_string(), "490154203237518");
    }

    #[test]
    fn a_wrong_check_digit_names_the_right_one() {
        assert_eq!(
            "490154203237519".parse::<Imei>(),
            Err(ImeiError::CheckDigit { got: 9, expected: 8 })
        );
    }

    #[test]
    fn letters_short_and_long_texts_are_no_imei() {
        for text in
            ["", "49015420323751", "4901542032375180", "49015420323751x", "４90154203237518"]
        {
            assert!(matches!(text.parse::<Imei>(), Err(ImeiError::Shape { .. })), "{text}");
        }
    }

    #[test]
    fn leading_zeros_are_kept() {
        assert_eq!(Imei::with_check_digit(1).to_string().len(), 15);
    }
}
