//! Devices that speak otherwise than Teltonika over TCP.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

mod device;

use std::net::SocketAddr;

use biplane_bus::{EntryId, LogOptions, RedisLog};
use biplane_core::Imei;
use biplane_gateway::{Config, UnknownDevices};
use biplane_protocols::teltonika::Tracker;
use device::{A_WHILE, Running, SOON, config, fix, imei, stored, token};
use support::TestRedis;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// A Teltonika datagram with one record.
fn datagram(imei: Imei, number: u8) -> Vec<u8> {
    let frame = Tracker::frame(&[fix(i64::from(number))]).unwrap();
    let data = &frame[8..frame.len() - 4];
    let head = [&[0xCA, 0xFE, 1, number, 0, 15], imei.to_string().as_bytes()].concat();
    let length = (head.len() + data.len()) as u16;
    [&length.to_be_bytes()[..], &head, data].concat()
}

#[tokio::test]
async fn datagrams_are_answered_once_their_records_are_in_the_log() {
    let mut redis = TestRedis::start();
    let listen = vec!["teltonika=udp://127.0.0.1:0".parse().unwrap()];
    let gateway = Running::start(Config { listen, ..config(&redis).await }).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(gateway.others[0]).await.unwrap();
    let mut answer = [0; 64];
    for n in 1..=3 {
        socket.send(&datagram(imei(2), n)).await.unwrap();
        let length = timeout(SOON, socket.recv(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer[..length], [0, 5, 0xCA, 0xFE, 1, n, 1]);
    }
    let frames = stored(&redis).await;
    assert_eq!(frames.len(), 3);
    assert_eq!((frames[0].imei, frames[0].fixes.len()), (imei(2), 1));
    // Strangers and what is no datagram have no answer.
    socket.send(&datagram(imei(77), 4)).await.unwrap();
    socket.send(b"\0\x05hello").await.unwrap();
    assert!(timeout(A_WHILE, socket.recv(&mut answer)).await.is_err());
    redis.kill();
    socket.send(&datagram(imei(2), 5)).await.unwrap();
    assert!(timeout(A_WHILE, socket.recv(&mut answer)).await.is_err());
    redis.start_again();
    // As a device that had no answer does.
    let length = loop {
        socket.send(&datagram(imei(2), 5)).await.unwrap();
        if let Ok(length) = timeout(A_WHILE, socket.recv(&mut answer)).await {
            break length.unwrap();
        }
    };
    assert_eq!(answer[..length], [0, 5, 0xCA, 0xFE, 1, 5, 1]);
    assert!(stored(&redis).await.len() >= 4);
}

/// What is answered to a first line and one position.
async fn lines(address: SocketAddr, hello: &str) -> Vec<String> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let position =
        r#"{"time": "2026-05-01T10:00:00.250Z", "lat": 46.5, "lon": 12.25, "speed_kmh": 31.5}"#;
    socket.write_all(format!("{hello}\n").as_bytes()).await.unwrap();
    let (reader, mut writer) = socket.split();
    let mut reader = BufReader::new(reader).lines();
    let mut answers = Vec::new();
    while let Ok(Some(line)) = timeout(SOON, reader.next_line()).await.unwrap() {
        answers.push(line);
        if answers.len() == 1 {
            let _ = writer.write_all(format!("{position}\n").as_bytes()).await;
        }
        if answers.len() == 2 {
            break;
        }
    }
    answers
}

#[tokio::test]
async fn a_device_with_a_token_is_let_in_by_it_only_where_the_protocol_has_a_place_for_it() {
    let redis = TestRedis::start();
    let listen = vec!["json-lines=tcp://127.0.0.1:0".parse().unwrap()];
    let settings = Config { listen, ..config(&redis).await };
    let gateway = Running::start(settings.clone()).await;
    let address = gateway.others[0];
    let with = |n: u64, token: &str| format!(r#"{{"imei": "{}", "token": "{token}"}}"#, imei(n));
    let without = |n: u64| format!(r#"{{"imei": "{}"}}"#, imei(n));
    for hello in [with(1, &token(1)), without(2), with(2, "whatever")] {
        let answers = lines(address, &hello).await;
        assert_eq!(answers.len(), 2, "{hello}: {answers:?}");
        assert!(answers[1].contains(r#""ack":1"#), "{answers:?}");
    }
    for hello in [without(1), with(1, &token(3)), with(1, ""), without(77)] {
        let answers = lines(address, &hello).await;
        assert!(answers.iter().all(|line| !line.contains(r#""ack":1"#)), "{hello}: {answers:?}");
    }
    let frames = stored(&redis).await;
    assert_eq!(frames.len(), 3);
    let first = frames.iter().find(|frame| frame.imei == imei(1)).unwrap();
    assert_eq!((first.protocol.as_str(), first.fixes[0].lat), ("json-lines", 46.5));

    // Who lets strangers in lets nobody in under another's name.
    let accepting = Config { unknown_devices: UnknownDevices::Accept, ..settings };
    let accepting = Running::start(accepting).await;
    let answers = lines(accepting.others[0], &without(77)).await;
    assert!(answers.last().unwrap().contains(r#""ack":1"#), "{answers:?}");
    let answers = lines(accepting.others[0], &without(1)).await;
    assert!(answers.iter().all(|line| !line.contains(r#""ack":1"#)), "{answers:?}");
}

#[tokio::test]
async fn quarantine_takes_strangers_of_every_transport_and_nobody_under_anothers_name() {
    let redis = TestRedis::start();
    let gateway = Running::start(Config {
        unknown_devices: UnknownDevices::Quarantine,
        listen: ["teltonika=udp://127.0.0.1:0", "json-lines=tcp://127.0.0.1:0"]
            .map(|listen| listen.parse().unwrap())
            .into(),
        osmand: Some("127.0.0.1:0".parse().unwrap()),
        ..config(&redis).await
    })
    .await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(gateway.others[0]).await.unwrap();
    socket.send(&datagram(imei(77), 1)).await.unwrap();
    let mut answer = [0; 64];
    let length = timeout(SOON, socket.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer[..length], [0, 5, 0xCA, 0xFE, 1, 1, 1]);
    let hello = |n: u64| format!(r#"{{"imei": "{}", "token": "whatever"}}"#, imei(n));
    let answers = lines(gateway.others[1], &hello(78)).await;
    assert!(answers.last().unwrap().contains(r#""ack":1"#), "{answers:?}");
    // Registered, with another token.
    let answers = lines(gateway.others[1], &hello(1)).await;
    assert!(answers.iter().all(|line| !line.contains(r#""ack":1"#)), "{answers:?}");
    // A phone is nobody without the token that its device has.
    let phone = format!("id={}&lat=46.5&lon=12.25&token=whatever", imei(79));
    assert_eq!(report(gateway.osmand.unwrap(), &phone, None).await.0, 401);
    assert_eq!(stored(&redis).await.len(), 0);
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let kept = log.quarantined(EntryId::default(), 100).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|kept| kept.frame.as_ref().unwrap().imei).collect();
    assert_eq!(kept, [imei(77), imei(78)]);
}

async fn report(address: SocketAddr, query: &str, bearer: Option<&str>) -> (u16, String) {
    let client = reqwest::Client::new();
    let mut request = client.get(format!("http://{address}/?{query}"));
    if let Some(token) = bearer {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_phone_with_a_token_is_a_tracker_and_without_one_nobody() {
    let mut redis = TestRedis::start();
    let osmand = Some("127.0.0.1:0".parse().unwrap());
    let mut gateway = Running::start(Config { osmand, ..config(&redis).await }).await;
    let address = gateway.osmand.unwrap();
    let at = |n: u64| format!("id={}&lat=46.5&lon=12.25&timestamp=1780315200&speed=10", imei(n));
    let with = format!("{}&token={}", at(1), token(1));
    assert_eq!(report(address, &with, None).await.0, 200);
    assert_eq!(report(address, &at(3), Some(&token(3))).await.0, 200);
    let frames = stored(&redis).await;
    assert_eq!(frames.len(), 2);
    let first = frames.iter().find(|frame| frame.imei == imei(1)).unwrap();
    assert_eq!((first.protocol.as_str(), first.gateway.as_str()), ("osmand", "test-gateway"));
    assert_eq!((first.fixes[0].lat, first.fixes[0].lon), (46.5, 12.25));
    assert_eq!(first.fixes[0].time.to_string(), "2026-06-01T12:00:00.000Z");

    // None of them tells whether the number or the token is wrong.
    let mut refusals = Vec::new();
    for (query, bearer) in [
        (at(1), None),
        (at(1), Some("the-token-of-device-3")),
        (at(2), Some("a device without a token")),
        (at(77), Some("the-token-of-device-1")),
        (format!("{}&token=wrong", at(1)), None),
    ] {
        refusals.push(report(address, &query, bearer).await);
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
    assert_eq!(refusals[0].0, 401);
    let (status, why) = report(address, "lat=46", None).await;
    assert_eq!(status, 400, "{why}");
    let large = reqwest::Client::new()
        .post(format!("http://{address}/"))
        .body("x".repeat(1_000_000))
        .send()
        .await
        .unwrap();
    assert_eq!(large.status().as_u16(), 413);
    assert_eq!(stored(&redis).await.len(), 2);

    redis.kill();
    assert_eq!(report(address, &with, None).await.0, 503);
    redis.start_again();
    gateway.stop();
    gateway.ended().await;
}
