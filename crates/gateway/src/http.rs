use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use biplane_bus::RedisLog;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

/// What health and metrics are told from.
#[derive(Clone)]
pub(crate) struct Observed {
    pub log: Arc<RedisLog>,
    pub stopping: watch::Receiver<bool>,
    pub recorder: PrometheusHandle,
}

/// `/health/live`, `/health/ready`, `/metrics`.
pub(crate) fn router(observed: Observed) -> Router {
    Router::new()
        .route("/health/live", get(async || "alive\n"))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(observed)
}

/// Ready means: a frame that comes now would be stored.
async fn ready(State(observed): State<Observed>) -> (StatusCode, &'static str) {
    if *observed.stopping.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match tokio::time::timeout(Duration::from_secs(2), observed.log.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "Redis does not answer\n"),
    }
}

async fn metrics(State(observed): State<Observed>) -> String {
    observed.recorder.run_upkeep();
    observed.recorder.render()
}
