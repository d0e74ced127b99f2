//! Phones: OsmAnd's protocol over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use biplane_protocols::osmand;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::admission::{Admitted, Secret};
use crate::appender::Appender;
use crate::clock;
use crate::connection::Shared;
use crate::limits::Limits;
use crate::tls;

/// A phone gives up after about so long, and sends again.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request's head is short: who takes longer holds a place for nothing.
const HEAD: Duration = Duration::from_secs(10);

/// Reports that are on their way to the log together.
const TOGETHER: usize = 4_096;

#[derive(Clone)]
struct Ingest {
    shared: Arc<Shared>,
    appender: Appender,
    places: Arc<Semaphore>,
}

/// Answers requests until the gateway stops, and those that are there then.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    shared: Arc<Shared>,
    appender: Appender,
    mut stopping: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(TOGETHER));
    let state = Ingest { shared: shared.clone(), appender, places };
    let router = Router::new()
        .fallback(any(report))
        .layer(DefaultBodyLimit::max(osmand::MAX_REQUEST))
        .with_state(state);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|&stopping| stopping) => return,
        };
        let Ok((socket, remote)) = accepted else {
            shared.meters.refused("accept");
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let place = match limits.enter(remote.ip()) {
            Ok(place) => place,
            Err(full) => {
                shared.meters.refused(full.as_str());
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let mut stopping = stopping.clone();
        let most = shared.idle_timeout;
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            match tls {
                None => answer(socket, remote, service, most, stopping).await,
                Some(tls) => {
                    let deadline = Instant::now() + shared.login_timeout;
                    match tls::handshake(&tls, socket, deadline, &mut stopping).await {
                        Ok(socket) => answer(socket, remote, service, most, stopping).await,
                        Err(error) => shared.meters.no_handshake(remote, &error),
                    }
                }
            }
            drop(place);
        });
    }
}

/// Answers one phone's requests, until it goes, `most` is over or the gateway stops.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    socket: S,
    remote: SocketAddr,
    service: TowerToHyperService<Router>,
    most: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(osmand::MAX_REQUEST)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    let served = timeout(most, async {
        tokio::select! {
            served = connection.as_mut() => served,
            () = async { drop(stopping.wait_for(|&stopping| stopping).await) } => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    });
    if let Ok(Err(error)) = served.await {
        tracing::debug!(%remote, %error, "a phone's connection ended");
    }
}

/// 200 once the positions are durable; whatever else: send them again, or not at all.
async fn report(
    State(Ingest { shared, appender, places }): State<Ingest>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(_place) = places.try_acquire() else {
        shared.meters.refused("reports");
        return away();
    };
    let body = String::from_utf8_lossy(&body);
    let report = match osmand::report(&query.unwrap_or_default(), &body, clock::now()) {
        Ok(report) => report,
        Err(error) => {
            shared.meters.error(error.code);
            tracing::info!(%error, "malformed report");
            return (StatusCode::BAD_REQUEST, format!("{}: {}\n", error.code, error.message))
                .into_response();
        }
    };
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let token = bearer.or(report.token.as_deref());
    let imei = report.imei;
    match timeout(PATIENCE, shared.admission.admits(imei, Secret::Always(token))).await {
        Ok(Ok(Admitted::Log)) => shared.meters.login("accepted"),
        // Without a token of its own no phone is kept in quarantine either.
        Ok(Ok(Admitted::Refused | Admitted::Quarantine)) => {
            // Whether the device or the token is wrong is not told.
            shared.meters.login("unknown");
            tracing::info!(%imei, "a report without the right token");
            return (StatusCode::UNAUTHORIZED, "no device has this number and token\n")
                .into_response();
        }
        Ok(Err(_)) | Err(_) => return away(),
    }
    if report.fixes.is_empty() {
        return StatusCode::OK.into_response();
    }
    let frame = shared.frame(imei, osmand::NAME, report.fixes);
    match timeout(PATIENCE, appender.append(frame, Admitted::Log)).await {
        Ok(Ok(())) => {
            shared.meters.acks.increment(1);
            StatusCode::OK.into_response()
        }
        Ok(Err(_)) | Err(_) => away(),
    }
}

fn away() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the positions can't be stored just now; send them again\n")
        .into_response()
}
