//! What an order would change, before it is given: the same judgement of the same history, of which
//! nothing is written.

use std::time::Instant;

use biplane_core::Frame;
use biplane_core::recompute::{Recompute, changes};
use biplane_core::review::{Tally, differences};
use biplane_core::timing::Setup;
use biplane_store::{HistoryError, Preview};
use serde_json::{Value, json};

use super::away::chain;
use super::recompute::{Owned, PAGE, Recomputer};

/// Fixes that are looked at for one preview: some seconds' work, for which orders wait.
const MAX_FIXES: usize = 200_000;
/// Crossings of the way that is looked at.
const MAX_CROSSINGS: usize = 2_000;
/// Crossings that are told one by one, those that change first.
const MAX_TOLD: usize = 500;
/// Previews that are answered before orders are looked for again.
const AT_ONCE: usize = 4;

impl Recomputer {
    /// Answers what is asked about devices whose partitions this process owns.
    pub(super) async fn preview(&mut self, owned: &Owned) -> Result<(), HistoryError> {
        let asked = self.history.previews().await?;
        let mine = asked.into_iter().filter(|preview| {
            preview
                .imei
                .is_some_and(|imei| owned.contains_key(&Frame::partition(imei, self.partitions)))
        });
        for preview in mine.take(AT_ONCE).collect::<Vec<_>>() {
            // Judged by no other flags than those that were there when it was asked.
            self.setup.refresh().await;
            let Some(setup) = self.setup.current().await else { return Ok(()) };
            let started = Instant::now();
            let outcome = match self.suppose(&preview, &setup).await {
                Ok(outcome) => outcome,
                Err(error @ HistoryError::Connect(_)) => return Err(error),
                // Who asked need not wait for what will not come.
                Err(error) => {
                    tracing::warn!(device = %preview.device, error = chain(&error), "no preview");
                    json!({ "failed": true })
                }
            };
            self.history.answer(preview.id, &outcome).await?;
            tracing::info!(
                device = %preview.device, from = %preview.flag.from, until = %preview.flag.until,
                seconds = started.elapsed().as_secs_f64(), "a change of flags was previewed"
            );
        }
        Ok(())
    }

    async fn suppose(&mut self, preview: &Preview, setup: &Setup) -> Result<Value, HistoryError> {
        let Preview { device, flag, organization, .. } = *preview;
        let limits = setup.limits(device, &self.limits).plausibility;
        let refused = limits.believe_after.saturating_sub(1);
        let beginning = self.history.beginning(device, flag.from, refused).await?;
        let flags = preview.flags(setup.flags.get(&device).map_or(&[], Vec::as_slice));
        let mut since = beginning.last.map(|(_, fix)| fix.moment.time);
        let mut run =
            Recompute::new(device, beginning.last, beginning.refused, flag.until, &limits)
                .supposing(flags);
        let mut at = flag.from + -1;
        let (mut looked_at, mut marks) = (0, Marks::default());
        while !run.is_settled() {
            let fixes = self.history.fixes(device, at, PAGE).await?;
            for fix in &fixes {
                run.take(fix, setup, &limits);
                for mark in run.marks() {
                    *marks.of(fix.fault.is_some(), mark.fault.is_some()) += 1;
                }
                since = since.or(Some(fix.time));
                at = fix.time;
                looked_at += 1;
                if run.is_settled() {
                    break;
                }
            }
            if looked_at > MAX_FIXES || run.crossings() > MAX_CROSSINGS {
                return Ok(json!({ "too_much": { "positions": looked_at, "until": at } }));
            }
            if fixes.len() < PAGE as usize {
                break;
            }
        }
        let stored = match since {
            Some(since) => self.history.crossings(device, since, at).await?,
            None => Vec::new(),
        };
        let changes = changes(&stored, run.into_crossings());
        let mut told = differences(&stored, &changes, organization);
        let tally = Tally::of(&told);
        let left_off = told.len().saturating_sub(MAX_TOLD);
        if left_off > 0 {
            told.sort_by_key(|it| it.becomes);
            told.truncate(MAX_TOLD);
        }
        Ok(json!({
            "positions": looked_at,
            "until": (looked_at > 0).then_some(at),
            "marks": { "faulty": marks.faulty, "valid": marks.valid, "reason": marks.reason },
            "crossings": { "counts": tally, "list": told, "left_off": left_off },
        }))
    }
}

/// How many marks would change.
#[derive(Default)]
struct Marks {
    faulty: u64,
    valid: u64,
    /// Marked as before, for another reason.
    reason: u64,
}

impl Marks {
    fn of(&mut self, was_faulty: bool, is_faulty: bool) -> &mut u64 {
        match (was_faulty, is_faulty) {
            (true, true) => &mut self.reason,
            (_, true) => &mut self.faulty,
            (_, false) => &mut self.valid,
        }
    }
}
