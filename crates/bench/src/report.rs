//! What a benchmark says.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// A benchmark's figures.
#[derive(Debug, Serialize)]
pub struct Report {
    bench: &'static str,
    machine: Machine,
    results: Vec<Figure>,
}

/// Where it was measured: ratios compare between machines, absolute figures don't.
#[derive(Debug, Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
    memory_gib: u64,
}

/// One figure with its peers.
#[derive(Debug, Serialize)]
pub struct Figure {
    id: String,
    unit: String,
    ours: f64,
    peers: BTreeMap<String, f64>,
    ratios: BTreeMap<String, f64>,
    /// In which each side's median lies, with about 95 % confidence.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    intervals: BTreeMap<String, [f64; 2]>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A figure of which less is better, as a script measured it.
#[derive(Debug, Deserialize)]
pub struct Measured {
    id: String,
    unit: String,
    ours: f64,
    peers: BTreeMap<String, f64>,
    intervals: BTreeMap<String, [f64; 2]>,
    #[serde(default)]
    details: BTreeMap<String, f64>,
    note: Option<String>,
}

/// What one side took, round by round.
#[derive(Debug)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A single one.
    pub fn once(took: f64) -> Self {
        Self(vec![took])
    }

    /// Within which such a share of them is.
    pub fn quantile(&self, share: f64) -> f64 {
        let at = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// One more.
    pub fn push(&mut self, took: f64) {
        let at = self.0.partition_point(|&other| other < took);
        self.0.insert(at, took);
    }

    /// The middle one, of an even number the mean of both; no number where there was no round.
    pub fn median(&self) -> f64 {
        let count = self.0.len();
        let at = |n: usize| self.0.get(n).copied().unwrap_or(f64::NAN);
        at(count / 2).midpoint(at(count.saturating_sub(1) / 2))
    }

    /// In which the median lies with about 95 % confidence: the order statistics around it that a
    /// binomial of one half gives; of few rounds all.
    pub fn interval(&self) -> [f64; 2] {
        let count = self.0.len() as f64;
        let reach = 0.98 * count.sqrt();
        let at = |n: f64| self.0[(n.max(0.0) as usize).min(self.0.len() - 1)];
        if self.0.is_empty() {
            return [f64::NAN; 2];
        }
        [at((count / 2.0 - reach).floor()), at((count / 2.0 + reach).ceil())]
    }

    /// The longest.
    pub fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }
}

impl Report {
    /// The figures of a benchmark on this machine.
    pub fn new(bench: &'static str, results: Vec<Figure>) -> Self {
        Self { bench, machine: Machine::this(), results }
    }

    /// On one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("plain figures are JSON")
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for figure in &self.results {
            let unit = &figure.unit;
            let spread = |side: &str| {
                figure.intervals.get(side).map_or(String::new(), |[low, high]| {
                    format!("  ({} to {})", shown(*low), shown(*high))
                })
            };
            let _ = writeln!(
                table,
                "{:24} {:>12} {unit}{}",
                figure.id,
                shown(figure.ours),
                spread("ours")
            );
            for (peer, value) in &figure.peers {
                let _ = writeln!(
                    table,
                    "  {peer:22} {:>12} {unit}  ratio {:.2}{}",
                    shown(*value),
                    figure.ratios[peer],
                    spread(peer)
                );
            }
            for (detail, value) in &figure.details {
                let _ = writeln!(table, "  {detail:22} {:>12}", shown(*value));
            }
            if let Some(note) = &figure.note {
                let _ = writeln!(table, "  {note}");
            }
        }
        table
    }
}

impl Figure {
    /// A figure of which more is better.
    pub fn more_is_better(
        id: &'static str,
        unit: &'static str,
        ours: f64,
        peers: &[(&'static str, f64)],
    ) -> Self {
        Self {
            id: id.to_owned(),
            unit: unit.to_owned(),
            ours,
            peers: peers.iter().map(|&(name, peer)| (name.to_owned(), peer)).collect(),
            ratios: peers
                .iter()
                .map(|&(name, peer)| (name.to_owned(), places(ours / peer)))
                .collect(),
            intervals: BTreeMap::new(),
            details: BTreeMap::new(),
            note: None,
        }
    }

    /// A figure that stands for itself.
    pub fn alone(id: &'static str, unit: &'static str, ours: f64) -> Self {
        Self::more_is_better(id, unit, places(ours), &[])
    }

    /// The same with what stands behind the figure.
    #[must_use]
    pub fn with_details(mut self, details: &[(&str, f64)]) -> Self {
        self.details =
            details.iter().map(|&(name, value)| (name.to_owned(), places(value))).collect();
        self
    }
}

impl Figure {
    /// A figure of which less is better, of several rounds of each side.
    pub fn less_is_better<'a>(
        id: &'static str,
        unit: &'static str,
        ours: &Rounds,
        peers: impl IntoIterator<Item = (&'static str, &'a Rounds)>,
    ) -> Self {
        let mut intervals = BTreeMap::from([("ours".to_owned(), ours.interval())]);
        let mut medians = BTreeMap::new();
        for (name, rounds) in peers {
            intervals.insert(name.to_owned(), rounds.interval());
            medians.insert(name.to_owned(), rounds.median());
        }
        let (id, unit, ours) = (id.to_owned(), unit.to_owned(), ours.median());
        let details = BTreeMap::new();
        Measured { id, unit, ours, peers: medians, intervals, details, note: None }.into()
    }

    /// How many a second, of rounds that are nanoseconds for one.
    pub fn rate<'a>(
        id: &'static str,
        unit: &'static str,
        ours: &Rounds,
        peers: impl IntoIterator<Item = (&'static str, &'a Rounds)>,
    ) -> Self {
        let rate = |nanoseconds: f64| (1e9 / nanoseconds).round();
        let mut figure = Self::less_is_better(id, unit, ours, peers);
        // The ratios stay: twice the time is half the rate.
        figure.ours = rate(ours.median());
        figure.peers.values_mut().for_each(|peer| *peer = rate(*peer));
        figure
            .intervals
            .values_mut()
            .for_each(|[low, high]| (*low, *high) = (rate(*high), rate(*low)));
        figure
    }

    /// With one more number that says how to read it.
    #[must_use]
    pub fn detail(mut self, name: &str, value: f64) -> Self {
        self.details.insert(name.to_owned(), places(value));
        self
    }

    /// In a few words.
    pub fn told(&self) -> String {
        let peers = self.ratios.iter().map(|(peer, ratio)| format!(", {ratio:.2} times {peer}"));
        format!("{} {}{}", shown(self.ours), self.unit, peers.collect::<String>())
    }
}

impl From<Measured> for Figure {
    fn from(measured: Measured) -> Self {
        let Measured { id, unit, ours, peers, intervals, details, note } = measured;
        let ratios = peers.iter().map(|(name, peer)| (name.clone(), places(peer / ours))).collect();
        let peers = peers.into_iter().map(|(name, peer)| (name, places(peer))).collect();
        let intervals = intervals
            .into_iter()
            .map(|(name, [low, high])| (name, [places(low), places(high)]))
            .collect();
        let details = details.into_iter().map(|(name, value)| (name, places(value))).collect();
        Self { id, unit, ours: places(ours), peers, ratios, intervals, details, note }
    }
}

/// To three places after the point: the rest is noise.
fn places(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// With as many places as say something.
fn shown(value: f64) -> String {
    if value.abs() < 100.0 && value.fract() != 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

impl Machine {
    fn this() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, key: &str| {
            text.lines()
                .find(|line| line.starts_with(key))
                .and_then(|line| line.split(':').nth(1))
                .map(|value| value.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kib: u64 =
            memory.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_gib: kib.div_ceil(1024 * 1024),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_measured_has_ratios_above_one_where_ours_takes_less() {
        let line = r#"{"id": "x", "unit": "us", "ours": 2, "peers": {"a": 5, "b": 1},
            "intervals": {"ours": [1.00004, 3]}, "note": "n"}"#;
        let measured: Measured = serde_json::from_str(line).expect("a figure");
        let json = serde_json::to_value(Figure::from(measured)).expect("JSON");
        let expected = serde_json::json!({
            "id": "x", "unit": "us", "ours": 2.0, "peers": {"a": 5.0, "b": 1.0},
            "ratios": {"a": 2.5, "b": 0.5}, "intervals": {"ours": [1.0, 3.0]}, "note": "n",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_figure_of_a_rate_has_ratios_above_one_where_ours_is_more() {
        let figure = Figure::more_is_better("path", "positions/s", 30.0, &[("copy", 60.0)]);
        let json = serde_json::to_value(figure).expect("JSON");
        let expected = serde_json::json!({
            "id": "path", "unit": "positions/s", "ours": 30.0,
            "peers": {"copy": 60.0}, "ratios": {"copy": 0.5},
        });
        assert_eq!(json, expected);
    }
}
