//! What timing again would change, told to people before they order it.

use serde::Serialize;
use uuid::Uuid;

use crate::live::Direction;
use crate::recompute::{Changes, StoredCrossing};
use crate::timing::{Crossing, NAMESPACE};
use crate::{CheckpointId, EntryId, EventId, GeofenceId, OrganizationId, Timestamp};

/// What becomes of a crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Becomes {
    /// It is no longer found.
    Gone,
    /// It was not found before.
    New,
    /// The same border in the same direction, between fixes that it lay between before, at another time.
    Moved,
    /// Of the same time, with another entry, status, place or other fixes around it.
    Changed,
    /// As it was.
    Kept,
}

/// A crossing before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// What becomes of it.
    pub becomes: Becomes,
    /// What is crossed.
    pub geofence: GeofenceId,
    /// As part of whose course.
    pub event: Option<EventId>,
    /// Whose.
    pub entry: Option<EntryId>,
    /// At which place of the course.
    pub checkpoint: Option<CheckpointId>,
    /// Which way.
    pub direction: Direction,
    /// Event time as it is stored; none: it is not.
    pub before_at: Option<Timestamp>,
    /// Event time as it would be; none: it would go.
    pub after_at: Option<Timestamp>,
    /// From the one to the other.
    pub moved_ms: Option<i64>,
    /// Whether somebody edited it: then it stays, whatever is found.
    pub edited: bool,
}

/// How many crossings become what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// [`Becomes::Kept`].
    pub kept: usize,
    /// [`Becomes::Gone`].
    pub gone: usize,
    /// [`Becomes::New`].
    pub new: usize,
    /// [`Becomes::Moved`].
    pub moved: usize,
    /// [`Becomes::Changed`].
    pub changed: usize,
}

impl Tally {
    /// Of these.
    pub fn of(differences: &[Difference]) -> Self {
        let count = |becomes| differences.iter().filter(|it| it.becomes == becomes).count();
        Self {
            kept: count(Becomes::Kept),
            gone: count(Becomes::Gone),
            new: count(Becomes::New),
            moved: count(Becomes::Moved),
            changed: count(Becomes::Changed),
        }
    }
}

/// What `changes` of stored crossings mean to people, in the order of time; of one organization, since a
/// tracker that changed hands has crossings that its present owner may not see.
pub fn differences(
    stored: &[StoredCrossing],
    changes: &Changes,
    organization: OrganizationId,
) -> Vec<Difference> {
    let mut new: Vec<Option<&Crossing>> = changes.insert.iter().map(Some).collect();
    let mut differences = Vec::new();
    for row in stored {
        let updated = changes.update.iter().find(|found| found.id == row.id);
        let gone = changes.delete.contains(&row.id);
        // Of several in its place the nearest in time.
        let moved = new
            .iter_mut()
            .filter(|found| gone && found.is_some_and(|found| row.stands_for(found)))
            .min_by_key(|found| found.map(|found| (found.crossed_at - row.crossed_at).abs()))
            .and_then(Option::take);
        let becomes = match (moved, gone, updated) {
            (Some(_), _, _) => Becomes::Moved,
            (None, true, _) => Becomes::Gone,
            (None, false, Some(_)) => Becomes::Changed,
            (None, false, None) => Becomes::Kept,
        };
        let after_at = match becomes {
            Becomes::Gone => None,
            _ => Some(moved.map_or(row.crossed_at, |found| found.crossed_at)),
        };
        if row.organization == organization {
            let course = moved.or(updated).map_or(row.course, |found| found.course);
            differences.push(Difference {
                before_at: Some(row.crossed_at),
                after_at,
                moved_ms: moved.map(|found| found.crossed_at - row.crossed_at),
                edited: row.edited,
                ..Difference::of(becomes, row.geofence, course, row.direction)
            });
        }
    }
    let new = new.into_iter().flatten().filter(|found| found.organization == organization);
    differences.extend(new.map(|found| Difference {
        after_at: Some(found.crossed_at),
        ..Difference::of(Becomes::New, found.geofence, found.course, found.direction)
    }));
    differences.sort_by_key(|it| (it.before_at.or(it.after_at), it.becomes));
    differences
}

impl Difference {
    fn of(
        becomes: Becomes,
        geofence: GeofenceId,
        course: Option<(EventId, EntryId, CheckpointId)>,
        direction: Direction,
    ) -> Self {
        Self {
            becomes,
            geofence,
            event: course.map(|it| it.0),
            entry: course.map(|it| it.1),
            checkpoint: course.map(|it| it.2),
            direction,
            before_at: None,
            after_at: None,
            moved_ms: None,
            edited: false,
        }
    }
}

/// The id of a preview: UUID v5 of who asks, when, and for what. The same request at the same
/// millisecond is one preview.
pub fn preview_id(user: &str, now_ms: i64, what: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("preview/{user}/{now_ms}/{what}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geodesy::Point;
    use crate::timing::CrossingStatus;

    const MINE: OrganizationId = OrganizationId(Uuid::from_u128(1));

    fn found(id: u128, at: i64, between: (i64, i64)) -> Crossing {
        Crossing {
            id: Uuid::from_u128(id),
            organization: MINE,
            course: None,
            device: Uuid::from_u128(2).into(),
            geofence: Uuid::from_u128(3).into(),
            direction: Direction::Enter,
            crossed_at: Timestamp::from_millis(at),
            fix_before_at: Timestamp::from_millis(between.0),
            fix_after_at: Timestamp::from_millis(between.1),
            at: Point { lat: 46.0, lon: 12.0 },
            status: CrossingStatus::Valid,
        }
    }

    fn stored(row: &Crossing) -> StoredCrossing {
        StoredCrossing {
            id: row.id,
            organization: row.organization,
            crossed_at: row.crossed_at,
            geofence: row.geofence,
            course: row.course,
            direction: row.direction,
            fix_before_at: row.fix_before_at,
            fix_after_at: row.fix_after_at,
            status: row.status.as_str().to_owned(),
            place: row.place(),
            edited: false,
        }
    }

    #[test]
    fn a_crossing_moves_keeps_its_place_goes_or_is_new_and_nobody_elses_is_told() {
        let kept = found(1, 1_000, (500, 1_500));
        let coarse = found(2, 5_000, (4_000, 9_000));
        let gone = found(3, 20_000, (19_000, 21_000));
        let foreign = Crossing { organization: Uuid::from_u128(9).into(), ..found(4, 1, (0, 2)) };
        let (near, far) = (found(5, 5_250, (5_000, 6_000)), found(6, 8_000, (7_500, 8_500)));
        let rows: Vec<_> = [&kept, &coarse, &gone, &foreign].map(stored).into();
        let changes = crate::recompute::changes(&rows, vec![kept, far, near]);
        let told = differences(&rows, &changes, MINE);
        let short: Vec<_> = told.iter().map(|it| (it.becomes, it.moved_ms)).collect();
        assert_eq!(
            short,
            [
                (Becomes::Kept, None),
                (Becomes::Moved, Some(250)),
                (Becomes::New, None),
                (Becomes::Gone, None)
            ]
        );
        let tally = Tally { kept: 1, gone: 1, new: 1, moved: 1, changed: 0 };
        assert_eq!(Tally::of(&told), tally);
    }
}
