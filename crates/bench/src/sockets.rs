//! `sockets`: what a silent connection costs the gateway, and how long a frame takes to its
//! acknowledgement while thousands of devices send, on a real Redis that writes each record to
//! disk before it answers. No processor: this is the gateway alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use biplane_bus::{Allowlist, Known, LogOptions, RedisLog};
use biplane_core::{Imei, Timestamp};
use biplane_protocols::teltonika::Tracker;
use biplane_stack::demo::Track;
use biplane_stack::fleet::Fleet;
use biplane_stack::process::{Program, Running};
use biplane_stack::redis_server::RedisServer;
use biplane_stack::{Layout, Ports, Progress, Secrets, SetupError, build, packages};
use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::cpu::memory_kib;
use crate::failed;
use crate::report::{Figure, Report};

/// How many devices connect from one address: the kernel has about 28,000 ports for each.
const PER_ADDRESS: u32 = 5_000;
/// How many are logging in at a time.
const TOGETHER: usize = 128;
/// What a process has open beside connections, generously.
const OTHER_FILES: u32 = 512;
/// Longer than any answer should take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Until what was needed for logging in only is given back.
const SETTLE: Duration = Duration::from_secs(3);

/// The gateway's memory for a silent connection, and the time to an acknowledgement.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Devices that log in and say nothing more.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=40_000))]
    idle: u32,
    /// Devices that send, beside those.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=9_000))]
    active: u32,
    /// For how many seconds they send a frame of one record a second.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
}

impl Arguments {
    /// Starts a gateway and a Redis of its own, measures, and stops them.
    pub async fn run(&self, layout: &Layout, progress: &Progress) -> Result<Report, SetupError> {
        packages::ensure(layout, progress, false).await?;
        build::native(layout, progress).await?;
        let possible = raise_file_limit(self.idle + self.active)?;
        let idle = self.idle.min(possible.saturating_sub(self.active));
        if idle == 0 {
            return Err(failed(format!("only {possible} connections are possible"))
                .advice("raise the limit of open files (ulimit -Hn), or ask for fewer: --active"));
        }
        if idle < self.idle {
            progress.step("Open files").done(format!("enough for {idle} silent devices only"));
        }
        let data = layout.data.join(format!("bench-{}", std::process::id()));
        let throwaway = Layout::of_checkout(&layout.project, Some(data))?;
        let (ports, secrets) = (Ports::free()?, Secrets::of(&throwaway)?);
        let (redis, redis_running) =
            RedisServer::start(&throwaway, ports.redis, &secrets, std::iter::empty()).await?;
        let outcome = self.on_redis(&throwaway, &redis, ports, idle, progress).await;
        redis_running.stop(Duration::from_secs(10)).await;
        if outcome.is_ok() {
            throwaway.remove()?;
        }
        outcome
    }

    async fn on_redis(
        &self,
        layout: &Layout,
        redis: &RedisServer,
        ports: Ports,
        idle: u32,
        progress: &Progress,
    ) -> Result<Report, SetupError> {
        let fleet = Fleet::new(self.active, self.seconds);
        let active = fleet.tracks.iter().map(|track| track.imei);
        let idle: Vec<_> =
            (0..idle).map(|n| Imei::with_check_digit(35_000_000_000_000 + u64::from(n))).collect();
        let known: Vec<_> =
            idle.iter().copied().chain(active).map(|imei| Known { imei, token: None }).collect();
        let log = RedisLog::connect(&redis.url, LogOptions::default()).await.map_err(failed)?;
        Allowlist::new(&log).publish(&known, Timestamp::default()).await.map_err(failed)?;

        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.teltonika));
        let http = format!("127.0.0.1:{}", ports.gateway_http);
        let program = build::binary(layout, "biplane-gateway");
        let mut gateway = Program::new("Gateway", program, &layout.data, layout.log("gateway"))
            .env("BIPLANE_REDIS_URL", &redis.gateway_url)
            .env("BIPLANE_GATEWAY_TELTONIKA", address.to_string())
            .env("BIPLANE_GATEWAY_HTTP", &http)
            .start()?;
        // It listens for HTTP once it listens for devices.
        gateway
            .wait_until(Duration::from_secs(30), async || {
                TcpStream::connect(&http).await.map(|_| ())
            })
            .await?;
        let measured = self.measure(&gateway, address, idle, fleet.tracks, progress).await;
        gateway.stop(Duration::from_secs(20)).await;
        measured
    }

    async fn measure(
        &self,
        gateway: &Running,
        address: SocketAddr,
        idle: Vec<Imei>,
        tracks: Vec<Track>,
        progress: &Progress,
    ) -> Result<Report, SetupError> {
        let step = progress.step("Silent devices");
        let before = memory_of(gateway)?;
        let started = Instant::now();
        let silent = log_in_all(address, &idle, 0).await?;
        let count = idle.len() as f64;
        let logins = count / started.elapsed().as_secs_f64();
        sleep(SETTLE).await;
        let after = memory_of(gateway)?;
        let idle_kb = (after - before) / count;
        step.done(format!("{idle_kb:.1} KiB each, {logins:.0} logins a second"));

        let step = progress.step("Sending devices");
        let imeis: Vec<_> = tracks.iter().map(|track| track.imei).collect();
        let sockets = log_in_all(address, &imeis, self.idle).await?;
        let start = tokio::time::Instant::now() + Duration::from_secs(1);
        let mut sending = JoinSet::new();
        for (track, socket) in tracks.into_iter().zip(sockets) {
            // Spread evenly over the second.
            let offset = Duration::from_secs(1) * track.number / self.active;
            sending.spawn(send_all(socket, track, start + offset));
        }
        let mut waits: Vec<Wait> = Vec::new();
        while let Some(sent) = sending.join_next().await {
            waits.extend(sent.map_err(failed)??);
        }
        let took = start.elapsed().as_secs_f64();
        let busy = memory_of(gateway)?;
        drop(silent);
        let quantiles = |of: fn(&Wait) -> Duration| {
            let mut all: Vec<f64> = waits.iter().map(|wait| of(wait).as_secs_f64() * 1e3).collect();
            all.sort_by(f64::total_cmp);
            move |share: f64| {
                let place = (share * all.len() as f64).ceil() as usize;
                all.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
            }
        };
        let (from_sent, from_due) = (quantiles(|wait| wait.sent), quantiles(|wait| wait.due));
        let p99 = from_sent(0.99);
        step.done(format!("p99 {p99:.1} ms of {} frames", waits.len()));

        let memory = [
            ("connections", count),
            ("before_kb", before),
            ("after_kb", after),
            ("all_connected_kb", busy),
            ("logins_per_s", logins),
        ];
        let latency = [
            ("p50_ms", from_sent(0.5)),
            ("p999_ms", from_sent(0.999)),
            ("most_ms", from_sent(1.0)),
            // What waits for the one before counts too.
            ("p99_from_due_ms", from_due(0.99)),
            ("frames", waits.len() as f64),
            ("frames_per_s", waits.len() as f64 / took),
        ];
        Ok(Report::new(
            "sockets",
            vec![
                Figure::alone("idle_kb", "KiB", idle_kb).with_details(&memory),
                Figure::alone("ack_p99_ms", "ms", p99).with_details(&latency),
            ],
        ))
    }
}

/// How long an acknowledgement took: since the frame was sent, and since it was due.
struct Wait {
    sent: Duration,
    due: Duration,
}

async fn send_all(
    mut socket: TcpStream,
    track: Track,
    start: tokio::time::Instant,
) -> Result<Vec<Wait>, SetupError> {
    let mut waits = Vec::with_capacity(track.fixes.len());
    for (second, fix) in (0..).zip(&track.fixes) {
        let frame = Tracker::frame(std::slice::from_ref(fix)).map_err(failed)?;
        let due = start + Duration::from_secs(second);
        sleep_until(due).await;
        let sent = Instant::now();
        socket.write_all(&frame).await.map_err(failed)?;
        let mut answer = [0; 4];
        timeout(PATIENCE, socket.read_exact(&mut answer)).await.map_err(failed)?.map_err(failed)?;
        if answer != [0, 0, 0, 1] {
            return Err(failed(format!("{answer:?} instead of an acknowledgement")));
        }
        waits.push(Wait { sent: sent.elapsed(), due: due.elapsed() });
    }
    Ok(waits)
}

/// Connects devices, in their order; `first` is the number of the first among all.
pub async fn log_in_all(
    gateway: SocketAddr,
    imeis: &[Imei],
    first: u32,
) -> Result<Vec<TcpStream>, SetupError> {
    let mut sockets = Vec::with_capacity(imeis.len());
    let mut number = first;
    for imeis in imeis.chunks(TOGETHER) {
        let mut connecting = Vec::with_capacity(imeis.len());
        for &imei in imeis {
            connecting.push(tokio::spawn(log_in(gateway, imei, number)));
            number += 1;
        }
        for connected in connecting {
            sockets.push(connected.await.map_err(failed)??);
        }
    }
    Ok(sockets)
}

async fn log_in(gateway: SocketAddr, imei: Imei, number: u32) -> Result<TcpStream, SetupError> {
    let from = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + number / PER_ADDRESS);
    let socket = TcpSocket::new_v4().map_err(failed)?;
    socket.bind((from, 0).into()).map_err(failed)?;
    let mut socket = socket.connect(gateway).await.map_err(failed)?;
    socket.set_nodelay(true).map_err(failed)?;
    socket.write_all(&Tracker::new(imei).login()).await.map_err(failed)?;
    let mut answer = [0];
    timeout(PATIENCE, socket.read_exact(&mut answer)).await.map_err(failed)?.map_err(failed)?;
    if answer == [1] { Ok(socket) } else { Err(failed(format!("{imei} is refused"))) }
}

fn memory_of(running: &Running) -> Result<f64, SetupError> {
    memory_kib(running.id().ok_or_else(|| failed("the gateway ended"))?)
}

/// Every connection is a file, here and in the gateway: so many connections are possible, at most
/// `wanted`.
fn raise_file_limit(wanted: u32) -> Result<u32, SetupError> {
    let files = u64::from(wanted + OTHER_FILES);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if soft >= files || setrlimit(Resource::RLIMIT_NOFILE, files, hard.max(files)).is_ok() {
        return Ok(wanted);
    }
    // Beyond the hard limit only a privileged process gets.
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
    Ok(u32::try_from(hard).unwrap_or(wanted).saturating_sub(OTHER_FILES).min(wanted))
}
