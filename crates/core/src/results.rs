//! From crossings to the ranking of a course.
//!
//! A competitor takes the checkpoints in the order of the course, each after the one before: the first
//! crossing that is later counts. The start may be repeated until the next checkpoint is taken: the last
//! one counts.

use std::cmp::Ordering;

use crate::Timestamp;

/// When each checkpoint of the course was crossed, in the order of the course.
#[derive(Clone, Debug)]
pub struct Course {
    /// Whether the first checkpoint is where everyone's own time begins.
    pub starts_at_first: bool,
    /// When everyone's time begins where no checkpoint is a start.
    pub gun: Option<Timestamp>,
    /// How many checkpoints.
    pub checkpoints: usize,
}

/// What decides between those who took as many checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RankBy {
    /// Time since the own start.
    Elapsed,
    /// Time of day: who is there first wins, whenever he started.
    Clock,
}

/// What became of one competitor. Times of the checkpoints stand in the order of the course.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// 1 is the best; equal for equal times. `None`: not even the first checkpoint.
    pub rank: Option<usize>,
    /// Event time at each checkpoint; `None` where it was not taken, or not in order.
    pub splits: Vec<Option<Timestamp>>,
    /// From the start to each checkpoint, in milliseconds.
    pub elapsed_ms: Vec<Option<i64>>,
    /// How far behind the best at each checkpoint, in milliseconds, by what ranks.
    pub gaps_ms: Vec<Option<i64>>,
    /// Checkpoints that were crossed, though not in order: places in the course.
    pub out_of_order: Vec<usize>,
    /// How many were taken in order.
    pub taken: usize,
}

/// The standings of competitors, in the order in which they are given. `crossings` has for each
/// competitor and each checkpoint the event times at which it was crossed, in any order.
pub fn standings(
    course: &Course,
    crossings: Vec<Vec<Vec<Timestamp>>>,
    rank_by: RankBy,
) -> Vec<Standing> {
    let mut standings: Vec<_> =
        crossings.into_iter().map(|crossed| Standing::of(course, crossed)).collect();
    for checkpoint in 0..course.checkpoints {
        let best = standings.iter().filter_map(|it| it.measure(checkpoint, rank_by)).min();
        for standing in &mut standings {
            let gap = standing.measure(checkpoint, rank_by).zip(best).map(|(it, best)| it - best);
            standing.gaps_ms.push(gap);
        }
    }
    let mut order: Vec<usize> = (0..standings.len()).collect();
    order.sort_by(|&a, &b| standings[a].compare(&standings[b], rank_by));
    for (place, &index) in order.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| &standings[order[before]]);
        let rank = match before {
            Some(before) if before.compare(&standings[index], rank_by) == Ordering::Equal => {
                before.rank
            }
            _ => Some(place + 1),
        };
        standings[index].rank = rank.filter(|_| standings[index].taken > 0);
    }
    standings
}

impl Standing {
    fn of(course: &Course, mut crossed: Vec<Vec<Timestamp>>) -> Self {
        crossed.resize(course.checkpoints, Vec::new());
        crossed.iter_mut().for_each(|times| times.sort_unstable());
        let mut splits: Vec<Option<Timestamp>> = Vec::with_capacity(crossed.len());
        let mut last = None;
        let mut missed = false;
        for times in &crossed {
            let next = times.iter().copied().find(|&time| last.is_none_or(|last| time > last));
            let next = next.filter(|_| !missed);
            missed |= next.is_none();
            last = next.or(last);
            splits.push(next);
        }
        let taken = splits.iter().flatten().count();
        if course.starts_at_first && taken > 0 {
            let until = splits.get(1).copied().flatten();
            let starts = crossed[0].iter().copied();
            splits[0] = starts.filter(|&start| until.is_none_or(|until| start < until)).max();
        }
        let begin =
            if course.starts_at_first { splits.first().copied().flatten() } else { course.gun };
        let elapsed_ms = splits
            .iter()
            .map(|split| split.zip(begin).map(|(split, begin)| split - begin))
            .collect();
        let out_of_order =
            (taken..crossed.len()).filter(|&place| !crossed[place].is_empty()).collect();
        Self { rank: None, splits, elapsed_ms, gaps_ms: Vec::new(), out_of_order, taken }
    }

    /// What ranks at a checkpoint, in milliseconds.
    fn measure(&self, checkpoint: usize, rank_by: RankBy) -> Option<i64> {
        match rank_by {
            RankBy::Elapsed => self.elapsed_ms[checkpoint],
            RankBy::Clock => self.splits[checkpoint].map(Timestamp::as_millis),
        }
    }

    fn compare(&self, other: &Self, rank_by: RankBy) -> Ordering {
        let last = |it: &Self| it.taken.checked_sub(1).and_then(|last| it.measure(last, rank_by));
        // Who has no time comes after who has one.
        let time = |it: &Self| last(it).unwrap_or(i64::MAX);
        other.taken.cmp(&self.taken).then_with(|| time(self).cmp(&time(other)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COURSE: Course = Course { starts_at_first: true, gun: None, checkpoints: 3 };

    /// Seconds.
    fn at(times: &[&[i64]]) -> Vec<Vec<Timestamp>> {
        let time = |second: &i64| Timestamp::from_millis(second * 1000);
        times.iter().map(|times| times.iter().map(time).collect()).collect()
    }

    fn ranks(standings: &[Standing]) -> Vec<Option<usize>> {
        standings.iter().map(|it| it.rank).collect()
    }

    #[test]
    fn by_elapsed_time_a_late_start_wins_by_the_clock_an_early_finish() {
        let crossings = vec![at(&[&[0], &[50], &[100]]), at(&[&[20], &[60], &[110]])];
        let elapsed = standings(&COURSE, crossings.clone(), RankBy::Elapsed);
        assert_eq!(ranks(&elapsed), [Some(2), Some(1)]);
        assert_eq!(elapsed[0].gaps_ms, [Some(0), Some(10_000), Some(10_000)]);
        assert_eq!(elapsed[1].elapsed_ms, [Some(0), Some(40_000), Some(90_000)]);
        assert_eq!(ranks(&standings(&COURSE, crossings, RankBy::Clock)), [Some(1), Some(2)]);
    }

    #[test]
    fn the_last_start_before_the_next_checkpoint_counts() {
        let found = standings(&COURSE, vec![at(&[&[0, 30, 70], &[60], &[90]])], RankBy::Elapsed);
        assert_eq!(found[0].splits[0], Some(Timestamp::from_millis(30_000)));
        assert_eq!(found[0].elapsed_ms[2], Some(60_000));
    }

    #[test]
    fn who_took_more_checkpoints_is_before_who_was_faster() {
        let crossings = vec![at(&[&[0], &[10]]), at(&[&[0], &[50], &[90]]), at(&[&[], &[5], &[9]])];
        let found = standings(&COURSE, crossings, RankBy::Elapsed);
        assert_eq!(ranks(&found), [Some(2), Some(1), None]);
        assert_eq!(found[2].out_of_order, [1, 2], "without a start");
    }

    #[test]
    fn a_checkpoint_before_its_turn_is_told_and_does_not_count() {
        let found = standings(&COURSE, vec![at(&[&[10], &[5], &[20]])], RankBy::Elapsed);
        assert_eq!((found[0].taken, &found[0].out_of_order[..]), (1, &[1, 2][..]));
    }

    #[test]
    fn equal_times_share_a_rank_and_the_next_is_left_out() {
        let crossings = vec![at(&[&[0], &[5], &[9]]); 2];
        let crossings = [crossings, vec![at(&[&[0], &[5], &[10]])]].concat();
        let found = standings(&COURSE, crossings, RankBy::Elapsed);
        assert_eq!(ranks(&found), [Some(1), Some(1), Some(3)]);
    }

    #[test]
    fn without_a_start_time_counts_from_the_gun() {
        let gun = Some(Timestamp::from_millis(1_000));
        let course = Course { starts_at_first: false, gun, checkpoints: 1 };
        let found = standings(&course, vec![at(&[&[3]])], RankBy::Elapsed);
        assert_eq!(found[0].elapsed_ms, [Some(2_000)]);
        let course = Course { gun: None, ..course };
        let found = standings(&course, vec![at(&[&[3]]), at(&[&[2]])], RankBy::Elapsed);
        assert_eq!((found[0].elapsed_ms[0], found[0].rank), (None, Some(1)));
    }

    #[test]
    fn a_course_without_checkpoints_ranks_nobody() {
        let course = Course { checkpoints: 0, ..COURSE };
        assert_eq!(ranks(&standings(&course, vec![Vec::new()], RankBy::Clock)), [None]);
    }

    proptest! {
        #[test]
        fn splits_rise_and_ranks_agree_with_what_was_taken(
            crossings in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(0..100i64, 0..4), 0..5), 0..8),
        ) {
            let crossings: Vec<_> = crossings
                .iter()
                .map(|them| at(&them.iter().map(Vec::as_slice).collect::<Vec<_>>()))
                .collect();
            let found = standings(&COURSE, crossings, RankBy::Elapsed);
            for one in &found {
                let times: Vec<_> = one.splits.iter().flatten().collect();
                prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert_eq!(times.len(), one.taken);
                prop_assert!(one.splits.iter().take(one.taken).all(Option::is_some));
                prop_assert!(one.gaps_ms.iter().flatten().all(|gap| *gap >= 0));
                for other in &found {
                    if one.taken > other.taken && other.rank.is_some() {
                        prop_assert!(one.rank < other.rank);
                    }
                }
            }
        }
    }
}
