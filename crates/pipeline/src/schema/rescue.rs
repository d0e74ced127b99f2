//! Backups: listed, shown, brought back, and one day forgotten.

use std::collections::BTreeSet;

use biplane_schema::{FieldKey, Snapshot};
use serde::Serialize;
use tokio_postgres::{Client, Row};

use super::backup::Restored;
use super::{SchemaError, backup, freeze};
use crate::Installation;
use crate::catalog::{quoted, table};

/// How many backups are kept at least, whatever their age.
pub(super) const KEPT: i64 = 20;
/// How long a backup is kept at least, in days.
pub(super) const KEPT_DAYS: i32 = 90;

/// One backup.
#[derive(Clone, Debug, Serialize)]
pub struct Rescue {
    /// Its number.
    pub id: i64,
    /// When, UTC.
    pub taken_at: String,
    /// What was going to be lost.
    pub reason: String,
    /// `taken`, `applied` or `undone`.
    pub state: String,
    /// All rows and values in it.
    pub rows: i64,
    /// On disk.
    pub bytes: i64,
    /// What is in it.
    pub parts: Vec<RescuePart>,
}

/// A table, or a column's values.
#[derive(Clone, Debug, Serialize)]
pub struct RescuePart {
    /// `table`, `column` or `narrowed`.
    pub kind: String,
    /// The collection.
    pub collection: String,
    /// The field, where it is one.
    pub field: Option<String>,
    /// How many rows.
    pub rows: i64,
}

const SELECT: &str = "SELECT r.id, to_char(r.taken_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), r.reason, r.state,
        coalesce((SELECT sum(rows) FROM telemetry.rescue_parts p WHERE p.rescue = r.id), 0)::bigint,
        coalesce((SELECT sum(pg_total_relation_size(to_regclass('rescue.' || quote_ident(p.holder))))
            FROM telemetry.rescue_parts p WHERE p.rescue = r.id), 0)::bigint
     FROM telemetry.rescues r";

fn rescue_of(row: &Row) -> Rescue {
    Rescue {
        id: row.get(0),
        taken_at: row.get(1),
        reason: row.get(2),
        state: row.get(3),
        rows: row.get(4),
        bytes: row.get(5),
        parts: Vec::new(),
    }
}

/// All backups, the newest first, without their parts.
pub async fn list(database: &Client) -> Result<Vec<Rescue>, SchemaError> {
    let rows = database.query(&format!("{SELECT} ORDER BY r.id DESC"), &[]).await?;
    Ok(rows.iter().map(rescue_of).collect())
}

/// One backup with its parts.
pub async fn show(database: &Client, id: i64) -> Result<Rescue, SchemaError> {
    let row = database.query_opt(&format!("{SELECT} WHERE r.id = $1"), &[&id]).await?;
    let mut rescue = rescue_of(&row.ok_or(SchemaError::NoRescue(id))?);
    let parts = "SELECT kind, collection, field, rows FROM telemetry.rescue_parts WHERE rescue = $1 ORDER BY part";
    for row in database.query(parts, &[&id]).await? {
        let (kind, collection, field, rows) = (row.get(0), row.get(1), row.get(2), row.get(3));
        rescue.parts.push(RescuePart { kind, collection, field, rows });
    }
    Ok(rescue)
}

/// Forgets what is neither among the newest `keep` nor younger than `days`; how many.
pub async fn prune(database: &Client, keep: i64, days: i32) -> Result<usize, SchemaError> {
    let old = "SELECT id FROM telemetry.rescues
               WHERE taken_at < now() - make_interval(days => $2)
                 AND id NOT IN (SELECT id FROM telemetry.rescues ORDER BY id DESC LIMIT $1)";
    let old = database.query(old, &[&keep, &days]).await?;
    for row in &old {
        let id: i64 = row.get(0);
        for part in backup::parts(database, id).await? {
            let drop = format!("DROP TABLE IF EXISTS rescue.{}", quoted(&part.holder));
            database.batch_execute(&drop).await?;
        }
        database.execute("DELETE FROM telemetry.rescues WHERE id = $1", &[&id]).await?;
    }
    Ok(old.len())
}

/// Brings a backup's collections, fields, relations, rows, permissions and presets back. What people
/// wrote since stays.
///
/// What comes back is uncommitted work from then on, which no apply takes away again.
pub async fn restore(
    installation: &Installation,
    database: &mut Client,
    id: i64,
    say: &dyn Fn(&str),
) -> Result<Restored, SchemaError> {
    let row = database
        .query_opt("SELECT running FROM telemetry.rescues WHERE id = $1", &[&id])
        .await?
        .ok_or(SchemaError::NoRescue(id))?;
    let before: Snapshot = row.get::<_, String>(0).parse().map_err(SchemaError::Base)?;
    let parts = backup::parts(database, id).await?;
    freeze::begin(database).await?;
    let restored = restore_frozen(installation, database, id, &before, &parts, say).await;
    let ended = freeze::end(database).await;
    let restored = restored?;
    ended?;
    Ok(restored)
}

async fn restore_frozen(
    installation: &Installation,
    database: &mut Client,
    id: i64,
    before: &Snapshot,
    parts: &[backup::Part],
    say: &dyn Fn(&str),
) -> Result<Restored, SchemaError> {
    let running = installation.running_schema().await?;
    let since = backup::types(database, parts).await?;
    let wanted = with_parts(&running, before, parts);
    for part in parts {
        if part.field.is_none() && running.collections.contains_key(&part.collection) {
            let any = format!("SELECT EXISTS (SELECT FROM {})", table(&part.collection));
            if database.query_one(&any, &[]).await?.get(0) {
                let why = format!("`{}` is there again and has rows", part.collection);
                return Err(SchemaError::Unrestorable { rescue: id, why });
            }
        }
        if part.field.is_some() && !wanted.collections.contains_key(&part.collection) {
            let why = format!("the collection `{}` is gone; restore that first", part.collection);
            return Err(SchemaError::Unrestorable { rescue: id, why });
        }
    }
    if !running.differences(&wanted).is_empty() {
        say("bringing the schema back");
        for stage in wanted.stages(&running) {
            installation.apply_as_is(&stage).await?;
        }
        let mut now = installation.running_schema().await?;
        // Directus gives a table that it makes a key; one that it never tracked was in no snapshot.
        now.fields.retain(|key, _| {
            let is_restored =
                parts.iter().any(|part| part.field.is_none() && part.collection == key.collection);
            !is_restored || wanted.fields.contains_key(key)
        });
        let left = wanted.differences(&now);
        if !left.is_empty() {
            return Err(SchemaError::Unrestorable { rescue: id, why: left.join("; ") });
        }
    }
    say("bringing the rows back");
    backup::put_back(database, id, Some(&since)).await
}

/// The running schema with a backup's collections and fields as they were, and the relations that
/// lead to and from them as far as both ends are there.
fn with_parts(running: &Snapshot, before: &Snapshot, parts: &[backup::Part]) -> Snapshot {
    let mut wanted = running.clone();
    let mut collections: BTreeSet<&str> = BTreeSet::new();
    for part in parts {
        match &part.field {
            None => {
                collections.insert(&part.collection);
            }
            Some(field) => {
                let key = FieldKey::new(&part.collection, field);
                if let Some(entry) = before.fields.get(&key) {
                    wanted.fields.insert(key, entry.clone());
                }
            }
        }
    }
    for name in &collections {
        if let Some(entry) = before.collections.get(*name) {
            let mut entry = entry.clone();
            let group = entry.body.get("meta").and_then(|meta| meta.get("group")?.as_str());
            let lost = group.is_some_and(|group| {
                !running.collections.contains_key(group) && !collections.contains(group)
            });
            if let (true, Some(serde_json::Value::Object(meta))) =
                (lost, entry.body.get_mut("meta"))
            {
                meta.insert("group".into(), serde_json::Value::Null);
            }
            wanted.collections.insert((*name).to_owned(), entry);
        }
    }
    for (key, field) in &before.fields {
        if collections.contains(key.collection.as_str()) {
            wanted.fields.insert(key.clone(), field.clone());
        }
    }
    for (key, relation) in &before.relations {
        let both = wanted.fields.contains_key(key)
            && relation.related_collection().is_none_or(|to| {
                to.starts_with("directus_") || wanted.collections.contains_key(to)
            });
        if both && !wanted.relations.contains_key(key) {
            wanted.relations.insert(key.clone(), relation.clone());
        }
    }
    // A column's foreign key is its relation's.
    for (key, field) in &mut wanted.fields {
        if !wanted.relations.contains_key(key)
            && field.foreign_key_table().is_some_and(|to| before.collections.contains_key(to))
            && let Some(serde_json::Value::Object(schema)) = field.body.get_mut("schema")
        {
            schema.insert("foreign_key_table".into(), serde_json::Value::Null);
            schema.insert("foreign_key_column".into(), serde_json::Value::Null);
        }
    }
    wanted
}
