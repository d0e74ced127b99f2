//! What is in the tables: counted and summed up before a change, and held against it afterwards.

use std::collections::BTreeMap;

use biplane_schema::{Item, LossKind, Plan, Rename};
use tokio_postgres::Client;

use crate::catalog::{quoted, table};

/// The rows of every table of people's own, and the values of every column of theirs.
#[derive(Clone, Debug, Default)]
pub struct Census {
    tables: BTreeMap<String, Counted>,
}

#[derive(Clone, Debug, Default)]
struct Counted {
    key: Vec<String>,
    columns: BTreeMap<String, String>,
    rows: i64,
    sums: BTreeMap<String, Sum>,
}

/// How many values a column has, and a digest of them in the order of their rows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sum {
    values: i64,
    digest: String,
}

impl Census {
    /// Counts everything.
    pub async fn take(database: &Client) -> Result<Self, tokio_postgres::Error> {
        let mut tables = shapes(database).await?;
        for (name, counted) in &mut tables {
            let columns = counted.columns.iter();
            let columns: Vec<_> =
                columns.map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
            let (rows, sums) = count(database, name, &counted.key, &columns).await?;
            counted.sums = columns.into_iter().map(|(name, _)| name.to_owned()).zip(sums).collect();
            counted.rows = rows;
        }
        Ok(Self { tables })
    }

    /// How many columns were summed up.
    pub fn columns(&self) -> usize {
        self.tables.values().map(|counted| counted.sums.len()).sum()
    }

    /// How many rows a table had, or values a column; none for what was not there.
    pub fn count(&self, table: &str, column: Option<&str>) -> Option<i64> {
        let counted = self.tables.get(table)?;
        column.map_or(Some(counted.rows), |name| Some(counted.sums.get(name)?.values))
    }

    /// What is not there any more, or is another value, though the plan does not name it as lost;
    /// a line each.
    pub async fn unplanned_losses(
        &self,
        database: &Client,
        plan: Option<&Plan>,
    ) -> Result<Vec<String>, tokio_postgres::Error> {
        let now = shapes(database).await?;
        let mut lost = Vec::new();
        for (name, before) in &self.tables {
            let is = renamed(plan, name, None).0;
            let loss = plan.and_then(|plan| planned(plan, &[name, &is], None));
            if loss == Some(LossKind::Table) {
                continue;
            }
            let Some(after) = now.get(&is) else {
                lost.push(format!("the table {name} with {} rows", before.rows));
                continue;
            };
            let mut compared = Vec::new();
            for (column, sum) in &before.sums {
                let at = renamed(plan, name, Some(column)).1.unwrap_or_default();
                let loss = plan.and_then(|plan| planned(plan, &[name, &is], Some(&[column, &at])));
                if loss.is_some() {
                    continue;
                }
                if after.columns.contains_key(&at) {
                    compared.push((column, at, sum));
                } else {
                    lost.push(format!("the column {name}.{column} with {} values", sum.values));
                }
            }
            // As it was written before, where it has another type by now.
            let columns: Vec<_> = compared
                .iter()
                .map(|(column, at, _)| (at.as_str(), before.columns[*column].as_str()))
                .collect();
            let (rows, sums) = count(database, &is, &after.key, &columns).await?;
            if rows != before.rows {
                lost.push(format!("{name} had {} rows and has {rows}", before.rows));
                continue;
            }
            for ((column, _, before), after) in compared.into_iter().zip(sums) {
                if after.values != before.values {
                    let (had, has) = (before.values, after.values);
                    lost.push(format!("{name}.{column} had {had} values and has {has}"));
                } else if after.digest != before.digest {
                    lost.push(format!("{name}.{column} has other values than before"));
                }
            }
        }
        Ok(lost)
    }
}

/// Where a table and its column are after the plan's renames.
fn renamed(plan: Option<&Plan>, name: &str, column: Option<&str>) -> (String, Option<String>) {
    let (mut table, mut column) = (name.to_owned(), column.map(str::to_owned));
    for rename in plan.iter().flat_map(|plan| &plan.renaming) {
        match rename {
            Rename::Collection { from, to } if *from == table => to.clone_into(&mut table),
            Rename::Field { from, to }
                if from.collection == table && column.as_deref() == Some(&from.field) =>
            {
                column = Some(to.clone());
            }
            _ => {}
        }
    }
    (table, column)
}

/// How a plan says that a table or a column loses something, under its old or its new name.
fn planned(plan: &Plan, tables: &[&str], columns: Option<&[&str]>) -> Option<LossKind> {
    plan.losses().find_map(|(item, loss)| {
        let named = match (item, columns) {
            (Item::Collection(name), None) => tables.contains(&name.as_str()),
            (Item::Field(key), Some(columns)) => {
                tables.contains(&key.collection.as_str()) && columns.contains(&key.field.as_str())
            }
            _ => false,
        };
        named.then_some(loss.kind)
    })
}

/// Rows, and a sum for each column, which is read as the type that is named.
async fn count(
    database: &Client,
    name: &str,
    key: &[String],
    columns: &[(&str, &str)],
) -> Result<(i64, Vec<Sum>), tokio_postgres::Error> {
    let mut query = "SELECT count(*)".to_owned();
    for (column, data_type) in columns {
        let column = quoted(column);
        // Two texts may be the same JSON.
        let text = match *data_type {
            "json" => format!("{column}::jsonb::text"),
            data_type => format!("{column}::{data_type}::text"),
        };
        let order = if key.is_empty() {
            format!("{text} COLLATE \"C\"")
        } else {
            let key: Vec<_> =
                key.iter().map(|name| format!("{}::text COLLATE \"C\"", quoted(name))).collect();
            key.join(", ")
        };
        query.push_str(&format!(
            ", count({column}), md5(coalesce(string_agg(coalesce(md5({text}), '-'), ' ' ORDER BY {order}), ''))"
        ));
    }
    let row = database.query_one(&format!("{query} FROM {}", table(name)), &[]).await?;
    let sum = |index| Sum { values: row.get(1 + 2 * index), digest: row.get(2 + 2 * index) };
    Ok((row.get(0), (0..columns.len()).map(sum).collect()))
}

/// People's tables and columns, those that they added to Directus's tables among them.
async fn shapes(database: &Client) -> Result<BTreeMap<String, Counted>, tokio_postgres::Error> {
    let rows = database
        .query(
            "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
                    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
                        AND a.attnum = ANY(i.indkey)),
                    NOT starts_with(c.relname::text, 'directus_')
                        OR EXISTS (SELECT FROM directus_fields f WHERE f.collection = c.relname AND f.field = a.attname)
             FROM pg_class c
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND (NOT starts_with(c.relname::text, 'directus_')
                    OR EXISTS (SELECT FROM directus_fields f WHERE f.collection = c.relname))
             ORDER BY c.relname, a.attnum",
            &[],
        )
        .await?;
    let mut tables = BTreeMap::<String, Counted>::new();
    for row in rows {
        let counted = tables.entry(row.get(0)).or_default();
        let (name, data_type): (String, String) = (row.get(1), row.get(2));
        if row.get(3) {
            counted.key.push(name.clone());
        }
        if row.get(4) {
            counted.columns.insert(name, data_type);
        }
    }
    Ok(tables)
}
