//! Which process used the processors, and how much memory.

use std::collections::{BTreeMap, HashMap};

use biplane_stack::SetupError;

use crate::failed;

/// Ticks of `/proc/<pid>/stat` a second: Linux's `USER_HZ`, proc(5).
const TICKS: f64 = 100.0;

/// Seconds of CPU so far, by program, of this process and all below it.
pub fn seconds() -> BTreeMap<String, f64> {
    let stats = stats();
    let mut seconds = BTreeMap::new();
    for (&id, stat) in &stats {
        if is_ours(id, &stats) {
            *seconds.entry(stat.program.clone()).or_insert(0.0) += stat.ticks as f64 / TICKS;
        }
    }
    seconds
}

fn stats() -> HashMap<u32, Stat> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|id: u32| {
            Some((id, Stat::of(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?))
        })
        .collect()
}

/// The processes of that name below this one, by their ids.
pub fn processes(program: &str) -> Vec<u32> {
    let stats = stats();
    let named = stats.iter().filter(|(_, stat)| stat.program == program);
    named.map(|(&id, _)| id).filter(|&id| is_ours(id, &stats)).collect()
}

/// KiB of memory that a process has, without what the kernel keeps for its sockets.
pub fn memory_kib(process: u32) -> Result<f64, SetupError> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).map_err(failed)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| failed(format!("no VmRSS in /proc/{process}/status")))
}

fn is_ours(mut id: u32, stats: &HashMap<u32, Stat>) -> bool {
    while id != std::process::id() {
        match stats.get(&id) {
            Some(stat) if stat.parent != 0 => id = stat.parent,
            _ => return false,
        }
    }
    true
}

struct Stat {
    program: String,
    parent: u32,
    ticks: u64,
}

impl Stat {
    /// The name is in brackets and may hold any character.
    fn of(line: &str) -> Option<Self> {
        let (head, rest) = line.rsplit_once(')')?;
        let program = head.split_once('(')?.1.to_owned();
        let fields: Vec<_> = rest.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
        Some(Self { program, parent: fields.get(1)?.parse().ok()?, ticks: ticks(11)? + ticks(12)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_brackets_in_its_name_is_read_by_its_last_one() {
        let line = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 9";
        let stat = Stat::of(line).expect("a line of proc(5)");
        assert_eq!((&*stat.program, stat.parent, stat.ticks), ("a) b (c)", 3, 200));
        assert!(Stat::of("7 (cut off) S 3").is_none());
    }

    #[test]
    fn what_this_process_used_is_counted_and_what_is_not_below_it_is_not() {
        let stats = HashMap::from([
            (std::process::id(), Stat { program: "us".into(), parent: 1, ticks: 1 }),
            (u32::MAX, Stat { program: "child".into(), parent: std::process::id(), ticks: 1 }),
            (u32::MAX - 1, Stat { program: "other".into(), parent: 1, ticks: 1 }),
        ]);
        assert!(is_ours(std::process::id(), &stats));
        assert!(is_ours(u32::MAX, &stats));
        assert!(!is_ours(u32::MAX - 1, &stats));
        assert!(!seconds().is_empty());
    }
}
