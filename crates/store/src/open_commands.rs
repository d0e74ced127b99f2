//! Commands that have not come to an end, for whoever looks after them.

use biplane_core::{Imei, Timestamp};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::connection::from_system_time;
use crate::{ConnectError, connect};

/// A row of `commands` in a state that is not its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCommand {
    /// Its key.
    pub id: Uuid,
    /// As in the column.
    pub status: String,
    /// The attempt that is being made, or was made last; 0: none.
    pub attempts: u32,
    /// Its device's, where that has one.
    pub imei: Option<Imei>,
    /// When no byte of it may be sent any more.
    pub expires_at: Option<Timestamp>,
}

/// Why they were not read.
#[derive(Debug, thiserror::Error)]
pub enum OpenCommandsError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// PostgreSQL refused or went away.
    #[error("PostgreSQL did not take a question about commands")]
    Refused(#[from] tokio_postgres::Error),
}

/// Open commands, over one connection that holds the right to look after them: one processor has it
/// at a time, and another takes over when its connection ends.
#[derive(Debug)]
pub struct OpenCommands {
    url: String,
    client: Option<Client>,
    leads: bool,
}

/// Of the advisory lock; any number that nobody else takes in this database.
const LOCK: i64 = 0x6269_706c_616e_6504;

/// Of each organization those first whose time is over first, and of all organizations alike: one's
/// thousands are not in the way of another's few. What is unknown may be said again until its time.
const OPEN: &str = "
    SELECT c.id, c.status, c.attempts, d.imei, c.expires_at
    FROM public.commands c LEFT JOIN public.devices d ON d.id = c.device
    WHERE c.status IN ('awaiting_approval', 'pending', 'queued', 'routed', 'sent')
        OR c.status = 'unknown' AND c.expires_at > now()
    ORDER BY row_number() OVER (PARTITION BY c.organization ORDER BY c.expires_at, c.id), c.expires_at
    LIMIT $1";

impl OpenCommands {
    /// Connects at the first question.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), client: None, leads: false }
    }

    /// Whether this is the one that looks after commands.
    pub async fn leads(&mut self) -> Result<bool, OpenCommandsError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.leads = false;
            self.client = None;
        }
        let client = match &mut self.client {
            Some(client) => &*client,
            none => none.insert(connect(&self.url).await?.0),
        };
        if !self.leads {
            let row = client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?;
            self.leads = row.get(0);
        }
        Ok(self.leads)
    }

    /// At most so many; none for who does not lead.
    pub async fn read(&mut self, at_most: u32) -> Result<Vec<OpenCommand>, OpenCommandsError> {
        let Some(client) = self.client.as_ref().filter(|_| self.leads) else {
            return Ok(Vec::new());
        };
        let rows = client.query(OPEN, &[&i64::from(at_most)]).await?;
        let command = |row: &tokio_postgres::Row| OpenCommand {
            id: row.get(0),
            status: row.get(1),
            attempts: row.get::<_, Option<i32>>(2).unwrap_or_default().unsigned_abs(),
            imei: row.get::<_, Option<&str>>(3).and_then(|text| Imei::from_digits(text).ok()),
            expires_at: row.get::<_, Option<std::time::SystemTime>>(4).map(from_system_time),
        };
        Ok(rows.iter().map(command).collect())
    }

    /// Whether there is such a row.
    pub async fn exists(&mut self, id: Uuid) -> Result<bool, OpenCommandsError> {
        let Some(client) = &self.client else { return Ok(true) };
        let row = client
            .query_one("SELECT EXISTS (SELECT 1 FROM public.commands WHERE id = $1)", &[&id])
            .await?;
        Ok(row.get(0))
    }
}
