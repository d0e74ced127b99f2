//! `biplane dead-letters`: what the processor could not make sense of.

use std::process::ExitCode;

use biplane_bus::{DeadLetter, EntryId, Log, LogError, RedisLog};
use biplane_stack::{SetupError, say};
use clap::{Args, Subcommand};
use serde_json::json;

use super::log_place::{LogPlace, PAGE, failed};

/// Entries of the telemetry log that could not be processed: see them, put them back, drop them.
///
/// The processor buries what is no frame, and frames of IMEIs that no active device has. Once the
/// device is there, its frames can be put back: positions that are stored already stay as they are.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    place: LogPlace,
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
enum Action {
    /// Show them, the oldest of each partition first.
    List,
    /// Put them back into the log, where they are processed again.
    Replay,
    /// Drop them for good.
    Drop,
}

impl Arguments {
    /// Runs the command.
    pub async fn run(self) -> Result<ExitCode, SetupError> {
        let failed = |error: &dyn std::error::Error| failed("Dead letters", error);
        let log = self.place.connect().await.map_err(|error| failed(&error))?;
        let count = self.all(&log).await.map_err(|error| failed(&error))?;
        let done = match self.action {
            Action::List => "found",
            Action::Replay => "put back",
            Action::Drop => "dropped",
        };
        say(format_args!("{count} dead letters {done}"));
        Ok(ExitCode::SUCCESS)
    }

    async fn all(&self, log: &RedisLog) -> Result<u64, LogError> {
        let mut count = 0;
        for partition in 0..log.partitions() {
            let mut after = EntryId::default();
            loop {
                let letters = log.dead_letters(partition, after, PAGE).await?;
                let Some(last) = letters.last() else { break };
                after = last.id;
                for letter in letters.iter().filter(|letter| self.is_meant(letter)) {
                    let done = match self.action {
                        Action::List => true,
                        Action::Replay => log.revive(partition, letter.id).await?,
                        Action::Drop => log.drop_dead(partition, letter.id).await?,
                    };
                    if done {
                        count += 1;
                        println!("{}", self.told(letter));
                    }
                }
            }
        }
        Ok(count)
    }

    fn is_meant(&self, letter: &DeadLetter) -> bool {
        self.place
            .imei
            .is_none_or(|imei| letter.frame.as_ref().is_ok_and(|frame| frame.imei == imei))
    }

    fn told(&self, letter: &DeadLetter) -> String {
        let DeadLetter { partition, id, reason, frame } = letter;
        let frame = frame.as_ref().ok();
        if self.place.json {
            return json!({
                "partition": partition, "id": id.to_string(), "reason": reason,
                "imei": frame.map(|frame| frame.imei.to_string()),
                "protocol": frame.map(|frame| &frame.protocol),
                "received_at": frame.map(|frame| frame.received_at.to_string()),
                "positions": frame.map(|frame| frame.fixes.len()),
            })
            .to_string();
        }
        let what = frame.map_or_else(
            || "no frame".to_owned(),
            |frame| {
                let (imei, count) = (frame.imei, frame.fixes.len());
                format!("{imei}, {count} positions, received {}", frame.received_at)
            },
        );
        format!("{partition:>3}  {id}  {what}: {reason}")
    }
}
