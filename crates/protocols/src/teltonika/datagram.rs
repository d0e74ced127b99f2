//! Positions over UDP: every datagram has the IMEI, and is answered by one of its own.
//!
//! Source: Teltonika Telematics wiki, "Teltonika Data Sending Protocols": `u16 length of what follows |
//! u16 packet | u8 1 | u8 AVL packet | u16 15 | ASCII IMEI | data`, the data as over TCP, without a
//! checksum of its own.

use biplane_core::{ErrorCode, Fix, Imei};

use super::reader::Reader;
use super::{ascii_imei, decode_data};
use crate::{Event, Malformed, Session};

/// What a device sent in one datagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Datagram {
    /// The device's number for it, which the answer repeats.
    pub packet: u16,
    /// The device's number for the records, which the answer repeats.
    pub avl_packet: u8,
    /// As sent; the check digit may be wrong.
    pub imei: Imei,
    /// Records, in the order sent.
    pub fixes: Vec<Fix>,
}

impl Datagram {
    /// Reads one; offsets of errors count from its first byte.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let length = reader.number(2, "the length")? as usize;
        if length != bytes.len() - 2 {
            let found = bytes.len() - 2;
            let message = format!("it declares {length} bytes, {found} follow");
            return Err(Malformed { code: ErrorCode::FrameMalformed, offset: 0, message });
        }
        let packet = reader.number(2, "the packet's number")? as u16;
        let _not_used = reader.number(1, "the unused byte")?;
        let avl_packet = reader.number(1, "the AVL packet's number")? as u8;
        let at = reader.at;
        let digits = reader.number(2, "the IMEI's length")? as usize;
        if digits != 15 {
            reader.at = at;
            return Err(reader.malformed(format!("an IMEI has 15 digits, not {digits}")));
        }
        let at = reader.at;
        let Some(imei) = ascii_imei(reader.take(digits, "the IMEI")?) else {
            reader.at = at;
            return Err(reader.malformed("the IMEI has other characters than digits"));
        };
        let at = reader.at;
        let fixes = decode_data(&bytes[at..])
            .map_err(|error| Malformed { offset: error.offset + at, ..error })?;
        Ok(Self { packet, avl_packet, imei, fixes })
    }

    /// The answer that tells the device how many of its records are safe.
    pub fn acknowledgement(&self, records: u8) -> Vec<u8> {
        let mut answer = vec![0, 5];
        answer.extend_from_slice(&self.packet.to_be_bytes());
        answer.extend_from_slice(&[1, self.avl_packet, records]);
        answer
    }
}

/// One datagram from arrival to answer: a login, then its records. Nothing is answered to a device
/// that is refused, nor to what is no datagram: UDP has no word for it.
#[derive(Debug, Default)]
pub struct DatagramSession {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Waiting,
    Received(Result<Datagram, Malformed>),
    /// The host has yet to decide on the login.
    Deciding(Datagram),
    Accepted(Datagram),
    /// The host has yet to store the records.
    Storing(Datagram),
}

impl Session for DatagramSession {
    fn protocol(&self) -> &'static str {
        super::PROTOCOL.name
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.state = State::Received(Datagram::decode(bytes));
        bytes.len()
    }

    fn next_event(&mut self) -> Option<Event> {
        let (state, event) = match std::mem::take(&mut self.state) {
            State::Received(Ok(datagram)) => {
                let imei = datagram.imei;
                (State::Deciding(datagram), Some(Event::Login { imei }))
            }
            State::Received(Err(error)) => {
                let event = Event::Malformed { error, reply: Vec::new(), close: true };
                (State::Waiting, Some(event))
            }
            State::Accepted(mut datagram) => {
                let fixes = std::mem::take(&mut datagram.fixes);
                (State::Storing(datagram), Some(Event::Records { fixes }))
            }
            state => (state, None),
        };
        self.state = state;
        event
    }

    fn decide(&mut self, accepted: bool) -> Vec<u8> {
        self.state = match std::mem::take(&mut self.state) {
            State::Deciding(datagram) if accepted => State::Accepted(datagram),
            _ => State::Waiting,
        };
        Vec::new()
    }

    fn acknowledge(&mut self, records: usize) -> Vec<u8> {
        match std::mem::take(&mut self.state) {
            // A datagram holds 255 records at most.
            State::Storing(datagram) => {
                datagram.acknowledgement(u8::try_from(records).unwrap_or(u8::MAX))
            }
            _ => Vec::new(),
        }
    }
}
