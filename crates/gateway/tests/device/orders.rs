//! Orders as Directus gives them, reports as the processor finds them, and a device that reads
//! commands and answers.

use std::time::Duration;

use biplane_bus::Outcome;
use biplane_core::{Imei, Timestamp};
use biplane_protocols::teltonika::decode_messages;
use redis::streams::StreamRangeReply;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{Device, SOON, imei};
use crate::support::TestRedis;

pub const INSTANCE: &str = "test-gateway";

pub struct Order {
    pub command: Uuid,
    pub imei: Imei,
    pub text: String,
    pub expires_at: Timestamp,
    pub answers: bool,
}

/// An order to device `n` that is good for a minute.
pub fn order(n: u64, text: &str) -> Order {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(text);
    Order {
        command: Uuid::from_u64_pair(random, n),
        imei: imei(n),
        text: text.into(),
        expires_at: now() + 60_000,
        answers: true,
    }
}

pub fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_millis(since.as_millis() as i64)
}

impl Order {
    /// As the outbox hands it on.
    pub async fn give(&self, redis: &TestRedis) {
        self.give_as(redis, None).await;
    }

    /// With another text for its expiry.
    pub async fn give_as(&self, redis: &TestRedis, expires_at: Option<&str>) {
        let mut one = redis::pipe();
        self.add_to(&mut one, expires_at);
        let _: () = one.query_async(&mut redis.connection().await).await.unwrap();
    }

    pub fn add_to(&self, pipe: &mut redis::Pipeline, expires_at: Option<&str>) {
        pipe.cmd("XADD")
            .arg(format!("commands:{INSTANCE}"))
            .arg("*")
            .arg("command")
            .arg(self.command.to_string())
            .arg(&["attempt", "1", "imei"])
            .arg(self.imei.to_string())
            .arg("text")
            .arg(&self.text)
            .arg("expires_at")
            .arg(expires_at.map_or_else(|| self.expires_at.to_string(), str::to_owned))
            .arg("answers")
            .arg(self.answers.to_string())
            .arg(&["outbox_id", "7"])
            .ignore();
    }

    pub async fn claim(&self, redis: &TestRedis, by: &str) {
        let _: () = redis::cmd("SET")
            .arg(format!("command:{}:1", self.command))
            .arg(by)
            .query_async(&mut redis.connection().await)
            .await
            .unwrap();
    }

    /// What was said of it so far.
    pub async fn told(&self, redis: &TestRedis) -> Vec<(String, Option<String>)> {
        let reports: StreamRangeReply = redis::cmd("XRANGE")
            .arg(&["command-results", "-", "+"])
            .query_async(&mut redis.connection().await)
            .await
            .unwrap();
        let command = Some(self.command.to_string());
        let ours = reports.ids.into_iter().filter(|it| it.get::<String>("command") == command);
        ours.map(|it| (it.get("outcome").unwrap(), it.get("text"))).collect()
    }

    /// Waits until its last report is there, and expects all of them.
    pub async fn ends(&self, redis: &TestRedis, expected: &[Outcome]) -> Option<String> {
        let deadline = Instant::now() + SOON;
        loop {
            let told = self.told(redis).await;
            if told.last().is_some_and(|(outcome, _)| outcome != "sent") {
                let outcomes: Vec<_> = told.iter().map(|(outcome, _)| outcome.as_str()).collect();
                let expected: Vec<_> = expected.iter().map(|outcome| outcome.as_str()).collect();
                assert_eq!(outcomes, expected, "{told:?}");
                return told.into_iter().next_back().and_then(|(_, text)| text);
            }
            assert!(Instant::now() < deadline, "{told:?} instead of {expected:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Waits until the gateway has finished everything in its stream.
pub async fn nothing_is_left(redis: &TestRedis) {
    let deadline = Instant::now() + SOON;
    loop {
        let left: u64 = redis::cmd("XLEN")
            .arg(format!("commands:{INSTANCE}"))
            .query_async(&mut redis.connection().await)
            .await
            .unwrap();
        if left == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{left} orders are left");
        sleep(Duration::from_millis(20)).await;
    }
}

/// What a device reads after its login.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Command(String),
    Acknowledged(u32),
}

impl Device {
    /// The next thing that the gateway says; `None` when it closed the connection.
    pub async fn hears(&mut self) -> Option<Heard> {
        timeout(SOON, async {
            let count = self.socket.read_u32().await.ok()?;
            if count > 0 {
                return Some(Heard::Acknowledged(count));
            }
            let length = self.socket.read_u32().await.ok()? as usize;
            let mut data = vec![0; length + 4];
            self.socket.read_exact(&mut data).await.ok()?;
            let messages = decode_messages(&data[..length]).unwrap();
            let text = String::from_utf8(messages[0].payload.clone()).unwrap();
            Some(Heard::Command(text))
        })
        .await
        .expect("a word or the end")
    }

    pub async fn hears_command(&mut self, text: &str) {
        assert_eq!(self.hears().await, Some(Heard::Command(text.into())));
    }

    pub async fn answers(&mut self, text: &str) {
        self.send(&answer(text)).await;
    }
}

/// A device's answer, in Codec 12.
pub fn answer(text: &str) -> Vec<u8> {
    message(0x06, text)
}

/// A device's word that a command was not for it.
pub fn refusal(text: &str) -> Vec<u8> {
    message(0x11, text)
}

fn message(kind: u8, text: &str) -> Vec<u8> {
    let mut data = vec![0x0C, 1, kind];
    data.extend((text.len() as u32).to_be_bytes());
    data.extend(text.as_bytes());
    data.push(1);
    let mut crc = 0_u16;
    for &byte in &data {
        crc ^= u16::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 };
        }
    }
    let mut frame = vec![0; 4];
    frame.extend((data.len() as u32).to_be_bytes());
    frame.extend(data);
    frame.extend(u32::from(crc).to_be_bytes());
    frame
}
