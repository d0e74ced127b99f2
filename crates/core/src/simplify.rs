//! Fewer points that say the same: the Ramer–Douglas–Peucker algorithm over places in metres.
//!
//! A line that is split at its farthest point until none is farther than the tolerance takes
//! quadratic time at worst. Lines are taken in pieces of [`PIECE`] points, so that the time stays
//! linear in their length whatever they look like; the ends of the pieces are kept.

use crate::geodesy::{Plane, Point, distance_to_leg};

/// How many points are looked at together.
pub const PIECE: usize = 1_000;

/// Which points of a line are kept so that none of the others is farther than `tolerance_m` metres
/// from the line that remains. In order; the first and the last are always kept.
pub fn simplify_line(line: &[Point], tolerance_m: f64) -> Vec<usize> {
    keep(line.len(), tolerance_m, |first, last| {
        let (start, end) = (line[first], line[last]);
        let plane = Plane::at(start);
        let leg = plane.metres(end);
        move |index: usize| distance_to_leg(plane.metres(line[index]), leg)
    })
}

/// Which fixes of a track are kept so that who moves in straight lines at steady speed from one to the
/// next is never farther than `tolerance_m` metres from where the tracker was at that time: a stop stays
/// a stop. `times_ms` has the event time of each fix in milliseconds and does not fall.
pub fn simplify_track(track: &[Point], times_ms: &[f64], tolerance_m: f64) -> Vec<usize> {
    keep(track.len().min(times_ms.len()), tolerance_m, |first, last| {
        let plane = Plane::at(track[first]);
        let leg = plane.metres(track[last]);
        let (start, took) = (times_ms[first], times_ms[last] - times_ms[first]);
        move |index: usize| {
            let share = if took > 0.0 { (times_ms[index] - start) / took } else { 0.0 };
            let (x, y) = plane.metres(track[index]);
            (x - leg.0 * share).hypot(y - leg.1 * share)
        }
    })
}

/// The algorithm; `deviations` tells for a leg between two points how far another is from it in metres.
fn keep<D: Fn(usize) -> f64>(
    count: usize,
    tolerance_m: f64,
    deviations: impl Fn(usize, usize) -> D,
) -> Vec<usize> {
    let Some(end) = count.checked_sub(1) else { return Vec::new() };
    let mut kept = vec![0];
    let mut open = Vec::new();
    for first in (0..end).step_by(PIECE) {
        open.push((first, (first + PIECE).min(end)));
        while let Some((first, last)) = open.pop() {
            let deviation = deviations(first, last);
            let farthest = (first + 1..last)
                .map(|index| (index, deviation(index)))
                .max_by(|(_, one), (_, other)| one.total_cmp(other));
            match farthest {
                Some((index, deviation)) if deviation > tolerance_m => {
                    open.push((index, last));
                    open.push((first, index));
                }
                _ => kept.push(last),
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geodesy::distance_m;

    fn line(places: &[(f64, f64)]) -> Vec<Point> {
        places.iter().map(|&(lon, lat)| Point { lat, lon }).collect()
    }

    #[test]
    fn what_lies_on_the_line_goes_and_corners_stay() {
        let course = line(&[(13.0, 46.0), (13.1, 46.0), (13.2, 46.0), (13.2, 46.1), (13.2, 46.2)]);
        assert_eq!(simplify_line(&course, 30.0), [0, 2, 4]);
    }

    #[test]
    fn no_point_one_and_two_points_stay_as_they_are() {
        assert!(simplify_line(&[], 10.0).is_empty());
        assert_eq!(simplify_line(&line(&[(1.0, 1.0)]), 10.0), [0]);
        assert_eq!(simplify_line(&line(&[(1.0, 1.0), (1.0, 1.0)]), 10.0), [0, 1]);
    }

    #[test]
    fn a_way_out_and_back_keeps_its_far_end() {
        let course = line(&[(13.0, 46.0), (13.1, 46.0), (13.0, 46.0)]);
        assert_eq!(simplify_line(&course, 100.0), [0, 1, 2]);
    }

    #[test]
    fn a_stop_on_a_straight_way_stays_in_a_track_and_goes_from_a_line() {
        let course = line(&[(13.0, 46.0), (13.1, 46.0), (13.1, 46.0), (13.1, 46.0), (13.2, 46.0)]);
        let times = [0.0, 60e3, 120e3, 600e3, 660e3];
        assert_eq!(simplify_track(&course, &times, 50.0), [0, 1, 3, 4]);
        assert_eq!(simplify_line(&course, 50.0), [0, 4]);
    }

    #[test]
    fn a_line_over_the_antimeridian_is_a_line() {
        let course = line(&[(179.9, 0.0), (180.0, 0.0), (-179.9, 0.0), (-179.8, 0.0)]);
        assert_eq!(simplify_line(&course, 1.0), [0, 3]);
    }

    #[test]
    fn a_long_straight_line_keeps_only_the_ends_of_its_pieces() {
        let course: Vec<_> =
            (0..=2_500).map(|step| Point { lat: 46.0, lon: f64::from(step) * 1e-4 }).collect();
        assert_eq!(simplify_line(&course, 1.0), [0, 1_000, 2_000, 2_500]);
    }

    /// Fixes within some kilometres.
    fn places() -> impl Strategy<Value = Vec<Point>> {
        prop::collection::vec((46.0..46.05f64, 13.0..13.05f64), 0..200)
            .prop_map(|places| places.into_iter().map(|(lat, lon)| Point { lat, lon }).collect())
    }

    proptest! {
        #[test]
        fn the_ends_are_kept_and_the_order_too(course in places(), tolerance_m in 0.0..5_000.0f64) {
            let kept = simplify_line(&course, tolerance_m);
            prop_assert_eq!(kept.first().copied(), course.len().checked_sub(1).map(|_| 0));
            prop_assert_eq!(kept.last().copied(), course.len().checked_sub(1));
            prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn nobody_who_flies_what_is_kept_is_farther_off_than_the_tolerance(
            course in places(), tolerance_m in 1.0..2_000.0f64,
        ) {
            let times: Vec<f64> = (0..course.len()).map(|second| second as f64 * 1e3).collect();
            let kept = simplify_track(&course, &times, tolerance_m);
            for leg in kept.windows(2) {
                let (from, to) = (course[leg[0]], course[leg[1]]);
                for (passed, place) in course[leg[0]..=leg[1]].iter().enumerate() {
                    let share = passed as f64 / (leg[1] - leg[0]) as f64;
                    let there = Point {
                        lat: from.lat + (to.lat - from.lat) * share,
                        lon: from.lon + (to.lon - from.lon) * share,
                    };
                    prop_assert!(distance_m(there, *place) <= tolerance_m * 1.01 + 0.01);
                }
            }
        }

        #[test]
        fn without_tolerance_every_bend_is_kept(course in places()) {
            let times: Vec<f64> = (0..course.len()).map(|second| second as f64 * 1e3).collect();
            let kept = simplify_track(&course, &times, 0.0);
            for index in (0..course.len()).filter(|index| !kept.contains(index)) {
                let next = kept.partition_point(|&it| it < index);
                let (a, b) = (course[kept[next - 1]], course[kept[next]]);
                prop_assert!(distance_m(a, course[index]) + distance_m(course[index], b) - distance_m(a, b) < 0.01);
            }
        }
    }
}
