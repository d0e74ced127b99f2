//! Devices that speak TLS, with a certificate made for the test.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

mod device;

use std::net::SocketAddr;
use std::sync::Arc;

use biplane_bus::Outcome;
use biplane_gateway::{Config, Gateway, GatewayError, TlsFiles};
use biplane_protocols::teltonika::Tracker;
use device::orders::{Order, now, order};
use device::{A_WHILE, Running, SOON, config, fix, imei, stored, token};
use support::TestRedis;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

struct Certificate {
    files: TlsFiles,
    der: CertificateDer<'static>,
    _folder: tempfile::TempDir,
}

/// For `localhost`, signed by itself.
fn certificate() -> Certificate {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("certificate.pem"),
        key: folder.path().join("key.pem"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    Certificate { files, der: made.cert.der().clone(), _folder: folder }
}

async fn connect(address: SocketAddr, trusted: &Certificate) -> TlsStream<TcpStream> {
    connect_over(TcpStream::connect(address).await.unwrap(), trusted).await
}

async fn connect_over(socket: TcpStream, trusted: &Certificate) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(client))
        .connect("localhost".try_into().unwrap(), socket)
        .await
        .unwrap()
}

async fn hear<const N: usize>(stream: &mut TlsStream<TcpStream>) -> [u8; N] {
    let mut answer = [0; N];
    timeout(SOON, stream.read_exact(&mut answer)).await.expect("an answer").unwrap();
    answer
}

async fn secured(redis: &TestRedis, certificate: &Certificate) -> Config {
    Config {
        listen: vec!["teltonika=tls://127.0.0.1:0".parse().unwrap()],
        osmand: Some("https://127.0.0.1:0".parse().unwrap()),
        tls: Some(certificate.files.clone()),
        ..config(redis).await
    }
}

#[tokio::test]
async fn a_tracker_that_speaks_tls_is_acknowledged_as_any_other() {
    let (redis, certificate) = (TestRedis::start(), certificate());
    let mut gateway = Running::start(secured(&redis, &certificate).await).await;
    let mut device = connect(gateway.others[0], &certificate).await;
    device.write_all(&Tracker::new(imei(2)).login()).await.unwrap();
    assert_eq!(hear(&mut device).await, [1]);
    // Many at once: what TLS has decrypted already makes no socket readable.
    let frames: Vec<u8> =
        (0..20).flat_map(|n| Tracker::frame(&vec![fix(n); 100]).unwrap()).collect();
    device.write_all(&frames).await.unwrap();
    for _ in 0..20 {
        assert_eq!(u32::from_be_bytes(hear(&mut device).await), 100);
    }
    // And in pieces.
    for piece in Tracker::frame(&[fix(20)]).unwrap().chunks(7) {
        device.write_all(piece).await.unwrap();
        device.flush().await.unwrap();
    }
    assert_eq!(u32::from_be_bytes(hear(&mut device).await), 1);
    let stored = stored(&redis).await;
    let times: Vec<_> = stored.iter().map(|frame| frame.fixes[0].time).collect();
    assert_eq!(times, (0..=20).map(|n| fix(n).time).collect::<Vec<_>>());
    gateway.stop();
    // Without a farewell this would be an error: somebody could have cut it short.
    let end = timeout(SOON, device.read(&mut [0; 1])).await.expect("an end").unwrap();
    assert_eq!(end, 0);
    gateway.ended().await;
}

#[tokio::test]
async fn who_does_not_speak_tls_is_closed_and_counted_and_disturbs_nobody() {
    let (redis, certificate) = (TestRedis::start(), certificate());
    let config = Config { login_timeout: A_WHILE, ..secured(&redis, &certificate).await };
    let gateway = Running::start(config).await;
    let mut mute = TcpStream::connect(gateway.others[0]).await.unwrap();
    let mut plain = TcpStream::connect(gateway.others[0]).await.unwrap();
    plain.write_all(&Tracker::new(imei(2)).login()).await.unwrap();
    let mut phone = TcpStream::connect(gateway.osmand.unwrap()).await.unwrap();
    phone.write_all(b"GET /?id=1 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    for socket in [&mut mute, &mut plain, &mut phone] {
        let mut said = Vec::new();
        // Closed, be it with an alert of TLS; never an answer of the protocol.
        let _ = timeout(SOON, socket.read_to_end(&mut said)).await.expect("closed");
        assert!(said.is_empty() || said[0] == 21, "{said:?}");
    }
    // Of those that speak it, the same time limit holds for the login.
    let mut late = connect(gateway.others[0], &certificate).await;
    assert_eq!(timeout(SOON, late.read(&mut [0; 1])).await.expect("closed").unwrap(), 0);
    let mut device = connect(gateway.others[0], &certificate).await;
    device.write_all(&Tracker::new(imei(2)).login()).await.unwrap();
    assert_eq!(hear(&mut device).await, [1]);
    let (_, metrics) = gateway.http("/metrics").await;
    let failed = metrics
        .lines()
        .find_map(|line| line.strip_prefix("biplane_gateway_handshakes_failed_total "))
        .expect("counted");
    assert!(failed.parse::<u64>().unwrap() >= 3, "{failed}");
}

#[tokio::test]
async fn a_phone_reports_over_https() {
    let (redis, certificate) = (TestRedis::start(), certificate());
    let gateway = Running::start(secured(&redis, &certificate).await).await;
    let mut phone = connect(gateway.osmand.unwrap(), &certificate).await;
    for (token, status) in [(token(1), "200"), (token(3), "401")] {
        let request = format!(
            "POST /?id={}&token={token}&lat=46.0&lon=12.8 HTTP/1.1\r\nHost: localhost\r\n\
             Content-Length: 0\r\n\r\n",
            imei(1)
        );
        phone.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1024];
        let length = timeout(SOON, phone.read(&mut answer)).await.unwrap().unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    assert_eq!(stored(&redis).await.len(), 1);
}

#[tokio::test]
async fn a_certificate_or_key_that_is_of_no_use_is_named_at_the_start() {
    let (redis, good, other) = (TestRedis::start(), certificate(), certificate());
    let empty = good.files.key.with_extension("empty");
    std::fs::write(&empty, "no PEM in here\n").unwrap();
    let damaged = good.files.key.with_extension("damaged");
    let text = std::fs::read_to_string(&good.files.certificate).unwrap();
    std::fs::write(&damaged, text.replacen('M', "!", 2)).unwrap();
    let missing = good.files.key.with_extension("missing");
    let shown = |path: &std::path::Path| path.display().to_string();
    let TlsFiles { certificate, key } = good.files.clone();
    let file = |key: &str, path: &_, holds: &str| {
        format!("BIPLANE_GATEWAY_TLS_{key}: `{}` holds no {holds} in PEM", shown(path))
    };
    for (certificate, key, said) in [
        (&missing, &key, file("CERT", &missing, "certificate")),
        (&empty, &key, file("CERT", &empty, "certificate")),
        (&damaged, &key, file("CERT", &damaged, "certificate")),
        (&key, &key, file("CERT", &key, "certificate")),
        (&certificate, &missing, file("KEY", &missing, "private key")),
        (&certificate, &certificate, file("KEY", &certificate, "private key")),
        (
            &certificate,
            &other.files.key,
            format!("BIPLANE_GATEWAY_TLS_KEY: `{}`", shown(&other.files.key)),
        ),
    ] {
        let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
        let config = Config { tls: Some(files), ..secured(&redis, &good).await };
        let error = Gateway::start(config).await.err().expect("refused");
        assert!(matches!(error, GatewayError::Tls(_)), "{error}");
        assert!(error.to_string().contains(&said), "{error} instead of {said}");
    }
    let config = Config { tls: None, ..secured(&redis, &good).await };
    let error = Gateway::start(config).await.err().expect("refused").to_string();
    assert!(error.starts_with("BIPLANE_GATEWAY_TLS_CERT: is missing"), "{error}");
}

#[tokio::test]
async fn a_command_goes_over_tls_too_and_what_has_not_arrived_when_it_expires_never_does() {
    let (redis, certificate) = (TestRedis::start(), certificate());
    let gateway = Running::start(secured(&redis, &certificate).await).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    let socket = socket.connect(gateway.others[0]).await.unwrap();
    let mut device = connect_over(socket, &certificate).await;
    device.write_all(&Tracker::new(imei(2)).login()).await.unwrap();
    assert_eq!(hear(&mut device).await, [1]);

    let quiet = Order { answers: false, ..order(2, "quiet") };
    quiet.give(&redis).await;
    quiet.ends(&redis, &[Outcome::Sent, Outcome::Acknowledged]).await;
    let frame = hear::<25>(&mut device).await;
    assert_eq!(&frame[15..20], b"quiet");

    let large = Order { expires_at: now() + 1_500, ..order(2, &"x".repeat(16_000)) };
    large.give(&redis).await;
    large.ends(&redis, &[Outcome::Sent, Outcome::Unknown]).await;
    let mut read = Vec::new();
    let end = timeout(SOON, device.read_to_end(&mut read)).await.expect("an end");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert!(read.len() < large.text.len(), "{} bytes of the command", read.len());
}
