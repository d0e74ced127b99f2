//! A Directus that runs for a while, for nobody but us.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;

use super::client::{ApiError, Client};
use crate::Installation;
use crate::official::OfficialError;
use crate::output::Output;

/// Longer than any start that was seen; a small machine that has much to do takes its time.
const AT_MOST: Duration = Duration::from_secs(180);

/// How long it may take to end its sessions.
const GRACE: Duration = Duration::from_secs(10);

/// What makes a server one that is there for us alone, whatever else its environment says.
const ALONE: [(&str, &str); 7] = [
    ("HOST", "127.0.0.1"),
    ("SERVE_APP", "false"),
    ("WEBSOCKETS_ENABLED", "false"),
    ("TELEMETRY", "false"),
    // Both are there to turn requests away.
    ("RATE_LIMITER_ENABLED", "false"),
    ("RATE_LIMITER_GLOBAL_ENABLED", "false"),
    ("PRESSURE_LIMITER_ENABLED", "false"),
];

/// Why a Directus was not there.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It was not started.
    #[error(transparent)]
    Official(#[from] OfficialError),
    /// Nor could it be spoken to.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// This machine gave it no port or no file.
    #[error("cannot make room for `directus start`: {0}")]
    Room(#[from] std::io::Error),
    /// It ended.
    #[error("`directus start` ended ({how}) before it answered: {output}")]
    Ended {
        /// With what.
        how: std::process::ExitStatus,
        /// The end of its output.
        output: String,
    },
    /// It did not answer.
    #[error("`directus start` did not answer within {seconds} s; its last words: {output}")]
    Slow {
        /// How long was waited.
        seconds: u64,
        /// The end of its output.
        output: String,
    },
}

/// A server on loopback, at a free port. It ends with us, however we end.
pub(crate) struct Server {
    child: Child,
    /// Where it answers.
    pub url: String,
}

impl Server {
    /// Starts it and waits until it answers.
    pub async fn start(installation: &Installation) -> Result<Self, ServerError> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        let mut command = installation.bound(&["start"])?;
        command.envs(ALONE).env("PORT", port.to_string()).env("PUBLIC_URL", &url);
        // It would be listened on instead of the port.
        command.env_remove("UNIX_SOCKET_PATH");
        let output = Output::new()?;
        output.of(&mut command)?;
        let mut server = Self { child: command.spawn()?, url };
        let ping = Client::anonymous(&server.url)?;
        let deadline = tokio::time::Instant::now() + AT_MOST;
        while ping.ping().await.is_err() {
            if let Some(how) = server.child.try_wait()? {
                return Err(ServerError::Ended { how, output: output.last_words() });
            }
            if tokio::time::Instant::now() > deadline {
                server.stop().await;
                let (seconds, output) = (AT_MOST.as_secs(), output.last_words());
                return Err(ServerError::Slow { seconds, output });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(server)
    }

    /// Asks it to end, and ends it when it takes too long.
    pub async fn stop(mut self) {
        if let Some(pid) = self.child.id() {
            let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM);
        }
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}
