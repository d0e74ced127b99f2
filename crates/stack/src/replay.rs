//! Simulated trackers: recorded tracks sent as real devices send them, one socket each, every
//! frame acknowledged before the next, and sent again where the acknowledgement doesn't come.

use std::iter::Peekable;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use biplane_core::geodesy::{Point, course_deg, distance_m};
use biplane_core::{Fix, Imei, Timestamp};
use biplane_protocols::teltonika::{EncodeError, Tracker};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::demo::Track;
use crate::simulator::Simulator;

/// Records in one frame at most, as trackers are usually set.
const FRAME: usize = 25;
/// How long a tracker waits for an answer before it connects anew.
const ANSWER: Duration = Duration::from_secs(30);
const RECONNECT: Duration = Duration::from_millis(500);

/// How fast recorded time passes.
#[derive(Clone, Debug)]
pub enum Pace {
    /// So many recorded seconds a second.
    Times(f64),
    /// As fast as frames are acknowledged.
    Unlimited,
    /// As fast as records are allowed by whoever adds permits, one for each.
    Allowed(Arc<Semaphore>),
}

/// What the trackers have done so far.
#[derive(Debug, Default)]
pub struct Counters {
    /// Records that the gateway acknowledged.
    pub acknowledged: AtomicU64,
    /// Frames that were sent again, since no acknowledgement came.
    pub resent: AtomicU64,
    /// Trackers that are through.
    pub finished: AtomicU64,
}

/// A tracker that the gateway turned away.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The login was refused: the device is not known.
    #[error("the gateway refused the tracker with IMEI {0}")]
    Refused(Imei),
    /// A recorded fix that the wire format has no place for.
    #[error("the tracker with IMEI {imei} can't send its fix of {time}: {source}")]
    Unsendable {
        /// Whose.
        imei: Imei,
        /// The first of the frame.
        time: Timestamp,
        /// Why.
        source: EncodeError,
    },
    /// A tracker's task ended badly.
    #[error("a simulated tracker broke: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// Sends every track; returns once all records are acknowledged.
pub async fn fly(
    gateway: SocketAddr,
    tracks: &[Track],
    pace: Pace,
    counters: &Arc<Counters>,
) -> Result<(), ReplayError> {
    let trackers = tracks.iter().map(|track| (track.imei, track.fixes.clone().into_iter()));
    fly_each(gateway, trackers, pace, counters).await
}

/// Sends what each tracker has to tell, made as it is sent: so a flight can be longer than memory.
pub async fn fly_each<I>(
    gateway: SocketAddr,
    trackers: impl IntoIterator<Item = (Imei, I)>,
    pace: Pace,
    counters: &Arc<Counters>,
) -> Result<(), ReplayError>
where
    I: Iterator<Item = Fix> + Send + 'static,
{
    let mut flying = take_off(gateway, trackers, pace, counters);
    while let Some(ended) = flying.join_next().await {
        ended??;
    }
    Ok(())
}

/// As [`fly_each`]; a tracker that can't go on is told to `stays_behind`, and the others fly.
pub async fn fly_all<I>(
    gateway: SocketAddr,
    trackers: impl IntoIterator<Item = (Imei, I)>,
    pace: Pace,
    counters: &Arc<Counters>,
    mut stays_behind: impl FnMut(ReplayError),
) where
    I: Iterator<Item = Fix> + Send + 'static,
{
    let mut flying = take_off(gateway, trackers, pace, counters);
    while let Some(ended) = flying.join_next().await {
        if let Err(error) = ended.map_err(ReplayError::from).flatten() {
            stays_behind(error);
        }
    }
}

/// A task for each tracker that has something to tell.
fn take_off<I>(
    gateway: SocketAddr,
    trackers: impl IntoIterator<Item = (Imei, I)>,
    pace: Pace,
    counters: &Arc<Counters>,
) -> JoinSet<Result<(), ReplayError>>
where
    I: Iterator<Item = Fix> + Send + 'static,
{
    let mut flying = JoinSet::new();
    let mut trackers: Vec<_> =
        trackers.into_iter().map(|(imei, fixes)| (imei, fixes.peekable())).collect();
    let firsts = trackers.iter_mut().filter_map(|(_, fixes)| Some(fixes.peek()?.time));
    let Some(first) = firsts.min() else { return flying };
    let clock = Clock { started: Instant::now(), first, pace };
    for (imei, fixes) in trackers {
        flying.spawn(fly_one(gateway, imei, fixes, clock.clone(), Arc::clone(counters)));
    }
    flying
}

/// A recorded fix as a tracker sends it: what the recording lacks of speed and course comes from the
/// fix before, and there are satellites, without which no place would be believed.
pub fn as_sent(before: Option<&Fix>, mut fix: Fix) -> Fix {
    let motion = before.filter(|before| fix.time > before.time).map(|before| {
        let there = Point { lat: before.lat, lon: before.lon };
        let here = Point { lat: fix.lat, lon: fix.lon };
        let hours = (fix.time - before.time) as f64 / 3_600_000.0;
        (distance_m(there, here) / 1000.0 / hours, course_deg(there, here))
    });
    let (speed_kmh, course) = motion.unwrap_or_default();
    // Whole numbers, as the wire has them.
    fix.speed_kmh.get_or_insert(speed_kmh.round() as f32);
    fix.course_deg.get_or_insert(course.round() as f32);
    fix.satellites.get_or_insert(10);
    fix
}

#[derive(Clone)]
struct Clock {
    started: Instant,
    first: Timestamp,
    pace: Pace,
}

impl Clock {
    /// When a record of that time is due.
    fn due(&self, time: Timestamp) -> Instant {
        match self.pace {
            Pace::Unlimited | Pace::Allowed(_) => self.started,
            Pace::Times(speed) => {
                let millis = (time - self.first).max(0) as f64 / speed;
                self.started + Duration::from_secs_f64(millis / 1000.0)
            }
        }
    }

    /// Returns when so many records may be sent.
    async fn allows(&self, records: usize) {
        if let Pace::Allowed(permits) = &self.pace {
            // Nobody closes it; whoever did would let all through.
            if let Ok(permits) = permits.acquire_many(records as u32).await {
                permits.forget();
            }
        }
    }
}

async fn fly_one(
    gateway: SocketAddr,
    imei: Imei,
    mut fixes: Peekable<impl Iterator<Item = Fix>>,
    clock: Clock,
    counters: Arc<Counters>,
) -> Result<(), ReplayError> {
    let mut socket = None;
    while let Some(next) = fixes.next() {
        sleep_until(clock.due(next.time)).await;
        let now = Instant::now();
        let time = next.time;
        let mut records = vec![next];
        while records.len() < FRAME
            && let Some(fix) = fixes.next_if(|fix| clock.due(fix.time) <= now)
        {
            records.push(fix);
        }
        clock.allows(records.len()).await;
        let frame = Tracker::frame(&records).map_err(|source| ReplayError::Unsendable {
            imei,
            time,
            source,
        })?;
        while let Err(error) = exchange(gateway, imei, &mut socket, &frame, records.len()).await {
            match error {
                ExchangeError::Refused => return Err(ReplayError::Refused(imei)),
                ExchangeError::NotSent => {}
                ExchangeError::Unanswered => {
                    counters.resent.fetch_add(1, Ordering::Relaxed);
                }
            }
            tokio::time::sleep(RECONNECT).await;
        }
        counters.acknowledged.fetch_add(records.len() as u64, Ordering::Relaxed);
    }
    counters.finished.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Sends a frame over the socket, or over a new one; it is kept only if all went well.
async fn exchange(
    gateway: SocketAddr,
    imei: Imei,
    socket: &mut Option<Simulator>,
    frame: &[u8],
    records: usize,
) -> Result<(), ExchangeError> {
    let mut connected = match socket.take() {
        Some(socket) => socket,
        None => log_in(gateway, imei).await?,
    };
    let answered = send(&mut connected, frame, records).await;
    answered.map_err(|_| ExchangeError::Unanswered)?;
    *socket = Some(connected);
    Ok(())
}

/// All but the first are to be tried again.
enum ExchangeError {
    Refused,
    /// There is no connection.
    NotSent,
    /// The gateway may have it or not.
    Unanswered,
}

async fn log_in(gateway: SocketAddr, imei: Imei) -> Result<Simulator, ExchangeError> {
    match timeout(ANSWER, Simulator::connect(gateway, imei)).await {
        Ok(Ok(Some(tracker))) => Ok(tracker),
        Ok(Ok(None)) => Err(ExchangeError::Refused),
        Ok(Err(_)) | Err(_) => Err(ExchangeError::NotSent),
    }
}

/// What it is told meanwhile, it does.
async fn send(tracker: &mut Simulator, frame: &[u8], records: usize) -> std::io::Result<()> {
    tracker.send(frame).await?;
    let acknowledged = timeout(ANSWER, tracker.acknowledged()).await??;
    if usize::try_from(acknowledged) == Ok(records) {
        return Ok(());
    }
    let why = format!("{acknowledged} of {records} records acknowledged");
    Err(std::io::Error::other(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(seconds: i64, lat: f64) -> Fix {
        Fix {
            time: Timestamp::from_millis(seconds * 1000),
            lat,
            lon: 12.0,
            altitude_m: None,
            speed_kmh: None,
            course_deg: None,
            satellites: None,
            hdop: None,
            io: Vec::new(),
        }
    }

    #[test]
    fn speed_and_course_come_from_the_fix_before() {
        let first = as_sent(None, fix(0, 46.0));
        assert_eq!((first.speed_kmh, first.course_deg), (Some(0.0), Some(0.0)));
        // 0.001 degrees of latitude in 10 s: 111.2 m, 40 km/h, due south.
        let second = as_sent(Some(&first), fix(10, 45.999));
        assert_eq!((second.speed_kmh, second.course_deg), (Some(40.0), Some(180.0)));
        let at_once = as_sent(Some(&second), fix(10, 45.998));
        assert_eq!((at_once.speed_kmh, at_once.satellites), (Some(0.0), Some(10)));
    }

    #[test]
    fn what_a_recording_has_is_sent_as_it_is() {
        let recorded = Fix {
            speed_kmh: Some(31.5),
            course_deg: Some(7.0),
            satellites: Some(0),
            ..fix(10, 46.0)
        };
        assert_eq!(as_sent(Some(&fix(0, 45.0)), recorded.clone()), recorded);
    }
}
