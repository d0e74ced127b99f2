//! What happens before Directus starts: five steps, of which each can be interrupted anywhere and
//! begun again.

use std::time::{Duration, Instant};

use biplane_store::db_init::{self, DbInitError, Stage};
use tokio_postgres::{Client, NoTls};

use crate::configuration::{self, ConfigurationError};
use crate::directus::{self, AdministratorError, Server, ServerError};
use crate::official::{self, OfficialError};
use crate::schema::{self, Applied, Mode, SchemaError};
use crate::state::State;
use crate::{Installation, Lock, catalog, lock, sql_message};

/// How a boot is to go.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long to wait for the database.
    pub database: Duration,
    /// How long to wait for another replica that boots.
    pub replica: Duration,
    /// How to apply the schema.
    pub schema: schema::Options,
}

impl Default for Options {
    fn default() -> Self {
        let schema = schema::Options::default();
        Self { database: Duration::from_secs(120), replica: Duration::from_secs(1800), schema }
    }
}

/// The step that failed.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// Before anything.
    #[error(transparent)]
    Environment(OfficialError),
    /// 1/5.
    #[error("1/5 database: not reached within {} s: {why}", waited.as_secs())]
    Database {
        /// What the last try came to.
        why: String,
        /// How long it was tried.
        waited: Duration,
    },
    /// Another replica did not finish.
    #[error("another replica has been booting for {} s; look at its log", .0.as_secs())]
    Replica(Duration),
    /// 2/5.
    #[error("2/5 db-init: {0}")]
    DbInit(#[from] DbInitError),
    /// 3/5.
    #[error("3/5 directus bootstrap: {0}")]
    Bootstrap(#[from] OfficialError),
    /// 3/5, and it said that all was well.
    #[error("3/5 directus bootstrap: ended without making its tables; its last words: {0}")]
    NoTables(String),
    /// 4/5.
    #[error("4/5 schema: {0}")]
    Schema(#[from] SchemaError),
    /// 5/5.
    #[error("5/5 configuration: {0}")]
    Configuration(#[from] ConfigurationError),
    /// 5/5, before anything of it was done.
    #[error("5/5 configuration: {0}")]
    Server(#[from] ServerError),
    /// 5/5, likewise.
    #[error("5/5 configuration: {0}")]
    Administrator(#[from] AdministratorError),
    /// In between.
    #[error("PostgreSQL: {}", sql_message(.0))]
    Sql(#[from] tokio_postgres::Error),
}

impl BootError {
    /// 3 where people have to decide, 1 where something went wrong.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Schema(error) => error.exit_code(),
            _ => 1,
        }
    }
}

/// What [`State::Bootstrap`] is until it has a version.
const BEGUN: &str = "begun";

/// What a boot came to.
#[derive(Debug)]
pub struct Booted {
    /// The connection, which holds the lock of the boot: the rest of it is still to come.
    pub database: Client,
    /// What became of the schema.
    pub schema: Applied,
    /// Whether Directus's tables were made just now.
    pub first: bool,
}

/// Steps 1 to 4, alone among all replicas. `say` hears a line for each.
pub async fn prepare(
    installation: &Installation,
    options: &Options,
    say: &dyn Fn(&str),
) -> Result<Booted, BootError> {
    installation.refuse_dot_env().map_err(BootError::Environment)?;
    let started = Instant::now();
    let mut database = connect(installation, options.database, say).await?;
    if !Lock::Boot.take(&database, Duration::ZERO).await? {
        say("another replica is booting; waiting for it");
        if !Lock::Boot.take(&database, options.replica).await? {
            return Err(BootError::Replica(options.replica));
        }
    }
    say(&format!("1/5 database: reached after {:.1} s", started.elapsed().as_secs_f64()));

    let folder = installation.files.db_init();
    let files = db_init::apply(&mut database, &folder, Stage::BeforeDirectus).await?;
    say(&format!("2/5 db-init: {}", count(files.len())));

    let first = bootstrap(installation, &database, say).await?;

    let step = Instant::now();
    let applied = if options.schema.mode == Some(Mode::Skip) {
        Applied::Skipped
    } else {
        let target = schema::read_target(&installation.files)?;
        let say = |doing: &str| say(&format!("4/5 schema: {doing} …"));
        schema::apply(installation, &mut database, &target, &options.schema, &say).await?
    };
    say(&format!("4/5 schema: {applied} ({:.1} s)", step.elapsed().as_secs_f64()));
    if let Applied::Planned(plan) | Applied::Nothing(plan) = &applied
        && !plan.changes.is_empty()
    {
        say(&plan.to_string());
    }
    let is_without_tables = matches!(applied, Applied::Skipped | Applied::Planned(_))
        && catalog::is_fresh(&database).await?;
    if is_without_tables {
        say("    db-init, after Directus: waits until the snapshot has been applied");
        return Ok(Booted { database, schema: applied, first });
    }
    let files = db_init::apply(&mut database, &folder, Stage::AfterDirectus).await?;
    if !files.is_empty() {
        say(&format!("    db-init, after Directus: {}", count(files.len())));
    }
    Ok(Booted { database, schema: applied, first })
}

/// Step 5, of the same boot, where no Directus runs that could do it: one is started for it.
pub async fn configure(
    installation: &Installation,
    booted: &mut Booted,
    say: &dyn Fn(&str),
) -> Result<(), BootError> {
    let started = Instant::now();
    let folder = installation.files.config();
    let database = &mut booted.database;
    if configuration::is_current(database, &folder).await? {
        say("5/5 configuration: nothing new");
        return Ok(());
    }
    say("5/5 configuration: starting Directus …");
    let server = Server::start(installation).await?;
    let configured = async {
        let client = directus::Client::administrator(&server.url, installation, database).await?;
        say("5/5 configuration: merging …");
        Ok::<_, BootError>(configuration::apply(&client, database, &folder).await?)
    }
    .await;
    server.stop().await;
    let report = configured?;
    let seconds = started.elapsed().as_secs_f64();
    say(&format!("5/5 configuration: {} ({seconds:.1} s)", report.summary()));
    for note in report.notes() {
        say(&format!("    {note}"));
    }
    Ok(())
}

fn count(files: usize) -> String {
    match files {
        0 => "nothing new".to_owned(),
        1 => "1 file".to_owned(),
        _ => format!("{files} files"),
    }
}

/// 1/5: until the database answers.
pub async fn connect(
    installation: &Installation,
    at_most: Duration,
    say: &dyn Fn(&str),
) -> Result<Client, BootError> {
    let started = Instant::now();
    let mut told = String::new();
    loop {
        // A host that swallows what is sent to it would hold a try up for minutes.
        let left = at_most.saturating_sub(started.elapsed()).max(Duration::from_secs(1));
        let a_try = tokio_postgres::connect(&installation.database_url, NoTls);
        let why = match tokio::time::timeout(left.min(Duration::from_secs(10)), a_try).await {
            Ok(Ok((client, connection))) => {
                tokio::spawn(connection);
                return Ok(client);
            }
            Ok(Err(error)) => sql_message(&error),
            Err(_) => "the host does not answer".to_owned(),
        };
        if started.elapsed() >= at_most {
            return Err(BootError::Database { why, waited: at_most });
        }
        if why != told {
            say(&format!("1/5 database: {why}; trying again for up to {} s", at_most.as_secs()));
            told = why;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// 3/5: Directus's own tables, once for each version of it; whether they were made just now.
async fn bootstrap(
    installation: &Installation,
    database: &Client,
    say: &dyn Fn(&str),
) -> Result<bool, BootError> {
    let started = Instant::now();
    lock::end_orphans(database, official::BOOTSTRAP).await?;
    let version = installation.directus_version();
    let state = State::Bootstrap.recall(database).await?;
    let mut there = has_tables(database).await?;
    if there && version.is_some() && state == version {
        say("3/5 directus bootstrap: done before");
        return Ok(false);
    }
    if there && state.as_deref() == Some(BEGUN) && catalog::is_fresh(database).await.unwrap_or(true)
    {
        // Interrupted when there was nothing yet: Directus would take its tables for an
        // installation and never make the first administrator. Nobody can have used it.
        say("3/5 directus bootstrap: was interrupted; beginning anew");
        start_over(database).await?;
        there = false;
    }
    if !there {
        State::Bootstrap.remember(database, BEGUN).await?;
    }
    say("3/5 directus bootstrap: running …");
    let said = installation.bootstrap().await?;
    // It exits 0 in cases where it did nothing.
    if !has_tables(database).await? {
        return Err(BootError::NoTables(said));
    }
    State::Bootstrap.remember(database, version.as_deref().unwrap_or("done")).await?;
    say(&format!("3/5 directus bootstrap: done ({:.1} s)", started.elapsed().as_secs_f64()));
    Ok(!there)
}

async fn has_tables(database: &Client) -> Result<bool, tokio_postgres::Error> {
    let there = "SELECT to_regclass('public.directus_users') IS NOT NULL";
    Ok(database.query_one(there, &[]).await?.get(0))
}

async fn start_over(database: &Client) -> Result<(), tokio_postgres::Error> {
    let own = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND starts_with(tablename::text, 'directus_')";
    for row in database.query(own, &[]).await? {
        let table: String = row.get(0);
        database.batch_execute(&format!("DROP TABLE IF EXISTS public.{table} CASCADE")).await?;
    }
    Ok(())
}

impl Installation {
    /// The version in the `package.json` beside Directus's `cli.js`.
    fn directus_version(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.cli.parent()?.join("package.json")).ok()?;
        let package: serde_json::Value = serde_json::from_str(&text).ok()?;
        let own = package["version"].as_str();
        // The image's own package depends on Directus.
        own.filter(|_| package["name"] == "directus")
            .or(package["dependencies"]["directus"].as_str())
            .map(str::to_owned)
    }
}
