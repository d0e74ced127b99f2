use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use biplane_pipeline::{Files, Installation, configuration};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinSet;

use crate::demo::{self, Race};
use crate::directus::{ADMIN_EMAIL, ApiError, Client, Directus, login_failed};
use crate::node::Node;
use crate::postgres::{PROCESSOR, Postgres, SUPERUSER};
use crate::process::{Program, Running};
use crate::redis_server::RedisServer;
use crate::{Layout, Ports, Progress, Secrets, SetupError, build, database, packages, say, tools};

/// What a stack should have.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything listens.
    pub ports: Ports,
    /// The demo race's organization, devices and course, rewound to its start.
    pub demo: bool,
}

/// What a fault run puts between a stack's parts, and into them.
#[derive(Clone, Debug, Default)]
pub struct Altered {
    /// The port by which the gateway reaches Redis.
    pub gateway_redis: Option<u16>,
    /// The port by which the processor reaches Redis.
    pub processor_redis: Option<u16>,
    /// The port by which the processor reaches PostgreSQL.
    pub processor_postgres: Option<u16>,
    /// Environment variables of a process, by its name.
    pub environment: Vec<(&'static str, &'static str, String)>,
}

impl Altered {
    fn environment_of(&self, process: &str) -> impl Iterator<Item = (&str, &str)> {
        let of_it = move |(name, ..): &&(&str, _, _)| *name == process;
        self.environment.iter().filter(of_it).map(|(_, key, value)| (*key, &**value))
    }
}

/// Where a running stack is, and how to get in: for tests, benchmarks and people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// Directus.
    pub directus_url: String,
    /// The live channel.
    pub live_url: String,
    /// Where Teltonika devices connect.
    pub teltonika: String,
    /// Where phones report, in OsmAnd's protocol.
    pub osmand_url: String,
    /// The gateway's health and metrics.
    pub gateway_http: String,
    /// The processor's health and metrics.
    pub processor_http: String,
    /// PostgreSQL as its superuser, with password.
    pub database_url: String,
    /// Redis as the user who may do everything, with password.
    pub redis_url: String,
    /// Directus's administrator.
    pub admin_email: String,
    /// Its password.
    pub admin_password: String,
    /// The demo's operator.
    pub operator_email: String,
    /// Its password.
    pub operator_password: String,
    /// The checkout.
    pub project: PathBuf,
    /// How Directus is run: for its command line, beside the running one.
    pub directus: DirectusProcess,
}

/// How Directus is run. Holds its secret: a description is a file of mode 0600.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DirectusProcess {
    /// The Node.
    pub node: PathBuf,
    /// Directus's `cli.js`.
    pub cli: PathBuf,
    /// Its working folder.
    pub folder: PathBuf,
    /// Its environment.
    pub env: Vec<(String, String)>,
}

impl Description {
    /// The running Directus with the files of its checkout.
    pub fn installation(&self) -> Installation {
        let DirectusProcess { node, cli, folder, env } = self.directus.clone();
        let files = Files { home: self.project.clone() };
        let database_url = self.database_url.clone();
        Installation { files, node, cli, folder, env, inherit_env: false, database_url }
    }

    /// Directus, as its administrator.
    pub async fn administrator(&self) -> Result<Client, ApiError> {
        Client::log_in(&self.directus_url, &self.admin_email, &self.admin_password).await
    }
}

/// How many of what runs are servers: PostgreSQL and Redis.
const SERVERS: usize = 2;

/// The servers and processes of an installation.
#[derive(Debug)]
pub struct Stack {
    layout: Layout,
    options: Options,
    altered: Altered,
    secrets: Secrets,
    /// In the order of their start: the servers, then what lives on them.
    running: Vec<Running>,
    description: Option<Description>,
    _lock: File,
}

/// Installs and builds whatever a stack needs. Returns the Node to run it with.
pub async fn prepare(
    layout: &Layout,
    progress: &Progress,
    browser: bool,
) -> Result<Node, SetupError> {
    packages::ensure(layout, progress, browser).await?;
    let node = Node::ensure(layout, progress).await?;
    node.ensure_packages(layout, progress).await?;
    tools::ensure(layout, progress).await?;
    build::native(layout, progress).await?;
    build::extension(layout, &node, progress).await?;
    Ok(node)
}

impl Stack {
    /// A stack of nothing yet, alone on its data folder.
    pub fn new(layout: &Layout, options: Options) -> Result<Self, SetupError> {
        let path = layout.data.join("lock");
        let failed = |error: std::io::Error| {
            SetupError::new("Data folder", format!("{}: {error}", path.display()))
        };
        let lock = File::create(&path).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(SetupError::new(
                "Data folder",
                format!("another Biplane runs on {}", layout.data.display()),
            )
            .advice("end that one, or name another data folder with --data (and other ports)"));
        }
        layout.check_space()?;
        options.ports.check_free()?;
        let secrets = Secrets::of(layout)?;
        Ok(Self {
            layout: layout.clone(),
            options,
            altered: Altered::default(),
            secrets,
            running: Vec::new(),
            description: None,
            _lock: lock,
        })
    }

    /// The same with something in the way of its parts.
    #[must_use]
    pub fn altered(mut self, altered: Altered) -> Self {
        self.altered = altered;
        self
    }

    /// Starts everything. When it fails or is dropped midway, [`Stack::stop`] ends what was started.
    pub async fn start(
        &mut self,
        node: &Node,
        progress: &Progress,
    ) -> Result<Description, SetupError> {
        let layout = self.layout.clone();
        let ports = self.options.ports;

        let step = progress.step("PostgreSQL");
        let (postgres, running) =
            Postgres::start(&layout, ports.postgres, &self.secrets, &step).await?;
        self.running.push(running);
        step.done(format!("127.0.0.1:{}", ports.postgres));

        let step = progress.step("Redis");
        let environment = self.altered.environment_of("Redis");
        let (redis, running) =
            RedisServer::start(&layout, ports.redis, &self.secrets, environment).await?;
        self.running.push(running);
        step.done(format!("127.0.0.1:{}", ports.redis));

        let directus = Directus::new(&layout, node, &postgres, &ports, &self.secrets)?;
        let installation = directus.installation(&layout, &postgres);
        let description = self.describe(&postgres, &redis, &directus, &installation);
        let database_url = postgres.url(PROCESSOR);

        let mut database = database::ready(&layout, &installation, progress).await?;

        let step = progress.step("Directus");
        self.running.push(directus.start(&layout).await?);
        step.done(&directus.url);

        let step = progress.step("Configuration");
        let admin = Client::log_in(&directus.url, ADMIN_EMAIL, &self.secrets.admin).await;
        let admin = admin.map_err(|error| {
            login_failed("Configuration", ADMIN_EMAIL, &layout.secret("admin"), &error)
        })?;
        let report = configuration::apply(&admin, &mut database, &layout.project.join("config"))
            .await
            .map_err(|error| SetupError::new("Configuration", error))?;
        step.done(report.summary());
        for note in report.notes() {
            say(format_args!("  {note}"));
        }

        let role = id_in_configuration(&layout, "directus_roles.json", "Service")?;
        service_account(&admin, &role, &self.secrets.service).await?;

        if self.options.demo {
            let step = progress.step("Demo race");
            let race = Race::read(&layout.project.join(demo::FOLDER))?;
            let failed = |error: &dyn std::fmt::Display| SetupError::new("Demo race", error);
            let role = id_in_configuration(&layout, "directus_roles.json", "Operator")?;
            let made = demo::seed(&admin, &race, &role, &self.secrets.operator)
                .await
                .map_err(|error| failed(&error))?;
            let rewound = demo::rewind(&database, &race)
                .await
                .map_err(|error| crate::postgres::sql_error(&error))?;
            step.done(match (made, rewound) {
                (0, 0) => "there already".to_owned(),
                (0, rewound) => format!("there already; {rewound} replayed positions taken back"),
                (made, _) => format!("{made} items: {}", race.name),
            });
        }

        let step = progress.step("Gateway");
        self.start_gateway(&description, &redis.gateway_url).await?;
        step.done(format!("Teltonika on {}", description.teltonika));
        let step = progress.step("Processor");
        self.start_processor(&description, &database_url, &redis.processor_url).await?;
        step.done(format!("live channel on {}", description.live_url));

        let text = serde_json::to_string_pretty(&description)
            .map_err(|error| SetupError::new("Data folder", error))?;
        let path = self.description_file();
        crate::secrets::write_private(&path, &text).map_err(|error| {
            SetupError::new("Data folder", format!("{}: {error}", path.display()))
        })?;
        self.description = Some(description.clone());
        Ok(description)
    }

    /// Where [`Description`] lies as JSON while the stack runs.
    pub fn description_file(&self) -> PathBuf {
        self.layout.data.join("stack.json")
    }

    /// Waits until one of the processes ends, which none should.
    pub async fn watch(&mut self) -> SetupError {
        loop {
            for running in &mut self.running {
                if running.ended().is_some() {
                    return running.unexpected_end().await;
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Ends a process as a crash does (SIGKILL) and starts it again, as a supervisor does: again
    /// and again until it stays, for 30 s at most.
    pub async fn crash(&mut self, name: &str) -> Result<(), SetupError> {
        let Some(index) = self.running.iter().position(|running| running.name() == name) else {
            return Err(SetupError::new(name, "is not running"));
        };
        let mut running = self.running.remove(index);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            running = running.crash().await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            if running.ended().is_none() {
                self.running.insert(index, running);
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(running.unexpected_end().await);
            }
        }
    }

    /// Ends a process as a crash does, and starts it again only when `meanwhile` is over.
    pub async fn outage<T>(
        &mut self,
        name: &str,
        meanwhile: impl Future<Output = T>,
    ) -> Result<T, SetupError> {
        let Some(running) = self.running.iter_mut().find(|running| running.name() == name) else {
            return Err(SetupError::new(name, "is not running"));
        };
        running.kill().await;
        let outcome = meanwhile.await;
        self.crash(name).await?;
        Ok(outcome)
    }

    /// Starts whatever has ended by itself, and says what that was.
    pub async fn revive(&mut self) -> Result<Vec<String>, SetupError> {
        let ended = self
            .running
            .iter_mut()
            .filter_map(|running| running.ended().is_some().then(|| running.name().to_owned()));
        let ended: Vec<_> = ended.collect();
        for name in &ended {
            self.crash(name).await?;
        }
        Ok(ended)
    }

    /// Lets a process hang for as long as `meanwhile` takes.
    pub async fn freeze<T>(
        &self,
        name: &str,
        meanwhile: impl Future<Output = T>,
    ) -> Result<T, SetupError> {
        let Some(running) = self.running.iter().find(|running| running.name() == name) else {
            return Err(SetupError::new(name, "is not running"));
        };
        running.freeze();
        let outcome = meanwhile.await;
        running.thaw();
        Ok(outcome)
    }

    /// Ends everything that was started: first what lives on the servers, then those.
    pub async fn stop(mut self) {
        let _ = std::fs::remove_file(self.description_file());
        // Without one of its parts nothing can be brought to a good end; nor need it be waited for.
        let broken = self.running.iter_mut().any(|part| part.ended().is_some());
        let grace = Duration::from_secs(if broken { 2 } else { 10 });
        let processes = self.running.split_off(self.running.len().min(SERVERS));
        for parts in [processes, self.running] {
            let mut stopping = JoinSet::new();
            for part in parts {
                stopping.spawn(part.stop(grace));
            }
            stopping.join_all().await;
        }
    }

    async fn start_gateway(
        &mut self,
        description: &Description,
        redis_url: &str,
    ) -> Result<(), SetupError> {
        let running = self
            .process("Gateway", "biplane-gateway", "gateway")
            .env("BIPLANE_REDIS_URL", through(redis_url, self.altered.gateway_redis))
            .env("BIPLANE_GATEWAY_TELTONIKA", &description.teltonika)
            .env("BIPLANE_GATEWAY_LISTEN", format!("teltonika=udp://{}", description.teltonika))
            .env("BIPLANE_GATEWAY_OSMAND", host(&description.osmand_url))
            .env("BIPLANE_GATEWAY_HTTP", host(&description.gateway_http))
            .env("BIPLANE_INSTANCE", "gateway-1")
            .start()?;
        self.await_ready(running, &description.gateway_http).await
    }

    async fn start_processor(
        &mut self,
        description: &Description,
        database_url: &str,
        redis_url: &str,
    ) -> Result<(), SetupError> {
        let localhost = description.directus_url.replace("127.0.0.1", "localhost");
        let webhook = |name| {
            let flow = id_in_configuration(&self.layout, "directus_flows.json", name)?;
            Ok::<_, SetupError>(format!("{}/flows/trigger/{flow}", description.directus_url))
        };
        let (finish, alert) = (webhook("Finish")?, webhook("Alert")?);
        let running = self
            .process("Processor", "biplane-processor", "processor")
            .env("BIPLANE_REDIS_URL", through(redis_url, self.altered.processor_redis))
            .env("BIPLANE_DATABASE_URL", through(database_url, self.altered.processor_postgres))
            .env("BIPLANE_DIRECTUS_URL", &description.directus_url)
            .env("BIPLANE_PROCESSOR_HTTP", host(&description.processor_http))
            .env("BIPLANE_LIVE_ORIGINS", format!("{},{localhost}", description.directus_url))
            .env("BIPLANE_INSTANCE", "processor-1")
            .env("BIPLANE_NOTICE_FINISH_URL", finish)
            .env("BIPLANE_NOTICE_ALERT_URL", alert)
            .env("BIPLANE_NOTICE_TOKEN", &self.secrets.service)
            .start()?;
        self.await_ready(running, &description.processor_http).await
    }

    fn process(&self, name: &str, binary: &str, log: &str) -> Program {
        let program = build::binary(&self.layout, binary);
        Program::new(name, program, &self.layout.data, self.layout.log(log))
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".into()))
            .env("NO_COLOR", "1")
            .envs(self.altered.environment_of(name))
    }

    async fn await_ready(&mut self, running: Running, http: &str) -> Result<(), SetupError> {
        self.running.push(running);
        let Some(running) = self.running.last_mut() else { return Ok(()) };
        let ready = format!("{http}/health/ready");
        running
            .wait_until(Duration::from_secs(30), async || {
                reqwest::get(&ready).await?.error_for_status().map(|_| ())
            })
            .await
    }

    fn describe(
        &self,
        postgres: &Postgres,
        redis: &RedisServer,
        directus: &Directus,
        installation: &Installation,
    ) -> Description {
        let ports = self.options.ports;
        Description {
            directus_url: directus.url.clone(),
            live_url: format!("ws://127.0.0.1:{}/live", ports.live),
            teltonika: format!("127.0.0.1:{}", ports.teltonika),
            osmand_url: format!("http://127.0.0.1:{}", ports.osmand),
            gateway_http: format!("http://127.0.0.1:{}", ports.gateway_http),
            processor_http: format!("http://127.0.0.1:{}", ports.live),
            database_url: postgres.url(SUPERUSER),
            redis_url: redis.url.clone(),
            admin_email: ADMIN_EMAIL.to_owned(),
            admin_password: self.secrets.admin.clone(),
            operator_email: demo::OPERATOR_EMAIL.to_owned(),
            operator_password: self.secrets.operator.clone(),
            project: self.layout.project.clone(),
            directus: DirectusProcess {
                node: installation.node.clone(),
                cli: installation.cli.clone(),
                folder: installation.folder.clone(),
                env: installation.env.clone(),
            },
        }
    }
}

/// The same URL with another port, where there is one.
fn through(url: &str, port: Option<u16>) -> String {
    let Some(port) = port else { return url.to_owned() };
    let start = url.rfind("127.0.0.1:").map_or(url.len(), |at| at + "127.0.0.1:".len());
    let rest = url[start..].trim_start_matches(|sign: char| sign.is_ascii_digit());
    format!("{}{port}{rest}", &url[..start])
}

fn host(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// The id of the row of that name in a file of `config/`.
fn id_in_configuration(layout: &Layout, file: &str, name: &str) -> Result<String, SetupError> {
    let path = layout.project.join("config").join(file);
    let failed = |why: &dyn std::fmt::Display| {
        SetupError::new("Configuration", format!("{}: {why}", path.display()))
    };
    let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(&text).map_err(|error| failed(&error))?;
    rows.iter()
        .find(|row| row["name"] == name)
        .and_then(|row| row["id"].as_str().map(str::to_owned))
        .ok_or_else(|| failed(&format_args!("no row is named {name}")))
}

/// The account as which the processor tells Flows, with the token that it uses.
async fn service_account(admin: &Client, role: &str, token: &str) -> Result<(), SetupError> {
    const EMAIL: &str = "service@example.com";
    let failed = |error: ApiError| SetupError::new("Service account", error);
    let query = format!("/users?filter[email][_eq]={EMAIL}&fields=id");
    let found = admin.read(&query).await.map_err(failed)?;
    let account = json!({ "email": EMAIL, "role": role, "token": token, "status": "active" });
    match found[0]["id"].as_str() {
        // A data folder may have lost the token that it made.
        Some(id) => admin.update(&format!("/users/{id}"), &account).await.map_err(failed)?,
        None => admin.create("/users", &account).await.map_err(failed)?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detour_changes_the_port_of_a_url_and_nothing_else() {
        let url = "postgres://biplane_processor:s3:cret@127.0.0.1:5462/biplane";
        let other = "postgres://biplane_processor:s3:cret@127.0.0.1:7000/biplane";
        assert_eq!(through(url, Some(7000)), other);
        assert_eq!(through(url, None), url);
        assert_eq!(through("redis://:pw@127.0.0.1:6462", Some(1)), "redis://:pw@127.0.0.1:1");
    }
}
