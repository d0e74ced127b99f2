//! Trackers that send a position a second, each at its own moment of it.

use std::net::SocketAddr;
use std::time::Duration;

use biplane_core::Fix;
use biplane_protocols::teltonika::Tracker;
use biplane_stack::fleet::{Wander, imei};
use biplane_stack::{SetupError, now};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::sockets::log_in_all;

/// They send until this is stopped or dropped.
pub struct Trackers {
    sending: JoinSet<()>,
}

impl Trackers {
    /// Logs them in and lets them go.
    pub async fn start(gateway: SocketAddr, count: u32) -> Result<Self, SetupError> {
        let imeis: Vec<_> = (0..count).map(imei).collect();
        let sockets = log_in_all(gateway, &imeis, 0).await?;
        let start = Instant::now() + Duration::from_secs(1);
        let mut sending = JoinSet::new();
        for (number, socket) in (0..count).zip(sockets) {
            let first = start + Duration::from_secs(1) * number / count;
            sending.spawn(send(socket, number, first));
        }
        Ok(Self { sending })
    }

    /// No more.
    pub fn stop(mut self) {
        self.sending.abort_all();
    }
}

async fn send(mut socket: TcpStream, number: u32, first: Instant) {
    let mut due = first;
    // The first place was sent when it was asked whether the device is known.
    for fix in Wander::new(number).skip(1) {
        sleep_until(due).await;
        due += Duration::from_secs(1);
        let Ok(frame) = Tracker::frame(&[Fix { time: now(), ..fix }]) else { return };
        let mut answer = [0; 4];
        if socket.write_all(&frame).await.is_err() || socket.read_exact(&mut answer).await.is_err()
        {
            return;
        }
    }
}
