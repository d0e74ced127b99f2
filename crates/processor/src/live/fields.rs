//! Which fields of positions a subscription shows.

use std::sync::Arc;

use biplane_core::live::{LivePosition, Options, PositionField};
use serde::Serialize;
use serde::ser::SerializeMap;

use super::fanout::to_json;

/// A set of fields; small, so that positions are written once for each that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields(u8);

impl Fields {
    const ALL: Self = Self(u8::MAX);

    /// As asked for.
    pub fn of(options: &Options) -> Self {
        let Some(fields) = &options.fields else { return Self::ALL };
        Self(fields.iter().fold(0, |bits, field| bits | Self::bit(*field)))
    }

    /// A position with these fields.
    pub fn json(self, position: &LivePosition) -> Option<Arc<str>> {
        if self == Self::ALL { to_json(position) } else { to_json(&Cut { position, fields: self }) }
    }

    fn has(self, field: PositionField) -> bool {
        self.0 & Self::bit(field) != 0
    }

    fn bit(field: PositionField) -> u8 {
        1 << field as u8
    }
}

/// A position without some of its fields.
struct Cut<'a> {
    position: &'a LivePosition,
    fields: Fields,
}

impl Serialize for Cut<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let LivePosition { device, time, lat, lon, altitude_m, speed_kmh, course_deg, faulty } =
            self.position;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("device", device)?;
        map.serialize_entry("time", time)?;
        for field in PositionField::ALL {
            if !self.fields.has(field) {
                continue;
            }
            match field {
                PositionField::Lat => map.serialize_entry("lat", lat)?,
                PositionField::Lon => map.serialize_entry("lon", lon)?,
                PositionField::AltitudeM => map.serialize_entry("altitude_m", altitude_m)?,
                PositionField::SpeedKmh => map.serialize_entry("speed_kmh", speed_kmh)?,
                PositionField::CourseDeg => map.serialize_entry("course_deg", course_deg)?,
                PositionField::Faulty => map.serialize_entry("faulty", faulty)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use biplane_core::{DeviceId, Timestamp};

    use super::*;

    fn position() -> LivePosition {
        LivePosition {
            device: DeviceId(uuid::Uuid::from_u128(1)),
            time: Timestamp::from_millis(1_600_000_000_000),
            lat: 46.5,
            lon: -0.25,
            altitude_m: None,
            speed_kmh: Some(31.5),
            course_deg: Some(12.0),
            faulty: false,
        }
    }

    fn json(fields: Option<Vec<PositionField>>) -> serde_json::Value {
        let fields = Fields::of(&Options { fields, ..Options::default() });
        serde_json::from_str(&fields.json(&position()).expect("JSON")).expect("JSON")
    }

    #[test]
    fn a_position_has_the_fields_that_were_asked_for_and_always_device_and_time() {
        let whole = serde_json::to_value(position()).expect("JSON");
        assert_eq!(json(None), whole);
        assert_eq!(json(Some(PositionField::ALL.to_vec())), whole);
        let names = |value: serde_json::Value| {
            let object = value.as_object().cloned().unwrap_or_default();
            object.into_iter().map(|(name, _)| name).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(names(json(Some(vec![]))), ["device", "time"].map(String::from).into());
        let some = vec![PositionField::SpeedKmh, PositionField::Lat];
        let expected = ["device", "lat", "speed_kmh", "time"].map(String::from);
        assert_eq!(names(json(Some(some))), expected.into());
    }
}
