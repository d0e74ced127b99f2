//! What those who ask notice when other fences take the place of these.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use biplane_core::geodesy::Point;
use biplane_core::geofence::FenceIndex;
use biplane_core::retired::Retired;
use biplane_stack::{Progress, SetupError};
use tokio::sync::watch;

use super::scene::Scene;
use super::{failed, sides};
use crate::report::{Figure, Rounds};

/// Places that are asked about with one set of fences, as the processor takes a batch.
const BATCH: usize = 1_000;
const SWAPS: usize = 41;
/// Long enough that whoever still has the old fences has let go of them.
const SETTLED: Duration = Duration::from_millis(30);

/// Milliseconds: the longest time between two answers while fences are made and replaced, and while
/// they are only made.
pub async fn longest_gap(
    scene: &Scene,
    places: &[(f64, f64)],
    progress: &Progress,
) -> Result<Figure, SetupError> {
    let step = progress.step("Swap");
    let (publish, current) = watch::channel(Arc::new(sides::index(scene)?));
    let places = places.iter().map(|&(lon, lat)| Point { lat, lon }).collect();
    let reader = Arc::new(Reader::default());
    let asking = std::thread::spawn({
        let reader = Arc::clone(&reader);
        move || reader.ask(&current, places)
    });
    // As the processor frees them.
    let mut replaced = Retired::default();
    let (mut swapped, mut only_made) = (Rounds::new(), Rounds::new());
    for round in 0..2 * SWAPS {
        reader.longest_ns.store(0, Relaxed);
        let fences = Arc::new(sides::index(scene)?);
        if round % 2 == 0 {
            replaced.keep(publish.send_replace(fences));
        } else {
            drop(fences);
        }
        tokio::time::sleep(SETTLED).await;
        drop(replaced.unread());
        let gap = reader.longest_ns.load(Relaxed) as f64 / 1e6;
        if round % 2 == 0 { swapped.push(gap) } else { only_made.push(gap) }
    }
    reader.is_done.store(true, Relaxed);
    let hits = asking.join().map_err(|_| failed("the thread that asks ended"))?;
    if hits == 0 {
        return Err(failed("no place lies in a fence"));
    }
    let figure = Figure::less_is_better("swap_ms", "ms", &swapped, [("no_swap", &only_made)])
        .detail("worst", swapped.most())
        .detail("worst_no_swap", only_made.most());
    step.done(figure.told());
    Ok(figure)
}

#[derive(Default)]
struct Reader {
    longest_ns: AtomicU64,
    is_done: AtomicBool,
}

impl Reader {
    /// Asks without a pause; all that it found.
    fn ask(&self, current: &watch::Receiver<Arc<FenceIndex>>, places: Vec<Point>) -> usize {
        let (mut hits, mut last) = (0, Instant::now());
        let batches = places.chunks(BATCH).cycle();
        for batch in batches.take_while(|_| !self.is_done.load(Relaxed)) {
            let fences = Arc::clone(&current.borrow());
            for &place in batch {
                hits += fences.containing(place).count();
                let now = Instant::now();
                self.longest_ns.fetch_max((now - last).as_nanos() as u64, Relaxed);
                last = now;
            }
        }
        hits
    }
}
