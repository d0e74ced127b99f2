//! Reports that Directus has not taken yet, by command: in order for each, and none in the way of
//! another's.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use biplane_bus::{EntryId, Report};
use tokio::time::Instant;
use uuid::Uuid;

/// Reports in memory; the others wait in Redis.
const MOST: usize = 10_000;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The reports on one command.
pub(super) type Reports = VecDeque<(EntryId, Report)>;

#[derive(Debug)]
pub(super) struct Backlog {
    reports: HashMap<Uuid, Reports>,
    /// What Directus could not carry out: how often, and until when it is left alone.
    pauses: HashMap<Uuid, (u32, Instant)>,
    count: usize,
    /// Behind which report those go on that another processor took and did not finish; `None`: all
    /// are here.
    pub left: Option<EntryId>,
}

impl Default for Backlog {
    fn default() -> Self {
        let (reports, pauses) = (HashMap::new(), HashMap::new());
        Self { reports, pauses, count: 0, left: Some(EntryId::default()) }
    }
}

impl Backlog {
    pub fn is_full(&self) -> bool {
        self.count >= MOST
    }

    pub fn add(&mut self, id: EntryId, report: Report) {
        self.count += 1;
        self.reports.entry(report.command).or_default().push_back((id, report));
    }

    /// Takes out what may be told now.
    pub fn due(&mut self) -> Vec<Reports> {
        let now = Instant::now();
        let pauses = &self.pauses;
        let is_due = |command: &Uuid| pauses.get(command).is_none_or(|(_, until)| *until <= now);
        let due: Vec<Reports> =
            self.reports.extract_if(|command, _| is_due(command)).map(|(_, it)| it).collect();
        self.count -= due.iter().map(VecDeque::len).sum::<usize>();
        due
    }

    /// Puts back what Directus did not take; what came of the same command meanwhile is behind it.
    pub fn put_back(&mut self, command: Uuid, rest: Reports) {
        self.count += rest.len();
        let later = self.reports.insert(command, rest).unwrap_or_default();
        self.reports.entry(command).or_default().extend(later);
    }

    /// Directus could not carry it out: later, and the later the more often.
    pub fn pause(&mut self, command: Uuid) {
        let (failures, until) = self.pauses.entry(command).or_insert((0, Instant::now()));
        let pause = Duration::from_secs(1 << (*failures).min(6)).min(LONGEST_PAUSE);
        *failures += 1;
        *until = Instant::now() + pause;
    }

    pub fn went_well(&mut self, command: Uuid) {
        self.pauses.remove(&command);
    }
}

#[cfg(test)]
mod tests {
    use biplane_bus::Outcome;
    use biplane_core::Timestamp;

    use super::*;

    fn report(command: u128, attempt: u32) -> Report {
        Report {
            command: Uuid::from_u128(command),
            attempt,
            outcome: Outcome::Sent,
            at: Timestamp::from_millis(0),
            instance: "gateway-1".into(),
            text: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_that_can_not_be_carried_out_holds_up_its_own_command_only() {
        let mut backlog = Backlog::default();
        let id = |text: &str| text.parse().expect("an id");
        backlog.add(id("1-0"), report(1, 1));
        backlog.add(id("2-0"), report(2, 1));
        let one = Uuid::from_u128(1);
        let mut due = backlog.due();
        assert_eq!((due.len(), backlog.count), (2, 0));
        due.retain(|reports| reports[0].1.command == one);
        backlog.pause(one);
        backlog.add(id("3-0"), report(1, 2));
        backlog.put_back(one, due.remove(0));
        backlog.add(id("4-0"), report(2, 2));
        let due = backlog.due();
        assert_eq!(due.len(), 1, "the other one");
        assert_eq!(due[0][0].1.command, Uuid::from_u128(2));
        tokio::time::advance(Duration::from_secs(1)).await;
        let due = backlog.due();
        let attempts: Vec<_> = due[0].iter().map(|(_, report)| report.attempt).collect();
        assert_eq!((attempts, backlog.count), (vec![1, 2], 0), "in order");
        for _ in 0..10 {
            backlog.pause(one);
        }
        backlog.put_back(one, due.into_iter().next().expect("one"));
        tokio::time::advance(LONGEST_PAUSE).await;
        assert_eq!(backlog.due().len(), 1);
    }
}
