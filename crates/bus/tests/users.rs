//! What each process may do in Redis. That it is enough is proven where they run under their users:
//! the tests of gateway and processor, and the stack.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use biplane_bus::{Durability, LogOptions, RedisLog};
use redis::aio::MultiplexedConnection;
use support::TestRedis;

async fn connected(redis: &TestRedis, user: &str) -> MultiplexedConnection {
    let client = redis::Client::open(redis.url_of(user)).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// The error's code, where the user may not.
async fn refused(connection: &mut MultiplexedConnection, command: &str) -> Option<String> {
    let words: Vec<_> = command.split(' ').collect();
    let done: redis::RedisResult<redis::Value> =
        redis::cmd(words[0]).arg(&words[1..]).query_async(connection).await;
    done.err().map(|error| error.code().unwrap_or("none").to_owned())
}

#[tokio::test]
async fn no_process_may_do_what_is_not_its_business() {
    let redis = TestRedis::start();
    let mut admin = redis.connection().await;
    assert_eq!(refused(&mut admin, "XADD live:{p00} * m x").await, None);
    assert_eq!(refused(&mut admin, "XADD telemetry:{p00} * f x").await, None);
    for (user, commands) in [
        (
            "gateway",
            &[
                "XRANGE live:{p00} - +",
                "XREAD COUNT 1 STREAMS live:{p00} 0",
                "XADD live:{p00} * m x",
                "XRANGE telemetry:{p00} - +",
                "XTRIM telemetry:{p00} MAXLEN 0",
                "DEL telemetry:{p00}",
                "HSET telemetry:{p00} a b",
                "EXPIRE telemetry:{p00} 1",
                "XADD telemetry:dead:{p00} * f x",
                "XRANGE quarantine:devices - +",
                "SADD devices:known 350000000000006",
                "DEL devices:known",
                "GET lease:{p00}:generation",
                "XADD commands:gateway-1 * a b",
                "XREAD COUNT 1 STREAMS command-results 0",
                "XRANGE command-results - +",
                "XDEL command-results 1-1",
                "GET command:1:1",
                "DEL command:1:1",
                "SMEMBERS gateways",
                "KEYS *",
                "SCAN 0",
            ][..],
        ),
        (
            "processor",
            &[
                "HGETALL registry:350000000000006",
                "DEL registry:350000000000006",
                "DEL telemetry:{p00}",
                "SET telemetry:{p00} x",
                "XRANGE quarantine:devices - +",
                "HSET registry:350000000000006 a b",
                "XADD commands:gateway-1 * a b",
                "DEL command:1:1",
                "SET gateway:gateway-1 1",
                "SADD gateways gateway-1",
                "CONFIG GET appendonly",
                "KEYS *",
            ],
        ),
        (
            "directus",
            &[
                "XADD telemetry:{p00} * f x",
                "XADD live:{p00} * m x",
                "XADD gateway:alerts * a b",
                "XRANGE commands:gateway-1 - +",
                "DEL commands:gateway-1",
                "XADD command-results * a b",
                "XRANGE command-results - +",
                "DEL command:1:1",
                "HSET registry:350000000000006 a b",
                "SMEMBERS gateways",
                "GET devices:published",
                "SMEMBERS devices:known",
                "CONFIG GET appendonly",
            ],
        ),
    ] {
        let mut connection = connected(&redis, user).await;
        let everywhere = [
            "FLUSHALL",
            "FLUSHDB",
            "CONFIG SET appendonly no",
            "ACL LIST",
            "ACL SETUSER gateway ~*",
            "SHUTDOWN NOSAVE",
            "REPLICAOF 127.0.0.1 1",
            "MONITOR",
            "CLIENT LIST",
        ];
        for command in commands.iter().chain(&everywhere) {
            let code = refused(&mut connection, command).await;
            assert_eq!(code.as_deref(), Some("NOPERM"), "{user}: {command}");
        }
        assert_eq!(refused(&mut connection, "PING").await, None, "{user}");
    }
    let kept: i64 =
        redis::cmd("XLEN").arg("telemetry:{p00}").query_async(&mut admin).await.unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn a_script_gets_no_further_than_its_user() {
    let redis = TestRedis::start();
    let mut gateway = connected(&redis, "gateway").await;
    for (key, body) in [
        ("registry:1", "return redis.call('XRANGE', 'telemetry:{p00}', '-', '+')"),
        ("registry:1", "return redis.call('DEL', 'devices:known')"),
        ("registry:1", "return redis.call('FLUSHALL')"),
        ("live:{p00}", "return 1"),
    ] {
        let done: redis::RedisResult<redis::Value> =
            redis::Script::new(body).key(key).invoke_async(&mut gateway).await;
        let error = done.expect_err(body).to_string();
        let refusals = ["NoPerm", "The user executing the script can't"];
        assert!(refusals.iter().any(|refusal| error.contains(refusal)), "{body}: {error}");
    }
}

#[tokio::test]
async fn what_the_gateway_may_ask_of_the_settings_tells_no_password() {
    let redis = TestRedis::start();
    let log = RedisLog::connect(&redis.url_of("gateway"), LogOptions::default()).await.unwrap();
    assert_eq!(log.durability().await.unwrap(), Durability::Durable);
    let settings: std::collections::HashMap<String, String> = redis::cmd("CONFIG")
        .arg(&["GET", "*"])
        .query_async(&mut connected(&redis, "gateway").await)
        .await
        .unwrap();
    assert_eq!(settings["appendonly"], "yes");
    let telling: Vec<_> =
        settings.iter().filter(|(_, value)| value.contains("of-a-test")).collect();
    assert!(telling.is_empty(), "{telling:?}");
}

#[tokio::test]
async fn nobody_gets_in_without_a_password() {
    let redis = TestRedis::start();
    let url = redis.url().replace("default:of-a-test@", "");
    assert!(!url.contains('@'), "{url}");
    let error = RedisLog::connect(&url, LogOptions::default()).await.err().expect("refused");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("uthentication"), "{cause}");
}
