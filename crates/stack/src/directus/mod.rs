//! Directus: made ready, started, and spoken to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use biplane_pipeline::{Files, Installation};

pub use biplane_pipeline::directus::{ApiError, Client};

use crate::node::Node;
use crate::postgres::{DATABASE, DIRECTUS, Postgres, SUPERUSER};
use crate::process::{Program, Running};
use crate::{Layout, Ports, Secrets, SetupError};

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
            // What Node compiled of Directus's modules is compiled once, not by each of its commands.
            ("NODE_COMPILE_CACHE", layout.cache.join("node-compile").display().to_string()),
            // All of it shares this machine: Directus may be slow here, and does not refuse for it.
            ("PRESSURE_LIMITER_ENABLED", "false".to_owned()),
            (
                "BIPLANE_SNAPSHOT",
                layout.project.join("snapshots/schema.yaml").display().to_string(),
            ),
            ("BIPLANE_LIVE_URL", format!("ws://127.0.0.1:{live}/live")),
            ("BIPLANE_REDIS_URL", crate::redis_server::directus_url(ports.redis, secrets)),
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
            url,
        })
    }

    /// What the pipeline prepares: this Directus with its files and its database.
    pub fn installation(&self, layout: &Layout, postgres: &Postgres) -> Installation {
        Installation {
            files: Files { home: layout.project.clone() },
            node: self.node.binary(),
            cli: self.cli.clone(),
            folder: self.folder.clone(),
            env: self.env.clone(),
            inherit_env: false,
            database_url: postgres.url(SUPERUSER),
        }
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
        let cli = biplane_pipeline::program(&self.cli);
        let mut program =
            self.node.script(NAME, &cli, Path::new(&self.folder), layout.log(log)).args(args);
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
