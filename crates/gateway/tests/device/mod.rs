//! A tracker on a real socket, and a gateway to connect it to.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

pub mod orders;

use std::net::SocketAddr;
use std::time::Duration;

use biplane_bus::{Allowlist, Known, LogOptions, RedisLog, TokenDigest};
use biplane_core::{Fix, Frame, Imei, IoValue, Timestamp};
use biplane_gateway::{Config, Gateway, GatewayError};
use biplane_protocols::teltonika::{Answer, Tracker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::TestRedis;

/// Long enough for a busy machine; no test waits for it to pass.
pub const SOON: Duration = Duration::from_secs(20);

/// How long a test watches that nothing comes.
pub const A_WHILE: Duration = Duration::from_millis(700);

pub fn imei(n: u64) -> Imei {
    Imei::with_check_digit(35_000_000_000_000 + n)
}

pub fn token(n: u64) -> String {
    format!("the-token-of-device-{n}")
}

pub fn fix(n: i64) -> Fix {
    Fix {
        time: Timestamp::from_millis(1_599_910_800_000 + n * 1_000),
        lat: 46.0,
        lon: 12.8,
        altitude_m: Some(1_455.0),
        speed_kmh: Some(31.0),
        course_deg: Some(90.0),
        satellites: Some(9),
        hdop: Some(0.7),
        io: vec![(239, IoValue::Unsigned(1))],
    }
}

/// Configured for a test: free ports, and devices 0 to 9 are known, and many from 100 to 139.
pub async fn config(redis: &TestRedis) -> Config {
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    // The odd ones have a token.
    let token = |n| (n % 2 == 1).then(|| TokenDigest::of(&token(n)));
    let numbers = (0..10).chain(100..140);
    let known: Vec<_> = numbers.map(|n| Known { imei: imei(n), token: token(n) }).collect();
    Allowlist::new(&log).publish(&known, Timestamp::default()).await.unwrap();
    Config {
        redis_url: redis.url_of("gateway"),
        instance: "test-gateway".into(),
        teltonika: ([127, 0, 0, 1], 0).into(),
        http: ([127, 0, 0, 1], 0).into(),
        ..Config::default()
    }
}

pub struct Running {
    pub teltonika: SocketAddr,
    pub http: SocketAddr,
    /// Of [`Config::listen`], in its order.
    pub others: Vec<SocketAddr>,
    pub osmand: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), GatewayError>>,
}

impl Running {
    pub async fn start(config: Config) -> Self {
        let gateway = Gateway::start(config).await.unwrap();
        let (teltonika, http) =
            (gateway.teltonika_address().unwrap(), gateway.http_address().unwrap());
        let (others, osmand) = (gateway.listening().unwrap(), gateway.osmand_address().unwrap());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(gateway.serve(async {
            let _ = stopped.await;
        }));
        Self { teltonika, http, others, osmand, stop: Some(stop), serving }
    }

    pub fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub async fn ended(self) {
        timeout(SOON, self.serving).await.expect("it stops").unwrap().unwrap();
    }

    pub async fn http(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.http)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

pub struct Device {
    pub socket: TcpStream,
    tracker: Tracker,
}

impl Device {
    pub async fn connect(gateway: &Running, n: u64) -> Self {
        Self::connect_from([127, 0, 0, 1], gateway, n).await
    }

    pub async fn connect_from(address: [u8; 4], gateway: &Running, n: u64) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        let socket = socket.connect(gateway.teltonika).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self::on(socket, n)
    }

    pub fn on(socket: TcpStream, n: u64) -> Self {
        Self { socket, tracker: Tracker::new(imei(n)) }
    }

    pub async fn logged_in(gateway: &Running, n: u64) -> Self {
        let mut device = Self::connect(gateway, n).await;
        device.send(&device.tracker.login()).await;
        assert_eq!(device.answer().await, Some(Answer::Accepted));
        device
    }

    pub async fn log_in(&mut self) -> Option<Answer> {
        self.send(&self.tracker.login()).await;
        self.answer().await
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    pub async fn send_fixes(&mut self, fixes: &[Fix]) {
        self.send(&Tracker::frame(fixes).unwrap()).await;
    }

    /// The next answer; `None` when the gateway closed the connection.
    pub async fn answer(&mut self) -> Option<Answer> {
        timeout(SOON, async {
            loop {
                let mut byte = [0; 1];
                match self.socket.read(&mut byte).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
                if let Some(answer) = self.tracker.receive(&byte).pop() {
                    return Some(answer);
                }
            }
        })
        .await
        .expect("an answer or the end")
    }

    pub async fn hears_nothing(&mut self) {
        let mut byte = [0; 1];
        let heard = timeout(A_WHILE, self.socket.read(&mut byte)).await;
        assert!(heard.is_err(), "heard {byte:?}: {heard:?}");
    }
}

type Raw = (String, Vec<(String, Vec<u8>)>);

/// All frames in the log, partition by partition.
pub async fn stored(redis: &TestRedis) -> Vec<Frame> {
    let mut raw = redis.connection().await;
    let mut frames = Vec::new();
    for partition in 0..16 {
        let entries: Vec<Raw> = redis::cmd("XRANGE")
            .arg(format!("telemetry:{{p{partition:02}}}"))
            .arg("-")
            .arg("+")
            .query_async(&mut raw)
            .await
            .unwrap();
        for (_, fields) in entries {
            frames.push(Frame::from_bytes(&fields[0].1).unwrap());
        }
    }
    frames
}
