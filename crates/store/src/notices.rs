//! What Flows are to be told.

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{ConnectError, connect};

/// A row of `telemetry.notices` that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Of the row.
    pub id: i64,
    /// Which Flow it is for.
    pub kind: NoticeKind,
    /// Whose it is; those of one device go out in order.
    pub device: Option<Uuid>,
    /// What is posted.
    pub body: Value,
    /// How often its Flow refused it.
    pub refusals: u32,
}

/// What a notice tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// A valid crossing of a finish.
    Finish,
    /// A row of `alerts`.
    Alert,
}

/// Why notices were not read or marked.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// PostgreSQL refused or went away.
    #[error("PostgreSQL did not take a question about notices")]
    Refused(#[from] tokio_postgres::Error),
}

/// The notices, over one connection that holds the right to post them: one processor has it at a
/// time, and another takes over when its connection ends.
#[derive(Debug)]
pub struct NoticeQueue {
    url: String,
    client: Option<Client>,
    /// Whether that connection has the right.
    may_post: bool,
}

/// Of the advisory lock; any number that nobody else takes in this database.
const LOCK: i64 = 0x6269_706c_616e_6501;

/// The oldest of each device.
const DUE: &str = "
    SELECT id, kind, device, body, refusals FROM (
        SELECT DISTINCT ON (device) id, kind, device, body, refusals, due_at
        FROM telemetry.notices WHERE done_at IS NULL ORDER BY device, id
    ) AS first
    WHERE due_at <= now() ORDER BY id LIMIT $1";

impl NoticeQueue {
    /// Connects at the first question.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), client: None, may_post: false }
    }

    /// The first notice of each device, where it is due; `None` while another processor posts them.
    pub async fn due(&mut self, at_most: u32) -> Result<Option<Vec<Notice>>, NoticeError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.may_post = false;
            self.client = None;
        }
        let client = match &mut self.client {
            Some(client) => &*client,
            none => none.insert(connect(&self.url).await?.0),
        };
        if !self.may_post {
            let row = client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?;
            self.may_post = row.get(0);
        }
        if !self.may_post {
            return Ok(None);
        }
        let rows = client.query(DUE, &[&i64::from(at_most)]).await?;
        let notice = |row: &tokio_postgres::Row| Notice {
            id: row.get(0),
            kind: if row.get::<_, &str>(1) == "finish" {
                NoticeKind::Finish
            } else {
                NoticeKind::Alert
            },
            device: row.get(2),
            body: row.get(3),
            refusals: row.get::<_, i32>(4).unsigned_abs(),
        };
        Ok(Some(rows.iter().map(notice).collect()))
    }

    /// It was taken.
    pub async fn taken(&mut self, id: i64) -> Result<(), NoticeError> {
        let sql = "UPDATE telemetry.notices SET done_at = now(), failure = NULL WHERE id = $1";
        self.mark(sql, &[&id]).await
    }

    /// Nobody could be told: it is tried again after `pause`.
    pub async fn put_off(
        &mut self,
        id: i64,
        why: &str,
        pause: Duration,
    ) -> Result<(), NoticeError> {
        let sql = "UPDATE telemetry.notices
            SET failure = left($2::text, 500), due_at = now() + make_interval(secs => $3::float8)
            WHERE id = $1";
        self.mark(sql, &[&id, &why, &pause.as_secs_f64()]).await
    }

    /// Its Flow refused it, and is asked again after `pause`; without one it is given up.
    pub async fn refused(
        &mut self,
        id: i64,
        why: &str,
        pause: Option<Duration>,
    ) -> Result<(), NoticeError> {
        let sql = "UPDATE telemetry.notices
            SET refusals = refusals + 1, failure = left($2::text, 500),
                due_at = now() + make_interval(secs => coalesce($3::float8, 0)),
                done_at = CASE WHEN $3::float8 IS NULL THEN now() END
            WHERE id = $1";
        let seconds = pause.map(|pause| pause.as_secs_f64());
        self.mark(sql, &[&id, &why, &seconds]).await
    }

    /// Nobody asked for its kind.
    pub async fn dropped(&mut self, id: i64) -> Result<(), NoticeError> {
        let sql = "UPDATE telemetry.notices
            SET done_at = now(), failure = 'no Flow is named for it' WHERE id = $1";
        self.mark(sql, &[&id]).await
    }

    /// Forgets those that are done, and those that nobody asked for, after so many days.
    pub async fn forget(&mut self, days: u32) -> Result<u64, NoticeError> {
        let Some(client) = self.client.as_ref().filter(|_| self.may_post) else { return Ok(0) };
        let sql =
            "DELETE FROM telemetry.notices WHERE created_at < now() - make_interval(days => $1)";
        Ok(client.execute(sql, &[&(days as i32)]).await?)
    }

    async fn mark(
        &self,
        sql: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<(), NoticeError> {
        // Gone: whoever posts next posts it again.
        let Some(client) = &self.client else { return Ok(()) };
        client.execute(sql, parameters).await?;
        Ok(())
    }
}
