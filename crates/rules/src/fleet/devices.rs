//! What is known of each device: of its row and its status as the caller sees them, and of its positions.

use std::collections::HashMap;
use std::ops::ControlFlow;

use biplane_core::{ErrorCode, Timestamp};
use serde_json::{Value, json};

use crate::{Call, Need, Rejection};

pub(crate) const DAY_MS: i64 = 86_400_000;

/// So many devices are looked at.
const MOST: u32 = 20_000;

/// What a battery has left: Teltonika's element (%), and OsmAnd's (%). Of GT06 it is a step of six.
const TELTONIKA: &str = "113";
const OSMAND: &str = "1";
const GT06: &str = "4";
const ELEMENTS: &[&str] = &[TELTONIKA, OSMAND, GT06];

/// A device.
#[derive(Debug)]
pub(crate) struct Device<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub organization: &'a str,
    pub protocol: &'a str,
    /// The instance that heard of it last.
    pub gateway: &'a str,
    pub connected: bool,
    /// Processing time of what was heard last.
    pub received_at: Option<Timestamp>,
    /// Event time of the last fix that is believed.
    pub fix_at: Option<Timestamp>,
    /// Positions of the time in question.
    pub fixes: u64,
    pub faulty: u64,
    /// From the event time of the last of them to the row in the table.
    pub lag_ms: Option<f64>,
    pub battery_percent: Option<f64>,
}

impl Device<'_> {
    pub fn faulty_share(&self) -> f64 {
        self.faulty as f64 / self.fixes.max(1) as f64
    }
}

/// All that the caller sees.
#[derive(Debug)]
pub(crate) struct Devices<'a> {
    pub all: Vec<Device<'a>>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Devices<'a> {
    /// The devices with their status, or what has to be read for that.
    pub fn read(
        call: &'a Call,
        organization: Option<&str>,
    ) -> Result<ControlFlow<Vec<Need>, Self>, Rejection> {
        let (Some(devices), Some(status)) =
            (call.ctx.answer("devices")?, call.ctx.answer("status")?)
        else {
            return Ok(ControlFlow::Break(needs(organization)));
        };
        if devices.len() > MOST as usize {
            let message =
                format!("organization: there are more than {MOST} devices; ask for fewer");
            return Err(Rejection::field(ErrorCode::TooMuch, "organization", message));
        }
        let status: HashMap<_, _> = status.iter().map(|it| (text(it, "device"), it)).collect();
        let all: Vec<_> = devices
            .iter()
            .map(|device| {
                let organization = text(device, "organization");
                // What it did under another owner is not the present one's business.
                let own = |it: &&&Value| text(it, "organization") == organization;
                let status =
                    status.get(text(device, "id")).filter(own).map_or(&Value::Null, |it| *it);
                let protocol = [text(status, "protocol"), text(device, "protocol")];
                Device {
                    id: text(device, "id"),
                    name: text(device, "name"),
                    organization,
                    protocol: protocol.into_iter().find(|it| !it.is_empty()).unwrap_or_default(),
                    gateway: text(status, "gateway"),
                    connected: status["connected"] == true,
                    received_at: time(status, "last_received_at"),
                    fix_at: time(status, "last_fix_at"),
                    fixes: 0,
                    faulty: 0,
                    lag_ms: None,
                    battery_percent: None,
                }
            })
            .collect();
        let places = all.iter().map(|it| it.id).zip(0..).collect();
        Ok(ControlFlow::Continue(Self { all, places }))
    }

    /// Adds what positions say since a time; asks for it where it is not known.
    pub fn count(
        &mut self,
        call: &'a Call,
        organization: Option<&str>,
        from: Timestamp,
    ) -> Result<Option<Need>, Rejection> {
        let Some(counts) = call.ctx.answer("positions")? else {
            return Ok(Some(Need::PositionsCount {
                name: "positions",
                organization: organization.map(str::to_owned),
                from_ms: from.as_millis() as f64,
                elements: ELEMENTS,
            }));
        };
        for count in counts {
            let Some(&place) = self.places.get(text(count, "device")) else { continue };
            let device = &mut self.all[place];
            device.fixes = count["fixes"].as_u64().unwrap_or_default();
            device.faulty = count["faulty"].as_u64().unwrap_or_default().min(device.fixes);
            device.lag_ms = count["lag_ms"].as_f64();
            device.battery_percent = battery(device.protocol, &count["elements"]);
        }
        Ok(None)
    }
}

fn needs(organization: Option<&str>) -> Vec<Need> {
    let of = |mut filter: Value| {
        if let Some(key) = organization {
            filter["organization"] = json!({ "_eq": key });
        }
        filter
    };
    vec![
        Need::find(
            "devices",
            "devices",
            of(json!({ "status": { "_eq": "active" } })),
            &["id", "name", "organization", "protocol"],
            MOST + 1,
        ),
        Need::find(
            "status",
            "device_status",
            of(json!({})),
            &[
                "device",
                "organization",
                "protocol",
                "gateway",
                "connected",
                "last_received_at",
                "last_fix_at",
            ],
            // A device may have a status that is no longer in use.
            2 * MOST,
        ),
    ]
}

fn battery(protocol: &str, elements: &Value) -> Option<f64> {
    let percent = match protocol {
        "teltonika" => elements[TELTONIKA].as_f64()?,
        "osmand" => elements[OSMAND].as_f64()?,
        "gt06" => (elements[GT06].as_f64()? * 100.0 / 6.0).round(),
        _ => return None,
    };
    Some(percent).filter(|it| (0.0..=100.0).contains(it))
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item[field].as_str().unwrap_or_default()
}

fn time(item: &Value, field: &str) -> Option<Timestamp> {
    item[field].as_str()?.parse().ok()
}
