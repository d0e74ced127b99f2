//! What server and device say to each other besides positions: Codec 12, 13, 14 and 15.
//!
//! Source: Teltonika Telematics wiki, "Teltonika Data Sending Protocols". All have a codec, a count, the
//! messages, and the count again; a message is `u8 type | u32 size | …`, where the size holds for all that
//! follows: in Codec 13 seconds since 1970 (u32) before the text, in Codec 14 the IMEI (8 bytes, a digit in
//! each half, a 0 before them), in Codec 15 both.

use biplane_core::{ErrorCode, Imei, Timestamp};

use super::reader::Reader;
use super::{MAX_DATA, framed};
use crate::Malformed;

/// A command, an answer, or what a device hands on from its serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which of them.
    pub kind: MessageKind,
    /// Event time, to the second; Codec 13 and 15 only.
    pub time: Option<Timestamp>,
    /// Whom it is for or from; Codec 14 and 15 only.
    pub imei: Option<Imei>,
    /// Mostly text.
    pub payload: Vec<u8>,
}

/// The kinds of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// To the device.
    Command,
    /// From the device.
    Response,
    /// From the device: the command was for another IMEI.
    Refusal,
    /// Another type, as sent.
    Other(u8),
}

impl MessageKind {
    const fn from_byte(byte: u8) -> Self {
        match byte {
            0x05 => Self::Command,
            0x06 => Self::Response,
            0x11 => Self::Refusal,
            other => Self::Other(other),
        }
    }

    /// As people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Response => "response",
            Self::Refusal => "refusal",
            Self::Other(_) => "other",
        }
    }
}

/// Which codecs carry messages.
pub const fn is_message_codec(byte: u8) -> bool {
    matches!(byte, 0x0C..=0x0F)
}

/// Reads a frame's data: codec, count, messages, count again.
///
/// Offsets of errors count from the first byte of `data`.
pub fn decode_messages(data: &[u8]) -> Result<Vec<Message>, Malformed> {
    let mut reader = Reader::new(data);
    let codec = reader.number(1, "the codec")? as u8;
    if !is_message_codec(codec) {
        let message = format!("codec {codec:#04x} has no messages; 0x0c to 0x0f have");
        return Err(Malformed { code: ErrorCode::FrameCodec, offset: 0, message });
    }
    let count = reader.number(1, "the number of messages")?;
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(message(&mut reader, codec)?);
    }
    reader.end(count, "message")?;
    Ok(messages)
}

fn message(reader: &mut Reader<'_>, codec: u8) -> Result<Message, Malformed> {
    let kind = MessageKind::from_byte(reader.number(1, "a message's type")? as u8);
    let size = reader.number(4, "a message's size")? as usize;
    let start = reader.at;
    // What it declares is there before a part of it is looked at.
    reader.take(size, "a message")?;
    let mut inner = Reader { bytes: &reader.bytes[..reader.at], at: start };
    let time = match codec {
        0x0D | 0x0F => {
            let seconds = inner.number(4, "a message's time")?;
            Some(Timestamp::from_millis(seconds as i64 * 1_000))
        }
        _ => None,
    };
    let imei = match codec {
        0x0E | 0x0F => Some(imei(&mut inner)?),
        _ => None,
    };
    let payload = inner.bytes[inner.at..].to_vec();
    Ok(Message { kind, time, imei, payload })
}

fn imei(reader: &mut Reader<'_>) -> Result<Imei, Malformed> {
    let at = reader.at;
    let digits: String =
        reader.take(8, "the IMEI")?.iter().map(|byte| format!("{byte:02x}")).collect();
    let imei = digits.strip_prefix('0').and_then(|digits| Imei::from_digits(digits).ok());
    imei.ok_or_else(|| Malformed {
        code: ErrorCode::FrameMalformed,
        offset: at,
        message: format!("{digits} is no IMEI behind a 0"),
    })
}

/// A frame that tells a device to do something, in Codec 12; `None` where it would be too long.
pub fn command_frame(command: &str) -> Option<Vec<u8>> {
    codec_12(0x05, command)
}

/// A device's answer to it; `None` where it would be too long.
pub fn response_frame(answer: &str) -> Option<Vec<u8>> {
    codec_12(0x06, answer)
}

fn codec_12(kind: u8, text: &str) -> Option<Vec<u8>> {
    let size = u32::try_from(text.len()).ok()?;
    let mut data = vec![0x0C, 1, kind];
    data.extend_from_slice(&size.to_be_bytes());
    data.extend_from_slice(text.as_bytes());
    data.push(1);
    (data.len() <= MAX_DATA).then(|| framed(&data))
}
