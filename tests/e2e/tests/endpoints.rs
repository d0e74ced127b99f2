//! What Biplane answers below `/biplane`, to whom, and in what form.

use biplane_e2e::Least::{Manager, Nobody, Operator, Viewer};
use biplane_e2e::{Findings, Tenant, admin, refusal, stack};
use biplane_stack::Description;
use biplane_stack::directus::Client;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio_postgres::NoTls;

async fn get(stack: &Description, session: &Client, path: &str) -> Response {
    reqwest::Client::new()
        .get(format!("{}/biplane{path}", stack.directus_url))
        .bearer_auth(session.token().expect("logged in"))
        .send()
        .await
        .expect("an answer")
}

async fn json_of(stack: &Description, session: &Client, path: &str) -> Value {
    let response = get(stack, session, path).await;
    let status = response.status();
    let body: Value = response.json().await.expect("JSON");
    assert!(status.is_success(), "{path}: {status} {body}");
    body
}

/// Ten fixes of the tenant's tracker, a second apart, and a faulty one between the first two; all of
/// today. The range that holds them, for a query.
async fn fly(stack: &Description, tenant: &Tenant) -> String {
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    let today = "SELECT telemetry.ensure_partitions(now(), now())";
    database.execute(today, &[]).await.expect("a partition of today");
    let insert = "INSERT INTO telemetry.positions
            (device, ts, digest, organization, received_at, lat, lon, satellites, faulty, fault_reason)
        SELECT $1, date_trunc('day', now(), 'UTC') + interval '1 second' * (100 + step), 2 * step, $2, now(),
            46 + 0.001 * step, 12, CASE WHEN step = 0.5 THEN 0 ELSE 9 END, step = 0.5,
            CASE WHEN step = 0.5 THEN 'no_satellites' END
        FROM unnest('{0, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9}'::float8[]) AS step";
    database.execute(insert, &[&tenant.device, &tenant.organization]).await.expect("positions");
    let day = "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')";
    let day: String = database.query_one(day, &[]).await.expect("a day").get(0);
    format!("from={day}T00:01:40Z&to={day}T00:02:00Z")
}

#[tokio::test]
async fn positions_of_a_device_come_page_by_page_in_the_order_of_event_time() {
    let stack = stack();
    let tenant = Tenant::make(&stack, &admin(&stack).await).await;
    let range = fly(&stack, &tenant).await;
    let path = format!("/devices/{}/positions?{range}", tenant.device);
    let all = json_of(&stack, &tenant.viewer, &path).await;
    let lats = |body: &Value| -> Vec<f64> {
        let data = body["data"].as_array().expect("positions");
        data.iter().map(|position| position["lat"].as_f64().expect("a number")).collect()
    };
    let expected: Vec<f64> = (0..10).map(|step| 46.0 + 0.001 * f64::from(step)).collect();
    assert_eq!(lats(&all), expected, "the faulty one is left out");
    assert_eq!(all["meta"]["next"], Value::Null);

    let (mut paged, mut from) = (Vec::new(), None);
    for _ in 0..4 {
        let to = range.split_once('&').expect("two times").1;
        let path = match &from {
            None => format!("{path}&limit=4"),
            Some(from) => {
                format!("/devices/{}/positions?from={from}&{to}&limit=4", tenant.device)
            }
        };
        let page = json_of(&stack, &tenant.viewer, &path).await;
        paged.extend(lats(&page));
        match page["meta"]["next"].as_str() {
            Some(next) => from = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(paged, expected);

    let faulty = json_of(&stack, &tenant.viewer, &format!("{path}&faulty=true")).await;
    assert_eq!(faulty["data"][1]["fault"], "no_satellites");
    let simple = json_of(&stack, &tenant.viewer, &format!("{path}&tolerance_m=1")).await;
    assert_eq!(lats(&simple), [46.0, 46.009], "a straight way at steady speed");
}

#[tokio::test]
async fn positions_come_as_files_for_other_programs() {
    let stack = stack();
    let tenant = Tenant::make(&stack, &admin(&stack).await).await;
    let range = fly(&stack, &tenant).await;
    let path = format!("/entries/{}/positions?{range}", tenant.entry);
    for (format, media_type, begins, lines) in [
        ("csv", "text/csv; charset=utf-8", "device,number,name,time,lat,lon", 11),
        ("gpx", "application/gpx+xml; charset=utf-8", "<?xml version=\"1.0\"", 15),
        (
            "geojson",
            "application/geo+json; charset=utf-8",
            "{\"type\":\"FeatureCollection\",\"features\":[{",
            1,
        ),
    ] {
        let response = get(&stack, &tenant.operator, &format!("{path}&format={format}")).await;
        assert!(response.status().is_success(), "{format}: {}", response.status());
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(header("content-type"), media_type);
        let disposition = format!("attachment; filename=\"positions.{format}\"");
        assert_eq!(header("content-disposition"), disposition);
        assert_eq!(header("cache-control"), "no-store");
        let text = response.text().await.expect("text");
        assert!(text.starts_with(begins), "{text}");
        assert_eq!(text.lines().count(), lines, "{text}");
    }
    let cut = get(&stack, &tenant.operator, &format!("{path}&format=csv&limit=4")).await;
    let next = cut.headers()["x-biplane-next"].to_str().expect("a time");
    assert!(next.ends_with("T00:01:44.000Z"), "{next}");
}

#[tokio::test]
async fn an_event_answers_for_all_its_entries() {
    let stack = stack();
    let tenant = Tenant::make(&stack, &admin(&stack).await).await;
    let range = fly(&stack, &tenant).await;
    let path = format!("/events/{}/positions?{range}&format=columns", tenant.event);
    let positions = json_of(&stack, &tenant.viewer, &path).await;
    let track = &positions["data"][0];
    assert_eq!((&track["number"], &track["entry"]), (&json!("1"), &json!(tenant.entry)));
    assert_eq!(track["columns"]["ts_ms"].as_array().map(Vec::len), Some(10));
}

#[tokio::test]
async fn an_event_ranks_its_entries_by_what_people_left_of_their_crossings() {
    let stack = stack();
    let admin = admin(&stack).await;
    let tenant = Tenant::make(&stack, &admin).await;
    // Of no flight: what times it again would not find it.
    let crossing = json!({
        "organization": tenant.organization, "event": tenant.event, "entry": tenant.entry,
        "checkpoint": tenant.checkpoint, "device": tenant.device, "geofence": tenant.geofence,
        "direction": "enter", "crossed_at": "2026-01-01T01:02:03.004Z", "lat": 46, "lon": 12,
        "fix_before_at": "2026-01-01T01:02:03Z", "fix_after_at": "2026-01-01T01:02:04Z",
        "source": "manual",
    });
    let made = admin.create("/items/crossings", &crossing).await.expect("a crossing");
    let path = format!("/events/{}/results", tenant.event);
    let results = json_of(&stack, &tenant.viewer, &path).await;
    let first = &results["data"][0];
    assert_eq!((&first["rank"], &first["finished"]), (&json!(1), &json!(true)), "{results}");
    assert_eq!(first["splits"][0]["elapsed_ms"], 3_723_004, "since the event's start");
    let csv = get(&stack, &tenant.viewer, &format!("{path}?format=csv")).await;
    let csv = csv.text().await.expect("text");
    assert!(
        csv.contains("1,1,One,,started,1:02:03.004,0:00:00.000,2026-01-01T01:02:03.004Z"),
        "{csv}"
    );

    // What an operator makes of it counts, the last word of several, until it is taken back.
    let (crossed, entry) = (made["id"].clone(), tenant.entry);
    let void = || json!({ "action": "void", "crossing": crossed });
    let elapsed = async || {
        let results = json_of(&stack, &tenant.viewer, &path).await;
        results["data"][0]["splits"][0]["elapsed_ms"].as_i64()
    };
    let mut edits = Vec::new();
    for (say, expected) in [
        (void(), None),
        (
            json!({ "action": "adjust", "crossing": crossed, "crossed_at": "2026-01-01T01:00:00Z" }),
            Some(3_600_000),
        ),
        (void(), None),
        (
            json!({ "action": "add", "entry": entry, "checkpoint": tenant.checkpoint, "crossed_at": "2026-01-01T00:30:00Z" }),
            Some(1_800_000),
        ),
    ] {
        let mut edit = say;
        edit["organization"] = json!(tenant.organization);
        edit["reason"] = json!("as the marshal saw it");
        let edit = tenant.operator.create("/items/crossing_edits", &edit).await.expect("an edit");
        edits.push(edit["id"].as_str().expect("an id").to_owned());
        assert_eq!(elapsed().await, expected);
    }
    // The added one is taken back, then the last void: the adjustment before it counts again.
    let undo = |edit: &str| {
        json!({
            "organization": tenant.organization, "action": "undo", "edit": edit,
            "reason": "the wrong rider",
        })
    };
    let path_of_edits = "/items/crossing_edits";
    tenant.operator.create(path_of_edits, &undo(&edits[3])).await.expect("taken back");
    assert_eq!(elapsed().await, None);
    let taken_back = tenant.operator.create(path_of_edits, &undo(&edits[2])).await;
    let taken_back = taken_back.expect("taken back")["id"].as_str().expect("an id").to_owned();
    assert_eq!(elapsed().await, Some(3_600_000));
    for (edit, why) in [
        (&edits[2], "edit: it was taken back already"),
        (&taken_back, "edit: what takes an edit back can't be taken back: make the edit anew"),
    ] {
        let (status, _, message, _) =
            refusal(tenant.operator.create(path_of_edits, &undo(edit)).await);
        assert_eq!((status, &*message), (400, why));
    }
    for edit in &edits[..2] {
        tenant.operator.create(path_of_edits, &undo(edit)).await.expect("taken back");
    }
    assert_eq!(elapsed().await, Some(3_723_004), "as it was measured");
    let split = json_of(&stack, &tenant.viewer, &path).await["data"][0]["splits"][0].clone();
    assert_eq!((&split["crossing"], &split["edit"]), (&crossed, &Value::Null));
}

#[tokio::test]
async fn a_place_is_held_by_the_fences_that_the_caller_may_see() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (tenant, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let square = json!({ "type": "Polygon", "coordinates": [[[12.0, 46.0], [12.1, 46.0], [12.1, 46.1], [12.0, 46.1], [12.0, 46.0]]] });
    let fence = json!({ "organization": tenant.organization, "name": "Square", "kind": "polygon", "status": "active", "geometry": square });
    tenant.manager.create("/items/geofences", &fence).await.expect("a fence");
    let place = json!({ "lat": 46.001, "lon": 12.001 });
    let check = async |session: &Client, place: &Value| {
        let found = session.create("/biplane/geofences/check", place).await.expect("an answer");
        let names = found.as_array().expect("fences").iter();
        names.map(|it| it["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(check(&tenant.viewer, &place).await, ["Circle", "Square"]);
    assert_eq!(
        check(&other.viewer, &place).await,
        ["Circle"],
        "its own circle, which is at the same place"
    );
    assert_eq!(check(&tenant.viewer, &json!({ "lat": 46.05, "lon": 12.05 })).await, ["Square"]);
    assert_eq!(check(&tenant.viewer, &json!({ "lat": 45.9999, "lon": 12.05 })).await, [""; 0]);
    let near = json!({ "lat": 45.9999, "lon": 12.05, "within_m": 20 });
    assert_eq!(check(&tenant.viewer, &near).await, ["Square"]);
    let swapped = json!({ "lat": 120, "lon": 46 });
    let (status, code, message, _) =
        refusal(tenant.viewer.create("/biplane/geofences/check", &swapped).await);
    assert_eq!((status, &*code), (400, "PARAMETER_INVALID"), "{message}");
}

#[tokio::test]
async fn many_flags_are_set_at_once_or_none_and_are_items_like_others() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (tenant, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let flags = |devices: &[uuid::Uuid], verdict: &str| {
        json!({
            "devices": devices, "verdict": verdict, "reason": "antenna unplugged",
            "starts_at": "2026-05-01T09:00:00Z", "ends_at": "2026-05-01T09:10:00Z",
        })
    };
    let path = "/biplane/positions/flags";
    let set = tenant.operator.create(path, &flags(&[tenant.device], "faulty")).await;
    assert_eq!(set.expect("a flag"), json!({ "flags": 1 }));
    let made = format!("/items/position_flags?filter[device][_eq]={}", tenant.device);
    let made = tenant.viewer.read(&made).await.expect("flags");
    assert_eq!(made[0]["reason"], "antenna unplugged");
    let seen = format!(
        "/activity?filter[item][_eq]={}&fields=action,user",
        made[0]["id"].as_str().expect("an id")
    );
    let seen = admin.read(&seen).await.expect("its history");
    assert_eq!(
        (&seen[0]["action"], &seen[0]["user"]),
        (&json!("create"), &made[0]["user_created"])
    );

    let mut findings = Findings::default();
    let contrary = tenant.operator.create(path, &flags(&[tenant.device], "valid")).await;
    assert_eq!(refusal(contrary).1, "FLAG_CONTRADICTS");
    for (session, devices) in [
        (&tenant.viewer, vec![tenant.device]),
        (&tenant.operator, vec![tenant.device, other.device]),
        (&other.operator, vec![tenant.device]),
    ] {
        findings.forbidden("flags", session.create(path, &flags(&devices, "faulty")).await);
    }
    let theirs = format!("/items/position_flags?filter[device][_eq]={}", other.device);
    assert_eq!(admin.read(&theirs).await.expect("flags"), json!([]));
}

#[tokio::test]
async fn what_is_not_there_for_somebody_is_refused_in_the_same_words() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (tenant, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let nobody = Client::anonymous(&stack.directus_url).expect("a client");
    let range = "from=2026-05-01T09:00:00Z&to=2026-05-01T10:00:00Z";
    let nowhere = uuid::Uuid::nil();
    for (theirs, none) in [
        (
            format!("devices/{}/positions?{range}", tenant.device),
            format!("devices/{nowhere}/positions?{range}"),
        ),
        (
            format!("entries/{}/positions?{range}", tenant.entry),
            format!("entries/{nowhere}/positions?{range}"),
        ),
        (
            format!("events/{}/positions?{range}", tenant.event),
            format!("events/{nowhere}/positions?{range}"),
        ),
        (format!("events/{}/results", tenant.event), format!("events/{nowhere}/results")),
    ] {
        let [theirs, none] = [theirs, none].map(|path| format!("/biplane/{path}"));
        tenant.viewer.read(&theirs).await.expect("its own");
        let (status, code, message, _) = refusal(other.manager.read(&theirs).await);
        assert_eq!((status, &*code), (403, "FORBIDDEN"), "{theirs}");
        let unknown = refusal(other.manager.read(&none).await);
        assert_eq!((status, code, message), (unknown.0, unknown.1, unknown.2), "{none}");
        assert_eq!(refusal(nobody.read(&theirs).await).0, 401, "{theirs}");
    }
    let wrong = format!("/biplane/devices/{}/positions?from=now&page=2", tenant.device);
    let (status, code, message, _) = refusal(tenant.viewer.read(&wrong).await);
    assert_eq!((status, &*code), (400, "PARAMETER_UNKNOWN"), "{message}");
}

#[tokio::test]
async fn each_role_is_answered_by_each_endpoint_as_the_table_says() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (own, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let nobody = Client::anonymous(&stack.directus_url).expect("a client");
    let (from, to) = ("2026-05-01T09:00:00Z", "2026-05-01T10:00:00Z");
    let range = format!("from={from}&to={to}");
    let flags = json!({
        "devices": [own.device], "verdict": "faulty", "reason": "unplugged", "starts_at": from, "ends_at": to,
    });
    let mut findings = Findings::default();
    for (path, body, least) in [
        (format!("devices/{}/positions?{range}", own.device), None, Viewer),
        (format!("entries/{}/positions?{range}", own.entry), None, Viewer),
        (format!("events/{}/positions?{range}&format=columns", own.event), None, Viewer),
        (format!("events/{}/results", own.event), None, Viewer),
        (format!("devices/{}/commands", own.device), None, Viewer),
        ("positions/flags".to_owned(), Some(flags), Operator),
        ("schema/drift".to_owned(), None, Nobody),
    ] {
        let path = format!("/biplane/{path}");
        let method = if body.is_some() { Method::POST } else { Method::GET };
        for (who, role, session) in [
            ("a viewer", Viewer, &own.viewer),
            ("an operator", Operator, &own.operator),
            ("a manager", Manager, &own.manager),
        ] {
            let what = format!("{who} {path}");
            let answer = session.call(method.clone(), &path, body.as_ref()).await;
            if role >= least {
                findings.allowed(&what, answer);
            } else {
                findings.forbidden(&what, answer);
            }
        }
        let strange = other.manager.call(method.clone(), &path, body.as_ref()).await;
        findings.forbidden(&format!("another's manager {path}"), strange);
        let public = nobody.call(method, &path, body.as_ref()).await;
        // What is for administrators says no more to the public than to others.
        let status = if least == Nobody { 403 } else { 401 };
        findings.refused(
            &format!("the public {path}"),
            public,
            status,
            &["LIVE_UNAUTHORIZED", "FORBIDDEN"],
        );
    }
    // Of a place everybody is told, each of the own fences.
    let place = json!({ "lat": 46.0, "lon": 12.0, "organization": own.organization });
    for (session, held) in [(&own.viewer, 1), (&other.manager, 0)] {
        let found = session.create("/biplane/geofences/check", &place).await.expect("an answer");
        findings.check(found.as_array().map(Vec::len) == Some(held), || format!("fences: {found}"));
    }
    let refused = nobody.create("/biplane/geofences/check", &place).await;
    findings.refused("the public asks for fences", refused, 401, &["LIVE_UNAUTHORIZED"]);
    // What others are told of a fleet is in fleet.rs.
    let refused = nobody.read("/biplane/fleet/health").await;
    findings.refused("the public asks for a fleet", refused, 401, &["LIVE_UNAUTHORIZED"]);
}

#[tokio::test]
async fn the_api_is_documented_where_it_is() {
    let stack = stack();
    let tenant = Tenant::make(&stack, &admin(&stack).await).await;
    let served = json_of(&stack, &tenant.viewer, "/openapi.json").await;
    let file = std::fs::read_to_string(stack.project.join("docs/openapi.json")).expect("a file");
    let file: Value = serde_json::from_str(&file).expect("JSON");
    let paths = |document: &Value| {
        let paths = document["paths"].as_object().expect("paths");
        paths.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(paths(&served), paths(&file));
    let module = json_of(&stack, &tenant.viewer, "/module").await;
    assert_eq!(module["data"]["version"], served["info"]["version"]);
}
