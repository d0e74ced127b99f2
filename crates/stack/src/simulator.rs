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
        socket.set_nodelay(true)?;
        socket.write_all(&Tracker::new(imei).login()).await?;
        let mut answer = [0];
        tokio::time::timeout(PATIENCE, socket.read_exact(&mut answer)).await??;
        Ok((answer == [1]).then_some(Self { socket }))
    }

    /// Reports fixes; what comes of it is [heard](Self::hear).
    pub async fn report(&mut self, fixes: &[Fix]) -> std::io::Result<()> {
        self.send(&Tracker::frame(fixes).map_err(std::io::Error::other)?).await
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &[u8]) -> std::io::Result<()> {
        self.socket.write_all(frame).await
    }

    /// How many records the server has next; does what it is told before. One that has none of them
    /// is not understood: it never answers.
    pub async fn acknowledged(&mut self) -> std::io::Result<u32> {
        loop {
            match self.hear().await? {
                Heard::Acknowledged(records) => return Ok(records),
                Heard::Command(text) => {
                    if let Some(answer) = answer(&text) {
                        self.respond(answer).await?;
                    }
                }
            }
        }
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
}

/// What a tracker of the FMB series says to a command, more or less; `None`: nothing.
pub fn answer(command: &str) -> Option<&'static str> {
    Some(match command.split(' ').next().unwrap_or_default() {
        "getrecord" | "cpureset" => return None,
        "getver" => {
            "Ver:03.27.07_00 GPS:AXN_5.10.31 Hw:FMB920 Mod:15 IMEI:0 Init:2026-1-1 0:0 Uptime:3600 BL:1.10"
        }
        "getinfo" => {
            "RTC:2026/1/1 0:0 Init:2026/1/1 0:0 UpTime:3600s PWR:PwrVoltage RST:2 GPS:2 SAT:11"
        }
        "getgps" => "GPS:1 Sat:11 Lat:46.230830 Long:12.806940 Alt:905 Speed:31 Dir:181",
        "getio" => "DI1:0 AIN1:0 DO1:0",
        "getstatus" => {
            "Data Link: 1 GPRS: 1 Phone: 0 SIM: 0 OP: 29341 Signal: 4 NewSMS: 0 Roaming: 0"
        }
        _ => "OK",
    })
}
