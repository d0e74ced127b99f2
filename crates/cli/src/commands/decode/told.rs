//! What `biplane decode` prints of what was decoded.

use biplane_core::{Fix, IoValue};
use biplane_protocols::teltonika::{HDOP, Message, PROTOCOL as TELTONIKA, Piece};
use biplane_protocols::{Event, element, osmand};
use serde_json::{Map, Value, json};

/// One object for a whole capture; lists that would be empty are left out, but for `records`.
pub(super) struct Told {
    protocol: &'static str,
    object: Value,
}

impl Told {
    fn new(protocol: &'static str) -> Self {
        Self { protocol, object: json!({ "records": [] }) }
    }

    fn add(&mut self, list: &str, value: Value) {
        match &mut self.object[list] {
            Value::Array(items) => items.push(value),
            other => *other = json!([value]),
        }
    }

    fn count(&mut self, name: &str) {
        self.object[name] = json!(self.object[name].as_u64().unwrap_or_default() + 1);
    }

    fn records(&mut self, fixes: &[Fix]) {
        for fix in fixes {
            self.add("records", record(self.protocol, fix));
        }
    }

    /// Of what a session made of a capture.
    pub fn events(protocol: &'static str, events: &[Event]) -> Value {
        let mut told = Self::new(protocol);
        for event in events {
            match event {
                Event::Login { imei } => told.add("logins", json!(imei.to_string())),
                // A message without a position, which wants an answer.
                Event::Records { fixes } if fixes.is_empty() => told.count("pings"),
                Event::Records { fixes } => told.records(fixes),
                Event::Response { text, .. } => told.add("responses", json!(text)),
                Event::Ping => told.count("pings"),
                // The first one is the error that is printed instead.
                Event::Malformed { .. } => {}
            }
        }
        told.object
    }

    /// Of a request; its token is a secret and not repeated.
    pub fn report(report: &osmand::Report) -> Value {
        let mut told = Self::new(osmand::NAME);
        told.add("logins", json!(report.imei.to_string()));
        told.records(&report.fixes);
        told.object
    }

    /// Of Teltonika's pieces.
    pub fn pieces(pieces: &[Piece]) -> Value {
        let mut told = Self::new(TELTONIKA.name);
        for piece in pieces {
            match piece {
                Piece::Login(imei) => told.add("logins", json!(imei.to_string())),
                Piece::Ping => told.count("pings"),
                Piece::Records(fixes) => told.records(fixes),
                Piece::Messages(messages) => {
                    messages.iter().for_each(|message| told.add("messages", message_told(message)));
                }
                Piece::Datagram(datagram) => {
                    let (packet, avl_packet) = (datagram.packet, datagram.avl_packet);
                    let imei = datagram.imei.to_string();
                    told.add(
                        "datagrams",
                        json!({ "packet": packet, "avl_packet": avl_packet, "imei": imei }),
                    );
                    told.records(&datagram.fixes);
                }
            }
        }
        told.object
    }
}

/// IO elements as sent, by id, and those that the catalogue knows by name too.
fn record(protocol: &str, fix: &Fix) -> Value {
    let mut sent = fix.io.clone();
    // Teltonika sends HDOP as one of them.
    let tenths = fix.hdop.filter(|_| protocol == TELTONIKA.name).map(|hdop| (hdop * 10.0).round());
    sent.extend(tenths.map(|tenths| (HDOP, IoValue::Unsigned(tenths as u64))));
    let io: Map<String, Value> =
        sent.iter().map(|(id, value)| (id.to_string(), as_sent(value))).collect();
    let named = sent.iter().filter_map(|(id, value)| {
        let element = element(protocol, *id)?;
        let value = match value {
            IoValue::Bytes(bytes) => {
                json!(text(bytes).map_or_else(|| digits(bytes), str::to_owned))
            }
            number => json!(element.value(number)?),
        };
        Some(json!({ "id": id, "name": element.name, "value": value, "unit": element.unit }))
    });
    let elements: Vec<Value> = named.collect();
    let mut told = json!({
        "time": fix.time,
        "lat": fix.lat,
        "lon": fix.lon,
        "altitude_m": fix.altitude_m,
        "course_deg": fix.course_deg,
        "speed_kmh": fix.speed_kmh,
        "satellites": fix.satellites,
        "io": io,
        "elements": elements,
    });
    if protocol != TELTONIKA.name
        && let Some(hdop) = fix.hdop
    {
        told["hdop"] = json!(hdop);
    }
    told
}

fn as_sent(value: &IoValue) -> Value {
    match value {
        IoValue::Unsigned(number) => json!(number),
        IoValue::Bytes(bytes) => json!(digits(bytes)),
    }
}

fn message_told(message: &Message) -> Value {
    let mut told = json!({
        "kind": message.kind.as_str(),
        "payload_hex": digits(&message.payload),
    });
    if let Some(text) = text(&message.payload) {
        told["text"] = json!(text);
    }
    if let Some(time) = message.time {
        told["time"] = json!(time);
    }
    if let Some(imei) = message.imei {
        told["imei"] = json!(imei.to_string());
    }
    told
}

/// Bytes as people read them; binary ones have no text.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.chars().all(|c| !c.is_control() || c.is_whitespace()).then_some(text)
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
