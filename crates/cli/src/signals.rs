//! Being asked to end.

use tokio::signal::unix::{SignalKind, signal};

/// A signal that asks us to end.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Its name for people.
    pub name: &'static str,
    /// The exit code of a program that it ended before its work was done.
    pub code: u8,
}

/// Waits for one. From the first call on, none of them ends us by itself.
pub async fn asked_to_stop() -> Asked {
    let signals = [
        ("Ctrl-C", 130, SignalKind::interrupt()),
        ("SIGTERM", 143, SignalKind::terminate()),
        ("SIGHUP", 129, SignalKind::hangup()),
    ];
    let mut waits = Vec::new();
    for (name, code, kind) in signals {
        if let Ok(mut stream) = signal(kind) {
            waits.push(Box::pin(async move {
                stream.recv().await;
                Asked { name, code }
            }));
        }
    }
    if waits.is_empty() {
        return std::future::pending().await;
    }
    futures_util::future::select_all(waits).await.0
}
