//! Device codecs: bytes in, events and bytes out.
//!
//! Pure: no I/O, no clock. The host owns the socket; a [`Session`] owns what the
//! protocol means. A session never acknowledges by itself: it makes the bytes
//! when the host says that the records are durable.

use biplane_core::{ErrorCode, Fix, Imei};

mod capture;
mod catalogue;
mod civil;
pub mod gt06;
pub mod h02;
pub mod json_lines;
pub mod osmand;
mod stream;
pub mod teltonika;

pub use capture::decode_capture;
pub use catalogue::{Element, element};

/// A protocol as those see it who only carry bytes.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// As in [`biplane_core::Frame::protocol`] and in `devices.protocol`.
    pub name: &'static str,
    /// A session for a TCP connection, where devices speak it over TCP.
    pub tcp: Option<fn() -> Box<dyn Session>>,
    /// A session for one datagram, where devices speak it over UDP.
    pub udp: Option<fn() -> Box<dyn Session>>,
}

/// All that are known and speak over a socket of their own. [`osmand`] comes over HTTP: it is no
/// [`Session`], but a function from a request to a report.
pub const PROTOCOLS: &[Protocol] =
    &[teltonika::PROTOCOL, gt06::PROTOCOL, h02::PROTOCOL, json_lines::PROTOCOL];

/// One connection of a device, from its first byte; or one datagram, which holds all that a
/// connection would say.
///
/// The host's loop: [`receive`](Self::receive) what the socket gave, then take
/// [`next_event`](Self::next_event) until there is none; answer a login by
/// [`decide`](Self::decide) and records by [`acknowledge`](Self::acknowledge)
/// before the next event comes.
pub trait Session: Send + Sync {
    /// The protocol's name, as in [`biplane_core::Frame::protocol`].
    fn protocol(&self) -> &'static str;

    /// Takes bytes from the socket, and says how many: less than all when the
    /// session holds as much as it may until its events are taken.
    fn receive(&mut self, bytes: &[u8]) -> usize;

    /// The next thing that the device said, if it is complete.
    fn next_event(&mut self) -> Option<Event>;

    /// The host's decision on a [`Event::Login`]: the bytes to answer. After a
    /// refusal the host closes the socket.
    fn decide(&mut self, accepted: bool) -> Vec<u8>;

    /// The bytes that tell the device that `records` records are safe. Only to be
    /// called, and sent, when they are.
    fn acknowledge(&mut self, records: usize) -> Vec<u8>;

    /// Whether the protocol has a place for a secret: a device that has one is then let in by it only.
    fn takes_token(&self) -> bool {
        false
    }

    /// The secret that came with the login, where the protocol has one: for the host to check
    /// before it decides.
    fn token(&self) -> Option<&str> {
        None
    }

    /// The bytes that tell the device to do something; `None` where the protocol has no such
    /// thing, or not for this text. To be called after the login only; the answer is an
    /// [`Event::Response`].
    fn command(&mut self, _text: &str) -> Option<Vec<u8>> {
        None
    }
}

/// What a device said.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Who it claims to be. An IMEI proves nothing.
    Login {
        /// As sent; the check digit may be wrong.
        imei: Imei,
    },
    /// Records, in the order sent; they want an acknowledgement.
    Records {
        /// As sent: implausible ones too. None where a device wants an answer to a message
        /// that has no position, say a heartbeat: then there is nothing to store first.
        fixes: Vec<Fix>,
    },
    /// What it says to a command.
    Response {
        /// As sent, as far as it is UTF-8.
        text: String,
        /// Whether the device says that the command was not for it.
        refused: bool,
    },
    /// It is still there; of several such words in a row only one is told.
    Ping,
    /// Bytes that can't be understood.
    Malformed {
        /// What and where.
        error: Malformed,
        /// What the protocol answers, so that the device sends it again; often nothing.
        reply: Vec<u8>,
        /// Whether the stream can't be read any further: close the socket.
        close: bool,
    },
}

/// Why bytes are no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} at byte {offset}: {message}")]
pub struct Malformed {
    /// Stable.
    pub code: ErrorCode,
    /// From the frame's first byte.
    pub offset: usize,
    /// One sentence.
    pub message: String,
}
