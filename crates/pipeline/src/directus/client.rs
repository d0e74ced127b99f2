//! Directus's REST API, as far as set-up, configuration and tests need it.

use std::fmt;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// Directus under load turns requests away before it looks at them; how often one is made again,
/// and after how long.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// A session of a user.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// What Directus answered instead of data.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It refused: the first error's code and message.
    #[error("{request}: HTTP {status} {code}: {message}")]
    Refused {
        /// The request's method and path.
        request: String,
        /// The HTTP status.
        status: StatusCode,
        /// `errors[0].extensions.code`.
        code: String,
        /// `errors[0].message`.
        message: String,
        /// `errors[0].extensions`.
        extensions: Value,
    },
    /// It could not be reached, or the answer is no JSON.
    #[error("Directus can't be reached: {0}")]
    Http(#[from] reqwest::Error),
}

impl ApiError {
    /// Whether Directus was too busy to look at the request.
    fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { status, code, .. }
            if *status == StatusCode::SERVICE_UNAVAILABLE && code == "SERVICE_UNAVAILABLE")
    }

    /// The stable code of what is wrong. At a form's field Directus shows only errors of its own code
    /// `FAILED_VALIDATION`, and its importer keeps only some of what an error told: a rule's own code
    /// is in `reason` there, and in `substring` here.
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused { code, extensions, .. } => {
                let told = |key: &str| extensions[key].as_str();
                told("reason").or_else(|| told("substring")).unwrap_or(code)
            }
            Self::Http(_) => "UNREACHABLE",
        }
    }
}

/// Without the token, which opens everything that its user may.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Client {
    /// Without a user.
    pub fn anonymous(url: &str) -> Result<Self, ApiError> {
        // Node closes a connection that nobody uses after 5 s; what is asked over it just then is lost.
        let mut http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .pool_idle_timeout(Duration::from_secs(3));
        // A proxy that the environment names has a loopback of its own.
        if ["http://127.0.0.1:", "http://[::1]:"].iter().any(|start| url.starts_with(start)) {
            http = http.no_proxy();
        }
        Ok(Self { http: http.build()?, url: url.to_owned(), token: None })
    }

    /// Logs in by e-mail and password.
    pub async fn log_in(url: &str, email: &str, password: &str) -> Result<Self, ApiError> {
        let mut client = Self::anonymous(url)?;
        let body = json!({ "email": email, "password": password });
        let answer = client.call(Method::POST, "/auth/login", Some(&body)).await?;
        client.token = answer["access_token"].as_str().map(str::to_owned);
        Ok(client)
    }

    /// With an access token, such as [`super::admin_token`] makes.
    pub fn with_token(url: &str, token: String) -> Result<Self, ApiError> {
        Ok(Self { token: Some(token), ..Self::anonymous(url)? })
    }

    /// The access token; it ends 15 minutes after the login.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether it is up: an error if not, or if it takes longer than 5 s.
    pub async fn ping(&self) -> Result<(), ApiError> {
        let request = self.http.get(format!("{}/server/ping", self.url));
        request.timeout(Duration::from_secs(5)).send().await?.error_for_status()?;
        Ok(())
    }

    /// Calls `path`; the answer's `data`, or null where there is none.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        self.send(method, path, |request| match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// Makes a request as often as Directus turns it away for being busy.
    async fn send(
        &self,
        method: Method,
        path: &str,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Value, ApiError> {
        for attempt in 1.. {
            let request =
                complete(self.http.request(method.clone(), format!("{}{path}", self.url)));
            let request = match &self.token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            match answer(method.clone(), path, request.send().await?).await {
                Err(error) if error.is_busy() && attempt < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                }
                answer => return answer,
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Reads `path`.
    pub async fn read(&self, path: &str) -> Result<Value, ApiError> {
        self.call(Method::GET, path, None).await
    }

    /// Creates what `body` says at `path`.
    pub async fn create(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Changes what lies at `path`.
    pub async fn update(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// Reads what a query finds at `path`. Unlike [`Client::read`] it is never answered from a cache,
    /// and the query may be long.
    pub async fn search(&self, path: &str, query: &Value) -> Result<Value, ApiError> {
        let method = Method::from_bytes(b"SEARCH").expect("a method's name");
        self.call(method, path, Some(&json!({ "query": query }))).await
    }

    /// Deletes the items of these keys at `path`, all or none.
    pub async fn delete(&self, path: &str, keys: &[Value]) -> Result<(), ApiError> {
        self.call(Method::DELETE, path, Some(&json!(keys))).await.map(|_| ())
    }

    /// Upserts the items of a JSON array into a collection, system ones included: in their order,
    /// and all or none.
    pub async fn import(&self, collection: &str, items: &str) -> Result<(), ApiError> {
        // One file of a multipart form; the boundary is no JSON.
        const BOUNDARY: &str = "biplane-7d1f2c9e4b";
        let body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{collection}.json\"\r\n\
             Content-Type: application/json\r\n\r\n{items}\r\n--{BOUNDARY}--\r\n"
        );
        let path = format!("/utils/import/{collection}");
        self.send(Method::POST, &path, |request| {
            let form = format!("multipart/form-data; boundary={BOUNDARY}");
            request.header("Content-Type", form).body(body.clone())
        })
        .await
        .map(|_| ())
    }
}

async fn answer(
    method: Method,
    path: &str,
    response: reqwest::Response,
) -> Result<Value, ApiError> {
    let status = response.status();
    let text = response.text().await?;
    let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status.is_success() {
        // A Flow may answer with anything.
        return Ok(body.get_mut("data").map(Value::take).unwrap_or_default());
    }
    let mut error = body.pointer_mut("/errors/0").map(Value::take).unwrap_or_default();
    let message =
        error["message"].as_str().map_or_else(|| text.chars().take(300).collect(), str::to_owned);
    let extensions = error["extensions"].take();
    Err(ApiError::Refused {
        request: format!("{method} {path}"),
        status,
        code: extensions["code"].as_str().unwrap_or("UNKNOWN").to_owned(),
        message,
        extensions,
    })
}
