//! What a benchmark says.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

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
    id: &'static str,
    unit: &'static str,
    ours: f64,
    peers: BTreeMap<&'static str, f64>,
    ratios: BTreeMap<&'static str, f64>,
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
            let _ = writeln!(table, "{:24} {:>12.0} {}", figure.id, figure.ours, figure.unit);
            for (peer, value) in &figure.peers {
                let _ = writeln!(
                    table,
                    "  {peer:22} {value:>12.0} {}  ratio {:.2}",
                    figure.unit, figure.ratios[peer]
                );
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
        let ratio = |peer: f64| (ours / peer * 1000.0).round() / 1000.0;
        Self {
            id,
            unit,
            ours,
            peers: peers.iter().copied().collect(),
            ratios: peers.iter().map(|&(name, peer)| (name, ratio(peer))).collect(),
        }
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
