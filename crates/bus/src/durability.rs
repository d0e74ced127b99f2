use std::collections::HashMap;

use redis::aio::ConnectionManager;

/// What Redis's confirmation is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On disk: append-only file, flushed before each answer, nothing evicted.
    Durable,
    /// Confirmed entries can be lost.
    Weak {
        /// Each setting that is off, and what that can lose.
        why: Vec<String>,
    },
}

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
#[error("Redis does not tell its settings (CONFIG GET)")]
pub struct DurabilityError(#[from] redis::RedisError);

impl Durability {
    pub(crate) async fn of(connection: &mut ConnectionManager) -> Result<Self, DurabilityError> {
        let mut settings = HashMap::<String, String>::new();
        for name in [
            "appendonly",
            "appendfsync",
            "no-appendfsync-on-rewrite",
            "maxmemory",
            "maxmemory-policy",
        ] {
            let found: HashMap<String, String> =
                redis::cmd("CONFIG").arg("GET").arg(name).query_async(connection).await?;
            settings.extend(found);
        }
        Ok(Self::judge(|name| settings.get(name).map_or("unknown", String::as_str)))
    }

    fn judge<'a>(setting: impl Fn(&str) -> &'a str) -> Self {
        let mut why = Vec::new();
        if setting("appendonly") != "yes" {
            why.push(format!(
                "appendonly is `{}`: everything since the last snapshot is lost when Redis stops",
                setting("appendonly")
            ));
        }
        if setting("appendfsync") != "always" {
            why.push(format!(
                "appendfsync is `{}`: seconds of acknowledged records are lost with power",
                setting("appendfsync")
            ));
        }
        if setting("no-appendfsync-on-rewrite") != "no" {
            why.push(format!(
                "no-appendfsync-on-rewrite is `{}`: while Redis rewrites its file, nothing that it confirms is on disk",
                setting("no-appendfsync-on-rewrite")
            ));
        }
        if setting("maxmemory") != "0" && setting("maxmemory-policy") != "noeviction" {
            why.push(format!(
                "maxmemory-policy is `{}`: Redis may drop unread records when memory is short",
                setting("maxmemory-policy")
            ));
        }
        if why.is_empty() { Self::Durable } else { Self::Weak { why } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_weak_setting_is_named() {
        let Durability::Weak { why } = Durability::judge(|name| match name {
            "appendonly" => "no",
            "appendfsync" => "everysec",
            "no-appendfsync-on-rewrite" => "yes",
            "maxmemory" => "1000000",
            _ => "allkeys-lru",
        }) else {
            panic!("durable?")
        };
        assert_eq!(why.len(), 4, "{why:?}");
    }
}
