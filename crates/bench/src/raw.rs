//! The limit: rows that go into a table of the same shape by binary COPY, and nothing else.

use biplane_stack::SetupError;
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{Client, Statement};

use crate::refused;

/// What COPY is sent at a time.
pub const CHUNK: usize = 256 * 1024;

/// An empty table of the shape, keys and partitions of `positions`, and the statement that fills it.
pub async fn table(database: &Client, name: &str, columns: &str) -> Result<Statement, SetupError> {
    database
        .batch_execute(&format!(
            "DROP TABLE IF EXISTS telemetry.{name};
             CREATE TABLE telemetry.{name} (LIKE telemetry.positions INCLUDING ALL) PARTITION BY RANGE (ts);
             DO $$
             DECLARE part record;
             BEGIN
                 FOR part IN SELECT inhrelid::regclass::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
                             FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
                             WHERE inhparent = 'telemetry.positions'::regclass LOOP
                     EXECUTE format('CREATE TABLE telemetry.%I PARTITION OF telemetry.{name} %s',
                                    '{name}_' || split_part(part.name, '.', 2), part.bound);
                 END LOOP;
             END $$;
             CHECKPOINT;"
        ))
        .await
        .map_err(refused)?;
    database
        .prepare(&format!("COPY telemetry.{name} {columns} FROM STDIN (FORMAT binary)"))
        .await
        .map_err(refused)
}

/// What COPY makes of a query, in chunks: PostgreSQL gives a message a row, and the limit shall
/// not pay for a million of them.
pub async fn rows_of(database: &Client, query: &str) -> Result<Vec<Bytes>, SetupError> {
    let out = database
        .copy_out(&format!("COPY ({query}) TO STDOUT (FORMAT binary)"))
        .await
        .map_err(refused)?;
    let mut out = std::pin::pin!(out);
    let mut chunks = vec![BytesMut::new()];
    while let Some(row) = out.next().await {
        let row = row.map_err(refused)?;
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.extend_from_slice(&row),
            _ => chunks.push(BytesMut::from(&*row)),
        }
    }
    Ok(chunks.into_iter().map(BytesMut::freeze).collect())
}

/// Sends chunks as one COPY in a transaction of its own; returns how many rows there were.
pub async fn copy(
    database: &Client,
    statement: &Statement,
    chunks: &[Bytes],
) -> Result<u64, SetupError> {
    let sink = database.copy_in(statement).await.map_err(refused)?;
    let mut sink = std::pin::pin!(sink);
    for chunk in chunks {
        sink.send(chunk.clone()).await.map_err(refused)?;
    }
    sink.finish().await.map_err(refused)
}
