//! `biplane quarantine`: what devices sent that nobody knew.

use std::error::Error;
use std::process::ExitCode;

use biplane_bus::{Allowlist, EntryId, Quarantined, RedisLog};
use biplane_stack::{SetupError, say};
use clap::{Args, Subcommand};
use serde_json::json;

use super::log_place::{LogPlace, PAGE, failed};

/// What unknown devices sent to a gateway that keeps it: see it, hand it on, drop it.
///
/// A gateway with BIPLANE_GATEWAY_UNKNOWN_DEVICES=quarantine keeps about the latest 10,000 frames
/// of devices that are not registered. Register the device first; then release what it sent.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    place: LogPlace,
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
enum Action {
    /// Show it, the oldest first.
    List,
    /// Hand on what is of devices that are registered by now: it is processed as any other.
    Release,
    /// Drop it for good.
    Drop,
}

impl Arguments {
    /// Runs the command.
    pub async fn run(self) -> Result<ExitCode, SetupError> {
        let failed = |error: &dyn Error| failed("Quarantine", error);
        let log = self.place.connect().await.map_err(|error| failed(&error))?;
        let (count, left) = self.all(&log).await.map_err(|error| failed(&*error))?;
        let done = match self.action {
            Action::List => "found",
            Action::Release => "released",
            Action::Drop => "dropped",
        };
        say(format_args!("{count} frames {done}"));
        if left > 0 {
            say(format_args!("{left} stay: their devices are not registered and active yet"));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// How many were dealt with, and how many could not be released.
    async fn all(&self, log: &RedisLog) -> Result<(u64, u64), Box<dyn Error>> {
        let allowlist = Allowlist::new(log);
        let (mut count, mut left) = (0, 0);
        let mut after = EntryId::default();
        loop {
            let frames = log.quarantined(after, PAGE).await?;
            let Some(last) = frames.last() else { return Ok((count, left)) };
            after = last.id;
            for entry in frames.iter().filter(|entry| self.is_meant(entry)) {
                let done = match (self.action, &entry.frame) {
                    (Action::List, _) => true,
                    (Action::Drop, _) => log.drop_quarantined(entry.id).await?,
                    (Action::Release, Ok(frame)) if allowlist.find(frame.imei).await?.is_some() => {
                        log.release_quarantined(entry.id, frame).await?
                    }
                    (Action::Release, _) => {
                        left += 1;
                        false
                    }
                };
                if done {
                    count += 1;
                    println!("{}", self.told(entry));
                }
            }
        }
    }

    fn is_meant(&self, entry: &Quarantined) -> bool {
        self.place
            .imei
            .is_none_or(|imei| entry.frame.as_ref().is_ok_and(|frame| frame.imei == imei))
    }

    fn told(&self, Quarantined { id, frame }: &Quarantined) -> String {
        let frame = frame.as_ref();
        if self.place.json {
            let frame = frame.ok();
            return json!({
                "id": id.to_string(),
                "imei": frame.map(|frame| frame.imei.to_string()),
                "protocol": frame.map(|frame| &frame.protocol),
                "gateway": frame.map(|frame| &frame.gateway),
                "received_at": frame.map(|frame| frame.received_at.to_string()),
                "positions": frame.map(|frame| frame.fixes.len()),
            })
            .to_string();
        }
        match frame {
            Ok(frame) => format!(
                "{id}  {}, {}, {} positions, received {} by {}",
                frame.imei,
                frame.protocol,
                frame.fixes.len(),
                frame.received_at,
                frame.gateway
            ),
            Err(poison) => format!("{id}  no frame: {poison}"),
        }
    }
}
