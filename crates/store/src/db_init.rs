//! `db-init/`: the SQL that Directus does not manage.
//!
//! `NNN_*.sql` runs once, in order; `always/*.sql` (functions, grants, triggers)
//! whenever its text changed. Each file runs in a transaction with the row that
//! records it, so that a file has either happened and is recorded, or neither.
//!
//! Header lines, among the first five of a file:
//! - `-- biplane: after-directus` makes it wait until Directus has its tables;
//! - `-- biplane: no-transaction` is for one statement that PostgreSQL takes outside of transactions
//!   only, such as `CREATE INDEX CONCURRENTLY IF NOT EXISTS`. It must bear being run twice: a crash
//!   can come between it and its record.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio_postgres::{Client, GenericClient};

const AFTER_DIRECTUS: &str = "-- biplane: after-directus";
const NO_TRANSACTION: &str = "-- biplane: no-transaction";

/// Which files a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before Directus's own steps.
    BeforeDirectus,
    /// After Directus's tables are there: files marked `-- biplane: after-directus`.
    AfterDirectus,
}

/// A file that was run.
#[derive(Debug)]
pub struct Applied {
    /// Its path below `db-init/`.
    pub name: String,
    /// How long it took.
    pub took: Duration,
}

/// Why `db-init` stopped. Files before the one named stay applied.
#[derive(Debug, thiserror::Error)]
pub enum DbInitError {
    /// A folder or file could not be read, or copied.
    #[error("cannot read or write {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that runs once was changed after it ran.
    #[error(
        "db-init/{name} was edited after it was applied; undo the edit and put the change into a new file"
    )]
    Edited {
        /// Which.
        name: String,
    },
    /// PostgreSQL refused a file; it was rolled back, unless its header asks for no transaction.
    #[error("db-init/{name} failed and was not recorded: {}", sql_message(source))]
    File {
        /// Which.
        name: String,
        /// Why.
        source: tokio_postgres::Error,
    },
    /// The guard table could not be read or made.
    #[error("cannot read telemetry's record of applied files: {}", sql_message(source))]
    Guard {
        /// Why.
        #[from]
        source: tokio_postgres::Error,
    },
}

fn sql_message(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |db| format!("{} (SQLSTATE {})", db.message(), db.code().code()),
    )
}

struct SqlFile {
    name: String,
    text: String,
    checksum: String,
    once: bool,
}

impl SqlFile {
    fn has_header(&self, line: &str) -> bool {
        self.text.lines().take(5).any(|other| other.trim() == line)
    }
}

/// Runs what is due of `folder` at this stage, on a connection that owns the database.
///
/// One at a time in a database: another run waits, and finds done what this one did.
pub async fn apply(
    client: &mut Client,
    folder: &Path,
    stage: Stage,
) -> Result<Vec<Applied>, DbInitError> {
    let mut applied = Vec::new();
    for outcome in apply_each(client, folder, stage, true).await? {
        applied.push(outcome?);
    }
    Ok(applied)
}

/// The same on a database that has not all tables that the files speak of: what fails is left out,
/// and returned.
pub async fn apply_possible(
    client: &mut Client,
    folder: &Path,
    stage: Stage,
) -> Result<Vec<DbInitError>, DbInitError> {
    let outcomes = apply_each(client, folder, stage, false).await?;
    Ok(outcomes.into_iter().filter_map(Result::err).collect())
}

type Outcome = Result<Applied, DbInitError>;

async fn apply_each(
    client: &mut Client,
    folder: &Path,
    stage: Stage,
    stops: bool,
) -> Result<Vec<Outcome>, DbInitError> {
    client.execute("SELECT pg_advisory_lock(hashtext('biplane db-init'))", &[]).await?;
    let applied = apply_alone(client, folder, stage, stops).await;
    // The end of a broken connection gives it back as well.
    let _ = client.execute("SELECT pg_advisory_unlock(hashtext('biplane db-init'))", &[]).await;
    applied
}

async fn apply_alone(
    client: &mut Client,
    folder: &Path,
    stage: Stage,
    stops: bool,
) -> Result<Vec<Outcome>, DbInitError> {
    client
        .batch_execute(
            "CREATE SCHEMA IF NOT EXISTS telemetry;
             CREATE TABLE IF NOT EXISTS telemetry.migrations_applied (
                 name text PRIMARY KEY,
                 checksum text NOT NULL,
                 duration_ms bigint NOT NULL,
                 applied_by text NOT NULL DEFAULT current_user,
                 applied_at timestamptz NOT NULL DEFAULT now()
             );",
        )
        .await?;
    let mut applied = Vec::new();
    for file in files(folder, stage)? {
        let recorded: Option<String> = client
            .query_opt(
                "SELECT checksum FROM telemetry.migrations_applied WHERE name = $1",
                &[&file.name],
            )
            .await?
            .map(|row| row.get(0));
        match recorded {
            Some(checksum) if checksum == file.checksum => continue,
            Some(_) if file.once => return Err(DbInitError::Edited { name: file.name }),
            _ => {}
        }
        let started = Instant::now();
        let outcome = run(client, &file).await;
        let failed = outcome.is_err();
        applied.push(match outcome {
            Ok(()) => Ok(Applied { name: file.name, took: started.elapsed() }),
            Err(source) => Err(DbInitError::File { name: file.name, source }),
        });
        if failed && stops {
            break;
        }
    }
    Ok(applied)
}

async fn run(client: &mut Client, file: &SqlFile) -> Result<(), tokio_postgres::Error> {
    let started = Instant::now();
    if file.has_header(NO_TRANSACTION) {
        client.batch_execute(&file.text).await?;
        return record(client, file, started.elapsed()).await;
    }
    let transaction = client.transaction().await?;
    transaction.batch_execute(&file.text).await?;
    record(&transaction, file, started.elapsed()).await?;
    transaction.commit().await
}

async fn record(
    client: &impl GenericClient,
    file: &SqlFile,
    took: Duration,
) -> Result<(), tokio_postgres::Error> {
    let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    client
        .execute(
            "INSERT INTO telemetry.migrations_applied (name, checksum, duration_ms) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum,
                 duration_ms = excluded.duration_ms, applied_by = current_user, applied_at = now()",
            &[&file.name, &file.checksum, &took],
        )
        .await?;
    Ok(())
}

/// Copies the files of a stage into another folder, for a database that is to see no others.
pub fn copy(folder: &Path, to: &Path, stage: Stage) -> Result<(), DbInitError> {
    std::fs::create_dir_all(to.join("always"))
        .map_err(|source| DbInitError::Read { path: to.to_owned(), source })?;
    for file in files(folder, stage)? {
        let path = to.join(file.name);
        std::fs::write(&path, file.text).map_err(|source| DbInitError::Read { path, source })?;
    }
    Ok(())
}

/// The files of a stage: first those that run once, then `always/`, each by name.
fn files(folder: &Path, stage: Stage) -> Result<Vec<SqlFile>, DbInitError> {
    let mut found = read_folder(folder, "", true)?;
    let always = folder.join("always");
    // git keeps no empty folders.
    if always.exists() {
        found.extend(read_folder(&always, "always/", false)?);
    }
    found.retain(|file| file.has_header(AFTER_DIRECTUS) == (stage == Stage::AfterDirectus));
    Ok(found)
}

fn read_folder(folder: &Path, prefix: &str, once: bool) -> Result<Vec<SqlFile>, DbInitError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DbInitError::Read { path, source }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let digest = Sha256::digest(text.as_bytes());
            let checksum = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(SqlFile { name: format!("{prefix}{name}"), checksum, text, once })
        })
        .collect()
}
