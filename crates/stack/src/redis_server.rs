//! A private Redis that keeps what it acknowledged.

use std::time::Duration;

use crate::process::{Program, Running};
use crate::{Layout, Secrets, SetupError};

/// Who may do what, of the checkout.
const USERS: &str = "deploy/redis/users.conf";

/// A Redis that is running.
#[derive(Debug)]
pub struct RedisServer {
    /// As the user who may do everything, with its password.
    pub url: String,
    /// As the gateway's user.
    pub gateway_url: String,
    /// As the processor's.
    pub processor_url: String,
}

/// Where Directus's user finds a Redis on this machine.
pub(crate) fn directus_url(port: u16, secrets: &Secrets) -> String {
    url("directus", &secrets.redis_directus, port)
}

fn url(user: &str, password: &str, port: u16) -> String {
    format!("redis://{user}:{password}@127.0.0.1:{port}")
}

impl RedisServer {
    /// Starts it on its data below the data folder.
    pub async fn start(
        layout: &Layout,
        port: u16,
        secrets: &Secrets,
        environment: impl Iterator<Item = (&str, &str)>,
    ) -> Result<(Self, Running), SetupError> {
        let folder = layout.data.join("redis");
        let failed = |error: std::io::Error| {
            SetupError::new("Redis", format!("{}: {error}", folder.display()))
        };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        // In a file, since every user of the machine can read a process's arguments.
        let config = folder.join("redis.conf");
        let users = layout.project.join(USERS);
        let users = std::fs::read_to_string(&users)
            .map_err(|error| SetupError::new("Redis", format!("{}: {error}", users.display())))?;
        let users = [
            ("$REDIS_PASSWORD", &secrets.redis),
            ("$REDIS_GATEWAY_PASSWORD", &secrets.redis_gateway),
            ("$REDIS_PROCESSOR_PASSWORD", &secrets.redis_processor),
            ("$REDIS_DIRECTUS_PASSWORD", &secrets.redis_directus),
        ]
        .into_iter()
        .fold(users, |users, (name, password)| users.replace(name, password));
        let settings = format!(
            "bind 127.0.0.1\nport {port}\ndir \"{}\"\nappendonly yes\nappendfsync always\n\
             maxmemory-policy noeviction\nsave \"\"\n{users}",
            folder.display()
        );
        crate::secrets::write_private(&config, &settings).map_err(failed)?;
        let mut running = Program::new("Redis", "redis-server", &folder, layout.log("redis"))
            .args([&config])
            .envs(environment)
            .start()?;
        let server = Self {
            url: url("default", &secrets.redis, port),
            gateway_url: url("gateway", &secrets.redis_gateway, port),
            processor_url: url("processor", &secrets.redis_processor, port),
        };
        let client =
            redis::Client::open(&*server.url).map_err(|error| SetupError::new("Redis", error))?;
        running
            .wait_until(Duration::from_secs(60), async || {
                let mut connection = client.get_multiplexed_async_connection().await?;
                redis::cmd("PING").query_async::<()>(&mut connection).await
            })
            .await?;
        Ok((server, running))
    }
}
