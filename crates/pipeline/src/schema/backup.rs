//! Rows saved inside PostgreSQL before a change takes them away, and put back.
//!
//! Server to server: no row comes through us, however many there are; and they live where the data
//! lives, never in a container's own layer.

use biplane_schema::{Item, LossKind, Plan, Snapshot, Verdict};
use tokio_postgres::{Client, Transaction};

use super::SchemaError;
use crate::catalog::{primary_key, quoted, table};

/// A saved part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub kind: String,
    pub collection: String,
    pub field: Option<String>,
    pub holder: String,
    pub rows: u64,
}

impl Part {
    fn holder(&self) -> String {
        format!("rescue.{}", quoted(&self.holder))
    }
}

/// Saves everything that a plan takes away, in one transaction; the backup's number.
pub(super) async fn take(
    database: &mut Client,
    plan: &Plan,
    running: &Snapshot,
) -> Result<i64, SchemaError> {
    let transaction = database.transaction().await?;
    let lost: Vec<_> =
        plan.losses().map(|(item, loss)| format!("{} {}", item.name(), loss.detail)).collect();
    let reason = if lost.is_empty() { "schema change".to_owned() } else { lost.join(", ") };
    let id: i64 = transaction
        .query_one(
            "INSERT INTO telemetry.rescues (reason, target_hash, running) VALUES ($1, $2, $3) RETURNING id",
            &[&reason, &plan.target.to_string(), &running.to_normalised_json()],
        )
        .await?
        .get(0);
    let keys = keys_of(&transaction, plan).await?;
    for (index, (item, loss)) in plan.losses().enumerate() {
        let (collection, field) = match item {
            Item::Field(key) => (key.collection.clone(), Some(key.field.clone())),
            item => (item.collection().to_owned(), None),
        };
        let part = Part {
            kind: loss.kind.as_str().to_owned(),
            collection,
            field,
            holder: format!("r{id}_{index}"),
            rows: 0,
        };
        save(&transaction, id, index, &part, loss.kind, &keys).await?;
    }
    for change in plan.of(Verdict::Deleted) {
        system_rows(&transaction, id, &change.item).await?;
    }
    transaction.commit().await?;
    Ok(id)
}

type Keys = std::collections::BTreeMap<String, Vec<String>>;

async fn keys_of(transaction: &Transaction<'_>, plan: &Plan) -> Result<Keys, SchemaError> {
    let mut keys = Keys::new();
    for (item, _) in plan.losses() {
        let name = item.collection();
        if !keys.contains_key(name) {
            keys.insert(name.to_owned(), primary_key(transaction.client(), name).await?);
        }
    }
    Ok(keys)
}

async fn save(
    transaction: &Transaction<'_>,
    id: i64,
    index: usize,
    part: &Part,
    kind: LossKind,
    keys: &Keys,
) -> Result<(), SchemaError> {
    let (holder, from) = (part.holder(), table(&part.collection));
    let statement = match (&part.field, kind) {
        (Some(field), _) => {
            let column = quoted(field);
            let key = keys.get(&part.collection).map(Vec::as_slice).unwrap_or_default();
            let key: Vec<_> = key.iter().map(|name| quoted(name)).collect();
            let columns = key.iter().chain([&column]).cloned().collect::<Vec<_>>().join(", ");
            format!(
                "CREATE TABLE {holder} AS SELECT {columns} FROM {from} WHERE {column} IS NOT NULL"
            )
        }
        (None, _) => format!("CREATE TABLE {holder} AS SELECT * FROM {from}"),
    };
    transaction.batch_execute(&statement).await?;
    let count = format!("SELECT count(*) FROM {holder}");
    let rows: i64 = transaction.query_one(&count, &[]).await?.get(0);
    transaction
        .execute(
            "INSERT INTO telemetry.rescue_parts (rescue, part, kind, collection, field, holder, rows)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[&id, &i32::try_from(index).unwrap_or(i32::MAX), &part.kind, &part.collection, &part.field, &part.holder, &rows],
        )
        .await?;
    Ok(())
}

/// Directus deletes a collection's permissions and presets with it, and takes a field out of the
/// permissions' lists.
async fn system_rows(
    transaction: &Transaction<'_>,
    id: i64,
    item: &Item,
) -> Result<(), SchemaError> {
    let statement = match item {
        Item::Collection(_) => {
            "INSERT INTO telemetry.rescue_rows (rescue, collection, item)
             SELECT $1::bigint, 'directus_permissions', to_jsonb(p) FROM directus_permissions p WHERE collection = $2
             UNION ALL SELECT $1::bigint, 'directus_presets', to_jsonb(p) FROM directus_presets p WHERE collection = $2"
        }
        Item::Field(key) => {
            transaction
                .execute(
                    "INSERT INTO telemetry.rescue_rows (rescue, collection, item)
                     SELECT $1, 'directus_permissions', to_jsonb(p) FROM directus_permissions p
                     WHERE collection = $2 AND $3 = ANY(string_to_array(fields, ','))",
                    &[&id, &key.collection, &key.field],
                )
                .await?;
            return Ok(());
        }
        _ => return Ok(()),
    };
    transaction.execute(statement, &[&id, &item.collection()]).await?;
    Ok(())
}

/// The saved parts of a backup.
pub(super) async fn parts(database: &Client, id: i64) -> Result<Vec<Part>, SchemaError> {
    let rows = database
        .query(
            "SELECT kind, collection, field, holder, rows FROM telemetry.rescue_parts WHERE rescue = $1 ORDER BY part",
            &[&id],
        )
        .await?;
    let part = |row: tokio_postgres::Row| Part {
        kind: row.get(0),
        collection: row.get(1),
        field: row.get(2),
        holder: row.get(3),
        rows: row.get::<_, i64>(4).unsigned_abs(),
    };
    Ok(rows.into_iter().map(part).collect())
}

/// What came back of a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Rows and values that are there again.
    pub back: u64,
    /// Saved values that were left out: their row was deleted since, or has another value now.
    pub left: u64,
}

/// The type of each part's column as people could write to it since the backup; none where there
/// was no such column.
pub(super) async fn types(
    database: &Client,
    parts: &[Part],
) -> Result<Vec<Option<String>>, SchemaError> {
    let mut types = Vec::new();
    for part in parts {
        let found = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
             WHERE attrelid = to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped";
        let row = database.query_opt(found, &[&table(&part.collection), &part.field]).await?;
        types.push(row.map(|row| row.get(0)));
    }
    Ok(types)
}

/// Puts the saved rows and values back into tables that have their columns again. What people wrote
/// since stays: `since` has the [`types`] from before the columns came back; none where nobody could
/// write.
///
/// Foreign keys wait until all rows are there, since rows may point to each other in a circle.
pub(super) async fn put_back(
    database: &mut Client,
    id: i64,
    since: Option<&[Option<String>]>,
) -> Result<Restored, SchemaError> {
    let parts = parts(database, id).await?;
    let transaction = database.transaction().await?;
    let names: Vec<_> = parts.iter().map(|part| table(&part.collection)).collect();
    let foreign = transaction
        .query(
            "SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint
             WHERE contype = 'f' AND NOT condeferrable AND conrelid = ANY(
                 SELECT to_regclass(name) FROM unnest($1::text[]) AS name)",
            &[&names],
        )
        .await?;
    let foreign: Vec<(String, String)> =
        foreign.iter().map(|row| (row.get(0), row.get(1))).collect();
    for (of, name) in &foreign {
        let defer =
            format!("ALTER TABLE {of} ALTER CONSTRAINT {name} DEFERRABLE INITIALLY DEFERRED");
        transaction.batch_execute(&defer).await?;
    }
    let mut restored = Restored::default();
    for (index, part) in parts.iter().enumerate() {
        let back = match &part.field {
            None => insert_rows(&transaction, part).await?,
            Some(field) => {
                let since = since.and_then(|since| since.get(index)?.as_deref());
                update_values(&transaction, id, part, field, since).await?
            }
        };
        restored.back += back;
        restored.left += part.rows.saturating_sub(back);
    }
    transaction.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
    for (of, name) in &foreign {
        let back = format!("ALTER TABLE {of} ALTER CONSTRAINT {name} NOT DEFERRABLE");
        transaction.batch_execute(&back).await?;
    }
    put_back_system_rows(&transaction, id, &parts).await?;
    transaction.commit().await?;
    Ok(restored)
}

async fn insert_rows(transaction: &Transaction<'_>, part: &Part) -> Result<u64, SchemaError> {
    let (into, holder) = (table(&part.collection), part.holder());
    // Columns that Directus never tracked are in no snapshot, but in the backup.
    let untracked = "SELECT quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
         FROM pg_attribute a WHERE a.attrelid = to_regclass($2) AND a.attnum > 0
           AND a.attname NOT IN (SELECT attname FROM pg_attribute
               WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped)";
    for row in transaction.query(untracked, &[&into, &holder]).await? {
        let column: String = row.get(0);
        transaction.batch_execute(&format!("ALTER TABLE {into} ADD COLUMN {column}")).await?;
    }
    let columns = "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
         FROM pg_attribute a JOIN pg_attribute b ON b.attrelid = to_regclass($2) AND b.attname = a.attname
         WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND NOT b.attisdropped
           AND a.attgenerated = ''";
    let columns: Option<String> = transaction.query_one(columns, &[&into, &holder]).await?.get(0);
    let Some(columns) = columns else { return Ok(0) };
    // Identity columns and counters go on after the highest key.
    let insert = format!(
        "INSERT INTO {into} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {holder} ON CONFLICT DO NOTHING"
    );
    let count = transaction.execute(&insert, &[]).await?;
    let counters = "SELECT quote_ident(a.attname), pg_get_serial_sequence($1, a.attname)
         FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
           AND pg_get_serial_sequence($1, a.attname) IS NOT NULL";
    for row in transaction.query(counters, &[&into]).await? {
        let (column, counter): (String, String) = (row.get(0), row.get(1));
        let next = format!(
            "SELECT setval($1::text::regclass, greatest((SELECT max({column}) FROM {into}), 1))"
        );
        transaction.query_one(&next, &[&counter]).await?;
    }
    Ok(count)
}

async fn update_values(
    transaction: &Transaction<'_>,
    id: i64,
    part: &Part,
    field: &str,
    since: Option<&str>,
) -> Result<u64, SchemaError> {
    let (into, holder, column) = (table(&part.collection), part.holder(), quoted(field));
    let key = primary_key(transaction.client(), &part.collection).await?;
    if key.is_empty() {
        let why = format!(
            "`{}` has no primary key, so nobody can tell whose the values of `{field}` are; they lie in {holder}",
            part.collection
        );
        return Err(SchemaError::Unrestorable { rescue: id, why });
    }
    let same = key
        .iter()
        .map(|name| format!("t.{0} = s.{0}", quoted(name)))
        .collect::<Vec<_>>()
        .join(" AND ");
    let unwritten = match since {
        None => String::new(),
        Some(narrow) if part.kind == LossKind::Narrowed.as_str() => {
            format!(" AND t.{column}::{narrow} IS NOT DISTINCT FROM s.{column}::{narrow}")
        }
        Some(_) => format!(" AND t.{column} IS NULL"),
    };
    let update = format!(
        "UPDATE {into} t SET {column} = s.{column} FROM {holder} s WHERE {same}{unwritten}"
    );
    Ok(transaction.execute(&update, &[]).await?)
}

async fn put_back_system_rows(
    transaction: &Transaction<'_>,
    id: i64,
    parts: &[Part],
) -> Result<(), SchemaError> {
    for of in ["directus_permissions", "directus_presets"] {
        // Under its own number where that is free. A policy, role or user may be gone by now.
        let known = match of {
            "directus_permissions" => "EXISTS (SELECT FROM directus_policies p WHERE p.id = r.policy)",
            _ => {
                "(r.role IS NULL OR EXISTS (SELECT FROM directus_roles o WHERE o.id = r.role))
                 AND (r.\"user\" IS NULL OR EXISTS (SELECT FROM directus_users u WHERE u.id = r.\"user\"))"
            }
        };
        let insert = format!(
            "INSERT INTO {of} SELECT r.* FROM telemetry.rescue_rows s,
                 LATERAL jsonb_populate_record(NULL::{of}, s.item) r
             WHERE s.rescue = $1 AND s.collection = '{of}' AND {known}
             ON CONFLICT (id) DO NOTHING"
        );
        transaction.execute(&insert, &[&id]).await?;
        let counter = format!(
            "SELECT setval(pg_get_serial_sequence('{of}', 'id'), (SELECT greatest(max(id), 1) FROM {of}))"
        );
        transaction.query_one(&counter, &[]).await?;
    }
    for part in parts {
        let Some(field) = &part.field else { continue };
        transaction
            .execute(
                "UPDATE directus_permissions p SET fields = concat_ws(',', nullif(p.fields, ''), $3)
                 FROM telemetry.rescue_rows s
                 WHERE s.rescue = $1 AND s.collection = 'directus_permissions' AND (s.item->>'id')::int = p.id
                   AND p.collection = $2 AND $3 = ANY(string_to_array(s.item->>'fields', ','))
                   AND NOT ($3 = ANY(string_to_array(coalesce(p.fields, ''), ',')))",
                &[&id, &part.collection, field],
            )
            .await?;
    }
    Ok(())
}
