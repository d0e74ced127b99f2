//! CSV as Directus's importer reads it: numbers stay text, every other JSON value is read, an
//! empty cell is no field, a dot in a header makes an object.

use std::collections::HashSet;
use std::io::BufRead;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use super::error::CheckError;
use super::input::Input;
use super::{Found, Sink};

/// Between cells; the importer finds out which, too. The first wins where two split as much.
const SEPARATORS: &[u8] = b",;\t|";

/// A header and a row an item; empty lines are passed over.
pub fn rows(mut input: Input, sink: Sink<'_>) -> Result<(), CheckError> {
    let failure = input.failure();
    let start = input.reader.fill_buf().map_err(|error| failure.of(error))?;
    let separator = separator(start);
    // Of \r\n the reader leaves the second for the next row, which it then places a line too early.
    let windows = start
        .iter()
        .position(|byte| *byte == b'\n')
        .is_some_and(|end| start[..end].ends_with(b"\r"));
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .has_headers(false)
        .from_reader(input.reader);
    let mut row = ByteRecord::new();
    let failed = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => failure.of(error),
        other => CheckError::at(1, 1, format!("{other:?}")),
    };
    if !reader.read_byte_record(&mut row).map_err(failed)? {
        return Err(CheckError::at(1, 1, "the file is empty: a header must name the fields"));
    }
    let names = header(&row)?;
    // The row before, where its last cell goes on over lines.
    let mut swallowing = None;
    while reader.read_byte_record(&mut row).map_err(failed)? {
        let line = row.position().map_or(0, csv::Position::line) + u64::from(windows);
        let long = row.iter().next_back().is_some_and(|cell| cell.contains(&b'\n'));
        swallowing = long.then_some(line);
        sink(item(&names, &row, line)?)?;
    }
    match swallowing {
        Some(line) if failure.odd_quotes() => {
            Err(CheckError::at(line, 1, "a quotation mark of this row is never closed"))
        }
        _ => Ok(()),
    }
}

fn separator(start: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0; SEPARATORS.len()];
    for &byte in start {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(which) = SEPARATORS.iter().position(|it| *it == byte) {
                    counts[which] += 1;
                }
            }
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    let which = counts.iter().position(|count| *count == most).unwrap_or_default();
    SEPARATORS[which]
}

fn header(row: &ByteRecord) -> Result<Vec<String>, CheckError> {
    let mut seen = HashSet::new();
    (1..)
        .zip(row)
        .map(|(column, cell)| {
            let name = text(cell, 1, column)?.trim().to_owned();
            if !name.is_empty() && !seen.insert(name.clone()) {
                return Err(CheckError::at(1, 1, format!("the header names `{name}` twice")));
            }
            Ok(name)
        })
        .collect()
}

fn item(names: &[String], row: &ByteRecord, line: u64) -> Result<Found, CheckError> {
    if row.len() > names.len() {
        let (cells, columns) = (row.len(), names.len());
        return Ok(Err(format!("line {line} has {cells} cells, the header names {columns}")));
    }
    let mut fields = Map::new();
    for (column, (name, cell)) in (1..).zip(names.iter().zip(row)) {
        let cell = text(cell, line, column)?;
        if !name.is_empty() && !cell.is_empty() {
            set(&mut fields, name, value(cell));
        }
    }
    Ok(Ok(fields))
}

fn text(cell: &[u8], line: u64, column: u64) -> Result<&str, CheckError> {
    std::str::from_utf8(cell)
        .map_err(|_| CheckError::at(line, 1, format!("the cell {column} of this row is not UTF-8")))
}

fn value(cell: &str) -> Value {
    match serde_json::from_str(cell) {
        Ok(Value::Number(_)) | Err(_) => Value::String(cell.to_owned()),
        Ok(value) => value,
    }
}

fn set(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            fields.insert(name.to_owned(), value);
        }
        Some((name, rest)) => {
            let inner = fields.entry(name).or_insert_with(|| Map::new().into());
            if !inner.is_object() {
                *inner = Map::new().into();
            }
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}
