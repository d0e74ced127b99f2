//! `biplane test`: every test, on real servers that it starts and ends.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use biplane_stack::demo::{self, Race};
use biplane_stack::node::Node;
use biplane_stack::replay::{self, Pace};
use biplane_stack::{
    Description, Layout, Options, Ports, Progress, SetupError, Stack, packages, prepare,
};
use clap::{Args, ValueEnum};

use super::suite::Suites;

/// Set everything up and run every test.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only these suites, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Suite>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Unit and integration tests of the crates.
    Rust,
    /// The pure crates' tests on wasm32, and the WASM module in Node.
    Wasm,
    /// The extension and the live client.
    Node,
    /// The whole platform, through its outer interfaces.
    EndToEnd,
    /// The guide to rules, followed on a copy of the checkout.
    Guide,
    /// The schema pipeline on databases of its own.
    Schema,
    /// This checkout's schema on databases that nobody needs.
    SchemaCi,
    /// The admin UI in Chromium.
    Browser,
    /// A short fault run: processes killed under load.
    Faults,
}

impl Arguments {
    /// Runs the suites; fails when one does.
    pub async fn run(self, layout: &Layout) -> Result<ExitCode, SetupError> {
        let wanted = |suite| self.only.is_empty() || self.only.contains(&suite);
        let progress = Progress::default();
        let node = prepare(layout, &progress, wanted(Suite::Browser)).await?;
        let mut suites = Suites::new(layout);
        suites.env("PATH", node.path());
        if wanted(Suite::Rust) {
            let with_a_stack = ["--exclude", "biplane-e2e", "--exclude", "biplane-schema-tests"];
            let args = [&["--workspace", "--locked"], &with_a_stack[..]].concat();
            cargo_test(&mut suites, "rust", &args).await;
        }
        if wanted(Suite::Wasm) {
            suites
                .run("pure crates on wasm32", layout.project.join("scripts/test-wasm32"), &[])
                .await;
        }
        if wanted(Suite::Node) {
            let args = ["run", "--silent", "--workspaces", "--if-present", "test"];
            suites.run("extension and live client", "npm", &args).await;
        }
        if wanted(Suite::SchemaCi) {
            let biplane = layout.project.join("scripts/biplane");
            suites.run("schema on throwaway databases", biplane, &["schema", "ci"]).await;
        }
        if [Suite::EndToEnd, Suite::Guide, Suite::Schema, Suite::Browser].into_iter().any(wanted) {
            let throwaway = Throwaway::make(layout)?;
            throwaway
                .with_stack(&node, &progress, async |stack| {
                    suites.env("BIPLANE_STACK", stack.file());
                    if wanted(Suite::Browser) {
                        let directus = &stack.description.directus_url;
                        suites.env("BIPLANE_DIRECTUS_URL", directus);
                        suites.env("BIPLANE_SPA_URL", format!("{directus}/biplane/app/"));
                        suites.env("BIPLANE_ADMIN_EMAIL", &stack.description.admin_email);
                        suites.env("BIPLANE_ADMIN_PASSWORD", &stack.description.admin_password);
                        let (race, others) = browser_tests(&layout.project)?;
                        let begin = ["--test", "--test-concurrency=1"];
                        let args = [&begin[..], &texts(&race)].concat();
                        // People watch a race that is under way; it is over in ten minutes.
                        tokio::select! {
                            () = suites.run("browser, while a race is flown", "node", &args) => {}
                            error = stack.fly_slowly() => return Err(error),
                        }
                        let args = [&begin[..], &texts(&others)].concat();
                        suites.run("browser", "node", &args).await;
                    }
                    if wanted(Suite::EndToEnd) {
                        let args = ["--package", "biplane-e2e", "--locked"];
                        cargo_test(&mut suites, "end to end", &args).await;
                    }
                    if wanted(Suite::Guide) {
                        let args = ["test", "--package", "biplane-e2e", "--test", "guide"];
                        let ignored = ["--locked", "--", "--ignored"];
                        suites
                            .run("guide to rules", "cargo", &[&args[..], &ignored].concat())
                            .await;
                    }
                    if wanted(Suite::Schema) {
                        let args = ["--package", "biplane-schema-tests", "--locked"];
                        cargo_test(&mut suites, "schema pipeline", &args).await;
                    }
                    Ok(())
                })
                .await?;
        }
        if wanted(Suite::Faults) {
            let args = ["faults", "kill", "--kills", "6", "--seed", "16", "--json"];
            let biplane = layout.project.join("scripts/biplane");
            suites.run("faults", biplane.clone(), &args).await;
            let args = ["faults", "outbox", "--seconds", "10", "--json"];
            suites.run("faults of the outbox", biplane, &args).await;
        }
        Ok(suites.finish())
    }
}

/// Those that look at the race of the demo while it is flown, of `tests/browser`.
const WATCH_THE_RACE: [&str; 3] = ["live-client.test.ts", "race-control.test.ts", "spa.test.ts"];

/// Those of [`WATCH_THE_RACE`], and all others.
fn browser_tests(project: &Path) -> Result<(Vec<String>, Vec<String>), SetupError> {
    let unread = |error| SetupError::new("Browser tests", error);
    let mut files = Vec::new();
    for file in std::fs::read_dir(project.join("tests/browser")).map_err(unread)? {
        let name = file.map_err(unread)?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".test.ts") {
            files.push(format!("tests/browser/{name}"));
        }
    }
    files.sort();
    Ok(files.into_iter().partition(|file| WATCH_THE_RACE.iter().any(|it| file.ends_with(it))))
}

fn texts(files: &[String]) -> Vec<&str> {
    files.iter().map(String::as_str).collect()
}

async fn cargo_test(suites: &mut Suites, name: &str, args: &[&str]) {
    let runner: &[&str] = if packages::on_path("cargo-nextest").is_some() {
        &["nextest", "run", "--no-fail-fast"]
    } else {
        &["test", "--no-fail-fast"]
    };
    suites.run(name, "cargo", &[runner, args].concat()).await;
}

/// An installation of its own, on free ports, gone afterwards.
struct Throwaway {
    layout: Layout,
}

/// The stack of a [`Throwaway`] while it runs.
struct Playground {
    file: PathBuf,
    description: Description,
    gateway: SocketAddr,
    race: Race,
}

impl Playground {
    fn file(&self) -> &Path {
        &self.file
    }

    /// Replays the demo race at 30 times real time; returns only if that fails.
    async fn fly_slowly(&self) -> SetupError {
        let counters = Arc::default();
        match replay::fly(self.gateway, &self.race.tracks, Pace::Times(30.0), &counters).await {
            Ok(()) => std::future::pending().await,
            Err(error) => SetupError::new("Replay", error),
        }
    }
}

impl Throwaway {
    fn make(layout: &Layout) -> Result<Self, SetupError> {
        let data = layout.data.join(format!("test-{}", std::process::id()));
        Ok(Self { layout: Layout::of_checkout(&layout.project, Some(data))? })
    }

    async fn with_stack(
        self,
        node: &Node,
        progress: &Progress,
        tests: impl AsyncFnOnce(Playground) -> Result<(), SetupError>,
    ) -> Result<(), SetupError> {
        let options = Options { ports: Ports::free()?, demo: true };
        let mut stack = Stack::new(&self.layout, options)?;
        let work = async {
            let description = stack.start(node, progress).await?;
            let gateway = description.teltonika.parse().map_err(|error| {
                SetupError::new("Tests", format!("{}: {error}", description.teltonika))
            })?;
            let race = Race::read(&self.layout.project.join(demo::FOLDER))?;
            let playground =
                Playground { file: stack.description_file(), description, gateway, race };
            tokio::select! {
                outcome = tests(playground) => outcome,
                error = stack.watch() => Err(error),
            }
        };
        let outcome = work.await;
        stack.stop().await;
        // Kept when something of it failed: its logs say why.
        if outcome.is_ok() {
            self.layout.remove()?;
        }
        outcome
    }
}
