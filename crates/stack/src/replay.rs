//! Simulated trackers: recorded tracks sent as real devices send them, one socket each, every
//! frame acknowledged before the next, and sent again where the acknowledgement doesn't come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use biplane_core::{Fix, Imei, Timestamp};
use biplane_protocols::teltonika::{EncodeError, Tracker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::demo::Track;

/// Records in one frame at most, as trackers are usually set.
const FRAME: usize = 25;
/// How long a tracker waits for an answer before it connects anew.
const ANSWER: Duration = Duration::from_secs(30);
const RECONNECT: Duration = Duration::from_millis(500);

/// How fast recorded time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many recorded seconds a second.
    Times(f64),
    /// As fast as frames are acknowledged.
    Unlimited,
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
    let Some(first) =
        tracks.iter().filter_map(|track| track.fixes.first()).map(|fix| fix.time).min()
    else {
        return Ok(());
    };
    let clock = Clock { started: Instant::now(), first, pace };
    let mut trackers = JoinSet::new();
    for track in tracks {
        let (fixes, counters) = (track.fixes.clone(), Arc::clone(counters));
        trackers.spawn(fly_one(gateway, track.imei, fixes, clock, counters));
    }
    while let Some(ended) = trackers.join_next().await {
        ended??;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Clock {
    started: Instant,
    first: Timestamp,
    pace: Pace,
}

impl Clock {
    /// When a record of that time is due.
    fn due(&self, time: Timestamp) -> Instant {
        match self.pace {
            Pace::Unlimited => self.started,
            Pace::Times(speed) => {
                let millis = (time - self.first).max(0) as f64 / speed;
                self.started + Duration::from_secs_f64(millis / 1000.0)
            }
        }
    }
}

async fn fly_one(
    gateway: SocketAddr,
    imei: Imei,
    fixes: Vec<Fix>,
    clock: Clock,
    counters: Arc<Counters>,
) -> Result<(), ReplayError> {
    let mut rest = &*fixes;
    let mut socket = None;
    while let Some(next) = rest.first() {
        sleep_until(clock.due(next.time)).await;
        let now = Instant::now();
        let due = rest.iter().take(FRAME).take_while(|fix| clock.due(fix.time) <= now).count();
        let (fixes, later) = rest.split_at(due.max(1));
        let frame = Tracker::frame(fixes).map_err(|source| ReplayError::Unsendable {
            imei,
            time: next.time,
            source,
        })?;
        let connected = match socket.take() {
            Some(socket) => Ok(socket),
            None => log_in(gateway, imei).await,
        };
        let sent = match connected {
            Ok(mut connected) => {
                send(&mut connected, &frame, fixes.len()).await.map(|()| connected)
            }
            Err(LoginError::Refused) => return Err(ReplayError::Refused(imei)),
            Err(LoginError::Io(error)) => Err(error),
        };
        match sent {
            Ok(connected) => {
                socket = Some(connected);
                rest = later;
                counters.acknowledged.fetch_add(fixes.len() as u64, Ordering::Relaxed);
            }
            Err(_) => {
                counters.resent.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(RECONNECT).await;
            }
        }
    }
    counters.finished.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

enum LoginError {
    Refused,
    Io(std::io::Error),
}

impl From<std::io::Error> for LoginError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

async fn log_in(gateway: SocketAddr, imei: Imei) -> Result<TcpStream, LoginError> {
    let mut socket = TcpStream::connect(gateway).await?;
    socket.set_nodelay(true)?;
    socket.write_all(&Tracker::new(imei).login()).await?;
    let mut answer = [0];
    timeout(ANSWER, socket.read_exact(&mut answer)).await.map_err(std::io::Error::from)??;
    if answer == [1] { Ok(socket) } else { Err(LoginError::Refused) }
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
