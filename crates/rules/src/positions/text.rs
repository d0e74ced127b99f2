//! Tracks as files for other programs.

use serde::Serialize;

use super::Subject;
use super::track::{Position, Track, listed};
use crate::sheet::Sheet;

#[derive(Serialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Point(Coordinates),
    LineString(Vec<Coordinates>),
}

/// Longitude, latitude and, where it is known, altitude in metres.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
enum Coordinates {
    Flat([f64; 2]),
    High([f64; 3]),
}

/// A FeatureCollection (RFC 7946) with a feature for each tracker; `times` has the event time of each
/// position.
pub fn geojson(tracks: &[Track]) -> String {
    #[derive(Serialize)]
    #[serde(tag = "type")]
    struct FeatureCollection<F> {
        features: F,
    }
    let collection = FeatureCollection { features: listed(|| tracks.iter().map(feature)) };
    serde_json::to_string(&collection).expect("names and numbers")
}

fn feature(track: &Track) -> impl Serialize {
    #[derive(Serialize)]
    #[serde(tag = "type")]
    struct Feature<P> {
        geometry: Option<Geometry>,
        properties: P,
    }
    #[derive(Serialize)]
    struct Properties<'a, T> {
        #[serde(flatten)]
        subject: &'a Subject,
        times: T,
    }
    let times = listed(|| track.positions().map(|it| it.ts));
    let properties = Properties { subject: &track.subject, times };
    Feature { geometry: geometry(track), properties }
}

/// A line has two positions at least.
fn geometry(track: &Track) -> Option<Geometry> {
    let coordinates =
        track.positions().map(|Position { lat, lon, altitude_m, .. }| match altitude_m {
            Some(altitude_m) => Coordinates::High([lon, lat, altitude_m]),
            None => Coordinates::Flat([lon, lat]),
        });
    let coordinates: Vec<_> = coordinates.collect();
    match coordinates[..] {
        [] => None,
        [alone] => Some(Geometry::Point(alone)),
        _ => Some(Geometry::LineString(coordinates)),
    }
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
            let Position {
                ts,
                lat,
                lon,
                altitude_m,
                speed_kmh,
                course_deg,
                satellites,
                hdop,
                fault,
            } = position;
            let [altitude, speed, course, satellites, hdop] =
                [altitude_m, speed_kmh, course_deg, satellites, hdop]
                    .map(|number| number.map(|number| number.to_string()).unwrap_or_default());
            let (ts, lat, lon) = (ts.to_string(), lat.to_string(), lon.to_string());
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
        for Position { ts, lat, lon, altitude_m, .. } in track.positions() {
            let ele = altitude_m.map(|metres| format!("<ele>{metres}</ele>")).unwrap_or_default();
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
