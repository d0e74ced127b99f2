//! JSON lines over TCP: for makers who write their own firmware. `docs/guide-protocols.md` is the
//! specification.
//!
//! One object a line. The device names itself, then sends positions, each alone or some in an
//! array; the server answers every such line by one of its own.

use biplane_core::{ErrorCode, Fix, Imei, IoValue, Timestamp};
use serde_json::{Map, Value, json};

use crate::osmand::{MAX_TOKEN, offset_in};
use crate::stream::{Phase, Stream};
use crate::{Event, Malformed, Protocol, Session};

/// Over TCP.
pub const PROTOCOL: Protocol =
    Protocol { name: "json-lines", tcp: Some(|| Box::new(JsonLinesSession::new())), udp: None };

/// The most bytes of a line, with its end.
pub const MAX_LINE: usize = 64 * 1024;

/// The most positions in a line.
pub const MAX_FIXES: usize = 255;

/// The most IO elements of a position.
pub const MAX_IO: usize = 255;

/// The server's side of one connection.
///
/// Holds at most one line of [`MAX_LINE`]. A line that can't be read is answered by what is wrong
/// with it, and nothing of it is taken; the third in a row ends the connection.
#[derive(Debug)]
pub struct JsonLinesSession {
    stream: Stream,
    imei: Option<Imei>,
    token: Option<String>,
}

impl Default for JsonLinesSession {
    fn default() -> Self {
        Self::new()
    }
}

impl JsonLinesSession {
    /// A connection that has just been opened.
    pub fn new() -> Self {
        Self { stream: Stream::new(MAX_LINE), imei: None, token: None }
    }

    fn line(&mut self, line: &[u8]) -> Event {
        match read(line) {
            Ok(Line::Hello { imei, .. }) if self.imei.is_some_and(|known| known != imei) => {
                let error =
                    malformed(0, format!("imei: a second device, {imei}, on one connection"));
                let reply = told(&error);
                self.stream.close(error, reply)
            }
            Ok(Line::Hello { imei, token }) => {
                self.stream.understood();
                self.stream.phase = Phase::Deciding;
                (self.imei, self.token) = (Some(imei), token);
                Event::Login { imei }
            }
            Ok(_) if self.stream.phase == Phase::Login => {
                let error = malformed(0, "imei: the first line names the device");
                let reply = told(&error);
                self.stream.close(error, reply)
            }
            Ok(Line::Fixes(fixes)) => self.stream.store(fixes),
            Ok(Line::Response(text)) => {
                self.stream.understood();
                Event::Response { text, refused: false }
            }
            Err(error) => {
                let reply = told(&error);
                self.stream.refuse(error, reply)
            }
        }
    }
}

impl Session for JsonLinesSession {
    fn protocol(&self) -> &'static str {
        PROTOCOL.name
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.stream.receive(bytes)
    }

    fn next_event(&mut self) -> Option<Event> {
        if self.stream.waits() {
            return None;
        }
        // Blanks alone in a line say that the device is there; of several lines one is told.
        let blanks =
            self.stream.bytes().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let ends = self.stream.bytes()[..blanks].contains(&b'\n');
        if blanks > 0 {
            self.stream.drop_front(blanks);
        }
        if ends && self.stream.phase == Phase::Frames {
            return Some(Event::Ping);
        }
        match self.stream.find(b'\n') {
            Some(end) => {
                let line = self.stream.take_front(end + 1);
                Some(self.line(&line[..end]))
            }
            None if self.stream.is_full() => {
                let message = format!("a line has more than {MAX_LINE} bytes");
                let error = Malformed { code: ErrorCode::FrameTooLarge, offset: MAX_LINE, message };
                let reply = told(&error);
                Some(self.stream.close(error, reply))
            }
            None => None,
        }
    }

    fn takes_token(&self) -> bool {
        true
    }

    fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn decide(&mut self, accepted: bool) -> Vec<u8> {
        self.stream.decide(accepted);
        if accepted {
            return line(&json!({ "ack": 0 }));
        }
        let message = "the device is not known here, or its token is wrong";
        line(&json!({ "error": { "code": ErrorCode::Forbidden, "message": message } }))
    }

    fn acknowledge(&mut self, records: usize) -> Vec<u8> {
        self.stream.stored();
        line(&json!({ "ack": records }))
    }

    fn command(&mut self, text: &str) -> Option<Vec<u8>> {
        let line = line(&json!({ "command": text }));
        (line.len() <= MAX_LINE).then_some(line)
    }
}

fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

fn told(error: &Malformed) -> Vec<u8> {
    line(&json!({ "error": { "code": error.code, "message": error.message } }))
}

fn malformed(offset: usize, message: impl Into<String>) -> Malformed {
    Malformed { code: ErrorCode::FrameMalformed, offset, message: message.into() }
}

/// What a line says.
enum Line {
    Hello { imei: Imei, token: Option<String> },
    Fixes(Vec<Fix>),
    Response(String),
}

fn read(line: &[u8]) -> Result<Line, Malformed> {
    let text = std::str::from_utf8(line)
        .map_err(|error| malformed(error.valid_up_to(), "the line is not UTF-8"))?;
    let value: Value = serde_json::from_str(text)
        .map_err(|error| malformed(offset_in(text, &error), format!("no JSON: {error}")))?;
    let fixes = match &value {
        Value::Array(fixes) if fixes.is_empty() || fixes.len() > MAX_FIXES => {
            let message = format!("{} positions in a line; 1 to {MAX_FIXES} may be", fixes.len());
            return Err(malformed(0, message));
        }
        Value::Array(fixes) => fixes
            .iter()
            .enumerate()
            .map(|(at, item)| fix(item).map_err(|message| format!("[{at}].{message}")))
            .collect::<Result<_, _>>(),
        Value::Object(object) if object.contains_key("imei") => {
            return hello(object);
        }
        Value::Object(object) if object.contains_key("response") => {
            return match &object["response"] {
                Value::String(text) => Ok(Line::Response(text.clone())),
                other => Err(malformed(0, format!("response: {} is no text", shown(other)))),
            };
        }
        other => fix(other).map(|fix| vec![fix]),
    };
    fixes.map(Line::Fixes).map_err(|message| malformed(0, message))
}

fn hello(object: &Map<String, Value>) -> Result<Line, Malformed> {
    let (mut imei, mut token) = (None, None);
    for (field, value) in object {
        match (field.as_str(), value) {
            ("imei", Value::String(text)) => {
                imei = Some(Imei::from_digits(text).map_err(|error| Malformed {
                    code: ErrorCode::DeviceImei,
                    ..malformed(0, format!("imei {}: {error}", shown(value)))
                })?);
            }
            ("token", Value::String(text)) if text.chars().count() <= MAX_TOKEN => {
                token = Some(text.clone());
            }
            ("token", Value::String(_)) => {
                return Err(malformed(0, format!("token: more than {MAX_TOKEN} characters")));
            }
            ("imei" | "token", _) => {
                return Err(malformed(0, format!("{field}: {} is no text", shown(value))));
            }
            _ => return Err(malformed(0, format!("{field}: no such field beside `imei`"))),
        }
    }
    let imei = imei.ok_or_else(|| malformed(0, "imei: it is missing"))?;
    Ok(Line::Hello { imei, token })
}

/// A position; what is wrong is told with the field's name and value.
fn fix(value: &Value) -> Result<Fix, String> {
    let Value::Object(object) = value else {
        return Err(format!("position: {} is no object", shown(value)));
    };
    let (mut time, mut lat, mut lon) = (None, None, None);
    let (mut altitude_m, mut speed_kmh, mut course_deg) = (None, None, None);
    let (mut satellites, mut hdop, mut io) = (None, None, Vec::new());
    for (field, value) in object {
        let within = |low: f64, high: f64| match value.as_f64() {
            Some(number) if (low..=high).contains(&number) => Ok(number),
            _ => Err(format!("{field}: {} is no number from {low} to {high}", shown(value))),
        };
        match field.as_str() {
            // A field that is null is not there.
            _ if value.is_null() => {}
            "time" => time = Some(instant(value)?),
            "lat" => lat = Some(within(-90.0, 90.0)?),
            "lon" => lon = Some(within(-180.0, 180.0)?),
            "altitude_m" => altitude_m = Some(within(-100_000.0, 100_000.0)? as f32),
            "speed_kmh" => speed_kmh = Some(within(0.0, 100_000.0)? as f32),
            "course_deg" => course_deg = Some(within(0.0, 360.0)? as f32),
            "hdop" => hdop = Some(within(0.0, 100_000.0)? as f32),
            "satellites" => {
                let count = value.as_u64().and_then(|count| u8::try_from(count).ok());
                satellites = Some(count.ok_or_else(|| {
                    format!("satellites: {} is no whole number from 0 to 255", shown(value))
                })?);
            }
            "io" => io = elements(value)?,
            _ => return Err(format!("{field}: no such field in a position")),
        }
    }
    let missing = |field: &str| format!("{field}: it is missing");
    Ok(Fix {
        time: time.ok_or_else(|| missing("time"))?,
        lat: lat.ok_or_else(|| missing("lat"))?,
        lon: lon.ok_or_else(|| missing("lon"))?,
        altitude_m,
        speed_kmh,
        course_deg,
        satellites,
        hdop,
        io,
    })
}

fn instant(value: &Value) -> Result<Timestamp, String> {
    let Value::String(text) = value else {
        return Err(format!("time: {} is no text", shown(value)));
    };
    text.parse().map_err(|error| format!("time: {error}"))
}

/// `{"number": value}`: whole numbers from 0, `true` and `false` as 1 and 0, texts as bytes.
fn elements(value: &Value) -> Result<Vec<(u16, IoValue)>, String> {
    let Value::Object(object) = value else {
        return Err(format!("io: {} is no object", shown(value)));
    };
    if object.len() > MAX_IO {
        return Err(format!("io: {} elements, at most {MAX_IO} are taken", object.len()));
    }
    let element = |(id, value): (&String, &Value)| {
        let number = id.parse::<u16>().ok().filter(|number| number.to_string() == *id);
        let number = number.ok_or_else(|| {
            let id: String = id.chars().take(40).collect();
            format!("io: `{id}` is no number from 0 to 65535")
        })?;
        let value = match value {
            Value::Bool(flag) => IoValue::Unsigned((*flag).into()),
            Value::String(text) => IoValue::Bytes(text.clone().into_bytes()),
            Value::Number(found) if found.is_u64() => {
                IoValue::Unsigned(found.as_u64().unwrap_or_default())
            }
            other => {
                let other = shown(other);
                return Err(format!("io.{id}: {other} is no whole number from 0, text or flag"));
            }
        };
        Ok((number, value))
    };
    let mut elements = object.iter().map(element).collect::<Result<Vec<_>, String>>()?;
    elements.sort_by_key(|(id, _)| *id);
    Ok(elements)
}

/// What an error repeats of a value.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 { text } else { text.chars().take(40).chain(['…']).collect() }
}
