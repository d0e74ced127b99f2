//! What PostgreSQL itself knows of the tables.

use std::collections::{BTreeMap, BTreeSet};

use biplane_schema::{FieldKey, Item, LossKind, Plan, Rename};
use tokio_postgres::Client;

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table of Directus's schema, as SQL writes it.
pub(crate) fn table(name: &str) -> String {
    format!("public.{}", quoted(name))
}

/// Every table outside PostgreSQL's own, with what makes it that very table.
pub(crate) type Shapes = BTreeMap<String, String>;

/// Object ids and columns of all tables.
pub(crate) async fn shapes(database: &Client) -> Result<Shapes, tokio_postgres::Error> {
    let rows = database
        .query(
            "SELECT n.nspname || '.' || c.relname,
                    c.oid::text || ': ' || coalesce(string_agg(
                        a.attnum || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                            || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
                        ', ' ORDER BY a.attnum), '')
             FROM pg_class c
             JOIN pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'rescue')
               AND n.nspname NOT LIKE 'pg_t%'
               AND NOT (n.nspname = 'telemetry' AND c.relispartition)
             GROUP BY n.nspname, c.relname, c.oid",
            &[],
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// A digest of all that a snapshot is made of; the same while nobody changes the schema.
pub(crate) async fn fingerprint(database: &Client) -> Result<String, tokio_postgres::Error> {
    let row = database
        .query_one(
            "SELECT md5(concat_ws('|',
                (SELECT string_agg(to_jsonb(t)::text, ',' ORDER BY collection) FROM public.directus_collections t),
                (SELECT string_agg(to_jsonb(t)::text, ',' ORDER BY id) FROM public.directus_fields t),
                (SELECT string_agg(to_jsonb(t)::text, ',' ORDER BY id) FROM public.directus_relations t),
                (SELECT string_agg(concat_ws(' ', table_name, column_name, data_type, udt_name, is_nullable,
                        column_default, character_maximum_length, numeric_precision, numeric_scale,
                        is_generated, generation_expression), ',' ORDER BY table_name, ordinal_position)
                    FROM information_schema.columns WHERE table_schema = 'public'),
                (SELECT string_agg(indexdef, ',' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public'),
                (SELECT string_agg(conname || pg_get_constraintdef(oid), ',' ORDER BY conname, oid)
                    FROM pg_constraint WHERE connamespace = 'public'::regnamespace)))",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

/// Whether Directus tracks nothing at all: a database that nobody worked in.
pub(crate) async fn is_fresh(database: &Client) -> Result<bool, tokio_postgres::Error> {
    let row = database
        .query_one(
            "SELECT NOT EXISTS (SELECT FROM public.directus_collections)
                AND NOT EXISTS (SELECT FROM public.directus_fields)
                AND NOT EXISTS (SELECT FROM public.directus_relations)",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

/// Tables, views and columns that a target would create, but that are there untracked.
///
/// Directus fails on them in the middle (directus#25760); whose they are nobody knows.
pub(crate) async fn untracked(
    database: &Client,
    plan: &Plan,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let mut found = Vec::new();
    for change in plan.of(biplane_schema::Verdict::Created) {
        let (name, there) = match &change.item {
            Item::Collection(name)
                if plan
                    .merged
                    .collections
                    .get(name)
                    .is_some_and(biplane_schema::Collection::has_table) =>
            {
                let there = "SELECT to_regclass($1) IS NOT NULL";
                (name.clone(), database.query_one(there, &[&table(name)]).await?.get(0))
            }
            Item::Field(key)
                if plan.merged.fields.get(key).is_some_and(biplane_schema::Field::has_column) =>
            {
                let there = "SELECT EXISTS (SELECT FROM information_schema.columns
                             WHERE table_schema = 'public' AND table_name = $1 AND column_name = $2)";
                (
                    key.to_string(),
                    database.query_one(there, &[&key.collection, &key.field]).await?.get(0),
                )
            }
            _ => continue,
        };
        if there {
            found.push(name);
        }
    }
    Ok(found)
}

/// Fills in how many rows each loss has.
pub(crate) async fn count_rows(
    database: &Client,
    plan: &mut Plan,
) -> Result<(), tokio_postgres::Error> {
    for change in &mut plan.changes {
        let Some(loss) = &mut change.loss else { continue };
        let query = match (&as_yet(&change.item, &plan.renaming), loss.kind) {
            (Item::Collection(name), LossKind::Table) => {
                format!("SELECT count(*) FROM {}", table(name))
            }
            (Item::Field(key), _) => {
                let column = quoted(&key.field);
                format!(
                    "SELECT count(*) FROM {} WHERE {column} IS NOT NULL",
                    table(&key.collection)
                )
            }
            _ => continue,
        };
        let count: i64 = database.query_one(&query, &[]).await?.get(0);
        loss.rows = u64::try_from(count).ok();
    }
    Ok(())
}

/// What an item is called in the database before the plan's renames.
fn as_yet(item: &Item, renaming: &[Rename]) -> Item {
    renaming.iter().rev().fold(item.clone(), |item, rename| match (item, rename) {
        (Item::Collection(name), Rename::Collection { from, to }) if name == *to => {
            Item::Collection(from.clone())
        }
        (Item::Field(key), Rename::Collection { from, to }) if key.collection == *to => {
            Item::Field(FieldKey::new(from, &key.field))
        }
        (Item::Field(key), Rename::Field { from, to })
            if key.collection == from.collection && key.field == *to =>
        {
            Item::Field(from.clone())
        }
        (item, _) => item,
    })
}

/// The columns of a table's primary key.
pub(crate) async fn primary_key(
    database: &Client,
    name: &str,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let rows = database
        .query(
            "SELECT a.attname::text FROM pg_index i
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
             WHERE i.indrelid = $1::text::regclass AND i.indisprimary
             ORDER BY array_position(i.indkey, a.attnum)",
            &[&table(name)],
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.get(0)).collect())
}

/// The tables whose shape or rows a plan changes, or whose rows it saves.
pub(crate) fn touched(plan: &Plan) -> BTreeSet<String> {
    let changes = plan.changes.iter().filter(|change| change.verdict.is_change());
    let mut tables: BTreeSet<_> =
        changes.map(|change| change.item.collection().to_owned()).collect();
    for rename in &plan.renaming {
        if let Rename::Collection { from, .. } = rename {
            tables.insert(from.clone());
        }
    }
    tables
}
