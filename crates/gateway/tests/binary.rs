//! What the real binary says and how it ends.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use support::TestRedis;

fn gateway(environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biplane-gateway"));
    command.env_clear().envs(environment.iter().copied());
    command.env("BIPLANE_GATEWAY_HTTP", "127.0.0.1:0");
    command
}

fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_wrong_configuration_is_told_whole_at_once() {
    let output =
        gateway(&[("BIPLANE_GATEWAY_TELTONIKA", "5027"), ("BIPLANE_GATEWAY_DURABILITY", "none")])
            .output()
            .unwrap();
    assert_eq!(
        failed(&output),
        "biplane-gateway: the configuration is wrong:\n  \
         BIPLANE_GATEWAY_TELTONIKA: `5027`: invalid socket address syntax\n  \
         BIPLANE_GATEWAY_DURABILITY: `none`: choose one of: required, relaxed\n"
    );
}

#[test]
fn a_redis_that_is_not_there_is_named_with_the_cause() {
    let output = gateway(&[("BIPLANE_REDIS_URL", "redis://127.0.0.1:1")]).output().unwrap();
    let told = failed(&output);
    assert!(told.contains("Redis can't be reached at redis://127.0.0.1:1: "), "{told}");
    assert!(told.contains("refused"), "{told}");
}

#[test]
fn a_port_that_is_taken_is_named_with_its_key() {
    let redis = TestRedis::start();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = gateway(&[
        ("BIPLANE_REDIS_URL", &redis.url_of("gateway")),
        ("BIPLANE_GATEWAY_TELTONIKA", &address),
    ])
    .output()
    .unwrap();
    let told = failed(&output);
    assert!(
        told.contains(&format!("BIPLANE_GATEWAY_TELTONIKA: can't listen on {address}")),
        "{told}"
    );
}

#[test]
fn sigterm_ends_it_well() {
    let redis = TestRedis::start();
    let mut child = gateway(&[
        ("BIPLANE_REDIS_URL", &redis.url_of("gateway")),
        ("BIPLANE_GATEWAY_TELTONIKA", "127.0.0.1:0"),
        ("BIPLANE_LOG_FORMAT", "json"),
    ])
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let up = lines.by_ref().map(Result::unwrap).find(|line| line.contains("gateway up")).unwrap();
    assert!(up.starts_with('{'), "{up}");
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(lines.any(|line| line.unwrap().contains("stopping")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
