//! H02 over TCP and UDP: text between `*` and `#`, spoken by many small trackers.
//!
//! Sources: the published "H02 protocol" documents of its makers, and `H02ProtocolDecoder` of
//! Traccar with its tests. A message is `*HQ,id,V1,hhmmss,A,ddmm.mmmm,N,dddmm.mmmm,E,speed,course,
//! ddmmyy,status,…#` (two letters of the maker first), the speed in knots and the time in UTC.
//! `V1` is answered by `*HQ,id,V4,V1,yyyymmddhhmmss#`. The binary variant starts with `$`; its
//! long form, whose id is an IMEI, is read.
//!
//! There is no login: every message has the id. A device here is its IMEI, so one whose id has
//! other than 15 digits is refused.

use std::collections::VecDeque;

use biplane_core::{ErrorCode, Fix, Imei, IoValue, Timestamp};

use crate::civil::utc;
use crate::osmand::KNOT_KMH;
use crate::stream::{Phase, Stream};
use crate::{Event, Malformed, Protocol, Session};

/// Over TCP; over UDP a datagram has one or more messages.
pub const PROTOCOL: Protocol = Protocol {
    name: "h02",
    tcp: Some(|| Box::new(H02Session::new())),
    udp: Some(|| Box::new(H02Session::new())),
};

/// The most bytes of a message, from `*` to `#`. Positions have some 100, the answer to a command
/// by text message some 200.
pub const MAX_MESSAGE: usize = 2 * 1024;

/// A binary message with an id of 8 bytes.
const BINARY: usize = 42;

/// The most characters of a command: what comes around it stays below 40.
const MAX_COMMAND: usize = 256;

/// The IO elements, which the protocol has no numbers for; named in the catalogue.
pub(crate) mod io {
    /// What follows what is understood, as it came.
    pub const REST: u16 = 0;
    /// 32 flags; 0 is "on".
    pub const STATUS: u16 = 1;
    pub const BATTERY: u16 = 2;
}

/// The server's side of one H02 connection or datagram.
///
/// Holds at most one message of [`MAX_MESSAGE`]. Bytes between messages are passed over; the third
/// time in a row that something can't be read ends the connection.
///
/// The answers carry a time. The session has no clock: it repeats the device's own, which that
/// then keeps.
#[derive(Debug)]
pub struct H02Session {
    stream: Stream,
    imei: Option<Imei>,
    /// What has come but waits for the login's decision or for the event before it.
    waiting: VecDeque<Said>,
    /// What answers the records that wait for it.
    answer: Vec<u8>,
    /// The latest that the device told.
    time: Option<Timestamp>,
}

/// A part of a message.
#[derive(Debug)]
enum Said {
    Ping,
    Response(String),
    Records { fix: Option<Fix>, answer: Vec<u8> },
}

impl Default for H02Session {
    fn default() -> Self {
        Self::new()
    }
}

impl H02Session {
    /// A connection that has just been opened, or a datagram that has come.
    pub fn new() -> Self {
        Self {
            stream: Stream::new(MAX_MESSAGE),
            imei: None,
            waiting: VecDeque::new(),
            answer: Vec::new(),
            time: None,
        }
    }

    /// A message of this device: the first one is its login.
    fn from(&mut self, imei: Imei, said: Vec<Said>) -> Option<Event> {
        match self.imei {
            Some(known) if known != imei => {
                let message = format!("a second device, {imei}, on the connection of {known}");
                Some(self.stream.close(malformed(4, message), Vec::new()))
            }
            known => {
                self.stream.understood();
                self.waiting.extend(said);
                self.imei = Some(imei);
                if known.is_none() {
                    self.stream.phase = Phase::Deciding;
                    return Some(Event::Login { imei });
                }
                self.next_said()
            }
        }
    }

    fn next_said(&mut self) -> Option<Event> {
        Some(match self.waiting.pop_front()? {
            Said::Ping => Event::Ping,
            Said::Response(text) => Event::Response { text, refused: false },
            Said::Records { fix, answer } => {
                self.answer = answer;
                self.time = fix.as_ref().map(|fix| fix.time).or(self.time);
                self.stream.store(fix.into_iter().collect())
            }
        })
    }

    /// Where the next message starts; line ends between messages are not worth a word.
    fn skip(&mut self) -> Option<Event> {
        let bytes = self.stream.bytes();
        let at = bytes.iter().position(|byte| matches!(byte, b'*' | b'$')).unwrap_or(bytes.len());
        let noise = bytes[..at].iter().position(|byte| !byte.is_ascii_whitespace());
        let error = noise.map(|noise| {
            malformed(
                noise,
                format!("a message starts with * or $, not with {:#04x}", bytes[noise]),
            )
        });
        self.stream.drop_front(at);
        error.map(|error| self.stream.refuse(error, Vec::new()))
    }

    fn text(&mut self) -> Option<Event> {
        let Some(end) = self.stream.find(b'#') else {
            if !self.stream.is_full() {
                return None;
            }
            let message = format!("no # in the {MAX_MESSAGE} bytes behind a *");
            let code = ErrorCode::FrameTooLarge;
            let error = Malformed { code, offset: MAX_MESSAGE, message };
            return Some(self.stream.close(error, Vec::new()));
        };
        let message = self.stream.take_front(end + 1);
        let read = std::str::from_utf8(&message[1..end])
            .map_err(|error| malformed(1 + error.valid_up_to(), "the message is not text"))
            .and_then(read_text);
        self.told(read)
    }

    fn binary(&mut self) -> Option<Event> {
        let Some(message) = self.stream.bytes().get(..BINARY) else {
            let bytes = self.stream.bytes();
            // A short one is 32 bytes long, and its id never an IMEI.
            return (bytes.len() >= 16 && !is_long(bytes, self.imei)).then(|| self.short());
        };
        if !is_long(message, self.imei) {
            return Some(self.short());
        }
        let message = self.stream.take_front(BINARY);
        self.told(read_binary(&message))
    }

    fn short(&mut self) -> Event {
        let id: String =
            self.stream.bytes()[1..6].iter().map(|byte| format!("{byte:02x}")).collect();
        self.stream.close(no_imei(&id, 1), Vec::new())
    }

    fn told(&mut self, read: Result<(Imei, Vec<Said>), Malformed>) -> Option<Event> {
        match read {
            Ok((imei, said)) => self.from(imei, said),
            Err(error) if error.code == ErrorCode::DeviceImei => {
                Some(self.stream.close(error, Vec::new()))
            }
            Err(error) => Some(self.stream.refuse(error, Vec::new())),
        }
    }
}

impl Session for H02Session {
    fn protocol(&self) -> &'static str {
        PROTOCOL.name
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.stream.receive(bytes)
    }

    fn next_event(&mut self) -> Option<Event> {
        loop {
            if self.stream.waits() {
                return None;
            }
            if let Some(event) = self.next_said() {
                return Some(event);
            }
            let before = self.stream.bytes().len();
            let event = match self.stream.bytes().first()? {
                b'*' => self.text(),
                b'$' => self.binary(),
                _ => self.skip(),
            };
            // Line ends were dropped, and a message may stand behind them.
            if event.is_some() || self.stream.bytes().len() == before {
                return event;
            }
        }
    }

    fn decide(&mut self, accepted: bool) -> Vec<u8> {
        self.stream.decide(accepted);
        if !accepted {
            self.waiting.clear();
        }
        Vec::new()
    }

    fn acknowledge(&mut self, _records: usize) -> Vec<u8> {
        self.stream.stored();
        std::mem::take(&mut self.answer)
    }

    /// The name of a command and its parameters, say `S20,1,1`.
    fn command(&mut self, text: &str) -> Option<Vec<u8>> {
        let imei = self.imei?;
        let (name, parameters) = match text.split_once(',') {
            Some((name, parameters)) => (name, format!(",{parameters}")),
            None => (text, String::new()),
        };
        let printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        let plain = text.bytes().all(|byte| printable(byte) && !matches!(byte, b'*' | b'#'));
        if name.is_empty() || text.len() > MAX_COMMAND || !plain {
            return None;
        }
        // The device repeats it in its answer.
        let time = self.time.map_or_else(|| "000000".into(), |time| digits(time)[8..].to_owned());
        Some(format!("*HQ,{imei},{name},{time}{parameters}#").into_bytes())
    }
}

fn malformed(offset: usize, message: impl Into<String>) -> Malformed {
    Malformed { code: ErrorCode::FrameMalformed, offset, message: message.into() }
}

fn no_imei(id: &str, offset: usize) -> Malformed {
    let id: String = id.chars().take(40).collect();
    let message = format!("the id `{id}` is no IMEI of 15 digits, and a device here has one");
    Malformed { code: ErrorCode::DeviceImei, offset, message }
}

/// `yyyymmddhhmmss` in UTC.
fn digits(time: Timestamp) -> String {
    time.to_string().chars().filter(char::is_ascii_digit).take(14).collect()
}

/// What stands between `*` and `#`. Offsets count from the `*`.
fn read_text(text: &str) -> Result<(Imei, Vec<Said>), Malformed> {
    let fields: Vec<&str> = text.split(',').collect();
    let [maker, id, kind, rest @ ..] = &fields[..] else {
        return Err(malformed(0, "a message has a maker, an id and a type"));
    };
    let at = 1 + maker.len() + 1;
    let imei = Imei::from_digits(id).map_err(|_| no_imei(id, at))?;
    let at = at + id.len() + 1;
    let answer = |said: &str| format!("*{maker},{id},{said}#").into_bytes();
    let dated = |fix: &Option<Fix>| match fix {
        Some(fix) => answer(&format!("V4,{kind},{}", digits(fix.time))),
        None => Vec::new(),
    };
    let said = match *kind {
        // A message of another direction would be text for it.
        "HTBT" | "V0" => vec![Said::Records { fix: None, answer: answer(kind) }],
        "SMS" => vec![Said::Response(rest.join(","))],
        "V4" => response(rest).map_err(|message| malformed(at, message))?,
        "VP1" => {
            // A day without a time of day, and no order among the positions of a day.
            return Err(Malformed {
                code: ErrorCode::FrameCodec,
                ..malformed(at, "VP1 has no time of day, and is not read")
            });
        }
        kind if kind.starts_with('V') && kind != "V3" => {
            let fix = fix(rest).map_err(|message| malformed(at, message))?;
            // Only V1 is answered: the others' devices know no such answer.
            let answer = if kind == "V1" { dated(&fix) } else { Vec::new() };
            vec![Said::Records { fix, answer }]
        }
        // Cells, stations, steps: nothing to store and nothing to answer.
        _ => vec![Said::Ping],
    };
    Ok((imei, said))
}

/// The answer to a command, and the position that comes with it.
fn response(fields: &[&str]) -> Result<Vec<Said>, String> {
    // Behind what is answered come the command's time and the position's.
    let is_time = |field: &&str| field.len() == 6 && two_digits(field).is_some();
    let is_validity = |field: &&str| matches!(*field, "A" | "V" | "B");
    let place = (1..fields.len().saturating_sub(1))
        .find(|&at| is_time(&fields[at]) && is_validity(&fields[at + 1]));
    let Some(place) = place else {
        return Ok(vec![Said::Response(fields.join(","))]);
    };
    let fix = fix(&fields[place..])?;
    let text = fields[..place].join(",");
    Ok(vec![Said::Response(text), Said::Records { fix, answer: Vec::new() }])
}

/// A position from its time to the end; `None` where the device says that it has none.
fn fix(fields: &[&str]) -> Result<Option<Fix>, String> {
    let [time, validity, lat, north, lon, east, speed, course, rest @ ..] = fields else {
        return Err(format!("a position has 8 fields and a date, here are {}", fields.len()));
    };
    // Some put the battery in front of the date.
    let (battery, date, rest) = match rest {
        [battery, date, rest @ ..]
            if date.len() == 6 && battery.len() < 6 && is_digits(battery) =>
        {
            (battery.parse().ok(), *date, rest)
        }
        [date, rest @ ..] => (None, *date, rest),
        [] => (None, "", rest),
    };
    let read = || {
        let [hour, minute, second] = two_digits(time).ok_or_else(|| unread("time", time))?;
        let [day, month, year] = two_digits(date).ok_or_else(|| unread("date", date))?;
        let at = utc([2_000 + year, month, day, hour, minute, second]);
        let at = at.ok_or_else(|| format!("date {date} and time {time} are no instant"))?;
        let lat = degrees(lat, north, ["N", "S"], 2).ok_or_else(|| unread("latitude", lat))?;
        let lon = degrees(lon, east, ["E", "W"], 3).ok_or_else(|| unread("longitude", lon))?;
        Ok((at, lat, lon))
    };
    // A number instead of a letter is the maker's coding scheme, of a valid position.
    let valid = *validity == "A" || is_digits(validity);
    let (time, lat, lon) = match read() {
        Ok(read) => read,
        Err(_) if !valid => return Ok(None),
        Err(error) => return Err(error),
    };
    let speed: f64 = match speed.trim() {
        "" => 0.0,
        speed => decimal(speed).ok_or_else(|| unread("speed", speed))?,
    };
    let course = match course.trim() {
        "" => None,
        course => Some(decimal(course).ok_or_else(|| unread("course", course))? as f32),
    };
    Ok(Some(Fix {
        time,
        lat,
        lon,
        altitude_m: None,
        speed_kmh: Some((speed * KNOT_KMH) as f32),
        course_deg: course,
        // Not told; 0 says that the place is no fix.
        satellites: (!valid).then_some(0),
        hdop: None,
        io: elements(battery, rest),
    }))
}

fn elements(battery: Option<u64>, rest: &[&str]) -> Vec<(u16, IoValue)> {
    let is_status = |field: &&str| field.len() == 8 && field.bytes().all(|b| b.is_ascii_hexdigit());
    let status = rest.iter().position(is_status);
    let flags = status.and_then(|at| u64::from_str_radix(rest[at], 16).ok());
    let others = rest.iter().enumerate().filter(|&(at, _)| Some(at) != status);
    let others: Vec<&str> = others.map(|(_, field)| *field).collect();
    let others = others.join(",").trim_matches(',').to_owned();
    let mut io = Vec::new();
    io.extend(flags.map(|flags| (io::STATUS, IoValue::Unsigned(flags))));
    io.extend(battery.map(|battery| (io::BATTERY, IoValue::Unsigned(battery))));
    if !others.is_empty() {
        io.push((io::REST, IoValue::Bytes(others.into_bytes())));
    }
    io
}

fn unread(what: &str, field: &str) -> String {
    let field: String = field.chars().take(40).collect();
    format!("the {what} `{field}` can't be read")
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn two_digits(text: &str) -> Option<[u32; 3]> {
    if text.len() != 6 || !is_digits(text) {
        return None;
    }
    let part = |at: usize| text[at..at + 2].parse().ok();
    Some([part(0)?, part(2)?, part(4)?])
}

/// Digits with a point at most: no sign, exponent, infinity.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    plain.then(|| text.parse().ok()).flatten()
}

/// Degrees and minutes: `ddmm.mmmm`, the same with fewer digits of degrees, `-dd-mm.mmmm`, or
/// `ddmmmmmm` without a point. `letters` are those of the positive and the negative hemisphere.
fn degrees(text: &str, hemisphere: &str, letters: [&str; 2], digits: usize) -> Option<f64> {
    let sign = match letters.iter().position(|letter| *letter == hemisphere)? {
        0 => 1.0,
        _ => -1.0,
    };
    let (degrees, minutes) = match text.strip_prefix('-') {
        Some(text) => {
            let (degrees, minutes) = text.split_once('-')?;
            (degrees, decimal(minutes)?)
        }
        None => match text.find('.') {
            Some(point) => {
                let at = point.checked_sub(2)?;
                (text.get(..at)?, decimal(&text[at..])?)
            }
            None => {
                let (degrees, rest) = text.split_at_checked(digits)?;
                (degrees, (rest.len() == 6).then(|| decimal(rest))?? / 10_000.0)
            }
        },
    };
    // Minutes alone, where the degrees are 0.
    let degrees = if degrees.is_empty() { 0.0 } else { decimal(degrees)? };
    let value = degrees + minutes / 60.0;
    let limit = if digits == 2 { 90.0 } else { 180.0 };
    (minutes < 60.0 && value <= limit).then_some(sign * value)
}

/// Whether a binary message has the long id: 15 digits, a filler, and a time behind them. Where the
/// short form's time can be read too, the device is the `known` one or the check digit decides.
fn is_long(bytes: &[u8], known: Option<Imei>) -> bool {
    let Some(head) = bytes.get(1..15) else { return false };
    let imei = bcd(&head[..8]).and_then(|id| Imei::from_digits(&format!("{:015}", id / 10)).ok());
    imei.is_some_and(|imei| {
        let short = binary_time(&head[5..11]).is_some();
        binary_time(&head[8..]).is_some() && (!short || known == Some(imei) || imei.check().is_ok())
    })
}

/// Decimal digits, two a byte.
fn bcd(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0, |number, byte| {
        let (high, low) = (u64::from(byte >> 4), u64::from(byte & 0x0F));
        (high < 10 && low < 10).then_some(number * 100 + high * 10 + low)
    })
}

fn binary_time(bytes: &[u8]) -> Option<Timestamp> {
    let mut parts = [0; 6];
    for (part, byte) in parts.iter_mut().zip(bytes) {
        *part = u32::try_from(bcd(&[*byte])?).ok()?;
    }
    let [hour, minute, second, day, month, year] = parts;
    utc([2_000 + year, month, day, hour, minute, second])
}

/// `24 | id 8 | hhmmss | ddmmyy | latitude ddmmmmmm | battery | longitude dddmmmmm m, flags |
/// speed, course 3 digits each | status 4 | …`, all but battery, flags and status in BCD. The
/// flags: 2 valid, 4 north, 8 east.
fn read_binary(bytes: &[u8]) -> Result<(Imei, Vec<Said>), Malformed> {
    let number = |at: usize, length: usize, what: &str| {
        let found = &bytes[at..at + length];
        let digits = || found.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        bcd(found).ok_or_else(|| malformed(at, unread(what, &digits())))
    };
    let id = number(1, 8, "id")?;
    let imei = Imei::from_digits(&format!("{:015}", id / 10));
    let imei = imei.map_err(|_| no_imei(&id.to_string(), 1))?;
    let time = binary_time(&bytes[9..15]).ok_or_else(|| malformed(9, "the time can't be read"))?;
    let lat = number(15, 4, "latitude")?;
    let battery = bytes[19];
    let (longitude, flags) = (&bytes[20..25], bytes[24] & 0x0F);
    let mut digits = [0; 5];
    digits.copy_from_slice(longitude);
    digits[4] &= 0xF0;
    let lon = bcd(&digits).ok_or_else(|| malformed(20, "the longitude can't be read"))? / 10;
    let motion = number(25, 3, "speed and course")?;
    // Ten-thousandths of minutes below the degrees.
    let angle = |digits: u64| (digits / 1_000_000) as f64 + (digits % 1_000_000) as f64 / 600_000.0;
    let sign = |bit: u8| if flags & bit == 0 { -1.0 } else { 1.0 };
    let status = u32::from_be_bytes([bytes[28], bytes[29], bytes[30], bytes[31]]);
    let fix = Fix {
        time,
        lat: sign(4) * angle(lat),
        lon: sign(8) * angle(lon),
        altitude_m: None,
        speed_kmh: Some(((motion / 1_000) as f64 * KNOT_KMH) as f32),
        course_deg: Some((motion % 1_000) as f32),
        satellites: (flags & 2 == 0).then_some(0),
        hdop: None,
        io: vec![
            (io::STATUS, IoValue::Unsigned(status.into())),
            (io::BATTERY, IoValue::Unsigned(battery.into())),
            (io::REST, IoValue::Bytes(bytes[32..].to_vec())),
        ],
    };
    Ok((imei, vec![Said::Records { fix: Some(fix), answer: Vec::new() }]))
}
