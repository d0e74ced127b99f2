//! A private Redis that keeps what it acknowledged.

use std::time::Duration;

use crate::process::{Program, Running};
use crate::{Layout, Secrets, SetupError};

/// A Redis that is running.
#[derive(Debug)]
pub struct RedisServer {
    /// With its password.
    pub url: String,
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
        let settings = format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {}\ndir \"{}\"\nappendonly yes\nappendfsync always\n\
             maxmemory-policy noeviction\nsave \"\"\n",
            secrets.redis,
            folder.display()
        );
        crate::secrets::write_private(&config, &settings).map_err(failed)?;
        let mut running = Program::new("Redis", "redis-server", &folder, layout.log("redis"))
            .args([&config])
            .envs(environment)
            .start()?;
        let url = format!("redis://:{}@127.0.0.1:{port}", secrets.redis);
        let client = redis::Client::open(&*url).map_err(|error| SetupError::new("Redis", error))?;
        running
            .wait_until(Duration::from_secs(60), async || {
                let mut connection = client.get_multiplexed_async_connection().await?;
                redis::cmd("PING").query_async::<()>(&mut connection).await
            })
            .await?;
        Ok((Self { url }, running))
    }
}
