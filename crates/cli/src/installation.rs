//! Which Directus the schema commands speak of.

use std::path::{Path, PathBuf};

use biplane_pipeline::{Files, Installation};
use biplane_stack::{Description, Layout, SetupError};

/// What runs, in its data folder.
const DESCRIPTION: &str = "stack.json";

/// The Directus of a container where its environment says so, else the one that runs in this
/// checkout.
pub fn find(start: &Path, data: Option<PathBuf>) -> Result<Installation, SetupError> {
    if variable("BIPLANE_DIRECTUS_CLI").is_some() {
        return from_environment();
    }
    let layout = Layout::of_checkout(start, data)?;
    let path = layout.data.join(DESCRIPTION);
    let text = std::fs::read_to_string(&path).map_err(|_| {
        SetupError::new("Schema", format!("no Biplane runs in {}", layout.data.display())).advice(
            "start it with `npm start` in another terminal; or, for a Directus elsewhere, set BIPLANE_DIRECTUS_CLI and Directus's own variables (DB_HOST, …)",
        )
    })?;
    let description: Description = serde_json::from_str(&text)
        .map_err(|error| SetupError::new("Schema", format!("{}: {error}", path.display())))?;
    Ok(description.installation())
}

/// The Biplane that runs in this checkout, where one was started.
pub fn running(start: &Path, data: Option<PathBuf>) -> Option<Description> {
    let folder = data.or_else(|| {
        let folders = start.ancestors().map(|folder| folder.join(".biplane"));
        folders.into_iter().find(|folder| folder.join(DESCRIPTION).is_file())
    })?;
    serde_json::from_str(&std::fs::read_to_string(folder.join(DESCRIPTION)).ok()?).ok()
}

/// The Directus that the environment describes, as in a container.
pub fn from_environment() -> Result<Installation, SetupError> {
    let missing = |name: &str| {
        SetupError::new("Environment", format!("{name} is not set"))
            .advice("see docs/deploy.md for what `biplane boot` needs")
    };
    let cli = PathBuf::from(
        variable("BIPLANE_DIRECTUS_CLI").unwrap_or_else(|| "/directus/cli.js".into()),
    );
    let folder = cli.parent().map(Path::to_owned).unwrap_or_default();
    let database_url =
        match variable("BIPLANE_OWNER_DATABASE_URL").or_else(|| variable("DB_CONNECTION_STRING")) {
            Some(url) => url,
            None => {
                let need = |name: &str| variable(name).ok_or_else(|| missing(name));
                let (host, database) = (need("DB_HOST")?, need("DB_DATABASE")?);
                let (user, password) = (need("DB_USER")?, need("DB_PASSWORD")?);
                let port = variable("DB_PORT").unwrap_or_else(|| "5432".into());
                // Key and value, where no character needs an escape but these two.
                let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
                format!(
                    "host='{}' port='{}' dbname='{}' user='{}' password='{}'",
                    quoted(&host),
                    quoted(&port),
                    quoted(&database),
                    quoted(&user),
                    quoted(&password)
                )
            }
        };
    Ok(Installation {
        files: Files { home: variable("BIPLANE_HOME").unwrap_or_else(|| "/biplane".into()).into() },
        node: variable("BIPLANE_NODE").unwrap_or_else(|| "node".into()).into(),
        cli,
        folder,
        env: Vec::new(),
        inherit_env: true,
        database_url,
    })
}

/// A variable, or what is in the file that `NAME_FILE` names, to its last byte: as Directus has it.
fn variable(name: &str) -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    set(name).or_else(|| std::fs::read_to_string(set(&format!("{name}_FILE"))?).ok())
}
