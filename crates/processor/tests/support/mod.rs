//! A Redis and a PostgreSQL with devices and a course, and processors between them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use biplane_bus::{LogOptions, RedisLog};
use biplane_core::{Fix, Frame, Imei, Timestamp};
use biplane_processor::{Config, run};
use clap::Parser;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::postgres::TestPostgres;
use crate::race;
use crate::redis_server::TestRedis;

pub(crate) const PARTITIONS: u16 = 4;
pub(crate) const START: i64 = 1_599_910_800_000;

pub(crate) struct Rig {
    pub(crate) postgres: TestPostgres,
    pub(crate) redis: TestRedis,
    pub(crate) client: Client,
    pub(crate) log: RedisLog,
}

pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap();
    }
}

pub(crate) fn device(n: u64) -> Imei {
    Imei::with_check_digit(35_000_000_000_000 + n)
}

pub(crate) fn arguments(rig: &Rig) -> Vec<String> {
    let pairs = [
        ("--redis-url", rig.redis.url_of("processor")),
        ("--database-url", rig.postgres.url()),
        ("--directus-url", "http://127.0.0.1:1".to_owned()),
        ("--processor-http", "127.0.0.1:0".to_owned()),
        ("--partitions", PARTITIONS.to_string()),
        ("--log-lease-s", "2".to_owned()),
        ("--processor-batch", "2000".to_owned()),
    ];
    pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

impl Rig {
    /// With `devices` active devices and the demo race's course.
    pub(crate) async fn new(devices: impl IntoIterator<Item = u64>) -> Self {
        let (postgres, redis) = (TestPostgres::start().await, TestRedis::start());
        let client = postgres.client().await;
        let organization = Uuid::from_u128(1);
        let event = Uuid::from_u128(2);
        client
            .execute("INSERT INTO organizations VALUES ($1, 'Club')", &[&organization])
            .await
            .unwrap();
        client
            .execute("INSERT INTO events (id, organization, name, status) VALUES ($1, $2, 'race', 'running')", &[&event, &organization])
            .await
            .unwrap();
        for n in devices {
            let (id, entry) = (device_id(n), Uuid::from_u128(0xe000 + u128::from(n)));
            client
                .execute(
                    "INSERT INTO devices (id, organization, name, imei) VALUES ($1, $2, 'tracker', $3)",
                    &[&id, &organization, &device(n).to_string()],
                )
                .await
                .unwrap();
            client
                .execute(
                    "INSERT INTO entries (id, organization, event, device, number) VALUES ($1, $2, $3, $4, $5)",
                    &[&entry, &organization, &event, &id, &n.to_string()],
                )
                .await
                .unwrap();
        }
        for zone in race::zones() {
            let id = Uuid::from_u128(u128::from(zone.number));
            client
                .execute(
                    "INSERT INTO geofences (id, organization, name, kind, geometry, radius_m)
                     VALUES ($1, $2, 'zone', 'circle', ST_SetSRID(ST_MakePoint($3, $4), 4326), $5::float8)",
                    &[&id, &organization, &zone.centre.lon, &zone.centre.lat, &zone.radius_m],
                )
                .await
                .unwrap();
            client
                .execute(
                    "INSERT INTO checkpoints (id, organization, event, geofence, name, direction)
                     VALUES ($1, $2, $3, $1, 'zone', 'any')",
                    &[&id, &organization, &event],
                )
                .await
                .unwrap();
        }
        let options = LogOptions { partitions: PARTITIONS, ..LogOptions::default() };
        let log = RedisLog::connect(&redis.url(), options).await.unwrap();
        Self { postgres, redis, client, log }
    }

    pub(crate) fn start(&self) -> Running {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, more: &[&str]) -> Running {
        let mut arguments = arguments(self);
        for name in more.iter().filter(|it| it.starts_with("--")) {
            if let Some(at) = arguments.iter().position(|it| it == name) {
                arguments.drain(at..at + 2);
            }
        }
        arguments.extend(more.iter().map(|&it| it.to_owned()));
        arguments.insert(0, "biplane-processor".into());
        let config = Config::parse_from(arguments);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            run(config, async { drop(stopped.await) }).await.unwrap();
        });
        Running { stop, task }
    }

    pub(crate) fn spawn(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_biplane-processor"))
            .args(arguments(self))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub(crate) async fn count(&self, what: &str) -> i64 {
        count(&self.client, what).await
    }

    pub(crate) async fn dead_letters(&self) -> i64 {
        let mut connection = self.redis.connection().await;
        let mut sum = 0;
        for partition in 0..PARTITIONS {
            let key = format!("telemetry:dead:{{p{partition:02}}}");
            sum += redis::cmd("XLEN").arg(key).query_async::<i64>(&mut connection).await.unwrap();
        }
        sum
    }

    /// Nothing in the log is unread or uncommitted.
    pub(crate) async fn drained(&self) -> bool {
        for partition in 0..PARTITIONS {
            match self.log.backlog(partition).await {
                Ok(backlog) if backlog.unread == 0 && backlog.pending == 0 => {}
                _ => return false,
            }
        }
        true
    }

    pub(crate) async fn wait_drained(&self) {
        eventually("the log is drained", async || self.drained().await).await;
    }
}

pub(crate) async fn count(client: &Client, what: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {what}"), &[]).await.unwrap().get(0)
}

pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

pub(crate) fn device_id(n: u64) -> Uuid {
    Uuid::from_u128(0xd000 + u128::from(n))
}

pub(crate) fn frame(n: u64, fixes: Vec<Fix>) -> Frame {
    Frame {
        imei: device(n),
        received_at: fixes.last().map_or(Timestamp::from_millis(START), |fix| fix.time + 500),
        gateway: "gateway-1".into(),
        protocol: "teltonika".into(),
        trace_id: n,
        fixes,
    }
}

/// Northwards through zone 1 (405 m around 46.23083 N 12.80694 E), 20 m a second.
pub(crate) fn track(seconds: std::ops::Range<i64>) -> Vec<Fix> {
    seconds
        .map(|second| Fix {
            time: Timestamp::from_millis(START + second * 1000),
            lat: 46.222 + second as f64 * 20.0 / 111_195.0,
            lon: 12.80694,
            altitude_m: Some(900.0),
            speed_kmh: Some(72.0),
            course_deg: Some(0.0),
            satellites: Some(9),
            hdop: None,
            io: vec![],
        })
        .collect()
}
