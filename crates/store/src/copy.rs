//! Positions as PostgreSQL's binary COPY has them.
//!
//! Encoded by hand, straight into one buffer a batch: no allocation and no
//! dynamic call a row. The format is in PostgreSQL's manual under COPY, "Binary Format".

use std::fmt::Write;

use biplane_core::timing::Device;
use biplane_core::{Fix, IoValue, Timestamp};

use crate::batch::Received;

/// The columns, in the order in which [`PositionRows::push`] writes them.
pub(crate) const COLUMNS: &str = "device, ts, digest, organization, received_at, lat, lon, altitude_m, \
     speed_kmh, course_deg, satellites, hdop, faulty, fault_reason, io, trace_id";
const COLUMN_COUNT: i16 = 16;

pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
pub(crate) const TRAILER: &[u8] = &(-1i16).to_be_bytes();

/// Rows for `telemetry.positions`, encoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct PositionRows {
    bytes: Vec<u8>,
    count: usize,
}

impl PositionRows {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn push(
        &mut self,
        device: Device,
        fix: &Fix,
        received: Received,
        fault: Option<&str>,
    ) {
        self.count += 1;
        self.bytes.reserve(192);
        self.bytes.extend_from_slice(&COLUMN_COUNT.to_be_bytes());
        self.field(device.id.0.as_bytes());
        self.field(&micros(fix.time).to_be_bytes());
        self.field(&fix.digest().to_be_bytes());
        self.field(device.organization.0.as_bytes());
        self.field(&micros(received.at).to_be_bytes());
        self.field(&fix.lat.to_be_bytes());
        self.field(&fix.lon.to_be_bytes());
        self.optional(fix.altitude_m.map(f32::to_be_bytes));
        self.optional(fix.speed_kmh.map(f32::to_be_bytes));
        self.optional(fix.course_deg.map(f32::to_be_bytes));
        self.optional(fix.satellites.map(|count| i16::from(count).to_be_bytes()));
        self.optional(fix.hdop.map(f32::to_be_bytes));
        self.field(&[u8::from(fault.is_some())]);
        match fault {
            Some(reason) => self.field(reason.as_bytes()),
            None => self.null(),
        }
        if fix.io.is_empty() {
            self.null()
        } else {
            self.io(&fix.io)
        }
        // As the logs have it: the gateway keeps it within 63 bits.
        self.field(&(received.trace_id as i64).to_be_bytes());
    }

    fn field(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(&(value.len() as i32).to_be_bytes());
        self.bytes.extend_from_slice(value);
    }

    fn optional<const N: usize>(&mut self, value: Option<[u8; N]>) {
        match value {
            Some(value) => self.field(&value),
            None => self.null(),
        }
    }

    fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1i32).to_be_bytes());
    }

    /// An object by id; numbers as numbers, bytes as hexadecimal digits. Of two elements of one
    /// id, PostgreSQL keeps the last.
    fn io(&mut self, elements: &[(u16, IoValue)]) {
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        // jsonb's own version, then JSON as text.
        let mut text = Text(&mut self.bytes);
        text.0.push(1);
        for (n, (id, value)) in elements.iter().enumerate() {
            let separator = if n == 0 { '{' } else { ',' };
            let _ = match value {
                IoValue::Unsigned(number) => write!(text, "{separator}\"{id}\":{number}"),
                IoValue::Bytes(bytes) => {
                    let _ = write!(text, "{separator}\"{id}\":\"");
                    for byte in bytes {
                        let _ = write!(text, "{byte:02x}");
                    }
                    write!(text, "\"")
                }
            };
        }
        text.0.push(b'}');
        let length = (self.bytes.len() - length_at - 4) as i32;
        self.bytes[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// Writing to it can't fail.
struct Text<'a>(&'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Microseconds since 2000-01-01, kept within what a `timestamptz` can say.
fn micros(time: Timestamp) -> i64 {
    const Y2000_MS: i64 = 946_684_800_000;
    const FIRST: i64 = -211_813_488_000_000_000;
    const LAST: i64 = 9_223_371_331_199_999_999;
    time.as_millis().saturating_sub(Y2000_MS).saturating_mul(1000).clamp(FIRST, LAST)
}
