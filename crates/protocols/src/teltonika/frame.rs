use biplane_core::ErrorCode;

use super::{CRC, HEADER, MAX_DATA, TRAILER};
use crate::Malformed;

/// What stands at the start of bytes from a connection. Lengths are of the whole frame; offsets of errors
/// count from its first byte.
#[derive(Debug)]
pub(super) enum Framed<'a> {
    /// More bytes have to come.
    Incomplete,
    /// A frame with this data.
    Whole { data: &'a [u8], length: usize },
    /// A frame that is not what its checksum says.
    Damaged { error: Malformed, length: usize },
    /// Nothing tells where a frame would end.
    Lost(Malformed),
}

/// Looks for a frame; what can't become one is lost as soon as that is known.
pub(super) fn at_start(bytes: &[u8]) -> Framed<'_> {
    let malformed = |code, offset, message| Malformed { code, offset, message };
    if let Some(at) = bytes.iter().take(4).position(|&byte| byte != 0) {
        let message = format!("a frame starts with four zero bytes, not with {:#04x}", bytes[at]);
        return Framed::Lost(malformed(ErrorCode::FrameMalformed, at, message));
    }
    let Some(length) = bytes.get(4..HEADER).and_then(|bytes| bytes.try_into().ok()) else {
        return Framed::Incomplete;
    };
    let data = u32::from_be_bytes(length) as usize;
    if data > MAX_DATA {
        let message = format!("the frame declares {data} bytes, at most {MAX_DATA} are taken");
        return Framed::Lost(malformed(ErrorCode::FrameTooLarge, 4, message));
    }
    let length = HEADER + data + TRAILER;
    let Some(Ok(trailer)) = bytes.get(HEADER + data..length).map(TryInto::try_into) else {
        return Framed::Incomplete;
    };
    let data = &bytes[HEADER..length - TRAILER];
    let (declared, computed) = (u32::from_be_bytes(trailer), u32::from(CRC.checksum(data)));
    if declared == computed {
        return Framed::Whole { data, length };
    }
    let message = format!("the checksum is {declared:#06x}, the data's is {computed:#06x}");
    let error = malformed(ErrorCode::FrameChecksum, length - TRAILER, message);
    Framed::Damaged { error, length }
}

/// An error in a frame's data, counted from the frame's first byte.
pub(super) fn in_frame(error: Malformed) -> Malformed {
    Malformed { offset: error.offset + HEADER, ..error }
}
