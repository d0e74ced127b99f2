//! `biplane replay` against a real gateway and Redis.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../gateway/tests/device/mod.rs"]
mod device;
#[path = "../../bus/tests/support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use biplane_core::{Imei, Timestamp};
use device::{Running, config, imei, stored};
use serde_json::{Value, json};
use support::TestRedis;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

/// Long enough for a busy machine; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many records a second apart of each device, all devices in turn.
fn race(folder: &Path, devices: &[u64], records: u64) -> PathBuf {
    let mut text = "device_id,imei,ts_iso,lat,lon,speed,course,alt\n".to_owned();
    for second in 0..records {
        for &n in devices {
            let (time, imei) = (time(second), imei(n));
            let lat = 46.0 + second as f64 / 10_000.0;
            writeln!(text, "p{n},{imei},{time},{lat},12.8,31,0,1455").unwrap();
        }
    }
    let path = folder.join("race.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn time(second: u64) -> Timestamp {
    Timestamp::from_millis(1_777_636_800_000 + second as i64 * 1000)
}

fn replay(file: &Path, gateway: &Running, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biplane"));
    command
        .arg("replay")
        .arg(file)
        .args(["--gateway", &gateway.teltonika.to_string()])
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn ended(command: &mut Command) -> Output {
    timeout(PATIENCE, command.output()).await.expect("it ends").unwrap()
}

fn told(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Who was where when, each once.
async fn in_the_log(redis: &TestRedis) -> HashSet<(Imei, Timestamp)> {
    let frames = stored(redis).await;
    let of =
        |frame: biplane_core::Frame| frame.fixes.into_iter().map(move |fix| (frame.imei, fix.time));
    frames.into_iter().flat_map(of).collect()
}

async fn has_come(redis: &TestRedis, records: usize) {
    timeout(PATIENCE, async {
        while in_the_log(redis).await.len() < records {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("records come");
}

#[tokio::test(flavor = "multi_thread")]
async fn tracks_come_into_the_log_as_they_were_recorded() {
    let (redis, folder) = (TestRedis::start(), tempfile::tempdir().unwrap());
    let gateway = Running::start(config(&redis).await).await;
    let file = race(folder.path(), &[1, 2, 3], 60);
    let output = ended(&mut replay(&file, &gateway, &["--speed", "max", "--json"])).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = told(&output);
    assert_eq!(told["ok"], true);
    assert_eq!(told["records"], json!({ "all": 180, "acknowledged": 180 }));
    assert_eq!(told["devices"], json!({ "all": 3, "through": 3 }));
    assert_eq!(told["from"], time(0).to_string());
    let expected: HashSet<_> =
        [1, 2, 3].into_iter().flat_map(|n| (0..60).map(move |s| (imei(n), time(s)))).collect();
    assert_eq!(in_the_log(&redis).await, expected);
    let frames = stored(&redis).await;
    let fix = &frames[0].fixes[0];
    assert_eq!(
        (fix.speed_kmh, fix.altitude_m, fix.satellites),
        (Some(31.0), Some(1455.0), Some(10))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_goes_away_for_a_moment_gets_all_of_it() {
    let (redis, folder) = (TestRedis::start(), tempfile::tempdir().unwrap());
    let mut config = config(&redis).await;
    let mut gateway = Running::start(config.clone()).await;
    config.teltonika = gateway.teltonika;
    let file = race(folder.path(), &[1, 2, 3], 200);
    let mut command = replay(&file, &gateway, &["--speed", "40", "--json"]);
    let child = command.spawn().unwrap();
    has_come(&redis, 100).await;
    gateway.stop();
    gateway.ended().await;
    sleep(Duration::from_millis(700)).await;
    let before = in_the_log(&redis).await.len();
    assert!(before < 600, "it was away in the middle");
    let _gateway = Running::start(config).await;
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told(&output)["records"], json!({ "all": 600, "acknowledged": 600 }));
    assert_eq!(in_the_log(&redis).await.len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_device_is_named_and_the_others_go_on() {
    let (redis, folder) = (TestRedis::start(), tempfile::tempdir().unwrap());
    let gateway = Running::start(config(&redis).await).await;
    let file = race(folder.path(), &[1, 77], 30);
    let output = ended(&mut replay(&file, &gateway, &["--speed", "max", "--json"])).await;
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    assert_eq!((&told["ok"], told["refused"].as_array().unwrap().len()), (&json!(false), 1));
    assert_eq!(told["refused"][0]["device_id"], "p77");
    assert_eq!(told["refused"][0]["imei"], imei(77).to_string());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("refused: p77 (IMEI {})", imei(77))), "{said}");
    assert_eq!(in_the_log(&redis).await.len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_times_of_today_all_is_recent_and_none_from_the_future() {
    let (redis, folder) = (TestRedis::start(), tempfile::tempdir().unwrap());
    let gateway = Running::start(config(&redis).await).await;
    let file = race(folder.path(), &[1], 50);
    let output = ended(&mut replay(&file, &gateway, &["--speed", "max", "--now"])).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("50 of 50 records"));
    let frames = stored(&redis).await;
    let mut times = Vec::new();
    for frame in &frames {
        assert!(frame.fixes.iter().all(|fix| fix.time <= frame.received_at), "from the future");
        times.extend(frame.fixes.iter().map(|fix| fix.time));
    }
    times.sort_unstable();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1000), "as far apart as recorded");
    assert!(times[0] > time(100), "not as recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_it_and_it_says_how_far_it_came() {
    let (redis, folder) = (TestRedis::start(), tempfile::tempdir().unwrap());
    let gateway = Running::start(config(&redis).await).await;
    let file = race(folder.path(), &[1], 3600);
    let child = replay(&file, &gateway, &["--speed", "10", "--json"]).spawn().unwrap();
    has_come(&redis, 5).await;
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
    assert_eq!(output.status.code(), Some(130));
    let told = told(&output);
    assert_eq!((&told["ended_by"], &told["ok"]), (&json!("Ctrl-C"), &json!(false)));
    let acknowledged = told["records"]["acknowledged"].as_u64().unwrap();
    assert!((5..3600).contains(&acknowledged), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_of_a_file_with_a_fault_and_the_fault_is_named() {
    let (redis, folder) = (TestRedis::start(), tempfile::tempdir().unwrap());
    let gateway = Running::start(config(&redis).await).await;
    let file = folder.path().join("faulty.csv");
    let header = "device_id,ts_iso,lat,lon";
    let rows = format!("{},2026-05-01T09:00:00Z,46,12", imei(1));
    for (text, says) in [
        (
            format!("{header}\n{rows}\np1,2026-05-01T09:00:00Z,46,12\n"),
            "line 3: the device `p1` has no IMEI",
        ),
        (format!("{header}\n{rows}\n{rows}9\nx\n"), "faulty.csv: CSV error: record 3"),
        (format!("{rows}\n"), "it has no column `device_id`"),
        (String::new(), "it has no column `device_id`"),
        (format!("{header}\n"), "it has no positions to send"),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = ended(&mut replay(&file, &gateway, &["--speed", "max"])).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said} should say {says}");
    }
    assert!(in_the_log(&redis).await.is_empty());
    let gone = ended(&mut replay(&folder.path().join("none.csv.gz"), &gateway, &[])).await;
    assert!(String::from_utf8_lossy(&gone.stderr).contains("none.csv.gz: No such file"));
    for speed in ["0", "-1", "NaN", "fast"] {
        let output = ended(&mut replay(&file, &gateway, &[&format!("--speed={speed}")])).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("a number from 0.1 to 10000, or `max`"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = race(folder.path(), &[1], 1);
    for (place, says) in [
        ("127.0.0.1:1", "no gateway takes trackers at 127.0.0.1:1: "),
        ("nowhere", "no gateway takes trackers at nowhere: "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_biplane"));
        let output = ended(command.arg("replay").arg(&file).args(["--gateway", place])).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
}
