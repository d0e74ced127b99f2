//! A private PostgreSQL cluster.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Command;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::layout::SHARED_DATA;
use crate::packages::POSTGRES_BIN;
use crate::process::{Program, Running, is_root, user_exists};
use crate::{Layout, Secrets, SetupError, Step};

/// The database of everything.
pub const DATABASE: &str = "biplane";
/// PostgreSQL's own role that owns the cluster.
pub const SUPERUSER: &str = "postgres";
/// Directus's role: owns the database and the schema `public`.
pub const DIRECTUS: &str = "directus";
/// The processor's role: reads its configuration, writes its results.
pub const PROCESSOR: &str = "biplane_processor";

const NAME: &str = "PostgreSQL";

/// A cluster that is running.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    secrets: Secrets,
}

impl Postgres {
    /// Makes the cluster if there is none, starts it, and makes sure of its roles and database.
    pub async fn start(
        layout: &Layout,
        port: u16,
        secrets: &Secrets,
        step: &Step,
    ) -> Result<(Self, Running), SetupError> {
        let data = data_folder(layout).await?;
        let bin = Path::new(POSTGRES_BIN);
        let folder = data.parent().unwrap_or(&data).to_owned();
        if !data.join("PG_VERSION").exists() {
            make_cluster(layout, &data, secrets, step).await?;
        }
        clear_stale_lock(&data, Duration::from_secs(10)).await?;
        step.note("starting");
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            "timezone=UTC".to_owned(),
            "max_connections=100".to_owned(),
            "shared_buffers=256MB".to_owned(),
            "max_wal_size=2GB".to_owned(),
        ];
        let mut running =
            as_owner(Program::new(NAME, bin.join("postgres"), &folder, layout.log("postgres")))
                .args(["-D".as_ref(), data.as_os_str()])
                .args(settings.iter().flat_map(|setting| ["-c", setting]))
                // SIGINT: end sessions, write everything, stop.
                .stopped_by(Signal::SIGINT)
                .start()?;
        let postgres = Self { port, secrets: secrets.clone() };
        let config = postgres.config(SUPERUSER, "postgres");
        let mut password_is_wrong = false;
        running
            .wait_until(Duration::from_secs(60), async || match connect(&config).await {
                Err(error) if error.code() == Some(&SqlState::INVALID_PASSWORD) => {
                    password_is_wrong = true;
                    Ok(())
                }
                answer => answer.map(|_| ()),
            })
            .await?;
        if password_is_wrong {
            running.stop(Duration::from_secs(10)).await;
            let secret = layout.data.join("secrets/postgres");
            return Err(SetupError::new(
                NAME,
                format!("the databases in {} refuse the password in {}", data.display(), secret.display()),
            )
            .advice(format!(
                "bring back the `secrets` folder that these databases were made with; or, if nothing in them is needed any more, delete {} and start again",
                folder.display()
            )));
        }
        postgres.ensure_roles().await.map_err(|error| sql_error(&error))?;
        Ok((postgres, running))
    }

    /// A connection as the superuser to the database.
    pub async fn superuser(&self) -> Result<Client, SetupError> {
        connect(&self.config(SUPERUSER, DATABASE)).await.map_err(|error| sql_error(&error))
    }

    /// The URL of the database for a role, with its password.
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}:{}@127.0.0.1:{}/{DATABASE}", self.password(role), self.port)
    }

    /// Makes another database beside that of everything, as empty, and its URL for a role.
    pub(crate) async fn another(&self, database: &str, role: &str) -> Result<String, SetupError> {
        self.ensure_database(database).await.map_err(|error| sql_error(&error))?;
        Ok(format!("postgres://{role}:{}@127.0.0.1:{}/{database}", self.password(role), self.port))
    }

    /// The role's password.
    pub fn password(&self, role: &str) -> &str {
        match role {
            DIRECTUS => &self.secrets.directus_db,
            PROCESSOR => &self.secrets.processor_db,
            _ => &self.secrets.postgres,
        }
    }

    fn config(&self, role: &str, database: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(role).password(self.password(role));
        config.dbname(database).connect_timeout(Duration::from_secs(5));
        config
    }

    async fn ensure_roles(&self) -> Result<(), tokio_postgres::Error> {
        let client = connect(&self.config(SUPERUSER, "postgres")).await?;
        for role in [DIRECTUS, PROCESSOR] {
            let exists =
                client.query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&role]).await?;
            let verb = if exists.is_some() { "ALTER" } else { "CREATE" };
            // Utility statements take no parameters; our passwords are hexadecimal digits.
            let password = self.password(role);
            client
                .batch_execute(&format!("{verb} ROLE {role} LOGIN PASSWORD '{password}'"))
                .await?;
        }
        self.ensure_database(DATABASE).await
    }

    async fn ensure_database(&self, database: &str) -> Result<(), tokio_postgres::Error> {
        let client = connect(&self.config(SUPERUSER, "postgres")).await?;
        let exists =
            client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&database]).await?;
        if exists.is_none() {
            client.batch_execute(&format!("CREATE DATABASE {database} OWNER {DIRECTUS}")).await?;
        }
        let client = connect(&self.config(SUPERUSER, database)).await?;
        client
            .batch_execute(&format!(
                "ALTER SCHEMA public OWNER TO {DIRECTUS};
                 ALTER DATABASE {database} SET timezone TO 'UTC';
                 CREATE SCHEMA IF NOT EXISTS postgis;
                 GRANT USAGE ON SCHEMA postgis TO PUBLIC;
                 CREATE EXTENSION IF NOT EXISTS postgis SCHEMA postgis;
                 ALTER DATABASE {database} SET search_path TO public, postgis;"
            ))
            .await
    }
}

/// Makes a cluster under another name first, so that one whose making was interrupted is never
/// taken for a whole one.
async fn make_cluster(
    layout: &Layout,
    data: &Path,
    secrets: &Secrets,
    step: &Step,
) -> Result<(), SetupError> {
    step.note("making the cluster");
    let folder = data.parent().unwrap_or(data);
    let failed = |path: &Path, error: std::io::Error| {
        SetupError::new(NAME, format!("{}: {error}", path.display()))
    };
    let draft = folder.join("data.new");
    if draft.exists() {
        std::fs::remove_dir_all(&draft).map_err(|error| failed(&draft, error))?;
    }
    // initdb reads the password before anything listens; the file goes away at once.
    let password = folder.join("initdb.pw");
    crate::secrets::write_private(&password, &secrets.postgres)
        .map_err(|error| failed(&password, error))?;
    give_to_owner(&password)?;
    let initdb = Path::new(POSTGRES_BIN).join("initdb");
    let made = as_owner(Program::new(NAME, initdb, folder, layout.log("initdb")))
        .args(["--username", SUPERUSER, "--auth", "scram-sha-256"])
        .args(["--encoding", "UTF8", "--locale", "C.UTF-8"])
        .args(["--pwfile".as_ref(), password.as_os_str()])
        .args(["--pgdata".as_ref(), draft.as_os_str()])
        .run(step, Duration::from_secs(120))
        .await;
    let _ = std::fs::remove_file(&password);
    made?;
    std::fs::rename(&draft, data).map_err(|error| failed(data, error))
}

/// Takes away the lock of a server that is no more.
///
/// After a kill or a power cut its process id may belong to another program by now, or to a
/// zombie where nothing reaps them (many containers): PostgreSQL would refuse to start.
async fn clear_stale_lock(data: &Path, patience: Duration) -> Result<(), SetupError> {
    let lock = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&lock) else { return Ok(()) };
    let owner = text.lines().next().unwrap_or_default().trim();
    let hidden = std::fs::read_link(format!("/proc/{owner}/cwd"));
    if hidden.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied) {
        return Ok(());
    }
    // Sessions notice within moments that their server has died.
    let deadline = tokio::time::Instant::now() + patience;
    let mut running = running_in(data);
    while running.is_some() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
        running = running_in(data);
    }
    match running {
        None => std::fs::remove_file(&lock)
            .map_err(|error| SetupError::new(NAME, format!("{}: {error}", lock.display()))),
        Some(process) => Err(SetupError::new(
            NAME,
            format!("process {process} of another PostgreSQL still runs on {}", data.display()),
        )
        .advice(format!("end it (`kill {process}`), then start again"))),
    }
}

/// A process whose working folder is `folder`, as it is of each of PostgreSQL's.
fn running_in(folder: &Path) -> Option<u32> {
    let folder = folder.canonicalize().ok()?;
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).find(|id: &u32| {
        std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == folder)
    })
}

/// PostgreSQL refuses to run as root.
fn as_owner(program: Program) -> Program {
    if is_root() { program.user(SUPERUSER) } else { program }
}

/// Connects and drives the connection in the background.
pub async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        // Ends when the client is dropped; errors reach the client's own calls.
        let _ = connection.await;
    });
    Ok(client)
}

pub(crate) fn sql_error(error: &tokio_postgres::Error) -> SetupError {
    let why = error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned());
    SetupError::new(NAME, why)
}

/// Where the cluster's files are: below the data folder, unless the user `postgres` can't get there.
///
/// PostgreSQL refuses to run as root, so root's cluster belongs to `postgres`,
/// who can't enter, say, a checkout below root's home.
async fn data_folder(layout: &Layout) -> Result<PathBuf, SetupError> {
    let usual = layout.data.join("postgres");
    if !is_root() {
        std::fs::create_dir_all(&usual).map_err(|error| SetupError::new(NAME, error))?;
        return Ok(usual.join("data"));
    }
    if !user_exists(SUPERUSER) {
        return Err(SetupError::new(
            NAME,
            "it refuses to run as root, and this machine has no user `postgres`",
        )
        .advice(
            "run `npm start` as an ordinary user, or install postgresql-15, which makes the user",
        ));
    }
    let other = layout.reachable_data().map_err(|error| SetupError::new(NAME, error))?;
    // Where it is already, it stays, whoever may enter the data folder by now.
    let folders = if other.join("data").exists() { vec![other] } else { vec![usual, other] };
    for folder in folders {
        make_enterable(&folder).map_err(|error| {
            SetupError::new(NAME, format!("cannot make {}: {error}", folder.display()))
        })?;
        give_to_owner(&folder)?;
        let reached = Command::new("setpriv")
            .args(["--reuid", SUPERUSER, "--regid", SUPERUSER, "--init-groups", "--", "test", "-w"])
            .arg(&folder)
            .stderr(Stdio::null())
            .status()
            .await;
        if reached.is_ok_and(|status| status.success()) {
            return Ok(folder.join("data"));
        }
        let _ = std::fs::remove_dir(&folder);
    }
    Err(SetupError::new(
        NAME,
        "the user `postgres` can reach neither the data folder nor /var/lib/biplane",
    )
    .advice("name a data folder that every user can enter with --data (or BIPLANE_DATA)"))
}

/// Makes a folder; those of ours on the way to it are open to all, whatever the umask says.
fn make_enterable(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(folder)?;
    match folder.parent().filter(|parent| *parent == Path::new(SHARED_DATA)) {
        Some(parent) => std::fs::set_permissions(parent, PermissionsExt::from_mode(0o755)),
        None => Ok(()),
    }
}

fn give_to_owner(path: &Path) -> Result<(), SetupError> {
    if !is_root() {
        return Ok(());
    }
    let user = nix::unistd::User::from_name(SUPERUSER)
        .ok()
        .flatten()
        .ok_or_else(|| SetupError::new(NAME, "this machine has no user `postgres`"))?;
    nix::unistd::chown(path, Some(user.uid), Some(user.gid))
        .map_err(|error| SetupError::new(NAME, format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_lock_of_a_dead_server_goes_and_that_of_a_running_one_stays() {
        let data = std::env::temp_dir().join(format!("biplane-lock-{}", std::process::id()));
        std::fs::create_dir_all(&data).expect("a folder");
        let lock = data.join("postmaster.pid");
        // The process id lives: it is ours. It has nothing to do with that folder.
        std::fs::write(&lock, format!("{}\n", std::process::id())).expect("written");
        clear_stale_lock(&data, Duration::from_millis(300)).await.expect("cleared");
        assert!(!lock.exists());

        let mut sleeping =
            Command::new("sleep").arg("60").current_dir(&data).spawn().expect("sleep");
        let owner = sleeping.id().expect("it runs");
        std::fs::write(&lock, format!("{owner}\n")).expect("written");
        let error = clear_stale_lock(&data, Duration::from_millis(300))
            .await
            .expect_err("it runs")
            .to_string();
        assert!(error.contains("still runs on"), "{error}");
        assert!(lock.exists());
        sleeping.kill().await.expect("ended");
        std::fs::remove_dir_all(data).expect("removed");
    }
}
