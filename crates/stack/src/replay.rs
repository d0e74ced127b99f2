//! Simulated trackers: recorded tracks sent as real devices send them, one socket each, every
//! frame acknowledged before the next, and sent again where the acknowledgement doesn't come.

use std::iter::Peekable;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use biplane_core::{Fix, Imei, Timestamp};
use biplane_protocols::teltonika::{EncodeError, Tracker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::demo::Track;

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
    /// Frames that were sent again.
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
    let mut trackers: Vec<_> =
        trackers.into_iter().map(|(imei, fixes)| (imei, fixes.peekable())).collect();
    let firsts = trackers.iter_mut().filter_map(|(_, fixes)| Some(fixes.peek()?.time));
    let Some(first) = firsts.min() else { return Ok(()) };
    let clock = Clock { started: Instant::now(), first, pace };
    let mut flying = JoinSet::new();
    for (imei, fixes) in trackers {
        flying.spawn(fly_one(gateway, imei, fixes, clock.clone(), Arc::clone(counters)));
    }
    while let Some(ended) = flying.join_next().await {
        ended??;
    }
    Ok(())
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
            if matches!(error, ExchangeError::Refused) {
                return Err(ReplayError::Refused(imei));
            }
            counters.resent.fetch_add(1, Ordering::Relaxed);
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
    socket: &mut Option<TcpStream>,
    frame: &[u8],
    records: usize,
) -> Result<(), ExchangeError> {
    let mut connected = match socket.take() {
        Some(socket) => socket,
        None => log_in(gateway, imei).await?,
    };
    send(&mut connected, frame, records).await?;
    *socket = Some(connected);
    Ok(())
}

enum ExchangeError {
    Refused,
    /// To be tried again.
    Broken,
}

impl From<std::io::Error> for ExchangeError {
    fn from(_: std::io::Error) -> Self {
        Self::Broken
    }
}

async fn log_in(gateway: SocketAddr, imei: Imei) -> Result<TcpStream, ExchangeError> {
    let mut socket = TcpStream::connect(gateway).await?;
    socket.set_nodelay(true)?;
    socket.write_all(&Tracker::new(imei).login()).await?;
    let mut answer = [0];
    timeout(ANSWER, socket.read_exact(&mut answer)).await.map_err(std::io::Error::from)??;
    if answer == [1] { Ok(socket) } else { Err(ExchangeError::Refused) }
}

async fn send(socket: &mut TcpStream, frame: &[u8], records: usize) -> std::io::Result<()> {
    socket.write_all(frame).await?;
    let mut answer = [0; 4];
    timeout(ANSWER, socket.read_exact(&mut answer)).await.map_err(std::io::Error::from)??;
    let acknowledged = u32::from_be_bytes(answer);
    if usize::try_from(acknowledged) == Ok(records) {
        return Ok(());
    }
    let why = format!("{acknowledged} of {records} records acknowledged");
    Err(std::io::Error::other(why))
}
