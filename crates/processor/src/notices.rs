//! Telling Directus's Flows what the processor wrote: at least once, and in order for each device.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use biplane_store::{Notice, NoticeError, NoticeKind, NoticeQueue};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use crate::ingest::Away;
use crate::{DIRECTUS_IDLE, Metrics};

/// How often it is looked for new ones.
const EVERY: Duration = Duration::from_millis(500);
/// Posts at a time: Directus has people to serve.
const TOGETHER: u32 = 8;
/// Longest wait for a Flow, which may send mails meanwhile.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A Flow that refuses a notice so often will not take it any more; what follows it is told.
const MOST_REFUSALS: u32 = 10;
/// Between tries while Directus is away.
const AWAY: Duration = Duration::from_secs(5);
/// Between tries of what is refused: a second at first, ten minutes at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Days after which a notice is forgotten, told or not.
const KEPT_DAYS: u32 = 30;
const SWEEP: Duration = Duration::from_secs(3600);

/// Where notices go.
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    /// The webhook of the Flow for crossings of a finish.
    pub finish: Option<String>,
    /// The webhook of the Flow for alerts.
    pub alert: Option<String>,
    /// The token of the account as which the Flows run.
    pub token: Option<String>,
}

impl Recipients {
    fn of(&self, kind: NoticeKind) -> Option<&str> {
        match kind {
            NoticeKind::Finish => self.finish.as_deref(),
            NoticeKind::Alert => self.alert.as_deref(),
        }
    }
}

/// What became of a post.
enum Told {
    Taken,
    /// Nobody takes this kind.
    Unasked,
    /// The Flow said no.
    Refused(String),
    /// Directus is away, or lets nobody in: that has nothing to do with the notice.
    Away(String),
}

/// Posts notices as they come until it is aborted.
pub(crate) async fn tell(mut notices: NoticeQueue, recipients: Recipients, metrics: Arc<Metrics>) {
    let http = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .pool_idle_timeout(DIRECTUS_IDLE)
        .build()
        .unwrap_or_default();
    let mut away = Away::new("reading notices", None);
    let mut swept: Option<Instant> = None;
    loop {
        match tell_some(&mut notices, &http, &recipients, &metrics).await {
            Ok(true) => away.succeeded(),
            Ok(false) => {
                away.succeeded();
                tokio::time::sleep(EVERY).await;
            }
            Err(error) => away.failed(&error).await,
        }
        if swept.is_none_or(|swept| swept.elapsed() > SWEEP)
            && notices.forget(KEPT_DAYS).await.is_ok()
        {
            swept = Some(Instant::now());
        }
    }
}

/// Whether some were told, so that there may be more.
async fn tell_some(
    notices: &mut NoticeQueue,
    http: &reqwest::Client,
    recipients: &Recipients,
    metrics: &Metrics,
) -> Result<bool, NoticeError> {
    let Some(due) = notices.due(TOGETHER).await? else { return Ok(false) };
    let told = join_all(due.iter().map(|notice| post(http, recipients, notice))).await;
    let mut has_told = false;
    for (notice, told) in due.iter().zip(told) {
        match told {
            Told::Taken => {
                notices.taken(notice.id).await?;
                metrics.notices.fetch_add(1, Relaxed);
                has_told = true;
            }
            Told::Unasked => {
                notices.dropped(notice.id).await?;
                has_told = true;
            }
            Told::Refused(why) if notice.refusals + 1 >= MOST_REFUSALS => {
                tracing::warn!(notice = notice.id, why, "a notice is given up");
                metrics.notices_given_up.fetch_add(1, Relaxed);
                notices.refused(notice.id, &why, None).await?;
            }
            Told::Refused(why) => {
                let pause = pause(notice.refusals);
                tracing::info!(notice = notice.id, why, ?pause, "a notice is told again later");
                notices.refused(notice.id, &why, Some(pause)).await?;
            }
            Told::Away(why) => {
                tracing::debug!(notice = notice.id, why, "a notice is told again later");
                notices.put_off(notice.id, &why, AWAY).await?;
            }
        }
    }
    Ok(has_told)
}

async fn post(http: &reqwest::Client, recipients: &Recipients, notice: &Notice) -> Told {
    let Some(url) = recipients.of(notice.kind) else { return Told::Unasked };
    let mut body = notice.body.clone();
    // By which a Flow knows one that comes twice.
    body["notice"] = json!(notice.id);
    let mut request = http.post(url).json(&body);
    if let Some(token) = &recipients.token {
        request = request.bearer_auth(token);
    }
    match request.send().await {
        Ok(response) if response.status().is_success() => Told::Taken,
        Ok(response) => {
            let status = response.status();
            let why = format!("the Flow's webhook answered {status}");
            if is_elsewhere(status) { Told::Away(why) } else { Told::Refused(why) }
        }
        // Without its URL, whose last part lets anybody call the Flow.
        Err(error) => {
            Told::Away(format!("the Flow's webhook did not answer: {}", error.without_url()))
        }
    }
}

/// Whether an answer has nothing to do with the notice: a Flow that is not there yet, an account that
/// may not call it, a Directus or a proxy that can't just now. A Flow whose step fails answers 500,
/// and so may a Directus without its database; but then nobody reads notices either.
fn is_elsewhere(status: StatusCode) -> bool {
    [401, 403, 404, 408, 429, 502, 503, 504].contains(&status.as_u16())
}

fn pause(refusals: u32) -> Duration {
    Duration::from_secs(1 << refusals.min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_is_a_refusal_and_a_directus_that_is_away_is_none() {
        for (status, elsewhere) in
            [(500, false), (400, false), (403, true), (404, true), (502, true), (503, true)]
        {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(is_elsewhere(status), elsewhere, "{status}");
        }
    }

    #[test]
    fn a_flow_that_refuses_is_asked_for_minutes_before_a_notice_is_given_up() {
        let waited: Duration = (0..MOST_REFUSALS - 1).map(pause).sum();
        assert_eq!(waited, Duration::from_secs(511));
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
