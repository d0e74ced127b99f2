//! Trackers on real sockets, a gateway, and a real Redis behind it.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

mod device;

use std::collections::HashMap;
use std::time::Duration;

use biplane_bus::{Allowlist, EntryId, Known, LogOptions, RedisLog, Registry};
use biplane_core::{Frame, Timestamp};
use biplane_gateway::{Config, DurabilityPolicy, Gateway, GatewayError, UnknownDevices};
use biplane_protocols::teltonika::{Answer, Tracker};
use device::{A_WHILE, Device, Running, config, fix, imei, stored};
use support::TestRedis;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_trackers_frames_are_in_the_log_when_it_is_acknowledged() {
    let redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    for n in 0..5 {
        device.send_fixes(&[fix(2 * n), fix(2 * n + 1)]).await;
        assert_eq!(device.answer().await, Some(Answer::Acknowledged(2)));
        assert_eq!(stored(&redis).await.len() as i64, n + 1);
    }
    let frames = stored(&redis).await;
    for (n, frame) in frames.iter().enumerate() {
        let n = 2 * n as i64;
        assert_eq!(frame.imei, imei(1));
        assert_eq!(frame.fixes, [fix(n), fix(n + 1)]);
        assert_eq!(
            (frame.gateway.as_str(), frame.protocol.as_str()),
            ("test-gateway", "teltonika")
        );
    }
    assert!(frames.windows(2).all(|pair| pair[0].trace_id != pair[1].trace_id));
}

#[tokio::test]
async fn nothing_is_acknowledged_while_redis_is_down_and_all_of_it_once_after() {
    let mut redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    let mut devices = Vec::new();
    for n in 0..3 {
        devices.push(Device::logged_in(&gateway, n).await);
    }
    devices[0].send_fixes(&[fix(0)]).await;
    assert_eq!(devices[0].answer().await, Some(Answer::Acknowledged(1)));

    redis.kill();
    assert_eq!(gateway.http("/health/live").await.0, 200);
    assert_eq!(gateway.http("/health/ready").await.0, 503);
    for device in &mut devices {
        device.send_fixes(&[fix(1), fix(2)]).await;
    }
    for device in &mut devices {
        device.hears_nothing().await;
    }

    redis.start_again();
    for device in &mut devices {
        assert_eq!(device.answer().await, Some(Answer::Acknowledged(2)));
    }
    let frames = stored(&redis).await;
    assert_eq!(frames.len(), 4, "one from before, one of each device after: {frames:?}");
    assert_eq!(gateway.http("/health/ready").await.0, 200);
}

#[tokio::test]
async fn an_unknown_device_is_refused_or_accepted_as_configured() {
    let redis = TestRedis::start();
    let refusing = config(&redis).await;
    let accepting = Config { unknown_devices: UnknownDevices::Accept, ..refusing.clone() };
    let gateway = Running::start(refusing).await;
    let mut stranger = Device::connect(&gateway, 77).await;
    assert_eq!(stranger.log_in().await, Some(Answer::Refused));
    assert_eq!(stranger.answer().await, None, "closed");

    let gateway = Running::start(accepting).await;
    let mut stranger = Device::connect(&gateway, 77).await;
    assert_eq!(stranger.log_in().await, Some(Answer::Accepted));
}

#[tokio::test]
async fn what_an_unknown_device_sends_is_kept_in_quarantine_until_it_is_known() {
    let redis = TestRedis::start();
    let config = Config { unknown_devices: UnknownDevices::Quarantine, ..config(&redis).await };
    let gateway = Running::start(config).await;
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let kept = async || log.quarantined(EntryId::default(), 100).await.unwrap();
    let mut known = Device::logged_in(&gateway, 2).await;
    let mut stranger = Device::logged_in(&gateway, 77).await;
    for device in [&mut known, &mut stranger] {
        device.send_fixes(&[fix(0), fix(1)]).await;
        assert_eq!(device.answer().await, Some(Answer::Acknowledged(2)));
    }
    let imeis: Vec<_> = stored(&redis).await.iter().map(|frame| frame.imei).collect();
    assert_eq!(imeis, [imei(2)]);
    let in_quarantine = kept().await;
    let [entry] = &in_quarantine[..] else { panic!("one frame: {in_quarantine:?}") };
    let frame = entry.frame.as_ref().unwrap();
    assert_eq!((frame.imei, &frame.fixes[..]), (imei(77), &[fix(0), fix(1)][..]));

    // Registered meanwhile: what comes on the same connection goes where it belongs.
    let all: Vec<_> = [2, 77].map(|n| Known { imei: imei(n), token: None }).into();
    Allowlist::new(&log).publish(&all, Timestamp::default()).await.unwrap();
    stranger.send_fixes(&[fix(2)]).await;
    assert_eq!(stranger.answer().await, Some(Answer::Acknowledged(1)));
    assert_eq!(kept().await.len(), 1);
    assert!(log.release_quarantined(entry.id, frame).await.unwrap());
    assert!(!log.release_quarantined(entry.id, frame).await.unwrap(), "only once");
    assert_eq!(kept().await.len(), 0);
    let fixes = stored(&redis).await.into_iter().filter(|frame| frame.imei == imei(77));
    let fixes: Vec<_> = fixes.flat_map(|frame| frame.fixes).collect();
    assert_eq!(fixes, [fix(2), fix(0), fix(1)]);
    let (_, metrics) = gateway.http("/metrics").await;
    assert!(metrics.contains(r#"logins_total{result="quarantined"} 1"#), "{metrics}");
}

#[tokio::test]
async fn quarantine_keeps_a_bounded_number_of_frames_the_latest() {
    let redis = TestRedis::start();
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let frame = |n| Frame {
        imei: imei(77),
        received_at: Timestamp::default(),
        gateway: "test".into(),
        protocol: "teltonika".into(),
        trace_id: n,
        fixes: vec![fix(0)],
    };
    for batch in 0..11 {
        let frames: Vec<_> = (0..1_000).map(|n| frame(1_000 * batch + n)).collect();
        log.quarantine(&frames).await.unwrap();
    }
    let length: i64 = redis::cmd("XLEN")
        .arg("quarantine:devices")
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    // Redis drops whole nodes, of 100 entries.
    assert!((10_000..10_200).contains(&length), "{length}");
    let [oldest] = &log.quarantined(EntryId::default(), 1).await.unwrap()[..] else { panic!() };
    assert!(oldest.frame.as_ref().unwrap().trace_id > 800, "the oldest went");
}

#[tokio::test]
async fn a_device_that_logs_in_while_redis_is_down_is_not_refused() {
    let mut redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    redis.kill();
    let mut device = Device::connect(&gateway, 1).await;
    device.send(&Tracker::new(imei(1)).login()).await;
    device.hears_nothing().await;
    redis.start_again();
    assert_eq!(device.answer().await, Some(Answer::Accepted));
}

#[tokio::test]
async fn a_wrong_checksum_is_never_acknowledged_and_the_third_in_a_row_ends_the_connection() {
    let redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let good = Tracker::frame(&[fix(0)]).unwrap();
    let mut wrong = good.clone();
    wrong[30] ^= 0x10;
    device.send(&wrong).await;
    assert_eq!(device.answer().await, Some(Answer::Acknowledged(0)), "none taken: send it again");
    device.send(&good).await;
    assert_eq!(device.answer().await, Some(Answer::Acknowledged(1)));
    for _ in 0..3 {
        device.send(&wrong).await;
        assert_eq!(device.answer().await, Some(Answer::Acknowledged(0)));
    }
    assert_eq!(device.answer().await, None, "closed");
    assert_eq!(stored(&redis).await.len(), 1);
    let (_, metrics) = gateway.http("/metrics").await;
    assert!(
        metrics.contains(r#"biplane_gateway_errors_total{code="FRAME_CHECKSUM"}"#),
        "{metrics}"
    );
    assert!(metrics.contains("biplane_gateway_append_seconds_bucket"), "{metrics}");
}

#[tokio::test]
async fn frames_may_come_byte_by_byte_and_many_at_once() {
    let redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    for byte in Tracker::frame(&[fix(0)]).unwrap() {
        device.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(device.answer().await, Some(Answer::Acknowledged(1)));
    let mut joined = vec![0xFF];
    for n in 1..20 {
        joined.extend(Tracker::frame(&vec![fix(n); 100]).unwrap());
    }
    device.send(&joined).await;
    for _ in 1..20 {
        assert_eq!(device.answer().await, Some(Answer::Acknowledged(100)));
    }
    let times: Vec<_> = stored(&redis).await.iter().map(|frame| frame.fixes[0].time).collect();
    assert_eq!(times, (0..20).map(|n| fix(n).time).collect::<Vec<_>>());
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    let mut good = Device::logged_in(&gateway, 1).await;
    let mut browser = Device::connect(&gateway, 2).await;
    browser.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(browser.answer().await, None);
    let mut broken = Device::logged_in(&gateway, 3).await;
    broken.send(&[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]).await;
    assert_eq!(broken.answer().await, None);
    good.send_fixes(&[fix(0)]).await;
    assert_eq!(good.answer().await, Some(Answer::Acknowledged(1)));
}

#[tokio::test]
async fn each_device_is_stored_under_its_own_name() {
    let redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    let (mut a, mut b) =
        (Device::logged_in(&gateway, 1).await, Device::logged_in(&gateway, 2).await);
    for n in 0..20 {
        a.send_fixes(&[fix(n)]).await;
        b.send_fixes(&[fix(100 + n)]).await;
    }
    for _ in 0..20 {
        assert_eq!(a.answer().await, Some(Answer::Acknowledged(1)));
        assert_eq!(b.answer().await, Some(Answer::Acknowledged(1)));
    }
    for (n, first) in [(1, 0), (2, 100)] {
        let frames = stored(&redis).await.into_iter().filter(|frame| frame.imei == imei(n));
        let fixes: Vec<_> = frames.flat_map(|frame| frame.fixes).collect();
        assert_eq!(fixes, (first..first + 20).map(fix).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_stop_waits_for_records_on_their_way_and_frees_the_registry() {
    let mut redis = TestRedis::start();
    let mut gateway = Running::start(config(&redis).await).await;
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    let registry = Registry::new(&log);
    let mut idle = Device::logged_in(&gateway, 1).await;
    let mut busy = Device::logged_in(&gateway, 2).await;
    let holder = registry.holder(imei(2)).await.unwrap().expect("registered");
    assert_eq!(holder.instance, "test-gateway");
    assert_eq!(holder.remote, busy.socket.local_addr().unwrap().to_string());

    redis.kill();
    busy.send_fixes(&[fix(0)]).await;
    busy.hears_nothing().await;
    gateway.stop();
    assert_eq!(idle.answer().await, None, "closed at once");
    redis.start_again();
    assert_eq!(busy.answer().await, Some(Answer::Acknowledged(1)));
    assert_eq!(busy.answer().await, None, "closed after its acknowledgement");
    gateway.ended().await;
    assert_eq!(stored(&redis).await.len(), 1);
    let log = RedisLog::connect(&redis.url(), LogOptions::default()).await.unwrap();
    assert_eq!(Registry::new(&log).holder(imei(2)).await.unwrap(), None);
}

#[tokio::test]
async fn a_stop_ends_without_redis_too_and_acknowledges_nothing() {
    let mut redis = TestRedis::start();
    let config = Config { drain_timeout: Duration::from_millis(300), ..config(&redis).await };
    let mut gateway = Running::start(config).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    redis.kill();
    device.send_fixes(&[fix(0)]).await;
    device.hears_nothing().await;
    gateway.stop();
    gateway.ended().await;
    assert_eq!(device.answer().await, None);
}

#[tokio::test]
async fn who_does_not_log_in_falls_silent_or_comes_too_often_is_closed() {
    let redis = TestRedis::start();
    let config = Config {
        login_timeout: A_WHILE,
        idle_timeout: A_WHILE,
        max_per_address: 2,
        ..config(&redis).await
    };
    let gateway = Running::start(config).await;
    let mut mute = Device::connect(&gateway, 1).await;
    let mut silent = Device::logged_in(&gateway, 2).await;
    let mut third = Device::connect(&gateway, 3).await;
    assert_eq!(third.answer().await, None, "one too many");
    silent.send(&Tracker::frame(&[fix(0)]).unwrap()[..20]).await;
    assert_eq!(mute.answer().await, None);
    assert_eq!(silent.answer().await, None);
    Device::logged_in(&gateway, 3).await;
}

#[tokio::test]
async fn a_started_frame_that_trickles_in_is_not_waited_for() {
    let redis = TestRedis::start();
    let config = Config { frame_timeout: A_WHILE, ..config(&redis).await };
    let gateway = Running::start(config).await;
    let mut quiet = Device::logged_in(&gateway, 1).await;
    let mut slow = Device::logged_in(&gateway, 2).await;
    let frame = Tracker::frame(&vec![fix(0); 100]).unwrap();
    let trickle = async {
        for byte in &frame[..frame.len() - 1] {
            if slow.socket.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(A_WHILE / 10).await;
        }
    };
    tokio::select! {
        () = trickle => {}
        () = tokio::time::sleep(2 * A_WHILE) => {}
    }
    assert_eq!(slow.answer().await, None, "closed in the middle of its frame");
    quiet.send_fixes(&[fix(0)]).await;
    assert_eq!(quiet.answer().await, Some(Answer::Acknowledged(1)), "silence is no frame");
    assert_eq!(stored(&redis).await.len(), 1);
}

#[tokio::test]
async fn a_device_that_a_second_address_claims_raises_an_alert() {
    let redis = TestRedis::start();
    let gateway = Running::start(config(&redis).await).await;
    let first = Device::logged_in(&gateway, 1).await;
    let again = Device::logged_in(&gateway, 1).await;
    let mut other = Device::connect_from([127, 0, 0, 2], &gateway, 1).await;
    assert_eq!(other.log_in().await, Some(Answer::Accepted));
    let alerts: Vec<(String, HashMap<String, String>)> = redis::cmd("XRANGE")
        .arg(&["gateway:alerts", "-", "+"])
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    let [(_, alert)] = &alerts[..] else { panic!("one for the other address: {alerts:?}") };
    let before = again.socket.local_addr().unwrap().to_string();
    assert_ne!(before, first.socket.local_addr().unwrap().to_string());
    for (field, value) in [
        ("kind", "second_address"),
        ("imei", imei(1).to_string().as_str()),
        ("address", "127.0.0.2"),
        ("before", before.as_str()),
        ("instance", "test-gateway"),
    ] {
        assert_eq!(alert[field], value, "{field}");
    }
    assert!(alert["at"].parse::<Timestamp>().is_ok(), "{alert:?}");
    assert_eq!(alert.len(), 6, "{alert:?}");
}

#[tokio::test]
async fn a_redis_that_could_lose_records_is_refused_unless_allowed() {
    let redis = TestRedis::start_with(&["--appendonly", "no"]);
    let required = config(&redis).await;
    let relaxed = Config { durability: DurabilityPolicy::Relaxed, ..required.clone() };
    let error = Gateway::start(required).await.err().expect("refused");
    assert!(matches!(error, GatewayError::Weak { .. }));
    assert!(error.to_string().contains("appendonly is `no`"), "{error}");
    Gateway::start(relaxed).await.unwrap();
}
