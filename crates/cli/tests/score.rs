//! `biplane score`: what it makes of a small race of two on a course of two circles, along a parallel.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/score").join(name)
}

fn score(positions: &Path, course: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_biplane"))
        .arg("score")
        .arg(positions)
        .arg("--course")
        .arg(course)
        .args(more)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_race_is_timed_to_the_millisecond_and_ranked() {
    let folder = tempfile::tempdir().unwrap();
    let crossings = folder.path().join("crossings.csv");
    let more = ["--json", "--crossings", crossings.to_str().unwrap()];
    let told = printed(&score(&data("positions.csv"), &data("course.json"), &more));
    assert_eq!(
        (&told["positions"], &told["devices"], &told["late"]),
        (&json!(8), &json!(2), &json!(1))
    );
    let faulty = json!([{ "device_id": "b", "time": "2026-05-01T09:05:00.000Z", "reason": "zero_coordinates" }]);
    assert_eq!(told["faulty"], faulty);
    // The circles' borders stand 1,000 m beside their centres; the legs of `a` last one minute for 0.1°.
    let a = &told["results"][0];
    assert_eq!(
        (&a["device_id"], &a["rank"], &a["finished"]),
        (&json!("a"), &json!(1), &json!(true))
    );
    assert_eq!(a["splits"][0]["time"], "2026-05-01T09:00:37.768Z", "the last start counts");
    assert_eq!(a["splits"][1]["time"], "2026-05-01T09:01:22.232Z");
    let b = &told["results"][1];
    assert_eq!((&b["device_id"], &b["splits"][1]["gap_ms"]), (&json!("b"), &json!(44_466)));
    let rows = std::fs::read_to_string(&crossings).unwrap();
    let rows: Vec<_> = rows.lines().collect();
    assert_eq!(rows.len(), 9);
    assert_eq!(rows[..2], ["device_id,zone,direction,time", "a,1,enter,2026-05-01T09:00:22.232Z"]);
}

#[test]
fn compressed_positions_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let gz = folder.path().join("positions.csv.gz");
    let mut encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(&gz).unwrap(), Default::default());
    encoder.write_all(&std::fs::read(data("positions.csv")).unwrap()).unwrap();
    encoder.finish().unwrap();
    let course = data("course.json");
    let plain = printed(&score(&data("positions.csv"), &course, &["--json"]));
    for file in [gz, data("positions.csv.xz")] {
        assert_eq!(printed(&score(&file, &course, &["--json"])), plain, "{}", file.display());
    }
}

#[test]
fn a_zone_that_is_closed_counts_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let course = std::fs::read_to_string(data("course.json")).unwrap();
    let file = folder.path().join("course.json");
    std::fs::write(&file, course.replace("09:03:30Z", "09:02:00Z")).unwrap();
    let told = printed(&score(&data("positions.csv"), &file, &["--json"]));
    assert_eq!(told["results"][1]["zones_taken"], 1, "{told}");
    assert_eq!(told["crossings"], 8, "they are listed all the same");
}

#[test]
fn what_can_not_be_read_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let header = "device_id,ts_iso,lat,lon\n";
    let time = write("time.csv", &format!("{header}a,yesterday,46,12\n"));
    let number = write("number.csv", &format!("{header}a,2026-05-01T09:00:00Z,north,12\n"));
    let column = write("column.csv", "device_id,ts_iso,lat\n");
    let empty = write("empty.csv", header);
    let several =
        write("tasks.json", r#"{"tasks": [{"id": 1, "zones": []}, {"id": 2, "zones": []}]}"#);
    let flat = write(
        "flat.json",
        r#"{"tasks": [{"id": 1, "zones": [{"zone": 4, "lat": 46, "lon": 12, "radius_m": -1}]}]}"#,
    );
    let (positions, course) = (data("positions.csv"), data("course.json"));
    for (positions, course, says) in [
        (&time, &course, "line 2: `yesterday` is no time"),
        (&number, &course, "line 2: lat: `north` is no number"),
        (&column, &course, "it has no column `lon`"),
        (&empty, &course, "it has no positions"),
        (&positions, &several, "several tasks (1, 2)"),
        (&positions, &flat, "zone 4: "),
        (&folder.path().join("none.csv"), &course, "No such file"),
    ] {
        let output = score(positions, course, &[]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(says), "{told}");
    }
}
