//! Orders to trackers on real sockets: what becomes of each is reported once, and what is over
//! writes no byte.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../bus/tests/support/mod.rs"]
mod support;

mod device;

use std::time::Duration;

use biplane_bus::Outcome::{Acknowledged, Away, Cancelled, Expired, Failed, Sent, Unknown};
use biplane_gateway::Config;
use device::orders::{Heard, INSTANCE, Order, nothing_is_left, now, order, refusal};
use device::{A_WHILE, Device, Running, config, fix, imei, stored};
use support::TestRedis;
use tokio::time::sleep;

/// A gateway that waits for nobody.
async fn gateway(redis: &TestRedis) -> Running {
    Running::start(Config { grace: Duration::ZERO, ..config(redis).await }).await
}

/// One whose devices have little time to answer.
async fn impatient(redis: &TestRedis) -> Running {
    let answer_timeout = Duration::from_millis(500);
    Running::start(Config { answer_timeout, grace: Duration::ZERO, ..config(redis).await }).await
}

#[tokio::test]
async fn a_command_is_delivered_and_its_answer_reported_and_records_go_on_meanwhile() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let order = order(1, "getinfo");
    order.give(&redis).await;
    device.hears_command("getinfo").await;
    device.send_fixes(&[fix(0), fix(1)]).await;
    assert_eq!(device.hears().await, Some(Heard::Acknowledged(2)));
    assert_eq!(stored(&redis).await.len(), 1);
    device.answers("RTC:2020/9/12 11:40").await;
    let text = order.ends(&redis, &[Sent, Acknowledged]).await;
    assert_eq!(text.as_deref(), Some("RTC:2020/9/12 11:40"));
    nothing_is_left(&redis).await;
    let (_, metrics) = gateway.http("/metrics").await;
    let counted = "biplane_gateway_orders_total{outcome=\"acknowledged\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    let left: i64 = redis::cmd("TTL")
        .arg(format!("gateway:{INSTANCE}"))
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert!((9..=15).contains(&left), "a heartbeat of {left} s");
}

#[tokio::test]
async fn the_orders_of_a_device_go_one_after_the_other_and_hold_up_no_other_device() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let mut other = Device::logged_in(&gateway, 2).await;
    let orders = [order(1, "first"), order(1, "second"), order(1, "third")];
    for order in &orders {
        order.give(&redis).await;
    }
    let others = order(2, "other");
    others.give(&redis).await;
    other.hears_command("other").await;
    other.answers("it").await;
    others.ends(&redis, &[Sent, Acknowledged]).await;
    for (n, order) in orders.iter().enumerate() {
        device.hears_command(&order.text).await;
        device.hears_nothing().await;
        device.answers(&n.to_string()).await;
        assert_eq!(order.ends(&redis, &[Sent, Acknowledged]).await, Some(n.to_string()));
    }
}

#[tokio::test]
async fn a_device_with_too_many_orders_is_away_for_the_next_ones_and_takes_no_room_from_others() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let mut other = Device::logged_in(&gateway, 2).await;
    // One in flight, 64 behind it.
    let orders: Vec<_> = (0..67).map(|n| order(1, &n.to_string())).collect();
    for order in &orders {
        order.give(&redis).await;
    }
    let others = order(2, "other");
    others.give(&redis).await;
    other.hears_command("other").await;
    for order in &orders[65..] {
        let why = order.ends(&redis, &[Away]).await;
        assert_eq!(why.as_deref(), Some("too many orders wait for the device"));
    }
    for order in &orders[..65] {
        device.hears_command(&order.text).await;
        device.answers("done").await;
    }
    orders[64].ends(&redis, &[Sent, Acknowledged]).await;
}

#[tokio::test]
async fn where_many_devices_answer_nothing_each_has_room_for_few_orders() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let (mut silent, mut many) = (Vec::new(), redis::pipe());
    // A little more than half of 4,096 places.
    for n in 100..133 {
        silent.push(Device::logged_in(&gateway, n).await);
        for text in 0..64 {
            order(n, &text.to_string()).add_to(&mut many, None);
        }
    }
    let mut device = Device::logged_in(&gateway, 1).await;
    let _: () = many.query_async(&mut redis.connection().await).await.unwrap();
    let orders: Vec<_> = (0..7).map(|n| order(1, &n.to_string())).collect();
    for order in &orders {
        order.give(&redis).await;
    }
    for order in &orders[5..] {
        let why = order.ends(&redis, &[Away]).await;
        assert_eq!(why.as_deref(), Some("too many orders wait for the device"));
    }
    for order in &orders[..5] {
        device.hears_command(&order.text).await;
        device.answers("done").await;
    }
    orders[4].ends(&redis, &[Sent, Acknowledged]).await;
}

#[tokio::test]
async fn an_order_that_comes_twice_is_delivered_and_reported_once() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let twice = order(1, "reboot");
    twice.give(&redis).await;
    twice.give(&redis).await;
    device.hears_command("reboot").await;
    device.answers("rebooting").await;
    nothing_is_left(&redis).await;
    twice.give(&redis).await;
    nothing_is_left(&redis).await;
    device.hears_nothing().await;
    twice.ends(&redis, &[Sent, Acknowledged]).await;
}

#[tokio::test]
async fn what_is_expired_cancelled_or_no_command_writes_no_byte() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let expired = Order { expires_at: now() + -1, ..order(1, "late") };
    let cancelled = order(1, "withdrawn");
    cancelled.claim(&redis, "cancel/somebody").await;
    let long = order(1, &"x".repeat(20_000));
    for order in [&expired, &cancelled, &long] {
        order.give(&redis).await;
    }
    expired.ends(&redis, &[Expired]).await;
    cancelled.ends(&redis, &[Cancelled]).await;
    let why = long.ends(&redis, &[Failed]).await;
    assert_eq!(why.as_deref(), Some("teltonika has no such command"));
    device.hears_nothing().await;
    nothing_is_left(&redis).await;
}

#[tokio::test]
async fn an_order_that_expires_while_it_waits_for_its_turn_writes_no_byte() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let (first, second) =
        (order(1, "first"), Order { expires_at: now() + 600, ..order(1, "second") });
    first.give(&redis).await;
    second.give(&redis).await;
    device.hears_command("first").await;
    sleep(A_WHILE).await;
    device.answers("at last").await;
    first.ends(&redis, &[Sent, Acknowledged]).await;
    second.ends(&redis, &[Expired]).await;
    device.hears_nothing().await;
}

#[tokio::test]
async fn a_device_that_is_not_here_is_away_and_an_order_that_can_not_be_read_is_dropped() {
    let redis = TestRedis::start();
    let _gateway = gateway(&redis).await;
    order(1, "unreadable").give_as(&redis, Some("tomorrow")).await;
    let order = order(1, "getinfo");
    order.give(&redis).await;
    order.ends(&redis, &[Away]).await;
    nothing_is_left(&redis).await;
}

#[tokio::test]
async fn a_device_that_never_answers_ends_unknown_and_its_late_answer_is_nobodys() {
    let redis = TestRedis::start();
    let gateway = impatient(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let (first, second) = (order(1, "first"), order(1, "second"));
    first.give(&redis).await;
    device.hears_command("first").await;
    first.ends(&redis, &[Sent, Unknown]).await;
    // What it says from here on would be taken for its answer to the next.
    assert_eq!(device.hears().await, None, "closed");
    let mut device = Device::logged_in(&gateway, 1).await;
    // To no order in flight.
    device.answers("too late").await;
    device.send_fixes(&[fix(0)]).await;
    assert_eq!(device.hears().await, Some(Heard::Acknowledged(1)));
    second.give(&redis).await;
    device.hears_command("second").await;
    device.send(&refusal("not mine")).await;
    assert_eq!(second.ends(&redis, &[Sent, Failed]).await.as_deref(), Some("not mine"));
}

#[tokio::test]
async fn a_device_that_closes_or_is_taken_over_with_a_command_in_flight_ends_unknown() {
    let redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let (first, second, third) = (order(1, "first"), order(1, "second"), order(1, "third"));
    first.give(&redis).await;
    device.hears_command("first").await;
    let mut again = Device::logged_in(&gateway, 1).await;
    assert_eq!(device.hears().await, None, "closed");
    first.ends(&redis, &[Sent, Unknown]).await;
    second.give(&redis).await;
    again.hears_command("second").await;
    third.give(&redis).await;
    drop(again);
    second.ends(&redis, &[Sent, Unknown]).await;
    third.ends(&redis, &[Away]).await;
}

#[tokio::test]
async fn a_command_without_an_answer_is_acknowledged_by_tcp() {
    let redis = TestRedis::start();
    let gateway = impatient(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let order = Order { answers: false, ..order(1, "quiet") };
    order.give(&redis).await;
    assert_eq!(order.ends(&redis, &[Sent, Acknowledged]).await, None);
    device.hears_command("quiet").await;
}

#[tokio::test]
async fn a_stop_reports_what_was_in_flight_and_what_waited() {
    let redis = TestRedis::start();
    let mut gateway = gateway(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let (first, second) = (order(1, "first"), order(1, "second"));
    first.give(&redis).await;
    device.hears_command("first").await;
    second.give(&redis).await;
    sleep(A_WHILE).await;
    gateway.stop();
    gateway.ended().await;
    first.ends(&redis, &[Sent, Unknown]).await;
    second.ends(&redis, &[Away]).await;
    nothing_is_left(&redis).await;
    assert_eq!(first.imei, imei(1));
}

#[tokio::test]
async fn a_redis_that_is_away_for_seconds_loses_no_order_and_no_report() {
    let mut redis = TestRedis::start();
    let gateway = gateway(&redis).await;
    let mut device = Device::logged_in(&gateway, 1).await;
    let mut other = Device::logged_in(&gateway, 2).await;
    let (first, second, others) = (order(1, "first"), order(1, "second"), order(2, "other"));
    first.give(&redis).await;
    device.hears_command("first").await;
    second.give(&redis).await;
    redis.kill();
    device.answers("meanwhile").await;
    sleep(Duration::from_secs(3)).await;
    redis.start_again();
    others.give(&redis).await;
    let text = first.ends(&redis, &[Sent, Acknowledged]).await;
    assert_eq!(text.as_deref(), Some("meanwhile"));
    for (device, order) in [(&mut device, &second), (&mut other, &others)] {
        device.hears_command(&order.text).await;
        device.answers("now").await;
        assert_eq!(order.ends(&redis, &[Sent, Acknowledged]).await.as_deref(), Some("now"));
    }
}
