//! Where trackers were: positions of a device, of an entry and of all entries of an event.
//!
//! An answer holds so many positions of each tracker. Where there are more, everything from the first
//! position that did not fit is left for the next answer, of all trackers alike: `next` is its event
//! time, to be asked for as `from`.

mod text;
mod track;

use biplane_core::{ErrorCode, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::request::{Access, Arguments, Method, Parameter, ParameterKind, Place, answered};
use crate::sheet::as_people_count;
use crate::{
    Answer, Call, MAX_POSITION_ROWS, Need, Outcome, PositionField, Rejection, Rule, Trigger,
};
use track::{Track, listed};

/// Longest range of one request: 31 days.
const MAX_RANGE_MS: i64 = 31 * 86_400_000;

/// Of each tracker, unless the request says otherwise and as far as all fit.
const DEFAULT_LIMIT: u32 = 1_000;

/// What an answer is written in.
#[derive(Clone, Copy)]
enum Format {
    Columns,
    Json,
    GeoJson,
    Csv,
    Gpx,
}

impl Format {
    /// What it tells: what it does not is not read. A replay tells faults where faulty ones come too.
    const fn fields(self, faulty: bool) -> &'static [PositionField] {
        const REPLAY_WITH_FAULTS: &[PositionField] = &[
            PositionField::TsMs,
            PositionField::Lat,
            PositionField::Lon,
            PositionField::AltitudeM,
            PositionField::SpeedKmh,
            PositionField::Fault,
        ];
        const ALL: &[PositionField] = &[
            PositionField::TsMs,
            PositionField::Lat,
            PositionField::Lon,
            PositionField::AltitudeM,
            PositionField::SpeedKmh,
            PositionField::CourseDeg,
            PositionField::Satellites,
            PositionField::Hdop,
            PositionField::Fault,
        ];
        match self {
            Self::GeoJson | Self::Gpx => ALL.split_at(4).0,
            Self::Columns if faulty => REPLAY_WITH_FAULTS,
            Self::Columns => ALL.split_at(5).0,
            Self::Json | Self::Csv => ALL,
        }
    }
}

const MEDIA_TYPES: &[&str] =
    &["application/json", "application/geo+json", "text/csv", "application/gpx+xml"];

const fn query(name: &'static str, kind: ParameterKind, description: &'static str) -> Parameter {
    Parameter::new(name, Place::Query, kind, description)
}

const FROM: Parameter = query(
    "from",
    ParameterKind::Time,
    "Event time of the first position; of an entry or event the event's start unless given.",
);
const TO: Parameter = query(
    "to",
    ParameterKind::Time,
    "Event time up to which, itself not included; of an entry or event the event's end unless given.",
);
const LIMIT: Parameter = query(
    "limit",
    ParameterKind::Integer { min: 2, max: MAX_POSITION_ROWS as i32 - 1 },
    "How many positions of each tracker are looked at for one answer; 1000 unless given, or as many as fit.",
);
const TOLERANCE: Parameter = query(
    "tolerance_m",
    ParameterKind::Number { min: 0.0, max: 10_000.0, unit: "m" },
    "Leaves out positions that are never farther than this from who moves steadily between the others.",
);
const FAULTY: Parameter =
    query("faulty", ParameterKind::Boolean, "Whether positions that are marked faulty come too.")
        .or("false");
const FORMAT: Parameter = query(
    "format",
    ParameterKind::Choice { of: &["json", "geojson", "csv", "gpx"] },
    "What the answer is written in.",
)
.or("json");
const EVENT_FORMAT: Parameter = Parameter {
    kind: ParameterKind::Choice { of: &["columns", "json", "geojson", "csv", "gpx"] },
    description: "What the answer is written in; `columns` is JSON with an array for each field, for a replay, with `fault` where any is faulty.",
    ..FORMAT
};

/// Of one device.
pub const DEVICE: Rule = Rule {
    name: "positions.device",
    trigger: Trigger::Endpoint {
        method: Method::Get,
        path: "/devices/{device}/positions",
        access: Access::Users,
        summary: "Positions of a device",
        parameters: &[
            Parameter::key_in_path("device", "The device."),
            Parameter { required: true, description: "Event time of the first position.", ..FROM },
            Parameter {
                required: true,
                description: "Event time up to which, itself not included.",
                ..TO
            },
            LIMIT,
            TOLERANCE,
            FAULTY,
            FORMAT,
        ],
        answers: MEDIA_TYPES,
    },
};

/// Of an entry's device, while the event lasts.
pub const ENTRY: Rule = Rule {
    name: "positions.entry",
    trigger: Trigger::Endpoint {
        method: Method::Get,
        path: "/entries/{entry}/positions",
        access: Access::Users,
        summary: "Positions of a competitor",
        parameters: &[
            Parameter::key_in_path("entry", "The entry."),
            FROM,
            TO,
            LIMIT,
            TOLERANCE,
            FAULTY,
            FORMAT,
        ],
        answers: MEDIA_TYPES,
    },
};

/// Of all entries' devices, while the event lasts.
pub const EVENT: Rule = Rule {
    name: "positions.event",
    trigger: Trigger::Endpoint {
        method: Method::Get,
        path: "/events/{event}/positions",
        access: Access::Users,
        summary: "Positions of all competitors of an event, as a table or for a replay",
        parameters: &[
            Parameter::key_in_path("event", "The event."),
            FROM,
            TO,
            LIMIT,
            TOLERANCE,
            FAULTY,
            EVENT_FORMAT,
        ],
        answers: MEDIA_TYPES,
    },
};

/// See [`DEVICE`].
pub fn device(call: &Call) -> Outcome {
    answered(call, &DEVICE, |arguments| {
        let device = arguments.text("device").unwrap_or_default();
        let subject = Subject { device: device.to_owned(), ..Subject::default() };
        read(call, arguments, &[subject], (None, None))
    })
}

/// See [`ENTRY`].
pub fn entry(call: &Call) -> Outcome {
    answered(call, &ENTRY, |arguments| {
        let Some(entries) = call.ctx.answer("entry")? else {
            return Ok(Outcome::need(Need::read(
                "entry",
                "entries",
                vec![json!(arguments.text("entry"))],
                &["id", "number", "name", "device", "event.starts_at", "event.ends_at"],
            )));
        };
        let entry = entries.first().ok_or_else(Rejection::forbidden)?;
        read(call, arguments, &[Subject::of(entry)?], times(&entry["event"]))
    })
}

/// See [`EVENT`].
pub fn event(call: &Call) -> Outcome {
    answered(call, &EVENT, |arguments| {
        let key = arguments.text("event");
        let (Some(events), Some(entries)) =
            (call.ctx.answer("event")?, call.ctx.answer("entries")?)
        else {
            let need = vec![
                Need::read("event", "events", vec![json!(key)], &["id", "starts_at", "ends_at"]),
                Need::find(
                    "entries",
                    "entries",
                    json!({ "event": { "_eq": key } }),
                    &["id", "number", "name", "device"],
                    // One more than could have two positions each.
                    MAX_POSITION_ROWS / 3 + 1,
                ),
            ];
            return Ok(Outcome::needs(need));
        };
        let event = events.first().ok_or_else(Rejection::forbidden)?;
        let mut subjects = entries.iter().map(Subject::of).collect::<Result<Vec<_>, _>>()?;
        subjects.sort_by_cached_key(|subject| as_people_count(&subject.number));
        read(call, arguments, &subjects, times(event))
    })
}

/// Whose positions.
#[derive(Clone, Debug, Default, Serialize)]
struct Subject {
    device: String,
    /// Of an event's competitor.
    entry: Option<String>,
    number: String,
    name: String,
}

impl Subject {
    fn of(entry: &Value) -> Result<Self, Rejection> {
        let text = |field: &str| entry[field].as_str().map(str::to_owned);
        let device =
            text("device").ok_or_else(|| Rejection::contract("an entry without its device"))?;
        Ok(Self {
            device,
            entry: text("id"),
            number: text("number").unwrap_or_default(),
            name: text("name").unwrap_or_default(),
        })
    }
}

/// What is asked for, of whomever.
struct Window {
    from: Timestamp,
    to: Timestamp,
    limit: u32,
    tolerance_m: Option<f64>,
    format: Format,
}

fn format(arguments: &Arguments) -> Format {
    match arguments.text("format") {
        Some("columns") => Format::Columns,
        Some("geojson") => Format::GeoJson,
        Some("csv") => Format::Csv,
        Some("gpx") => Format::Gpx,
        _ => Format::Json,
    }
}

fn times(event: &Value) -> (Option<Timestamp>, Option<Timestamp>) {
    let time = |field: &str| event[field].as_str().and_then(|text| text.parse().ok());
    (time("starts_at"), time("ends_at"))
}

fn read(
    call: &Call,
    arguments: &Arguments,
    subjects: &[Subject],
    (starts_at, ends_at): (Option<Timestamp>, Option<Timestamp>),
) -> Result<Outcome, Rejection> {
    let window = Window {
        from: bound(arguments, "from", starts_at)?,
        to: bound(arguments, "to", ends_at)?,
        limit: limit(arguments, subjects.len())?,
        tolerance_m: arguments.number("tolerance_m"),
        format: format(arguments),
    };
    if window.from >= window.to || window.to - window.from > MAX_RANGE_MS {
        let message =
            format!("to: {} is not within 31 days after `from`, {}", window.to, window.from);
        return Err(Rejection::field(ErrorCode::RangeInvalid, "to", message));
    }
    let fields = window.format.fields(arguments.is("faulty"));
    let Some(found) = call.ctx.answer("positions")? else {
        if subjects.is_empty() {
            return Ok(written(&window, &[], None));
        }
        return Ok(Outcome::need(Need::PositionsRead {
            name: "positions",
            devices: subjects.iter().map(|subject| subject.device.clone()).collect(),
            fields,
            from_ms: window.from.as_millis() as f64,
            to_ms: window.to.as_millis() as f64,
            faulty: arguments.is("faulty"),
            limit: window.limit + 1,
        }));
    };
    // Of a device alone, nothing more can be said than that; a competitor's may have changed hands.
    if let ([Subject { entry: None, .. }], [Value::Null]) = (subjects, found) {
        return Err(Rejection::forbidden());
    }
    let mut tracks = subjects
        .iter()
        .cloned()
        .zip(found)
        .map(|(subject, columns)| Track::read(subject, fields, columns))
        .collect::<Result<Vec<_>, _>>()?;
    let next = track::cut(&mut tracks, window.limit as usize);
    if next.is_some_and(|next| next <= window.from.as_millis() as f64) {
        let message = "limit: a tracker has more positions than that at one time";
        return Err(Rejection::field(ErrorCode::TooMuch, "limit", message));
    }
    if let Some(tolerance_m) = window.tolerance_m {
        tracks.iter_mut().for_each(|track| track.simplify(tolerance_m));
    }
    Ok(written(&window, &tracks, next))
}

fn bound(
    arguments: &Arguments,
    name: &'static str,
    otherwise: Option<Timestamp>,
) -> Result<Timestamp, Rejection> {
    arguments.time(name).or(otherwise).ok_or_else(|| {
        let message = format!("{name}: is required, since the event has no such time");
        Rejection::field(ErrorCode::ParameterMissing, name, message)
    })
}

fn limit(arguments: &Arguments, trackers: usize) -> Result<u32, Rejection> {
    // One more is read than is told, to know whether there are more.
    let most = (MAX_POSITION_ROWS / trackers.max(1) as u32).saturating_sub(1);
    match arguments.integer("limit").map(|limit| limit as u32) {
        Some(limit) if limit <= most => Ok(limit),
        None if most >= 2 => Ok(DEFAULT_LIMIT.min(most)),
        given => {
            let message = match given {
                Some(limit) if most >= 2 => format!(
                    "limit: {limit} positions of each of {trackers} trackers are too many at once; {most} are not"
                ),
                _ => format!("event: {trackers} trackers are too many at once; ask entry by entry"),
            };
            let field = if most >= 2 { "limit" } else { "event" };
            Err(Rejection::field(ErrorCode::TooMuch, field, message))
        }
    }
}

fn written(window: &Window, tracks: &[Track], next: Option<f64>) -> Outcome {
    let next = next.map(|next| Timestamp::from_millis(next as i64).to_string());
    let text = |media_type, extension: &str, text| Outcome {
        answer: Some(Answer::Text {
            media_type,
            file_name: format!("positions.{extension}"),
            text,
            headers: next.iter().map(|next| ("X-Biplane-Next", next.clone())).collect(),
        }),
        ..Outcome::default()
    };
    match window.format {
        Format::GeoJson => text("application/geo+json", "geojson", text::geojson(tracks)),
        Format::Csv => text("text/csv; charset=utf-8", "csv", text::csv(tracks)),
        Format::Gpx => text("application/gpx+xml", "gpx", text::gpx(tracks)),
        Format::Columns => page(window, listed(|| tracks.iter().map(columns)), &next),
        Format::Json => match tracks {
            [track] if track.is_alone() => page(window, track.rows(), &next),
            _ => page(window, listed(|| tracks.iter().map(rows)), &next),
        },
    }
}

fn page(window: &Window, data: impl Serialize, next: &Option<String>) -> Outcome {
    #[derive(Serialize)]
    struct Page<'a, D> {
        data: D,
        meta: Meta<'a>,
    }
    #[derive(Serialize)]
    struct Meta<'a> {
        from: Timestamp,
        to: Timestamp,
        next: &'a Option<String>,
    }
    Outcome::json(&Page { data, meta: Meta { from: window.from, to: window.to, next } })
}

fn columns(track: &Track) -> impl Serialize {
    #[derive(Serialize)]
    struct Shown<'a, C> {
        #[serde(flatten)]
        subject: &'a Subject,
        columns: C,
    }
    Shown { subject: &track.subject, columns: track.columns() }
}

fn rows(track: &Track) -> impl Serialize {
    #[derive(Serialize)]
    struct Shown<'a, R> {
        #[serde(flatten)]
        subject: &'a Subject,
        positions: R,
    }
    Shown { subject: &track.subject, positions: track.rows() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Kind};

    #[test]
    fn more_trackers_than_could_have_two_positions_each_are_refused() {
        let event = "0fffffff-0000-4000-8000-000000000001";
        let entry = json!({ "id": event, "number": "1", "name": "A", "device": event });
        let entries = vec![entry; MAX_POSITION_ROWS as usize / 3 + 1];
        let time = "2026-05-01T09:00:00Z";
        let known = json!([{ "id": event, "starts_at": time, "ends_at": "2026-05-01T10:00:00Z" }]);
        let results = [("event".to_owned(), known), ("entries".to_owned(), Value::from(entries))];
        let outcome = super::event(&Call {
            kind: Kind::Endpoint,
            name: EVENT.name.to_owned(),
            event: None,
            payload: json!({ "path": { "event": event } }),
            flat: None,
            ctx: Context { results: results.into(), ..Context::default() },
        });
        let rejection = outcome.reject.first().expect("refused");
        assert_eq!(rejection.code, ErrorCode::TooMuch);
        let message = "event: 3334 trackers are too many at once; ask entry by entry";
        assert_eq!(rejection.message, message);
    }
}
