//! The running schema, taken into git.

use biplane_schema::{Snapshot, SnapshotHash};
use tokio_postgres::Client;

use super::files::{read_lineage, shown};
use super::{SchemaError, base};
use crate::state::State;
use crate::{Files, Installation};

/// What taking a snapshot did.
#[derive(Debug)]
pub struct Taken {
    /// The hash that the lineage ends with.
    pub hash: SnapshotHash,
    /// Whether the file changed.
    pub changed: bool,
    /// Collections, fields, relations.
    pub counts: [usize; 3],
}

/// Writes the running schema to `snapshots/schema.yaml` and extends the lineage. Touches no base.
///
/// Refuses to write over a snapshot that this database never had, unless forced: what a colleague
/// committed would be undone by it.
pub async fn take(
    installation: &Installation,
    database: &Client,
    force: bool,
) -> Result<Taken, SchemaError> {
    let files = &installation.files;
    let running = installation.running_schema().await?;
    let mut lineage = read_lineage(&files.lineage())?;
    let base = base(database).await?.map(|base| base.hash);
    let there = existing(files)?;
    if let Some((_, Some(hash))) = &there {
        let known = base == Some(*hash)
            || State::SnapshotTaken.recall(database).await? == Some(hash.to_string())
            || running.hash() == *hash;
        if !known && !force {
            return Err(SchemaError::NotApplied { path: shown(&files.snapshot()) });
        }
        if !lineage.contains(hash) {
            lineage.push(*hash);
        }
    }
    if let Some(base) = base.filter(|base| !lineage.contains(base)) {
        lineage.push(base);
    }
    lineage.push(running.hash());
    let text = running.to_yaml();
    let changed = there.is_none_or(|(old, _)| old != text);
    write(&files.snapshot(), &text)?;
    write(&files.lineage(), &lineage.to_string())?;
    State::SnapshotTaken.remember(database, &running.hash().to_string()).await?;
    let counts = [running.collections.len(), running.fields.len(), running.relations.len()];
    Ok(Taken { hash: running.hash(), changed, counts })
}

/// How the running schema differs from the file; nothing when they are one, byte for byte.
pub async fn check(installation: &Installation) -> Result<Vec<String>, SchemaError> {
    let files = &installation.files;
    let running = installation.running_schema().await?;
    let path = files.snapshot();
    let text = std::fs::read_to_string(&path)
        .map_err(|source| SchemaError::File { path: shown(&path), source })?;
    let should = running.to_yaml();
    if text == should {
        return Ok(Vec::new());
    }
    let file = super::read_target(files)?.snapshot;
    let mut differences = file.differences(&running);
    if differences.is_empty() {
        differences.push(format!("the same schema, written otherwise; {}", first(&text, &should)));
    }
    Ok(differences)
}

/// The first line in which a text is not what it should be.
fn first(is: &str, should: &str) -> String {
    let line = is.lines().zip(should.lines()).take_while(|(is, should)| is == should).count();
    let said =
        |text: &str| text.lines().nth(line).map_or("nothing".into(), |text| format!("`{text}`"));
    if said(is) == said(should) {
        return "lines end differently".to_owned();
    }
    format!("line {} is {} and would be {}", line + 1, said(is), said(should))
}

type Existing = Option<(String, Option<SnapshotHash>)>;

/// The file as it stands, with its hash where it can be read.
fn existing(files: &Files) -> Result<Existing, SchemaError> {
    let path = files.snapshot();
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let hash = text.parse::<Snapshot>().ok().map(|snapshot| snapshot.hash());
            Ok(Some((text, hash)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SchemaError::File { path: shown(&path), source }),
    }
}

/// Whole or not at all: a file half written would be half a schema.
fn write(path: &std::path::Path, text: &str) -> Result<(), SchemaError> {
    let draft = path.with_extension("new");
    std::fs::write(&draft, text)
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|source| SchemaError::File { path: shown(path), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first("a\nb\nc\n", "a\nc\nb\n"), "line 2 is `b` and would be `c`");
        assert_eq!(first("a\n", "a\nb\n"), "line 2 is nothing and would be `b`");
        assert_eq!(first("a\r\nb", "a\nb\n"), "lines end differently");
    }
}
