//! What comes from Debian: PostgreSQL 15, PostGIS, Redis, and Chromium for the browser tests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{Program, find, first_line, is_root};
use crate::{Layout, Progress, SetupError};

/// PostgreSQL's programs, as Debian installs them.
pub const POSTGRES_BIN: &str = "/usr/lib/postgresql/15/bin";
/// Its library: the control file beside it comes from another package, which may be there alone.
const POSTGIS_LIBRARY: &str = "/usr/lib/postgresql/15/lib/postgis-3.so";

/// Installs the packages that are missing, where this user may.
pub async fn ensure(layout: &Layout, progress: &Progress, browser: bool) -> Result<(), SetupError> {
    let missing = missing(browser);
    let step = progress.step("System packages");
    if missing.is_empty() {
        step.done(if browser {
            "PostgreSQL 15, PostGIS, Redis, Chromium"
        } else {
            "PostgreSQL 15, PostGIS, Redis"
        });
        return Ok(());
    }
    let packages = missing.join(" ");
    // Without the policy file, Debian would start a PostgreSQL and a Redis that nobody asked for.
    let script = format!(
        "set -e; export DEBIAN_FRONTEND=noninteractive
         if [ ! -e /usr/sbin/policy-rc.d ]; then
             trap 'rm -f /usr/sbin/policy-rc.d' EXIT
             printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
             chmod 755 /usr/sbin/policy-rc.d
         fi
         apt-get update -q
         apt-get install -y -q --no-install-recommends {packages}"
    );
    let by_hand = format!(
        "run this and start again:\n    sudo apt-get update && sudo apt-get install -y --no-install-recommends {packages}"
    );
    let no_apt = || {
        SetupError::new("System packages", format!("missing: {packages}; there is no apt-get here"))
            .advice("Biplane sets itself up on Debian 12 and its kin; elsewhere install PostgreSQL 15 with PostGIS 3 and Redis 7 so that their programs lie where Debian puts them")
    };
    first_line("apt-get", &["--version"]).await.ok_or_else(no_apt)?;
    let (shell, args): (&str, &[&str]) = if is_root() {
        ("sh", &["-c"])
    } else if first_line("sudo", &["-n", "true"]).await.is_some() {
        ("sudo", &["-n", "sh", "-c"])
    } else {
        return Err(SetupError::new(
            "System packages",
            format!("missing: {packages}; only root may install them"),
        )
        .advice(by_hand));
    };
    step.note(format!("installing {packages}"));
    Program::new("System packages", shell, &layout.data, layout.log("packages"))
        .with_our_environment()
        .args(args)
        .args([&script])
        .run(&step, Duration::from_secs(900))
        .await
        .map_err(|error| error.advice(by_hand))?;
    step.done(format!("installed {packages}"));
    Ok(())
}

fn missing(browser: bool) -> Vec<&'static str> {
    let installed = [
        ("postgresql-15", Path::new(POSTGRES_BIN).join("postgres").exists()),
        ("postgresql-15-postgis-3", Path::new(POSTGIS_LIBRARY).exists()),
        ("redis-server", on_path("redis-server").is_some()),
        // Directus's native add-ons are compiled.
        ("build-essential", on_path("g++").is_some() && on_path("make").is_some()),
        ("python3", on_path("python3").is_some()),
        ("chromium", !browser || on_path("chromium").is_some()),
    ];
    installed.into_iter().filter(|(_, there)| !there).map(|(package, _)| package).collect()
}

/// Where a program lies on `PATH`.
pub fn on_path(program: &str) -> Option<PathBuf> {
    find(program, &std::env::var_os("PATH")?)
}
