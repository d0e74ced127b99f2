//! From entries of the log to rows.
//!
//! ```text
//! own (leases) ── read, one task a partition ──► decide (pure) ──► write ──► commit
//!                                                   ▲ setup  └► publish positions, crossings
//! ```
//! Beside it, `recompute` judges and times again what is stored, where somebody ordered it, and
//! `preview` tells who asks what an order would change.
//! Each goes on while the next one is at the batch before. Nothing is committed to the log
//! before it is written; what is read twice is written once.

mod alerts;
mod away;
mod decide;
mod own;
mod pipeline;
mod preview;
mod publish;
mod recompute;
mod setup;
mod write;

pub(crate) use alerts::write_alerts;
pub(crate) use away::{Away, chain};
pub(crate) use own::own;
pub(crate) use pipeline::Pipeline;
pub(crate) use publish::Publisher;
pub(crate) use recompute::{Owned, Recomputer, Rest};
pub(crate) use setup::{SetupFeed, now, watch_setup};
pub(crate) use write::{commit, write};

use biplane_bus::{Entry, Lease};

/// What was read from a partition in one go, in order.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub lease: Lease,
    pub entries: Vec<Entry>,
}
