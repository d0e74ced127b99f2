//! A real Redis for a test: own port, own folder, killed when dropped.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Who may do what, as everywhere.
const USERS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/redis/users.conf"));

/// Of all its users.
const PASSWORD: &str = "of-a-test";

pub struct TestRedis {
    folder: tempfile::TempDir,
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

impl TestRedis {
    /// As the stack runs it: append-only file, flushed before each answer.
    pub fn start() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    pub fn start_with(options: &[&str]) -> Self {
        let mut redis = Self {
            folder: tempfile::tempdir().unwrap(),
            port: 0,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            child: None,
        };
        // Another process may take the free port before Redis does: then another one.
        for _ in 0..5 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            redis.port = free.local_addr().unwrap().port();
            drop(free);
            if redis.try_start() {
                return redis;
            }
        }
        panic!("redis-server does not start: {}", redis.log());
    }

    /// As the user who may do everything.
    pub fn url(&self) -> String {
        self.url_of("default")
    }

    /// As a process's user: `gateway`, `processor` or `directus`.
    pub fn url_of(&self, user: &str) -> String {
        format!("redis://{user}:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stands still, as a machine that hangs: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Goes on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// Again on the same port and files.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs");
        assert!(self.try_start(), "redis-server does not start again: {}", self.log());
    }

    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    fn try_start(&mut self) -> bool {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let users = self.folder.path().join("users.conf");
        let named = ["_GATEWAY", "_PROCESSOR", "_DIRECTUS", ""];
        let text = named.iter().fold(USERS.to_owned(), |text, name| {
            text.replace(&format!("$REDIS{name}_PASSWORD"), PASSWORD)
        });
        std::fs::write(&users, text).unwrap();
        let mut child = Command::new("redis-server")
            .arg(&users)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            if self.answers() {
                self.child = Some(child);
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    fn answers(&self) -> bool {
        let ping = || -> std::io::Result<bool> {
            let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            socket.set_read_timeout(Some(Duration::from_secs(2)))?;
            write!(socket, "AUTH {PASSWORD}\r\nPING\r\n")?;
            let mut answer = [0; 12];
            socket.read_exact(&mut answer)?;
            Ok(&answer == b"+OK\r\n+PONG\r\n")
        };
        ping().unwrap_or(false)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
