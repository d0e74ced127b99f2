//! What was sent, read after the fact: a frame, a datagram, or all that a device said over TCP.

use biplane_core::{ErrorCode, Fix, Imei};

use super::frame::{self, Framed};
use super::message::{Message, decode_messages, is_message_codec};
use super::{Datagram, ascii_imei, decode_data};
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
    digits.get(..15).and_then(ascii_imei).ok_or_else(|| Malformed {
        code: ErrorCode::FrameMalformed,
        offset: 2,
        message: "a login has 15 digits".to_owned(),
    })
}

fn frame(rest: &[u8]) -> Result<(Piece, usize), Malformed> {
    let (data, length) = match frame::at_start(rest) {
        Framed::Whole { data, length } => (data, length),
        Framed::Damaged { error, .. } | Framed::Lost(error) => return Err(error),
        Framed::Incomplete => {
            return Err(Malformed {
                code: ErrorCode::FrameMalformed,
                offset: rest.len(),
                message: format!("the frame is cut off, {} bytes of it are there", rest.len()),
            });
        }
    };
    let piece = match data.first() {
        Some(&codec) if is_message_codec(codec) => decode_messages(data).map(Piece::Messages),
        _ => decode_data(data).map(Piece::Records),
    };
    Ok((piece.map_err(frame::in_frame)?, length))
}
