//! What can be set.

use std::net::SocketAddr;

use biplane_core::motion::MotionLimits;
use biplane_core::plausibility::Plausibility;
use biplane_core::profile::Limits;
use biplane_store::Retention;

use crate::notices::Recipients;

/// Takes positions from the log, decides what they mean, stores them, and shows them live.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "biplane-processor", version)]
pub struct Config {
    /// Where Redis is: the log, the live feed, the list of known devices.
    #[arg(long, env = "BIPLANE_REDIS_URL", default_value = "redis://127.0.0.1:6379")]
    pub redis_url: String,

    /// Where PostgreSQL is, as the role biplane_processor.
    #[arg(long, env = "BIPLANE_DATABASE_URL", hide_env_values = true)]
    pub database_url: String,

    /// Where Directus is: it says what a live client may see.
    #[arg(long, env = "BIPLANE_DIRECTUS_URL", default_value = "http://127.0.0.1:8055")]
    pub directus_url: String,

    /// Name of this process among all processors; by default drawn at each start.
    #[arg(long, env = "BIPLANE_INSTANCE")]
    pub instance: Option<String>,

    /// Where to serve /live, /health/live, /health/ready and /metrics.
    #[arg(long, env = "BIPLANE_PROCESSOR_HTTP", default_value = "127.0.0.1:8056")]
    pub processor_http: SocketAddr,

    /// Values of Origin that browsers may come from, separated by commas; none: any.
    #[arg(long, env = "BIPLANE_LIVE_ORIGINS", value_delimiter = ',')]
    pub live_origins: Vec<String>,

    /// Live clients at a time.
    #[arg(long, env = "BIPLANE_LIVE_CONNECTIONS", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..))]
    pub live_connections: u32,

    /// Live clients of one user at a time.
    #[arg(long, env = "BIPLANE_LIVE_CONNECTIONS_PER_USER", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    pub live_connections_per_user: u32,

    /// Partitions of the log; the same number in all processes, gateways too, and for good.
    #[arg(long, env = "BIPLANE_PARTITIONS", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub partitions: u16,

    /// Seconds after which another processor takes the partitions of one that died.
    #[arg(long, env = "BIPLANE_LOG_LEASE_S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub log_lease_s: u64,

    /// Most positions that one transaction writes; a single frame may exceed it.
    #[arg(long, env = "BIPLANE_PROCESSOR_BATCH", default_value_t = 10_000)]
    pub processor_batch: usize,

    /// A fix that is reached faster than this from the one before is marked faulty, km/h.
    #[arg(long, env = "BIPLANE_MAX_SPEED_KMH", default_value_t = Plausibility::default().max_speed_kmh)]
    pub max_speed_kmh: f64,

    /// A fix of another speed than the one before is marked faulty where nothing accelerates or brakes
    /// like that, m/s²; unless given, anything may.
    #[arg(long, env = "BIPLANE_MAX_ACCELERATION_MS2")]
    pub max_acceleration_ms2: Option<f64>,

    /// A fix whose clock is further ahead of ours than this is marked faulty, seconds.
    #[arg(long, env = "BIPLANE_MAX_AHEAD_S", default_value_t = Plausibility::default().max_ahead_s)]
    pub max_ahead_s: i64,

    /// A fix that is older than this when it comes is marked faulty, seconds; unless given, none is too old.
    #[arg(long, env = "BIPLANE_MAX_AGE_S", value_parser = clap::value_parser!(i64).range(1..))]
    pub max_age_s: Option<i64>,

    /// A fix of fewer satellites than this is marked faulty, where the device tells how many.
    #[arg(long, env = "BIPLANE_MIN_SATELLITES", default_value_t = Plausibility::default().min_satellites)]
    pub min_satellites: u8,

    /// A fix of a larger horizontal dilution of precision is marked faulty, where the device tells it;
    /// unless given, any will do.
    #[arg(long, env = "BIPLANE_MAX_HDOP")]
    pub max_hdop: Option<f32>,

    /// After so many fixes in a row that are too far from where a device was believed to be, but
    /// agree with each other, it is believed to be there.
    #[arg(long, env = "BIPLANE_BELIEVE_AFTER", default_value_t = Plausibility::default().believe_after, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub believe_after: u32,

    /// While a device says that it stands, a fix closer than this to its place is marked as jitter, metres;
    /// 0: none.
    #[arg(long, env = "BIPLANE_PARKED_JITTER_M", default_value_t = Plausibility::default().parked_jitter_m)]
    pub parked_jitter_m: f64,

    /// A device that stays within this of one place does not move, metres.
    #[arg(long, env = "BIPLANE_STOP_RADIUS_M", default_value_t = MotionLimits::default().stop_radius_m)]
    pub stop_radius_m: f64,

    /// A device that has stayed at a place for so long stands, and its trip ended there, seconds.
    #[arg(long, env = "BIPLANE_STOP_AFTER_S", default_value_t = MotionLimits::default().stop_after_s, value_parser = clap::value_parser!(i64).range(1..))]
    pub stop_after_s: i64,

    /// A device that said nothing for longer and then is elsewhere ended its trip before, seconds.
    #[arg(long, env = "BIPLANE_TRIP_GAP_S", default_value_t = MotionLimits::default().trip_gap_s, value_parser = clap::value_parser!(i64).range(1..))]
    pub trip_gap_s: i64,

    /// A device that goes faster is an alert, km/h; unless given, none is.
    #[arg(long, env = "BIPLANE_OVERSPEED_KMH")]
    pub overspeed_kmh: Option<f64>,

    /// For so long it has to go faster, seconds.
    #[arg(long, env = "BIPLANE_OVERSPEED_FOR_S", default_value_t = MotionLimits::default().overspeed_for_s, value_parser = clap::value_parser!(i64).range(0..))]
    pub overspeed_for_s: i64,

    /// A visit of a geofence goes on up to so far outside of its border, metres, where the geofence
    /// itself sets nothing; 0: it ends at the border.
    #[arg(long, env = "BIPLANE_HYSTERESIS_M", default_value_t = Limits::default().hysteresis_m)]
    pub hysteresis_m: f64,

    /// Positions that wait for longer to be written are an alert, seconds; 0: none is.
    #[arg(long, env = "BIPLANE_LAG_ALERT_S", default_value_t = 60)]
    pub lag_alert_s: u32,

    /// Positions are kept for so many days by the device's clock, and what is older when it comes is
    /// quarantined; unless given, for ever.
    #[arg(long, env = "BIPLANE_RETENTION_DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub retention_days: Option<u32>,

    /// Positions are compressed after so many days, where TimescaleDB holds them; unless given, as the
    /// database is set up.
    #[arg(long, env = "BIPLANE_COMPRESS_AFTER_DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub compress_after_days: Option<u32>,

    /// Where crossings of a finish are posted to: the webhook of a Flow; unless given, nowhere.
    #[arg(long, env = "BIPLANE_NOTICE_FINISH_URL", hide_env_values = true)]
    pub notice_finish_url: Option<String>,

    /// Where alerts are posted to: the webhook of a Flow; unless given, nowhere.
    #[arg(long, env = "BIPLANE_NOTICE_ALERT_URL", hide_env_values = true)]
    pub notice_alert_url: Option<String>,

    /// The static token of the Directus account as which those Flows run, and as which what becomes
    /// of commands is written into their rows.
    #[arg(long, env = "BIPLANE_NOTICE_TOKEN", hide_env_values = true)]
    pub notice_token: Option<String>,
}

/// Settings that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nothing would ever be compressed.
    #[error(
        "BIPLANE_COMPRESS_AFTER_DAYS={compress} is not less than BIPLANE_RETENTION_DAYS={retention}: \
         positions would be dropped before they are compressed"
    )]
    CompressedAfterDropped {
        /// As configured.
        compress: u32,
        /// As configured.
        retention: u32,
    },
}

impl Config {
    pub(crate) fn retention(&self) -> Result<Retention, ConfigError> {
        match (self.compress_after_days, self.retention_days) {
            (Some(compress), Some(retention)) if compress >= retention => {
                Err(ConfigError::CompressedAfterDropped { compress, retention })
            }
            (compress_after_days, days) => Ok(Retention { days, compress_after_days }),
        }
    }

    pub(crate) fn recipients(&self) -> Recipients {
        // An empty variable says "none".
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Recipients {
            finish: given(&self.notice_finish_url),
            alert: given(&self.notice_alert_url),
            token: given(&self.notice_token),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        let motion = MotionLimits {
            stop_radius_m: self.stop_radius_m,
            stop_after_s: self.stop_after_s,
            trip_gap_s: self.trip_gap_s,
            overspeed_kmh: self.overspeed_kmh.unwrap_or(MotionLimits::default().overspeed_kmh),
            overspeed_for_s: self.overspeed_for_s,
        };
        Limits { plausibility: self.plausibility(), motion, hysteresis_m: self.hysteresis_m }
    }

    fn plausibility(&self) -> Plausibility {
        Plausibility {
            max_speed_kmh: self.max_speed_kmh,
            max_acceleration_ms2: self
                .max_acceleration_ms2
                .unwrap_or(Plausibility::default().max_acceleration_ms2),
            max_ahead_s: self.max_ahead_s,
            max_age_s: self.max_age_s.unwrap_or(Plausibility::default().max_age_s),
            min_satellites: self.min_satellites,
            max_hdop: self.max_hdop.unwrap_or(Plausibility::default().max_hdop),
            believe_after: self.believe_after,
            parked_jitter_m: self.parked_jitter_m,
            kept_s: self.retention_days.map_or(i64::MAX, |days| i64::from(days) * 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn config(more: &[&str]) -> Result<Config, String> {
        let given = ["biplane-processor", "--database-url", "postgres://here"];
        Config::try_parse_from(given.iter().chain(more)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_retention_is_a_number_of_days_and_longer_than_what_is_not_compressed() {
        let kept = config(&["--retention-days", "30", "--compress-after-days", "7"]).expect("good");
        let retention = Retention { days: Some(30), compress_after_days: Some(7) };
        assert_eq!(kept.retention(), Ok(retention));
        assert_eq!(kept.limits().plausibility.kept_s, 2_592_000);
        let ever = config(&[]).expect("good");
        assert_eq!(ever.retention(), Ok(Retention::default()));
        assert_eq!(ever.limits().plausibility.kept_s, i64::MAX);
        for days in ["0", "-1", "1.5", "", "ever", "36501"] {
            let error = config(&[&format!("--retention-days={days}")]).expect_err(days);
            assert!(error.contains("--retention-days"), "{error}");
            let error = config(&[&format!("--compress-after-days={days}")]).expect_err(days);
            assert!(error.contains("--compress-after-days"), "{error}");
        }
        let late = config(&["--retention-days=7", "--compress-after-days=7"]).expect("parsed");
        let error = late.retention().expect_err("contradiction").to_string();
        let says = "BIPLANE_COMPRESS_AFTER_DAYS=7 is not less than BIPLANE_RETENTION_DAYS=7: ";
        assert!(error.starts_with(says), "{error}");
    }
}
