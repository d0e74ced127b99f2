//! The WASM tool chain: pinned, built once into the user's cache.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{Program, first_line};
use crate::{Layout, Progress, SetupError};

/// Must equal the crate `wasm-bindgen` of the workspace.
const WASM_BINDGEN: &str = "0.2.130";
const WASM_PACK: &str = "0.15.1";
const TARGET: &str = "wasm32-unknown-unknown";

/// Where the tools' programs are.
pub fn bin(layout: &Layout) -> PathBuf {
    layout.cache.join("tools/bin")
}

/// Builds what is missing: minutes the first time, nothing after.
pub async fn ensure(layout: &Layout, progress: &Progress) -> Result<(), SetupError> {
    rust_target(layout, progress, TARGET).await?;
    cargo_install(layout, progress, "wasm-bindgen-cli", "wasm-bindgen", WASM_BINDGEN).await?;
    cargo_install(layout, progress, "wasm-pack", "wasm-pack", WASM_PACK).await
}

/// Adds a target to the Rust toolchain, where rustup manages it.
pub async fn rust_target(
    layout: &Layout,
    progress: &Progress,
    target: &str,
) -> Result<(), SetupError> {
    let step = progress.step(format!("Rust for {}", target.split('-').next().unwrap_or(target)));
    let installed = async || {
        let sysroot = first_line("rustc", &["--print", "sysroot"]).await?;
        Path::new(&sysroot).join("lib/rustlib").join(target).join("lib").is_dir().then_some(())
    };
    if installed().await.is_none() {
        Program::new("Rust target", "rustup", &layout.project, layout.log("rustup"))
            .with_our_environment()
            .args(["target", "add", target])
            .run(&step, Duration::from_secs(600))
            .await
            .map_err(|error| {
                error.advice(format!("`rustup target add {target}` must work; Rust is expected to come from rustup (https://rustup.rs)"))
            })?;
    }
    step.done(target);
    Ok(())
}

async fn cargo_install(
    layout: &Layout,
    progress: &Progress,
    package: &str,
    program: &str,
    version: &str,
) -> Result<(), SetupError> {
    let step = progress.step(package);
    let binary = bin(layout).join(program);
    let have = first_line(&binary, &["--version"]).await;
    if have.is_some_and(|line| line.ends_with(version)) {
        step.done(version);
        return Ok(());
    }
    step.note("compiling; this happens once and takes some minutes");
    Program::new(package, "cargo", &layout.cache, layout.log(package))
        .with_our_environment()
        .env("CARGO_TARGET_DIR", layout.cache.join("tools/target"))
        .env("CARGO_BUILD_BUILD_DIR", layout.cache.join("tools/target"))
        .args(["install", "--force", package, "--version", version, "--root"])
        .args([layout.cache.join("tools")])
        .run(&step, Duration::from_secs(3600))
        .await
        .map_err(|error| {
            error.advice(
                "the log above has cargo's own words; start again, what was compiled is kept",
            )
        })?;
    // Half a gigabyte that nobody needs again.
    let _ = std::fs::remove_dir_all(layout.cache.join("tools/target"));
    step.done(format!("{version}, compiled"));
    Ok(())
}
