//! What each device has to send, as a file has it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use biplane_core::shown::short;
use biplane_core::{Fix, Imei, Timestamp};
use biplane_protocols::teltonika::{EncodeError, Tracker};
use biplane_stack::replay::as_sent;

use crate::commands::positions::{Positions, Row, of_file, open_csv};

/// A device's records.
#[derive(Debug)]
pub struct Track {
    /// As the file calls it.
    pub name: String,
    /// As which it logs in.
    pub imei: Imei,
    /// In order of time; those of one time in the file's order.
    pub fixes: Arc<[Fix]>,
}

/// Which of a file's records are meant; both ends are included.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// The first time.
    pub from: Option<Timestamp>,
    /// The last time.
    pub until: Option<Timestamp>,
}

impl Span {
    fn has(self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time <= until)
    }
}

/// Everything that is to be sent, by first appearance of its device. The file is read to its end
/// first: what is wrong with it is told before anything is sent.
pub fn read(
    positions: Positions,
    imeis: &HashMap<String, Imei>,
    span: Span,
) -> Result<Vec<Track>, String> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut owners: HashMap<Imei, String> = HashMap::new();
    let mut drafts: Vec<(String, Imei, Vec<Fix>)> = Vec::new();
    let mut nameless = Nameless::default();
    for row in positions {
        let row = row?;
        if !span.has(row.fix.time) {
            continue;
        }
        can_be_sent(&row)?;
        let imei = imei_of(&row, imeis)?;
        let Some(imei) = imei else {
            nameless.add(row);
            continue;
        };
        match places.get(&row.device) {
            Some(&place) => {
                let (_, before, fixes) = &mut drafts[place];
                if *before != imei {
                    let Row { line, device, .. } = row;
                    return Err(format!(
                        "line {line}: `{device}` has the IMEI {imei} here and {before} before"
                    ));
                }
                fixes.push(row.fix);
            }
            None => {
                if let Some(other) = owners.insert(imei, row.device.clone()) {
                    let Row { line, device, .. } = row;
                    return Err(format!(
                        "line {line}: `{device}` and `{other}` have one IMEI, {imei}"
                    ));
                }
                places.insert(row.device.clone(), drafts.len());
                drafts.push((row.device, imei, vec![row.fix]));
            }
        }
    }
    nameless.refuse()?;
    if drafts.is_empty() {
        return Err("it has no positions to send".to_owned());
    }
    Ok(drafts
        .into_iter()
        .map(|(name, imei, fixes)| Track { name, imei, fixes: sorted(fixes) })
        .collect())
}

fn sorted(mut fixes: Vec<Fix>) -> Arc<[Fix]> {
    fixes.sort_by_key(|fix| fix.time);
    let mut before = None;
    for fix in &mut fixes {
        *fix = as_sent(before.as_ref(), fix.clone());
        before = Some(fix.clone());
    }
    fixes.into()
}

/// Whether the wire format has a place for it.
fn can_be_sent(row: &Row) -> Result<(), String> {
    let line = row.line;
    match Tracker::frame(std::slice::from_ref(&row.fix)) {
        Ok(_) => Ok(()),
        Err(EncodeError::Value { field, value, .. }) => {
            Err(format!("line {line}: no tracker can send the {field} {value}"))
        }
        Err(error) => Err(format!("line {line}: {error}")),
    }
}

/// From the list, else the row's own column, else the name, where it is one.
fn imei_of(row: &Row, imeis: &HashMap<String, Imei>) -> Result<Option<Imei>, String> {
    let line = row.line;
    if row.device.is_empty() {
        return Err(format!("line {line}: it names no device"));
    }
    if let Some(&imei) = imeis.get(&row.device) {
        return Ok(Some(imei));
    }
    match &row.imei {
        Some(text) => Imei::from_digits(text)
            .map(Some)
            .map_err(|error| format!("line {line}: imei: `{}`: {error}", short(text))),
        None => Ok(Imei::from_digits(&row.device).ok()),
    }
}

/// Devices without an IMEI.
#[derive(Default)]
struct Nameless {
    first: Option<(u64, String)>,
    /// Some of the others.
    more: Vec<String>,
}

impl Nameless {
    /// As many names as anybody reads.
    const SHOWN: usize = 5;

    fn add(&mut self, row: Row) {
        match &self.first {
            None => self.first = Some((row.line, row.device)),
            Some((_, first)) if *first == row.device => {}
            Some(_)
                if self.more.len() < Self::SHOWN && !self.more.contains(&short(&row.device)) =>
            {
                self.more.push(short(&row.device));
            }
            Some(_) => {}
        }
    }

    fn refuse(self) -> Result<(), String> {
        let Some((line, device)) = self.first else { return Ok(()) };
        let more = if self.more.is_empty() {
            String::new()
        } else {
            format!(" (nor have {})", self.more.join(", "))
        };
        Err(format!(
            "line {line}: the device `{}` has no IMEI{more}: name it in a column `imei`, or in a file of \
             device_id,imei given with --imeis",
            short(&device)
        ))
    }
}

/// A list of devices' names and IMEIs: CSV with the columns device_id (or device) and imei.
pub fn read_imeis(file: &Path) -> Result<HashMap<String, Imei>, String> {
    let mut reader = open_csv(file)?;
    let header = reader.headers().map_err(|error| of_file(file, error))?;
    let place = |names: &[&str]| {
        let found = header.iter().position(|it| names.contains(&it.trim()));
        found.ok_or_else(|| of_file(file, format!("it has no column `{}`", names[0])))
    };
    let (device, imei) = (place(&["device_id", "device"])?, place(&["imei"])?);
    let mut imeis = HashMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| of_file(file, error))?;
        let line = row.position().map_or(0, csv::Position::line);
        let cell = |place: usize| row.get(place).unwrap_or_default().trim();
        let (name, text) = (cell(device), cell(imei));
        let wrong = |why: String| of_file(file, format!("line {line}: {why}"));
        let imei = Imei::from_digits(text)
            .map_err(|error| wrong(format!("imei: `{}`: {error}", short(text))))?;
        match imeis.insert(name.to_owned(), imei) {
            Some(other) if other != imei => {
                return Err(wrong(format!("`{name}` has the IMEI {imei} here and {other} before")));
            }
            _ => {}
        }
    }
    Ok(imeis)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const A: &str = "490154203237518";
    const B: &str = "350000000000126";

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("positions.csv");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn tracks_within(text: &str, imeis: &[(&str, &str)], span: Span) -> Result<Vec<Track>, String> {
        let (_folder, path) = file(text);
        let imeis = imeis.iter().map(|(name, imei)| ((*name).to_owned(), imei.parse().unwrap()));
        read(Positions::open(&path)?, &imeis.collect(), span)
    }

    fn tracks(text: &str, imeis: &[(&str, &str)]) -> Result<Vec<Track>, String> {
        tracks_within(text, imeis, Span::default())
    }

    #[test]
    fn each_device_is_sorted_by_time_and_what_the_file_has_is_sent() {
        let text = format!(
            "device,imei,time,lat,lon,altitude_m,speed_kmh,course_deg,satellites,hdop,fault\n\
             one,{A},2026-05-01T09:00:05Z,46.1,12,1455,31.5,90,7,0.8,\n\
             two,{B},2026-05-01T09:00:00Z,46,12,,,,,,\n\
             one,{A},2026-05-01T09:00:00Z,46,12,,,,,,\n"
        );
        let tracks = tracks(&text, &[]).unwrap();
        let shape: Vec<_> =
            tracks.iter().map(|it| (&*it.name, it.imei.to_string(), it.fixes.len())).collect();
        assert_eq!(shape, [("one", A.to_owned(), 2), ("two", B.to_owned(), 1)]);
        let [first, second] = &tracks[0].fixes[..] else { panic!("two") };
        assert!(first.time < second.time);
        assert_eq!((first.satellites, first.speed_kmh), (Some(10), Some(0.0)));
        let said = (second.altitude_m, second.speed_kmh, second.course_deg);
        assert_eq!(said, (Some(1455.0), Some(31.5), Some(90.0)));
        assert_eq!((second.satellites, second.hdop), (Some(7), Some(0.8)));
    }

    #[test]
    fn an_imei_comes_from_the_list_the_column_or_the_name() {
        let listed = "device_id,ts_iso,lat,lon\np1,2026-05-01T09:00:00Z,46,12\n";
        assert_eq!(tracks(listed, &[("p1", A)]).unwrap()[0].imei.to_string(), A);
        let over = format!("device_id,imei,ts_iso,lat,lon\np1,{B},2026-05-01T09:00:00Z,46,12\n");
        assert_eq!(tracks(&over, &[("p1", A)]).unwrap()[0].imei.to_string(), A);
        assert_eq!(tracks(&over, &[]).unwrap()[0].imei.to_string(), B);
        let named = format!("device_id,ts_iso,lat,lon\n{B},2026-05-01T09:00:00Z,46,12\n");
        assert_eq!(tracks(&named, &[]).unwrap()[0].imei.to_string(), B);
    }

    #[test]
    fn only_what_lies_within_the_span_is_read_further() {
        let text = format!(
            "device_id,ts_iso,lat,lon\n\
             nobody,2026-05-01T08:59:59Z,46,12\n\
             {A},2026-05-01T09:00:00Z,46,12\n\
             {A},2026-05-01T09:00:01Z,46,12\n\
             {A},2099-01-01T00:00:00Z,46,12\n"
        );
        let at = |text: &str| Some(text.parse().unwrap());
        let span = Span { from: at("2026-05-01T09:00:00Z"), until: at("2026-05-01T09:00:01Z") };
        let tracks = tracks_within(&text, &[], span).unwrap();
        assert_eq!((tracks.len(), tracks[0].fixes.len()), (1, 2));
        let nothing = Span { from: at("2100-01-01T00:00:00Z"), until: None };
        assert_eq!(tracks_within(&text, &[], nothing).unwrap_err(), "it has no positions to send");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let header = "device_id,ts_iso,lat,lon,speed,imei\n";
        let good = format!("a,2026-05-01T09:00:00Z,46,12,,{A}\n");
        for (rows, says) in [
            (String::new(), "no positions to send"),
            (format!("{good}a,yesterday,46,12,,{A}\n"), "line 3: `yesterday` is no time"),
            (format!("{good}a,2026-05-01T09:00:00Z,north,12,,{A}\n"), "line 3: lat: `north`"),
            (
                format!("{good}a,2026-05-01T09:00:00Z,91,12,,{A}\n"),
                "line 3: no tracker can send the latitude 91",
            ),
            (
                format!("{good}a,2026-05-01T09:00:00Z,46,NaN,,{A}\n"),
                "line 3: no tracker can send the longitude NaN",
            ),
            (
                format!("{good}a,1969-12-31T00:00:00Z,46,12,,{A}\n"),
                "line 3: no tracker can send the time 1969",
            ),
            (
                format!("{good}a,2026-05-01T09:00:00Z,46,12,fast,{A}\n"),
                "line 3: speed: `fast` is no number",
            ),
            (format!("{good}a,2026-05-01T09:00:00Z,46\n"), "line: 3"),
            (
                format!("{good}a,2026-05-01T09:00:00Z,46,12,,{B}\n"),
                "has the IMEI 350000000000126 here and",
            ),
            (
                format!("{good}b,2026-05-01T09:00:00Z,46,12,,{A}\n"),
                "line 3: `b` and `a` have one IMEI",
            ),
            (
                format!("{good}b,2026-05-01T09:00:00Z,46,12,,12\n"),
                "line 3: imei: `12`: an IMEI has 15 digits",
            ),
            (format!("{good},2026-05-01T09:00:00Z,46,12,,{A}\n"), "line 3: it names no device"),
            (
                format!("{good}b,2026-05-01T09:00:00Z,46,12,,\nc,2026-05-01T09:00:00Z,46,12,,\n"),
                "line 3: the device `b` has no IMEI (nor have c): name it in a column `imei`",
            ),
        ] {
            let error = tracks(&format!("{header}{rows}"), &[]).unwrap_err();
            assert!(error.contains(says), "{error} should say {says}");
        }
    }

    #[test]
    fn a_file_without_its_header_or_a_column_is_refused() {
        for (text, says) in [
            ("", "it has no column `device_id`; its first line is ``"),
            (
                "a,2026-05-01T09:00:00Z,46,12\n",
                "it has no column `device_id`; its first line is `a,2026",
            ),
            (
                "device_id,when,lat,lon\n",
                "it has no column `ts_iso`; its first line is `device_id,when",
            ),
        ] {
            let error = tracks(text, &[]).unwrap_err();
            assert!(error.contains(says), "{error} should say {says}");
        }
    }

    #[test]
    fn a_column_that_means_nothing_is_told_of() {
        let (_folder, path) = file("device_id,ts_iso,lat,lon,sped,imei\n");
        assert_eq!(Positions::open(&path).unwrap().unread, ["sped"]);
    }

    #[test]
    fn a_list_of_imeis_is_read_or_refused_by_its_line() {
        let read = |text: &str| {
            let (_folder, path) = file(text);
            read_imeis(&path)
        };
        let imeis = read(&format!("device_id,imei\np1,{A}\np2,{B}\n")).unwrap();
        assert_eq!((imeis.len(), imeis["p2"].to_string()), (2, B.to_owned()));
        for (text, says) in [
            ("device_id,number\n".to_owned(), "it has no column `imei`"),
            ("imei\n".to_owned(), "it has no column `device_id`"),
            ("device_id,imei\np1,twelve\n".to_owned(), "line 2: imei: `twelve`: an IMEI has 15"),
            (format!("device_id,imei\np1,{A}\np1,{B}\n"), "line 3: `p1` has the IMEI"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(says), "{error} should say {says}");
        }
    }
}
