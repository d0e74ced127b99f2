//! Directus's own API for commands, with an account that can do only this.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use crate::DIRECTUS_IDLE;

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
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .pool_idle_timeout(DIRECTUS_IDLE)
            .build()
            .unwrap_or_default();
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

/// What an answer that is no success says. Only the word of a rule is final: a proxy before a
/// Directus that starts says 404, too.
fn told(status: StatusCode, text: &str) -> Told {
    let body: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let error = &body["errors"][0];
    let why = format!("{status} {}", error["message"].as_str().unwrap_or_default());
    let extensions = &error["extensions"];
    let is_ours =
        |code: &serde_json::Value| code.as_str().is_some_and(|code| code.starts_with("COMMAND_"));
    if is_ours(&extensions["reason"]) || is_ours(&extensions["code"]) {
        return Told::Refused(why);
    }
    match status.as_u16() {
        403 if extensions["code"] == "FORBIDDEN" => Told::Forbidden(why),
        // 401: a token that is wrong, or not there yet.
        401 | 404 | 408 | 429 | 502..=504 => Told::Away(why),
        _ => Told::Failed(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rule_refuses_for_good() {
        let of = |status: u16, code: &str, reason: &str| {
            let body = serde_json::json!({ "errors": [{
                "message": "status: no", "extensions": { "code": code, "reason": reason },
            }] });
            told(StatusCode::from_u16(status).expect("a status"), &body.to_string())
        };
        let refused = Told::Refused("400 Bad Request status: no".into());
        assert_eq!(of(400, "FAILED_VALIDATION", "COMMAND_STATE"), refused);
        assert_eq!(of(400, "COMMAND_STATE", ""), refused);
        assert!(matches!(of(400, "FAILED_VALIDATION", ""), Told::Failed(_)));
        assert!(matches!(of(403, "FORBIDDEN", ""), Told::Forbidden(_)));
        assert!(matches!(of(500, "INTERNAL_SERVER_ERROR", ""), Told::Failed(_)));
        for status in [401, 408, 429, 502, 503, 504] {
            assert!(matches!(of(status, "X", ""), Told::Away(_)), "{status}");
        }
        let proxy = |status| told(status, "<html>");
        assert!(matches!(proxy(StatusCode::NOT_FOUND), Told::Away(_)));
        assert!(matches!(proxy(StatusCode::BAD_REQUEST), Told::Failed(_)));
        assert!(matches!(proxy(StatusCode::FORBIDDEN), Told::Failed(_)));
    }
}
