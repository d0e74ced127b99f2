use biplane_core::{Imei, Timestamp};
use redis::Script;
use redis::aio::ConnectionManager;

use crate::RedisLog;

/// Which gateway holds which device's connection: `registry:<imei>`.
///
/// An entry ends by itself five minutes after it was claimed or renewed last.
#[derive(Clone)]
pub struct Registry {
    connection: ConnectionManager,
    claim: Script,
    renew: Script,
    release: Script,
}

/// A device's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The gateway that has it.
    pub instance: String,
    /// The device's address.
    pub remote: String,
    /// When it logged in.
    pub since: Timestamp,
}

/// The registry can't be asked just now.
#[derive(Debug, thiserror::Error)]
#[error("the device registry is unavailable")]
pub struct RegistryError(#[from] redis::RedisError);

/// Seconds.
const EXPIRY: u64 = 300;

// ARGV of CLAIM and RELEASE: instance, remote, since, expiry.
const CLAIM: &str = "
local before = redis.call('HMGET', KEYS[1], 'instance', 'remote', 'since')
redis.call('HSET', KEYS[1], 'instance', ARGV[1], 'remote', ARGV[2], 'since', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return before";

// KEYS: an entry each. ARGV: expiry, then instance, remote and since of each. An entry that is
// gone (expired while Redis was away, say) is made again; one that another connection took over
// is left to it.
const RENEW: &str = "
local renewed = {}
for n, key in ipairs(KEYS) do
  local instance, remote, since = ARGV[3 * n - 1], ARGV[3 * n], ARGV[3 * n + 1]
  local held = redis.call('HMGET', key, 'instance', 'remote', 'since')
  if not held[1] then
    redis.call('HSET', key, 'instance', instance, 'remote', remote, 'since', since)
    held = { instance, remote, since }
  end
  if held[1] == instance and held[2] == remote and held[3] == since then
    redis.call('EXPIRE', key, ARGV[1])
    renewed[n] = 1
  else
    renewed[n] = 0
  end
end
return renewed";

const RELEASE: &str = "
local held = redis.call('HMGET', KEYS[1], 'instance', 'remote', 'since')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] or held[3] ~= ARGV[3] then return 0 end
return redis.call('DEL', KEYS[1])";

impl Registry {
    /// Shares the log's connection.
    pub fn new(log: &RedisLog) -> Self {
        Self {
            connection: log.connection(),
            claim: Script::new(CLAIM),
            renew: Script::new(RENEW),
            release: Script::new(RELEASE),
        }
    }

    /// Takes the device over and says who had it before.
    pub async fn claim(&self, imei: Imei, by: &Holder) -> Result<Option<Holder>, RegistryError> {
        let before = self.run(&self.claim, imei, by).await?;
        Ok(holder(before))
    }

    /// Keeps entries alive, all in one step; of each: `false` when another connection has taken
    /// the device over.
    ///
    /// Redis answers nobody else meanwhile: a few hundred at a time.
    pub async fn renew(&self, held: &[(Imei, Holder)]) -> Result<Vec<bool>, RegistryError> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.renew.prepare_invoke();
        call.arg(EXPIRY);
        for (imei, by) in held {
            call.key(key(*imei)).arg(&by.instance).arg(&by.remote).arg(by.since.to_string());
        }
        Ok(call.invoke_async(&mut self.connection.clone()).await?)
    }

    /// Removes the entry, if it is still this connection's.
    pub async fn release(&self, imei: Imei, by: &Holder) -> Result<(), RegistryError> {
        self.run::<i64>(&self.release, imei, by).await.map(|_| ())
    }

    /// Who holds the device now.
    pub async fn holder(&self, imei: Imei) -> Result<Option<Holder>, RegistryError> {
        let fields = redis::cmd("HMGET")
            .arg(key(imei))
            .arg(&["instance", "remote", "since"])
            .query_async(&mut self.connection.clone())
            .await?;
        Ok(holder(fields))
    }

    async fn run<T: redis::FromRedisValue>(
        &self,
        script: &Script,
        imei: Imei,
        by: &Holder,
    ) -> Result<T, RegistryError> {
        Ok(script
            .key(key(imei))
            .arg(&by.instance)
            .arg(&by.remote)
            .arg(by.since.to_string())
            .arg(EXPIRY)
            .invoke_async(&mut self.connection.clone())
            .await?)
    }
}

fn key(imei: Imei) -> String {
    format!("registry:{imei}")
}

fn holder(fields: (Option<String>, Option<String>, Option<String>)) -> Option<Holder> {
    let (instance, remote, since) = fields;
    Some(Holder { instance: instance?, remote: remote?, since: since?.parse().ok()? })
}
