//! Where which protocol is spoken.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use biplane_protocols::{PROTOCOLS, Session};

/// An address where devices of one protocol are listened to: `gt06=tcp://0.0.0.0:5023`.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// As in [`biplane_protocols::Protocol::name`].
    pub protocol: &'static str,
    /// Over what.
    pub transport: Transport,
    /// Port 0 takes a free one.
    pub address: SocketAddr,
    pub(crate) session: fn() -> Box<dyn Session>,
}

/// Where phones report over HTTP: `127.0.0.1:5055`, or `https://0.0.0.0:5055`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phones {
    /// Whether with TLS.
    pub tls: bool,
    /// Port 0 takes a free one.
    pub address: SocketAddr,
}

impl FromStr for Phones {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (tls, address) = match text.split_once("://") {
            None | Some(("http", _)) => (false, text.trim_start_matches("http://")),
            Some(("https", address)) => (true, address),
            Some((other, _)) => return Err(format!("`{other}` is neither http nor https")),
        };
        let address = address.parse().map_err(|error| format!("`{address}`: {error}"))?;
        Ok(Self { tls, address })
    }
}

/// What carries a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A connection.
    Tcp,
    /// A connection with TLS.
    Tls,
    /// Datagrams.
    Udp,
}

impl Listen {
    /// Teltonika over TCP.
    pub(crate) fn teltonika(address: SocketAddr) -> Self {
        Self {
            protocol: "teltonika",
            transport: Transport::Tcp,
            address,
            session: || Box::new(biplane_protocols::teltonika::TeltonikaSession::new()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Udp => "udp",
        };
        write!(f, "{}={transport}://{}", self.protocol, self.address)
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write it like gt06=tcp://0.0.0.0:5023";
        let (name, rest) = text.split_once('=').ok_or(example)?;
        let (transport, address) = rest.split_once("://").ok_or(example)?;
        let Some(protocol) = PROTOCOLS.iter().find(|protocol| protocol.name == name) else {
            let known: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
            return Err(format!("`{name}` is no protocol; there is: {}", known.join(", ")));
        };
        let (transport, session) = match transport {
            "tcp" => (Transport::Tcp, protocol.tcp),
            "tls" => (Transport::Tls, protocol.tcp),
            "udp" => (Transport::Udp, protocol.udp),
            other => return Err(format!("`{other}` is neither tcp nor tls nor udp")),
        };
        let session = session.ok_or_else(|| format!("{name} is not spoken like that"))?;
        let address = address.parse().map_err(|error| format!("`{address}`: {error}"))?;
        Ok(Self { protocol: protocol.name, transport, address, session })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_address_is_named() {
        let listen = |text: &str| text.parse::<Listen>().map(|listen| listen.to_string());
        for text in
            ["teltonika=udp://0.0.0.0:5027", "gt06=tcp://[::]:5023", "teltonika=tls://0.0.0.0:5028"]
        {
            assert_eq!(listen(text).as_deref(), Ok(text));
        }
        for (text, why) in [
            ("5023", "write it like"),
            ("gt06=127.0.0.1:5023", "write it like"),
            ("morse=tcp://127.0.0.1:1", "`morse` is no protocol; there is: teltonika, "),
            ("gt06=sctp://127.0.0.1:1", "neither tcp nor tls nor udp"),
            ("gt06=udp://127.0.0.1:1", "gt06 is not spoken like that"),
            ("gt06=tcp://localhost", "`localhost`: invalid socket address"),
        ] {
            let error = listen(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn phones_are_listened_to_with_and_without_tls() {
        let phones = |text: &str| text.parse::<Phones>().map(|it| (it.tls, it.address.port()));
        assert_eq!(phones("127.0.0.1:5055"), Ok((false, 5055)));
        assert_eq!(phones("http://127.0.0.1:5055"), Ok((false, 5055)));
        assert_eq!(phones("https://[::]:5056"), Ok((true, 5056)));
        for text in ["", "5055", "https://", "https://localhost:1", "tls://127.0.0.1:1"] {
            assert!(phones(text).is_err(), "{text}");
        }
    }
}
