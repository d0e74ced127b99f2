//! What the images and compose.yaml promise, as far as that can be told without Docker.
#![allow(clippy::unwrap_used, reason = "tests")]

mod dockerfile;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use biplane_bus::{Durability, LogOptions, RedisLog};
use clap::CommandFactory;
use dockerfile::Dockerfile;
use serde_yaml_ng::Value;

/// The images that processes of ours run in.
const OURS: [&str; 3] = ["directus", "gateway", "processor"];
/// What `biplane boot` reads beyond Directus's own variables.
const BOOT: [&str; 8] = [
    "BIPLANE_DIRECTUS_CLI",
    "BIPLANE_HOME",
    "BIPLANE_NODE",
    "BIPLANE_OWNER_DATABASE_URL",
    "BIPLANE_DATABASE_WAIT",
    "BIPLANE_SCHEMA_CONFIRM",
    "BIPLANE_ENV",
    "DIRECTUS_SCHEMA_APPLY_MODE",
];

fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(checkout(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn dockerfile() -> Dockerfile {
    read("deploy/Dockerfile").parse().unwrap()
}

fn compose() -> Value {
    let mut compose: Value = serde_yaml_ng::from_str(&read("compose.yaml")).unwrap();
    compose.apply_merge().unwrap();
    compose
}

fn services(compose: &Value) -> Vec<(&str, &Value)> {
    let services = compose["services"].as_mapping().unwrap();
    services.iter().map(|(name, service)| (name.as_str().unwrap(), service)).collect()
}

/// Keys and values; one that is passed on from outside has no value.
fn environment(service: &Value) -> Vec<(String, String)> {
    let environment = service["environment"].as_mapping().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    environment.iter().map(|(key, value)| (text(key), text(value))).collect()
}

/// The items of a sequence, or the keys of a mapping; none where there is nothing.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::Sequence(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Mapping(items) => items.keys().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The first thing between `start` and `end`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no `{start}`"));
    rest.split_once(end).unwrap().0
}

/// `${NAME…}` of a text: the name, and what follows it up to the brace.
fn interpolations(text: &str) -> Vec<(&str, &str)> {
    let pieces = text.split("${").skip(1);
    pieces
        .map(|piece| {
            let inner = piece.split_once('}').unwrap().0;
            let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            inner.split_at(end.unwrap_or(inner.len()))
        })
        .collect()
}

fn is_secret(name: &str) -> bool {
    ["PASSWORD", "SECRET", "TOKEN", "KEY"].iter().any(|word| name.contains(word))
}

fn seconds(duration: &str) -> u64 {
    let (number, unit) = duration.split_at(duration.len() - 1);
    number.parse::<u64>().unwrap() * if unit == "m" { 60 } else { 1 }
}

#[test]
fn every_source_of_a_copy_is_in_the_checkout_and_in_the_build_context() {
    let ignore = read(".dockerignore");
    let let_in: BTreeSet<_> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let mut copies = 0;
    for copy in dockerfile().copies() {
        copies += 1;
        for source in &copy.sources {
            match copy.from {
                None => {
                    assert!(checkout(source).exists(), "COPY {source}: not in the checkout");
                    let top = source.split('/').next().unwrap();
                    assert!(let_in.contains(top), "COPY {source}: .dockerignore keeps {top} out");
                }
                Some(ref from) => {
                    let file = dockerfile();
                    assert!(file.has_stage(from), "COPY --from={from}: no such stage");
                    if source.starts_with("/out/") {
                        let made = file.of(from, "RUN").any(|run| run.contains(source.as_str()));
                        assert!(made, "nothing in {from} makes {source}");
                    }
                }
            }
        }
    }
    assert!(copies > 20, "{copies}");
}

/// Cargo refuses a workspace one of whose members is missing.
#[test]
fn each_stage_that_runs_cargo_has_all_members_of_the_workspace() {
    let manifest = read("Cargo.toml");
    let members = between(&manifest, "members = [", "]");
    let tops: BTreeSet<_> = members
        .split(',')
        .map(|member| member.trim_matches([' ', '"']).split('/').next().unwrap())
        .collect();
    let file = dockerfile();
    for stage in ["tool", "native", "extension"] {
        let copied: BTreeSet<_> = file
            .copies()
            .into_iter()
            .filter(|copy| copy.stage == stage && copy.from.is_none())
            .flat_map(|copy| copy.sources)
            .collect();
        for needed in tops.iter().copied().chain(["Cargo.toml", "Cargo.lock", ".cargo"]) {
            assert!(copied.contains(needed), "{stage} lacks {needed}");
        }
    }
}

#[test]
fn the_versions_in_the_images_are_those_of_the_checkout() {
    let file = dockerfile();
    let package: serde_json::Value = serde_json::from_str(&read("package.json")).unwrap();
    let directus = package["dependencies"]["directus"].as_str().unwrap();
    assert_eq!(file.base("directus"), format!("directus/directus:{directus}"));
    let node = read("crates/stack/src/node.rs");
    let node = between(&node, "const VERSION: &str = \"", "\"");
    assert_eq!(file.base("node"), format!("node:{node}-bookworm-slim"));
    let manifest = read("Cargo.toml");
    let rust = between(&manifest, "rust-version = \"", "\"");
    for stage in ["tool", "native", "extension"] {
        let base = file.base(stage);
        assert!(base.starts_with(&format!("rust:{rust}.")), "{stage}: {base}, not {rust}");
    }
    let tools = read("crates/stack/src/tools.rs");
    let installs: String = file.of("extension", "RUN").collect();
    for (package, constant) in [("wasm-bindgen-cli", "WASM_BINDGEN"), ("wasm-pack", "WASM_PACK")] {
        let version = between(&tools, &format!("const {constant}: &str = \""), "\"");
        let install = format!("{package} --version {version}");
        assert!(installs.contains(&install), "the image does not install {install}");
    }
    // What gateway and processor were linked against is what they find.
    assert!(file.base("native").ends_with("-slim-bookworm"));
    assert_eq!(file.base("runtime"), "debian:bookworm-slim");
}

#[test]
fn each_image_runs_its_program_as_nobody_special_and_says_how_it_is() {
    let file = dockerfile();
    for (stage, entrypoint) in [
        ("directus", r#"["biplane", "boot"]"#),
        ("gateway", r#"["biplane-gateway"]"#),
        ("processor", r#"["biplane-processor"]"#),
    ] {
        assert_eq!(file.last(stage, "ENTRYPOINT").as_deref(), Some(entrypoint), "{stage}");
        assert!(matches!(file.last(stage, "CMD").as_deref(), None | Some("[]")), "{stage}");
        let user = file.last(stage, "USER").unwrap_or_default();
        assert!(["node", "65532:65532"].contains(&&*user), "{stage} runs as `{user}`");
        assert!(file.last(stage, "HEALTHCHECK").is_some(), "{stage} has no health check");
    }
    assert_eq!(file.last("directus", "WORKDIR").as_deref(), Some("/directus"));
    let env = file.env("directus");
    assert!(env.contains(&("BIPLANE_DIRECTUS_CLI".into(), "/directus/cli.js".into())));
    assert!(env.contains(&("BIPLANE_HOME".into(), "/biplane".into())));
    let baked: Vec<_> = file.copies().into_iter().filter(|copy| copy.stage == "directus").collect();
    for folder in ["snapshots", "db-init", "config"] {
        let target = format!("/biplane/{folder}");
        assert!(
            baked.iter().any(|copy| copy.sources == [folder] && copy.target == target),
            "{folder} is not baked into {target}"
        );
    }
    for part in ["package.json", "dist"] {
        let target = format!("/directus/extensions/biplane/{part}");
        assert!(baked.iter().any(|copy| copy.target == target), "nothing is baked into {target}");
    }
    // Directus takes the bundle for one only with what its package.json names.
    let package: serde_json::Value =
        serde_json::from_str(&read("extensions/biplane/package.json")).unwrap();
    for side in ["app", "api"] {
        let path = package["directus:extension"]["path"][side].as_str().unwrap();
        let built = format!("test -s extensions/biplane/{path}");
        assert!(file.of("extension", "RUN").any(|run| run.contains(&built)), "{built}");
    }
}

#[test]
fn no_secret_can_get_into_an_image() {
    let ignore = read(".dockerignore");
    let rules: Vec<_> =
        ignore.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(rules.first(), Some(&"*"), "everything is kept out but for what is named");
    let last_in = rules.iter().rposition(|rule| rule.starts_with('!')).unwrap();
    for secret in ["**/.env", "**/.env.*"] {
        let place = rules.iter().position(|rule| rule == &secret);
        assert!(place.is_some_and(|place| place > last_in), "{secret} must come last");
    }
    let file = dockerfile();
    for copy in file.copies().into_iter().filter(|copy| copy.from.is_none()) {
        for source in copy.sources {
            assert!(!["", ".", "./", "*"].contains(&&*source), "COPY {source} bakes anything");
        }
    }
    // Directus would read it over the environment.
    assert!(file.of("directus", "RUN").any(|run| run.contains("test ! -e .env ")));
    for stage in file.stages() {
        for (name, _) in file.env(&stage) {
            assert!(!is_secret(&name), "{stage} bakes {name}");
        }
        assert_eq!(file.of(&stage, "ARG").count(), 0, "arguments stay in an image's history");
    }
}

#[test]
fn no_service_has_a_default_password() {
    let compose = compose();
    let mut asked = BTreeSet::new();
    for (service, definition) in services(&compose) {
        for (key, value) in environment(definition) {
            for (name, rest) in interpolations(&value) {
                asked.insert(name.to_owned());
                if is_secret(name) {
                    assert!(rest.starts_with(":?"), "{service}.{key}: {name} may be left out");
                }
            }
            // A URL with credentials: what stands between the role and the host.
            let password = value.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
            let password = password.map(|(login, _)| login.split_once(':').unwrap().1);
            let password = password.or_else(|| is_secret(&key).then_some(&*value));
            if let Some(password) = password {
                let whole = password.starts_with("${") && password.ends_with('}');
                assert!(whole && password.contains(":?"), "{service}.{key} is `{password}`");
                assert_eq!(password.matches("${").count(), 1, "{service}.{key}");
            }
        }
    }
    let example = read("deploy/.env.example");
    for line in example.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.split_once('=') else { continue };
        assert!(asked.contains(name), "{name} of .env.example is not asked for");
        assert!(!is_secret(name) || value.is_empty(), ".env.example gives away {name}");
    }
    for name in asked {
        assert!(example.contains(&format!("{name}=")), ".env.example lacks {name}");
    }
}

fn variables(command: &clap::Command) -> BTreeSet<String> {
    let arguments = command.get_arguments();
    arguments.filter_map(|a| Some(a.get_env()?.to_str()?.to_owned())).collect()
}

/// Those that must be set: required, or by default on this machine only.
fn needed(command: &clap::Command) -> BTreeSet<String> {
    let arguments = command.get_arguments().filter(|argument| {
        let defaults = argument.get_default_values();
        let loopback = defaults.iter().any(|value| value.to_string_lossy().contains("127.0.0.1"));
        argument.is_required_set() || loopback
    });
    arguments.filter_map(|a| Some(a.get_env()?.to_str()?.to_owned())).collect()
}

#[test]
fn each_variable_is_one_that_is_read_and_none_that_is_needed_is_missing() {
    let file = dockerfile();
    let compose = compose();
    let set = |service: &str| -> BTreeSet<String> {
        let of_image = file.env(service);
        let of_compose = environment(&compose["services"][service]);
        of_image.into_iter().chain(of_compose).map(|(key, _)| key).collect()
    };
    for (service, command, main) in [
        ("gateway", biplane_gateway::Options::command(), "crates/gateway/src/main.rs"),
        ("processor", biplane_processor::Config::command(), "crates/processor/src/main.rs"),
    ] {
        let (set, read_by_clap, main) = (set(service), variables(&command), read(main));
        for name in &set {
            let is_read = read_by_clap.contains(name) || main.contains(&format!("\"{name}\""));
            assert!(is_read, "{service} does not read {name}");
        }
        for name in needed(&command) {
            assert!(set.contains(&name), "{service} needs {name}");
        }
    }
    // The stack on one machine, which tests run, gives Directus these.
    let stack = read("crates/stack/src/directus/mod.rs");
    for name in set("directus") {
        let known = BOOT.contains(&&*name) || stack.contains(&format!("\"{name}\""));
        assert!(known, "neither Directus nor boot is known to read {name}");
    }
    for name in ["DB_CLIENT", "DB_HOST", "DB_PORT", "DB_DATABASE", "DB_USER", "DB_PASSWORD"] {
        assert!(set("directus").contains(name), "Directus needs {name}");
    }
    let first = read("deploy/postgres/100_biplane.sh");
    for name in set("postgres") {
        let of_image = name.starts_with("POSTGRES_") || name == "TIMESCALEDB_TELEMETRY";
        assert!(of_image || first.contains(&name), "postgres does not read {name}");
    }
}

#[test]
fn the_variables_of_boot_are_those_that_it_reads_and_all_are_in_the_documentation() {
    let sources = [
        "crates/cli/src/installation.rs",
        "crates/cli/src/commands/boot.rs",
        "crates/pipeline/src/schema/apply.rs",
    ]
    .map(read)
    .concat();
    let quoted = sources
        .split('"')
        .filter(|text| text.starts_with("BIPLANE_") || text.starts_with("DIRECTUS_"));
    assert_eq!(quoted.collect::<BTreeSet<_>>(), BTreeSet::from(BOOT));
    let documentation = read("docs/deploy.md");
    for name in BOOT {
        assert!(
            documentation.contains(&format!("| `{name}` |")),
            "{name} is not in docs/deploy.md"
        );
    }
}

#[test]
fn what_is_started_first_is_healthy_first_and_stops_in_peace() {
    let (file, compose) = (dockerfile(), compose());
    for (name, service) in services(&compose) {
        let target = service["build"]["target"].as_str();
        if let Some(target) = target {
            assert!(file.has_stage(target), "{name}: no stage {target}");
            assert_eq!(service["build"]["dockerfile"], "deploy/Dockerfile", "{name}");
            // Else a rebuild is forgotten, and an old snapshot is what boots.
            assert_eq!(service["pull_policy"], "build", "{name}");
        }
        let checked = !service["healthcheck"].is_null()
            || target.is_some_and(|target| file.last(target, "HEALTHCHECK").is_some());
        assert!(checked, "{name} has no health check");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        let grace =
            seconds(service["stop_grace_period"].as_str().unwrap_or_else(|| panic!("{name}")));
        assert!(grace > 15, "{name}: {grace} s");
        if let Some(others) = service["depends_on"].as_mapping() {
            for (other, condition) in others {
                assert!(
                    !compose["services"][other].is_null(),
                    "{name} waits for nobody: {other:?}"
                );
                assert_eq!(condition["condition"], "service_healthy", "{name}");
            }
        }
    }
    let service = |name: &str| &compose["services"][name];
    assert_eq!(names(&service("directus")["depends_on"]), ["postgres"]);
    assert_eq!(names(&service("gateway")["depends_on"]), ["redis"]);
    // Neither plane waits for the other: a boot that refuses must not stop telemetry.
    assert_eq!(names(&service("processor")["depends_on"]), ["postgres", "redis"]);
    assert_eq!(service("directus")["init"], true);
    let drain = environment(service("gateway"))
        .into_iter()
        .find_map(|(key, value)| (key == "BIPLANE_GATEWAY_DRAIN_TIMEOUT").then_some(value));
    let grace = service("gateway")["stop_grace_period"].as_str().unwrap();
    assert!(seconds(grace) > drain.unwrap().parse().unwrap(), "the gateway is killed in its drain");
}

#[test]
fn databases_are_out_of_reach_and_all_data_is_in_volumes() {
    let compose = compose();
    assert_eq!(compose["networks"]["planes"]["internal"], true);
    let mut mounted = Vec::new();
    for (name, service) in services(&compose) {
        for volume in names(&service["volumes"]) {
            let (volume, target) = volume.split_once(':').unwrap();
            // Portainer clones into its own container: the host has no folder to mount.
            assert!(volume.chars().all(|c| c.is_ascii_alphanumeric()), "{name} mounts {volume}");
            assert!(compose["volumes"].as_mapping().unwrap().contains_key(volume), "{volume}");
            mounted.push((name, target));
        }
    }
    let data = [
        ("postgres", "/home/postgres/pgdata"),
        ("redis", "/data"),
        ("directus", "/directus/uploads"),
    ];
    assert_eq!(mounted, data);
    for name in ["postgres", "redis"] {
        let service = &compose["services"][name];
        assert!(service["ports"].is_null(), "{name} is published");
        assert_eq!(names(&service["networks"]), ["planes"]);
    }
    for name in OURS {
        for port in names(&compose["services"][name]["ports"]) {
            let inner = port.rsplit(':').next().unwrap();
            let exposed = dockerfile().last(name, "EXPOSE").unwrap_or_default();
            assert!(exposed.split(' ').any(|exposed| exposed == inner), "{name}: {inner}");
        }
    }
}

/// Answers one request on a free port.
fn answering(status: &'static str) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        // It comes in pieces: bash writes line by line.
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut piece = [0; 256];
            let length = socket.read(&mut piece).unwrap();
            assert!(length > 0, "the request is cut off");
            request.extend(&piece[..length]);
        }
        assert!(request.starts_with(b"GET /health/ready HTTP/1.0\r\n"));
        write!(socket, "HTTP/1.0 {status}\r\n\r\nready\n").unwrap();
    });
    (port, serving)
}

#[test]
fn the_health_check_says_yes_only_to_what_is_ready() {
    let script = checkout("deploy/health");
    assert!(script.metadata().unwrap().permissions().mode() & 0o111 != 0, "not executable");
    let ask = |port: u16| Command::new(&script).arg(port.to_string()).output().unwrap().status;
    for (status, healthy) in [("200 OK", true), ("503 Service Unavailable", false)] {
        let (port, serving) = answering(status);
        assert_eq!(ask(port).success(), healthy, "{status}");
        serving.join().unwrap();
        assert!(!ask(port).success(), "nothing listens there");
    }
}

struct Redis(Child);

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_users_of_compose_are_those_that_the_tests_run_under() {
    let users = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("user "));
        lines.map(ToOwned::to_owned).collect()
    };
    let file = std::fs::read_to_string(checkout("deploy/redis/users.conf")).unwrap();
    let compose = compose();
    let command = names(&compose["services"]["redis"]["command"]);
    assert_eq!(users(&command[2].replace("$$", "$")), users(&file));
    assert_eq!(users(&file).len(), 4);
}

/// The command of compose.yaml with the image's entrypoint replaced: same settings, other port.
#[tokio::test]
async fn the_redis_of_compose_is_one_that_the_gateway_accepts() {
    let compose = compose();
    let command = names(&compose["services"]["redis"]["command"]);
    let [shell, flags, script] = command[..] else { panic!("{command:?}") };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let entrypoint = folder.path().join("docker-entrypoint.sh");
    let settings = format!("--port {port} --bind 127.0.0.1 --dir {path}");
    std::fs::write(&entrypoint, format!("#!/bin/sh\nexec \"$@\" {settings}\n")).unwrap();
    std::fs::set_permissions(&entrypoint, PermissionsExt::from_mode(0o755)).unwrap();
    // `/data` is the image's; the rest of the text is as it is.
    let script = script.replace("$$", "$").replace("dir /data", &format!("dir {path}"));
    let child = Command::new(shell)
        .args([flags, &script])
        .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()))
        .env("REDIS_PASSWORD", "0123abcd")
        .env("REDIS_GATEWAY_PASSWORD", "1abc")
        .env("REDIS_PROCESSOR_PASSWORD", "2abc")
        .env("REDIS_DIRECTUS_PASSWORD", "3abc")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _redis = Redis(child);
    let options = || LogOptions { partitions: 16, lease: Duration::from_secs(10) };
    let url = format!("redis://:0123abcd@127.0.0.1:{port}");
    let deadline = Instant::now() + Duration::from_secs(20);
    let log = loop {
        match RedisLog::connect(&url, options()).await {
            Ok(log) => break log,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(log.durability().await.unwrap(), Durability::Durable);
    for user in ["gateway:1abc", "processor:2abc"] {
        let url = format!("redis://{user}@127.0.0.1:{port}");
        RedisLog::connect(&url, options()).await.expect(user);
    }
    let directus = redis::Client::open(format!("redis://directus:3abc@127.0.0.1:{port}")).unwrap();
    let mut directus = directus.get_multiplexed_async_connection().await.unwrap();
    let added: redis::RedisResult<String> = redis::cmd("XADD")
        .arg(&["commands:gateway-1", "*", "a", "b"])
        .query_async(&mut directus)
        .await;
    added.expect("Directus may");
    let stranger = format!("redis://127.0.0.1:{port}");
    assert!(RedisLog::connect(&stranger, options()).await.is_err(), "it asks for no password");
}
