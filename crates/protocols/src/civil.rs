use biplane_core::Timestamp;

/// The instant that a calendar and a clock in UTC show: year, month, day, hour, minute, second.
/// `None` where there is no such day or time; a leap second is the one before it.
pub(crate) fn utc([year, month, day, hour, minute, second]: [u32; 6]) -> Option<Timestamp> {
    if year > 9_999 {
        return None;
    }
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn only_days_and_times_that_exist_are_instants() {
        let text = |parts| utc(parts).map(|time| time.to_string());
        assert_eq!(text([2024, 2, 29, 23, 59, 59]), Some("2024-02-29T23:59:59.000Z".into()));
        for parts in [
            [2023, 2, 29, 0, 0, 0],
            [2023, 0, 1, 0, 0, 0],
            [2023, 13, 1, 0, 0, 0],
            [2023, 1, 32, 0, 0, 0],
            [2023, 1, 1, 24, 0, 0],
            [2023, 1, 1, 0, 60, 0],
            [u32::MAX; 6],
        ] {
            assert_eq!(utc(parts), None, "{parts:?}");
        }
    }
}
