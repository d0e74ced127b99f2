use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use crate::SetupError;

/// The ports of a stack, all on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Directus: REST, GraphQL, admin UI.
    pub directus: u16,
    /// The processor's live channel, health and metrics.
    pub live: u16,
    /// The gateway's Teltonika listener.
    pub teltonika: u16,
    /// Where phones report to the gateway.
    pub osmand: u16,
    /// The gateway's health and metrics.
    pub gateway_http: u16,
    /// PostgreSQL.
    pub postgres: u16,
    /// Redis.
    pub redis: u16,
}

impl Ports {
    /// What each is for, its environment variable, and the usual number.
    const NAMES: [(&str, &str, u16); 7] = [
        ("Directus", "BIPLANE_PORT_DIRECTUS", 8055),
        ("the live channel", "BIPLANE_PORT_LIVE", 8056),
        ("Teltonika devices", "BIPLANE_PORT_TELTONIKA", 5027),
        ("phones as trackers", "BIPLANE_PORT_OSMAND", 5055),
        ("the gateway's metrics", "BIPLANE_PORT_GATEWAY_HTTP", 5080),
        ("PostgreSQL", "BIPLANE_PORT_POSTGRES", 5462),
        ("Redis", "BIPLANE_PORT_REDIS", 6462),
    ];

    /// For people: each port's variable and usual number.
    pub fn help() -> String {
        let lines = Self::NAMES
            .map(|(what, variable, usual)| format!("  {variable:26} {what} [default: {usual}]"));
        format!("Ports (environment variables), all on 127.0.0.1:\n{}", lines.join("\n"))
    }

    /// The usual ports, each changed by its environment variable.
    pub fn from_environment() -> Result<Self, SetupError> {
        Self::from_variables(|variable| std::env::var(variable).ok())
    }

    fn from_variables(value: impl Fn(&str) -> Option<String>) -> Result<Self, SetupError> {
        let mut ports = [0; 7];
        let mut wrong = Vec::new();
        for (index, (what, variable, usual)) in Self::NAMES.into_iter().enumerate() {
            let number = value(variable)
                .map_or(Ok(usual), |text| text.parse().ok().filter(|&port| port > 0).ok_or(text));
            match number {
                Err(text) => wrong.push(format!("{variable}={text} ({what}) is no port number")),
                Ok(number) => {
                    if let Some(twin) = ports[..index].iter().position(|&port| port == number) {
                        let twin = Self::NAMES[twin].0;
                        wrong.push(format!("{number} is for {twin} and for {what} ({variable})"));
                    }
                    ports[index] = number;
                }
            }
        }
        if wrong.is_empty() {
            return Ok(Self::from_array(ports));
        }
        Err(SetupError::new("Ports", wrong.join("; "))
            .advice("give each a number of its own, from 1 to 65535"))
    }

    /// Seven ports that are free just now.
    pub fn free() -> Result<Self, SetupError> {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let failed = |error| SetupError::new("Ports", format!("no free port: {error}"));
        // All held at once, so that no port comes twice.
        let listeners = (0..7).map(|_| listen()).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let mut ports = [0; 7];
        for (port, listener) in ports.iter_mut().zip(&listeners) {
            *port = listener.local_addr().map_err(failed)?.port();
        }
        Ok(Self::from_array(ports))
    }

    /// Says which ports can't be had, all at once.
    pub fn check_free(&self) -> Result<(), SetupError> {
        let ports = [
            self.directus,
            self.live,
            self.teltonika,
            self.osmand,
            self.gateway_http,
            self.postgres,
            self.redis,
        ];
        let mut taken = Vec::new();
        for (port, (what, variable, _)) in ports.into_iter().zip(Self::NAMES) {
            if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                let why = match error.kind() {
                    ErrorKind::AddrInUse => "another program listens there".to_owned(),
                    ErrorKind::PermissionDenied => "only root may listen below 1024".to_owned(),
                    _ => error.to_string(),
                };
                taken.push(format!("{port} for {what}: {why} (choose another: {variable}=…)"));
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let what = if taken.len() == 1 { "Port" } else { "Ports" };
        Err(SetupError::new(what, taken.join("; ")).advice(
            "end the program that listens there, or set the variable named to a free port; then start again",
        ))
    }

    const fn from_array(
        [directus, live, teltonika, osmand, gateway_http, postgres, redis]: [u16; 7],
    ) -> Self {
        Self { directus, live, teltonika, osmand, gateway_http, postgres, redis }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_ports_are_named_with_what_they_are_for_and_their_variables() {
        let mut ports = Ports::free().expect("free ports");
        let hold = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = |holder: &TcpListener| holder.local_addr().expect("an address").port();
        let (redis, live) = (hold(), hold());
        ports.redis = port(&redis);
        ports.live = port(&live);
        let error = ports.check_free().expect_err("taken").to_string();
        assert!(error.contains(&format!("{} for Redis: another program", ports.redis)), "{error}");
        assert!(error.contains(&format!("{} for the live channel: ", ports.live)), "{error}");
        assert!(error.contains("BIPLANE_PORT_REDIS"), "{error}");
        assert!(!error.contains("PostgreSQL"), "{error}");
    }

    #[test]
    fn bad_numbers_and_numbers_given_twice_are_said_all_at_once() {
        let error = Ports::from_variables(|variable| match variable {
            "BIPLANE_PORT_DIRECTUS" => Some("eighty".into()),
            "BIPLANE_PORT_LIVE" => Some("0".into()),
            "BIPLANE_PORT_REDIS" => Some("5462".into()),
            _ => None,
        })
        .expect_err("bad")
        .to_string();
        for part in [
            "BIPLANE_PORT_DIRECTUS=eighty (Directus) is no port number",
            "BIPLANE_PORT_LIVE=0 (the live channel) is no port number",
            "5462 is for PostgreSQL and for Redis (BIPLANE_PORT_REDIS)",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
