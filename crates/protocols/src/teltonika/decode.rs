use biplane_core::{ErrorCode, Fix, IoValue, Timestamp};

use super::reader::Reader;
use super::{Codec, HDOP};
use crate::Malformed;

/// Reads a frame's data: codec, count, records, count again.
///
/// Offsets of errors count from the first byte of `data`.
pub fn decode_data(data: &[u8]) -> Result<Vec<Fix>, Malformed> {
    let mut reader = Reader::new(data);
    let byte = reader.number(1, "the codec")? as u8;
    let Some(codec) = Codec::from_byte(byte) else {
        return Err(Malformed {
            code: ErrorCode::FrameCodec,
            offset: 0,
            message: format!("codec {byte:#04x} is not read; 0x08, 0x8e and 0x10 are"),
        });
    };
    let count = reader.number(1, "the number of records")?;
    let mut fixes = Vec::with_capacity(count as usize);
    for _ in 0..count {
        fixes.push(record(&mut reader, codec)?);
    }
    reader.end(count, "record")?;
    Ok(fixes)
}

fn record(reader: &mut Reader<'_>, codec: Codec) -> Result<Fix, Malformed> {
    let millis = reader.number(8, "a record's time")?;
    let _priority = reader.number(1, "a record's priority")?;
    let lon = reader.number(4, "the longitude")? as u32 as i32;
    let lat = reader.number(4, "the latitude")? as u32 as i32;
    let altitude = reader.number(2, "the altitude")? as u16 as i16;
    let course = reader.number(2, "the course")? as u16;
    let satellites = reader.number(1, "the number of satellites")? as u8;
    let speed = reader.number(2, "the speed")? as u16;
    let (io, hdop) = elements(reader, codec)?;
    Ok(Fix {
        // A time past i64 is a broken clock; the processor decides what becomes of it.
        time: Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)),
        lat: f64::from(lat) / 1e7,
        lon: f64::from(lon) / 1e7,
        altitude_m: Some(f32::from(altitude)),
        speed_kmh: Some(f32::from(speed)),
        course_deg: Some(f32::from(course)),
        satellites: Some(satellites),
        hdop,
        io,
    })
}

type Elements = (Vec<(u16, IoValue)>, Option<f32>);

fn elements(reader: &mut Reader<'_>, codec: Codec) -> Result<Elements, Malformed> {
    let id_width = if codec == Codec::Eight { 1 } else { 2 };
    let count_width = if codec == Codec::EightExtended { 2 } else { 1 };
    let _event = reader.number(id_width, "the event's IO id")?;
    if codec == Codec::Sixteen {
        let _generation_type = reader.number(1, "the generation type")?;
    }
    // Devices exist that count wrongly here; the groups' own counts are what holds.
    let _total = reader.number(count_width, "the number of IO elements")?;

    let mut io = Vec::new();
    let mut hdop = None;
    for width in [1, 2, 4, 8] {
        let count = reader.number(count_width, "a group's number of IO elements")?;
        for _ in 0..count {
            let id = reader.number(id_width, "an IO element's id")? as u16;
            let value = reader.number(width, "an IO element's value")?;
            match u16::try_from(value) {
                Ok(tenths) if id == HDOP && hdop.is_none() => {
                    hdop = Some(f32::from(tenths) / 10.0);
                }
                _ => io.push((id, IoValue::Unsigned(value))),
            }
        }
    }
    if codec == Codec::EightExtended {
        let count = reader.number(2, "the number of variable IO elements")?;
        for _ in 0..count {
            let id = reader.number(2, "an IO element's id")? as u16;
            let length = reader.number(2, "an IO element's length")? as usize;
            let bytes = reader.take(length, "a variable IO element")?;
            io.push((id, IoValue::Bytes(bytes.to_vec())));
        }
    }
    Ok((io, hdop))
}
