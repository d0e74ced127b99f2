//! Two times of an item, of which the first comes first.

use biplane_core::{ErrorCode, Timestamp};

use crate::Rejection;
use crate::after::After;
use biplane_core::shown::shown;

/// The fields, and the code that says that they are wrong.
#[derive(Clone, Copy)]
pub struct Span {
    /// When it begins.
    pub start: &'static str,
    /// When it ends.
    pub end: &'static str,
    /// Of every fault of theirs.
    pub code: ErrorCode,
}

impl Span {
    /// The two times, as far as they are there; or all that is wrong with them.
    pub fn read(
        &self,
        item: After<'_>,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), Vec<Rejection>> {
        match (self.time(item, self.start), self.time(item, self.end)) {
            (Ok(Some(start)), Ok(Some(end))) if start >= end => {
                let (from, to) = (self.start, self.end);
                let message = format!("{to}: {end} is not after `{from}`, which is {start}");
                Err(vec![Rejection::field(self.code, to, message)])
            }
            (Ok(start), Ok(end)) => Ok((start, end)),
            (start, end) => Err([start, end].into_iter().filter_map(Result::err).collect()),
        }
    }

    fn time(&self, item: After<'_>, field: &'static str) -> Result<Option<Timestamp>, Rejection> {
        let Some(value) = item.field(field) else { return Ok(None) };
        if let Some(time) = value.as_str().and_then(time) {
            return Ok(Some(time));
        }
        let message = format!("{field}: {} is not a time like 2026-05-01T09:30:00Z", shown(value));
        Err(Rejection::field(self.code, field, message))
    }
}

/// As Directus takes times: without an offset they are UTC, without a time of day they are midnight.
pub fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim().replacen(' ', "T", 1);
    [text.clone(), format!("{text}Z"), format!("{text}T00:00:00Z")]
        .iter()
        .find_map(|text| text.parse().ok())
}
