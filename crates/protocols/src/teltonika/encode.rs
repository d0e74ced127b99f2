use biplane_core::{Fix, Imei, IoValue};

use super::{HDOP, MAX_DATA, framed};

/// The device's side of a Teltonika TCP connection: what replay and benchmarks
/// send, byte for byte as a tracker would.
#[derive(Clone, Debug)]
pub struct Tracker {
    imei: Imei,
    accepted: bool,
    answer: Vec<u8>,
}

/// What the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The login: frames may be sent.
    Accepted,
    /// The login: the server does not know the device, or answered nonsense.
    Refused,
    /// This many records are safe; any other number than sent means: send them again.
    Acknowledged(u32),
}

/// Why fixes can't be put into a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A frame counts its records in one byte.
    #[error("a frame holds up to {max} records, not {records}", max = Tracker::MAX_RECORDS)]
    Records {
        /// How many came.
        records: usize,
    },
    /// The data would be longer than a frame's data may be.
    #[error("the frame would have {bytes} bytes of data, at most {MAX_DATA} are allowed")]
    TooLarge {
        /// How many it would be.
        bytes: usize,
    },
    /// The format has no place for the value.
    #[error("record {record}: the {field} {value} can't be sent")]
    Value {
        /// Counted from 0.
        record: usize,
        /// Which of its fields.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

impl Tracker {
    /// The most records in one frame.
    pub const MAX_RECORDS: usize = 255;

    /// A device that has just opened its connection.
    pub const fn new(imei: Imei) -> Self {
        Self { imei, accepted: false, answer: Vec::new() }
    }

    /// The first bytes to send; the server answers by [`Answer::Accepted`] or [`Answer::Refused`].
    pub fn login(&self) -> Vec<u8> {
        let digits = self.imei.to_string();
        let mut bytes = (digits.len() as u16).to_be_bytes().to_vec();
        bytes.extend_from_slice(digits.as_bytes());
        bytes
    }

    /// Takes bytes from the socket; gives the answers that are complete.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<Answer> {
        self.answer.extend_from_slice(bytes);
        let mut answers = Vec::new();
        if !self.accepted && !self.answer.is_empty() {
            self.accepted = self.answer.remove(0) == 1;
            answers.push(if self.accepted { Answer::Accepted } else { Answer::Refused });
        }
        if self.accepted {
            let (counts, rest) = self.answer.as_chunks::<4>();
            answers.extend(
                counts.iter().map(|&count| Answer::Acknowledged(u32::from_be_bytes(count))),
            );
            self.answer = rest.to_vec();
        }
        answers
    }

    /// A frame with the fixes, in Codec 8, or 8 Extended where an IO element needs it.
    ///
    /// The format is coarser than a [`Fix`]: coordinates are rounded to 1e-7°,
    /// altitude to metres and clamped to ±32,767, course to degrees (360 becomes
    /// 0), speed to km/h, HDOP (IO element 182) to tenths. What is absent is sent
    /// as 0, since the format can't leave it out; so a fix without `satellites`
    /// arrives as one without a position fix.
    pub fn frame(fixes: &[Fix]) -> Result<Vec<u8>, EncodeError> {
        if fixes.len() > Self::MAX_RECORDS {
            return Err(EncodeError::Records { records: fixes.len() });
        }
        let extended = fixes.iter().any(needs_extended);
        let mut data = vec![if extended { 0x8E } else { 0x08 }, fixes.len() as u8];
        for (record, fix) in fixes.iter().enumerate() {
            push_record(&mut data, fix, extended).map_err(|(field, value)| EncodeError::Value {
                record,
                field,
                value,
            })?;
        }
        data.push(fixes.len() as u8);
        if data.len() > MAX_DATA {
            return Err(EncodeError::TooLarge { bytes: data.len() });
        }
        Ok(framed(&data))
    }
}

fn needs_extended(fix: &Fix) -> bool {
    fix.io.len() > 250
        || fix.io.iter().any(|(id, value)| *id > 255 || matches!(value, IoValue::Bytes(_)))
}

type Unsendable = (&'static str, String);

fn push_record(data: &mut Vec<u8>, fix: &Fix, extended: bool) -> Result<(), Unsendable> {
    let millis = u64::try_from(fix.time.as_millis()).map_err(|_| ("time", fix.time.to_string()))?;
    data.extend_from_slice(&millis.to_be_bytes());
    data.push(0); // priority: low
    data.extend_from_slice(&degrees("longitude", fix.lon, 180.0)?.to_be_bytes());
    data.extend_from_slice(&degrees("latitude", fix.lat, 90.0)?.to_be_bytes());
    // Casts from floats saturate, and take NaN for 0.
    data.extend_from_slice(&(fix.altitude_m.unwrap_or(0.0).round() as i16).to_be_bytes());
    let course = fix.course_deg.unwrap_or(0.0).round();
    let course = if course == 360.0 { 0 } else { course as u16 };
    data.extend_from_slice(&course.to_be_bytes());
    data.push(fix.satellites.unwrap_or(0));
    data.extend_from_slice(&(fix.speed_kmh.unwrap_or(0.0).round() as u16).to_be_bytes());
    push_elements(data, fix, extended)
}

fn degrees(field: &'static str, value: f64, limit: f64) -> Result<i32, Unsendable> {
    if value.is_finite() && value.abs() <= limit {
        Ok((value * 1e7).round() as i32)
    } else {
        Err((field, value.to_string()))
    }
}

fn push_elements(data: &mut Vec<u8>, fix: &Fix, extended: bool) -> Result<(), Unsendable> {
    let hdop = fix.hdop.map(|hdop| (HDOP, u64::from((hdop * 10.0).round() as u16)));
    let fixed: Vec<(u16, u64)> = hdop
        .into_iter()
        .chain(fix.io.iter().filter_map(|(id, value)| match value {
            IoValue::Unsigned(number) => Some((*id, *number)),
            IoValue::Bytes(_) => None,
        }))
        .collect();
    let variable: Vec<(u16, &Vec<u8>)> = fix
        .io
        .iter()
        .filter_map(|(id, value)| match value {
            IoValue::Bytes(bytes) => Some((*id, bytes)),
            IoValue::Unsigned(_) => None,
        })
        .collect();

    let push = |data: &mut Vec<u8>, number: usize| {
        if extended {
            data.extend_from_slice(&(number as u16).to_be_bytes());
        } else {
            data.push(number as u8);
        }
    };
    let total = fixed.len() + variable.len();
    if total > usize::from(u16::MAX) {
        return Err(("number of IO elements", total.to_string()));
    }
    push(data, 0); // sent by time, not by an event
    push(data, total);
    for width in [1, 2, 4, 8] {
        let group = || fixed.iter().filter(|(_, number)| narrowest(*number) == width);
        push(data, group().count());
        for (id, number) in group() {
            push(data, usize::from(*id));
            data.extend_from_slice(&number.to_be_bytes()[8 - width..]);
        }
    }
    if extended {
        push(data, variable.len());
        for (id, bytes) in variable {
            let length = u16::try_from(bytes.len())
                .map_err(|_| ("length of an IO element", bytes.len().to_string()))?;
            push(data, usize::from(id));
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(bytes);
        }
    }
    Ok(())
}

const fn narrowest(number: u64) -> usize {
    match number {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFFFF_FFFF => 4,
        _ => 8,
    }
}
