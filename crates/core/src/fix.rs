//! What a tracker says: fixes, and the frames that carry them over the log.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::{Imei, Timestamp};

/// One record of a tracker: where it was, when, and what its sensors said.
///
/// As the device sent it: nothing here has been judged plausible yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// Event time: the device's own clock.
    pub time: Timestamp,
    /// Latitude in degrees, north positive.
    pub lat: f64,
    /// Longitude in degrees, east positive.
    pub lon: f64,
    /// Altitude above mean sea level in metres.
    pub altitude_m: Option<f32>,
    /// Speed over ground in km/h.
    pub speed_kmh: Option<f32>,
    /// Course over ground in degrees, clockwise from north.
    pub course_deg: Option<f32>,
    /// Satellites in use; 0 means that the device had no fix.
    pub satellites: Option<u8>,
    /// Horizontal dilution of precision.
    pub hdop: Option<f32>,
    /// IO elements by the protocol's own id, in the order sent.
    pub io: Vec<(u16, IoValue)>,
}

/// The value of an IO element, as wide as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IoValue {
    /// 1, 2, 4 or 8 bytes, big-endian, unsigned.
    Unsigned(u64),
    /// A variable-length element.
    Bytes(Vec<u8>),
}

impl Fix {
    /// A digest of everything that the record says, but its time.
    ///
    /// With device and time it is the key of `telemetry.positions`: the same
    /// record sent twice has one row, two different records of one time have two.
    /// Stable over releases: XXH3 (seed 0) over the fields, little-endian, in this order.
    pub fn digest(&self) -> i64 {
        let mut hasher = Xxh3::new();
        hasher.update(&self.lat.to_bits().to_le_bytes());
        hasher.update(&self.lon.to_bits().to_le_bytes());
        for value in [self.altitude_m, self.speed_kmh, self.course_deg, self.hdop] {
            hasher.update(&[u8::from(value.is_some())]);
            hasher.update(&value.unwrap_or_default().to_bits().to_le_bytes());
        }
        hasher.update(&[u8::from(self.satellites.is_some()), self.satellites.unwrap_or_default()]);
        for (id, value) in &self.io {
            hasher.update(&id.to_le_bytes());
            match value {
                IoValue::Unsigned(number) => hasher.update(&number.to_le_bytes()),
                IoValue::Bytes(bytes) => {
                    hasher.update(&(bytes.len() as u32).to_le_bytes());
                    hasher.update(bytes);
                }
            }
        }
        hasher.digest() as i64
    }
}

/// What one device sent in one go: an entry of the telemetry log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Who sent it.
    pub imei: Imei,
    /// Processing time: when the gateway had the whole frame.
    pub received_at: Timestamp,
    /// The gateway instance that holds the socket.
    pub gateway: String,
    /// The protocol's name, say `teltonika`.
    pub protocol: String,
    /// Follows the frame to the row and into every log line.
    pub trace_id: u64,
    /// In the order sent.
    pub fixes: Vec<Fix>,
}

/// An entry of the log that is no frame.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the log entry is no frame: {reason}")]
pub struct FrameError {
    reason: String,
}

impl Frame {
    /// The frame as bytes of the log: a version byte, then postcard.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![Self::VERSION])
            .expect("writing to a Vec can't fail, and no type here refuses to serialize")
    }

    /// Reads what [`Frame::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        match bytes.split_first() {
            Some((&Self::VERSION, rest)) => {
                postcard::from_bytes(rest).map_err(|error| FrameError { reason: error.to_string() })
            }
            Some((version, _)) => {
                Err(FrameError { reason: format!("version {version}, this build reads 1") })
            }
            None => Err(FrameError { reason: "empty".into() }),
        }
    }

    const VERSION: u8 = 1;

    /// The partition of the log that holds this device's frames, in `0..partitions`.
    pub fn partition(imei: Imei, partitions: u16) -> u16 {
        // Consecutive IMEIs must not share a partition, hence a hash.
        let hash = xxhash_rust::xxh3::xxh3_64(&imei.as_u64().to_le_bytes());
        (hash % u64::from(partitions.max(1))) as u16
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fix(lat: f64, speed_kmh: Option<f32>) -> Fix {
        Fix {
            time: Timestamp::from_millis(1_599_910_800_000),
            lat,
            lon: 12.8,
            altitude_m: Some(1455.0),
            speed_kmh,
            course_deg: None,
            satellites: Some(9),
            hdop: None,
            io: vec![(239, IoValue::Unsigned(1)), (385, IoValue::Bytes(vec![1, 2, 3]))],
        }
    }

    fn frame(imei: u64, fixes: Vec<Fix>) -> Frame {
        Frame {
            imei: Imei::with_check_digit(imei),
            received_at: Timestamp::from_millis(1_599_910_801_234),
            gateway: "gateway-1".into(),
            protocol: "teltonika".into(),
            trace_id: 7,
            fixes,
        }
    }

    #[test]
    fn a_frame_comes_back_from_the_log_as_it_was_written() {
        let written = frame(35_632_701_234_567, vec![fix(46.0, None), fix(46.1, Some(0.0))]);
        assert_eq!(Frame::from_bytes(&written.to_bytes()), Ok(written));
    }

    #[test]
    fn two_different_records_of_one_time_have_different_digests() {
        assert_ne!(fix(46.0, None).digest(), fix(46.000_000_1, None).digest());
        assert_ne!(fix(46.0, None).digest(), fix(46.0, Some(0.0)).digest());
        assert_eq!(fix(46.0, None).digest(), fix(46.0, None).digest());
    }

    #[test]
    fn the_digest_stays_the_same_over_releases() {
        // A change of this number doubles every row that is resent across an update.
        assert_eq!(fix(46.0, Some(31.5)).digest(), -177_136_538_595_642_149);
    }

    #[test]
    fn an_entry_of_another_version_or_cut_short_is_refused() {
        let bytes = frame(1, vec![fix(46.0, None)]).to_bytes();
        assert!(Frame::from_bytes(&[]).is_err());
        assert!(Frame::from_bytes(&[9, 0, 0]).is_err());
        assert!(Frame::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = Frame::from_bytes(&bytes);
        }

        #[test]
        fn a_partition_is_always_in_range(imei in 0u64..100_000_000_000_000, n in 0u16..512) {
            prop_assert!(Frame::partition(Imei::with_check_digit(imei), n) < n.max(1));
        }
    }
}
