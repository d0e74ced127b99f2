//! What IO elements are: names and units of those that are well known.
//!
//! Values are kept as they were sent; this is for showing them. Teltonika's are of its published
//! tables (wiki.teltonika-gps.com, "Teltonika Data Sending Parameters ID" of the FMB family). Other
//! protocols do not number what they send: there the numbers are Biplane's own.

use biplane_core::IoValue;
use serde_json::Number;

use crate::{gt06, h02, osmand};

/// What an IO element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// As the protocol numbers it.
    pub id: u16,
    /// In lower case, words parted by `_`.
    pub name: &'static str,
    /// Of [`value`](Self::value); `None` for flags, codes and counts.
    pub unit: Option<&'static str>,
    /// What is sent for one unit.
    per_unit: u32,
    /// How many bytes a number with a sign has; 0 for one without.
    signed: u8,
}

impl Element {
    const fn code(id: u16, name: &'static str) -> Self {
        Self { id, name, unit: None, per_unit: 1, signed: 0 }
    }

    const fn of(id: u16, name: &'static str, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..Self::code(id, name) }
    }

    const fn parts(self, per_unit: u32) -> Self {
        Self { per_unit, ..self }
    }

    const fn signed(self, bytes: u8) -> Self {
        Self { signed: bytes, ..self }
    }

    /// The value in [`unit`](Self::unit)s; `None` where what was sent is no number, or too wide
    /// for the element.
    pub fn value(&self, sent: &IoValue) -> Option<Number> {
        let IoValue::Unsigned(sent) = *sent else { return None };
        if self.signed == 0 && self.per_unit == 1 {
            return Some(sent.into());
        }
        let number = match self.signed {
            0 => i64::try_from(sent).ok()?,
            bytes => {
                let spare = 64 - 8 * u32::from(bytes);
                if sent >> (64 - spare) != 0 {
                    return None;
                }
                (sent << spare).cast_signed() >> spare
            }
        };
        match self.per_unit {
            1 => Some(number.into()),
            parts => Number::from_f64(number as f64 / f64::from(parts)),
        }
    }
}

/// The element of a protocol that has this number, if it is a known one.
pub fn element(protocol: &str, id: u16) -> Option<&'static Element> {
    let table = match protocol {
        "teltonika" => TELTONIKA,
        "gt06" => GT06,
        "h02" => H02,
        osmand::NAME => OSMAND,
        _ => return None,
    };
    table.iter().find(|element| element.id == id)
}

const TELTONIKA: &[Element] = &[
    Element::code(1, "digital_input_1"),
    Element::code(2, "digital_input_2"),
    Element::code(3, "digital_input_3"),
    Element::code(4, "pulse_counter_1"),
    Element::code(5, "pulse_counter_2"),
    Element::of(6, "analog_input_2", "mV"),
    Element::of(9, "analog_input_1", "mV"),
    Element::code(10, "sd_status"),
    Element::code(11, "iccid_1"),
    Element::of(12, "fuel_used_gps", "l").parts(1_000),
    Element::of(13, "fuel_rate_gps", "l/100km").parts(100),
    Element::code(14, "iccid_2"),
    Element::of(16, "total_odometer", "m"),
    Element::of(17, "axis_x", "mG").signed(2),
    Element::of(18, "axis_y", "mG").signed(2),
    Element::of(19, "axis_z", "mG").signed(2),
    Element::code(21, "gsm_signal"),
    Element::of(24, "speed", "km/h"),
    Element::of(25, "ble_temperature_1", "°C").parts(100).signed(2),
    Element::of(26, "ble_temperature_2", "°C").parts(100).signed(2),
    Element::of(27, "ble_temperature_3", "°C").parts(100).signed(2),
    Element::of(28, "ble_temperature_4", "°C").parts(100).signed(2),
    Element::of(31, "engine_load", "%"),
    Element::of(32, "coolant_temperature", "°C").signed(1),
    Element::of(36, "engine_speed", "rpm"),
    Element::of(37, "vehicle_speed", "km/h"),
    Element::of(48, "fuel_level", "%"),
    Element::of(66, "external_voltage", "mV"),
    Element::of(67, "battery_voltage", "mV"),
    Element::of(68, "battery_current", "mA"),
    Element::code(69, "gnss_status"),
    Element::of(72, "dallas_temperature_1", "°C").parts(10).signed(4),
    Element::of(73, "dallas_temperature_2", "°C").parts(10).signed(4),
    Element::of(74, "dallas_temperature_3", "°C").parts(10).signed(4),
    Element::of(75, "dallas_temperature_4", "°C").parts(10).signed(4),
    Element::code(78, "ibutton"),
    Element::code(80, "data_mode"),
    Element::of(113, "battery_level", "%"),
    Element::code(155, "geofence_zone_1"),
    Element::code(156, "geofence_zone_2"),
    Element::code(157, "geofence_zone_3"),
    Element::code(158, "geofence_zone_4"),
    Element::code(159, "geofence_zone_5"),
    Element::code(175, "auto_geofence"),
    Element::code(179, "digital_output_1"),
    Element::code(180, "digital_output_2"),
    Element::code(181, "gnss_pdop").parts(10),
    Element::code(182, "gnss_hdop").parts(10),
    Element::of(199, "trip_odometer", "m"),
    Element::code(200, "sleep_mode"),
    Element::code(205, "gsm_cell_id"),
    Element::code(206, "gsm_area_code"),
    Element::code(236, "alarm"),
    Element::code(237, "network_type"),
    Element::code(239, "ignition"),
    Element::code(240, "movement"),
    Element::code(241, "gsm_operator"),
    Element::code(246, "towing"),
    Element::code(247, "crash_detection"),
    Element::code(249, "jamming"),
    Element::code(250, "trip"),
    Element::code(251, "idling"),
    Element::code(252, "unplug"),
    Element::code(253, "green_driving_type"),
    Element::code(254, "green_driving_value"),
    Element::of(255, "overspeeding", "km/h"),
];

const GT06: &[Element] = &[
    Element::code(gt06::io::REST, "rest"),
    Element::code(gt06::io::IGNITION, "ignition"),
    Element::code(gt06::io::ALARM, "alarm"),
    Element::code(gt06::io::TERMINAL, "terminal_information"),
    Element::code(gt06::io::BATTERY_LEVEL, "battery_level"),
    Element::code(gt06::io::GSM_SIGNAL, "gsm_signal"),
    Element::code(gt06::io::COUNTRY, "mobile_country_code"),
    Element::code(gt06::io::NETWORK, "mobile_network_code"),
    Element::code(gt06::io::AREA, "gsm_area_code"),
    Element::code(gt06::io::CELL, "gsm_cell_id"),
    Element::code(gt06::io::UPLOAD_MODE, "upload_mode"),
    Element::code(gt06::io::SENT_LATE, "sent_late"),
    Element::of(gt06::io::MILEAGE_M, "mileage", "m"),
];

const H02: &[Element] = &[
    Element::code(h02::io::REST, "rest"),
    Element::code(h02::io::STATUS, "status"),
    Element::code(h02::io::BATTERY, "battery"),
];

const OSMAND: &[Element] = &[
    Element::code(osmand::io::OTHER, "other_parameters"),
    Element::of(osmand::io::BATTERY_PERCENT, "battery_level", "%"),
    Element::of(osmand::io::ACCURACY_M, "accuracy", "m"),
    Element::code(osmand::io::CHARGING, "charging"),
    Element::code(osmand::io::IGNITION, "ignition"),
    Element::code(osmand::io::MOVING, "moving"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_elements_of_a_protocol_share_a_number_or_a_name() {
        for table in [TELTONIKA, GT06, H02, OSMAND] {
            for (at, element) in table.iter().enumerate() {
                for other in &table[..at] {
                    assert!(other.id != element.id && other.name != element.name, "{element:?}");
                }
            }
        }
    }

    #[test]
    fn values_have_their_unit_and_their_sign() {
        let value = |id, sent| {
            let value = element("teltonika", id)?.value(&IoValue::Unsigned(sent))?;
            Some(value.to_string())
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(value(66, 24_079), is("24079"));
        assert_eq!(value(78, u64::MAX), is("18446744073709551615"));
        assert_eq!(value(12, 12_345), is("12.345"));
        assert_eq!(value(72, 284), is("28.4"));
        assert_eq!(value(72, 0xFFFF_FFF6), is("-1.0"));
        assert_eq!(value(17, 0xFFFF), is("-1"));
        assert_eq!(value(17, 0x1_0000), None, "wider than the element is");
        assert_eq!(value(32, 0x80), is("-128"));
        assert_eq!(value(9_999, 1), None);
        let ignition = element("teltonika", 239).expect("a known one");
        assert_eq!(ignition.value(&IoValue::Bytes(vec![1])), None);
    }
}
