//! Rows for every table, so that a change of the schema has something to lose.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;

use super::value::{literal, value};
use crate::catalog::quoted;
use crate::sql_message;

/// How many rows a table gets: the last one has only what it must have, the others all they can.
const ROWS: u32 = 3;

/// What came of filling a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// How many tables have rows now.
    pub tables: usize,
    /// How many rows those have.
    pub rows: u64,
    /// Tables without rows, or with poorer ones than meant, and why.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    data_type: String,
    not_null: bool,
    has_default: bool,
    is_generated: bool,
    is_key: bool,
    /// Added by people, where the table is Directus's.
    is_own: bool,
    labels: Vec<String>,
    /// The table and column that its foreign key points to, as SQL writes them.
    parent: Option<(String, String)>,
}

impl Column {
    /// Whether a row can't be without it.
    fn is_required(&self) -> bool {
        !self.is_generated && !self.has_default && (self.not_null || self.is_key)
    }

    /// Whether it is filled in by an update, when all tables have rows.
    fn is_late(&self) -> bool {
        self.parent.is_some() && !self.is_required() && !self.is_generated
    }

    fn value(&self, table: &str, row: u32) -> Option<String> {
        if let Some((parent, column)) = &self.parent {
            return Some(format!(
                "(SELECT {column} FROM {parent} ORDER BY {column} LIMIT 1
                  OFFSET {row} % greatest((SELECT count(*) FROM {parent}), 1))"
            ));
        }
        if !self.labels.is_empty() {
            let label = &self.labels[row as usize % self.labels.len()];
            return Some(format!("{}::{}", literal(label), self.data_type));
        }
        value(&format!("{table}.{}", self.name), &self.data_type, row)
    }
}

/// Tables as SQL writes them.
type Tables = BTreeMap<String, Vec<Column>>;

/// Puts rows into every table of people's own, those that they point to first, and values into
/// columns that people added to Directus's tables.
pub async fn fill(database: &Client) -> Result<Filled, tokio_postgres::Error> {
    let tables = tables(database).await?;
    let mut filled = Filled::default();
    for name in in_order(&tables) {
        let columns = &tables[&name];
        let mut why = BTreeSet::new();
        let count = format!("SELECT count(*) FROM {name}");
        let there: i64 = database.query_one(&count, &[]).await?.get(0);
        // Directus's own tables get only what is pointed to.
        let own = is_peoples(&name);
        for row in u32::try_from(there).unwrap_or(ROWS)..ROWS {
            let rich = own && row + 1 < ROWS;
            let tries: &[bool] = if rich { &[true, false] } else { &[false] };
            for rich in tries {
                match database.batch_execute(&insert(&name, columns, row, *rich)).await {
                    Ok(()) => break,
                    Err(error) if error.as_db_error().is_some() => {
                        why.insert(sql_message(&error));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let rows: i64 = database.query_one(&count, &[]).await?.get(0);
        if own && rows > 0 {
            filled.tables += 1;
            filled.rows += u64::try_from(rows).unwrap_or_default();
        }
        if !why.is_empty() {
            let why = why.into_iter().collect::<Vec<_>>().join("; ");
            filled.warnings.push(match rows {
                0 => format!("{name} can't be filled, so its loss would not be seen: {why}"),
                _ => format!("{name} has not all the rows and values that were meant: {why}"),
            });
        }
    }
    for (name, columns) in &tables {
        let own = is_peoples(name);
        let late = |column: &&Column| if own { column.is_late() } else { column.is_own };
        for column in columns.iter().filter(late) {
            let Some(update) = update(name, columns, column) else { continue };
            if let Err(error) = database.batch_execute(&update).await {
                let why = sql_message(&error);
                filled.warnings.push(format!("{name}.{} can't be filled: {why}", column.name));
            }
        }
    }
    Ok(filled)
}

fn is_peoples(table: &str) -> bool {
    !table.starts_with("directus_")
}

/// A row with all the values that can be made up, or only with those that it must have.
fn insert(table: &str, columns: &[Column], row: u32, rich: bool) -> String {
    let wanted = |column: &&Column| {
        let by_itself = column.is_generated || (column.is_key && column.has_default);
        column.is_required() || (rich && !by_itself && !column.is_late())
    };
    let values: Vec<_> = columns
        .iter()
        .filter(wanted)
        .filter_map(|column| Some((quoted(&column.name), column.value(table, row)?)))
        .collect();
    if values.is_empty() {
        return format!("INSERT INTO {table} DEFAULT VALUES");
    }
    let (names, values): (Vec<_>, Vec<_>) = values.into_iter().unzip();
    format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "))
}

/// Values for a column of rows that are there; the last row keeps none.
fn update(table: &str, columns: &[Column], column: &Column) -> Option<String> {
    let name = quoted(&column.name);
    let keys = columns.iter().filter(|column| column.is_key);
    let keys: Vec<_> = keys.map(|column| quoted(&column.name)).collect();
    let order = if keys.is_empty() { "ctid".to_owned() } else { keys.join(", ") };
    let mine =
        format!("(SELECT ctid AS place, row_number() OVER (ORDER BY {order}) AS n FROM {table})");
    if let Some((parent, key)) = &column.parent {
        // Row by row, since the column may be unique.
        return Some(format!(
            "UPDATE {table} t SET {name} = theirs.value FROM {mine} mine,
                 (SELECT {key} AS value, row_number() OVER (ORDER BY {key}) AS n FROM {parent}) theirs
             WHERE t.ctid = mine.place AND mine.n = theirs.n AND mine.n < {ROWS}"
        ));
    }
    if column.is_generated {
        return None;
    }
    let values: Vec<_> = (0..ROWS - 1)
        .filter_map(|row| Some(format!("WHEN {} THEN {}", row + 1, column.value(table, row)?)))
        .collect();
    if values.is_empty() {
        return None;
    }
    Some(format!(
        "UPDATE {table} t SET {name} = CASE mine.n {} ELSE t.{name} END FROM {mine} mine
         WHERE t.ctid = mine.place",
        values.join(" ")
    ))
}

/// Those that must be there first, first. In a circle the names decide.
fn in_order(tables: &Tables) -> Vec<String> {
    let parents = |name: &str| {
        let required = tables[name].iter().filter(|column| column.is_required());
        required
            .filter_map(|column| column.parent.as_ref().map(|(table, _)| table.clone()))
            .filter(|parent| parent != name && tables.contains_key(parent))
            .collect::<BTreeSet<_>>()
    };
    let mut waiting: BTreeMap<_, _> =
        tables.keys().map(|name| (name.clone(), parents(name))).collect();
    let mut order = Vec::new();
    while let Some(name) = waiting
        .iter()
        .find(|(_, parents)| parents.iter().all(|parent| order.contains(parent)))
        .or_else(|| waiting.iter().next())
        .map(|(name, _)| name.clone())
    {
        waiting.remove(&name);
        order.push(name);
    }
    order
}

/// People's tables, and those of Directus's that they point to or added columns to.
async fn tables(database: &Client) -> Result<Tables, tokio_postgres::Error> {
    let rows = database
        .query(
            "SELECT c.oid::regclass::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
                    a.attnotnull,
                    -- Directus gives columns that must not be null the default NULL.
                    a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) !~ '^NULL', false),
                    a.attgenerated <> '' OR a.attidentity = 'a',
                    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
                        AND a.attnum = ANY(i.indkey)),
                    EXISTS (SELECT FROM directus_fields f WHERE f.collection = c.relname AND f.field = a.attname),
                    ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = a.atttypid ORDER BY enumsortorder),
                    f.confrelid::regclass::text,
                    (SELECT quote_ident(attname) FROM pg_attribute
                     WHERE attrelid = f.confrelid AND attnum = f.confkey[1])
             FROM pg_class c
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
             LEFT JOIN LATERAL (SELECT confrelid, confkey FROM pg_constraint
                 WHERE conrelid = c.oid AND contype = 'f' AND conkey = ARRAY[a.attnum] LIMIT 1) f ON true
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND (NOT starts_with(c.relname::text, 'directus_')
                    OR EXISTS (SELECT FROM directus_fields f WHERE f.collection = c.relname)
                    OR EXISTS (SELECT FROM pg_constraint p JOIN pg_class t ON t.oid = p.conrelid
                        WHERE p.confrelid = c.oid AND NOT starts_with(t.relname::text, 'directus_')))
             ORDER BY c.relname, a.attnum",
            &[],
        )
        .await?;
    let mut tables = Tables::new();
    for row in rows {
        let parent: Option<String> = row.get(9);
        tables.entry(row.get(0)).or_default().push(Column {
            name: row.get(1),
            data_type: row.get(2),
            not_null: row.get(3),
            has_default: row.get(4),
            is_generated: row.get(5),
            is_key: row.get(6),
            is_own: row.get(7),
            labels: row.get(8),
            parent: parent.zip(row.get(10)),
        });
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, data_type: &str) -> Column {
        Column {
            name: name.into(),
            data_type: data_type.into(),
            not_null: false,
            has_default: false,
            is_generated: false,
            is_key: false,
            is_own: true,
            labels: Vec::new(),
            parent: None,
        }
    }

    fn points(to: &str, not_null: bool) -> Column {
        Column { parent: Some((to.into(), "id".into())), not_null, ..column(to, "integer") }
    }

    #[test]
    fn what_is_pointed_to_is_filled_first_and_circles_end() {
        let tables = Tables::from([
            ("a".into(), vec![points("b", true), points("z", false), points("a", true)]),
            ("b".into(), vec![points("c", true), points("elsewhere", true)]),
            ("c".into(), vec![column("id", "integer")]),
            ("p".into(), vec![points("q", true)]),
            ("q".into(), vec![points("p", true)]),
            ("z".into(), vec![points("a", true)]),
        ]);
        assert_eq!(in_order(&tables), ["c", "b", "a", "z", "p", "q"]);
    }

    #[test]
    fn the_last_row_has_only_what_it_must_have() {
        let columns = [
            Column { is_key: true, not_null: true, has_default: true, ..column("id", "integer") },
            Column { not_null: true, ..column("name", "character varying(1)") },
            column("note", "character varying(1)"),
            Column { has_default: true, not_null: true, ..column("kind", "character varying(1)") },
            Column { is_generated: true, ..column("made", "text") },
            column("unknown", "tsvector"),
            points("b", false),
        ];
        let value = |n| format!("'{n}'::character varying(1)");
        assert_eq!(
            insert("a", &columns, 0, true),
            format!(
                "INSERT INTO a (\"name\", \"note\", \"kind\") VALUES ({0}, {0}, {0})",
                value(1)
            )
        );
        assert_eq!(
            insert("a", &columns, 2, false),
            format!("INSERT INTO a (\"name\") VALUES ({})", value(3))
        );
        assert_eq!(insert("a", &columns[..1], 0, true), "INSERT INTO a DEFAULT VALUES");
    }

    #[test]
    fn an_enumeration_has_its_labels_and_a_foreign_key_a_row_of_its_table() {
        let mood = Column { labels: vec!["so".into(), "la".into()], ..column("mood", "mood") };
        assert_eq!(mood.value("a", 2).as_deref(), Some("'so'::mood"));
        let to = points("b", true).value("a", 1).expect("a row");
        assert!(to.starts_with("(SELECT id FROM b ORDER BY id LIMIT 1"), "{to}");
        let update = update("a", &[], &points("b", false)).expect("a statement");
        assert!(update.contains("ORDER BY ctid") && update.contains("mine.n < 3"), "{update}");
    }
}
