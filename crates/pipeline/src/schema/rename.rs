//! Renames done in PostgreSQL, with the rows where they are.

use biplane_schema::Rename;
use tokio_postgres::Client;

use crate::catalog::{quoted, table};

/// Renames tables and columns with what Directus knows of them, all or nothing.
pub(super) async fn perform(
    database: &mut Client,
    renames: &[Rename],
) -> Result<(), tokio_postgres::Error> {
    let transaction = database.transaction().await?;
    for rename in renames {
        match rename {
            Rename::Field { from, to } => {
                let (of, old) = (from.collection.as_str(), from.field.as_str());
                let column = "SELECT EXISTS (SELECT FROM information_schema.columns
                    WHERE table_schema = 'public' AND table_name = $1 AND column_name = $2)";
                if transaction.query_one(column, &[&of, &old]).await?.get(0) {
                    let (table, new) = (table(of), quoted(to));
                    transaction
                        .batch_execute(&format!(
                            "ALTER TABLE {table} RENAME COLUMN {} TO {new}",
                            quoted(old)
                        ))
                        .await?;
                }
                constraints(&transaction, of, &format!("{of}_{old}_"), &format!("{of}_{to}_"))
                    .await?;
                for statement in [
                    "UPDATE directus_fields SET field = $3 WHERE collection = $1 AND field = $2",
                    "UPDATE directus_fields SET \"group\" = $3 WHERE collection = $1 AND \"group\" = $2",
                    "UPDATE directus_relations SET many_field = $3 WHERE many_collection = $1 AND many_field = $2",
                    "UPDATE directus_relations SET one_field = $3 WHERE one_collection = $1 AND one_field = $2",
                    "UPDATE directus_relations SET sort_field = $3 WHERE many_collection = $1 AND sort_field = $2",
                    "UPDATE directus_relations SET junction_field = $3 WHERE many_collection = $1 AND junction_field = $2",
                    "UPDATE directus_relations SET one_collection_field = $3 WHERE many_collection = $1 AND one_collection_field = $2",
                    "UPDATE directus_collections SET sort_field = $3 WHERE collection = $1 AND sort_field = $2",
                    "UPDATE directus_collections SET archive_field = $3 WHERE collection = $1 AND archive_field = $2",
                    "UPDATE directus_permissions SET fields = array_to_string(array_replace(string_to_array(fields, ','), $2, $3), ',')
                     WHERE collection = $1 AND $2 = ANY(string_to_array(fields, ','))",
                ] {
                    transaction.execute(statement, &[&of, &old, to]).await?;
                }
            }
            Rename::Collection { from, to } => {
                let exists = "SELECT to_regclass($1) IS NOT NULL";
                if transaction.query_one(exists, &[&table(from)]).await?.get(0) {
                    let rename = format!("ALTER TABLE {} RENAME TO {}", table(from), quoted(to));
                    transaction.batch_execute(&rename).await?;
                }
                constraints(&transaction, to, &format!("{from}_"), &format!("{to}_")).await?;
                for statement in [
                    "INSERT INTO directus_collections SELECT (jsonb_populate_record(c, jsonb_build_object('collection', $2::text))).*
                     FROM directus_collections c WHERE collection = $1",
                    "UPDATE directus_collections SET \"group\" = $2 WHERE \"group\" = $1",
                    "UPDATE directus_fields SET collection = $2 WHERE collection = $1",
                    "UPDATE directus_relations SET many_collection = $2 WHERE many_collection = $1",
                    "UPDATE directus_relations SET one_collection = $2 WHERE one_collection = $1",
                    "UPDATE directus_relations SET one_allowed_collections = array_to_string(array_replace(string_to_array(one_allowed_collections, ','), $1, $2), ',')
                     WHERE $1 = ANY(string_to_array(one_allowed_collections, ','))",
                    "UPDATE directus_permissions SET collection = $2 WHERE collection = $1",
                    "UPDATE directus_presets SET collection = $2 WHERE collection = $1",
                    "UPDATE directus_revisions SET collection = $2 WHERE collection = $1",
                    "UPDATE directus_activity SET collection = $2 WHERE collection = $1",
                ] {
                    transaction.execute(statement, &[from, to]).await?;
                }
                transaction
                    .execute("DELETE FROM directus_collections WHERE collection = $1", &[from])
                    .await?;
            }
        }
    }
    transaction.commit().await
}

/// Directus finds its own indexes and keys by their names.
async fn constraints(
    transaction: &tokio_postgres::Transaction<'_>,
    of: &str,
    old: &str,
    new: &str,
) -> Result<(), tokio_postgres::Error> {
    let named = "SELECT conname::text, true FROM pg_constraint WHERE conrelid = to_regclass($1) AND starts_with(conname::text, $2)
         UNION SELECT c.relname::text, false FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             WHERE i.indrelid = to_regclass($1) AND starts_with(c.relname::text, $2)
               AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)";
    for row in transaction.query(named, &[&table(of), &old]).await? {
        let (name, is_constraint): (String, bool) = (row.get(0), row.get(1));
        let Some(rest) = name.strip_prefix(old) else { continue };
        let (from, to) = (quoted(&name), quoted(&format!("{new}{rest}")));
        let statement = if is_constraint {
            format!("ALTER TABLE {} RENAME CONSTRAINT {from} TO {to}", table(of))
        } else {
            format!("ALTER INDEX public.{from} RENAME TO {to}")
        };
        transaction.batch_execute(&statement).await?;
    }
    Ok(())
}

/// The way back.
pub(super) fn reversed(renames: &[Rename]) -> Vec<Rename> {
    let turn = |rename: &Rename| match rename {
        Rename::Collection { from, to } => {
            Rename::Collection { from: to.clone(), to: from.clone() }
        }
        Rename::Field { from, to } => Rename::Field {
            from: biplane_schema::FieldKey::new(&from.collection, to),
            to: from.field.clone(),
        },
    };
    renames.iter().rev().map(turn).collect()
}
