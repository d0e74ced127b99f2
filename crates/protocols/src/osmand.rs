//! OsmAnd's protocol over HTTP, as OsmAnd and Traccar Client send it: a phone becomes a tracker.
//!
//! Sources: <https://www.traccar.org/osmand/> and `OsmAndProtocolDecoder` of Traccar. A position is
//! either parameters, in the query or as a form (`id`, `lat`, `lon`, `timestamp`, `speed` in
//! **knots**, …), or, since Traccar Client 9, a JSON body (`location.coords.speed` in **m/s**, -1
//! where a value is not known). Times without a zone are UTC.
//!
//! Pure as everything here: the host owns HTTP. It answers 200 once the fixes are durable.

use biplane_core::{ErrorCode, Fix, Imei, IoValue, Timestamp};
use serde_json::Value;

use crate::Malformed;

/// As in [`biplane_core::Frame::protocol`] and in `devices.protocol`.
pub const NAME: &str = "osmand";

/// The most bytes that a query and a body may have together.
pub const MAX_REQUEST: usize = 64 * 1024;

/// The most positions in one JSON body.
pub const MAX_FIXES: usize = 255;

/// The most characters of a token.
pub const MAX_TOKEN: usize = 256;

/// No altitude, speed or accuracy is larger; a double can be, and is no such value then.
const MAX_NUMBER: f64 = 1e9;

/// km/h in a knot: a nautical mile is 1,852 m.
pub(crate) const KNOT_KMH: f64 = 1.852;

/// km/h in a metre per second.
const MPS_KMH: f64 = 3.6;

/// IO elements, which the protocol has no numbers for; named in the catalogue.
pub(crate) mod io {
    /// Parameters that mean nothing here, as they came.
    pub const OTHER: u16 = 0;
    pub const BATTERY_PERCENT: u16 = 1;
    pub const ACCURACY_M: u16 = 2;
    pub const CHARGING: u16 = 3;
    pub const IGNITION: u16 = 4;
    pub const MOVING: u16 = 5;
}

/// What a request says.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Who it claims to be: the parameter `id` or `deviceid`, in JSON `device_id`.
    pub imei: Imei,
    /// The parameter `token`. A header may have it instead; the host compares.
    pub token: Option<String>,
    /// In the order sent. None where the request has no position, which is no error: the sender
    /// would repeat it for ever.
    pub fixes: Vec<Fix>,
}

/// Reads a request: what stands behind the `?` of its address, and its body, either of them empty.
///
/// A body that starts with `{` is JSON, any other is a form; a token in the query goes with both.
/// `received_at` is the time of a position that has none. Offsets of errors count from the first
/// byte of the body if that is JSON, otherwise of the query, to which a form is added.
pub fn report(query: &str, body: &str, received_at: Timestamp) -> Result<Report, Malformed> {
    let length = query.len() + body.len();
    if length > MAX_REQUEST {
        let message = format!("the request has {length} bytes, at most {MAX_REQUEST} are taken");
        return Err(Malformed { code: ErrorCode::FrameTooLarge, offset: MAX_REQUEST, message });
    }
    let query = query.strip_prefix('?').unwrap_or(query);
    if body.trim_start().starts_with('{') {
        return from_json(query, body, received_at);
    }
    match (query.is_empty(), body.is_empty()) {
        (_, true) => from_parameters(query, received_at),
        (true, false) => from_parameters(body.trim_end(), received_at),
        (false, false) => from_parameters(&format!("{query}&{}", body.trim_end()), received_at),
    }
}

fn malformed(offset: usize, message: impl Into<String>) -> Malformed {
    Malformed { code: ErrorCode::FrameMalformed, offset, message: message.into() }
}

fn imei(text: &str, offset: usize, field: &str) -> Result<Imei, Malformed> {
    Imei::from_digits(text).map_err(|error| Malformed {
        code: ErrorCode::DeviceImei,
        offset,
        message: format!("{field} `{}`: {error}", shortened(text)),
    })
}

fn token(text: &str, offset: usize) -> Result<String, Malformed> {
    if text.chars().count() > MAX_TOKEN {
        return Err(malformed(offset, format!("token: more than {MAX_TOKEN} characters")));
    }
    Ok(text.to_owned())
}

/// What an error repeats of a value.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A parameter, and the offset of its name.
type Parameter = (usize, String, String);

fn parameters(text: &str) -> impl Iterator<Item = Result<Parameter, Malformed>> + '_ {
    let mut at = 0;
    text.split('&').filter_map(move |pair| {
        let offset = at;
        at += pair.len() + 1;
        if pair.is_empty() {
            return None;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |part| {
            decoded(part).ok_or_else(|| {
                let part = shortened(part);
                malformed(offset, format!("`{part}` is not percent-encoded UTF-8"))
            })
        };
        Some(decoded(name).and_then(|name| Ok((offset, name, decoded(value)?))))
    })
}

/// A part of a form: `+` is a blank, `%2B` is a plus.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? << 4 | digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn from_parameters(text: &str, received_at: Timestamp) -> Result<Report, Malformed> {
    let (mut device, mut secret, mut place, mut time) = (None, None, [None; 2], received_at);
    let (mut valid, mut altitude, mut speed, mut course, mut hdop) = (true, None, None, None, None);
    let mut io = Vec::new();
    let mut other = String::new();
    for parameter in parameters(text) {
        let (at, name, value) = parameter?;
        let number = || match value.trim().parse::<f64>() {
            Ok(number) if number.abs() <= MAX_NUMBER => Ok(number),
            _ => Err(malformed(at, format!("{name}: `{}` is no number", shortened(&value)))),
        };
        let whole = |number: f64| IoValue::Unsigned(number.max(0.0).round() as u64);
        match name.as_str() {
            "id" | "deviceid" => device = Some(imei(&value, at, &name)?),
            "token" => secret = Some(token(&value, at)?),
            "valid" => valid = flag(&value).unwrap_or(false),
            "timestamp" => {
                time = instant(&value).ok_or_else(|| {
                    let value = shortened(&value);
                    malformed(
                        at,
                        format!("timestamp: `{value}` is neither a Unix time nor a date and time"),
                    )
                })?;
            }
            "lat" => place[0] = Some(number()?),
            "lon" => place[1] = Some(number()?),
            "location" => {
                let parts = value.split_once(',').map(|(lat, lon)| (lat.parse(), lon.parse()));
                let Some((Ok(lat), Ok(lon))) = parts else {
                    let value = shortened(&value);
                    return Err(malformed(at, format!("location: `{value}` is not `lat,lon`")));
                };
                place = [Some(lat), Some(lon)];
            }
            "altitude" => altitude = Some(number()? as f32),
            "speed" => speed = Some((number()? * KNOT_KMH) as f32),
            // Ours: apps that fill in a template, OsmAnd itself among them, know no knots.
            "speed_ms" => speed = Some((number()? * MPS_KMH) as f32),
            "speed_kmh" => speed = Some(number()? as f32),
            "bearing" | "heading" => course = Some(number()? as f32),
            "hdop" => hdop = Some(number()? as f32),
            "accuracy" => io.push((io::ACCURACY_M, whole(number()?))),
            "batt" => io.push((io::BATTERY_PERCENT, whole(number()?))),
            _ => {
                let known = match name.as_str() {
                    "charge" => Some(io::CHARGING),
                    "ignition" => Some(io::IGNITION),
                    "motion" => Some(io::MOVING),
                    _ => None,
                };
                match (known, flag(&value)) {
                    (Some(id), Some(flag)) => io.push((id, IoValue::Unsigned(flag.into()))),
                    _ => {
                        let separator = if other.is_empty() { "" } else { "&" };
                        other.push_str(&format!("{separator}{name}={value}"));
                    }
                }
            }
        }
    }
    let imei = device.ok_or_else(|| missing("id", text.len()))?;
    if !other.is_empty() {
        io.push((io::OTHER, IoValue::Bytes(other.into_bytes())));
    }
    let fixes = match place {
        [Some(lat), Some(lon)] => vec![Fix {
            time,
            lat: degrees("lat", lat, 90.0, text.len())?,
            lon: degrees("lon", lon, 180.0, text.len())?,
            altitude_m: altitude,
            speed_kmh: speed,
            course_deg: course,
            // As everywhere, 0 says that the place is no fix.
            satellites: (!valid).then_some(0),
            hdop,
            io,
        }],
        [None, None] => Vec::new(),
        [None, _] => return Err(missing("lat", text.len())),
        [_, None] => return Err(missing("lon", text.len())),
    };
    Ok(Report { imei, token: secret, fixes })
}

fn missing(field: &str, offset: usize) -> Malformed {
    malformed(offset, format!("the parameter `{field}` is missing"))
}

fn degrees(field: &str, value: f64, limit: f64, offset: usize) -> Result<f64, Malformed> {
    if value.abs() <= limit {
        return Ok(value);
    }
    Err(malformed(offset, format!("{field}: {value} is not within -{limit} and {limit} degrees")))
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Seconds or milliseconds since 1970, RFC 3339, or a date and a time in UTC with a blank between.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        // Traccar's border: seconds pass it in 2038, milliseconds did in January 1970.
        let seconds = (0..i64::from(i32::MAX)).contains(&number);
        return Some(Timestamp::from_millis(if seconds { number * 1_000 } else { number }));
    }
    text.parse().or_else(|_| format!("{}Z", text.replacen(' ', "T", 1)).parse()).ok()
}

fn from_json(query: &str, body: &str, received_at: Timestamp) -> Result<Report, Malformed> {
    let body: Value = serde_json::from_str(body)
        .map_err(|error| malformed(offset_in(body, &error), format!("no JSON: {error}")))?;
    let device = match &body["device_id"] {
        Value::String(text) => imei(text, 0, "device_id")?,
        Value::Number(number) => imei(&number.to_string(), 0, "device_id")?,
        _ => return Err(malformed(0, "the field `device_id` is missing")),
    };
    let mut secret = match &body["token"] {
        Value::String(text) => Some(token(text, 0)?),
        _ => None,
    };
    for parameter in parameters(query) {
        let (at, name, value) = parameter?;
        if name == "token" {
            secret = Some(token(&value, at)?);
        }
    }
    let locations = match &body["location"] {
        Value::Array(locations) if locations.len() > MAX_FIXES => {
            let message = format!("location: more than {MAX_FIXES} in one request");
            return Err(Malformed { code: ErrorCode::FrameTooLarge, offset: 0, message });
        }
        Value::Array(locations) => &locations[..],
        Value::Null => &[],
        location => std::slice::from_ref(location),
    };
    let fixes = locations.iter().map(|location| from_location(location, received_at));
    Ok(Report { imei: device, token: secret, fixes: fixes.collect::<Result<_, _>>()? })
}

/// Where in `text` a parser stopped; it counts lines and columns from 1.
pub(crate) fn offset_in(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    (lines.map(str::len).sum::<usize>() + error.column()).min(text.len())
}

fn from_location(location: &Value, received_at: Timestamp) -> Result<Fix, Malformed> {
    let coords = &location["coords"];
    let number = |field: &str| coords[field].as_f64().filter(|number| number.abs() <= MAX_NUMBER);
    let needed = |field: &str| {
        let found = &coords[field];
        found.as_f64().ok_or_else(|| {
            malformed(0, format!("coords.{field}: {} is no number", shortened(&found.to_string())))
        })
    };
    // The SDK says -1 where it does not know.
    let known = |field: &str| number(field).filter(|&number| number >= 0.0);
    let time = match &location["timestamp"] {
        Value::Null => Some(received_at),
        Value::String(text) => instant(text),
        other => other.as_i64().and_then(|number| instant(&number.to_string())),
    };
    let time = time.ok_or_else(|| {
        let found = shortened(&location["timestamp"].to_string());
        malformed(0, format!("location.timestamp: {found} is no instant"))
    })?;
    let mut io = Vec::new();
    let mut add = |id, value: Option<f64>| {
        io.extend(value.map(|value| (id, IoValue::Unsigned(value.round() as u64))));
    };
    let flag = |value: &Value| value.as_bool().map(|flag| f64::from(u8::from(flag)));
    add(io::ACCURACY_M, known("accuracy"));
    let level =
        location["battery"]["level"].as_f64().filter(|level| (0.0..=MAX_NUMBER).contains(level));
    add(io::BATTERY_PERCENT, level.map(|level| level * 100.0));
    add(io::CHARGING, flag(&location["battery"]["is_charging"]));
    add(io::MOVING, flag(&location["is_moving"]));
    Ok(Fix {
        time,
        lat: degrees("coords.latitude", needed("latitude")?, 90.0, 0)?,
        lon: degrees("coords.longitude", needed("longitude")?, 180.0, 0)?,
        altitude_m: number("altitude").map(|metres| metres as f32),
        speed_kmh: known("speed").map(|speed| (speed * MPS_KMH) as f32),
        course_deg: known("heading").map(|heading| heading as f32),
        satellites: None,
        hdop: None,
        io,
    })
}
