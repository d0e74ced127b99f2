//! What people ask before they flag positions, and the answers.

use biplane_core::timing::{Flag, FlagVerdict};
use biplane_core::{DeviceId, Imei, OrganizationId};
use serde_json::Value;
use uuid::Uuid;

use crate::connection::from_system_time;
use crate::history::at;
use crate::{History, HistoryError};

/// Asked so long ago that nobody waits for the answer any more, or reads it.
const OVER: &str = "asked_at < now() - interval '15 minutes'";

/// A row of `telemetry.review_previews` that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The row.
    pub id: Uuid,
    /// Who asks about its device.
    pub organization: OrganizationId,
    /// Whose positions.
    pub device: DeviceId,
    /// Tells the device's partition; `None` for what is no IMEI.
    pub imei: Option<Imei>,
    /// The flag that it is about.
    pub flag: Flag,
    /// What is supposed of it.
    pub supposed: Supposed,
}

/// What a preview supposes of its flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supposed {
    /// That it is there.
    Added,
    /// That it is not there any more.
    Removed,
}

impl Preview {
    /// The device's flags as they are supposed to be, of those that there are.
    pub fn flags(&self, there_are: &[Flag]) -> Vec<Flag> {
        let mut flags = there_are.to_vec();
        match self.supposed {
            Supposed::Added => flags.push(self.flag),
            Supposed::Removed => {
                // Another one that says the same of the same range goes on to say it.
                if let Some(it) = flags.iter().position(|flag| *flag == self.flag) {
                    flags.swap_remove(it);
                }
            }
        }
        flags
    }
}

impl History {
    /// Previews without an answer, the oldest first, at most 50. Forgets those that are over.
    pub async fn previews(&mut self) -> Result<Vec<Preview>, HistoryError> {
        let client = self.client().await?;
        let forget = format!("DELETE FROM telemetry.review_previews WHERE {OVER}");
        client.execute(&forget, &[]).await.map_err(at("old previews"))?;
        let statement =
            "SELECT p.id, p.organization, p.device, d.imei, p.starts_at, p.ends_at, p.verdict, p.change
             FROM telemetry.review_previews p LEFT JOIN public.devices d ON d.id = p.device
             WHERE p.done_at IS NULL ORDER BY p.asked_at LIMIT 50";
        let rows = client.query(statement, &[]).await.map_err(at("previews"))?;
        Ok(rows
            .iter()
            .map(|row| Preview {
                id: row.get(0),
                organization: row.get::<_, Uuid>(1).into(),
                device: row.get::<_, Uuid>(2).into(),
                imei: row.get::<_, Option<&str>>(3).and_then(|it| Imei::from_digits(it).ok()),
                flag: Flag {
                    from: from_system_time(row.get(4)),
                    until: from_system_time(row.get(5)),
                    says: match row.get(6) {
                        "valid" => FlagVerdict::Valid,
                        _ => FlagVerdict::Faulty,
                    },
                },
                supposed: match row.get(7) {
                    "remove" => Supposed::Removed,
                    _ => Supposed::Added,
                },
            })
            .collect())
    }

    /// Answers a preview.
    pub async fn answer(&mut self, preview: Uuid, outcome: &Value) -> Result<(), HistoryError> {
        let statement =
            "UPDATE telemetry.review_previews SET done_at = now(), outcome = $2::text::jsonb
                         WHERE id = $1 AND done_at IS NULL";
        self.client()
            .await?
            .execute(statement, &[&preview, &outcome.to_string()])
            .await
            .map_err(at("a preview"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use biplane_core::Timestamp;

    use super::*;

    #[test]
    fn a_flag_that_is_supposed_away_leaves_another_that_says_the_same() {
        let flag = Flag {
            from: Timestamp::from_millis(1),
            until: Timestamp::from_millis(2),
            says: FlagVerdict::Faulty,
        };
        let preview = |supposed| Preview {
            id: Uuid::from_u128(1),
            organization: Uuid::from_u128(2).into(),
            device: Uuid::from_u128(3).into(),
            imei: None,
            flag,
            supposed,
        };
        assert_eq!(preview(Supposed::Removed).flags(&[flag, flag]), [flag]);
        assert!(preview(Supposed::Removed).flags(&[]).is_empty());
        assert_eq!(preview(Supposed::Added).flags(&[flag]), [flag, flag]);
    }
}
