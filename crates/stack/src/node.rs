//! Node 22, which Directus 11 needs, and the packages of the checkout.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::process::{Program, first_line};
use crate::{Layout, Progress, SetupError};

/// The version that is installed where the system has another major one.
const VERSION: &str = "22.23.3";
const MAJOR: &str = "v22.";
/// What the npm of the last years needs.
const OLDEST_FOR_NPM: u32 = 18;

/// A Node 22 and how to run things with it.
#[derive(Clone, Debug)]
pub struct Node {
    folder: Option<PathBuf>,
    version: String,
}

impl Node {
    /// The system's Node when it is a 22, else our own, from the npm package `node`.
    ///
    /// Neither older nor newer: Directus's native add-ons are built against one
    /// Node's headers, and Directus 11 is tested on 22.
    pub async fn ensure(layout: &Layout, progress: &Progress) -> Result<Self, SetupError> {
        let step = progress.step("Node 22");
        let system = first_line("node", &["--version"]).await;
        if let Some(version) = system.clone().filter(|version| version.starts_with(MAJOR)) {
            step.done(format!("{version}, the system's"));
            return Ok(Self { folder: None, version });
        }
        let major = system.as_deref().and_then(|version| {
            version.trim_start_matches('v').split('.').next()?.parse::<u32>().ok()
        });
        if let (Some(..OLDEST_FOR_NPM), Some(version)) = (major, &system) {
            return Err(SetupError::new(
                "Node 22",
                format!("Node {version}, the first on PATH, is too old to run npm, which would get the right one"),
            )
            .advice("install Node 20 or newer, or put it first on PATH; then start again"));
        }
        let arch = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => {
                return Err(SetupError::new("Node 22", format!("no package for {other}"))
                    .advice("install Node 22 and put it first on PATH"));
            }
        };
        let package = format!("node-linux-{arch}");
        let folder = layout.node().join("node_modules").join(&package);
        let binary = folder.join("bin/node");
        let have = first_line(&binary, &["--version"]).await;
        if have.as_deref() != Some(&format!("v{VERSION}")) {
            let found = system.map_or("none".to_owned(), |version| format!("Node {version}"));
            step.note(format!("the system has {found}; getting {VERSION} from npm"));
            let prefix = layout.node();
            let failed = |error: std::io::Error| {
                SetupError::new("Node 22", format!("{}: {error}", prefix.display()))
            };
            std::fs::create_dir_all(&prefix).map_err(failed)?;
            // Without a package.json here npm would climb to the checkout's.
            std::fs::write(prefix.join("package.json"), "{\"private\":true}\n").map_err(failed)?;
            npm(layout, "Node 22", &prefix, "node", None)
                .args(["install", "--no-save", "--no-package-lock"])
                .args([format!("node@{VERSION}"), format!("{package}@{VERSION}")])
                .run(&step, Duration::from_secs(600))
                .await
                .map_err(|error| error.advice(NPM_ADVICE))?;
        }
        let version = first_line(&binary, &["--version"]).await.ok_or_else(|| {
            SetupError::new("Node 22", format!("{} does not run", binary.display()))
                .advice("install Node 22 and put it first on PATH")
        })?;
        step.done(format!("{version}, the project's own"));
        Ok(Self { folder: Some(folder), version })
    }

    /// Installs exactly what `package-lock.json` says, unless that is done.
    pub async fn ensure_packages(
        &self,
        layout: &Layout,
        progress: &Progress,
    ) -> Result<(), SetupError> {
        let step = progress.step("npm packages");
        let failed = |error: std::io::Error| SetupError::new("npm packages", error);
        let lock = std::fs::read(layout.project.join("package-lock.json")).map_err(failed)?;
        let digest = Sha256::new().chain_update(&lock).chain_update(&self.version).finalize();
        let stamp: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let stamp_file = layout.project.join("node_modules/.biplane-stamp");
        if std::fs::read_to_string(&stamp_file).is_ok_and(|have| have == stamp) {
            step.done("as in package-lock.json");
            return Ok(());
        }
        npm(layout, "npm packages", &layout.project, "npm", Some(self))
            .args(["ci", "--no-audit", "--no-fund"])
            .run(&step, Duration::from_secs(1800))
            .await
            .map_err(|error| error.advice(NPM_ADVICE))?;
        std::fs::write(&stamp_file, stamp).map_err(failed)?;
        step.done("Directus and what the extension is built with");
        Ok(())
    }

    /// The program, or its name where it is found on `PATH`.
    pub fn binary(&self) -> PathBuf {
        self.folder.as_ref().map_or_else(|| PathBuf::from("node"), |own| own.join("bin/node"))
    }

    /// A program of ours run by this Node: `script` first, then its arguments.
    pub fn script(&self, name: &str, script: &Path, folder: &Path, log: PathBuf) -> Program {
        Program::new(name, self.binary(), folder, log).env("PATH", self.path()).args([script])
    }

    /// An npm script of one of the checkout's packages.
    pub fn npm_run(&self, layout: &Layout, name: &str, package: &str, script: &str) -> Program {
        npm(
            layout,
            name,
            &layout.project.join(package),
            &format!("{}-{script}", package.replace('/', "-")),
            Some(self),
        )
        .args(["run", "--silent", script])
    }

    /// `PATH` with this Node first.
    pub fn path(&self) -> OsString {
        let system = std::env::var_os("PATH").unwrap_or_default();
        let own = self.folder.iter().map(|own| own.join("bin"));
        std::env::join_paths(own.chain(std::env::split_paths(&system))).unwrap_or(system)
    }
}

const NPM_ADVICE: &str = "the log above has npm's own words; start again, what was done is kept";

fn npm(layout: &Layout, name: &str, folder: &Path, log: &str, node: Option<&Node>) -> Program {
    let program = Program::new(name, "npm", folder, layout.log(log))
        .with_our_environment()
        // By itself npm says for minutes nothing of a registry that is out of reach.
        .env("npm_config_fetch_retry_mintimeout", "1000")
        .env("npm_config_fetch_retry_maxtimeout", "5000");
    let Some(node) = node else { return program };
    let program = program.env("PATH", node.path());
    match &node.folder {
        // Native add-ons must be built against this Node's headers.
        Some(own) => program.env("npm_config_nodedir", own),
        None => program,
    }
}
