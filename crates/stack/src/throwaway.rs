//! A PostgreSQL with databases that nobody needs afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use biplane_pipeline::{Files, Installation};

use crate::directus::Directus;
use crate::node::Node;
use crate::postgres::{Postgres, SUPERUSER};
use crate::process::{Running, is_root};
use crate::{Layout, Ports, Secrets, SetupError, Step};

const NAME: &str = "Throwaway database";

/// A server of its own on a free port; it ends when dropped, and its files go.
pub(crate) struct Throwaway {
    layout: Layout,
    postgres: Postgres,
    directus: Directus,
    running: Running,
    /// Last: what is still written to can't be removed.
    remover: Option<Remover>,
}

impl Throwaway {
    /// Starts a server in a temporary folder, which stays afterwards where it is to be kept.
    pub(crate) async fn start(
        checkout: &Layout,
        node: &Node,
        keep: bool,
        step: &Step,
    ) -> Result<Self, SetupError> {
        let failed = |error: std::io::Error| SetupError::new(NAME, error);
        let folder =
            tempfile::Builder::new().prefix("biplane-schema-ci-").tempdir().map_err(failed)?;
        // The user `postgres`, whom root's server runs as, passes through it.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711))
            .map_err(failed)?;
        let layout = Layout::of_checkout(&checkout.project, Some(folder.path().to_owned()))?;
        layout.check_space()?;
        let mut folders = vec![layout.data.clone()];
        if is_root() {
            folders.push(layout.reachable_data().map_err(failed)?);
        }
        let remover = if keep { None } else { Some(Remover::of(&folders).map_err(failed)?) };
        // From here on the folder is the remover's.
        let _ = folder.keep();
        let ports = Ports::free()?;
        let secrets = Secrets::of(&layout)?;
        let (postgres, running) = Postgres::start(&layout, ports.postgres, &secrets, step).await?;
        let directus = Directus::new(&layout, node, &postgres, &ports, &secrets)?;
        Ok(Self { layout, postgres, directus, running, remover })
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.layout.data
    }

    /// A Directus with a new database of that name, with these files.
    pub(crate) async fn installation(
        &self,
        database: &str,
        home: PathBuf,
    ) -> Result<Installation, SetupError> {
        let mut installation = self.directus.installation(&self.layout, &self.postgres);
        installation.database_url = self.postgres.another(database, SUPERUSER).await?;
        installation.files = Files { home };
        let extensions = self.layout.data.join("no-extensions").display().to_string();
        installation.env.extend(
            [
                ("DB_DATABASE", database.to_owned()),
                // What they do to items is of no concern here, and they need not be built.
                ("EXTENSIONS_PATH", extensions),
                ("EXTENSIONS_MUST_LOAD", "false".to_owned()),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        Ok(installation)
    }

    /// Ends the server and takes its files away, unless they are to be kept.
    pub(crate) async fn end(self) {
        self.running.stop(Duration::from_secs(10)).await;
        drop(self.remover);
    }
}

/// Deletes folders when it is dropped, or when we have ended, however we did.
#[derive(Debug)]
struct Remover(Child);

impl Remover {
    fn of(folders: &[PathBuf]) -> std::io::Result<Self> {
        use std::os::unix::process::CommandExt;
        // Its input ends with us. Again and again: of a server that was killed some processes write
        // on for a moment.
        let script = r#"trap '' HUP INT TERM; cat
            for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$@" && exit; sleep 0.5; done"#;
        let shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .args(folders)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self(shell))
    }
}

impl Drop for Remover {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_go_when_nobody_holds_them_any_more() {
        let folder = tempfile::tempdir().expect("a folder").keep();
        std::fs::write(folder.join("file"), "").expect("a file");
        let mut remover = Remover::of(std::slice::from_ref(&folder)).expect("a shell");
        std::thread::sleep(Duration::from_millis(200));
        assert!(folder.exists());
        // As the kernel does it for a process that was killed.
        drop(remover.0.stdin.take());
        remover.0.wait().expect("it ends");
        assert!(!folder.exists());
    }
}
