//! Devices that speak in datagrams.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use biplane_core::{Frame, Imei};
use biplane_protocols::{Event, Session};
use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::admission::Admitted;
use crate::appender::Appender;
use crate::connection::{Shared, secret_of};

/// Datagrams that are on their way to the log together; devices send again what comes beyond.
const TOGETHER: usize = 4_096;

/// A device that had no answer for so long has sent again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest datagram there is.
const LARGEST: usize = 65_535;

/// Answers datagrams until the gateway stops; returns when what was on its way is answered.
pub(crate) async fn serve(
    socket: UdpSocket,
    session: fn() -> Box<dyn Session>,
    shared: Arc<Shared>,
    appender: Appender,
    mut stopping: watch::Receiver<bool>,
) {
    let socket = Arc::new(socket);
    let places = Arc::new(Semaphore::new(TOGETHER));
    let mut buffer = vec![0; LARGEST];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            _ = stopping.wait_for(|&stopping| stopping) => break,
        };
        // An error is about an answer that nobody took; the next datagram is another matter.
        let Ok((length, remote)) = received else { continue };
        let Ok(place) = places.clone().try_acquire_owned() else {
            shared.meters.refused("datagrams");
            continue;
        };
        let mut session = session();
        session.receive(&buffer[..length]);
        let (socket, shared, appender) = (socket.clone(), shared.clone(), appender.clone());
        tokio::spawn(async move {
            let exchange = Exchange { socket, remote, session, shared, appender };
            let _ = timeout(PATIENCE, exchange.run()).await;
            drop(place);
        });
    }
    // All places back: nothing is on its way any more.
    let _ = places.acquire_many(TOGETHER as u32).await;
}

/// One datagram and its answers.
struct Exchange {
    socket: Arc<UdpSocket>,
    remote: SocketAddr,
    session: Box<dyn Session>,
    shared: Arc<Shared>,
    appender: Appender,
}

impl Exchange {
    async fn run(mut self) {
        let mut device = None;
        while let Some(event) = self.session.next_event() {
            let answer = match event {
                Event::Login { imei } => match self.login(imei).await {
                    Some((admitted, answer)) => {
                        device = Some((imei, admitted));
                        answer
                    }
                    None => return,
                },
                Event::Records { fixes } => {
                    let (Some((imei, admitted)), records) = (device, fixes.len()) else { return };
                    let frame = self.shared.frame(imei, self.session.protocol(), fixes);
                    if !self.store(frame, admitted).await {
                        return;
                    }
                    self.session.acknowledge(records)
                }
                Event::Malformed { error, reply, .. } => {
                    self.shared.meters.error(error.code);
                    tracing::info!(remote = %self.remote, %error, "malformed datagram");
                    reply
                }
                Event::Response { .. } | Event::Ping => continue,
            };
            if !answer.is_empty() {
                let _ = self.socket.send_to(&answer, self.remote).await;
            }
        }
    }

    /// What to answer; `None` ends it.
    async fn login(&mut self, imei: Imei) -> Option<(Admitted, Vec<u8>)> {
        let secret = secret_of(&*self.session);
        match self.shared.admission.admits(imei, secret).await {
            Ok(admitted @ (Admitted::Log | Admitted::Quarantine)) => {
                Some((admitted, self.session.decide(true)))
            }
            Ok(Admitted::Refused) => {
                self.shared.meters.login("unknown");
                tracing::info!(remote = %self.remote, %imei, "unknown device refused");
                let answer = self.session.decide(false);
                if !answer.is_empty() {
                    let _ = self.socket.send_to(&answer, self.remote).await;
                }
                None
            }
            // It sends again; nothing tells it that it is unknown when that is not known.
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, %imei);
                None
            }
        }
    }

    async fn store(&self, frame: Frame, admitted: Admitted) -> bool {
        if frame.fixes.is_empty() {
            return true;
        }
        let stored = self.appender.append(frame, admitted).await.is_ok();
        if stored {
            self.shared.meters.acks.increment(1);
        }
        stored
    }
}
