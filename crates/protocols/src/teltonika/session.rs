use std::collections::VecDeque;

use biplane_core::{ErrorCode, Fix};

use super::frame::{self, Framed};
use super::message::{Message, MessageKind, command_frame, decode_messages, is_message_codec};
use super::{HEADER, MAX_DATA, TRAILER, ascii_imei, decode_data};
use crate::{Event, Malformed, Session};

/// The server's side of one Teltonika TCP connection.
///
/// Holds at most one frame of [`MAX_DATA`]. A frame that is whole but wrong
/// (checksum, counts) is answered by a count of 0, so that the device sends it
/// again, and the third such frame in a row ends the connection; one whose
/// borders are not known (preamble, length) ends it at once. A frame of another
/// codec is passed over without an answer. Commands go out in Codec 12, answers are
/// taken in 12 to 15 and want no acknowledgement.
#[derive(Debug)]
pub struct TeltonikaSession {
    state: State,
    buffer: Vec<u8>,
    /// Wrong frames since the last good one.
    wrong: u8,
    /// Of a frame with several messages, those yet to be told.
    messages: VecDeque<Message>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Login,
    /// The host has yet to decide on the login.
    Deciding,
    Frames,
    /// The host has yet to store the records.
    Storing,
    Closed,
}

const MAX_FRAME: usize = HEADER + MAX_DATA + TRAILER;
const MAX_WRONG: u8 = 3;
const IMEI_DIGITS: usize = 15;
const PING: u8 = 0xFF;

/// An idle connection keeps no more than this.
const KEPT_CAPACITY: usize = 2 * 1024;

impl Default for TeltonikaSession {
    fn default() -> Self {
        Self { state: State::Login, buffer: Vec::new(), wrong: 0, messages: VecDeque::new() }
    }
}

impl TeltonikaSession {
    /// A connection that has just been opened.
    pub fn new() -> Self {
        Self::default()
    }

    fn drop_front(&mut self, count: usize) {
        self.buffer.drain(..count);
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        }
    }

    fn close(&mut self, code: ErrorCode, offset: usize, message: String) -> Event {
        self.state = State::Closed;
        self.buffer = Vec::new();
        let error = Malformed { code, offset, message };
        Event::Malformed { error, reply: Vec::new(), close: true }
    }

    /// The next message that answers a command.
    fn answer(&mut self) -> Option<Event> {
        while let Some(Message { kind, payload, .. }) = self.messages.pop_front() {
            if matches!(kind, MessageKind::Response | MessageKind::Refusal) {
                let text = String::from_utf8_lossy(&payload).into_owned();
                return Some(Event::Response { text, refused: kind == MessageKind::Refusal });
            }
        }
        None
    }

    /// A whole frame that can't be taken.
    fn refuse(&mut self, error: Malformed) -> Event {
        if error.code == ErrorCode::FrameCodec {
            return Event::Malformed { error, reply: Vec::new(), close: false };
        }
        self.wrong += 1;
        let close = self.wrong >= MAX_WRONG;
        if close {
            self.state = State::Closed;
            self.buffer = Vec::new();
        }
        Event::Malformed { error, reply: 0u32.to_be_bytes().to_vec(), close }
    }

    fn login(&mut self) -> Option<Event> {
        // Refused as soon as it can't become a login any more, not when all is there.
        let length = match self.buffer[..] {
            [0, low, ..] => usize::from(low),
            [0] => return None,
            _ => {
                return Some(self.close(
                    ErrorCode::FrameMalformed,
                    0,
                    "a login starts with the IMEI's length, 000f".into(),
                ));
            }
        };
        if length != IMEI_DIGITS {
            return Some(self.close(
                ErrorCode::FrameMalformed,
                0,
                format!("the login declares {length} characters, an IMEI has {IMEI_DIGITS}"),
            ));
        }
        let digits = &self.buffer[2..self.buffer.len().min(2 + IMEI_DIGITS)];
        if let Some(at) = digits.iter().position(|byte| !byte.is_ascii_digit()) {
            let byte = digits[at];
            return Some(self.close(
                ErrorCode::FrameMalformed,
                2 + at,
                format!("the IMEI holds the byte {byte:#04x}, which is no digit"),
            ));
        }
        if digits.len() < IMEI_DIGITS {
            return None;
        }
        let imei = ascii_imei(digits)?;
        self.drop_front(2 + IMEI_DIGITS);
        self.state = State::Deciding;
        Some(Event::Login { imei })
    }

    fn frame(&mut self) -> Option<Event> {
        let (decoded, length) = match frame::at_start(&self.buffer) {
            Framed::Incomplete => return None,
            Framed::Lost(error) => {
                return Some(self.close(error.code, error.offset, error.message));
            }
            Framed::Damaged { error, length } => (Err(error), length),
            Framed::Whole { data, length } => (content(data).map_err(frame::in_frame), length),
        };
        self.drop_front(length);
        match decoded {
            Ok(Content::Records(fixes)) => {
                self.wrong = 0;
                self.state = State::Storing;
                Some(Event::Records { fixes })
            }
            Ok(Content::Messages(messages)) => {
                self.wrong = 0;
                self.messages.extend(messages);
                // What a device hands on from its serial port answers nothing.
                self.answer().or(Some(Event::Ping))
            }
            Err(error) => Some(self.refuse(error)),
        }
    }
}

impl Session for TeltonikaSession {
    fn protocol(&self) -> &'static str {
        "teltonika"
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        if self.state == State::Closed {
            return bytes.len();
        }
        let taken = bytes.len().min(MAX_FRAME.saturating_sub(self.buffer.len()));
        self.buffer.extend_from_slice(&bytes[..taken]);
        taken
    }

    fn next_event(&mut self) -> Option<Event> {
        if let Some(answer) = self.answer() {
            return Some(answer);
        }
        match (self.state, self.buffer.first()) {
            (_, None) | (State::Deciding | State::Storing | State::Closed, _) => None,
            (_, Some(&PING)) => {
                // All at once: each alone would move what is behind it.
                let pings = self.buffer.iter().take_while(|&&byte| byte == PING).count();
                self.drop_front(pings);
                Some(Event::Ping)
            }
            (State::Login, _) => self.login(),
            (State::Frames, _) => self.frame(),
        }
    }

    fn decide(&mut self, accepted: bool) -> Vec<u8> {
        self.state = if accepted { State::Frames } else { State::Closed };
        vec![u8::from(accepted)]
    }

    fn acknowledge(&mut self, records: usize) -> Vec<u8> {
        if self.state == State::Storing {
            self.state = State::Frames;
        }
        (records as u32).to_be_bytes().to_vec()
    }

    fn command(&mut self, text: &str) -> Option<Vec<u8>> {
        command_frame(text)
    }
}

enum Content {
    Records(Vec<Fix>),
    Messages(Vec<Message>),
}

fn content(data: &[u8]) -> Result<Content, Malformed> {
    match data.first() {
        Some(&codec) if is_message_codec(codec) => decode_messages(data).map(Content::Messages),
        _ => decode_data(data).map(Content::Records),
    }
}
