//! Connections, and what PostgreSQL tells over them unasked.

use std::future::poll_fn;
use std::time::{Duration, SystemTime};

use biplane_core::Timestamp;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error("the database's address is not one such as postgres://role:password@host:5432/biplane")]
    Url(#[source] tokio_postgres::Error),
    /// PostgreSQL does not answer or does not let us in.
    #[error("can't connect to PostgreSQL at {place}")]
    Connect {
        /// Host and port, without the password.
        place: String,
        /// Why.
        source: tokio_postgres::Error,
    },
}

/// Whether a notification came since it was last asked.
#[derive(Clone, Debug, Default)]
pub struct Notices(std::sync::Arc<Notify>);

impl Notices {
    /// Returns at the next notification; at once when one came since the last call.
    pub async fn next(&self) {
        self.0.notified().await;
    }

    /// Whether one came since the last call. After a question was answered over the same
    /// connection, that is known of whatever was committed before the question.
    pub fn has_come(&self) -> bool {
        self.next().now_or_never().is_some()
    }
}

/// Connects; the connection is driven in the background and ends with the client.
pub async fn connect(url: &str) -> Result<(Client, Notices), ConnectError> {
    let mut config: Config = url.parse().map_err(ConnectError::Url)?;
    config.application_name("biplane").connect_timeout(Duration::from_secs(5));
    // A host that vanishes without a word is noticed within half a minute.
    config
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(10))
        .tcp_user_timeout(Duration::from_secs(30));
    let place = || {
        let host =
            config.get_hosts().first().map_or_else(|| "?".to_owned(), |host| format!("{host:?}"));
        format!("{host}, port {:?}", config.get_ports())
    };
    let (client, mut connection) = config
        .connect(NoTls)
        .await
        .map_err(|source| ConnectError::Connect { place: place(), source })?;
    let notices = Notices::default();
    let told = notices.clone();
    tokio::spawn(
        async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await
            {
                if matches!(message, AsyncMessage::Notification(_)) {
                    told.0.notify_one();
                }
            }
        }
        // Errors reach the client's own calls.
        .map(drop),
    );
    // Over two years of daily partitions PostgreSQL takes a look for a device's last position for
    // a big query, and compiles it for seconds to run for milliseconds.
    client
        .batch_execute("SET jit = off")
        .await
        .map_err(|source| ConnectError::Connect { place: place(), source })?;
    Ok((client, notices))
}

/// For parameters and columns of type `timestamptz`.
pub(crate) fn to_system_time(time: Timestamp) -> SystemTime {
    let millis = time.as_millis();
    let distance = Duration::from_millis(millis.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let shifted =
        if millis < 0 { epoch.checked_sub(distance) } else { epoch.checked_add(distance) };
    shifted.unwrap_or(epoch)
}

/// Of a column of type `timestamptz`, to the millisecond below.
pub(crate) fn from_system_time(time: SystemTime) -> Timestamp {
    let millis = |distance: Duration| i64::try_from(distance.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    })
}
