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
    /// Redis's user `default`, who may do everything.
    pub redis: String,
    /// Redis's user `gateway`.
    pub redis_gateway: String,
    /// Redis's user `processor`.
    pub redis_processor: String,
    /// Redis's user `directus`.
    pub redis_directus: String,
    /// Signs Directus's tokens; only Directus gets it.
    pub directus: String,
    /// The account as which the processor tells Flows: a static token.
    pub service: String,
    /// Directus's first administrator.
    pub admin: String,
    /// The demo's operator.
    pub operator: String,
}

impl Secrets {
    /// Reads the secrets below the data folder, making those that are missing.
    pub fn of(layout: &Layout) -> Result<Self, SetupError> {
        let folder = layout.data.join("secrets");
        std::fs::create_dir_all(&folder).map_err(|error| {
            SetupError::new("Secrets", format!("{}: {error}", folder.display()))
        })?;
        // Ours alone, and part of URLs and of SQL: hexadecimal digits.
        let ours = |name, bytes| read_or_make(&folder.join(name), bytes, true);
        // People may change these two in Directus, and write them down here.
        let theirs = |name, bytes| read_or_make(&folder.join(name), bytes, false);
        Ok(Self {
            postgres: ours("postgres", 24)?,
            directus_db: ours("directus-db", 24)?,
            processor_db: ours("processor-db", 24)?,
            redis: ours("redis", 24)?,
            redis_gateway: ours("redis-gateway", 24)?,
            redis_processor: ours("redis-processor", 24)?,
            redis_directus: ours("redis-directus", 24)?,
            directus: ours("directus", 32)?,
            service: ours("service", 24)?,
            admin: theirs("admin", 9)?,
            operator: theirs("operator", 9)?,
        })
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

fn read_or_make(path: &Path, bytes: usize, hexadecimal: bool) -> Result<String, SetupError> {
    let failed = |why: &dyn std::fmt::Display| {
        SetupError::new("Secrets", format!("{}: {why}", path.display()))
    };
    match std::fs::read(path) {
        Ok(text) => {
            let text = String::from_utf8_lossy(&text).trim().to_owned();
            let sound = if hexadecimal {
                text.len() == bytes * 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
            } else {
                !text.is_empty() && !text.contains(|c: char| c.is_control() || c == '\u{fffd}')
            };
            if sound {
                return Ok(text);
            }
            let should = if hexadecimal { "hexadecimal digits" } else { "one line of text" };
            Err(failed(&format!("damaged: it should hold {should}")).advice(format!(
                "restore the file from a backup; or, if nothing in the data folder is needed any more, delete that whole folder ({}) and start again",
                path.ancestors().nth(2).unwrap_or(path).display()
            )))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = random(bytes).map_err(|error| failed(&error))?;
            write_private(path, &text).map_err(|error| failed(&error))?;
            Ok(text)
        }
        Err(error) => Err(failed(&error).advice("make the file readable for this user")),
    }
}

/// So many random bytes as hexadecimal digits.
pub(crate) fn random(bytes: usize) -> std::io::Result<String> {
    let mut random = vec![0; bytes];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file that only its owner can read; whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let _ = std::fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(draft, path)
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

    #[test]
    fn a_damaged_secret_is_named_and_never_replaced() {
        let data = std::env::temp_dir().join(format!("biplane-damaged-{}", std::process::id()));
        let layout = Layout { project: data.clone(), data: data.clone(), cache: data.clone() };
        Secrets::of(&layout).expect("secrets");
        for damage in [&b""[..], b"\xff\x00", b"'; DROP DATABASE biplane; --"] {
            std::fs::write(data.join("secrets/redis"), damage).expect("written");
            let error = Secrets::of(&layout).expect_err("damaged").to_string();
            assert!(error.contains("secrets/redis: damaged"), "{error}");
            assert!(error.contains(&format!("({})", data.display())), "{error}");
        }
        std::fs::remove_dir_all(data).expect("removed");
    }
}
