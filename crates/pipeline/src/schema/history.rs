//! The snapshot's history in git: what a database has that got the version before.

use std::path::Path;
use std::process::Command;

use biplane_schema::{Snapshot, SnapshotHash};

/// Relative to the folder that is asked, wherever in the repository that lies.
const PATH: &str = "./snapshots/schema.yaml";

/// A commit that changed the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its name, abbreviated.
    pub id: String,
    /// Its day, `2026-11-24`.
    pub date: String,
    /// The first line of its message.
    pub subject: String,
}

impl std::fmt::Display for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} ({})", self.id, self.date, self.subject)
    }
}

/// A snapshot as a commit has it.
#[derive(Clone, Debug)]
pub struct Version {
    /// The commit.
    pub commit: Commit,
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Newer commits whose snapshot can't be read, each with its fault.
    pub passed_over: Vec<String>,
}

/// Why no version before is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPrevious {
    /// Git can't be asked.
    #[error("git knows nothing of this folder: {0}")]
    Git(String),
    /// The clone ends before that version.
    #[error(
        "this is a shallow clone, and no commit in it has another schema; fetch the history with `git fetch --unshallow` (in CI: `fetch-depth: 0`)"
    )]
    Shallow,
    /// The schema is still the first one.
    #[error("no commit has another schema than this one")]
    First,
}

/// The newest version in git that is another schema than `current`, not only spelled otherwise.
///
/// Along first parents: what a branch had before it was merged was on no main line.
pub fn previous(home: &Path, current: SnapshotHash) -> Result<Version, NoPrevious> {
    let log = ["log", "--first-parent", "--format=%h%x09%cs%x09%s", "--", PATH];
    let log = git(home, &log).map_err(NoPrevious::Git)?;
    let commits = log.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        Some(Commit { id: parts.next()?, date: parts.next()?, subject: parts.next()? })
    });
    // A commit that deleted the file has none.
    let versions = commits.filter_map(|commit| {
        let text = git(home, &["show", &format!("{}:{PATH}", commit.id)]).ok()?;
        Some((commit, text))
    });
    if let Some(version) = choose(current, versions) {
        return Ok(version);
    }
    let shallow = git(home, &["rev-parse", "--is-shallow-repository"]).map_err(NoPrevious::Git)?;
    Err(if shallow.trim() == "true" { NoPrevious::Shallow } else { NoPrevious::First })
}

/// The first of these versions, newest first, that is another schema.
fn choose(
    current: SnapshotHash,
    versions: impl IntoIterator<Item = (Commit, String)>,
) -> Option<Version> {
    let mut passed_over = Vec::new();
    for (commit, text) in versions {
        match text.parse::<Snapshot>() {
            Ok(snapshot) if snapshot.hash() != current => {
                return Some(Version { commit, snapshot, passed_over });
            }
            Ok(_) => {}
            Err(fault) => passed_over.push(format!("{commit}: {fault}")),
        }
    }
    None
}

fn git(folder: &Path, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.args(args).current_dir(folder);
    // Within a hook these name the repository that the hook runs in.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A snapshot with one folder of that name.
    fn yaml(name: &str) -> String {
        format!(
            "version: 1\ndirectus: 11.17.4\nvendor: postgres\ncollections:\n  - collection: {name}\n    meta:\n      collection: {name}\n      note: null\nfields: []\nrelations: []\n"
        )
    }

    fn hash(text: &str) -> SnapshotHash {
        text.parse::<Snapshot>().expect("a snapshot").hash()
    }

    fn commit(id: &str, text: impl Into<String>) -> (Commit, String) {
        let commit =
            Commit { id: id.into(), date: "2026-01-01".into(), subject: "Change it".into() };
        (commit, text.into())
    }

    #[test]
    fn the_previous_version_is_the_newest_with_another_content() {
        let respelled = yaml("new").replace("note: null", "note: ~ # nothing");
        assert_eq!(hash(&respelled), hash(&yaml("new")));
        let versions = [
            commit("e", yaml("new")),
            commit("d", respelled),
            commit("c", "version: ["),
            commit("b", yaml("old")),
            commit("a", yaml("older")),
        ];
        let found = choose(hash(&yaml("new")), versions).expect("a version");
        assert_eq!(found.commit.id, "b");
        assert!(found.snapshot.collections.contains_key("old"));
        let [passed] = found.passed_over.as_slice() else { panic!("{:?}", found.passed_over) };
        assert!(passed.starts_with("c of 2026-01-01 (Change it): "), "{passed}");
    }

    #[test]
    fn a_file_that_nobody_committed_yet_comes_after_the_newest_commit() {
        let found = choose(hash(&yaml("new")), [commit("a", yaml("old"))]).expect("a version");
        assert_eq!(found.commit.id, "a");
        assert!(choose(hash(&yaml("old")), [commit("a", yaml("old"))]).is_none());
    }

    struct Repository(tempfile::TempDir);

    impl Repository {
        fn new() -> Self {
            let repository = Self(tempfile::tempdir().expect("a folder"));
            std::fs::create_dir(repository.home().join("snapshots")).expect("a folder");
            repository.git(&["init", "-q", "-b", "main"]);
            repository
        }

        fn home(&self) -> &Path {
            self.0.path()
        }

        fn git(&self, args: &[&str]) {
            let who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
            git(self.home(), &[&who[..], args].concat()).unwrap_or_else(|why| panic!("{why}"));
        }

        fn commit(&self, subject: &str, text: &str) {
            std::fs::write(self.home().join(PATH), text).expect("written");
            self.git(&["add", "-A"]);
            self.git(&["commit", "-q", "-m", subject]);
        }

        fn previous(&self, text: &str) -> Result<String, NoPrevious> {
            Ok(previous(self.home(), hash(text))?.commit.subject)
        }
    }

    #[test]
    fn git_is_asked_along_the_main_line_only() {
        let repository = Repository::new();
        repository.commit("First", &yaml("first"));
        assert_eq!(repository.previous(&yaml("first")), Err(NoPrevious::First));
        repository.git(&["checkout", "-q", "-b", "work"]);
        repository.commit("Half way", &yaml("half"));
        repository.commit("Done", &yaml("done"));
        assert_eq!(repository.previous(&yaml("done")), Ok("Half way".into()));
        repository.git(&["checkout", "-q", "main"]);
        repository.git(&["merge", "-q", "--no-ff", "-m", "Merge the work", "work"]);
        assert_eq!(repository.previous(&yaml("done")), Ok("First".into()));
        // Only spelled otherwise, and then not committed at all.
        repository.commit("Respell", &format!("# by hand\n{}", yaml("done")));
        assert_eq!(repository.previous(&yaml("done")), Ok("First".into()));
        assert_eq!(repository.previous(&yaml("draft")), Ok("Respell".into()));
    }

    #[test]
    fn a_shallow_clone_and_a_folder_without_git_are_named() {
        let repository = Repository::new();
        repository.commit("First", &yaml("first"));
        repository.commit("Second", &yaml("second"));
        let clone = tempfile::tempdir().expect("a folder");
        let from = format!("file://{}", repository.home().display());
        git(clone.path(), &["clone", "-q", "--depth", "1", &from, "."]).expect("a clone");
        let why = previous(clone.path(), hash(&yaml("second"))).expect_err("shallow");
        assert_eq!(why, NoPrevious::Shallow);
        let bare = tempfile::tempdir().expect("a folder");
        let why = previous(bare.path(), hash(&yaml("second"))).expect_err("no git").to_string();
        assert!(why.contains("not a git repository"), "{why}");
    }
}
