//! Teltonika over TCP and UDP: login, Codec 8, 8 Extended and 16; commands and answers in Codec 12 to 15.
//!
//! Source: Teltonika Telematics wiki, "Teltonika Data Sending Protocols".
//!
//! Login is `u16 length | ASCII IMEI`, answered `01` or `00`. A frame is
//! `00000000 | u32 length | data | u32 CRC`, big-endian throughout, answered by
//! the count of records taken; a device that reads another count sends the frame
//! again. A lone `FF` between frames is a ping and has no answer.

use biplane_core::Imei;

use crate::Protocol;

mod capture;
mod datagram;
mod decode;
mod encode;
mod frame;
mod message;
mod reader;
mod session;

pub use capture::{Piece, decode_capture};
pub use datagram::{Datagram, DatagramSession};
pub use decode::decode_data;
pub use encode::{Answer, EncodeError, Tracker};
pub use message::{Message, MessageKind, command_frame, decode_messages, response_frame};
pub use session::TeltonikaSession;

/// Over TCP and UDP.
pub const PROTOCOL: Protocol = Protocol {
    name: "teltonika",
    tcp: Some(|| Box::new(TeltonikaSession::new())),
    udp: Some(|| Box::new(DatagramSession::default())),
};

/// The most bytes of data (codec to second count) that a frame may declare.
///
/// Devices send at most 1,280 (Codec 8) and some 2,000 (command answers); 255
/// records without IO elements are 7,653.
pub const MAX_DATA: usize = 16 * 1024;

/// Preamble and length before the data.
pub const HEADER: usize = 8;

/// The checksum behind the data.
pub const TRAILER: usize = 4;

/// CRC-16/IBM, also called ARC: polynomial 8005 reflected, initial 0.
pub(crate) const CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_ARC);

/// The IO element that holds HDOP, in tenths.
pub const HDOP: u16 = 182;

/// What differs between the codecs that carry positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// One-byte ids and counts.
    Eight,
    /// Two-byte ids and counts, and elements of variable length.
    EightExtended,
    /// Two-byte ids, one-byte counts, a generation type.
    Sixteen,
}

impl Codec {
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x08 => Some(Self::Eight),
            0x8E => Some(Self::EightExtended),
            0x10 => Some(Self::Sixteen),
            _ => None,
        }
    }
}

/// An IMEI as 15 ASCII digits, whatever its check digit.
pub(crate) fn ascii_imei(digits: &[u8]) -> Option<Imei> {
    std::str::from_utf8(digits).ok().and_then(|digits| Imei::from_digits(digits).ok())
}

/// A frame with this data.
pub(crate) fn framed(data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 4];
    frame.extend_from_slice(&(data.len() as u32).to_be_bytes());
    frame.extend_from_slice(data);
    frame.extend_from_slice(&u32::from(CRC.checksum(data)).to_be_bytes());
    frame
}
