//! Which Directus, which database, which files.

use std::path::{Path, PathBuf};

/// The files that are baked into an image, or lie in a checkout.
#[derive(Clone, Debug)]
pub struct Files {
    /// The folder that holds `snapshots/`, `db-init/` and `config/`.
    pub home: PathBuf,
}

impl Files {
    /// The exported schema.
    pub fn snapshot(&self) -> PathBuf {
        self.home.join("snapshots/schema.yaml")
    }

    /// The hashes of its ancestors.
    pub fn lineage(&self) -> PathBuf {
        self.home.join("snapshots/lineage")
    }

    /// The plans and renames that people approved.
    pub fn approved(&self) -> PathBuf {
        self.home.join("snapshots/approved")
    }

    /// SQL that Directus does not manage.
    pub fn db_init(&self) -> PathBuf {
        self.home.join("db-init")
    }

    /// Roles, flows, dashboards as code.
    pub fn config(&self) -> PathBuf {
        self.home.join("config")
    }
}

/// A Directus that can be run, and its database.
#[derive(Clone)]
pub struct Installation {
    /// The files to bring in.
    pub files: Files,
    /// The Node to run Directus with.
    pub node: PathBuf,
    /// Directus's `cli.js`.
    pub cli: PathBuf,
    /// A folder without a `.env`, which Directus would read over its environment.
    pub folder: PathBuf,
    /// Directus's environment.
    pub env: Vec<(String, String)>,
    /// Whether Directus sees our own environment too, as in a container.
    pub inherit_env: bool,
    /// The database, for a role that owns the schema `telemetry`; a URL with its password.
    pub database_url: String,
}

impl Installation {
    /// The value of one of Directus's variables, from its environment or ours. As Directus does, it
    /// reads `NAME_FILE`, too: the path of a file that holds the value, to its last byte.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.set(name).or_else(|| std::fs::read_to_string(self.set(&format!("{name}_FILE"))?).ok())
    }

    fn set(&self, name: &str) -> Option<String> {
        let own =
            self.env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        own.or_else(|| self.inherit_env.then(|| std::env::var(name).ok()).flatten())
            .filter(|value| !value.is_empty())
    }

    /// Where programs of this Node are.
    pub(crate) fn node_folder(&self) -> Option<&Path> {
        self.node.parent().filter(|folder| !folder.as_os_str().is_empty())
    }
}

// Neither passwords nor Directus's secret belong into a log.
impl std::fmt::Debug for Installation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installation")
            .field("files", &self.files)
            .field("node", &self.node)
            .field("cli", &self.cli)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// What Node runs for a `cli.js`: Directus's commands themselves, where they are found beside or above
/// it. `cli.js` first asks the npm registry for a newer Directus, each time and for up to 8 seconds.
pub fn program(cli: &Path) -> PathBuf {
    let modules = cli.ancestors().skip(1).map(|folder| folder.join("node_modules"));
    let mut found = modules.map(|modules| modules.join("@directus/api/dist/cli/run.js"));
    found.find(|path| path.is_file()).unwrap_or_else(|| cli.to_owned())
}
