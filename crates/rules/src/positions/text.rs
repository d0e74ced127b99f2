//! Tracks as files for other programs.

use serde_json::{Value, json};

use super::track::{Position, Track};
use crate::sheet::Sheet;

/// A FeatureCollection (RFC 7946) with a feature for each tracker; `times` has the event time of each
/// position.
pub fn geojson(tracks: &[Track]) -> Value {
    let features = tracks.iter().map(|track| {
        let (mut coordinates, mut times) = (Vec::new(), Vec::new());
        for Position { ts, at, altitude_m, .. } in track.positions() {
            let mut position = vec![at.lon, at.lat];
            position.extend(altitude_m);
            coordinates.push(position);
            times.push(ts);
        }
        // A line has two positions at least.
        let geometry = match coordinates.len() {
            0 => Value::Null,
            1 => json!({ "type": "Point", "coordinates": coordinates[0] }),
            _ => json!({ "type": "LineString", "coordinates": coordinates }),
        };
        let subject = &track.subject;
        json!({
            "type": "Feature",
            "geometry": geometry,
            "properties": {
                "device": subject.device,
                "entry": subject.entry,
                "number": subject.number,
                "name": subject.name,
                "times": times,
            },
        })
    });
    json!({ "type": "FeatureCollection", "features": features.collect::<Vec<_>>() })
}

/// CSV with a header; a row for each position.
pub fn csv(tracks: &[Track]) -> String {
    let mut sheet = Sheet::new([
        "device",
        "number",
        "name",
        "time",
        "lat",
        "lon",
        "altitude_m",
        "speed_kmh",
        "course_deg",
        "satellites",
        "hdop",
        "fault",
    ]);
    for track in tracks {
        let subject = &track.subject;
        for position in track.positions() {
            let Position { ts, at, altitude_m, speed_kmh, course_deg, satellites, hdop, fault } =
                position;
            let [altitude, speed, course, satellites, hdop] =
                [altitude_m, speed_kmh, course_deg, satellites, hdop]
                    .map(|number| number.map(|number| number.to_string()).unwrap_or_default());
            let (ts, lat, lon) = (ts.to_string(), at.lat.to_string(), at.lon.to_string());
            sheet.row([
                &*subject.device,
                &subject.number,
                &subject.name,
                &ts,
                &lat,
                &lon,
                &altitude,
                &speed,
                &course,
                &satellites,
                &hdop,
                fault.unwrap_or_default(),
            ]);
        }
    }
    sheet.text()
}

/// GPX 1.1, a track for each tracker.
pub fn gpx(tracks: &[Track]) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <gpx version=\"1.1\" creator=\"Biplane\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n",
    );
    for track in tracks {
        let subject = &track.subject;
        let name = [subject.number.as_str(), subject.name.as_str()].join(" ");
        let name = if track.is_alone() { subject.device.as_str() } else { name.trim() };
        text += &format!("<trk><name>{}</name><trkseg>\n", escaped(name));
        for Position { ts, at, altitude_m, .. } in track.positions() {
            let ele = altitude_m.map(|metres| format!("<ele>{metres}</ele>")).unwrap_or_default();
            let (lat, lon) = (at.lat, at.lon);
            text += &format!("<trkpt lat=\"{lat}\" lon=\"{lon}\">{ele}<time>{ts}</time></trkpt>\n");
        }
        text += "</trkseg></trk>\n";
    }
    text.push_str("</gpx>\n");
    text
}

/// What XML allows in a text, with its marks written as entities.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\t'
            | '\n'
            | '\r'
            | '\u{20}'..='\u{d7ff}'
            | '\u{e000}'..='\u{fffd}'
            | '\u{10000}'.. => {
                escaped.push(c);
            }
            _ => {}
        }
    }
    escaped
}
