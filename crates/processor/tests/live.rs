//! The hub's shell: real sockets, a real Redis. What needs Directus's answers
//! is in the session's own tests and in the end-to-end suite.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use biplane_bus::LiveFeed;
use biplane_processor::Metrics;
use biplane_processor::live::{Hub, HubConfig};
use biplane_store::{LiveEvents, LivePast};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use support::TestRedis;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Running {
    _redis: TestRedis,
    hub: Hub,
    metrics: Arc<Metrics>,
    address: SocketAddr,
}

/// A hub whose Directus and database are away: nobody listens there.
async fn start(change: impl FnOnce(&mut HubConfig)) -> Running {
    let redis = TestRedis::start();
    let feed = LiveFeed::connect(&redis.url(), 2).await.unwrap();
    let mut config = HubConfig::new("http://127.0.0.1:1", vec!["http://127.0.0.1:8055".into()]);
    change(&mut config);
    let nowhere = "postgres://nobody@127.0.0.1:1/none";
    let metrics = Arc::new(Metrics::default());
    let (events, past) = (LiveEvents::new(nowhere), LivePast::new(nowhere));
    let (router, hub) =
        Hub::start(config, feed.tail().await.unwrap(), events, past, Arc::clone(&metrics)).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Running { _redis: redis, hub, metrics, address }
}

async fn connect(address: SocketAddr, origin: Option<&str>) -> Result<Client, Error> {
    let mut request = format!("ws://{address}/live").into_client_request()?;
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    Ok(tokio_tungstenite::connect_async(request).await?.0)
}

async fn next(client: &mut Client) -> Message {
    let message = tokio::time::timeout(Duration::from_secs(10), client.next()).await;
    message.expect("a message within 10 s").expect("the socket is open").expect("it is whole")
}

async fn next_json(client: &mut Client) -> Value {
    serde_json::from_str(next(client).await.to_text().unwrap()).unwrap()
}

async fn next_close(client: &mut Client) -> (CloseCode, String) {
    match next(client).await {
        Message::Close(Some(frame)) => (frame.code, frame.reason.to_string()),
        other => panic!("{other:?}"),
    }
}

async fn send(client: &mut Client, text: &str) {
    client.send(Message::text(text)).await.unwrap();
}

fn refused_with(error: Error) -> (u16, Value) {
    let Error::Http(response) = error else { panic!("{error}") };
    let body = response.body().as_deref().unwrap_or_default();
    (response.status().as_u16(), serde_json::from_slice(body).unwrap())
}

#[tokio::test]
async fn a_browser_of_another_origin_is_refused_and_a_program_is_not() {
    let running = start(|_| {}).await;
    let error = connect(running.address, Some("https://evil.example")).await.expect_err("refused");
    let (status, body) = refused_with(error);
    assert_eq!(status, 403);
    assert_eq!(body["errors"][0]["extensions"]["code"], "LIVE_FORBIDDEN");
    assert!(connect(running.address, Some("http://127.0.0.1:8055")).await.is_ok());
    assert!(connect(running.address, None).await.is_ok());
    running.hub.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_until_one_goes() {
    let running = start(|config| config.limits.connections = 2).await;
    let first = connect(running.address, None).await.unwrap();
    let _second = connect(running.address, None).await.unwrap();
    let (status, body) = refused_with(connect(running.address, None).await.expect_err("refused"));
    assert_eq!((status, &body["errors"][0]["extensions"]["code"]), (429, &"LIVE_LIMIT".into()));
    drop(first);
    let patience = Instant::now() + Duration::from_secs(5);
    while connect(running.address, None).await.is_err() {
        assert!(Instant::now() < patience, "the place of the one that went stays taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.hub.stop().await;
}

#[tokio::test]
async fn a_client_that_says_nothing_is_told_why_it_is_closed() {
    let running = start(|config| config.session.handshake = 200).await;
    let mut client = connect(running.address, None).await.unwrap();
    let told = next_json(&mut client).await;
    assert_eq!(told["type"], "auth");
    assert_eq!(told["error"]["code"], "LIVE_UNAUTHORIZED");
    assert_eq!(next_close(&mut client).await, (4401.into(), "LIVE_UNAUTHORIZED".into()));
    drop(client);
    let patience = Instant::now() + Duration::from_secs(5);
    while running.metrics.live_connections.load(Relaxed) > 0 {
        assert!(Instant::now() < patience, "its place is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.hub.stop().await;
}

#[tokio::test]
async fn nothing_opens_while_directus_is_away() {
    let running = start(|_| {}).await;
    let mut client = connect(running.address, None).await.unwrap();
    send(&mut client, r#"{"type":"auth","access_token":"a-static-token"}"#).await;
    let told = next_json(&mut client).await;
    assert_eq!(told["status"], "error");
    assert_eq!(told["error"]["code"], "LIVE_DIRECTUS_AWAY");
    assert_eq!(next_close(&mut client).await, (4503.into(), "LIVE_DIRECTUS_AWAY".into()));
    running.hub.stop().await;
}

#[tokio::test]
async fn a_message_beyond_the_limit_ends_the_connection_and_one_below_does_not() {
    let running = start(|_| {}).await;
    let mut client = connect(running.address, None).await.unwrap();
    send(&mut client, &"x".repeat(60 * 1024)).await;
    assert_eq!(next_json(&mut client).await["error"]["code"], "LIVE_MESSAGE");
    client.send(Message::binary(vec![0xff; 100])).await.unwrap();
    assert_eq!(next_json(&mut client).await["error"]["code"], "LIVE_MESSAGE");
    send(&mut client, r#"{"type":"ping"}"#).await;
    assert_eq!(next_json(&mut client).await["type"], "pong");
    send(&mut client, &"x".repeat(65 * 1024)).await;
    assert_eq!(next_close(&mut client).await, (4400.into(), "LIVE_MESSAGE".into()));
    running.hub.stop().await;
}

#[tokio::test]
async fn a_client_that_is_gone_without_a_word_is_noticed() {
    let running = start(|config| {
        config.session.handshake = 60_000;
        config.session.ping = 150;
    })
    .await;
    let mut client = connect(running.address, None).await.unwrap();
    assert_eq!(next_json(&mut client).await["type"], "ping");
    // The library answers pings of the WebSocket, not those of the protocol: as good as gone.
    assert_eq!(next_close(&mut client).await, (4408.into(), "LIVE_BEHIND".into()));
    running.hub.stop().await;
}

#[tokio::test]
async fn a_hub_that_stops_tells_its_clients_to_come_again() {
    let running = start(|_| {}).await;
    let mut client = connect(running.address, None).await.unwrap();
    let stopping = tokio::spawn(running.hub.stop());
    let (code, reason) = next_close(&mut client).await;
    assert_eq!((code, reason.as_str()), (CloseCode::Restart, "the hub stops"));
    drop(client);
    tokio::time::timeout(Duration::from_secs(3), stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_asks_and_never_reads_does_not_fill_the_hub() {
    let running = start(|config| config.session.handshake = 600_000).await;
    let mut client = connect(running.address, None).await.unwrap();
    // Each ping is an answer that would be kept for it, were it not closed.
    let flood = async { while client.send(Message::text(r#"{"type":"ping"}"#)).await.is_ok() {} };
    let closed = tokio::time::timeout(Duration::from_secs(60), flood).await;
    assert!(closed.is_ok(), "the hub closes it");
    running.hub.stop().await;
}
