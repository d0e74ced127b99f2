use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::{Layout, SetupError};

/// The passwords of this installation: random, made once, each in a file of mode 0600.
#[derive(Clone)]
pub struct Secrets {
    /// PostgreSQL's superuser.
    pub postgres: String,
    /// PostgreSQL's role `directus`.
    pub directus_db: String,
    /// PostgreSQL's role `biplane_processor`.
    pub processor_db: String,
    /// Redis.
    pub redis: String,
    /// Signs Directus's tokens; only Directus gets it.
    pub directus: String,
    /// Directus's first administrator.
    pub admin: String,
    /// The demo's operator.
    pub operator: String,
}

impl Secrets {
    /// Reads the secrets below the data folder, making those that are missing.
    pub fn of(layout: &Layout) -> Result<Self, SetupError> {
        let folder = layout.data.join("secrets");
        let failed = |error: std::io::Error| {
            SetupError::new("Secrets", format!("{}: {error}", folder.display()))
        };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let secret = |name: &str, bytes| read_or_make(&folder.join(name), bytes).map_err(failed);
        Ok(Self {
            postgres: secret("postgres", 24)?,
            directus_db: secret("directus-db", 24)?,
            processor_db: secret("processor-db", 24)?,
            redis: secret("redis", 24)?,
            directus: secret("directus", 32)?,
            admin: secret("admin", 9)?,
            operator: secret("operator", 9)?,
        })
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

fn read_or_make(path: &Path, bytes: usize) -> std::io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => std::fs::remove_file(path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut random = vec![0; bytes];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    write_private(path, &text)?;
    Ok(text)
}

/// Writes a new file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_random_kept_and_private() {
        let data = std::env::temp_dir().join(format!("biplane-secrets-{}", std::process::id()));
        let layout = Layout { project: data.clone(), data: data.clone(), cache: data.clone() };
        let first = Secrets::of(&layout).expect("secrets");
        let again = Secrets::of(&layout).expect("secrets");
        assert_eq!(first.redis, again.redis);
        assert_ne!(first.redis, first.postgres);
        assert_eq!(first.redis.len(), 48);
        let mode = data.join("secrets/redis").metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{first:?}").contains(&first.redis));
        std::fs::remove_dir_all(data).expect("removed");
    }
}
