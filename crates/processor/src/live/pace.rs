//! How often a client is sent updates: as often as it reads them.

use std::time::Duration;

/// The longest pause that a slow client gets.
const LONGEST: Duration = Duration::from_secs(5);
/// So many updates in a row that were taken at once make it faster again.
const QUICK: u32 = 20;

/// The pause between updates of one client.
#[derive(Debug)]
pub struct Pace {
    usual: Duration,
    interval: Duration,
    quick: u32,
}

impl Pace {
    /// Of a client that reads as fast as it may.
    pub fn new(usual: Duration) -> Self {
        Self { usual, interval: usual, quick: 0 }
    }

    /// Between two updates.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// An update was taken within so long; if the pace changes, its interval in milliseconds.
    pub fn sent(&mut self, within: Duration) -> Option<u32> {
        let before = self.interval;
        if within > self.interval {
            self.quick = 0;
            self.interval = (self.interval * 2).min(LONGEST);
        } else if within < self.interval / 4 {
            self.quick += 1;
            if self.quick >= QUICK {
                self.quick = 0;
                self.interval = (self.interval / 2).max(self.usual);
            }
        } else {
            self.quick = 0;
        }
        (self.interval != before).then_some(self.interval.as_millis() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_millis(150);

    #[test]
    fn who_reads_slowly_is_sent_less_and_who_catches_up_as_much_as_before() {
        let mut pace = Pace::new(USUAL);
        let told: Vec<_> = (0..9).filter_map(|_| pace.sent(Duration::from_secs(6))).collect();
        assert_eq!(told, [300, 600, 1200, 2400, 4800, 5000]);
        let told: Vec<_> = (0..200).filter_map(|_| pace.sent(Duration::ZERO)).collect();
        assert_eq!(told, [2500, 1250, 625, 312, 156, 150]);
        assert_eq!(pace.interval(), USUAL);
    }

    #[test]
    fn one_hiccup_in_a_while_does_not_make_a_client_faster() {
        let mut pace = Pace::new(USUAL);
        pace.sent(Duration::from_secs(1));
        for _ in 0..QUICK * 3 {
            assert_eq!(pace.sent(Duration::from_millis(100)), None);
        }
    }
}
