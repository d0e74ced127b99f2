//! `docs/guide-rules.md` is true: what it says is done to a copy of the project, and Directus refuses.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use biplane_e2e::{admin, fresh_id, refusal, stack, unique};
use biplane_stack::Description;
use biplane_stack::directus::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// What the guide says to do.
#[derive(Debug)]
enum Step {
    Create { file: String, text: String },
    InsertAfter { file: String, anchor: String, text: String },
    Append { file: String, text: String },
    Run { script: String },
}

/// The fenced blocks of the guide: what each says after its opening fence is where it goes.
fn steps(guide: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: String = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .map(|line| format!("{line}\n"))
            .collect();
        if info == "sh" {
            steps.push(Step::Run { script: text });
            continue;
        }
        let (_, place) = info.split_once(" file=").expect("every block says where it goes");
        steps.push(match place.split_once(' ') {
            None => Step::Create { file: place.to_owned(), text },
            Some((file, "at=end")) => Step::Append { file: file.to_owned(), text },
            Some((file, after)) => {
                let anchor = after.strip_prefix("after=").expect("after, or the end");
                let anchor = serde_json::from_str(anchor).expect("a quoted line");
                Step::InsertAfter { file: file.to_owned(), anchor, text }
            }
        });
    }
    steps
}

/// The files of the project that are or could be committed, and the packages that are installed.
fn copy_of(project: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    let listed = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(project)
        .output()
        .expect("git");
    assert!(listed.status.success(), "{listed:?}");
    for file in String::from_utf8(listed.stdout).expect("names").split_terminator('\0') {
        let (from, to) = (project.join(file), copy.path().join(file));
        if from.is_file() {
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            std::fs::copy(&from, &to).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
    }
    for packages in ["node_modules", "extensions/biplane/node_modules"] {
        if project.join(packages).exists() {
            std::os::unix::fs::symlink(project.join(packages), copy.path().join(packages))
                .expect("a link");
        }
    }
    copy
}

async fn follow(step: &Step, copy: &Path) {
    let read =
        |file: &str| std::fs::read_to_string(copy.join(file)).expect("a file of the project");
    match step {
        Step::Create { file, text } => {
            assert!(!copy.join(file).exists(), "{file} is there already");
            std::fs::write(copy.join(file), text).expect("written");
        }
        Step::InsertAfter { file, anchor, text } => {
            let before = read(file);
            assert_eq!(
                before.lines().filter(|line| line == anchor).count(),
                1,
                "{anchor} in {file}"
            );
            let after = before.replacen(&format!("{anchor}\n"), &format!("{anchor}\n{text}"), 1);
            std::fs::write(copy.join(file), after).expect("written");
        }
        Step::Append { file, text } => {
            std::fs::write(copy.join(file), read(file) + text).expect("written");
        }
        Step::Run { script } => {
            let output = Command::new("bash")
                .args(["-euc", script])
                .current_dir(copy)
                .env("CARGO_TARGET_DIR", copy.join("target"))
                .env("RUSTC_WORKSPACE_WRAPPER", copy.join("scripts/rustc-of-checkout"))
                .kill_on_drop(true)
                .output()
                .await
                .expect("bash");
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            assert!(
                output.status.success(),
                "{script}{}{}",
                text(&output.stdout),
                text(&output.stderr)
            );
        }
    }
}

/// A second Directus on the stack's database, with the extension of the copy.
async fn directus_of(copy: &Path, stack: &Description) -> (Child, String, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("package.json"), "{\"private\":true,\"type\":\"module\"}")
        .expect("written");
    let extensions: PathBuf = folder.path().join("extensions");
    std::fs::create_dir(&extensions).expect("a folder");
    std::os::unix::fs::symlink(copy.join("extensions/biplane"), extensions.join("biplane"))
        .expect("a link");
    let port =
        TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("a port");
    let url = format!("http://{port}");
    let directus = &stack.directus;
    let child = Command::new(&directus.node)
        .arg(&directus.cli)
        .arg("start")
        .current_dir(folder.path())
        .env_clear()
        .envs(directus.env.iter().map(|(key, value)| (key, value)))
        .env("PORT", port.port().to_string())
        .env("PUBLIC_URL", &url)
        .env("EXTENSIONS_PATH", &extensions)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .expect("a second Directus");
    let ping = Client::anonymous(&url).expect("a client");
    for _ in 0..600 {
        if ping.ping().await.is_ok() {
            return (child, url, folder);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the second Directus does not answer within a minute");
}

#[tokio::test]
#[ignore = "builds a copy of the project, in a suite of its own: `biplane test --only guide`"]
async fn the_guide_adds_a_rule_that_directus_then_keeps() {
    let stack = stack();
    let copy = copy_of(&stack.project);
    let guide =
        std::fs::read_to_string(stack.project.join("docs/guide-rules.md")).expect("the guide");
    let steps = steps(&guide);
    assert_eq!(steps.len(), 7, "{steps:?}");
    for step in &steps {
        follow(step, copy.path()).await;
    }
    let (mut directus, url, _folder) = directus_of(copy.path(), &stack).await;
    let with_the_rule = Client::log_in(&url, &stack.admin_email, &stack.admin_password)
        .await
        .expect("the administrator logs in");
    let team = |name: &str| {
        let slug = format!("team-{}", unique());
        json!({ "id": fresh_id(), "name": name, "slug": slug, "status": "active" })
    };
    let (status, code, message, extensions) =
        refusal(with_the_rule.create("/items/organizations", &team("#1")).await);
    let kept = with_the_rule.create("/items/organizations", &team("1st")).await;
    directus.kill().await.expect("it ends");

    assert_eq!((status, &*code), (400, "ORGANIZATION_NAME"), "{message}");
    assert_eq!(message, "name: it begins with `#`, which is not a letter or a digit");
    assert_eq!(extensions["field"], Value::from("name"));
    assert_eq!(kept.expect("a good name")["name"], Value::from("1st"));
    // The rule came with the copy: the stack's own Directus has none.
    admin(&stack).await.create("/items/organizations", &team("#1")).await.expect("no such rule");
}
