//! `wasm`: a rule call against plain JavaScript, and what the module weighs and keeps.
//!
//! The scripts in `crates/bench/wasm` measure on the engine that Directus has; all sides of a figure
//! take turns in one process, and have to agree about every input. What a create costs Directus is
//! measured on a stack of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use biplane_stack::node::Node;
use biplane_stack::{
    Layout, Options, Ports, Progress, SetupError, Stack, Step, build, prepare, tools,
};
use clap::Args;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::report::{Figure, Measured, Report};

/// Microseconds of a rule call against zod, ajv, turf and a sweep in JavaScript; the module's size,
/// start and memory.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Each with what Node needs besides.
const SCRIPTS: [(&str, &str, &[&str]); 2] =
    [("Rule calls", "micro.ts", &[]), ("Module", "module-figures.ts", &["--expose-gc"])];

impl Arguments {
    /// Builds the module and measures.
    pub async fn run(&self, layout: &Layout, progress: &Progress) -> Result<Report, SetupError> {
        let node = Node::ensure(layout, progress).await?;
        node.ensure_packages(layout, progress).await?;
        tools::ensure(layout, progress).await?;
        build::wasm(layout, &node, progress).await?;
        let mut figures = Vec::new();
        for (name, script, options) in SCRIPTS {
            let step = progress.step(name);
            let measured = measure(&node, &path(layout, script), options, &[], &step).await?;
            step.done(format!("{} figures", measured.len()));
            figures.extend(measured);
        }
        figures.extend(creates(layout, progress).await?);
        Ok(Report::new("wasm", figures))
    }
}

fn path(layout: &Layout, script: &str) -> PathBuf {
    layout.project.join("crates/bench/wasm").join(script)
}

/// Starts a stack of its own whose Directus has the benchmark's hooks too, measures, and stops it.
async fn creates(layout: &Layout, progress: &Progress) -> Result<Vec<Figure>, SetupError> {
    let node = prepare(layout, progress, false).await?;
    let data = layout.data.join(format!("bench-{}", std::process::id()));
    let throwaway = Layout::of_checkout(&layout.project, Some(data))?;
    add_hooks(&throwaway)?;
    let mut stack = Stack::new(&throwaway, Options { ports: Ports::free()?, demo: false })?;
    let outcome = match stack.start(&node, progress).await {
        Ok(description) => {
            let step = progress.step("Creates over REST");
            let environment = [
                ("DIRECTUS_URL", description.directus_url.as_str()),
                ("DIRECTUS_EMAIL", &description.admin_email),
                ("DIRECTUS_PASSWORD", &description.admin_password),
            ];
            let script = path(layout, "rest.ts");
            let measured = tokio::select! {
                measured = measure(&node, &script, &[], &environment, &step) => measured,
                error = stack.watch() => Err(error),
            };
            if let Ok(figures) = &measured {
                step.done(format!("{} figures", figures.len()));
            }
            measured
        }
        Err(error) => Err(error),
    };
    stack.stop().await;
    if outcome.is_ok() {
        throwaway.remove()?;
    }
    outcome
}

/// Puts the benchmark's extension beside the project's.
fn add_hooks(layout: &Layout) -> Result<(), SetupError> {
    let folder = layout.data.join("directus/extensions/biplane-bench");
    let package = serde_json::json!({
        "name": "biplane-bench", "version": "1.0.0", "type": "module",
        "directus:extension": { "type": "hook", "path": "index.js", "source": "index.js", "host": "^11.0.0" },
    });
    let hook = serde_json::json!(path(layout, "rest-hook.ts"));
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("package.json"), package.to_string()))
        .and_then(|()| {
            std::fs::write(folder.join("index.js"), format!("export {{ default }} from {hook};\n"))
        })
        .map_err(failed)
}

/// The figures that a script prints, a line each; fails where the script does.
pub(crate) async fn measure(
    node: &Node,
    script: &Path,
    options: &[&str],
    environment: &[(&str, &str)],
    step: &Step,
) -> Result<Vec<Figure>, SetupError> {
    let mut child = Command::new(node.binary())
        .arg("--disable-warning=ExperimentalWarning")
        .args(options)
        .arg(script)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let out = child.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(out).lines();
    let mut figures = Vec::new();
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        step.note(&line);
        let measured: Measured = serde_json::from_str(&line)
            .map_err(|error| failed(format!("{}: {error}: {line}", script.display())))?;
        figures.push(measured.into());
    }
    let status = child.wait().await.map_err(failed)?;
    if !status.success() {
        return Err(failed(format!(
            "{} ended with {status}; its words are above",
            script.display()
        )));
    }
    Ok(figures)
}

fn failed(why: impl std::fmt::Display) -> SetupError {
    SetupError::new("Benchmark", why)
}
