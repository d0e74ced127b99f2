//! What is printed: a line a fault, or one JSON object.

use std::io::{self, BufWriter, Seek, Stdout, Write};

use biplane_stack::say;
use serde_json::Value;
use tempfile::SpooledTempFile;

use super::error::CheckError;
use super::input::Progress;
use super::judge::{Judge, Verdict};

/// So much JSON is kept in memory; the rest waits in a temporary file.
const IN_MEMORY: usize = 1 << 20;

/// Collects what is said.
pub struct Report {
    collection: String,
    out: BufWriter<Stdout>,
    /// Nobody shall read half an object where the file turns out to be broken.
    json: Option<BufWriter<SpooledTempFile>>,
    items: u64,
    invalid: u64,
}

impl Report {
    /// For programs (`json`) or for people.
    pub fn new(json: bool, collection: &str) -> Self {
        Self {
            collection: collection.to_owned(),
            out: BufWriter::new(io::stdout()),
            json: json.then(|| BufWriter::new(SpooledTempFile::new(IN_MEMORY))),
            items: 0,
            invalid: 0,
        }
    }

    /// Adds an item's verdict.
    pub fn item(
        &mut self,
        number: u64,
        verdict: &Verdict,
        progress: &Progress,
    ) -> Result<(), CheckError> {
        self.items += 1;
        self.invalid += u64::from(!verdict.valid);
        match &mut self.json {
            Some(json) => write_json(json, number, verdict),
            None => {
                if !verdict.valid {
                    progress.clear();
                }
                write_lines(&mut self.out, number, verdict)
            }
        }
        .map_err(CheckError::Output)
    }

    /// Ends the output. Whether every item is valid.
    pub fn end(mut self, judge: &Judge) -> Result<bool, CheckError> {
        let Self { items, invalid, .. } = self;
        match self.json.take() {
            Some(json) => copy(json, &mut self.out),
            None => {
                let noun = if items == 1 { "item" } else { "items" };
                let of = format!("{items} {noun} of `{}`", self.collection);
                match invalid {
                    0 => writeln!(self.out, "{of}: all valid"),
                    _ => writeln!(self.out, "{of}: {} valid, {invalid} not", items - invalid),
                }
            }
        }
        .and_then(|()| self.out.flush())
        .map_err(CheckError::Output)?;
        for note in judge.notes() {
            say(format_args!("note: {}", shown(&note)));
        }
        Ok(invalid == 0)
    }
}

fn write_json(json: &mut impl Write, number: u64, verdict: &Verdict) -> io::Result<()> {
    json.write_all(if number == 1 { b"\n" } else { b",\n" })?;
    serde_json::to_writer(&mut *json, verdict).map_err(io::Error::from)
}

fn copy(json: BufWriter<SpooledTempFile>, out: &mut impl Write) -> io::Result<()> {
    let mut json = json.into_inner().map_err(io::IntoInnerError::into_error)?;
    json.rewind()?;
    out.write_all(b"{\"items\": [")?;
    io::copy(&mut json, out)?;
    out.write_all(b"]}\n")
}

fn write_lines(out: &mut impl Write, number: u64, verdict: &Verdict) -> io::Result<()> {
    let id = match &verdict.id {
        Value::String(text) => text.clone(),
        id => id.to_string(),
    };
    let mut item = if verdict.id == number {
        format!("item {number}")
    } else {
        format!("item {number}, id {id}")
    };
    if let Some(name) = &verdict.name {
        item.push_str(&format!(" ({name})"));
    }
    for fault in &verdict.errors {
        writeln!(out, "{}: {}: {}", shown(&item), fault.code, shown(&fault.message))?;
    }
    Ok(())
}

/// Without what a terminal would take for a command, on one line.
fn shown(text: &str) -> String {
    let character = |it: char| {
        if it.is_control() { it.escape_unicode().to_string() } else { it.to_string() }
    };
    text.chars().map(character).collect()
}
