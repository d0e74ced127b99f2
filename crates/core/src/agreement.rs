//! How well crossings agree with those that somebody else found in the same tracks.

use std::collections::BTreeMap;

use crate::Timestamp;
use crate::live::Direction;

/// A crossing that the other side found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Whose.
    pub device: String,
    /// Of which zone.
    pub zone: u32,
    /// Which way.
    pub direction: Direction,
    /// The fix before.
    pub after: Timestamp,
    /// The fix after.
    pub before: Timestamp,
}

/// A crossing that we found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whose.
    pub device: String,
    /// Of which zone.
    pub zone: u32,
    /// Which way.
    pub direction: Direction,
    /// When.
    pub at: Timestamp,
}

/// Counts of one zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Found by both.
    pub matched: usize,
    /// Found by the other side only.
    pub missed: usize,
    /// Found by us only.
    pub extra: usize,
}

/// The result of [`compare`].
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// By zone.
    pub zones: BTreeMap<u32, Counts>,
    /// What the other side found and we did not.
    pub missed: Vec<Expected>,
    /// What we found and the other side did not.
    pub extra: Vec<Found>,
}

impl Agreement {
    /// Over all zones.
    pub fn total(&self) -> Counts {
        self.zones.values().fold(Counts::default(), |sum, zone| Counts {
            matched: sum.matched + zone.matched,
            missed: sum.missed + zone.missed,
            extra: sum.extra + zone.extra,
        })
    }
}

/// Pairs crossings of the same device, zone and direction whose times fit: ours lies between the
/// other's two fixes, or at most `tolerance_ms` outside. Each is paired once, as many as can be.
pub fn compare(expected: &[Expected], found: &[Found], tolerance_ms: i64) -> Agreement {
    type Key<'a> = (&'a str, u32, Direction);
    let mut groups: BTreeMap<Key<'_>, (Vec<&Expected>, Vec<&Found>)> = BTreeMap::new();
    for one in expected {
        groups.entry((&one.device, one.zone, one.direction)).or_default().0.push(one);
    }
    for one in found {
        groups.entry((&one.device, one.zone, one.direction)).or_default().1.push(one);
    }
    let mut agreement = Agreement::default();
    for ((_, zone, _), (mut theirs, mut ours)) in groups {
        // Intervals by their end, each taking the earliest free time in it: no pairing has more.
        theirs.sort_by_key(|one| one.before);
        ours.sort_by_key(|one| one.at);
        let counts = agreement.zones.entry(zone).or_default();
        for wanted in theirs {
            let range = wanted.after + -tolerance_ms..=wanted.before + tolerance_ms;
            match ours.iter().position(|one| range.contains(&one.at)) {
                Some(n) => {
                    ours.remove(n);
                    counts.matched += 1;
                }
                None => {
                    counts.missed += 1;
                    agreement.missed.push(wanted.clone());
                }
            }
        }
        counts.extra += ours.len();
        agreement.extra.extend(ours.into_iter().cloned());
    }
    agreement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn theirs(direction: Direction, after: i64, before: i64) -> Expected {
        Expected { device: "a".into(), zone: 1, direction, after: at(after), before: at(before) }
    }

    fn ours(direction: Direction, seconds: i64) -> Found {
        Found { device: "a".into(), zone: 1, direction, at: at(seconds) }
    }

    #[test]
    fn times_that_fit_two_intervals_are_shared_out_so_that_both_match() {
        let expected = [theirs(Direction::Enter, 10, 30), theirs(Direction::Enter, 9, 12)];
        let found = [ours(Direction::Enter, 11), ours(Direction::Enter, 20)];
        let counts = compare(&expected, &found, 0).total();
        assert_eq!(counts, Counts { matched: 2, missed: 0, extra: 0 });
    }

    #[test]
    fn another_direction_or_a_time_past_the_tolerance_is_missed_and_extra() {
        let expected = [theirs(Direction::Enter, 10, 11), theirs(Direction::Exit, 50, 51)];
        let found = [ours(Direction::Exit, 10), ours(Direction::Exit, 57)];
        let counts = compare(&expected, &found, 5000).total();
        assert_eq!(counts, Counts { matched: 0, missed: 2, extra: 2 });
        assert_eq!(compare(&expected, &found, 6000).total().matched, 1);
    }
}
