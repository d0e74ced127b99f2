//! What an organization holds: an item of every collection.

use std::collections::HashMap;

use biplane_core::Imei;
use biplane_stack::directus::Client;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Tenant, fresh_id, unique};

/// All collections.
pub const COLLECTIONS: [&str; 16] = [
    "organizations",
    "organization_members",
    "devices",
    "device_profiles",
    "events",
    "entries",
    "checkpoints",
    "geofences",
    "crossings",
    "crossing_edits",
    "position_flags",
    "commands",
    "command_transitions",
    "alerts",
    "device_status",
    "trips",
];

/// An item of each collection, all of one organization.
#[derive(Debug)]
pub struct Items(HashMap<&'static str, Uuid>);

impl Items {
    /// The item of a collection.
    pub fn of(&self, collection: &str) -> Uuid {
        self.0[collection]
    }
}

impl Tenant {
    /// Makes what the organization lacks: then there is an item of every collection, and the course may
    /// be changed though it has a crossing.
    pub async fn fill(&self, admin: &Client) -> Items {
        let mut items = HashMap::from([
            ("organizations", self.organization),
            ("devices", self.device),
            ("events", self.event),
            ("entries", self.entry),
            ("checkpoints", self.checkpoint),
            ("geofences", self.geofence),
        ]);
        for collection in COLLECTIONS {
            if !items.contains_key(collection) {
                let item = self.another(admin, collection, &Items(items.clone())).await;
                items.insert(collection, create(admin, collection, &item).await);
            }
        }
        let revision = json!({ "course_revision": true });
        let event = path("events", self.event);
        admin.call(Method::PATCH, &event, Some(&revision)).await.expect("a revision");
        Items(items)
    }

    /// One more valid item of a collection, not made yet: ready to be sent by whoever.
    pub async fn another(&self, admin: &Client, collection: &str, items: &Items) -> Value {
        let id = |collection: &str| json!(items.0.get(collection));
        let imei = Imei::with_check_digit(87_000_000_000_000 + unique() % 1_000_000_000_000);
        let device = json!({ "organization": self.organization, "name": "Another", "imei": imei.to_string() });
        let span = ("2020-07-01T10:00:00Z", "2020-07-01T10:00:05Z");
        let mut item = match collection {
            "organizations" => json!({ "name": "Another", "slug": fresh_id() }),
            "organization_members" => {
                let user =
                    json!({ "id": fresh_id(), "email": format!("{}@example.com", fresh_id()) });
                json!({ "user": create(admin, "users", &user).await, "role": "viewer" })
            }
            "devices" => device,
            "device_profiles" => json!({ "name": "Another", "max_speed_kmh": 130 }),
            "events" => json!({ "name": "Another", "status": "draft" }),
            "entries" => {
                json!({ "event": self.event, "device": self.device, "number": fresh_id().to_string()[..8], "name": "Another" })
            }
            "checkpoints" => {
                json!({ "event": self.event, "geofence": self.geofence, "name": "Another", "role": "turnpoint", "sort": 9 })
            }
            "geofences" => {
                json!({ "name": "Another", "kind": "circle", "geometry": { "type": "Point", "coordinates": [13.0, 46.0] }, "radius_m": 400 })
            }
            "crossings" => json!({
                "device": self.device, "event": self.event, "entry": self.entry, "checkpoint": self.checkpoint,
                "geofence": self.geofence, "direction": "enter", "crossed_at": span.0, "fix_before_at": span.0,
                "fix_after_at": span.1, "lat": 46.0, "lon": 12.0,
            }),
            "crossing_edits" => {
                json!({ "crossing": id("crossings"), "action": "void", "reason": "Wrong" })
            }
            "position_flags" => {
                json!({ "device": self.device, "starts_at": span.0, "ends_at": span.1, "reason": "Wrong" })
            }
            "commands" => json!({ "device": self.device, "name": "getinfo", "parameters": {} }),
            "command_transitions" => {
                json!({ "command": id("commands"), "to_status": "failed", "attempt": 1, "occurred_at": span.0 })
            }
            "alerts" => {
                json!({ "device": self.device, "kind": "overspeed", "severity": "info", "occurred_at": span.0, "message": "Fast" })
            }
            "trips" => json!({
                "device": self.device, "started_at": span.0, "distance_m": 900, "max_speed_kmh": 60,
                "start_lat": 46.0, "start_lon": 12.0,
            }),
            // One a device.
            "device_status" => json!({ "device": device, "connected": true }),
            _ => panic!("no collection {collection}"),
        };
        if collection != "organizations" {
            item["organization"] = json!(self.organization);
        }
        item
    }
}

/// Makes an item, of a collection or a user, and gives its id.
pub async fn create(admin: &Client, collection: &str, item: &Value) -> Uuid {
    let path = if collection == "users" { "/users".into() } else { format!("/items/{collection}") };
    let made = admin.call(Method::POST, &path, Some(item)).await;
    let made = made.unwrap_or_else(|error| panic!("{collection}: {error}"));
    made["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

/// Where an item lies.
pub fn path(collection: &str, id: Uuid) -> String {
    format!("/items/{collection}/{id}")
}

/// A change that somebody might make of an item.
pub fn change(collection: &str) -> Value {
    match collection {
        "organization_members" => json!({ "role": "operator" }),
        "commands" => json!({ "status": "cancelled" }),
        "command_transitions" => json!({ "to_status": "cancelled" }),
        "alerts" => json!({ "status": "acknowledged" }),
        "trips" => json!({ "distance_m": 1.0 }),
        "crossings" | "device_status" => json!({ "lat": 1.0 }),
        "crossing_edits" | "position_flags" => json!({ "reason": "Other" }),
        _ => json!({ "name": "Other" }),
    }
}
