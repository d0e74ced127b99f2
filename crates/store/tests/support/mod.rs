//! A real PostgreSQL with PostGIS for a test: own port, own folder, stopped when dropped.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use biplane_store::db_init::{self, Stage};
use tokio_postgres::{Client, NoTls};

const BIN: &str = "/usr/lib/postgresql/15/bin";

pub struct TestPostgres {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

/// PostgreSQL refuses to run as root.
fn command(program: &str) -> Command {
    let path = Path::new(BIN).join(program);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

impl TestPostgres {
    /// With the database `biplane`, both planes' tables, and the processor's role.
    pub async fn start() -> Self {
        let server = Self::bare().await;
        server.initialize().await;
        server
    }

    /// With nothing but what initdb makes.
    pub async fn bare() -> Self {
        let folder = tempfile::Builder::new().prefix("biplane-test-pg").tempdir_in("/tmp").unwrap();
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(owned.success());
        }
        let made = command("initdb")
            .current_dir(folder.path())
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .arg("--pgdata=data")
            .stdout(Stdio::null())
            .status()
            .expect("postgresql-15 is installed");
        assert!(made.success());
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut server = Self { folder, port, child: None };
        server.start_again().await;
        server
    }

    /// Stops at once, as a crash would: SIGQUIT.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().to_string();
            let _ = Command::new("kill").args(["-QUIT", &pid]).status();
            let _ = child.wait();
        }
    }

    /// Again on the same port and files.
    pub async fn start_again(&mut self) {
        let folder = self.folder.path();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = command("postgres")
            .current_dir(folder)
            .args([
                "-D",
                "data",
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
            ])
            .args(["-c", &format!("port={}", self.port), "-c", "max_wal_size=2GB"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.try_client("postgres", "postgres").await.is_none() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(Instant::now() < deadline, "PostgreSQL does not start: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn url(&self) -> String {
        format!("postgres://biplane_processor@127.0.0.1:{}/biplane", self.port)
    }

    /// As the superuser.
    pub async fn client(&self) -> Client {
        self.try_client("postgres", "biplane").await.unwrap()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub async fn try_client(&self, role: &str, database: &str) -> Option<Client> {
        let url = format!("postgres://{role}@127.0.0.1:{}/{database}", self.port);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.ok()?;
        tokio::spawn(connection);
        Some(client)
    }

    async fn initialize(&self) {
        let client = self.try_client("postgres", "postgres").await.unwrap();
        for statement in [
            "CREATE ROLE directus LOGIN",
            "CREATE ROLE biplane_processor LOGIN",
            "CREATE DATABASE biplane OWNER directus",
        ] {
            client.batch_execute(statement).await.unwrap();
        }
        let mut client = self.client().await;
        client
            .batch_execute(
                "ALTER SCHEMA public OWNER TO directus;
                 CREATE SCHEMA postgis; GRANT USAGE ON SCHEMA postgis TO PUBLIC;
                 CREATE EXTENSION postgis SCHEMA postgis;
                 ALTER DATABASE biplane SET search_path TO public, postgis;
                 SET search_path TO public, postgis;",
            )
            .await
            .unwrap();
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../db-init");
        db_init::apply(&mut client, &folder, Stage::BeforeDirectus).await.unwrap();
        client.batch_execute(include_str!("public.sql")).await.unwrap();
        db_init::apply(&mut client, &folder, Stage::AfterDirectus).await.unwrap();
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        self.stop();
    }
}
