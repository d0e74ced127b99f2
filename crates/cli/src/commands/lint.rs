//! `biplane lint`: format, clippy, types, images, and what the pure crates may depend on.

use std::process::ExitCode;
use std::time::Instant;

use biplane_stack::node::Node;
use biplane_stack::{Layout, Progress, SetupError, build, tools};
use clap::Args;
use tokio::process::Command;

use super::suite::Suites;

/// The crates that do no I/O: they take time and what was read as arguments.
const PURE: [&str; 5] =
    ["biplane-core", "biplane-protocols", "biplane-geometry", "biplane-rules", "biplane-schema"];
/// What none of them may depend on, directly or not.
const IMPURE: [&str; 9] = [
    "tokio",
    "redis",
    "tokio-postgres",
    "postgres",
    "reqwest",
    "hyper",
    "mio",
    "wasm-bindgen",
    "js-sys",
];

/// Check format, lints, types, Dockerfile and compose.yaml, and that the pure crates are pure.
#[derive(Debug, Args)]
pub struct Arguments {}

impl Arguments {
    /// Runs every check.
    pub async fn run(self, layout: &Layout) -> Result<ExitCode, SetupError> {
        let progress = Progress::default();
        let node = Node::ensure(layout, &progress).await?;
        node.ensure_packages(layout, &progress).await?;
        tools::ensure(layout, &progress).await?;
        build::extension(layout, &node, &progress).await?;

        let mut suites = Suites::new(layout);
        suites.env("PATH", node.path());
        suites.run("format", "cargo", &["fmt", "--all", "--check"]).await;
        // Clippy takes the wrapper's place that keeps checkouts apart; an argument does it here.
        let checkout = format!("checkout={:?}", layout.project.display().to_string());
        let clippy = ["clippy", "--workspace", "--all-targets", "--locked"];
        let deny = ["--", "-D", "warnings", "--cfg", &checkout];
        suites.run("clippy", "cargo", &[&clippy[..], &deny[..]].concat()).await;
        suites
            .run("types", "npm", &["run", "--silent", "--workspaces", "--if-present", "typecheck"])
            .await;
        suites
            .run("types of browser tests", "npx", &["--no-install", "tsc", "-p", "tests/browser"])
            .await;
        for scripts in ["crates/bench/wasm", "crates/bench/geofence"] {
            let name = format!("types of {scripts}");
            suites.run(&name, "npx", &["--no-install", "tsc", "-p", scripts]).await;
        }
        suites.run("images", "node", &["scripts/lint-deploy.mjs"]).await;
        let started = Instant::now();
        let found = impurities(layout).await?;
        for line in &found {
            eprintln!("{line}");
        }
        suites.record("pure crates", found.is_empty(), started.elapsed());
        Ok(suites.finish())
    }
}

async fn impurities(layout: &Layout) -> Result<Vec<String>, SetupError> {
    let mut found = Vec::new();
    for package in PURE {
        let output = Command::new("cargo")
            .args(["tree", "--locked", "--edges", "normal", "--target", "all", "--prefix", "none"])
            .args(["--format", "{p}", "--package", package])
            .current_dir(&layout.project)
            .output()
            .await
            .map_err(|error| SetupError::new("Pure crates", error))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(SetupError::new("Pure crates", why));
        }
        found.extend(impure_lines(package, &String::from_utf8_lossy(&output.stdout)));
    }
    Ok(found)
}

fn impure_lines(package: &str, tree: &str) -> Vec<String> {
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let impure = names.filter(|name| IMPURE.contains(name));
    let mut lines: Vec<_> =
        impure.map(|name| format!("{package} is pure and must not depend on {name}")).collect();
    lines.sort();
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_crate_that_comes_to_depend_on_tokio_is_named() {
        let tree = "biplane-core v0.1.0\nserde v1.0.0\ntokio v1.54.1\ntokio v1.54.1 (*)\n";
        assert_eq!(
            impure_lines("biplane-core", tree),
            ["biplane-core is pure and must not depend on tokio"]
        );
        assert!(impure_lines("biplane-core", "serde v1\ntokio-console v1\n").is_empty());
    }
}
