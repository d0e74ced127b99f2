//! Directus: made ready, started, and spoken to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::Client as Database;

pub use biplane_pipeline::directus::{ApiError, Client};

use crate::node::Node;
use crate::postgres::{DATABASE, DIRECTUS, Postgres};
use crate::process::{Program, Running};
use crate::{Layout, Ports, Secrets, SetupError, Step};

/// The first administrator's login.
pub const ADMIN_EMAIL: &str = "admin@example.com";

const NAME: &str = "Directus";

/// A Directus of this stack, not necessarily running.
#[derive(Debug)]
pub struct Directus {
    node: Node,
    cli: PathBuf,
    folder: PathBuf,
    env: Vec<(String, String)>,
    snapshot: PathBuf,
    /// Where it answers.
    pub url: String,
}

impl Directus {
    /// Lays out its working folder and environment.
    pub fn new(
        layout: &Layout,
        node: &Node,
        postgres: &Postgres,
        ports: &Ports,
        secrets: &Secrets,
    ) -> Result<Self, SetupError> {
        // A folder of its own: Directus reads a `.env` in its working folder over the
        // environment, and loads no extension where there is no package.json.
        let folder = layout.data.join("directus");
        let failed =
            |error: std::io::Error| SetupError::new(NAME, format!("{}: {error}", folder.display()));
        let extensions = folder.join("extensions");
        std::fs::create_dir_all(&extensions).map_err(failed)?;
        std::fs::create_dir_all(folder.join("uploads")).map_err(failed)?;
        std::fs::write(folder.join("package.json"), "{\"private\":true,\"type\":\"module\"}\n")
            .map_err(failed)?;
        if folder.join(".env").exists() {
            return Err(SetupError::new(
                NAME,
                format!("{} would override the environment", folder.join(".env").display()),
            )
            .advice("move that file away"));
        }
        let link = extensions.join("biplane");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(layout.project.join("extensions/biplane"), &link)
            .map_err(failed)?;

        let url = format!("http://127.0.0.1:{}", ports.directus);
        let live = ports.live;
        let port = postgres
            .url(DIRECTUS)
            .rsplit(':')
            .next()
            .and_then(|rest| rest.split('/').next().map(str::to_owned));
        let env = [
            ("HOST", "127.0.0.1".to_owned()),
            ("PORT", ports.directus.to_string()),
            ("PUBLIC_URL", url.clone()),
            ("DB_CLIENT", "pg".to_owned()),
            ("DB_HOST", "127.0.0.1".to_owned()),
            ("DB_PORT", port.unwrap_or_default()),
            ("DB_DATABASE", DATABASE.to_owned()),
            ("DB_USER", DIRECTUS.to_owned()),
            ("DB_PASSWORD", postgres.password(DIRECTUS).to_owned()),
            ("SECRET", secrets.directus.clone()),
            ("ADMIN_EMAIL", ADMIN_EMAIL.to_owned()),
            ("ADMIN_PASSWORD", secrets.admin.clone()),
            ("EXTENSIONS_PATH", extensions.display().to_string()),
            ("STORAGE_LOCATIONS", "local".to_owned()),
            ("STORAGE_LOCAL_ROOT", folder.join("uploads").display().to_string()),
            ("WEBSOCKETS_ENABLED", "true".to_owned()),
            ("TELEMETRY", "false".to_owned()),
            // Without the bundle nothing would be validated.
            ("EXTENSIONS_MUST_LOAD", "true".to_owned()),
            // Policies cache what they know of the user.
            ("CACHE_ENABLED", "false".to_owned()),
            ("LOG_STYLE", "raw".to_owned()),
            ("BIPLANE_LIVE_URL", format!("ws://127.0.0.1:{live}/live")),
            // The admin UI may speak to the live channel, which is another origin. The whole
            // list, since Directus merges arrays by index.
            (
                "CONTENT_SECURITY_POLICY_DIRECTIVES__CONNECT_SRC",
                format!(
                    "array:'self',https://*,wss://*,ws://127.0.0.1:{live},ws://localhost:{live}"
                ),
            ),
            ("CONTENT_SECURITY_POLICY_DIRECTIVES__WORKER_SRC", "array:'self',blob:".to_owned()),
        ];
        let tiles = std::env::var("BIPLANE_TILES").ok().map(|tiles| ("BIPLANE_TILES", tiles));
        let env =
            env.into_iter().chain(tiles).map(|(key, value)| (key.to_owned(), value)).collect();
        Ok(Self {
            node: node.clone(),
            cli: layout.project.join("node_modules/directus/cli.js"),
            folder,
            env,
            snapshot: layout.project.join("snapshots/schema.yaml"),
            url,
        })
    }

    /// Whether Directus has its tables in the database.
    pub async fn has_tables(&self, database: &Database) -> Result<bool, SetupError> {
        database
            .query_one("SELECT to_regclass('public.directus_users') IS NOT NULL", &[])
            .await
            .map(|row| row.get(0))
            .map_err(|error| crate::postgres::sql_error(&error))
    }

    /// Makes Directus's tables and the first administrator.
    pub async fn bootstrap(
        &self,
        layout: &Layout,
        database: &Database,
        step: &Step,
    ) -> Result<(), SetupError> {
        self.program(layout, "directus-bootstrap", &["bootstrap"])
            .run(step, Duration::from_secs(300))
            .await?;
        // It exits 0 in cases where it did nothing.
        if self.has_tables(database).await? {
            return Ok(());
        }
        Err(SetupError::new(NAME, "bootstrap ended without making its tables")
            .log(&layout.log("directus-bootstrap")))
    }

    /// Applies the snapshot to a database that has none of its collections.
    ///
    /// Never on top of work: Directus's apply deletes what the snapshot lacks.
    pub async fn apply_to_fresh(
        &self,
        layout: &Layout,
        database: &Database,
        step: &Step,
    ) -> Result<bool, SetupError> {
        let text = std::fs::read_to_string(&self.snapshot).map_err(|error| {
            SetupError::new("Schema", format!("{}: {error}", self.snapshot.display()))
        })?;
        let snapshot = text.parse::<biplane_schema::Snapshot>().map_err(|error| {
            SetupError::new("Schema", format!("snapshots/schema.yaml: {error}"))
        })?;
        let existing: i64 = database
            .query_one("SELECT count(*) FROM directus_collections", &[])
            .await
            .map_err(|error| crate::postgres::sql_error(&error))?
            .get(0);
        if existing > 0 {
            return Ok(false);
        }
        self.program(layout, "directus-apply", &["schema", "apply", "--yes"])
            .args([&self.snapshot])
            .run(step, Duration::from_secs(300))
            .await?;
        // It exits 0 in cases where it applied nothing, or half.
        let made: i64 = database
            .query_one("SELECT count(*) FROM directus_collections", &[])
            .await
            .map_err(|error| crate::postgres::sql_error(&error))?
            .get(0);
        let wanted = snapshot.collections.len();
        if usize::try_from(made) != Ok(wanted) {
            return Err(SetupError::new(
                "Schema",
                format!("the snapshot has {wanted} collections, the database {made}"),
            )
            .log(&layout.log("directus-apply")));
        }
        Ok(true)
    }

    /// Starts the server and waits until it answers.
    pub async fn start(&self, layout: &Layout) -> Result<Running, SetupError> {
        let mut running = self.program(layout, "directus", &["start"]).start()?;
        let health = format!("{}/server/ping", self.url);
        running
            .wait_until(Duration::from_secs(120), async || {
                reqwest::get(&health).await?.error_for_status().map(|_| ())
            })
            .await?;
        Ok(running)
    }

    fn program(&self, layout: &Layout, log: &str, args: &[&str]) -> Program {
        let mut program =
            self.node.script(NAME, &self.cli, Path::new(&self.folder), layout.log(log)).args(args);
        for (key, value) in &self.env {
            program = program.env(key, value);
        }
        program
    }
}

/// A login that failed, for a user whose password lies in `secret`.
pub fn login_failed(what: &str, email: &str, secret: &Path, error: &ApiError) -> SetupError {
    let refused = matches!(error, ApiError::Refused { code, .. } if code == "INVALID_CREDENTIALS");
    if !refused {
        return SetupError::new(what, error);
    }
    let secret = secret.display();
    SetupError::new(
        what,
        format!("Directus refuses the login of {email} with the password in {secret}"),
    )
    .advice(format!(
        "if the password was changed in Directus, write the new one into {secret}; then start again"
    ))
}
