//! Directus's own API for commands, with an account that can do only this.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Serialize;
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_secs(15);

/// Directus, as the role Service.
pub(crate) struct Directus {
    http: reqwest::Client,
    url: String,
    token: String,
}

/// What is written into a command's row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Change {
    pub status: &'static str,
    /// Of which attempt it is: what is said of one that is over is refused.
    pub attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Taken,
    /// A rule says no, and always will.
    Refused(String),
    /// There is no such command, or the account may not.
    Forbidden(String),
    /// Directus could not, and may be able to another time.
    Failed(String),
    /// Directus can't be asked.
    Away(String),
}

impl Directus {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().unwrap_or_default();
        Self { http, url: url.trim_end_matches('/').to_owned(), token: token.to_owned() }
    }

    pub(crate) async fn change(&self, command: Uuid, change: &Change) -> Told {
        // Nothing of it comes back: the account may read what it is not to be told.
        let url = format!("{}/items/commands/{command}?fields=id", self.url);
        let sent = self.http.patch(url).bearer_auth(&self.token).json(change).send().await;
        match sent {
            Ok(response) if response.status().is_success() => Told::Taken,
            Ok(response) => {
                let status = response.status();
                let text = response.text().await.unwrap_or_default();
                told(status, &text)
            }
            Err(error) => Told::Away(error.without_url().to_string()),
        }
    }
}

/// What an answer that is no success says.
fn told(status: StatusCode, text: &str) -> Told {
    let body: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let error = &body["errors"][0];
    let message = error["message"].as_str().unwrap_or_default();
    let why = format!("{status} {message}");
    match status.as_u16() {
        400 | 404 | 409 | 422 => Told::Refused(why),
        403 => Told::Forbidden(why),
        500 => Told::Failed(why),
        // 401: a token that is wrong, or not there yet.
        _ => Told::Away(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_refuses_is_refused_for_good_and_a_directus_that_is_away_is_asked_again() {
        let body = r#"{"errors":[{"message":"status: no","extensions":{"code":"COMMAND_STATE"}}]}"#;
        let of = |status: u16| told(StatusCode::from_u16(status).expect("a status"), body);
        assert_eq!(of(400), Told::Refused("400 Bad Request status: no".into()));
        assert!(matches!(of(403), Told::Forbidden(_)));
        assert!(matches!(of(500), Told::Failed(_)));
        for status in [401, 408, 429, 502, 503, 504] {
            assert!(matches!(of(status), Told::Away(_)), "{status}");
        }
    }
}
