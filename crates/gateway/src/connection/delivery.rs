//! Orders on a connection: one at a time, written before its time is over or not at all.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use biplane_bus::Outcome;
use biplane_core::Timestamp;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Connection, Duration, End, WRITE_TIMEOUT, clock};
use crate::mailbox::{Done, Job};
use crate::wire::{OverWire, Wire};

/// How often it is looked whether TCP has acknowledged an order that wants no other answer.
const LOOK: Duration = Duration::from_millis(20);

/// Characters of an answer that is only logged.
const LOGGED: usize = 200;

/// An order whose bytes were written.
pub(super) struct InFlight {
    /// Whether the device says something to it.
    answers: bool,
    done: oneshot::Sender<Done>,
    /// Where its bytes end, counted from the connection's first.
    end: u64,
    /// Whether TCP has acknowledged them.
    arrived: bool,
    /// From then on what has not arrived must not any more: the order's expiry, or the end of
    /// waiting for the answer.
    arrive_by: Instant,
    answer_by: Instant,
}

impl InFlight {
    fn end(self, outcome: Outcome, text: Option<String>) {
        // Nobody may be waiting any more: then the gateway stops.
        let _ = self.done.send((outcome, text));
    }

    /// When something is to be decided next.
    fn next_look(&self) -> Instant {
        match (self.arrived, self.answers) {
            (true, _) => self.answer_by,
            (false, true) => self.arrive_by,
            (false, false) => self.arrive_by.min(Instant::now() + LOOK),
        }
    }

    /// Whether its bytes are still on their way and may be no longer.
    fn is_overdue(&mut self, wire: &Wire) -> bool {
        !self.has_arrived(wire) && Instant::now() >= self.arrive_by
    }

    fn has_arrived(&mut self, wire: &Wire) -> bool {
        self.arrived = self.arrived || wire.acknowledged() >= self.end;
        self.arrived
    }

    /// Until when a write may wait without a look at the order.
    fn look_by(&self) -> Option<Instant> {
        (!self.arrived).then_some(self.arrive_by)
    }
}

/// Returns when the order in flight wants to be [looked at](Connection::look).
pub(super) async fn due(in_flight: &Option<Box<InFlight>>) {
    match in_flight {
        // Apart, as all that most connections never need: they are many.
        Some(order) => Box::pin(sleep_until(order.next_look())).await,
        None => std::future::pending().await,
    }
}

impl<S: OverWire> Connection<S> {
    /// Writes an order, unless its time is over.
    pub(super) async fn carry_out(&mut self, job: Box<Job>) -> Result<(), End> {
        let Some(bytes) = self.session.command(&job.text) else {
            let why = format!("{} has no such command", self.session.protocol());
            job.end(Outcome::Failed, Some(why));
            return Ok(());
        };
        let expires = instant(job.expires_at);
        let gone = Instant::now() + WRITE_TIMEOUT;
        let over = || clock::now() >= job.expires_at;
        let mut rest = &bytes[..];
        let written = timeout_at(expires.min(gone), push(&mut self.socket, &mut rest, over)).await;
        if let Ok(Ok(true)) = written {
            let answer_by = Instant::now() + self.shared.answer_timeout;
            let Job { answers, written, done, .. } = *job;
            let _ = written.send(clock::now());
            self.in_flight = Some(Box::new(InFlight {
                answers,
                done,
                end: self.socket.wire().written(),
                arrived: false,
                arrive_by: expires.min(answer_by),
                answer_by,
            }));
            return Ok(());
        }
        if rest.len() < bytes.len() {
            // Half a command: the device may have it, and must not get the other half.
            self.torn = true;
            job.end(Outcome::Unknown, None);
            return Err(End::Torn);
        }
        // Nothing was written.
        match written {
            Ok(Err(error)) => {
                job.end(Outcome::Away, None);
                Err(End::Io(error))
            }
            Err(_) if gone < expires => {
                job.end(Outcome::Away, None);
                Err(End::Idle)
            }
            Ok(Ok(_)) | Err(_) => {
                job.end(Outcome::Expired, None);
                Ok(())
            }
        }
    }

    /// What becomes of the order in flight by now.
    pub(super) fn look(&mut self) -> Result<(), End> {
        let Some(order) = &mut self.in_flight else { return Ok(()) };
        if order.is_overdue(self.socket.wire()) {
            return Err(End::Torn);
        }
        let outcome = if order.arrived && !order.answers {
            Outcome::Acknowledged
        } else if Instant::now() >= order.answer_by {
            Outcome::Unknown
        } else {
            return Ok(());
        };
        if let Some(order) = self.in_flight.take() {
            order.end(outcome, None);
        }
        match outcome {
            // What it still says would be taken for its answer to the next.
            Outcome::Unknown => Err(End::Unanswered),
            _ => Ok(()),
        }
    }

    /// The device's answer, which says to nothing what it belongs.
    pub(super) fn answered(&mut self, text: String, refused: bool) {
        let outcome = if refused { Outcome::Failed } else { Outcome::Acknowledged };
        match self.in_flight.take() {
            // PostgreSQL has no text with a zero in it.
            Some(order) => order.end(outcome, Some(text.replace('\0', "\u{FFFD}"))),
            None => {
                let text: String = text.chars().take(LOGGED).collect();
                tracing::info!(remote = %self.remote, text, "an answer to no order in flight");
            }
        }
    }

    /// Whether bytes of an order are on their way that must not arrive once this connection is over.
    pub(super) fn must_forget(&mut self) -> bool {
        let wire = self.socket.wire();
        self.torn || self.in_flight.as_mut().is_some_and(|order| !order.has_arrived(wire))
    }

    /// Writes what is no order.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let deadline = Instant::now() + WRITE_TIMEOUT;
        let mut rest = bytes;
        loop {
            let look_by = self.in_flight.as_ref().and_then(|order| order.look_by());
            let until = look_by.map_or(deadline, |by| by.min(deadline));
            let pushed = push(&mut self.socket, &mut rest, || false);
            match timeout_at(until, pushed).await {
                Ok(pushed) => return Ok(pushed.map(|_| ())?),
                Err(_) if self.is_overdue() => return Err(End::Torn),
                Err(_) if Instant::now() >= deadline => return Err(End::Idle),
                Err(_) => {}
            }
        }
    }

    fn is_overdue(&mut self) -> bool {
        let wire = self.socket.wire();
        self.in_flight.as_mut().is_some_and(|order| order.is_overdue(wire))
    }
}

/// Writes all of `rest` and flushes it (with TLS, what is written waits for its turn), and moves
/// `rest` behind what is taken; `false` when it is `over` before.
async fn push<S: tokio::io::AsyncWrite + Unpin>(
    socket: &mut S,
    rest: &mut &[u8],
    over: impl Fn() -> bool,
) -> io::Result<bool> {
    poll_fn(|context| {
        loop {
            // Asked each time: a task may have its turn long after what it waited for.
            if over() {
                return Poll::Ready(Ok(false));
            }
            let mut socket = Pin::new(&mut *socket);
            if rest.is_empty() {
                return socket.as_mut().poll_flush(context).map_ok(|()| true);
            }
            let taken = ready!(socket.as_mut().poll_write(context, rest))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *rest = &rest[taken..];
        }
    })
    .await
}

/// The tokio instant of a time by our clock, at most a day ahead.
fn instant(at: Timestamp) -> Instant {
    const DAY: i64 = 86_400_000;
    let ahead = (at - clock::now()).clamp(0, DAY);
    Instant::now() + Duration::from_millis(ahead.unsigned_abs())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::cell::Cell;

    use tokio::io::AsyncReadExt;
    use tokio::time::timeout;

    use super::*;

    const A_MOMENT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn what_a_full_socket_did_not_take_is_known_and_goes_on_from_there() {
        let (mut ours, mut theirs) = tokio::io::duplex(4);
        let mut rest = &b"abcdefghij"[..];
        assert!(timeout(A_MOMENT, push(&mut ours, &mut rest, || false)).await.is_err());
        assert_eq!(rest, b"efghij");
        let mut read = [0; 4];
        theirs.read_exact(&mut read).await.unwrap();
        assert!(timeout(A_MOMENT, push(&mut ours, &mut rest, || false)).await.is_err());
        assert_eq!((&read, rest), (b"abcd", &b"ij"[..]));
        theirs.read_exact(&mut read).await.unwrap();
        assert!(push(&mut ours, &mut rest, || false).await.unwrap());
    }

    #[tokio::test]
    async fn no_byte_is_written_once_it_is_over_though_there_is_room_again() {
        let (mut ours, mut theirs) = tokio::io::duplex(4);
        let mut rest = &b"abcdef"[..];
        let is_over = Cell::new(false);
        {
            let over = || is_over.get();
            let mut pushing = std::pin::pin!(push(&mut ours, &mut rest, over));
            assert!(timeout(A_MOMENT, pushing.as_mut()).await.is_err());
            is_over.set(true);
            let mut read = [0; 4];
            theirs.read_exact(&mut read).await.unwrap();
            assert!(!pushing.await.unwrap());
        }
        assert_eq!(rest, b"ef");
        drop(ours);
        assert_eq!(theirs.read(&mut [0; 4]).await.unwrap(), 0, "written after its end");
    }
}
