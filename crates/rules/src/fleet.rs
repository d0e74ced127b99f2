//! How a fleet is: who is connected and by what, how late positions come, how many of them are faulty,
//! and who is away since when.

mod devices;

use std::ops::ControlFlow;

use biplane_core::Timestamp;
use serde_json::{Value, json};

use crate::request::{Access, Method, Parameter, ParameterKind, Place, answered};
use crate::{Call, Outcome, Rejection, Rule, Trigger};

pub(crate) use devices::{DAY_MS, Device, Devices};

const HOUR_MS: i64 = 3_600_000;
/// Of those that are away, this many are named.
const AWAY: usize = 100;
/// Of those with the most faulty fixes, and of those whose battery is low.
const WORST: usize = 10;
/// From here on downwards a battery is low.
const LOW_PERCENT: f64 = 20.0;
/// Up to which age last fixes are counted together.
const AGES_MS: [i64; 5] = [10_000, 60_000, 600_000, HOUR_MS, DAY_MS];

/// See the module.
pub const HEALTH: Rule = Rule {
    name: "fleet.health",
    trigger: Trigger::Endpoint {
        method: Method::Get,
        path: "/fleet/health",
        access: Access::Users,
        summary: "How the devices are that the caller may see: connections, lag, faulty fixes, who is away",
        parameters: &[
            Parameter::new(
                "organization",
                Place::Query,
                ParameterKind::Uuid,
                "Only devices of this organization.",
            ),
            Parameter::new(
                "within",
                Place::Query,
                ParameterKind::Choice { of: &["hour", "day"] },
                "Over which time up to the fleet's newest fix positions are counted.",
            )
            .or("hour"),
        ],
        answers: &["application/json"],
    },
};

/// See [`HEALTH`].
pub fn health(call: &Call) -> Outcome {
    answered(call, &HEALTH, |arguments| {
        let organization = arguments.text("organization");
        let within = if arguments.text("within") == Some("day") { DAY_MS } else { HOUR_MS };
        let now = Timestamp::from_millis(call.ctx.now_ms as i64);
        let mut devices = match Devices::read(call, organization)? {
            ControlFlow::Break(need) => return Ok(Outcome::needs(need)),
            ControlFlow::Continue(devices) => devices,
        };
        // What is replayed happened long ago: its last hour is the one before its newest fix.
        let newest = devices.all.iter().filter_map(|it| it.fix_at).max().map(|it| it.min(now));
        let from = newest.unwrap_or(now) + -within;
        if newest.is_some()
            && let Some(need) = devices.count(call, organization, from)?
        {
            return Ok(Outcome::need(need));
        }
        Ok::<_, Rejection>(Outcome::json(&json!({
            "data": told(&devices.all, now, from),
            "meta": { "now": now },
        })))
    })
}

fn told(devices: &[Device<'_>], now: Timestamp, from: Timestamp) -> Value {
    let connected = devices.iter().filter(|it| it.connected).count();
    let never = devices.iter().filter(|it| it.received_at.is_none()).count();
    json!({
        "devices": { "all": devices.len(), "connected": connected, "never": never },
        "by_protocol": grouped(devices, |it| Some(it.protocol)),
        "by_gateway": grouped(devices, |it| it.received_at.map(|_| it.gateway)),
        "lag": quantiles(devices.iter().filter_map(|it| it.lag_ms).collect()),
        "age": ages(devices, now),
        "faults": faults(devices, from),
        "away": away(devices, now),
        "battery": batteries(devices),
    })
}

/// How many devices there are of each kind, and how many of them are connected; the largest first.
fn grouped<'a>(devices: &[Device<'a>], name: fn(&Device<'a>) -> Option<&'a str>) -> Vec<Value> {
    let mut groups: Vec<(&str, usize, usize)> = Vec::new();
    for device in devices {
        let Some(name) = name(device) else { continue };
        let place = groups.iter().position(|it| it.0 == name).unwrap_or_else(|| {
            groups.push((name, 0, 0));
            groups.len() - 1
        });
        groups[place].1 += 1;
        groups[place].2 += usize::from(device.connected);
    }
    let order = ordered(groups.iter().map(|it| -(it.1 as f64)).collect());
    let told = order.into_iter().map(|(_, place)| {
        let (name, all, connected) = groups[place];
        json!({ "name": name, "devices": all, "connected": connected })
    });
    told.collect()
}

/// The places of numbers in ascending order; equal ones stay as they are. All that is sorted here is
/// sorted by this: a sort is some kilobytes of code for each type.
pub(crate) fn ordered(keys: Vec<f64>) -> Vec<(f64, usize)> {
    let mut order: Vec<(f64, usize)> = keys.into_iter().zip(0..).collect();
    order.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    order
}

/// The least that half, and that 95 of 100, do not exceed.
fn quantiles(values: Vec<f64>) -> Value {
    let order = ordered(values);
    let within = |percent: usize| {
        let place = (order.len() * percent).div_ceil(100).max(1) - 1;
        order.get(place).map(|it| it.0.round())
    };
    json!({ "devices": order.len(), "median_ms": within(50), "p95_ms": within(95) })
}

/// How old last fixes are. A clock that is ahead makes none younger than now.
fn ages(devices: &[Device<'_>], now: Timestamp) -> Value {
    let ages = devices.iter().filter_map(|it| Some((now - it.fix_at?).max(0)));
    let ages: Vec<i64> = ages.collect();
    let mut from = i64::MIN;
    let mut groups: Vec<Value> = Vec::new();
    for up_to in AGES_MS.into_iter().map(Some).chain([None]) {
        let end = up_to.unwrap_or(i64::MAX);
        let count = ages.iter().filter(|&&age| age > from && age <= end).count();
        groups.push(json!({ "up_to_ms": up_to, "devices": count }));
        from = end;
    }
    let mut all = quantiles(ages.iter().map(|&age| age as f64).collect());
    all["groups"] = json!(groups);
    all
}

fn faults(devices: &[Device<'_>], from: Timestamp) -> Value {
    let fixes: u64 = devices.iter().map(|it| it.fixes).sum();
    let faulty: u64 = devices.iter().map(|it| it.faulty).sum();
    let worst = worst(&devices.iter().collect::<Vec<_>>()).into_iter().map(|it| {
        json!({ "device": it.id, "name": it.name, "fixes": it.fixes, "faulty": it.faulty, "share": it.faulty_share() })
    });
    json!({
        "from": from,
        "fixes": fixes,
        "faulty": faulty,
        "share": (fixes > 0).then(|| faulty as f64 / fixes as f64),
        "worst": worst.collect::<Vec<_>>(),
    })
}

/// Those with faulty fixes, the largest share first.
pub(crate) fn worst<'a, 'b>(devices: &[&'a Device<'b>]) -> Vec<&'a Device<'b>> {
    let order = ordered(devices.iter().map(|it| -it.faulty_share()).collect());
    let faulty = order.into_iter().take_while(|(share, _)| *share < 0.0).take(WORST);
    faulty.map(|(_, place)| devices[place]).collect()
}

/// Devices from who was heard of the longest ago; at the end those that never were.
pub(crate) fn by_silence<'a, 'b>(devices: &[&'a Device<'b>]) -> Vec<&'a Device<'b>> {
    let since = |it: &&Device<'_>| it.received_at.map_or(f64::INFINITY, |at| at.as_millis() as f64);
    let order = ordered(devices.iter().map(since).collect());
    order.into_iter().map(|(_, place)| devices[place]).collect()
}

fn away(devices: &[Device<'_>], now: Timestamp) -> Value {
    let away: Vec<_> = devices.iter().filter(|it| !it.connected).collect();
    let told = by_silence(&away).into_iter().take(AWAY).map(|it| {
        json!({
            "device": it.id,
            "name": it.name,
            "protocol": it.protocol,
            "last_received_at": it.received_at,
            "last_fix_at": it.fix_at,
            "for_ms": it.received_at.map(|since| (now - since).max(0)),
        })
    });
    json!({ "all": away.len(), "devices": told.collect::<Vec<_>>() })
}

fn batteries(devices: &[Device<'_>]) -> Value {
    let known: Vec<_> = devices.iter().filter(|it| it.battery_percent.is_some()).collect();
    let order = ordered(known.iter().filter_map(|it| it.battery_percent).collect());
    let low = order.partition_point(|(percent, _)| *percent <= LOW_PERCENT);
    let worst = order[..low].iter().take(WORST).map(|(percent, place)| {
        let it = known[*place];
        json!({ "device": it.id, "name": it.name, "percent": percent })
    });
    json!({ "known": known.len(), "low": low, "worst": worst.collect::<Vec<_>>() })
}
