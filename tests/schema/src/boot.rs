//! `biplane boot` as a container runs it: the real program, whose last act is to become Directus.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use biplane_pipeline::Installation;
use biplane_stack::Description;
use biplane_stack::directus::Client as Rest;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// Longer than any boot takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// A container's first process, in a process group of its own.
pub struct Boot {
    child: Child,
    pid: u32,
    said: Arc<Mutex<Vec<String>>>,
    reading: JoinHandle<()>,
    log: PathBuf,
    /// Where Directus answers, if it comes so far.
    pub url: String,
}

/// How a boot went that came to its end.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code, or the signal.
    pub status: ExitStatus,
    /// All that it said.
    pub said: String,
}

/// Lays out the folder of an image's Directus: `cli.js` beside its `package.json` and its packages.
fn image(folder: &Path, cli: &Path) {
    let package = cli.with_file_name("package.json");
    let package = std::fs::read_to_string(package).expect("Directus's package.json");
    let package: serde_json::Value = serde_json::from_str(&package).expect("JSON");
    let image = serde_json::json!({
        "private": true, "type": "module", "dependencies": { "directus": package["version"] },
    });
    std::fs::write(folder.join("package.json"), image.to_string()).expect("written");
    let start = format!("import {:?};\n", cli.display().to_string());
    std::fs::write(folder.join("cli.js"), start).expect("written");
    let packages = cli.ancestors().nth(2).expect("node_modules");
    let link = folder.join("node_modules");
    if !link.exists() {
        std::os::unix::fs::symlink(packages, link).expect("a link");
    }
}

impl Boot {
    /// Starts `biplane boot` with these arguments and further variables, the later ones counting.
    pub fn start(
        stack: &Description,
        installation: &Installation,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let folder = &installation.folder;
        image(folder, &installation.cli);
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = port.local_addr().expect("an address").port();
        let url = format!("http://127.0.0.1:{port}");
        let log = folder.join(format!("directus-{port}.log"));
        let out = std::fs::File::create(&log).expect("a log");
        // It ends with this process, whatever becomes of it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        command.arg(stack.project.join("target/release/biplane")).arg("boot").args(args);
        command.current_dir(folder).env_clear();
        let kept = ["PATH", "HOME", "LANG", "TMPDIR"];
        command.envs(kept.into_iter().filter_map(|key| Some((key, std::env::var_os(key)?))));
        command
            .envs(installation.env.iter().map(|(key, value)| (key, value)))
            .env("PORT", port.to_string())
            .env("PUBLIC_URL", &url)
            .env("BIPLANE_HOME", &installation.files.home)
            .env("BIPLANE_DIRECTUS_CLI", folder.join("cli.js"))
            .env("BIPLANE_NODE", &installation.node)
            .env("BIPLANE_OWNER_DATABASE_URL", &installation.database_url)
            .envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn().expect("biplane boot");
        let pid = child.id().expect("it runs");
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stderr.take().expect("its words")).lines();
        let heard = Arc::clone(&said);
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                heard.lock().expect("the lines").push(line);
            }
        });
        Self { child, pid, said, reading, log, url }
    }

    /// Where Directus listens.
    pub fn port(&self) -> String {
        self.url.rsplit(':').next().unwrap_or_default().to_owned()
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        self.said.lock().expect("the lines").join("\n")
    }

    /// All that it and the Directus that it became said, for a test that fails.
    fn story(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        format!("{}\n{log}", self.said())
    }

    /// Waits until it has said this.
    pub async fn says(&mut self, words: &str) {
        self.until(words, async |boot| boot.said().contains(words)).await;
    }

    /// Waits until Directus answers.
    pub async fn answers(&mut self) {
        self.until("an answer", async |boot| {
            let answer = reqwest::get(format!("{}/server/ping", boot.url)).await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Waits until something is so; it must not end before.
    pub async fn until(&mut self, what: &str, mut is_so: impl AsyncFnMut(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !is_so(self).await {
            if let Some(status) = self.child.try_wait().expect("its state") {
                // Its last words may still be on their way.
                let _ = (&mut self.reading).await;
                if is_so(self).await {
                    return;
                }
                panic!("ended ({status}) before {what}:\n{}", self.story());
            }
            assert!(tokio::time::Instant::now() < deadline, "no {what}:\n{}", self.story());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for its end.
    pub async fn end(mut self) -> Ended {
        let waited = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let Ok(status) = waited else { panic!("it does not end:\n{}", self.story()) };
        let _ = (&mut self.reading).await;
        let said = self.said.lock().expect("the lines").join("\n");
        Ended { status: status.expect("its end"), said }
    }

    /// Ends it and all that it started at once, as the end of a container does.
    pub async fn kill_all(self) -> Ended {
        self.signal("KILL", true);
        self.end().await
    }

    /// Ends it alone at once.
    pub async fn kill(self) -> Ended {
        self.signal("KILL", false);
        self.end().await
    }

    /// Stops what has become Directus, as `docker stop` does; it must do so in its own good order.
    pub async fn stop(self) -> Ended {
        let log = self.log.clone();
        let ended = self.terminate().await;
        // Having closed what is open, it ends as if it had not caught the signal.
        assert_eq!(ended.status.signal(), Some(15), "{ended:?}");
        let log = std::fs::read_to_string(log).expect("a log");
        assert!(log.contains("Directus shut down OK"), "{log}");
        ended
    }

    /// Asks it to end.
    pub async fn terminate(self) -> Ended {
        self.signal("TERM", false);
        self.end().await
    }

    fn signal(&self, name: &str, all: bool) {
        let target = if all { format!("-{}", self.pid) } else { self.pid.to_string() };
        let args = [&format!("-{name}"), "--", &target];
        let sent = std::process::Command::new("kill").args(args).status().expect("kill");
        assert!(sent.success(), "{args:?}");
    }

    /// The processes that it started.
    pub fn children(&self) -> Vec<u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.pid);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().map(|pid| pid.parse().expect("a process id")).collect()
    }

    /// A session of the first administrator, by password.
    pub async fn admin(&self, stack: &Description) -> Rest {
        let login = Rest::log_in(&self.url, &stack.admin_email, &stack.admin_password).await;
        login.unwrap_or_else(|error| panic!("{error}:\n{}", self.story()))
    }
}

impl Drop for Boot {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.signal("KILL", true);
        }
    }
}
