//! A plan for people, and for programs.

use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::Value;

use crate::plan::{Change, Difference, Fingerprint, Outcome, Plan, Verdict};
use crate::rename::Rename;

/// Values longer than this are cut in the table; JSON has them whole.
const SHOWN: usize = 60;

/// A plan as programs read it.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "Plan"))]
pub(crate) struct Report<'a> {
    outcome: Outcome,
    exit_code: u8,
    ancestry: crate::plan::Ancestry,
    base: Option<String>,
    target: String,
    fingerprint: Fingerprint,
    loses_rows: bool,
    counts: std::collections::BTreeMap<&'static str, usize>,
    changes: Vec<Line<'a>>,
    #[cfg_attr(test, ts(type = "Array<string>"))]
    renames: &'a [Rename],
    warnings: &'a [String],
}

/// What is decided of one item.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "PlanChange"))]
pub(crate) struct Line<'a> {
    verdict: &'static str,
    kind: &'static str,
    name: String,
    reason: &'static str,
    sentence: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<&'a [Difference]>"))]
    differences: &'a [Difference],
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    loss: Option<&'a crate::loss::Loss>,
}

impl Plan {
    /// The whole plan as JSON: outcome, exit code, hashes, fingerprint, and every change with its
    /// verdict, reason, differences and loss.
    pub fn to_json(&self) -> Value {
        let line = |change| {
            let Change { item, verdict, reason, differences, loss }: &Change = change;
            Line {
                verdict: verdict.as_str(),
                kind: item.kind(),
                name: item.name(),
                reason: reason.code(),
                sentence: reason.to_string(),
                differences,
                loss: loss.as_ref(),
            }
        };
        let report = Report {
            outcome: self.outcome(),
            exit_code: self.outcome().exit_code(),
            ancestry: self.ancestry,
            base: self.base.map(|hash| hash.to_string()),
            target: self.target.to_string(),
            fingerprint: self.fingerprint(),
            loses_rows: self.loses_rows(),
            counts: self.counts(),
            changes: self.changes.iter().map(line).collect(),
            renames: &self.renames,
            warnings: &self.warnings,
        };
        serde_json::to_value(report).unwrap_or_default()
    }
}

/// The table: a line for each change, what differs below it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        let width = self.changes.iter().map(|change| change.item.name().chars().count()).max();
        let width = width.unwrap_or(0).min(44);
        for Change { item, verdict, reason, differences, loss } in &self.changes {
            let (word, kind, name) = (verdict.as_str(), item.kind(), item.name());
            write!(f, "{word:8}  {kind:12}  {name:width$}  {reason}")?;
            if let Some(loss) = loss {
                let rows = loss.rows.map_or_else(|| "rows not counted".to_owned(), rows);
                write!(f, "; {} {}: {rows}", loss.kind.as_str(), loss.detail)?;
            }
            writeln!(f)?;
            if matches!(verdict, Verdict::Updated | Verdict::Kept | Verdict::Conflict) {
                for difference in differences {
                    writeln!(f, "{:10}{}", "", difference.line(*verdict))?;
                }
            }
        }
        for rename in &self.renames {
            writeln!(
                f,
                "looks like a rename: {rename} (say --rename '{rename}' to keep its data)"
            )?;
        }
        let counts = self.counts();
        let said: Vec<_> = ["create", "update", "rename", "delete", "keep", "conflict"]
            .iter()
            .filter_map(|word| {
                counts
                    .get(word)
                    .filter(|count| **count > 0)
                    .map(|count| format!("{count} to {word}"))
            })
            .map(|said| said.replace(" to conflict", " in conflict"))
            .collect();
        match said.as_slice() {
            [] => writeln!(f, "Nothing to do: the database is what the snapshot says."),
            said => writeln!(f, "{}.", said.join(", ")),
        }
    }
}

impl Difference {
    fn line(&self, verdict: Verdict) -> String {
        let path = &self.path;
        match verdict {
            Verdict::Conflict => format!(
                "{path}: was {}, here {}, in the snapshot {}",
                short(self.base.as_ref()),
                short(self.running.as_ref()),
                short(self.target.as_ref())
            ),
            Verdict::Kept => format!(
                "{path}: here {}, in the snapshot {}",
                short(self.running.as_ref()),
                short(self.target.as_ref())
            ),
            _ => format!(
                "{path}: {} → {}",
                short(self.running.as_ref()),
                short(self.target.as_ref())
            ),
        }
    }
}

fn short(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    let mut cut: String = text.chars().take(SHOWN).collect();
    cut.push('…');
    cut
}

fn rows(count: u64) -> String {
    let mut text = String::new();
    let _ = write!(text, "{count} row{}", if count == 1 { "" } else { "s" });
    text
}
