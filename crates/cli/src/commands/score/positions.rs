//! Positions as a file has them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use biplane_core::{Fix, Timestamp};
use csv::{ByteRecord, Reader};
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

use super::of_file;

/// The rows of a file, in its order: the device's name, and the fix.
pub struct Positions {
    reader: Reader<Box<dyn Read>>,
    columns: Columns,
    record: ByteRecord,
}

/// Where each field stands.
struct Columns {
    device: usize,
    time: usize,
    lat: usize,
    lon: usize,
    altitude: Option<usize>,
}

impl Positions {
    /// Opens a file and reads its header.
    pub fn open(file: &Path) -> Result<Self, String> {
        let source = BufReader::new(File::open(file).map_err(|error| of_file(file, error))?);
        let source: Box<dyn Read> = match file.extension().and_then(|it| it.to_str()) {
            Some("gz") => Box::new(MultiGzDecoder::new(source)),
            Some("xz") => Box::new(XzReader::new(source, true)),
            _ => Box::new(source),
        };
        let mut reader = Reader::from_reader(source);
        let header = reader.headers().map_err(|error| of_file(file, error))?;
        let place = |names: &[&str]| header.iter().position(|it| names.contains(&it.trim()));
        let needed = |names: &[&str]| {
            let missing = || format!("it has no column `{}`", names[0]);
            place(names).ok_or_else(missing).map_err(|why| of_file(file, why))
        };
        let columns = Columns {
            device: needed(&["device_id", "device"])?,
            time: needed(&["ts_iso", "time", "ts"])?,
            lat: needed(&["lat", "latitude"])?,
            lon: needed(&["lon", "longitude"])?,
            altitude: place(&["alt", "altitude_m"]),
        };
        Ok(Self { reader, columns, record: ByteRecord::new() })
    }

    fn row(&self) -> Result<(String, Fix), String> {
        let line = self.record.position().map_or(0, csv::Position::line);
        let text = |column: usize| {
            let cell = self.record.get(column).and_then(|bytes| std::str::from_utf8(bytes).ok());
            cell.map(str::trim).ok_or_else(|| format!("line {line}: it is no text"))
        };
        let number = |column: usize, name: &str| {
            let text = text(column)?;
            text.parse::<f64>().map_err(|_| format!("line {line}: {name}: `{text}` is no number"))
        };
        let time = text(self.columns.time)?;
        let wrong = || format!("line {line}: `{time}` is no time like 2026-05-01T09:30:00Z");
        let fix = Fix {
            time: time.parse::<Timestamp>().map_err(|_| wrong())?,
            lat: number(self.columns.lat, "lat")?,
            lon: number(self.columns.lon, "lon")?,
            altitude_m: match self.columns.altitude {
                Some(column) => text(column)?.parse().ok(),
                None => None,
            },
            speed_kmh: None,
            course_deg: None,
            satellites: None,
            hdop: None,
            io: Vec::new(),
        };
        Ok((text(self.columns.device)?.to_owned(), fix))
    }
}

impl Iterator for Positions {
    type Item = Result<(String, Fix), String>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => Some(self.row()),
            Err(error) => Some(Err(error.to_string())),
        }
    }
}
