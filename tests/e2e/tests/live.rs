//! The live channel: Directus decides who is let in and what they see.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use biplane_bus::LiveFeed;
use biplane_core::live::{LivePosition, PublishedPosition};
use biplane_core::{Imei, Timestamp};
use biplane_e2e::{Findings, Live, Tenant, admin, eventually, fresh_id, path, stack, user};
use biplane_stack::directus::Client;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// 2026-06-01T12:00:00Z
const START: Timestamp = Timestamp::from_millis(1_780_315_200_000);

#[tokio::test]
async fn a_member_sees_its_tracker_move_and_cross_and_reads_the_crossing_over_rest() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let mut live = Live::log_in(&stack, &tenant.viewer).await;
    live.say(json!({ "type": "subscribe", "uid": "race", "topic": { "event": tenant.event } }))
        .await;
    let init = live.hear().await.expect("a subscription");
    assert_eq!((&init["event"], &init["uid"]), (&json!("init"), &json!("race")), "{init}");

    tenant.fly(&stack, START).await;

    let (mut moved, mut crossing) = (false, None);
    while !moved || crossing.is_none() {
        let message = live.hear().await.expect("the channel stays open");
        match message["event"].as_str() {
            Some("positions") => moved |= message["data"][0]["device"] == json!(tenant.device),
            Some("crossings") => crossing = Some(message["data"][0].clone()),
            Some("status") => assert_eq!(message["data"][0]["device"], json!(tenant.device)),
            _ => panic!("{message}"),
        }
    }
    let crossing = crossing.expect("a crossing");
    assert_eq!(
        (&crossing["direction"], &crossing["entry"]),
        (&json!("enter"), &json!(tenant.entry))
    );
    let path = format!(
        "/items/crossings/{}?fields=direction,crossed_at,checkpoint,source",
        crossing["id"].as_str().expect("an id")
    );
    let stored = tenant.viewer.read(&path).await.expect("the crossing, as the viewer");
    assert_eq!(stored["checkpoint"], json!(tenant.checkpoint));
    let at: Timestamp = stored["crossed_at"].as_str().expect("a time").parse().expect("a time");
    // The border lies 1000 m south of the centre: 1000 / 6371000 rad below 46°, 10.068 steps on.
    assert!((at - START - 10_068).abs() <= 2, "{at}");
}

#[tokio::test]
async fn a_token_that_directus_does_not_accept_is_refused() {
    let stack = stack();
    let mut live = Live::connect(&stack).await;
    // Well-formed, unexpired, signed by nobody that Directus knows.
    let forged = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6IjEiLCJyb2xlIjpudWxsLCJhcHBfYWNjZXNzIjp0cnVlLCJhZG1pbl9hY2Nlc3MiOnRydWUsImlhdCI6MTc2MDAwMDAwMCwiZXhwIjo0MTAyNDQ0ODAwLCJpc3MiOiJkaXJlY3R1cyJ9.c2lnbmVkLWJ5LW5vYm9keQ";
    live.say(json!({ "type": "auth", "access_token": forged })).await;
    let answer = live.hear().await.expect("an answer");
    assert_eq!(
        (&answer["status"], &answer["error"]["code"]),
        (&json!("error"), &json!("LIVE_UNAUTHORIZED")),
        "{answer}"
    );
    assert_eq!(live.hear().await, None, "then it is closed");
}

#[tokio::test]
async fn nothing_is_said_to_who_has_not_authenticated() {
    let stack = stack();
    let mut live = Live::connect(&stack).await;
    live.say(json!({ "type": "subscribe", "uid": "x", "topic": { "devices": [] } })).await;
    let answer = live.hear().await.expect("an answer");
    assert_eq!(answer["event"], "error", "{answer}");
    assert_eq!(answer["data"]["code"], "LIVE_UNAUTHORIZED", "{answer}");
}

#[tokio::test]
async fn a_member_of_another_organization_is_shown_nothing() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    for topic in [json!({ "event": one.event }), json!({ "devices": [one.device] })] {
        let mut live = Live::log_in(&stack, &two.manager).await;
        live.say(json!({ "type": "subscribe", "uid": "spy", "topic": topic })).await;
        let answer = live.hear().await.expect("an answer");
        assert_eq!(answer["event"], "error", "{answer}");
        assert_eq!(answer["data"]["code"], "LIVE_FORBIDDEN", "{answer}");
    }
}

/// What Directus allows is asked for again after 50 s anyway: what comes within this came by the
/// notice of the change.
const AT_ONCE: Duration = Duration::from_secs(15);

/// Which devices a subscription shows, of those that were heard of; `None`: it is refused.
async fn shown(live: &mut Live, topic: &Value) -> Option<BTreeSet<Uuid>> {
    live.say(json!({ "type": "subscribe", "uid": "x", "topic": topic })).await;
    loop {
        let message = live.hear().await.expect("an answer");
        match message["event"].as_str() {
            Some("init") => {
                let devices = message["data"].as_array().expect("positions").iter();
                return Some(devices.map(|it| id_of(&it["device"])).collect());
            }
            Some("error") => {
                assert_eq!(message["data"]["code"], "LIVE_FORBIDDEN", "{message}");
                return None;
            }
            _ => {}
        }
    }
}

fn id_of(value: &Value) -> Uuid {
    value.as_str().and_then(|id| id.parse().ok()).expect("an id")
}

async fn me(session: &Client) -> Uuid {
    id_of(&session.read("/users/me?fields=id").await.expect("me")["id"])
}

#[tokio::test]
async fn rest_and_the_live_channel_show_the_same_to_everybody() {
    let (stack, mut findings) = (stack(), Findings::default());
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    one.fly(&stack, START).await;
    two.fly(&stack, START).await;
    for tenant in [&one, &two] {
        let status = format!("/items/device_status?filter[device][_eq]={}", tenant.device);
        eventually("the device is heard of", async || {
            let found = admin.read(&status).await.expect("a status");
            found.as_array().is_some_and(|rows| !rows.is_empty()).then_some(())
        })
        .await;
    }
    let both = [(one.organization, "viewer"), (two.organization, "manager")];
    let both = user(&stack, &admin, "manager", &both).await;
    let nowhere = user(&stack, &admin, "manager", &[]).await;
    for (who, session) in [
        ("one's manager", &one.manager),
        ("one's operator", &one.operator),
        ("one's viewer", &one.viewer),
        ("two's viewer", &two.viewer),
        ("a member of both", &both),
        ("a member of none", &nowhere),
        ("the administrator", &admin),
    ] {
        let mut live = Live::log_in(&stack, session).await;
        let asked = [one.device, two.device, fresh_id()];
        let filter = asked.map(|id| id.to_string()).join(",");
        let rest =
            session.read(&format!("/items/devices?fields=id&filter[id][_in]={filter}")).await;
        let rest: BTreeSet<Uuid> = rest
            .map(|rows| {
                rows.as_array().expect("rows").iter().map(|row| id_of(&row["id"])).collect()
            })
            .unwrap_or_default();
        let expected = (!rest.is_empty()).then(|| rest.clone());
        let seen = shown(&mut live, &json!({ "devices": asked })).await;
        findings.check(seen == expected, || format!("{who}: devices {seen:?}, by REST {rest:?}"));
        for tenant in [&one, &two] {
            for (collection, id, topic) in [
                ("events", tenant.event, json!({ "event": tenant.event })),
                (
                    "organizations",
                    tenant.organization,
                    json!({ "organization": tenant.organization }),
                ),
            ] {
                let may = session.read(&path(collection, id)).await.is_ok();
                let expected = may.then(|| BTreeSet::from([tenant.device]));
                let seen = shown(&mut live, &topic).await;
                findings
                    .check(seen == expected, || format!("{who}: {topic}: {seen:?}, by REST {may}"));
            }
        }
    }
}

#[tokio::test]
async fn who_is_no_member_any_more_is_shown_nothing_more_and_who_becomes_one_all() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (one, two) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    one.fly(&stack, START).await;
    let viewer = me(&one.viewer).await;
    let member = format!("/items/organization_members?fields=id&filter[user][_eq]={viewer}");
    let member = admin.read(&member).await.expect("a membership")[0]["id"].clone();
    let member = path("organization_members", id_of(&member));
    let mut live = Live::log_in(&stack, &one.viewer).await;
    live.say(
        json!({ "type": "subscribe", "uid": "a", "topic": { "organization": one.organization } }),
    )
    .await;
    live.hear_event("init").await;

    admin.call(Method::DELETE, &member, None).await.expect("the membership is gone");
    let gone = Instant::now();
    let error = live.hear_event("error").await;
    assert_eq!(
        (&error["uid"], &error["data"]["code"]),
        (&json!("a"), &json!("LIVE_FORBIDDEN")),
        "{error}"
    );
    assert!(gone.elapsed() < AT_ONCE, "{:?}", gone.elapsed());
    assert_eq!(shown(&mut live, &json!({ "event": one.event })).await, None);

    let again = json!({ "id": fresh_id(), "organization": one.organization, "user": viewer, "role": "viewer" });
    admin.create("/items/organization_members", &again).await.expect("a membership");
    let back = Instant::now();
    while shown(&mut live, &json!({ "event": one.event })).await.is_none() {
        assert!(back.elapsed() < AT_ONCE, "{:?}", back.elapsed());
    }

    // A tracker that changes hands takes its future with it.
    admin.call(Method::DELETE, &path("entries", one.entry), None).await.expect("no entry");
    live.say(json!({ "type": "subscribe", "uid": "d", "topic": { "devices": [one.device] } }))
        .await;
    live.hear_event("init").await;
    let moved = json!({ "organization": two.organization });
    admin.update(&path("devices", one.device), &moved).await.expect("moved");
    let moved = Instant::now();
    let error = loop {
        let error = live.hear_event("error").await;
        if error["uid"] == "d" {
            break error;
        }
    };
    assert_eq!(error["data"]["code"], "LIVE_FORBIDDEN", "{error}");
    assert!(moved.elapsed() < AT_ONCE, "{:?}", moved.elapsed());
}

#[tokio::test]
async fn who_was_away_is_told_what_was_committed_meanwhile_and_nothing_that_nobody_keeps() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let topic = json!({ "organization": tenant.organization });
    let mut live = Live::log_in(&stack, &tenant.operator).await;
    live.say(json!({ "type": "subscribe", "uid": "a", "topic": topic })).await;
    let cursor = live.hear_event("init").await["cursor"].clone();
    assert!(cursor.is_string(), "{cursor}");
    drop(live);

    tenant.fly(&stack, START).await;
    let crossings = format!("/items/crossings?filter[device][_eq]={}", tenant.device);
    let crossing = eventually("the crossing is there", async || {
        Some(
            tenant.operator.read(&crossings).await.expect("crossings")[0]["id"]
                .as_str()?
                .to_owned(),
        )
    })
    .await;
    let mut live = Live::log_in(&stack, &tenant.operator).await;
    live.say(json!({ "type": "subscribe", "uid": "a", "topic": topic, "resume": cursor })).await;
    let told = live.hear_event("crossings").await;
    assert_eq!(
        (&told["data"][0]["id"], told["data"].as_array().map(Vec::len)),
        (&json!(crossing), Some(1))
    );
    let cursor = told["cursor"].clone();
    assert!(cursor.is_string(), "{told}");

    // Nothing new came since.
    let mut live = Live::log_in(&stack, &tenant.operator).await;
    let alert = json!({
        "id": fresh_id(), "organization": tenant.organization, "device": tenant.device,
        "kind": "geofence", "severity": "info", "status": "open", "occurred_at": "2026-06-01T12:00:00Z",
        "message": "made by hand",
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    live.say(json!({ "type": "subscribe", "uid": "a", "topic": topic, "resume": cursor })).await;
    live.hear_event("init").await;
    admin.create("/items/alerts", &alert).await.expect("an alert");
    let first = loop {
        let message = live.hear().await.expect("a message");
        // What was being committed when the cursor was given may come once more.
        let is_known =
            message["event"] == "crossings" && message["data"][0]["id"] == json!(crossing);
        if message["event"] != "status" && !is_known {
            break message;
        }
    };
    assert_eq!(
        (&first["event"], &first["data"][0]["id"]),
        (&json!("alerts"), &alert["id"]),
        "{first}"
    );

    for cursor in ["1-1000", "999999999999-1780315200000"] {
        live.say(json!({ "type": "subscribe", "uid": "old", "topic": topic, "resume": cursor }))
            .await;
        let error = live.hear_event("error").await;
        assert_eq!(error["data"]["code"], "LIVE_CURSOR", "{error}");
    }
}

#[tokio::test]
async fn a_crossing_that_an_operator_takes_away_by_a_flag_is_retracted() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let mut live = Live::log_in(&stack, &tenant.viewer).await;
    live.say(json!({ "type": "subscribe", "uid": "race", "topic": { "event": tenant.event } }))
        .await;
    live.hear_event("init").await;
    tenant.fly(&stack, START).await;
    let crossing = live.hear_event("crossings").await["data"][0]["id"].clone();
    let flag = json!({
        "organization": tenant.organization, "device": tenant.device, "verdict": "faulty",
        "starts_at": START + 5_000, "ends_at": START + 30_000, "reason": "tried out",
    });
    tenant.operator.create("/items/position_flags", &flag).await.expect("a flag");
    let retraction = live.hear_event("retractions").await;
    assert_eq!(retraction["data"][0]["id"], crossing, "{retraction}");
}

#[tokio::test]
async fn who_comes_late_is_shown_the_way_that_was_flown_in_the_fields_that_were_asked_for() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    tenant.fly(&stack, START).await;
    let crossings = format!("/items/crossings?filter[device][_eq]={}", tenant.device);
    eventually("the crossing is there", async || {
        tenant.viewer.read(&crossings).await.expect("crossings")[0]["id"].as_str().map(drop)
    })
    .await;
    let mut live = Live::log_in(&stack, &tenant.viewer).await;
    live.say(json!({
        "type": "subscribe", "uid": "late", "topic": { "event": tenant.event },
        "options": { "replay_s": 10, "fields": ["lat"] },
    }))
    .await;
    let init = live.hear_event("init").await;
    let last = init["data"][0].clone();
    assert_eq!(
        last.as_object().map(|it| it.keys().cloned().collect::<BTreeSet<_>>()),
        Some(["device", "lat", "time"].map(String::from).into())
    );
    let status = live.hear_event("status").await;
    assert_eq!(status["data"][0]["connected"], json!(true), "{status}");
    let replay = live.hear_event("replay").await;
    let times: Vec<Timestamp> = replay["data"]
        .as_array()
        .expect("positions")
        .iter()
        .map(|it| it["time"].as_str().expect("a time").parse().expect("a time"))
        .collect();
    let expected: Vec<Timestamp> = (9..19).map(|second| START + second * 1000).collect();
    assert_eq!(times, expected);

    // What happened is told by when it was stored: that was some time ago.
    live.say(json!({
        "type": "subscribe", "uid": "later", "topic": { "event": tenant.event },
        "options": { "replay_s": 600 },
    }))
    .await;
    let told = loop {
        let told = live.hear_event("crossings").await;
        if told["uid"] == "later" {
            break told;
        }
    };
    assert_eq!(told["data"][0]["device"], json!(tenant.device), "{told}");
}

/// What lies in the buffers of the connection is many positions of each device; from then on the
/// hub keeps the latest only.
#[tokio::test]
async fn who_reads_slowly_is_sent_less_often_is_told_so_and_ends_with_the_latest() {
    const DEVICES: usize = 200;
    const SUBSCRIPTIONS: usize = 30;
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    let devices: Vec<Uuid> = (0..DEVICES).map(|_| fresh_id()).collect();
    let rows = devices.iter().map(|device| {
        let imei =
            Imei::with_check_digit(87_000_000_000_000 + device.as_u64_pair().0 % 1_000_000_000_000);
        json!({
            "id": device, "organization": tenant.organization, "name": "Tracker",
            "imei": imei.to_string(), "protocol": "teltonika", "status": "active",
        })
    });
    admin.create("/items/devices", &rows.collect()).await.expect("devices");
    let mut live = Live::log_in(&stack, &tenant.viewer).await;
    for uid in 0..SUBSCRIPTIONS {
        let topic = json!({ "devices": devices });
        live.say(json!({ "type": "subscribe", "uid": uid.to_string(), "topic": topic })).await;
        live.hear_event("init").await;
    }
    let feed = LiveFeed::connect(&stack.redis_url, 1).await.expect("the feed");
    let publish = async |round: i64| {
        let item = |device: &Uuid| PublishedPosition {
            organization: tenant.organization.into(),
            position: LivePosition {
                device: (*device).into(),
                time: START + round,
                lat: 46.0,
                lon: 12.0,
                altitude_m: Some(1_000.0),
                speed_kmh: Some(36.0),
                course_deg: Some(0.0),
                faulty: false,
            },
        };
        let items: Vec<_> = devices.iter().map(|device| (0, item(device))).collect();
        feed.publish(&items).await.expect("published");
    };
    const UNREAD: i64 = 60;
    for round in 1..=UNREAD {
        publish(round).await;
        tokio::time::sleep(Duration::from_millis(160)).await;
    }
    let mut last: BTreeMap<(String, String), Timestamp> = BTreeMap::new();
    let (mut heard, mut rate) = (0, None);
    let latest = START + UNREAD;
    let is_complete = |last: &BTreeMap<_, Timestamp>| {
        last.len() == DEVICES * SUBSCRIPTIONS && last.values().all(|time| *time == latest)
    };
    while rate.is_none() || !is_complete(&last) {
        let message = live.hear().await.expect("the channel stays open");
        if message["type"] == "rate" {
            rate = rate.max(message["interval_ms"].as_u64());
        }
        let uid = message["uid"].as_str().unwrap_or_default().to_owned();
        for position in message["data"].as_array().into_iter().flatten() {
            let time: Timestamp =
                position["time"].as_str().expect("a time").parse().expect("a time");
            let device = position["device"].as_str().expect("a device").to_owned();
            let before = last.insert((uid.clone(), device), time);
            assert!(before.is_none_or(|before| before < time), "{before:?} and then {time}");
            heard += 1;
        }
    }
    assert!(rate.is_some_and(|interval| interval > 150), "{rate:?}");
    let sent = DEVICES * SUBSCRIPTIONS * UNREAD as usize;
    assert!(heard < sent, "all {sent} positions waited for who did not read them");
}
