use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::SetupError;

/// For data of servers that run as another user.
pub(crate) const SHARED_DATA: &str = "/var/lib/biplane";

/// Where things are.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The checkout.
    pub project: PathBuf,
    /// What this installation keeps: databases, secrets, logs, uploads.
    pub data: PathBuf,
    /// Tools shared by all checkouts of this user.
    pub cache: PathBuf,
}

impl Layout {
    /// The layout of the checkout that `start` lies in; `data` defaults to its `.biplane/`.
    pub fn of_checkout(start: &Path, data: Option<PathBuf>) -> Result<Self, SetupError> {
        let project = start
            .ancestors()
            .find(|folder| {
                folder.join("snapshots").is_dir() && folder.join("package.json").is_file()
            })
            .ok_or_else(|| {
                SetupError::new(
                    "Checkout",
                    format!("no Biplane checkout holds {}", start.display()),
                )
                .advice("run this inside a clone of the project")
            })?
            .to_owned();
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .unwrap_or_else(std::env::temp_dir)
            .join("biplane");
        let data = data.unwrap_or_else(|| project.join(".biplane"));
        writable(&data.join("logs"), "name another one with --data (or BIPLANE_DATA)")?;
        writable(&cache, "name another one with XDG_CACHE_HOME")?;
        let data = data
            .canonicalize()
            .map_err(|error| SetupError::new("Folders", format!("{}: {error}", data.display())))?;
        Ok(Self { project, data, cache })
    }

    /// Says so when the disk of the data folder is about full, which no database survives well.
    pub fn check_space(&self) -> Result<(), SetupError> {
        const LEAST_MB: u64 = 500;
        let Ok(disk) = nix::sys::statvfs::statvfs(&self.data) else { return Ok(()) };
        let free = disk.blocks_available().saturating_mul(disk.fragment_size()) / 1_000_000;
        if free >= LEAST_MB {
            return Ok(());
        }
        Err(SetupError::new(
            "Disk",
            format!(
                "{free} MB are free for {}; {LEAST_MB} are needed at least",
                self.data.display()
            ),
        )
        .advice(
            "free some space, or name a data folder on another disk with --data (or BIPLANE_DATA)",
        ))
    }

    /// The log of a step or process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.data.join("logs").join(format!("{name}.log"))
    }

    /// The file that holds a password of this installation.
    pub fn secret(&self, name: &str) -> PathBuf {
        self.data.join("secrets").join(name)
    }

    /// Node 22, when the system has another.
    pub fn node(&self) -> PathBuf {
        self.project.join(".biplane/node")
    }

    /// Where cargo puts its results: this checkout's own.
    pub fn cargo_target(&self) -> PathBuf {
        self.project.join("target")
    }

    /// The environment of cargo: results here, what was compiled on the way in the cache, since
    /// dependencies are the same in every checkout.
    pub fn cargo_env(&self) -> [(&'static str, PathBuf); 3] {
        let build = std::env::var_os("CARGO_BUILD_BUILD_DIR")
            .map_or_else(|| self.cache.join("target"), PathBuf::from);
        [
            ("CARGO_TARGET_DIR", self.cargo_target()),
            ("CARGO_BUILD_BUILD_DIR", build),
            // Keeps the results of this checkout's own crates apart in there.
            ("RUSTC_WORKSPACE_WRAPPER", self.project.join("scripts/rustc-of-checkout")),
        ]
    }

    /// Deletes the data folder with everything in it: for installations made for a test.
    pub fn remove(&self) -> Result<(), SetupError> {
        let other = self.data.join("installation").exists().then(|| self.reachable_data().ok());
        for folder in other.flatten().iter().chain([&self.data]) {
            match std::fs::remove_dir_all(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(SetupError::new(
                        "Folders",
                        format!("cannot delete {}: {error}", folder.display()),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Data of a server that runs as another user, who can't enter [`Layout::data`].
    ///
    /// Named by the path and by a number that lies in the data folder: a checkout that is
    /// deleted and cloned anew at the same place doesn't meet the databases of the old one,
    /// whose passwords are gone.
    pub(crate) fn reachable_data(&self) -> std::io::Result<PathBuf> {
        let file = self.data.join("installation");
        let id = match std::fs::read_to_string(&file) {
            Ok(id) => id,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let id = crate::secrets::random(8)?;
                crate::secrets::write_private(&file, &id)?;
                id
            }
            Err(error) => return Err(error),
        };
        let path = self.data.as_os_str().as_encoded_bytes();
        let digest = Sha256::new().chain_update(path).chain_update(id.trim()).finalize();
        let name: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Path::new(SHARED_DATA).join(name))
    }
}

/// Makes the folder where it is missing; it may also exist and still be read-only.
fn writable(folder: &Path, or: &str) -> Result<(), SetupError> {
    let probe = folder.join(format!(".writable-{}", std::process::id()));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|error| {
            SetupError::new("Folders", format!("cannot write in {}: {error}", folder.display()))
                .advice(format!("make the folder writable for this user, or {or}"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_outside_any_checkout_is_refused() {
        let error = Layout::of_checkout(Path::new("/"), None).expect_err("no checkout");
        assert!(error.to_string().contains("no Biplane checkout"));
    }
}
