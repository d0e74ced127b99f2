//! Databases of a test's own, with Directus in them, beside the stack that `biplane test` started.

mod boot;
mod draft;

use std::process::{Child, Stdio};
use std::time::Duration;

use biplane_pipeline::boot::{BootError, Options as BootOptions, prepare};
use biplane_pipeline::schema::{self, Applied, Mode, Options, SchemaError};
use biplane_pipeline::{Files, Installation};
use biplane_schema::{Lineage, Plan, Rename, Snapshot};
use biplane_stack::Description;
use biplane_stack::directus::Client as Rest;
use biplane_store::db_init::{self, Stage};
use tokio_postgres::{Client, NoTls};

pub use boot::{Boot, Ended};
pub use draft::{Draft, column, relation, table};

/// Holds Directus's tables and nothing else; copied for each test.
const TEMPLATE: &str = "schema_test_template";

/// A Directus with a database of its own and with files of its own.
pub struct Lab {
    /// Its Directus.
    pub installation: Installation,
    /// Its database, as the superuser.
    pub database: Client,
    home: tempfile::TempDir,
    name: String,
    server: String,
}

/// The stack that `biplane test` started.
pub fn stack() -> Description {
    let file = std::env::var("BIPLANE_STACK")
        .expect("run these tests by `npm test`: BIPLANE_STACK names a running stack");
    let text = std::fs::read_to_string(&file).expect("the stack's description");
    serde_json::from_str(&text).expect("the stack's description")
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    client
}

/// The URL of another database of the same server.
fn url_of(server: &str, name: &str) -> String {
    let (server, _) = server.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}

fn installation(stack: &Description, name: &str, home: &std::path::Path) -> Installation {
    let mut installation = stack.installation();
    installation.files = Files { home: home.to_owned() };
    installation.database_url = url_of(&stack.database_url, name);
    // An empty folder: what Directus writes there is this test's.
    let folder = home.join("directus");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("package.json"), r#"{"private":true,"type":"module"}"#)
        .expect("written");
    installation.folder = folder;
    for (key, value) in &mut installation.env {
        match key.as_str() {
            "DB_DATABASE" => name.clone_into(value),
            // The extension watches collections that are not here.
            "EXTENSIONS_PATH" => *value = home.join("extensions").display().to_string(),
            "EXTENSIONS_MUST_LOAD" => *value = "false".into(),
            _ => {}
        }
    }
    installation
}

/// Files as a checkout has them, with the SQL of the pipeline only.
fn home(stack: &Description) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a temporary folder");
    for folder in ["snapshots", "db-init/always", "config", "extensions"] {
        std::fs::create_dir_all(home.path().join(folder)).expect("a folder");
    }
    let files = [
        "001_telemetry.sql",
        "002_schema_pipeline.sql",
        "003_configuration_base.sql",
        "always/050_schema_freeze.sql",
    ];
    for file in files {
        let from = stack.project.join("db-init").join(file);
        std::fs::copy(from, home.path().join("db-init").join(file)).expect("copied");
    }
    home
}

async fn create(server: &Client, name: &str, template: &str) {
    let create = format!("CREATE DATABASE {name} OWNER directus TEMPLATE {template}");
    server.batch_execute(&create).await.expect("a database");
    let path = format!("ALTER DATABASE {name} SET search_path TO public, postgis");
    server.batch_execute(&path).await.expect("a search path");
}

/// Makes the template once, whichever test comes first.
async fn template(stack: &Description, server: &Client) {
    server.execute("SELECT pg_advisory_lock(20261124)", &[]).await.expect("a lock");
    let there = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    let there: bool = server.query_one(there, &[&TEMPLATE]).await.expect("an answer").get(0);
    if !there {
        create(server, "schema_test_draft", "template0").await;
        let home = home(stack);
        let installation = installation(stack, "schema_test_draft", home.path());
        let mut database = connect(&installation.database_url).await;
        database
            .batch_execute(
                "ALTER SCHEMA public OWNER TO directus; CREATE SCHEMA postgis;
                 GRANT USAGE ON SCHEMA postgis TO PUBLIC; CREATE EXTENSION postgis SCHEMA postgis",
            )
            .await
            .expect("PostGIS");
        let folder = installation.files.db_init();
        db_init::apply(&mut database, &folder, Stage::BeforeDirectus).await.expect("db-init");
        installation.bootstrap().await.expect("bootstrap");
        drop(database);
        // A database with sessions can be neither renamed nor copied.
        let rename = format!("ALTER DATABASE schema_test_draft RENAME TO {TEMPLATE}");
        for _ in 0..100 {
            if server.batch_execute(&rename).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    server.execute("SELECT pg_advisory_unlock(20261124)", &[]).await.expect("unlocked");
}

impl Lab {
    /// Directus as `bootstrap` leaves it, with the pipeline's own tables.
    pub async fn new(test: &str) -> Self {
        let stack = stack();
        let server = connect(&stack.database_url).await;
        template(&stack, &server).await;
        let name = format!("schema_{test}");
        create(&server, &name, TEMPLATE).await;
        Self::with(&stack, name).await
    }

    /// An empty database: not even Directus's tables.
    pub async fn empty(test: &str) -> Self {
        let stack = stack();
        let server = connect(&stack.database_url).await;
        let name = format!("schema_{test}");
        create(&server, &name, "template0").await;
        let lab = Self::with(&stack, name).await;
        lab.sql(
            "ALTER SCHEMA public OWNER TO directus; CREATE SCHEMA postgis;
             GRANT USAGE ON SCHEMA postgis TO PUBLIC; CREATE EXTENSION postgis SCHEMA postgis",
        )
        .await;
        lab
    }

    async fn with(stack: &Description, name: String) -> Self {
        let home = home(stack);
        let installation = installation(stack, &name, home.path());
        let database = connect(&installation.database_url).await;
        Self { installation, database, home, name, server: stack.database_url.clone() }
    }

    /// Bakes a snapshot into the image, as a descendant of what was baked before.
    pub fn bake(&self, draft: &Draft) -> Snapshot {
        let snapshot = draft.read();
        let files = &self.installation.files;
        std::fs::write(files.snapshot(), snapshot.to_yaml()).expect("written");
        let mut lineage: Lineage = std::fs::read_to_string(files.lineage())
            .map(|text| text.parse().expect("a lineage"))
            .unwrap_or_default();
        lineage.push(snapshot.hash());
        std::fs::write(files.lineage(), lineage.to_string()).expect("written");
        snapshot
    }

    /// Bakes a snapshot with nothing but itself in its lineage: an older image.
    pub fn bake_stale(&self, draft: &Draft) {
        let snapshot = draft.read();
        let files = &self.installation.files;
        std::fs::write(files.snapshot(), snapshot.to_yaml()).expect("written");
        std::fs::write(files.lineage(), format!("{}\n", snapshot.hash())).expect("written");
    }

    /// Writes any text as the snapshot.
    pub fn bake_text(&self, text: &str) {
        std::fs::write(self.installation.files.snapshot(), text).expect("written");
    }

    /// `biplane schema apply` in this mode.
    pub async fn apply(&mut self, mode: Option<Mode>) -> Result<Applied, SchemaError> {
        self.apply_with(Options { mode, ..Options::default() }).await
    }

    /// `biplane schema apply` with these options.
    pub async fn apply_with(&mut self, options: Options) -> Result<Applied, SchemaError> {
        let target = schema::read_target(&self.installation.files)?;
        schema::apply(&self.installation, &mut self.database, &target, &options, &|_| {}).await
    }

    /// `biplane schema plan`.
    pub async fn plan(&self, renames: &[Rename]) -> Plan {
        let target = schema::read_target(&self.installation.files).expect("a target");
        schema::plan(&self.installation, &self.database, &target, renames)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// An apply that must go through; what it did, as `biplane schema apply` says it.
    pub async fn applied(&mut self) -> String {
        self.apply(Some(Mode::Auto)).await.unwrap_or_else(|error| panic!("{error}")).to_string()
    }

    /// Steps 1 to 4 of a boot, as a container does them; what was said.
    pub async fn boot(&self, schema: Options) -> Result<String, BootError> {
        let said = std::cell::RefCell::new(String::new());
        let options = BootOptions { schema, ..BootOptions::default() };
        prepare(&self.installation, &options, &|line| {
            let mut said = said.borrow_mut();
            said.push_str(line);
            said.push('\n');
        })
        .await?;
        Ok(said.into_inner())
    }

    /// `biplane boot` with these arguments and further variables.
    pub fn start_boot(&self, args: &[&str], env: &[(&str, &str)]) -> Boot {
        Boot::start(&stack(), &self.installation, args, env)
    }

    /// `directus schema apply --yes` as anybody can run it, outside of the pipeline.
    pub fn official_apply(&self, draft: &Draft) -> std::process::Output {
        self.official_apply_text(&draft.json().to_string())
    }

    /// The same with any JSON.
    pub fn official_apply_text(&self, text: &str) -> std::process::Output {
        let path = self.home.path().join("official.json");
        std::fs::write(&path, text).expect("written");
        let path = path.to_string_lossy();
        let mut command =
            self.installation.command(&["schema", "apply", "--yes", &path]).expect("Directus");
        command.stdin(Stdio::null()).output().expect("Directus runs")
    }

    /// Uncommitted work: the schema becomes the draft's, as if made in the admin UI.
    pub fn change_to(&self, draft: &Draft) {
        let output = self.official_apply(draft);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// Another session.
    pub async fn connect(&self) -> Client {
        connect(&self.installation.database_url).await
    }

    /// Runs SQL.
    pub async fn sql(&self, text: &str) {
        self.database.batch_execute(text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }

    /// One number.
    pub async fn number(&self, query: &str) -> i64 {
        self.database
            .query_one(query, &[])
            .await
            .unwrap_or_else(|error| panic!("{query}: {error:?}"))
            .get(0)
    }

    /// How many rows a table has; none where there is no table.
    pub async fn rows(&self, table: &str) -> Option<i64> {
        let there = format!(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = '{table}'"
        );
        if self.number(&there).await == 0 {
            return None;
        }
        Some(self.number(&format!("SELECT count(*) FROM public.\"{table}\"")).await)
    }

    /// The tables of people's own.
    pub async fn tables(&self) -> Vec<String> {
        let query = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'
                     AND NOT starts_with(tablename::text, 'directus_') ORDER BY 1";
        let rows = self.database.query(query, &[]).await.expect("tables");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The columns of a table.
    pub async fn columns(&self, table: &str) -> Vec<String> {
        let query = "SELECT column_name::text FROM information_schema.columns
                     WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position";
        let rows = self.database.query(query, &[&table]).await.expect("columns");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// What the running schema is not of a draft, and the other way round.
    pub async fn differs_from(&self, draft: &Draft) -> Vec<String> {
        let running = self.installation.running_schema().await.expect("the running schema");
        draft.read().differences(&running)
    }

    /// Starts the server on a free port.
    pub async fn start(&self) -> Server {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let url = format!("http://127.0.0.1:{port}");
        let log = std::fs::File::create(self.home.path().join("directus.log")).expect("a log");
        // It ends with this process, whatever becomes of it.
        let plain = self.installation.command(&["start"]).expect("Directus");
        let mut command = std::process::Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(plain.get_program()).args(plain.get_args());
        command.current_dir(&self.installation.folder).env_clear();
        command.envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.env("PORT", port.to_string()).env("PUBLIC_URL", &url);
        let child =
            command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let server = Server { child: child.spawn().expect("Directus starts"), url };
        for _ in 0..600 {
            let answer = reqwest::get(format!("{}/server/ping", server.url)).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("Directus did not answer within 60 s");
    }

    /// The files' folder.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// Ends it: a test that failed leaves its database for a look.
    pub async fn done(self) {
        let Self { database, name, server, .. } = self;
        drop(database);
        let server = connect(&server).await;
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        server.batch_execute(&drop).await.expect("the database goes");
    }
}

/// A running Directus.
pub struct Server {
    child: Child,
    /// Where it answers.
    pub url: String,
}

impl Server {
    /// A session of the first administrator.
    pub async fn admin(&self) -> Rest {
        let stack = stack();
        Rest::log_in(&self.url, &stack.admin_email, &stack.admin_password).await.expect("a login")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
