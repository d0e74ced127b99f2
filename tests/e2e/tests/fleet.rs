//! How a fleet is, as each may see it; and what it costs to ask.

use biplane_e2e::{Tenant, admin, refusal, stack};
use biplane_stack::Description;
use serde_json::json;
use tokio_postgres::NoTls;

async fn database(stack: &Description) -> tokio_postgres::Client {
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    let today = "SELECT telemetry.ensure_partitions(now() - interval '1 day', now())";
    database.execute(today, &[]).await.expect("partitions");
    database
}

/// A fix a second in the last minute, each tenth of them faulty, and the last 250 ms late; the tracker is
/// connected through an instance of its own.
async fn drive(database: &tokio_postgres::Client, tenant: &Tenant) {
    let positions = "INSERT INTO telemetry.positions
            (device, ts, digest, organization, received_at, stored_at, lat, lon, faulty, fault_reason, io)
        SELECT $1, at, step, $2, at, at + interval '250 milliseconds', 46, 12, faulty,
            CASE WHEN faulty THEN 'speed' END, '{\"113\": 17, \"66\": 12000}'
        FROM generate_series(1, 60) AS step,
            LATERAL (SELECT date_trunc('second', now()) - interval '1 second' * step AS at, step % 10 = 5 AS faulty) AS fix";
    database.execute(positions, &[&tenant.device, &tenant.organization]).await.expect("positions");
    let status = "INSERT INTO device_status
            (id, device, organization, connected, protocol, gateway, last_received_at, last_fix_at)
        VALUES ($1, $1, $2::uuid, true, 'teltonika', 'gateway-of-' || ($2::uuid)::text, now(), date_trunc('second', now()) - interval '1 second')";
    database.execute(status, &[&tenant.device, &tenant.organization]).await.expect("a status");
}

#[tokio::test]
async fn a_fleet_is_told_of_to_who_may_see_its_devices() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (own, other) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let database = database(&stack).await;
    drive(&database, &own).await;

    let told = own.viewer.read("/biplane/fleet/health").await.expect("a fleet");
    assert_eq!(told["devices"], json!({ "all": 1, "connected": 1, "never": 0 }), "{told}");
    let gateway = format!("gateway-of-{}", own.organization);
    assert_eq!(told["by_gateway"][0]["name"], json!(gateway));
    assert_eq!(told["by_protocol"], json!([{ "name": "teltonika", "devices": 1, "connected": 1 }]));
    assert_eq!(told["lag"], json!({ "devices": 1, "median_ms": 250.0, "p95_ms": 250.0 }));
    assert_eq!((&told["faults"]["fixes"], &told["faults"]["faulty"]), (&json!(60), &json!(6)));
    assert_eq!(told["faults"]["worst"][0]["device"], json!(own.device));
    assert_eq!(told["battery"]["worst"][0]["percent"], json!(17.0));
    assert_eq!(told["away"], json!({ "all": 0, "devices": [] }));

    let theirs = other.manager.read("/biplane/fleet/health").await.expect("a fleet");
    assert_eq!(theirs["devices"], json!({ "all": 1, "connected": 0, "never": 1 }), "{theirs}");
    assert_eq!(theirs["faults"]["fixes"], json!(0));
    assert_eq!(theirs["away"]["devices"][0]["device"], json!(other.device));
    // Of somebody else's organization there is nothing, not even that it exists.
    let asked = format!("/biplane/fleet/health?organization={}", own.organization);
    let none = other.manager.read(&asked).await.expect("a fleet");
    assert_eq!(none["devices"]["all"], json!(0), "{none}");
    let day = format!("{asked}&within=day");
    let mine = admin.read(&day).await.expect("a fleet");
    assert_eq!(mine["faults"]["fixes"], json!(60), "{mine}");
    let wrong = refusal(admin.read("/biplane/fleet/health?within=week").await);
    assert_eq!((wrong.0, &*wrong.1), (400, "PARAMETER_INVALID"), "{}", wrong.2);
}

#[tokio::test]
async fn what_a_device_did_under_its_former_owner_is_not_the_new_ones() {
    let stack = stack();
    let admin = admin(&stack).await;
    let (seller, buyer) = (Tenant::make(&stack, &admin).await, Tenant::make(&stack, &admin).await);
    let database = database(&stack).await;
    drive(&database, &seller).await;
    let sold = "UPDATE devices SET organization = $2 WHERE id = $1";
    database
        .execute("DELETE FROM entries WHERE device = $1", &[&seller.device])
        .await
        .expect("no entry");
    database.execute(sold, &[&seller.device, &buyer.organization]).await.expect("it is sold");
    let told = buyer.viewer.read("/biplane/fleet/health").await.expect("a fleet");
    assert_eq!(told["devices"], json!({ "all": 2, "connected": 0, "never": 2 }), "{told}");
    assert_eq!(told["faults"]["fixes"], json!(0), "{told}");
    let told = seller.viewer.read("/biplane/fleet/health").await.expect("a fleet");
    assert_eq!(told["devices"]["all"], json!(0), "{told}");
}
