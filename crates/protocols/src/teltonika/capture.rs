//! What was sent, read after the fact: a frame, a datagram, or all that a device said over TCP.

use biplane_core::{ErrorCode, Fix, Imei};

use super::message::{Message, decode_messages, is_message_codec};
use super::{CRC, Datagram, HEADER, MAX_DATA, TRAILER, decode_data};
use crate::Malformed;

/// A piece of a capture.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// The first of a connection.
    Login(Imei),
    /// A byte between frames.
    Ping,
    /// A frame with positions.
    Records(Vec<Fix>),
    /// A frame with commands or answers.
    Messages(Vec<Message>),
    /// A datagram: nothing else is in the capture then.
    Datagram(Datagram),
}

/// Reads a capture to its end; offsets of errors count from its first byte.
pub fn decode_capture(bytes: &[u8]) -> Result<Vec<Piece>, Malformed> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        let rest = &bytes[at..];
        let shifted = |error: Malformed| Malformed { offset: error.offset + at, ..error };
        let (piece, length) = match rest {
            [0xFF, ..] => (Piece::Ping, 1),
            [0, 15, digits @ ..] if digits.first().is_some_and(u8::is_ascii_digit) => {
                (Piece::Login(login(digits).map_err(shifted)?), 17)
            }
            [0, 0, 0, 0, ..] => frame(rest).map_err(shifted)?,
            _ if at == 0 => (Piece::Datagram(Datagram::decode(rest)?), rest.len()),
            _ => {
                return Err(Malformed {
                    code: ErrorCode::FrameMalformed,
                    offset: at,
                    message: format!(
                        "neither a frame nor a login nor a ping starts with {first:#04x}"
                    ),
                });
            }
        };
        pieces.push(piece);
        at += length;
    }
    Ok(pieces)
}

fn login(digits: &[u8]) -> Result<Imei, Malformed> {
    let imei = digits.get(..15).and_then(|digits| std::str::from_utf8(digits).ok());
    imei.and_then(|digits| Imei::from_digits(digits).ok()).ok_or_else(|| Malformed {
        code: ErrorCode::FrameMalformed,
        offset: 2,
        message: "a login has 15 digits".to_owned(),
    })
}

fn frame(rest: &[u8]) -> Result<(Piece, usize), Malformed> {
    let malformed = |code, offset, message| Err(Malformed { code, offset, message });
    let Some(length) = rest.get(4..HEADER).and_then(|bytes| bytes.try_into().ok()) else {
        let message = format!("a frame's header has 8 bytes, {} are left", rest.len());
        return malformed(ErrorCode::FrameMalformed, rest.len(), message);
    };
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_DATA {
        let message = format!("the frame declares {length} bytes, at most {MAX_DATA} are taken");
        return malformed(ErrorCode::FrameTooLarge, 4, message);
    }
    let whole = HEADER + length + TRAILER;
    let (Some(data), Some(trailer)) = (
        rest.get(HEADER..HEADER + length),
        rest.get(HEADER + length..whole).and_then(|bytes| bytes.try_into().ok()),
    ) else {
        let message =
            format!("the frame has {whole} bytes with its checksum, {} are left", rest.len());
        return malformed(ErrorCode::FrameMalformed, rest.len(), message);
    };
    let (declared, computed) = (u32::from_be_bytes(trailer), u32::from(CRC.checksum(data)));
    if declared != computed {
        let message = format!("the checksum is {declared:#06x}, the data's is {computed:#06x}");
        return malformed(ErrorCode::FrameChecksum, HEADER + length, message);
    }
    let piece = match data.first() {
        Some(&codec) if is_message_codec(codec) => decode_messages(data).map(Piece::Messages),
        _ => decode_data(data).map(Piece::Records),
    };
    let piece = piece.map_err(|error| Malformed { offset: error.offset + HEADER, ..error })?;
    Ok((piece, whole))
}
