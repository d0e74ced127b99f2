use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;

use crate::listen::{Listen, Phones, Transport};
use crate::tls::{self, TlsFiles};

/// What was typed: each option also has an environment variable, shown in brackets.
#[derive(Clone, Debug, Parser)]
#[command(name = "biplane-gateway", version, about = "Takes what trackers send into the log")]
pub struct Options {
    /// Redis, the log's home
    #[arg(long, env = "BIPLANE_REDIS_URL", default_value = "redis://127.0.0.1:6379")]
    redis_url: String,
    /// Number of partitions of the log, fixed at its first start
    #[arg(long, env = "BIPLANE_PARTITIONS", default_value = "16")]
    partitions: String,
    /// This instance's name, unique among running ones [default: host name and process id]
    #[arg(long, env = "BIPLANE_INSTANCE")]
    instance: Option<String>,
    /// Where Teltonika devices connect (TCP)
    #[arg(long, env = "BIPLANE_GATEWAY_TELTONIKA", default_value = "127.0.0.1:5027")]
    gateway_teltonika: String,
    /// Where else devices are listened to, separated by commas: gt06=tcp://0.0.0.0:5023,
    /// teltonika=udp://0.0.0.0:5027, teltonika=tls://0.0.0.0:5028; protocols: teltonika, gt06
    /// (tcp, tls), h02, json-lines (tcp, tls)
    #[arg(long, env = "BIPLANE_GATEWAY_LISTEN", default_value = "")]
    gateway_listen: String,
    /// Where phones report over HTTP, in OsmAnd's protocol and with a token: 127.0.0.1:5055 behind
    /// a proxy that does TLS, or https://0.0.0.0:5055; unless given, nowhere
    #[arg(long, env = "BIPLANE_GATEWAY_OSMAND", default_value = "")]
    gateway_osmand: String,
    /// Certificate of what listens with TLS, a PEM file; read at the start
    #[arg(long, env = "BIPLANE_GATEWAY_TLS_CERT", default_value = "")]
    gateway_tls_cert: String,
    /// Its private key, a PEM file
    #[arg(long, env = "BIPLANE_GATEWAY_TLS_KEY", default_value = "")]
    gateway_tls_key: String,
    /// Where health and metrics are read (HTTP)
    #[arg(long, env = "BIPLANE_GATEWAY_HTTP", default_value = "127.0.0.1:5080")]
    gateway_http: String,
    /// What becomes of devices that are not in the allowlist: refuse, accept, or quarantine (they may
    /// send, and `biplane quarantine` has it)
    #[arg(long, env = "BIPLANE_GATEWAY_UNKNOWN_DEVICES", default_value = "refuse")]
    gateway_unknown_devices: String,
    /// required: only a Redis that has each record on disk before it answers; relaxed: any
    #[arg(long, env = "BIPLANE_GATEWAY_DURABILITY", default_value = "required")]
    gateway_durability: String,
    /// Most connections in total
    #[arg(long, env = "BIPLANE_GATEWAY_MAX_CONNECTIONS", default_value = "50000")]
    gateway_max_connections: String,
    /// Most connections from one address; mobile carriers put many devices behind one
    #[arg(long, env = "BIPLANE_GATEWAY_MAX_PER_ADDRESS", default_value = "25000")]
    gateway_max_per_address: String,
    /// Seconds within which a device must have logged in
    #[arg(long, env = "BIPLANE_GATEWAY_LOGIN_TIMEOUT", default_value = "30")]
    gateway_login_timeout: String,
    /// Seconds within which a started message must be complete
    #[arg(long, env = "BIPLANE_GATEWAY_FRAME_TIMEOUT", default_value = "60")]
    gateway_frame_timeout: String,
    /// Seconds after which a silent device's connection is closed
    #[arg(long, env = "BIPLANE_GATEWAY_IDLE_TIMEOUT", default_value = "600")]
    gateway_idle_timeout: String,
    /// Seconds that a device has to answer a command
    #[arg(long, env = "BIPLANE_GATEWAY_ANSWER_TIMEOUT", default_value = "60")]
    gateway_answer_timeout: String,
    /// Seconds that a stop waits for records and reports on their way
    #[arg(long, env = "BIPLANE_GATEWAY_DRAIN_TIMEOUT", default_value = "10")]
    gateway_drain_timeout: String,
    /// text or json
    #[arg(long, env = "BIPLANE_LOG_FORMAT", default_value = "text")]
    log_format: String,
}

/// What the gateway works by.
#[derive(Clone, Debug)]
pub struct Config {
    /// The log's home.
    pub redis_url: String,
    /// The log's number of partitions.
    pub partitions: u16,
    /// Unique among running instances.
    pub instance: String,
    /// Where Teltonika devices connect; port 0 takes a free one.
    pub teltonika: SocketAddr,
    /// Where else devices are listened to.
    pub listen: Vec<Listen>,
    /// Where phones report.
    pub osmand: Option<Phones>,
    /// Certificate and key of what listens with TLS.
    pub tls: Option<TlsFiles>,
    /// Where health and metrics are read; port 0 takes a free one.
    pub http: SocketAddr,
    /// What becomes of devices that are not in the allowlist.
    pub unknown_devices: UnknownDevices,
    /// What Redis must promise.
    pub durability: DurabilityPolicy,
    /// Most connections in total.
    pub max_connections: usize,
    /// Most connections from one address.
    pub max_per_address: usize,
    /// From connecting to the login.
    pub login_timeout: Duration,
    /// From a message's first bytes to its last.
    pub frame_timeout: Duration,
    /// From one message to the next.
    pub idle_timeout: Duration,
    /// How often registry entries are renewed, which last five minutes; so long, too, a connection
    /// is kept at most whose device another gateway has by now. Not configurable from outside.
    pub renew_every: Duration,
    /// From a command's last byte to the device's answer.
    pub answer_timeout: Duration,
    /// After the start, how long orders wait for devices that are not connected yet: those that
    /// were before the start need a moment to come back. Not configurable from outside.
    pub grace: Duration,
    /// How long a stop waits for records and reports on their way.
    pub drain_timeout: Duration,
    /// How log lines look.
    pub log_format: LogFormat,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            redis_url: "redis://127.0.0.1:6379".into(),
            partitions: 16,
            instance: default_instance(),
            teltonika: SocketAddr::from(([127, 0, 0, 1], 5027)),
            listen: Vec::new(),
            osmand: None,
            tls: None,
            http: SocketAddr::from(([127, 0, 0, 1], 5080)),
            unknown_devices: UnknownDevices::Refuse,
            durability: DurabilityPolicy::Required,
            max_connections: 50_000,
            max_per_address: 25_000,
            login_timeout: Duration::from_secs(30),
            frame_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(600),
            renew_every: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(10),
            log_format: LogFormat::Text,
        }
    }
}

macro_rules! choice {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("choose one of: {}", [$($text),+].join(", "))),
                }
            }
        }
    )+};
}

choice! {
    /// What becomes of devices that are not in the allowlist.
    UnknownDevices {
        /// Their login is refused.
        Refuse = "refuse",
        /// They may send; the processor does not know them.
        Accept = "accept",
        /// They may send; it is kept, bounded, until somebody releases it.
        Quarantine = "quarantine"
    }
    /// What Redis must promise.
    DurabilityPolicy {
        /// Records on disk before it answers.
        Required = "required",
        /// Anything; a warning says what can be lost.
        Relaxed = "relaxed"
    }
    /// How log lines look.
    LogFormat {
        /// For people.
        Text = "text",
        /// One object a line.
        Json = "json"
    }
}

/// Everything that is wrong with the configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is wrong:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn parse<T: FromStr<Err: fmt::Display>>(&mut self, key: &str, text: &str) -> Option<T> {
        let parsed = text.trim().parse();
        if let Err(error) = &parsed {
            self.0.push(format!("{key}: `{text}`: {error}"));
        }
        parsed.ok()
    }

    fn positive<T: FromStr<Err: fmt::Display> + Default + PartialEq>(
        &mut self,
        key: &str,
        text: &str,
    ) -> Option<T> {
        let number = self.parse(key, text)?;
        if number == T::default() {
            self.0.push(format!("{key}: must not be 0"));
        }
        Some(number)
    }
}

impl TryFrom<Options> for Config {
    type Error = ConfigError;

    fn try_from(options: Options) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let o = &options;
        let partitions: Option<u16> = problems.positive("BIPLANE_PARTITIONS", &o.partitions);
        if partitions.is_some_and(|partitions| partitions > 100) {
            problems.0.push("BIPLANE_PARTITIONS: at most 100".into());
        }
        let instance = o.instance.clone().unwrap_or_else(default_instance);
        if instance.trim().is_empty() {
            problems.0.push("BIPLANE_INSTANCE: is empty".into());
        }
        if instance == "alerts" {
            // Its heartbeat would be the key of the stream of alerts.
            problems.0.push("BIPLANE_INSTANCE: `alerts` is taken".into());
        }
        let teltonika = problems.parse("BIPLANE_GATEWAY_TELTONIKA", &o.gateway_teltonika);
        let named = |text: &str| !text.trim().is_empty();
        let listen: Vec<_> = o
            .gateway_listen
            .split(',')
            .filter(|text| named(text))
            .filter_map(|text| problems.parse("BIPLANE_GATEWAY_LISTEN", text))
            .collect();
        let osmand: Option<Phones> = Some(&o.gateway_osmand)
            .filter(|text| named(text))
            .and_then(|text| problems.parse("BIPLANE_GATEWAY_OSMAND", text));
        let tls = match (named(&o.gateway_tls_cert), named(&o.gateway_tls_key)) {
            (true, true) => Some(TlsFiles {
                certificate: o.gateway_tls_cert.clone().into(),
                key: o.gateway_tls_key.clone().into(),
            }),
            (false, false) => None,
            (given, _) => {
                let (with, without) =
                    if given { (tls::CERTIFICATE, tls::KEY) } else { (tls::KEY, tls::CERTIFICATE) };
                problems.0.push(format!("{without}: is missing, and {with} is there"));
                None
            }
        };
        let wants_tls = osmand.is_some_and(|phones| phones.tls)
            || listen.iter().any(|listen: &Listen| listen.transport == Transport::Tls);
        if wants_tls && !named(&o.gateway_tls_cert) && !named(&o.gateway_tls_key) {
            problems.0.push(format!(
                "{}: is missing: tls:// and https:// need it, and {}",
                tls::CERTIFICATE,
                tls::KEY
            ));
        }
        let http = problems.parse("BIPLANE_GATEWAY_HTTP", &o.gateway_http);
        let unknown_devices =
            problems.parse("BIPLANE_GATEWAY_UNKNOWN_DEVICES", &o.gateway_unknown_devices);
        let durability = problems.parse("BIPLANE_GATEWAY_DURABILITY", &o.gateway_durability);
        let max_connections =
            problems.positive("BIPLANE_GATEWAY_MAX_CONNECTIONS", &o.gateway_max_connections);
        let max_per_address =
            problems.positive("BIPLANE_GATEWAY_MAX_PER_ADDRESS", &o.gateway_max_per_address);
        let login = problems.positive("BIPLANE_GATEWAY_LOGIN_TIMEOUT", &o.gateway_login_timeout);
        let frame = problems.positive("BIPLANE_GATEWAY_FRAME_TIMEOUT", &o.gateway_frame_timeout);
        let idle = problems.positive("BIPLANE_GATEWAY_IDLE_TIMEOUT", &o.gateway_idle_timeout);
        let answer = problems.positive("BIPLANE_GATEWAY_ANSWER_TIMEOUT", &o.gateway_answer_timeout);
        let drain = problems.parse("BIPLANE_GATEWAY_DRAIN_TIMEOUT", &o.gateway_drain_timeout);
        let log_format = problems.parse("BIPLANE_LOG_FORMAT", &o.log_format);
        // What could not be read has its problem listed; the defaults below are then unused.
        let default = Self::default();
        if !problems.0.is_empty() {
            return Err(ConfigError { problems: problems.0 });
        }
        Ok(Self {
            redis_url: options.redis_url,
            partitions: partitions.unwrap_or(default.partitions),
            instance,
            teltonika: teltonika.unwrap_or(default.teltonika),
            listen,
            osmand,
            tls,
            http: http.unwrap_or(default.http),
            unknown_devices: unknown_devices.unwrap_or(default.unknown_devices),
            durability: durability.unwrap_or(default.durability),
            max_connections: max_connections.unwrap_or(default.max_connections),
            max_per_address: max_per_address.unwrap_or(default.max_per_address),
            login_timeout: login.map_or(default.login_timeout, Duration::from_secs),
            frame_timeout: frame.map_or(default.frame_timeout, Duration::from_secs),
            idle_timeout: idle.map_or(default.idle_timeout, Duration::from_secs),
            renew_every: default.renew_every,
            answer_timeout: answer.map_or(default.answer_timeout, Duration::from_secs),
            grace: default.grace,
            drain_timeout: drain.map_or(default.drain_timeout, Duration::from_secs),
            log_format: log_format.unwrap_or(default.log_format),
        })
    }
}

fn default_instance() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "gateway" } else { host.trim() };
    format!("{host}-{}", std::process::id())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Options {
        Options::parse_from(["biplane-gateway"].iter().chain(arguments))
    }

    #[test]
    fn all_problems_are_named_at_once_with_their_keys() {
        let error = Config::try_from(options(&[
            "--gateway-teltonika",
            "everywhere",
            "--gateway-unknown-devices",
            "maybe",
            "--gateway-max-connections",
            "0",
            "--partitions",
            "many",
            "--gateway-listen",
            "morse=tcp://127.0.0.1:1, gt06=tcp://127.0.0.1:1,",
        ]))
        .unwrap_err()
        .to_string();
        assert_eq!(error.lines().count(), 6, "{error}");
        for key in
            ["PARTITIONS", "TELTONIKA", "UNKNOWN_DEVICES", "MAX_CONNECTIONS", "LISTEN: `morse"]
        {
            assert!(error.contains(key), "{key} in {error}");
        }
        assert!(error.contains("choose one of: refuse, accept, quarantine"), "{error}");
    }

    #[test]
    fn tls_without_a_certificate_and_half_a_certificate_are_refused() {
        let problems = |arguments: &[&str]| {
            Config::try_from(options(arguments)).map(|_| ()).map_err(|error| error.problems)
        };
        let tls = ["--gateway-listen", "teltonika=tls://127.0.0.1:0"];
        let https = ["--gateway-osmand", "https://127.0.0.1:0"];
        for arguments in [tls, https] {
            let [problem] = &problems(&arguments).unwrap_err()[..] else { panic!("{arguments:?}") };
            assert!(problem.starts_with("BIPLANE_GATEWAY_TLS_CERT: is missing"), "{problem}");
        }
        assert_eq!(
            problems(&["--gateway-tls-cert", "a.pem"]).unwrap_err(),
            ["BIPLANE_GATEWAY_TLS_KEY: is missing, and BIPLANE_GATEWAY_TLS_CERT is there"]
        );
        assert_eq!(
            problems(&[&tls[..], &["--gateway-tls-key", "a.pem"]].concat()).unwrap_err(),
            ["BIPLANE_GATEWAY_TLS_CERT: is missing, and BIPLANE_GATEWAY_TLS_KEY is there"]
        );
        let both = ["--gateway-tls-cert", "a.pem", "--gateway-tls-key", "b.pem"];
        assert_eq!(problems(&[&tls[..], &both].concat()), Ok(()));
    }

    #[test]
    fn the_defaults_typed_and_in_code_are_the_same() {
        let typed = Config::try_from(options(&[])).unwrap();
        assert_eq!(format!("{typed:?}"), format!("{:?}", Config::default()));
    }
}
