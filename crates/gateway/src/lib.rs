//! The gateway: holds device sockets, decodes what they send, appends it to the
//! log, and acknowledges a device only once its records are durable there.
//!
//! When Redis is away nothing is acknowledged: devices keep their records, their
//! sockets stay, and each holds one frame at most. It resumes by itself.

mod admission;
mod appender;
mod clock;
mod commands;
mod config;
mod connection;
mod datagrams;
mod held;
mod http;
mod ingest;
mod limits;
mod listen;
mod mailbox;
mod meters;
mod tls;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use biplane_bus::{
    Alerts, Allowlist, Commands, ConnectError, Durability, DurabilityError, LogOptions, RedisLog,
    Registry,
};
use biplane_protocols::Session;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;

use admission::Admission;
use appender::Appender;
use commands::Courier;
use connection::{Connection, Shared};
use held::Held;
use http::Observed;
use limits::Limits;
use meters::Meters;
use wire::Wire;

pub use listen::{Listen, Phones, Transport};
pub use tls::{TlsError, TlsFiles};

pub use config::{Config, ConfigError, DurabilityPolicy, LogFormat, Options, UnknownDevices};

/// Why the gateway can't start, or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The log can't be used.
    #[error("the log can't be used")]
    Log(#[from] ConnectError),
    /// What Redis confirms could be lost.
    #[error(
        "Redis would lose records that a device was told are safe ({}); set it to appendonly yes, appendfsync always, no-appendfsync-on-rewrite no and maxmemory-policy noeviction, or start with BIPLANE_GATEWAY_DURABILITY=relaxed",
        why.join("; ")
    )]
    Weak {
        /// Each setting that is off, and what that can lose.
        why: Vec<String>,
    },
    /// Redis does not tell what its confirmation is worth.
    #[error(
        "whether Redis keeps what it confirms is not known; allow CONFIG GET, or start with BIPLANE_GATEWAY_DURABILITY=relaxed"
    )]
    Unknown(#[from] DurabilityError),
    /// Certificate or key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Something is to listen with TLS, and there is no certificate.
    #[error("{}: is missing: tls:// and https:// need it, and {}", tls::CERTIFICATE, tls::KEY)]
    NoCertificate,
    /// An address can't be listened on.
    #[error("{key}: can't listen on {address}")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Health and metrics can't be served any more.
    #[error("the HTTP server failed")]
    Http(#[source] std::io::Error),
}

/// A gateway that listens, and takes connections once it is [served](Self::serve).
pub struct Gateway {
    config: Config,
    log: Arc<RedisLog>,
    /// The first is Teltonika's over TCP; the others as configured.
    listeners: Vec<(Listen, Socket)>,
    osmand: Option<(TcpListener, Option<TlsAcceptor>)>,
    http: TcpListener,
}

enum Socket {
    Tcp(TcpListener, Option<TlsAcceptor>),
    Udp(UdpSocket),
}

impl Socket {
    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener, _) => listener.local_addr(),
            Self::Udp(socket) => socket.local_addr(),
        }
    }
}

/// Starts, serves until `shutdown`, drains.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), GatewayError> {
    Gateway::start(config).await?.serve(shutdown).await
}

impl Gateway {
    /// Connects to the log, checks what it promises, and listens.
    pub async fn start(config: Config) -> Result<Self, GatewayError> {
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let options = LogOptions { partitions: config.partitions, ..LogOptions::default() };
        let log = RedisLog::connect(&config.redis_url, options).await?;
        check_durability(&log, config.durability).await?;
        let mut listeners = Vec::new();
        let teltonika = ("BIPLANE_GATEWAY_TELTONIKA", Listen::teltonika(config.teltonika));
        let others = config.listen.iter().map(|&listen| ("BIPLANE_GATEWAY_LISTEN", listen));
        for (key, listen) in std::iter::once(teltonika).chain(others) {
            let address = listen.address;
            let socket = match listen.transport {
                Transport::Tcp => Socket::Tcp(listen_on(key, address).await?, None),
                Transport::Tls => Socket::Tcp(listen_on(key, address).await?, Some(needed(&tls)?)),
                Transport::Udp => Socket::Udp(
                    UdpSocket::bind(address).await.map_err(|source| GatewayError::Listen {
                        key,
                        address,
                        source,
                    })?,
                ),
            };
            listeners.push((listen, socket));
        }
        let osmand = match config.osmand {
            Some(Phones { tls: wanted, address }) => {
                let acceptor = if wanted { Some(needed(&tls)?) } else { None };
                Some((listen_on("BIPLANE_GATEWAY_OSMAND", address).await?, acceptor))
            }
            None => None,
        };
        let http = listen_on("BIPLANE_GATEWAY_HTTP", config.http).await?;
        Ok(Self { config, log: Arc::new(log), listeners, osmand, http })
    }

    /// Where Teltonika devices connect.
    pub fn teltonika_address(&self) -> std::io::Result<SocketAddr> {
        self.listeners[0].1.local_addr()
    }

    /// Where other devices are listened to, in the order configured.
    pub fn listening(&self) -> std::io::Result<Vec<SocketAddr>> {
        self.listeners[1..].iter().map(|(_, socket)| socket.local_addr()).collect()
    }

    /// Where phones report, if anywhere.
    pub fn osmand_address(&self) -> std::io::Result<Option<SocketAddr>> {
        self.osmand.as_ref().map(|(listener, _)| listener.local_addr()).transpose()
    }

    /// Where health and metrics are.
    pub fn http_address(&self) -> std::io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// Takes connections until `shutdown`; then no more, and returns when what was
    /// on its way is stored and acknowledged, or the drain's time is over.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), GatewayError> {
        let Self { config, log, listeners, osmand, http } = self;
        let recorder = meters::recorder();
        let meters = Arc::new(Meters::new());
        let (stop, stopping) = watch::channel(false);
        let (appender, appending) = Appender::start(log.clone(), meters.clone());
        let held = Arc::new(Held::new(Registry::new(&log)));
        let shared = Arc::new(Shared {
            instance: config.instance.clone(),
            login_timeout: config.login_timeout,
            frame_timeout: config.frame_timeout,
            idle_timeout: config.idle_timeout,
            answer_timeout: config.answer_timeout,
            held: held.clone(),
            admission: Admission {
                allowlist: Allowlist::new(&log),
                unknown_devices: config.unknown_devices,
            },
            alerts: Alerts::new(&log),
            meters: meters.clone(),
            next_trace: connection::first_trace(),
        });
        let courier = Courier::new(
            Commands::new(&log),
            held.clone(),
            meters,
            config.instance.clone(),
            config.grace,
            stopping.clone(),
        );
        let limits = Limits::new(config.max_connections, config.max_per_address);
        let observed = Observed { log, stopping: stopping.clone(), recorder };
        let http_address = http.local_addr();
        let (drained, until_drained) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(
            axum::serve(http, http::router(observed))
                .with_graceful_shutdown(async {
                    let _ = until_drained.await;
                })
                .into_future(),
        );
        tracing::info!(
            instance = config.instance,
            listening = ?listeners.iter().map(|(listen, _)| listen.to_string()).collect::<Vec<_>>(),
            osmand = osmand.as_ref().and_then(|(it, _)| it.local_addr().ok()).map(tracing::field::display),
            http = http_address.map(tracing::field::display).ok(),
            "gateway up"
        );

        let carrying = tokio::spawn(courier.run());
        let mut serving_devices = JoinSet::new();
        serving_devices.spawn(async move {
            held.keep(config.renew_every).await;
        });
        for (listen, socket) in listeners {
            let (shared, appender) = (shared.clone(), appender.clone());
            let (session, stopping) = (listen.session, stopping.clone());
            match socket {
                Socket::Tcp(listener, tls) => {
                    let door = Door { listener, tls, session, limits: limits.clone() };
                    serving_devices.spawn(accept(door, shared, appender, stopping));
                }
                Socket::Udp(socket) => {
                    serving_devices
                        .spawn(datagrams::serve(socket, session, shared, appender, stopping));
                }
            }
        }
        if let Some((listener, tls)) = osmand {
            let (shared, appender, stopping) = (shared.clone(), appender.clone(), stopping.clone());
            serving_devices.spawn(ingest::serve(listener, tls, limits, shared, appender, stopping));
        }
        shutdown.await;

        tracing::info!("stopping: no more connections, waiting for records on their way");
        let _ = stop.send(true);
        // Each connection has an appender; the appending task ends after the last.
        drop(appender);
        let abort = appending.abort_handle();
        let drained_by = Instant::now() + config.drain_timeout;
        if timeout_at(drained_by, appending).await.is_err() {
            abort.abort();
            tracing::warn!("records were still on their way; their devices will send them again");
        }
        let abort = carrying.abort_handle();
        if timeout_at(drained_by, carrying).await.is_err() {
            abort.abort();
            tracing::warn!("orders were not reported yet; the next start, or a processor, does it");
        }
        drop(drained);
        match tokio::time::timeout(Duration::from_secs(1), serving).await {
            Ok(Ok(served)) => served.map_err(GatewayError::Http),
            // A scraper that keeps its connection open must not hold up the stop.
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }
}

async fn check_durability(log: &RedisLog, policy: DurabilityPolicy) -> Result<(), GatewayError> {
    match (log.durability().await, policy) {
        (Ok(Durability::Durable), _) => Ok(()),
        (Ok(Durability::Weak { why }), DurabilityPolicy::Required) => {
            Err(GatewayError::Weak { why })
        }
        (Err(error), DurabilityPolicy::Required) => Err(error.into()),
        (Ok(Durability::Weak { why }), DurabilityPolicy::Relaxed) => {
            tracing::warn!("acknowledged records can be lost: {}", why.join("; "));
            Ok(())
        }
        (Err(_), DurabilityPolicy::Relaxed) => {
            tracing::warn!("whether acknowledged records can be lost is not known");
            Ok(())
        }
    }
}

async fn listen_on(key: &'static str, address: SocketAddr) -> Result<TcpListener, GatewayError> {
    TcpListener::bind(address).await.map_err(|source| GatewayError::Listen { key, address, source })
}

/// The acceptor of a listener that is to have one.
fn needed(tls: &Option<TlsAcceptor>) -> Result<TlsAcceptor, GatewayError> {
    tls.clone().ok_or(GatewayError::NoCertificate)
}

/// Where devices of one protocol come in.
struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    session: fn() -> Box<dyn Session>,
    limits: Limits,
}

/// Takes connections until the gateway stops.
async fn accept(
    door: Door,
    shared: Arc<Shared>,
    appender: Appender,
    stopping: watch::Receiver<bool>,
) {
    let mut until = stopping.clone();
    loop {
        let accepted = tokio::select! {
            accepted = door.listener.accept() => accepted,
            _ = until.wait_for(|&stopping| stopping) => return,
        };
        let (socket, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: the next try succeeds when one is free.
                shared.meters.refused("accept");
                tracing::warn!(error = &error as &dyn std::error::Error, "can't accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let place = match door.limits.enter(remote.ip()) {
            Ok(place) => place,
            Err(full) => {
                shared.meters.refused(full.as_str());
                continue;
            }
        };
        // Fails where the connection is gone already.
        if socket.set_nodelay(true).is_err() {
            continue;
        }
        let socket = Wire::new(socket);
        let deadline = Instant::now() + shared.login_timeout;
        let session = (door.session)();
        let (shared, appender, mut stopping) = (shared.clone(), appender.clone(), stopping.clone());
        match door.tls.clone() {
            None => {
                let connection =
                    Connection::new(socket, remote, deadline, session, shared, appender, stopping);
                tokio::spawn(async move {
                    connection.run().await;
                    drop(place);
                });
            }
            Some(tls) => {
                tokio::spawn(async move {
                    match tls::handshake(&tls, socket, deadline, &mut stopping).await {
                        Ok(socket) => {
                            Connection::new(
                                socket, remote, deadline, session, shared, appender, stopping,
                            )
                            .run()
                            .await;
                        }
                        Err(error) => shared.meters.no_handshake(remote, &error),
                    }
                    drop(place);
                });
            }
        }
    }
}
