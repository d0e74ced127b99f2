//! `wasm`: a rule call against plain JavaScript, and what the module weighs and keeps.
//!
//! The scripts in `crates/bench/wasm` measure on the engine that Directus has; all sides of a figure
//! take turns in one process, and have to agree about every input.

use std::path::Path;
use std::process::Stdio;

use biplane_stack::node::Node;
use biplane_stack::{Layout, Progress, SetupError, build, tools};
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
        let folder = layout.project.join("crates/bench/wasm");
        let mut figures = Vec::new();
        for (name, script, options) in SCRIPTS {
            let step = progress.step(name);
            let measured =
                measure(&node, &folder.join(script), options, |line| step.note(line)).await?;
            step.done(format!("{} figures", measured.len()));
            figures.extend(measured);
        }
        Ok(Report::new("wasm", figures))
    }
}

/// The figures that a script prints, a line each; fails where the script does.
async fn measure(
    node: &Node,
    script: &Path,
    options: &[&str],
    note: impl Fn(&str),
) -> Result<Vec<Figure>, SetupError> {
    let mut child = Command::new(node.binary())
        .arg("--disable-warning=ExperimentalWarning")
        .args(options)
        .arg(script)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let out = child.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(out).lines();
    let mut figures = Vec::new();
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        note(&line);
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
