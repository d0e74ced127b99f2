//! The crossings that count: those that were found, as people left them.

use std::collections::{HashMap, HashSet};

use biplane_core::Timestamp;
use serde_json::Value;

/// Who crossed what, and when.
pub struct Crossed<'a> {
    pub entry: &'a str,
    pub checkpoint: &'a str,
    pub at: Timestamp,
    /// The row in `crossings`; none where somebody added it.
    pub crossing: Option<&'a str>,
    /// The edit that made it what it is.
    pub edit: Option<&'a str>,
}

/// Entry and checkpoint.
type Cell<'a> = (&'a str, &'a str);

/// What counts, and what was taken away.
pub struct Counted<'a> {
    /// In the order of their times.
    crossed: HashMap<Cell<'a>, Vec<Crossed<'a>>>,
    /// The last edit that voids something.
    voids: HashMap<Cell<'a>, &'a str>,
}

impl<'a> Counted<'a> {
    /// Of several edits of a crossing that nobody took back the last one counts.
    pub fn of(crossings: &'a [Value], edits: &'a [Value]) -> Self {
        let undone: HashSet<&str> = edits
            .iter()
            .filter(|it| it["action"] == "undo")
            .filter_map(|it| text(it, "edit"))
            .collect();
        let mut edits: Vec<&Value> = edits.iter().collect();
        edits.retain(|it| text(it, "id").is_none_or(|id| !undone.contains(id)));
        edits.sort_by_key(|edit| {
            let made_at = text(edit, "date_created").and_then(|at| at.parse::<Timestamp>().ok());
            (made_at, text(edit, "id"))
        });
        let last: HashMap<&str, &Value> =
            edits.iter().filter_map(|edit| Some((text(&edit["crossing"], "id")?, *edit))).collect();
        let mut counted = Self { crossed: HashMap::new(), voids: HashMap::new() };
        for crossing in crossings {
            if text(crossing, "id").is_none_or(|id| !last.contains_key(id)) {
                counted.take(crossing, None);
            }
        }
        for edit in edits {
            let crossing = &edit["crossing"];
            let is_last = || last.get(text(crossing, "id")?).filter(|it| it["id"] == edit["id"]);
            match text(edit, "action") {
                Some("add") => counted.take(crossing, Some(edit)),
                Some("adjust") if is_last().is_some() => counted.take(crossing, Some(edit)),
                Some("void") if is_last().is_some() => {
                    if let (Some(cell), Some(id)) = (cell(crossing, Some(edit)), text(edit, "id")) {
                        counted.voids.insert(cell, id);
                    }
                }
                _ => {}
            }
        }
        counted.crossed.values_mut().for_each(|them| them.sort_by_key(|it| it.at));
        counted
    }

    /// An edit says what it says; the rest is the crossing's.
    fn take(&mut self, crossing: &'a Value, edit: Option<&'a Value>) {
        let at = text(edit.unwrap_or(crossing), "crossed_at").and_then(|at| at.parse().ok());
        if let (Some((entry, checkpoint)), Some(at)) = (cell(crossing, edit), at) {
            let edit = edit.and_then(|it| text(it, "id"));
            let crossed = Crossed { entry, checkpoint, at, crossing: text(crossing, "id"), edit };
            self.crossed.entry((entry, checkpoint)).or_default().push(crossed);
        }
    }

    /// All of them.
    pub fn crossings(&self) -> impl Iterator<Item = &Crossed<'a>> {
        self.crossed.values().flatten()
    }

    /// Of an entry at a checkpoint.
    pub fn cell(&self, entry: &'a Value, checkpoint: &'a Value) -> &[Crossed<'a>] {
        let cell = entry["id"].as_str().zip(checkpoint.as_str());
        cell.and_then(|cell| self.crossed.get(&cell)).map_or(&[], Vec::as_slice)
    }

    /// The edit that took a crossing of an entry at a checkpoint away.
    pub fn void(&self, entry: &'a Value, checkpoint: &'a Value) -> Option<&'a str> {
        self.voids.get(&(entry["id"].as_str()?, checkpoint.as_str()?)).copied()
    }
}

fn cell<'a>(crossing: &'a Value, edit: Option<&'a Value>) -> Option<Cell<'a>> {
    let of = |field| edit.and_then(|it| text(it, field)).or_else(|| text(crossing, field));
    Some((of("entry")?, of("checkpoint")?))
}

fn text<'a>(item: &'a Value, field: &str) -> Option<&'a str> {
    item[field].as_str()
}
