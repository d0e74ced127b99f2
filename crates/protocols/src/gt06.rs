//! GT06 over TCP: the protocol of Concox (Jimi) trackers and of their many clones.
//!
//! Sources: Concox, "GT06 GPS Tracker Communication Protocol" 1.02, and the protocol documents of
//! its successors; for what clones make of it, `Gt06ProtocolDecoder` of Traccar and its tests.
//!
//! A frame is `7878 | u8 length | type | content | u16 serial | u16 CRC | 0D0A`, or `7979` with a
//! `u16 length`; the length counts from the type to the CRC, the CRC covers length to
//! serial. The server repeats type and serial: to a login when it knows the device, to a position
//! when it is safe. A device that is not answered sends again, and then connects anew.
//!
//! Times are UTC, unless the login carries the device's time zone: then they are local to that.

use biplane_core::{ErrorCode, Fix, Imei, IoValue, Timestamp};

use crate::civil::utc;
use crate::stream::{Phase, Stream};
use crate::{Event, Malformed, Protocol, Session};

/// Over TCP.
pub const PROTOCOL: Protocol =
    Protocol { name: "gt06", tcp: Some(|| Box::new(Gt06Session::new())), udp: None };

/// The most bytes that a frame may declare: type to CRC. Command answers and modular messages
/// stay below 1 KiB; photos are not asked for.
pub const MAX_LENGTH: usize = 4 * 1024;

/// Start, two bytes of length, end.
const AROUND: usize = 6;

/// A command's length is one byte and counts its four bytes of flag; the frame's counts those,
/// type, serial and CRC too.
const MAX_COMMAND: usize = 255 - 10;

const END: [u8; 2] = [0x0D, 0x0A];

const CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC);

/// Minutes in a degree times the parts of a minute that positions count.
const PARTS_OF_DEGREE: f64 = 1_800_000.0;

/// The IO elements, which the protocol has no numbers for; named in the catalogue.
pub(crate) mod io {
    /// What follows what is understood, as it came.
    pub const REST: u16 = 0;
    pub const IGNITION: u16 = 1;
    pub const ALARM: u16 = 2;
    pub const TERMINAL: u16 = 3;
    pub const BATTERY_LEVEL: u16 = 4;
    pub const GSM_SIGNAL: u16 = 5;
    pub const COUNTRY: u16 = 6;
    pub const NETWORK: u16 = 7;
    pub const AREA: u16 = 8;
    pub const CELL: u16 = 9;
    pub const UPLOAD_MODE: u16 = 10;
    pub const SENT_LATE: u16 = 11;
    pub const MILEAGE_M: u16 = 12;
}

const LOGIN: u8 = 0x01;
const COMMAND: u8 = 0x80;
const ANSWER: u8 = 0x15;
const LONG_ANSWER: u8 = 0x21;

/// The server's side of one GT06 connection.
///
/// Holds at most one frame of [`MAX_LENGTH`]. A wrong CRC is not answered, so that the device
/// sends again; the third wrong frame in a row ends the connection. Behind bytes that are no
/// frame it goes on at the next start mark.
#[derive(Debug)]
pub struct Gt06Session {
    stream: Stream,
    imei: Option<Imei>,
    /// How far the device's clock is ahead of UTC, from its login.
    ahead_ms: i64,
    /// Type and serial of the message that waits for its answer.
    asked: (u8, u16),
    /// Of the next command.
    serial: u16,
}

impl Default for Gt06Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Gt06Session {
    /// A connection that has just been opened.
    pub fn new() -> Self {
        Self {
            stream: Stream::new(MAX_LENGTH + AROUND),
            imei: None,
            ahead_ms: 0,
            asked: (0, 0),
            serial: 0,
        }
    }

    fn message(&mut self, message: &Message<'_>) -> Event {
        self.asked = (message.kind, message.serial);
        match (message.kind, self.stream.phase) {
            (LOGIN, _) => match login(message.content) {
                Ok((imei, _)) if self.imei.is_some_and(|known| known != imei) => {
                    let error = message.malformed(format!("a second device, {imei}, logs in"));
                    self.stream.close(error, Vec::new())
                }
                Ok((imei, ahead_ms)) => {
                    self.stream.understood();
                    self.stream.phase = Phase::Deciding;
                    (self.imei, self.ahead_ms) = (Some(imei), ahead_ms);
                    Event::Login { imei }
                }
                Err(what) => self.stream.close(message.malformed(what), Vec::new()),
            },
            (kind, Phase::Login) => {
                let error =
                    message.malformed(format!("the first message is a login, not {kind:#04x}"));
                self.stream.close(error, Vec::new())
            }
            (ANSWER | LONG_ANSWER, _) => match answer(message) {
                Ok(text) => {
                    self.stream.understood();
                    Event::Response { text, refused: false }
                }
                Err(what) => self.stream.refuse(message.malformed(what), Vec::new()),
            },
            _ => match position(message, self.ahead_ms) {
                Ok(fix) => self.stream.store(fix.into_iter().collect()),
                Err(error) if error.code == ErrorCode::FrameCodec => {
                    Event::Malformed { error, reply: Vec::new(), close: false }
                }
                Err(error) => self.stream.refuse(error, Vec::new()),
            },
        }
    }
}

impl Session for Gt06Session {
    fn protocol(&self) -> &'static str {
        PROTOCOL.name
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.stream.receive(bytes)
    }

    fn next_event(&mut self) -> Option<Event> {
        if self.stream.waits() || self.stream.bytes().is_empty() {
            return None;
        }
        match at_start(self.stream.bytes()) {
            Framed::Incomplete => None,
            Framed::Whole(length) => {
                let frame = self.stream.take_front(length);
                Some(self.message(&Message::of(&frame)))
            }
            Framed::Wrong { error, length } => {
                self.stream.drop_front(length);
                Some(self.stream.refuse(error, Vec::new()))
            }
            Framed::Lost(error) => Some(self.stream.close(error, Vec::new())),
        }
    }

    fn decide(&mut self, accepted: bool) -> Vec<u8> {
        let asked = self.stream.phase == Phase::Deciding;
        self.stream.decide(accepted);
        // The protocol has no word for a refusal: an unanswered device tries again later.
        if accepted && asked { frame(self.asked.0, &[], self.asked.1) } else { Vec::new() }
    }

    fn acknowledge(&mut self, _records: usize) -> Vec<u8> {
        if self.stream.phase != Phase::Storing {
            return Vec::new();
        }
        self.stream.stored();
        frame(self.asked.0, &[], self.asked.1)
    }

    /// Printable ASCII of at most 245 characters, say `RELAY,1#`.
    fn command(&mut self, text: &str) -> Option<Vec<u8>> {
        let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if text.is_empty() || text.len() > MAX_COMMAND || !printable {
            return None;
        }
        let mut content = vec![text.len() as u8 + 4, 0, 0, 0, 0];
        content.extend_from_slice(text.as_bytes());
        let serial = self.serial;
        self.serial = serial.wrapping_add(1);
        Some(frame(COMMAND, &content, serial))
    }
}

/// A short frame.
fn frame(kind: u8, content: &[u8], serial: u16) -> Vec<u8> {
    let mut frame = vec![0x78, 0x78, content.len() as u8 + 5, kind];
    frame.extend_from_slice(content);
    frame.extend_from_slice(&serial.to_be_bytes());
    frame.extend_from_slice(&CRC.checksum(&frame[2..]).to_be_bytes());
    frame.extend_from_slice(&END);
    frame
}

/// What stands at the start of bytes from a device.
enum Framed {
    /// More bytes have to come.
    Incomplete,
    /// A frame of this length, whose checksum is right.
    Whole(usize),
    /// So many bytes are no frame.
    Wrong { error: Malformed, length: usize },
    /// Nothing tells where a frame would end.
    Lost(Malformed),
}

fn at_start(bytes: &[u8]) -> Framed {
    let malformed = |code, offset, message| Malformed { code, offset, message };
    let (header, declared) = match *bytes {
        [0x78] | [0x79] | [0x78, 0x78] | [0x79, 0x79] | [0x79, 0x79, _] => {
            return Framed::Incomplete;
        }
        [0x78, 0x78, length, ..] => (3, usize::from(length)),
        [0x79, 0x79, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => {
            let length = next_start(bytes, 1);
            let message = format!("a frame starts with 7878 or 7979, not with {:#04x}", bytes[0]);
            let error = malformed(ErrorCode::FrameMalformed, 0, message);
            return Framed::Wrong { error, length };
        }
    };
    if declared > MAX_LENGTH {
        let message =
            format!("the frame declares {declared} bytes, at most {MAX_LENGTH} are taken");
        return Framed::Lost(malformed(ErrorCode::FrameTooLarge, 2, message));
    }
    let mut end = header + declared + END.len();
    if bytes.len() < end {
        return Framed::Incomplete;
    }
    if declared < 5 || bytes[end - 2..end] != END {
        // Clones count the length wrong. Then the checksum tells whether the next end mark is
        // this frame's; the shortest one has a type, a serial and a checksum.
        let from = header + 5;
        let found = bytes.get(from..).and_then(|rest| rest.windows(2).position(|two| two == END));
        match found.map(|at| from + at + END.len()) {
            Some(at) if is_whole(&bytes[..at]) => end = at,
            None if next_start(bytes, 2) == bytes.len() && bytes.len() < MAX_LENGTH + AROUND => {
                return Framed::Incomplete;
            }
            _ => {
                let message = format!("no end mark 0d0a behind the {declared} bytes declared");
                let error = malformed(ErrorCode::FrameMalformed, 2, message);
                return Framed::Wrong { error, length: next_start(bytes, 2) };
            }
        }
    }
    if is_whole(&bytes[..end]) {
        return Framed::Whole(end);
    }
    let at = end - END.len() - 2;
    let declared = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let computed = CRC.checksum(&bytes[2..at]);
    let message = format!("the checksum is {declared:#06x}, the frame's is {computed:#06x}");
    Framed::Wrong { error: malformed(ErrorCode::FrameChecksum, at, message), length: end }
}

fn is_whole(frame: &[u8]) -> bool {
    let (rest, _end) = frame.split_at(frame.len() - END.len());
    let (covered, sum) = rest.split_at(rest.len() - 2);
    CRC.checksum(&covered[2..]).to_be_bytes() == sum
}

/// Where the next start mark may be, at `from` or behind it; the end of the bytes if there is none.
fn next_start(bytes: &[u8], from: usize) -> usize {
    let starts = |at: &usize| match bytes[*at..] {
        [first @ (0x78 | 0x79), second, ..] => first == second,
        [last] => matches!(last, 0x78 | 0x79),
        _ => false,
    };
    (from..bytes.len()).find(starts).unwrap_or(bytes.len())
}

/// A whole frame.
struct Message<'a> {
    kind: u8,
    long: bool,
    /// Between type and serial.
    content: &'a [u8],
    serial: u16,
}

impl<'a> Message<'a> {
    fn of(frame: &'a [u8]) -> Self {
        let long = frame[0] == 0x79;
        let start = if long { 4 } else { 3 };
        let serial = frame.len() - 6;
        Self {
            kind: frame[start],
            long,
            content: &frame[start + 1..serial],
            serial: u16::from_be_bytes([frame[serial], frame[serial + 1]]),
        }
    }

    fn malformed(&self, message: impl Into<String>) -> Malformed {
        let offset = if self.long { 5 } else { 4 };
        Malformed { code: ErrorCode::FrameMalformed, offset, message: message.into() }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// IMEI and how many milliseconds the device's clock is ahead of UTC.
fn login(content: &[u8]) -> Result<(Imei, i64), String> {
    let Some(digits) = content.get(..8) else {
        return Err(format!("a login has an IMEI of 8 bytes, here are {}", content.len()));
    };
    let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    let imei = digits.strip_prefix('0').and_then(|digits| Imei::from_digits(digits).ok());
    let imei = imei.ok_or_else(|| format!("{digits} is no IMEI behind a 0"))?;
    // Hours times 100 and minutes, west of Greenwich if the fourth bit is set.
    let zone = content.get(10..12).map_or(0, number) as i64;
    let (hours, minutes) = ((zone >> 4) / 100, (zone >> 4) % 100);
    // Some models use the two bytes for something else.
    let ahead = if hours <= 14 && minutes < 60 { (hours * 60 + minutes) * 60_000 } else { 0 };
    Ok((imei, if zone & 0b1000 == 0 { ahead } else { -ahead }))
}

/// The text of a command's answer.
fn answer(message: &Message<'_>) -> Result<String, String> {
    // Four bytes repeat the command's flag.
    if message.kind == LONG_ANSWER {
        let Some((&encoding, text)) = message.content.get(4..).and_then(<[u8]>::split_first) else {
            return Err("an answer has a flag of 4 bytes and an encoding".into());
        };
        return Ok(match encoding {
            2 => {
                let units = text.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
                char::decode_utf16(units).map(|char| char.unwrap_or('\u{fffd}')).collect()
            }
            _ => String::from_utf8_lossy(text).into_owned(),
        });
    }
    let (length, text) = match message.content.split_first() {
        // No text at all.
        None | Some((0, _)) => return Ok(String::new()),
        Some((&length, rest)) => (usize::from(length), rest),
    };
    match text.get(4..length.max(4)) {
        Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        None => Err(format!("the answer declares {length} bytes, {} follow", text.len())),
    }
}

/// How a type of message is laid out.
enum Layout {
    /// Time, satellites, place, speed, course; then what `after` says.
    Position(After),
    /// As before, behind this many bytes.
    PositionAt(usize),
    /// A type that some devices send with a position and others without: what is there decides.
    PositionPerhaps,
    /// As in a position, with a length behind the time that is 0 where there is no place.
    PositionWithLength,
    /// Time, place and course.
    Bare,
    /// No position, but the device waits for the answer.
    Answered,
    /// Nothing that is understood.
    Unknown,
}

enum After {
    Nothing,
    Cell,
    CellAndMode,
    CellAndStatus,
}

fn layout(message: &Message<'_>) -> Layout {
    match (message.kind, message.long) {
        (0x32 | 0x33, true) => Layout::PositionWithLength,
        (0x12, _) => Layout::Position(After::Cell),
        (0x22 | 0x2D, _) => Layout::Position(After::CellAndMode),
        (0x16 | 0x26 | 0x27, _) => Layout::Position(After::CellAndStatus),
        (0x10 | 0x11 | 0x1A | 0x1E | 0x31 | 0x32 | 0x37 | 0xA0, _) => {
            Layout::Position(After::Nothing)
        }
        (0x34, false) => Layout::PositionAt(4),
        (0x95, _) => Layout::Bare,
        (0x17 | 0x24 | 0x36 | 0x61 | 0xA2..=0xA4, _) => Layout::PositionPerhaps,
        // Heartbeats; cells, stations and Wi-Fi without a position; a device's own particulars.
        (0x13 | 0x18 | 0x19 | 0x23 | 0x28 | 0x2C | 0x2E | 0x33 | 0x69 | 0x94 | 0xA1 | 0xA5, _) => {
            Layout::Answered
        }
        _ => Layout::Unknown,
    }
}

/// The position in a message, if there is one. A type that is not known is not answered: a device
/// would take the answer as "stored".
fn position(message: &Message<'_>, ahead_ms: i64) -> Result<Option<Fix>, Malformed> {
    let content = message.content;
    let cut = || {
        let (kind, length) = (message.kind, content.len());
        message.malformed(format!("{length} bytes are too few for a message {kind:#04x}"))
    };
    let (start, after) = match layout(message) {
        Layout::Answered => return Ok(None),
        Layout::Unknown => {
            return Err(Malformed {
                code: ErrorCode::FrameCodec,
                ..message.malformed(format!("messages {:#04x} are not read", message.kind))
            });
        }
        Layout::PositionPerhaps => match [0, 8].into_iter().find(|&at| is_position(content, at)) {
            None => return Ok(None),
            Some(at) => (at, After::Nothing),
        },
        Layout::PositionWithLength => match content.get(6) {
            Some(0) => return Ok(None),
            Some(_) => {
                let mut plain = content[..6].to_vec();
                plain.extend_from_slice(&content[7..]);
                return read(&plain, 0, After::Nothing, ahead_ms, message, cut);
            }
            None => return Err(cut()),
        },
        Layout::Bare => {
            // Shorter ones are alarms without a place.
            let (Some(time), Some(place)) = (content.get(..6), content.get(6..14)) else {
                return Ok(None);
            };
            let Some((flags, rest)) = content[14..].split_at_checked(2) else { return Ok(None) };
            let plain = [time, &[0], place, &[0], flags, rest].concat();
            let fix = read(&plain, 0, After::Nothing, ahead_ms, message, cut)?;
            return Ok(fix.map(|fix| Fix {
                satellites: fix.satellites.filter(|_| !has_fix(flags)),
                speed_kmh: None,
                ..fix
            }));
        }
        // Some clones put their IMEI in front.
        Layout::Position(_) if !has_time(content, 0) && is_position(content, 8) => {
            (8, After::Nothing)
        }
        Layout::Position(after) => (0, after),
        Layout::PositionAt(at) => (at, After::Nothing),
    };
    read(content, start, after, ahead_ms, message, cut)
}

/// Whether the flags behind a place say that the satellites gave it.
fn has_fix(flags: &[u8]) -> bool {
    flags[0] & 0x10 != 0
}

fn read(
    content: &[u8],
    start: usize,
    after: After,
    ahead_ms: i64,
    message: &Message<'_>,
    cut: impl Fn() -> Malformed,
) -> Result<Option<Fix>, Malformed> {
    let parts = content.get(start..start + 18).ok_or_else(&cut)?;
    if parts[..6] == [0; 6] {
        // A device that has not heard the time yet has no position either.
        return Ok(None);
    }
    let time = time(parts).ok_or_else(|| {
        let shown: String = parts[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        message.malformed(format!("{shown} is no time"))
    })?;
    let flags = &parts[16..18];
    let bits = number(flags);
    let (lat, lon) = (number(&parts[7..11]) as f64, number(&parts[11..15]) as f64);
    let north = bits & 0x0400 != 0;
    let west = bits & 0x0800 != 0;
    Ok(Some(Fix {
        time: time + -ahead_ms,
        lat: if north { lat } else { -lat } / PARTS_OF_DEGREE,
        lon: if west { -lon } else { lon } / PARTS_OF_DEGREE,
        altitude_m: None,
        speed_kmh: Some(f32::from(parts[15])),
        course_deg: Some((bits & 0x03FF) as f32),
        satellites: Some(if has_fix(flags) { parts[6] & 0x0F } else { 0 }),
        hdop: None,
        io: elements(&content[start + 18..], &after),
    }))
}

fn time(parts: &[u8]) -> Option<Timestamp> {
    let [year, rest @ ..] = parts.first_chunk::<6>()?.map(u32::from);
    // Two digits; a larger one is no year but something else.
    let [month, day, hour, minute, second] = rest;
    (year < 100).then(|| utc([2_000 + year, month, day, hour, minute, second])).flatten()
}

fn has_time(content: &[u8], at: usize) -> bool {
    content.get(at..).is_some_and(|rest| time(rest).is_some())
}

/// Whether a position stands here, in a message that may have something else there: a time, the
/// mark that 12 bytes of position follow, and a place on the Earth.
fn is_position(content: &[u8], at: usize) -> bool {
    let Some(parts) = content.get(at..at + 18) else { return false };
    let on_earth = |bytes, degrees: f64| number(bytes) as f64 <= degrees * PARTS_OF_DEGREE;
    has_time(parts, 0)
        && parts[6] >> 4 == 0xC
        && on_earth(&parts[7..11], 90.0)
        && on_earth(&parts[11..15], 180.0)
}

/// What follows a position. Each part is there or not, by model: as far as it reaches.
fn elements(mut rest: &[u8], after: &After) -> Vec<(u16, IoValue)> {
    let mut io = Vec::new();
    let mut add = |id, bytes: &[u8]| io.push((id, IoValue::Unsigned(number(bytes))));
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at_checked(count)?;
        rest = left;
        Some(taken)
    };
    let mut understood = || {
        if matches!(after, After::Nothing) {
            return None;
        }
        // The status behind it has a length in front of the cell; 0 where there is no cell.
        let with_cell = !matches!(after, After::CellAndStatus) || take(1)?[0] > 0;
        if with_cell {
            let country = take(2)?;
            add(io::COUNTRY, &[country[0] & 0x7F, country[1]]);
            // A network of three digits needs two bytes, and says so.
            add(io::NETWORK, take(if country[0] & 0x80 == 0 { 1 } else { 2 })?);
            add(io::AREA, take(2)?);
            add(io::CELL, take(3)?);
        }
        match after {
            After::CellAndMode => {
                for id in [io::IGNITION, io::UPLOAD_MODE, io::SENT_LATE] {
                    add(id, take(1)?);
                }
                add(io::MILEAGE_M, take(4)?);
            }
            After::CellAndStatus => {
                let terminal = take(1)?;
                add(io::TERMINAL, terminal);
                add(io::IGNITION, &[terminal[0] >> 1 & 1]);
                for id in [io::BATTERY_LEVEL, io::GSM_SIGNAL, io::ALARM] {
                    add(id, take(1)?);
                }
            }
            After::Nothing | After::Cell => {}
        }
        Some(())
    };
    understood();
    if !rest.is_empty() {
        io.push((io::REST, IoValue::Bytes(rest.to_vec())));
    }
    io
}
