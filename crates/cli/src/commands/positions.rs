//! Positions as a file has them: CSV with a header, a row each; gzip and xz by the extension.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::str::FromStr;

use biplane_core::shown::short;
use biplane_core::{Fix, Timestamp};
use csv::{ByteRecord, Reader};
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

/// Names of columns that are read, each with those that mean the same.
const COLUMNS: [&[&str]; 10] = [
    &["device_id", "device"],
    &["ts_iso", "time", "ts"],
    &["lat", "latitude"],
    &["lon", "longitude"],
    &["alt", "altitude_m"],
    &["speed", "speed_kmh"],
    &["course", "course_deg"],
    &["satellites"],
    &["hdop"],
    &["imei"],
];
/// The first of them that may be missing.
const OPTIONAL: usize = 4;

/// The rows of a file, in its order.
pub struct Positions {
    reader: Reader<Box<dyn Read>>,
    /// Where each of [`COLUMNS`] stands.
    columns: [Option<usize>; COLUMNS.len()],
    /// Names of columns that mean nothing here.
    pub unread: Vec<String>,
    record: ByteRecord,
}

/// A row.
#[derive(Debug)]
pub struct Row {
    /// Where it begins, counted from 1.
    pub line: u64,
    /// The device's name.
    pub device: String,
    /// As it stands in its column, where the file has one.
    pub imei: Option<String>,
    /// What the device said.
    pub fix: Fix,
}

impl Positions {
    /// Opens a file and reads its header.
    pub fn open(file: &Path) -> Result<Self, String> {
        let mut reader = open_csv(file)?;
        let header = reader.headers().map_err(|error| of_file(file, error))?;
        let header: Vec<_> = header.iter().map(str::trim).collect();
        let columns = COLUMNS.map(|names| header.iter().position(|it| names.contains(&it.trim())));
        if let Some(missing) = columns[..OPTIONAL].iter().position(Option::is_none) {
            let why = format!("it has no column `{}`", COLUMNS[missing][0]);
            return Err(of_file(
                file,
                format!("{why}; its first line is `{}`", short(&header.join(","))),
            ));
        }
        let is_read = |name: &&str| COLUMNS.iter().any(|names| names.contains(name));
        let unread = header.iter().filter(|name| !is_read(name)).map(|&it| it.to_owned()).collect();
        Ok(Self { reader, columns, unread, record: ByteRecord::new() })
    }

    fn row(&self) -> Result<Row, String> {
        let line = self.record.position().map_or(0, csv::Position::line);
        let text = |column: usize| {
            let Some(place) = self.columns[column] else { return Ok("") };
            let cell = self.record.get(place).and_then(|bytes| std::str::from_utf8(bytes).ok());
            cell.map(str::trim).ok_or_else(|| format!("line {line}: it is no text"))
        };
        let number = |column: usize| {
            let text = text(column)?;
            let name = COLUMNS[column][0];
            text.parse::<f64>().map_err(|_| format!("line {line}: {name}: `{text}` is no number"))
        };
        fn known<T: FromStr>(line: u64, column: usize, text: &str) -> Result<Option<T>, String> {
            if text.is_empty() {
                return Ok(None);
            }
            let wrong = || format!("line {line}: {}: `{text}` is no number", COLUMNS[column][0]);
            text.parse().map(Some).map_err(|_| wrong())
        }
        let time = text(1)?;
        let wrong = || format!("line {line}: `{time}` is no time like 2026-05-01T09:30:00Z");
        let fix = Fix {
            time: time.parse::<Timestamp>().map_err(|_| wrong())?,
            lat: number(2)?,
            lon: number(3)?,
            altitude_m: known(line, 4, text(4)?)?,
            speed_kmh: known(line, 5, text(5)?)?,
            course_deg: known(line, 6, text(6)?)?,
            satellites: known(line, 7, text(7)?)?,
            hdop: known(line, 8, text(8)?)?,
            io: Vec::new(),
        };
        let imei = text(9)?;
        let imei = (!imei.is_empty()).then(|| imei.to_owned());
        Ok(Row { line, device: text(0)?.to_owned(), imei, fix })
    }
}

impl Iterator for Positions {
    type Item = Result<Row, String>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => Some(self.row()),
            Err(error) => Some(Err(error.to_string())),
        }
    }
}

/// A file's rows, whatever they mean.
pub fn open_csv(file: &Path) -> Result<Reader<Box<dyn Read>>, String> {
    let source = BufReader::new(File::open(file).map_err(|error| of_file(file, error))?);
    let source: Box<dyn Read> = match file.extension().and_then(|it| it.to_str()) {
        Some("gz") => Box::new(MultiGzDecoder::new(source)),
        Some("xz") => Box::new(XzReader::new(source, true)),
        _ => Box::new(source),
    };
    Ok(Reader::from_reader(source))
}

/// The error of a file.
pub fn of_file(file: &Path, why: impl std::fmt::Display) -> String {
    format!("{}: {why}", file.display())
}
