//! What gateways saw and people should know: from the log's Redis to rows of `alerts`.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use biplane_bus::{Alerts, Raised};
use biplane_core::timing::NAMESPACE;
use biplane_store::{AlertWriter, DuplicateImei};
use uuid::Uuid;

use super::away::Away;
use crate::Metrics;

const EVERY: Duration = Duration::from_secs(1);
const TOGETHER: usize = 500;

/// Writes alerts as they come, at least once, until it is aborted.
pub(crate) async fn write_alerts(alerts: Alerts, mut writer: AlertWriter, metrics: Arc<Metrics>) {
    let mut away = Away::new("writing gateways' alerts", None);
    loop {
        match write_some(&alerts, &mut writer, &metrics).await {
            Ok(true) => {}
            Ok(false) => {
                away.succeeded();
                tokio::time::sleep(EVERY).await;
            }
            Err(error) => away.failed(&*error).await,
        }
    }
}

/// Whether there may be more.
async fn write_some(
    alerts: &Alerts,
    writer: &mut AlertWriter,
    metrics: &Metrics,
) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let waiting = alerts.waiting(TOGETHER).await?;
    let duplicates: Vec<_> = waiting
        .iter()
        .filter_map(|(id, alert)| match alert {
            Raised::SecondAddress(seen) => Some(DuplicateImei {
                // Told twice it is the same row.
                id: Uuid::new_v5(&NAMESPACE, format!("gateway:alerts/{id}").as_bytes()),
                imei: seen.imei,
                addresses: [seen.address.to_string(), seen.before.clone()],
                at: seen.at,
            }),
            Raised::Unknown => {
                tracing::warn!(%id, "an alert of a gateway is not understood");
                None
            }
        })
        .collect();
    if !duplicates.is_empty() {
        let written = writer.duplicate_imeis(&duplicates).await?;
        metrics.alerts.fetch_add(written, Relaxed);
    }
    let ids: Vec<_> = waiting.iter().map(|(id, _)| *id).collect();
    alerts.done(&ids).await?;
    Ok(waiting.len() == TOGETHER)
}
