//! A tracker that is not there: holds a connection, reports, and does what it is told.

use std::net::SocketAddr;
use std::time::Duration;

use biplane_core::{Fix, Imei};
use biplane_protocols::teltonika::{self, Tracker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A Teltonika tracker over TCP, logged in.
#[derive(Debug)]
pub struct Simulator {
    socket: TcpStream,
}

/// What a server says to a device that is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// So many records are safe.
    Acknowledged(u32),
    /// Do this.
    Command(String),
}

/// Longest frame that is taken for one.
const LONGEST: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

impl Simulator {
    /// Connects and logs in; `None`: the gateway does not know the device.
    pub async fn connect(gateway: SocketAddr, imei: Imei) -> std::io::Result<Option<Self>> {
        let mut socket = TcpStream::connect(gateway).await?;
        socket.write_all(&Tracker::new(imei).login()).await?;
        let mut answer = [0];
        tokio::time::timeout(PATIENCE, socket.read_exact(&mut answer)).await??;
        Ok((answer == [1]).then_some(Self { socket }))
    }

    /// Reports fixes; what comes of it is [heard](Self::hear).
    pub async fn report(&mut self, fixes: &[Fix]) -> std::io::Result<()> {
        let frame = Tracker::frame(fixes).map_err(std::io::Error::other)?;
        self.socket.write_all(&frame).await
    }

    /// Answers a command.
    pub async fn respond(&mut self, text: &str) -> std::io::Result<()> {
        let frame = teltonika::response_frame(text)
            .ok_or_else(|| std::io::Error::other("the answer is too long for a frame"))?;
        self.socket.write_all(&frame).await
    }

    /// The next thing that the server says, as long as it takes; an error once it has closed. Not to
    /// be dropped half-way.
    pub async fn hear(&mut self) -> std::io::Result<Heard> {
        // Of a frame the first four bytes are 0; and nobody acknowledges no records.
        let first = self.socket.read_u32().await?;
        if first != 0 {
            return Ok(Heard::Acknowledged(first));
        }
        let length = self.socket.read_u32().await? as usize;
        if length > LONGEST {
            return Err(std::io::Error::other(format!("a frame of {length} bytes")));
        }
        let mut rest = vec![0; length + 4];
        self.socket.read_exact(&mut rest).await?;
        let messages =
            teltonika::decode_messages(&rest[..length]).map_err(std::io::Error::other)?;
        let text = messages.iter().map(|it| String::from_utf8_lossy(&it.payload)).collect();
        Ok(Heard::Command(text))
    }

    /// Answers each command by what `answer` says to it, until the connection ends.
    pub async fn obey(&mut self, answer: impl Fn(&str) -> Option<String>) -> std::io::Result<()> {
        loop {
            if let Heard::Command(text) = self.hear().await?
                && let Some(answer) = answer(&text)
            {
                self.respond(&answer).await?;
            }
        }
    }
}
