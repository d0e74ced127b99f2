//! Builds of the checkout: the native processes and the Directus extension.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::node::Node;
use crate::process::Program;
use crate::{Layout, Progress, SetupError, tools};

/// Where the native processes are after [`native`].
pub fn binary(layout: &Layout, name: &str) -> PathBuf {
    layout.cargo_target().join("release").join(name)
}

/// Builds gateway and processor.
pub async fn native(layout: &Layout, progress: &Progress) -> Result<(), SetupError> {
    let step = progress.step("Gateway and processor");
    step.note("compiling");
    Program::new("Gateway and processor", "cargo", &layout.project, layout.log("build-native"))
        .with_our_environment()
        .envs(layout.cargo_env())
        .args([
            "build",
            "--release",
            "--locked",
            "-p",
            "biplane-gateway",
            "-p",
            "biplane-processor",
        ])
        .run(&step, Duration::from_secs(3600))
        .await
        .map_err(|error| error.advice("the compiler's message is above"))?;
    step.done("built");
    Ok(())
}

/// Builds the WASM module.
pub async fn wasm(layout: &Layout, node: &Node, progress: &Progress) -> Result<(), SetupError> {
    let step = progress.step("Rules to WASM");
    let path = std::env::join_paths(
        std::iter::once(tools::bin(layout)).chain(std::env::split_paths(&node.path())),
    )
    .unwrap_or_else(|_| node.path());
    Program::new(
        "Rules to WASM",
        layout.project.join("scripts/build-wasm"),
        &layout.project,
        layout.log("build-wasm"),
    )
    .with_our_environment()
    .env("PATH", path)
    .env("BIPLANE_TOOLS", tools::bin(layout))
    .envs(layout.cargo_env())
    .run(&step, Duration::from_secs(1800))
    .await
    .map_err(|error| error.advice("the compiler's message is above"))?;
    step.done("wasm/pkg");
    Ok(())
}

/// Builds the WASM module, the extension bundle that carries it, and the race client that the bundle
/// serves.
pub async fn extension(
    layout: &Layout,
    node: &Node,
    progress: &Progress,
) -> Result<(), SetupError> {
    wasm(layout, node, progress).await?;
    let step = progress.step("Directus extension");
    let bundle = layout.project.join("extensions/biplane");
    let stamp_file = bundle.join("dist/.stamp");
    let failed = |error: std::io::Error| SetupError::new("Directus extension", error);
    let inputs = ["extensions/biplane", "clients/live", "spa", "wasm/pkg", "package-lock.json"];
    let stamp = stamp(&layout.project, &inputs).map_err(failed)?;
    if std::fs::read_to_string(&stamp_file).is_ok_and(|have| have == stamp) {
        step.done("up to date");
        return Ok(());
    }
    node.npm_run(layout, "Directus extension", "extensions/biplane", "build")
        .run(&step, Duration::from_secs(600))
        .await?;
    step.note("the race client");
    node.npm_run(layout, "Race client", "spa", "build")
        .run(&step, Duration::from_secs(600))
        .await?;
    let (built, served) = (layout.project.join("spa/dist"), bundle.join("dist/spa"));
    if served.exists() {
        std::fs::remove_dir_all(&served).map_err(failed)?;
    }
    copy(&built, &served).map_err(failed)?;
    std::fs::write(&stamp_file, stamp).map_err(failed)?;
    step.done("built");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A digest of the sources below `inputs`, but for what builds leave there.
fn stamp(project: &Path, inputs: &[&str]) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    for input in inputs {
        hash(&project.join(input), &mut hasher)?;
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn hash(path: &Path, hasher: &mut Sha256) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default();
    if name == "node_modules" || name == "dist" {
        return Ok(());
    }
    if path.is_dir() {
        let mut children = std::fs::read_dir(path)?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<_>>>()?;
        children.sort();
        return children.iter().try_for_each(|child| hash(child, hasher));
    }
    hasher.update(name.as_encoded_bytes());
    hasher.update(std::fs::read(path)?);
    Ok(())
}
