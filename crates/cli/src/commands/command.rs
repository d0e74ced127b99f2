//! `biplane command`: what devices are told, and what comes of it.

mod target;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use biplane_stack::directus::Client;
use biplane_stack::{SetupError, say};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::installation;
use target::Targets;

/// Tell devices what to do, see what came of it, take it back.
///
/// Through Directus's API, with the rights of whoever's token it is: BIPLANE_DIRECTUS_URL and
/// BIPLANE_TOKEN (a static token or an access token). Without them, as the administrator of the
/// Biplane that runs from this checkout.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where Directus is.
    #[arg(long, env = "BIPLANE_DIRECTUS_URL", global = true)]
    directus: Option<String>,
    /// Whose rights.
    #[arg(long, env = "BIPLANE_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// The folder that databases and logs are in, of a Biplane that runs from this checkout.
    #[arg(long, env = "BIPLANE_DATA", global = true)]
    data: Option<PathBuf>,
    /// One JSON object a command, on a line of its own.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Give a command, to one device or to many, and wait for what comes of it.
    ///
    /// Exits with 0 when every device has acknowledged it, with 2 otherwise.
    Send(Send),
    /// Show commands, the latest first.
    List {
        /// Of this device: its id, IMEI or name.
        #[arg(long)]
        to: Option<String>,
        /// In this state, such as queued.
        #[arg(long)]
        status: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Take commands back that were not sent yet.
    Cancel {
        /// Their ids.
        #[arg(required = true)]
        commands: Vec<Uuid>,
    },
}

#[derive(Debug, Args)]
struct Send {
    /// As the catalogue has it, such as getver; `GET /biplane/devices/<id>/commands` has all.
    name: String,
    /// Its parameters: name=value.
    #[arg(value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, Value)>,
    #[command(flatten)]
    targets: Targets,
    /// Seconds after which it is not sent any more; as the catalogue says unless given.
    #[arg(long)]
    expires_in_s: Option<u32>,
    /// Seconds to wait for the end of all of them; 0: only give it.
    #[arg(long, default_value_t = 120)]
    wait_s: u32,
}

/// Texts: a rule reads numbers from them, and knows where none are meant.
fn parameter(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("is not NAME=VALUE")?;
    Ok((name.to_owned(), Value::from(value)))
}

fn failed(why: impl std::fmt::Display) -> SetupError {
    SetupError::new("Command", why)
}

impl Arguments {
    /// Runs the command.
    pub async fn run(self, start: &Path) -> Result<ExitCode, SetupError> {
        let directus = self.connect(start).await?;
        match &self.action {
            Action::Send(send) => send.run(&directus, self.json).await,
            Action::List { to, status, limit } => {
                let mut filter = Map::new();
                if let Some(to) = to {
                    let device = target::device(&directus, to).await?;
                    filter.insert("device".into(), json!({ "_eq": device["id"] }));
                }
                if let Some(status) = status {
                    filter.insert("status".into(), json!({ "_eq": status }));
                }
                let query = json!({
                    "filter": filter, "sort": ["-date_created"], "limit": limit, "fields": watch::FIELDS,
                });
                let rows = directus.search("/items/commands", &query).await.map_err(failed)?;
                watch::print(rows.as_array().into_iter().flatten(), self.json);
                Ok(ExitCode::SUCCESS)
            }
            Action::Cancel { commands } => cancel(&directus, commands).await,
        }
    }

    async fn connect(&self, start: &Path) -> Result<Client, SetupError> {
        match (&self.directus, &self.token) {
            (Some(url), Some(token)) => Client::with_token(url, token.clone()).map_err(failed),
            (None, None) => {
                let running = installation::running(start, self.data.clone()).ok_or_else(|| {
                    failed("no Biplane runs from this checkout; give --directus and --token")
                })?;
                running.administrator().await.map_err(failed)
            }
            _ => Err(failed("--directus and --token go together")),
        }
    }
}

impl Send {
    async fn run(&self, directus: &Client, json: bool) -> Result<ExitCode, SetupError> {
        let devices = self.targets.find(directus).await?;
        let expires_at =
            self.expires_in_s.map(|wait| biplane_stack::now() + i64::from(wait) * 1_000);
        let parameters: Map<String, Value> = self.parameters.iter().cloned().collect();
        let row = |device: &Value| {
            let mut row = json!({
                "organization": device["organization"], "device": device["id"],
                "name": self.name, "parameters": parameters,
            });
            if let Some(at) = expires_at {
                row["expires_at"] = json!(at);
            }
            row
        };
        let mut given = Vec::with_capacity(devices.len());
        // All of a request or none of it.
        for devices in devices.chunks(watch::TOGETHER) {
            let rows: Value = devices.iter().map(row).collect();
            let made = directus.create("/items/commands?fields=id&limit=-1", &rows).await;
            let made = made.map_err(failed)?;
            let ids = made.as_array().into_iter().flatten().filter_map(|it| it["id"].as_str());
            given.extend(ids.map(str::to_owned));
        }
        say(format_args!("{} given to {} devices", self.name, given.len()));
        let rows = watch::until_ended(directus, &given, self.wait_s).await?;
        watch::print(rows.iter(), json);
        let acknowledged = rows.iter().filter(|row| row["status"] == "acknowledged").count();
        let done = self.wait_s == 0 || acknowledged == given.len();
        Ok(if done { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }
}

async fn cancel(directus: &Client, commands: &[Uuid]) -> Result<ExitCode, SetupError> {
    let mut left = 0;
    for command in commands {
        let change = json!({ "status": "cancelled" });
        match directus.update(&format!("/items/commands/{command}"), &change).await {
            Ok(_) => say(format_args!("{command} cancelled")),
            Err(error) => {
                left += 1;
                say(format_args!("{command} is not cancelled: {error}"));
            }
        }
    }
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_a_text_up_to_its_end() {
        let of = |text| parameter(text).map(|(_, value)| value);
        assert_eq!(of("id=21"), Ok(json!("21")));
        assert_eq!(of("value=a=b"), Ok(json!("a=b")));
        assert_eq!(of("id"), Err("is not NAME=VALUE".into()));
    }
}
