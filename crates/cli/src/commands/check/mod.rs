//! `biplane check`: the rules at the prompt.

mod csv;
mod error;
mod input;
mod json;
mod judge;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use biplane_schema::{Reading, Snapshot};
use biplane_stack::say;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use error::CheckError;
use input::Input;
use judge::Judge;
use report::Report;

/// Judge the items of a file by the rules, as an API create by an administrator would.
///
/// Needs no server. Memberships, and whatever a rule would have to read from a database, are not
/// checked, and that is said. A file is read item by item, whatever its size; one item may have 64
/// MiB.
///
/// Exit codes: 0 every item is valid; 1 some are not; 2 the file can't be read.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The collection that the items are for.
    collection: String,
    /// The file; `-` is standard input, which needs --format.
    file: PathBuf,
    /// What the file holds; by its extension unless given.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Print one JSON object: {"items": [{"id", "valid", "errors": [{"code", "field", "message"}]}]}.
    #[arg(long)]
    json: bool,
    /// Report required fields that are missing, too; without it only what the rules say counts.
    #[arg(long)]
    complete: bool,
    /// The schema snapshot that has the collection; snapshots/schema.yaml of the checkout, or of
    /// BIPLANE_HOME, unless given.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  biplane check geofences fences.geojson          features: properties are fields
  biplane check devices trackers.csv --complete   as Directus's CSV import reads it
  biplane check geofences export.json --json      for programs
  zcat fences.jsonl.gz | biplane check geofences - --format jsonl

Formats:
  json      an array of items, or one item (.json)
  jsonl     one item a line (.jsonl, .ndjson)
  geojson   a FeatureCollection or a Feature; its geometry is the field `geometry` (.geojson)
  csv       the header names the fields; separated by comma, semicolon, tab or |; a geometry is
            GeoJSON in one cell (.csv)";

/// What a file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An array of items, or one.
    Json,
    /// An item a line.
    #[value(alias = "ndjson")]
    Jsonl,
    /// Features.
    Geojson,
    /// A header and a row an item.
    Csv,
}

/// What should be an item: its fields, or why it is none.
type Found = Result<Map<String, Value>, String>;

/// Takes items in the order of the file; `Err` is a failure to say what was found.
type Sink<'a> = &'a mut dyn FnMut(Found) -> Result<(), CheckError>;

impl Arguments {
    /// Judges the file's items.
    pub fn run(self, start: &Path) -> ExitCode {
        match self.judge(start) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            // Whoever reads our output has heard enough.
            Err(CheckError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                ExitCode::from(1)
            }
            Err(error) => {
                say(format_args!("biplane: {error}"));
                ExitCode::from(2)
            }
        }
    }

    /// Whether every item is valid.
    fn judge(&self, start: &Path) -> Result<bool, CheckError> {
        let format = match self.format {
            Some(format) => format,
            None => Format::of(&self.file)?,
        };
        let snapshot = read_snapshot(&self.snapshot_path(start)?)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut judge =
            Judge::new(&self.collection, &snapshot, self.complete, now.as_millis() as f64)?;
        let mut report = Report::new(self.json, &self.collection);
        let input = Input::open(&self.file)?;
        let progress = input.progress();
        let mut number = 0;
        let mut sink = |found: Found| {
            number += 1;
            progress.item();
            report.item(number, &judge.item(number, &found), &progress)
        };
        match format {
            Format::Json => json::items(input, &mut sink)?,
            Format::Jsonl => json::lines(input, &mut sink)?,
            Format::Geojson => json::features(input, &mut sink)?,
            Format::Csv => csv::rows(input, &mut sink)?,
        }
        report.end(&judge)
    }

    fn snapshot_path(&self, start: &Path) -> Result<PathBuf, CheckError> {
        const FILE: &str = "snapshots/schema.yaml";
        let home = std::env::var_os("BIPLANE_HOME").unwrap_or_else(|| "/biplane".into());
        let near = start.ancestors().map(|folder| folder.join(FILE));
        self.snapshot
            .clone()
            .or_else(|| near.chain([Path::new(&home).join(FILE)]).find(|path| path.is_file()))
            .ok_or(CheckError::NoSnapshot)
    }
}

impl Format {
    fn of(file: &Path) -> Result<Self, CheckError> {
        let extension = file.extension().map(|it| it.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("json") => Ok(Self::Json),
            Some("jsonl" | "ndjson") => Ok(Self::Jsonl),
            Some("geojson") => Ok(Self::Geojson),
            Some("csv") => Ok(Self::Csv),
            _ => Err(CheckError::NoFormat { file: file.display().to_string() }),
        }
    }
}

fn read_snapshot(path: &Path) -> Result<Snapshot, CheckError> {
    let wrong = |why: String| CheckError::Snapshot { path: path.display().to_string(), why };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let read = Snapshot::read(&text, Reading::Lenient).map_err(|error| wrong(error.to_string()))?;
    Ok(read.snapshot)
}
