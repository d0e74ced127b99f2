//! Who is told.

use biplane_stack::SetupError;
use biplane_stack::directus::Client;
use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::failed;

/// One of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Targets {
    /// A device, by its id, IMEI or name; several times for several.
    #[arg(long)]
    to: Vec<String>,
    /// All trackers of this event, by its id.
    #[arg(long)]
    event: Option<Uuid>,
    /// All active devices of this organization, by its id.
    #[arg(long)]
    organization: Option<Uuid>,
}

const FIELDS: [&str; 3] = ["id", "organization", "name"];

impl Targets {
    /// Each once, with its organization.
    pub async fn find(&self, directus: &Client) -> Result<Vec<Value>, SetupError> {
        let mut found = Vec::new();
        for to in &self.to {
            found.push(device(directus, to).await?);
        }
        if let Some(event) = self.event {
            let query = json!({
                "filter": { "event": { "_eq": event }, "device": { "_nnull": true } },
                "fields": FIELDS.map(|field| format!("device.{field}")), "limit": -1,
            });
            let entries = directus.search("/items/entries", &query).await.map_err(failed)?;
            found.extend(entries.as_array().into_iter().flatten().map(|it| it["device"].clone()));
        }
        if let Some(organization) = self.organization {
            let filter =
                json!({ "organization": { "_eq": organization }, "status": { "_eq": "active" } });
            let query = json!({ "filter": filter, "fields": FIELDS, "limit": -1 });
            let devices = directus.search("/items/devices", &query).await.map_err(failed)?;
            found.extend(devices.as_array().into_iter().flatten().cloned());
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|device| seen.insert(device["id"].to_string()));
        if found.is_empty() {
            return Err(failed("there is no such device, or it is not shown to you"));
        }
        Ok(found)
    }
}

/// The one device of that id, IMEI or name.
pub async fn device(directus: &Client, named: &str) -> Result<Value, SetupError> {
    let filter = match named.parse::<Uuid>() {
        Ok(id) => json!({ "id": { "_eq": id } }),
        Err(_) => json!({ "_or": [{ "imei": { "_eq": named } }, { "name": { "_eq": named } }] }),
    };
    let query = json!({ "filter": filter, "fields": FIELDS, "limit": 2 });
    let found = directus.search("/items/devices", &query).await.map_err(failed)?;
    match found.as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one.clone()),
        Some([_, _, ..]) => Err(failed(format!("{named} is the name of several devices"))),
        _ => Err(failed(format!("there is no device {named}, or it is not shown to you"))),
    }
}
