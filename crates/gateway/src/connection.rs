mod delivery;

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use biplane_bus::{Alerts, Holder, SecondAddress};
use biplane_core::{Fix, Frame, Imei, Timestamp};
use biplane_protocols::{Event, Session};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::admission::{Admission, Admitted, Secret};
use crate::appender::{Appender, NotStored};
use crate::clock;
use crate::held::Held;
use crate::mailbox::{Job, Jobs, TakenOver};
use crate::meters::Meters;
use crate::wire::OverWire;
use delivery::{InFlight, due};

/// What all connections share.
pub(crate) struct Shared {
    pub instance: String,
    pub login_timeout: Duration,
    pub frame_timeout: Duration,
    pub idle_timeout: Duration,
    pub answer_timeout: Duration,
    pub held: Arc<Held>,
    pub admission: Admission,
    pub alerts: Alerts,
    pub meters: Arc<Meters>,
    pub next_trace: AtomicU64,
}

impl Shared {
    /// A frame that is whole just now, counted.
    pub(crate) fn frame(&self, imei: Imei, protocol: &str, fixes: Vec<Fix>) -> Frame {
        self.meters.frames.increment(1);
        self.meters.fixes.increment(fixes.len() as u64);
        Frame {
            imei,
            received_at: clock::now(),
            gateway: self.instance.clone(),
            protocol: protocol.into(),
            trace_id: self.next_trace.fetch_add(1, Ordering::Relaxed),
            fixes,
        }
    }

    /// Counts a device that is let in.
    pub(crate) fn admit(&self, remote: SocketAddr, imei: Imei, admitted: Admitted) {
        if admitted == Admitted::Quarantine {
            self.meters.login("quarantined");
            tracing::info!(%remote, %imei, "unknown device: what it sends goes to quarantine");
        } else {
            self.meters.login("accepted");
        }
    }
}

/// What a device's first words say of its secret.
pub(crate) fn secret_of(session: &dyn Session) -> Secret<'_> {
    if session.takes_token() { Secret::Where(session.token()) } else { Secret::None }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the device closed it")]
    Closed,
    #[error("the device is unknown")]
    Unknown,
    #[error("whether the device is known can't be told just now")]
    Undecided,
    #[error("no login in time")]
    NoLogin,
    #[error("nothing was said for too long")]
    Idle,
    #[error("a message was not complete in time")]
    Slow,
    #[error("what was said can't be read")]
    Malformed,
    #[error("another connection has the device now")]
    TakenOver,
    #[error("an order's bytes were on their way when its time was over")]
    Torn,
    #[error("the device did not answer an order")]
    Unanswered,
    #[error("the gateway stops")]
    Stopping,
    #[error(transparent)]
    NotStored(#[from] NotStored),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A device that does not take its answer is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

const CHUNK: usize = 8 * 1024;

/// How long the last words of a connection may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// One device's connection, from its first byte to its end.
pub(crate) struct Connection<S> {
    socket: S,
    remote: SocketAddr,
    session: Box<dyn Session>,
    shared: Arc<Shared>,
    appender: Appender,
    stopping: watch::Receiver<bool>,
    device: Option<Device>,
    deadline: Instant,
    /// Whether bytes came since the last whole message.
    started: bool,
    in_flight: Option<Box<InFlight>>,
    /// Whether a part of an order was written, and the rest must not follow.
    torn: bool,
}

struct Device {
    imei: Imei,
    /// To where it was let in.
    admitted: Admitted,
    holder: Holder,
    jobs: Jobs,
}

impl<S: OverWire> Connection<S> {
    /// Of a device that has until `deadline` to log in.
    pub(crate) fn new(
        socket: S,
        remote: SocketAddr,
        deadline: Instant,
        session: Box<dyn Session>,
        shared: Arc<Shared>,
        appender: Appender,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            socket,
            remote,
            session,
            shared,
            appender,
            stopping,
            device: None,
            deadline,
            started: false,
            in_flight: None,
            torn: false,
        }
    }

    pub(crate) async fn run(mut self) {
        self.shared.meters.sockets.increment(1.0);
        let end = match self.converse().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let imei = self.device.as_ref().map(|device| tracing::field::display(device.imei));
        tracing::debug!(remote = %self.remote, imei, %end, "connection ended");
        if !self.must_forget() {
            let _ = timeout(FAREWELL, self.socket.shutdown()).await;
        } else if let Err(error) = self.socket.wire().forget_on_close() {
            tracing::warn!(error = &error as &dyn std::error::Error, "can't be reset");
        }
        let Self { socket, shared, device, in_flight, .. } = self;
        // Closed before anybody is told, and however long Redis takes.
        drop(socket);
        drop(in_flight);
        release(&shared, device).await;
        shared.meters.sockets.decrement(1.0);
    }

    async fn converse(&mut self) -> Result<std::convert::Infallible, End> {
        loop {
            let chunk = self.read().await?;
            let mut rest = &chunk[..];
            let mut whole = false;
            while !rest.is_empty() {
                let taken = self.session.receive(rest);
                rest = &rest[taken..];
                let mut events = 0;
                while let Some(event) = self.session.next_event() {
                    self.answer(event).await?;
                    events += 1;
                }
                if taken == 0 && events == 0 {
                    return Err(End::Malformed);
                }
                whole |= events > 0;
            }
            if whole {
                self.started = false;
            } else if !self.started {
                // From the first bytes on: what trickles in does not move it.
                self.started = true;
                self.deadline = self.deadline.min(Instant::now() + self.shared.frame_timeout);
            }
        }
    }

    /// What the socket has, once it has something.
    async fn read(&mut self) -> Result<Vec<u8>, End> {
        loop {
            if *self.stopping.borrow_and_update() {
                return Err(End::Stopping);
            }
            tokio::select! {
                read = timeout_at(self.deadline, next(&mut self.socket)) => match read {
                    Ok(Ok(chunk)) if chunk.is_empty() => return Err(End::Closed),
                    Ok(chunk) => return Ok(chunk?),
                    Err(_) if self.device.is_none() => return Err(End::NoLogin),
                    Err(_) if self.started => return Err(End::Slow),
                    Err(_) => return Err(End::Idle),
                },
                _ = self.stopping.changed() => continue,
                job = next_job(&mut self.device, self.in_flight.is_none()) => match job {
                    Ok(job) => Box::pin(self.carry_out(job)).await?,
                    Err(TakenOver) => return Err(End::TakenOver),
                },
                () = due(&self.in_flight) => self.look()?,
            }
        }
    }

    async fn answer(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Login { imei } => self.login(imei).await?,
            Event::Records { fixes } => self.store(fixes).await?,
            Event::Response { text, refused } => self.answered(text, refused),
            Event::Ping => {}
            Event::Malformed { error, reply, close } => {
                self.shared.meters.error(error.code);
                let imei = self.device.as_ref().map(|device| tracing::field::display(device.imei));
                tracing::info!(remote = %self.remote, imei, %error, close, "malformed");
                self.write(&reply).await?;
                if close {
                    return Err(End::Malformed);
                }
            }
        }
        if self.device.is_some() {
            // By message, not by byte: one that trickles in does not keep a socket.
            self.deadline = Instant::now() + self.shared.idle_timeout;
        }
        Ok(())
    }

    async fn login(&mut self, imei: Imei) -> Result<(), End> {
        let admitted = match timeout_at(self.deadline, self.admitted(imei)).await {
            Ok(admitted) => admitted?,
            // Closed without an answer: a refusal could make the device give up.
            Err(_) => return Err(End::Undecided),
        };
        let answer = self.session.decide(admitted != Admitted::Refused);
        if admitted == Admitted::Refused {
            self.shared.meters.login("unknown");
            tracing::info!(remote = %self.remote, %imei, "unknown device refused");
            self.write(&answer).await?;
            return Err(End::Unknown);
        }
        let holder = Holder {
            instance: self.shared.instance.clone(),
            remote: self.remote.to_string(),
            since: clock::now(),
        };
        // Of the device that it logged in as before, if any.
        release(&self.shared, self.device.take()).await;
        let jobs = self.shared.held.take(imei, holder.clone());
        match self.shared.held.claim(imei, &holder).await {
            Ok(before) => self.note_takeover(imei, before, &holder).await,
            // Only routing of commands needs it, and the next renewal makes up for it.
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error, %imei, "not in the registry yet"
            ),
        }
        self.device = Some(Device { imei, admitted, holder, jobs });
        self.shared.admit(self.remote, imei, admitted);
        tracing::debug!(remote = %self.remote, %imei, "device logged in");
        self.write(&answer).await
    }

    /// Asks until there is an answer; the caller bounds the time.
    async fn admitted(&mut self, imei: Imei) -> Result<Admitted, End> {
        loop {
            let secret = secret_of(&*self.session);
            match self.shared.admission.admits(imei, secret).await {
                Ok(admitted) => return Ok(admitted),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, %imei),
            }
            tokio::select! {
                () = sleep(Duration::from_millis(500)) => {}
                _ = self.stopping.wait_for(|&stopping| stopping) => return Err(End::Stopping),
            }
        }
    }

    async fn note_takeover(&mut self, imei: Imei, before: Option<Holder>, now: &Holder) {
        let Some(before) = before else { return };
        let held_by: Option<SocketAddr> = before.remote.parse().ok();
        let address = self.remote.ip().to_canonical();
        if held_by.map(|remote| remote.ip().to_canonical()) == Some(address) {
            return;
        }
        self.shared.meters.takeovers.increment(1);
        tracing::warn!(
            %imei,
            remote = %self.remote,
            before = before.remote,
            instance = before.instance,
            "the device connects from another address than before"
        );
        let alert = SecondAddress {
            imei,
            address,
            before: before.remote,
            instance: now.instance.clone(),
            at: now.since,
        };
        if let Err(error) = self.shared.alerts.raise(&alert).await {
            // The log has it; a device's records are worth more than an alert about them.
            tracing::warn!(error = &error as &dyn std::error::Error, %imei, "no alert raised");
        }
    }

    async fn store(&mut self, fixes: Vec<Fix>) -> Result<(), End> {
        let Some(device) = &mut self.device else { return Err(End::Malformed) };
        let (imei, records) = (device.imei, fixes.len());
        if device.admitted == Admitted::Quarantine {
            // It may have been registered since; while that can't be told it stays where it is.
            let secret = secret_of(&*self.session);
            match self.shared.admission.admits(imei, secret).await {
                Ok(Admitted::Refused) => return Err(End::Unknown),
                Ok(admitted) => device.admitted = admitted,
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, %imei),
            }
        }
        let admitted = device.admitted;
        let frame = self.shared.frame(imei, self.session.protocol(), fixes);
        let (meters, trace_id) = (self.shared.meters.clone(), frame.trace_id);
        if records > 0 {
            let appender = self.appender.clone();
            let mut append = std::pin::pin!(appender.append(frame, admitted));
            loop {
                tokio::select! {
                    appended = append.as_mut() => break appended?,
                    // However long Redis takes, what is on its way to the device has its time.
                    () = due(&self.in_flight) => self.look()?,
                }
            }
        }
        // Only now: the records are durable.
        let acknowledgement = self.session.acknowledge(records);
        self.write(&acknowledgement).await?;
        meters.acks.increment(1);
        tracing::debug!(trace_id, %imei, records, "stored and acknowledged");
        Ok(())
    }
}

/// What a socket has, once it has something; nothing when it is closed. Only what came is kept, and
/// nothing while waiting: most connections are silent most of the time.
async fn next<S: AsyncRead + Unpin>(socket: &mut S) -> std::io::Result<Vec<u8>> {
    let poll = |context: &mut Context<'_>| {
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let mut read = ReadBuf::uninit(&mut chunk);
        ready!(Pin::new(&mut *socket).poll_read(context, &mut read))?;
        Poll::Ready(Ok(read.filled().to_vec()))
    };
    std::future::poll_fn(poll).await
}

/// The device's next order, if one is wanted, or the news that another connection has the device.
async fn next_job(device: &mut Option<Device>, wanted: bool) -> Result<Box<Job>, TakenOver> {
    match device {
        Some(device) => device.jobs.next(wanted).await,
        None => std::future::pending().await,
    }
}

/// Gives the device up.
async fn release(shared: &Shared, device: Option<Device>) {
    let Some(device) = device else { return };
    if let Err(error) = shared.held.release(device.imei, &device.holder).await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            imei = %device.imei,
            "the registry entry is left to expire"
        );
    }
}

/// Where trace ids start: at random, so that two runs hardly share one; below
/// 2^62, so that they stay whole in a `bigint` and have room to count.
pub(crate) fn first_trace() -> AtomicU64 {
    use std::hash::{BuildHasher, RandomState};
    AtomicU64::new(RandomState::new().hash_one(Timestamp::default()) >> 2)
}
