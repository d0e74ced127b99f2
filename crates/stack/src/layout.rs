use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::SetupError;

/// Where things are.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The checkout.
    pub project: PathBuf,
    /// What this installation keeps: databases, secrets, logs, uploads.
    pub data: PathBuf,
    /// Tools shared by all checkouts of this user.
    pub cache: PathBuf,
}

impl Layout {
    /// The layout of the checkout that `start` lies in; `data` defaults to its `.biplane/`.
    pub fn of_checkout(start: &Path, data: Option<PathBuf>) -> Result<Self, SetupError> {
        let project = start
            .ancestors()
            .find(|folder| {
                folder.join("snapshots").is_dir() && folder.join("package.json").is_file()
            })
            .ok_or_else(|| {
                SetupError::new(
                    "Checkout",
                    format!("no Biplane checkout holds {}", start.display()),
                )
                .advice("run this inside a clone of the project")
            })?
            .to_owned();
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .unwrap_or_else(std::env::temp_dir)
            .join("biplane");
        let data = data.unwrap_or_else(|| project.join(".biplane"));
        for folder in [&data, &data.join("logs"), &cache] {
            std::fs::create_dir_all(folder).map_err(|error| {
                SetupError::new("Folders", format!("cannot make {}: {error}", folder.display()))
                    .advice("make the folder writable, or name another one with --data (or BIPLANE_DATA)")
            })?;
        }
        // A folder may exist and still be read-only.
        let probe = data.join("logs/.writable");
        std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(|error| {
            SetupError::new("Folders", format!("cannot write in {}: {error}", data.display()))
                .advice("make the folder writable, or name another one with --data (or BIPLANE_DATA)")
        })?;
        let data = data
            .canonicalize()
            .map_err(|error| SetupError::new("Folders", format!("{}: {error}", data.display())))?;
        Ok(Self { project, data, cache })
    }

    /// The log of a step or process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.data.join("logs").join(format!("{name}.log"))
    }

    /// Node 22, when the system has another.
    pub fn node(&self) -> PathBuf {
        self.project.join(".biplane/node")
    }

    /// Where cargo puts its results: this checkout's own.
    pub fn cargo_target(&self) -> PathBuf {
        self.project.join("target")
    }

    /// The environment of cargo: results here, what was compiled on the way in the cache, since
    /// dependencies are the same in every checkout.
    pub fn cargo_env(&self) -> [(&'static str, PathBuf); 2] {
        let build = std::env::var_os("CARGO_BUILD_BUILD_DIR")
            .map_or_else(|| self.cache.join("target"), PathBuf::from);
        [("CARGO_TARGET_DIR", self.cargo_target()), ("CARGO_BUILD_BUILD_DIR", build)]
    }

    /// Deletes the data folder with everything in it: for installations made for a test.
    pub fn remove(&self) -> Result<(), SetupError> {
        for folder in [&self.data, &self.reachable_data()] {
            match std::fs::remove_dir_all(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(SetupError::new(
                        "Folders",
                        format!("cannot delete {}: {error}", folder.display()),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Data of a server that runs as another user, who can't enter [`Layout::data`].
    pub(crate) fn reachable_data(&self) -> PathBuf {
        PathBuf::from("/var/lib/biplane").join(self.fingerprint())
    }

    /// A name for this data folder that is unique on this machine.
    fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.data.as_os_str().as_encoded_bytes());
        digest[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The ports of a stack, all on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Directus: REST, GraphQL, admin UI.
    pub directus: u16,
    /// The processor's live channel, health and metrics.
    pub live: u16,
    /// The gateway's Teltonika listener.
    pub teltonika: u16,
    /// The gateway's health and metrics.
    pub gateway_http: u16,
    /// PostgreSQL.
    pub postgres: u16,
    /// Redis.
    pub redis: u16,
}

impl Ports {
    const NAMES: [(&str, &str, u16); 6] = [
        ("Directus", "BIPLANE_PORT_DIRECTUS", 8055),
        ("the live channel", "BIPLANE_PORT_LIVE", 8056),
        ("Teltonika devices", "BIPLANE_PORT_TELTONIKA", 5027),
        ("the gateway's metrics", "BIPLANE_PORT_GATEWAY_HTTP", 5080),
        ("PostgreSQL", "BIPLANE_PORT_POSTGRES", 5462),
        ("Redis", "BIPLANE_PORT_REDIS", 6462),
    ];

    /// The usual ports, each changed by its environment variable.
    pub fn from_environment() -> Result<Self, SetupError> {
        let mut ports = [0; 6];
        for (port, (what, variable, usual)) in ports.iter_mut().zip(Self::NAMES) {
            *port = match std::env::var(variable) {
                Ok(text) => text.parse().ok().filter(|&port| port > 0).ok_or_else(|| {
                    SetupError::new(
                        "Ports",
                        format!("{variable}={text} ({what}) is no port number"),
                    )
                    .advice("give a number from 1 to 65535")
                })?,
                Err(_) => usual,
            };
        }
        Ok(Self::from_array(ports))
    }

    /// Six ports that are free just now.
    pub fn free() -> Result<Self, SetupError> {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let failed = |error| SetupError::new("Ports", format!("no free port: {error}"));
        // All held at once, so that no port comes twice.
        let listeners = (0..6).map(|_| listen()).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let mut ports = [0; 6];
        for (port, listener) in ports.iter_mut().zip(&listeners) {
            *port = listener.local_addr().map_err(failed)?.port();
        }
        Ok(Self::from_array(ports))
    }

    /// Says which ports are taken by another program, all at once.
    pub fn check_free(&self) -> Result<(), SetupError> {
        let ports = [
            self.directus,
            self.live,
            self.teltonika,
            self.gateway_http,
            self.postgres,
            self.redis,
        ];
        let mut taken = Vec::new();
        for (port, (what, variable, _)) in ports.into_iter().zip(Self::NAMES) {
            if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                taken.push(format!("port {port} for {what} ({error}; another: {variable}=…)"));
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        Err(SetupError::new("Ports", taken.join("; "))
            .advice("end the program that holds the port, or set the variable named to a free one"))
    }

    const fn from_array(
        [directus, live, teltonika, gateway_http, postgres, redis]: [u16; 6],
    ) -> Self {
        Self { directus, live, teltonika, gateway_http, postgres, redis }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_what_it_is_for_and_its_variable() {
        let mut ports = Ports::free().expect("free ports");
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        ports.redis = holder.local_addr().expect("an address").port();
        let error = ports.check_free().expect_err("taken").to_string();
        assert!(error.contains(&format!("port {} for Redis", ports.redis)), "{error}");
        assert!(error.contains("BIPLANE_PORT_REDIS"), "{error}");
        assert!(!error.contains("PostgreSQL"), "{error}");
    }

    #[test]
    fn a_folder_outside_any_checkout_is_refused() {
        let error = Layout::of_checkout(Path::new("/"), None).expect_err("no checkout");
        assert!(error.to_string().contains("no Biplane checkout"));
    }
}
