//! What the real binary prints when it can't do what it is asked.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A data folder of its own, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("biplane-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn biplane(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_biplane"));
    command.args(args).env("BIPLANE_PROJECT", project).env_remove("BIPLANE_DATA");
    for (variable, _) in std::env::vars() {
        if variable.starts_with("BIPLANE_PORT_") {
            command.env_remove(variable);
        }
    }
    command.envs(variables.iter().copied()).output().expect("the binary runs")
}

/// Fails; what it said.
fn refusal(args: &[&str], variables: &[(&str, &str)]) -> String {
    let output = biplane(args, variables);
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).expect("UTF-8").trim().to_owned()
}

#[test]
fn a_speed_of_nothing_is_refused() {
    let said = refusal(&["up", "--speed", "0"], &[]);
    let first = said.lines().next();
    assert_eq!(
        first,
        Some("error: invalid value '0' for '--speed <SPEED>': a number from 0.1 to 10000")
    );
}

#[test]
fn an_unknown_option_is_named() {
    let said = refusal(&["up", "--chekc"], &[]);
    assert!(said.starts_with("error: unexpected argument '--chekc' found"), "{said}");
    assert!(said.contains("'--check'"), "{said}");
}

#[test]
fn bad_ports_are_said_all_at_once() {
    let data = Folder::new("bad-ports");
    let ports = [("BIPLANE_PORT_DIRECTUS", "http"), ("BIPLANE_PORT_REDIS", "70000")];
    let said = refusal(&["up", "--data", &data.0.display().to_string()], &ports);
    assert_eq!(
        said,
        "biplane: Ports: BIPLANE_PORT_DIRECTUS=http (Directus) is no port number; \
         BIPLANE_PORT_REDIS=70000 (Redis) is no port number\n\n\
         What to do: give each a number of its own, from 1 to 65535"
    );
}

#[test]
fn taken_ports_are_said_before_anything_is_installed() {
    let data = Folder::new("taken-ports");
    let holders = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let taken = holders.each_ref().map(|holder| holder.local_addr().expect("an address").port());
    // The others are not the usual ones either, which a running Biplane may hold.
    let free = [(); 5].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let free = free.map(|holder| holder.local_addr().expect("an address").port().to_string());
    let said = refusal(
        &["up", "--data", &data.0.display().to_string()],
        &[
            ("BIPLANE_PORT_DIRECTUS", &taken[0].to_string()),
            ("BIPLANE_PORT_POSTGRES", &taken[1].to_string()),
            ("BIPLANE_PORT_LIVE", &free[0]),
            ("BIPLANE_PORT_TELTONIKA", &free[1]),
            ("BIPLANE_PORT_GATEWAY_HTTP", &free[2]),
            ("BIPLANE_PORT_REDIS", &free[3]),
            ("BIPLANE_PORT_OSMAND", &free[4]),
        ],
    );
    assert_eq!(
        said,
        format!(
            "biplane: Ports: {} for Directus: another program listens there (choose another: \
             BIPLANE_PORT_DIRECTUS=…); {} for PostgreSQL: another program listens there (choose \
             another: BIPLANE_PORT_POSTGRES=…)\n\n\
             What to do: end the program that listens there, or set the variable named to a free \
             port; then start again",
            taken[0], taken[1]
        )
    );
}

#[test]
fn a_data_folder_in_use_is_said() {
    let data = Folder::new("in-use");
    let lock = std::fs::File::create(data.0.join("lock")).expect("a lock");
    lock.lock().expect("locked");
    let said = refusal(&["up", "--data", &data.0.display().to_string()], &[]);
    let folder = data.0.canonicalize().expect("a path");
    assert_eq!(
        said,
        format!(
            "biplane: Data folder: another Biplane runs on {}\n\nWhat to do: end that one, or name \
             another data folder with --data (and other ports)",
            folder.display()
        )
    );
}

#[test]
fn a_data_folder_that_is_a_file_is_said() {
    let data = Folder::new("file");
    let file = data.0.join("data");
    std::fs::write(&file, "").expect("a file");
    let said = refusal(&["up", "--data", &file.display().to_string()], &[]);
    assert!(
        said.starts_with(&format!("biplane: Folders: cannot write in {}", file.display())),
        "{said}"
    );
    assert!(said.ends_with("or name another one with --data (or BIPLANE_DATA)"), "{said}");
}
