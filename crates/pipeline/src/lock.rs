//! Locks that replicas meet at, held by a session of the database.

use std::time::Duration;

use tokio_postgres::Client;

/// What a session may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// The whole boot: ten replicas may start at once, one does the work.
    Boot,
    /// A change of the schema under way. `db-init/always/050_schema_freeze.sql` asks for it.
    Freeze,
}

/// "Bip" and a bit: keeps our locks apart from Directus's and anybody else's.
const SPACE: i32 = 1_112_100_460;

impl Lock {
    const fn number(self) -> i32 {
        match self {
            Self::Boot => 1,
            Self::Freeze => 2,
        }
    }

    /// Takes it, waiting at most so long; whether it was got. It ends with the session at the latest.
    pub async fn take(
        self,
        database: &Client,
        at_most: Duration,
    ) -> Result<bool, tokio_postgres::Error> {
        let deadline = tokio::time::Instant::now() + at_most;
        loop {
            let row = database
                .query_one("SELECT pg_try_advisory_lock($1, $2)", &[&SPACE, &self.number()])
                .await?;
            if row.get(0) {
                return Ok(true);
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Gives it back.
    pub async fn release(self, database: &Client) -> Result<(), tokio_postgres::Error> {
        database.execute("SELECT pg_advisory_unlock($1, $2)", &[&SPACE, &self.number()]).await?;
        Ok(())
    }
}

/// Ends the sessions of a Directus that was killed with the run that had started it. PostgreSQL
/// carries its last statement out, however long that takes, while nobody holds a lock any more.
///
/// For the holder of the lock under which `application` works: nobody else's sessions have its name.
pub(crate) async fn end_orphans(
    database: &Client,
    application: &str,
) -> Result<(), tokio_postgres::Error> {
    let end = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()";
    database.query(end, &[&application]).await?;
    Ok(())
}
