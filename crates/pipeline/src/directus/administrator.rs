//! The session of an administrator without a password, and what the pipeline tells a Directus that
//! runs already.

use std::time::{SystemTime, UNIX_EPOCH};

use biplane_core::Timestamp;
use serde_json::json;
use tokio_postgres::Client as Database;

use super::{ApiError, Client, admin_token, admin_user};
use crate::{Installation, sql_message};

/// Why there is no session of an administrator, or what became of it.
#[derive(Debug, thiserror::Error)]
pub enum AdministratorError {
    /// Nothing to sign with.
    #[error("SECRET is not set: Directus would sign with another one after each start")]
    NoSecret,
    /// Nobody to act as.
    #[error(
        "no active user is an administrator whom no policy binds to addresses; activate one, or make one with `directus users create`"
    )]
    Nobody,
    /// The database did not say.
    #[error("looking for an administrator: {}", sql_message(.0))]
    Database(#[from] tokio_postgres::Error),
    /// Directus refused.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl Client {
    /// Acts as an administrator of the Directus at `url`, for some minutes.
    pub async fn administrator(
        url: &str,
        installation: &Installation,
        database: &Database,
    ) -> Result<Self, AdministratorError> {
        let secret = installation.variable("SECRET").ok_or(AdministratorError::NoSecret)?;
        let found = admin_user(database).await?.ok_or(AdministratorError::Nobody)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let token = admin_token(&secret, &found.user, found.role.as_deref(), now);
        Ok(Self::with_token(url, token)?)
    }
}

impl Installation {
    /// Tells the Directus that runs, if one does, that its schema was changed beside it: it keeps it
    /// in memory, and hears of changes by other processes only over Redis, where it has one.
    pub async fn schema_changed(&self, database: &Database) -> Result<(), AdministratorError> {
        let mut refused = None;
        for url in self.urls() {
            if Client::anonymous(&url)?.ping().await.is_err() {
                continue;
            }
            let client = Client::administrator(&url, self, database).await?;
            match client.create("/utils/cache/clear?system", &json!({})).await {
                Ok(_) => return Ok(()),
                // Another server may listen there.
                Err(error) => refused = Some(error),
            }
        }
        refused.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Where Directus is if it runs: on this machine, else where people find it.
    fn urls(&self) -> Vec<String> {
        let host = self.variable("HOST").unwrap_or_else(|| "0.0.0.0".into());
        let host = match &*host {
            "0.0.0.0" | "localhost" => "127.0.0.1".to_owned(),
            "::" => "[::1]".to_owned(),
            host if host.contains(':') => format!("[{host}]"),
            host => host.to_owned(),
        };
        let port = self.variable("PORT").unwrap_or_else(|| "8055".into());
        let public = self.variable("PUBLIC_URL").filter(|url| url.starts_with("http"));
        let mut urls = vec![format!("http://{host}:{port}")];
        urls.extend(public.map(|url| url.trim_end_matches('/').to_owned()));
        urls.dedup();
        urls
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Files;

    #[test]
    fn a_running_directus_is_looked_for_on_this_machine_first_then_at_its_public_url() {
        let urls = |env: &[(&str, &str)]| {
            let env = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let installation = Installation {
                files: Files { home: "/".into() },
                node: "node".into(),
                cli: "/cli.js".into(),
                folder: "/".into(),
                env: env.collect(),
                inherit_env: false,
                database_url: String::new(),
            };
            installation.urls()
        };
        assert_eq!(urls(&[]), ["http://127.0.0.1:8055"]);
        let of_compose = [("HOST", "0.0.0.0"), ("PUBLIC_URL", "https://a.example/directus/")];
        assert_eq!(urls(&of_compose), ["http://127.0.0.1:8055", "https://a.example/directus"]);
        assert_eq!(urls(&[("HOST", "::"), ("PORT", "80")]), ["http://[::1]:80"]);
        let same = [("HOST", "127.0.0.1"), ("PORT", "9"), ("PUBLIC_URL", "http://127.0.0.1:9")];
        assert_eq!(urls(&same), ["http://127.0.0.1:9"]);
        assert_eq!(urls(&[("PUBLIC_URL", "/")]), ["http://127.0.0.1:8055"]);
    }
}
