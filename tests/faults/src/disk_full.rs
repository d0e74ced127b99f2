//! `disk-full`: the disk that Redis, PostgreSQL and Directus write to is full for a while, under
//! load. It is a small one in memory, in a mount namespace that ends with this process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use biplane_stack::{Altered, Description, Layout, Ports, Progress, SetupError, Stack, say};
use clap::Args;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::load::Load;
use crate::{Outcome, failed};

/// Before the disk is full, in seconds.
const BEFORE: u64 = 3;
/// How long what broke may take to come back, in seconds.
const RETURN: f64 = 60.0;
/// Enough for a fresh installation and what the trackers send.
const SIZE: &str = "size=2g,mode=755";
/// Users other than root can enter it.
const HOME: &str = "/var/lib/biplane";

/// Fill the disk under load, and leave it full for a while.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How long the disk is full, in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=600))]
    seconds: u32,
    /// How often.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    times: u32,
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    devices: u32,
}

impl Arguments {
    /// Starts a stack of its own on a disk of its own, fills it, counts, and stops it.
    pub async fn run(self, layout: &Layout, progress: &Progress) -> Result<Outcome, SetupError> {
        let disk = small_disk().map_err(|error| {
            failed(format!("no disk of its own can be mounted: {error}"))
                .advice("run this as root, which may mount; nothing was tried")
        })?;
        let (altered, ports) = (Altered::default(), Ports::free()?);
        let data = disk.join("data");
        let torment = async |stack: &mut Stack, description: &Description| {
            self.torment(&disk, stack, description, progress).await
        };
        let outcome =
            crate::on_a_stack_of(layout, data.clone(), ports, altered, progress, torment).await;
        if !outcome.as_ref().is_ok_and(|outcome| outcome.ok) {
            let kept = crate::data_folder(layout);
            copy_files(&data.join("logs"), &kept).map_err(failed)?;
            say(format_args!("the logs are kept in {}", kept.display()));
        }
        umount2(&disk, MntFlags::MNT_DETACH).map_err(failed)?;
        std::fs::remove_dir(&disk).map_err(failed)?;
        outcome
    }

    async fn torment(
        &self,
        disk: &Path,
        stack: &mut Stack,
        description: &Description,
        progress: &Progress,
    ) -> Result<Outcome, SetupError> {
        let once = BEFORE as f64 + f64::from(self.seconds) + RETURN;
        let load = Load::new(description, self.devices, once * f64::from(self.times)).await?;
        let step = progress.step("Disk full");
        let acknowledged = || load.counters.acknowledged.load(Ordering::Relaxed);
        let filling = async {
            let mut held = true;
            for turn in 1..=self.times {
                tokio::time::sleep(Duration::from_secs(BEFORE)).await;
                let ballast = fill(disk)?;
                // What Redis had room for when the disk became full is acknowledged.
                tokio::time::sleep(Duration::from_secs(2)).await;
                let from = acknowledged();
                step.note(format!("{turn} of {}: full, {from} acknowledged so far", self.times));
                tokio::time::sleep(Duration::from_secs(u64::from(self.seconds) - 2)).await;
                let during = acknowledged() - from;
                std::fs::remove_file(&ballast).map_err(failed)?;
                let ended = stack.revive().await?;
                step.note(format!(
                    "{turn} of {}: {during} acknowledged while it was full; started again: {}",
                    self.times,
                    ended.join(", ")
                ));
                held &= during == 0;
                let until = Instant::now() + Duration::from_secs_f64(RETURN);
                let from = acknowledged();
                while acknowledged() == from && Instant::now() < until {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    stack.revive().await?;
                }
                if acknowledged() == from {
                    return Err(failed("no tracker was acknowledged after the disk had room"));
                }
            }
            Ok(held)
        };
        let held = load.under(filling).await?;
        step.done(format!("{} times {} s", self.times, self.seconds));
        let times = BTreeMap::from([("disk", self.times)]);
        let mut outcome = load.count("disk-full", 0, times, description, progress).await?;
        // Who acknowledges while nothing can be written has written nothing.
        outcome.ok &= held;
        Ok(outcome)
    }
}

/// Seen by this thread, which starts all others, and what it starts.
fn small_disk() -> std::io::Result<PathBuf> {
    let folder = Path::new(HOME).join(format!("disk-{}", std::process::id()));
    unshare(CloneFlags::CLONE_NEWNS)?;
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    std::fs::create_dir_all(&folder)?;
    mount(Some("tmpfs"), &folder, Some("tmpfs"), MsFlags::empty(), Some(SIZE))?;
    Ok(folder)
}

/// What the disk holds goes with it.
fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Takes all the room there is.
fn fill(disk: &Path) -> Result<PathBuf, SetupError> {
    use std::io::Write;
    let ballast = disk.join("ballast");
    let mut file = std::fs::File::create(&ballast).map_err(failed)?;
    let block = vec![0; 1 << 20];
    for size in [block.len(), 4096] {
        while file.write_all(&block[..size]).is_ok() {}
    }
    Ok(ballast)
}
