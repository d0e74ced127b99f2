//! What sessions over a byte stream have in common: a bounded buffer, and how far the
//! conversation is.

use biplane_core::Fix;

use crate::{Event, Malformed};

/// A frame that can't be read is passed over; the third in a row ends the connection.
const MAX_WRONG: u8 = 3;

/// An idle connection keeps no more than this.
const KEPT_CAPACITY: usize = 2 * 1024;

/// How far a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Login,
    /// The host has yet to decide on the login.
    Deciding,
    Frames,
    /// The host has yet to store the records.
    Storing,
    Closed,
}

/// The bytes that have come and are not understood yet, at most `limit` of them.
#[derive(Debug)]
pub(crate) struct Stream {
    pub phase: Phase,
    buffer: Vec<u8>,
    limit: usize,
    /// So many bytes from the start are known not to end a frame: a frame that trickles in is
    /// searched once, not once a byte.
    searched: usize,
    wrong: u8,
}

impl Stream {
    pub fn new(limit: usize) -> Self {
        Self { phase: Phase::Login, buffer: Vec::new(), limit, searched: 0, wrong: 0 }
    }

    /// See [`crate::Session::receive`].
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        if self.phase == Phase::Closed {
            return bytes.len();
        }
        let taken = bytes.len().min(self.limit - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        taken
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Whether the next frame has to wait, or there will be none.
    pub fn waits(&self) -> bool {
        matches!(self.phase, Phase::Deciding | Phase::Storing | Phase::Closed)
    }

    pub fn is_full(&self) -> bool {
        self.buffer.len() == self.limit
    }

    /// Where the first `end` is.
    pub fn find(&mut self, end: u8) -> Option<usize> {
        let found = self.buffer[self.searched..].iter().position(|&byte| byte == end);
        let found = found.map(|at| self.searched + at);
        self.searched = found.unwrap_or(self.buffer.len());
        found
    }

    pub fn drop_front(&mut self, count: usize) {
        self.buffer.drain(..count);
        self.searched = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        }
    }

    /// The front of the buffer, taken out.
    pub fn take_front(&mut self, count: usize) -> Vec<u8> {
        let front = self.buffer[..count].to_vec();
        self.drop_front(count);
        front
    }

    pub fn decide(&mut self, accepted: bool) {
        self.phase = if accepted { Phase::Frames } else { Phase::Closed };
    }

    /// Records that the host is to store before anything else is told.
    pub fn store(&mut self, fixes: Vec<Fix>) -> Event {
        self.wrong = 0;
        self.phase = Phase::Storing;
        Event::Records { fixes }
    }

    pub fn stored(&mut self) {
        if self.phase == Phase::Storing {
            self.phase = Phase::Frames;
        }
    }

    /// A frame was understood.
    pub fn understood(&mut self) {
        self.wrong = 0;
    }

    /// Nothing more can be read.
    pub fn close(&mut self, error: Malformed, reply: Vec<u8>) -> Event {
        self.phase = Phase::Closed;
        self.buffer = Vec::new();
        self.searched = 0;
        Event::Malformed { error, reply, close: true }
    }

    /// What can't be read is passed over, before the login and the third time in a row no more.
    pub fn refuse(&mut self, error: Malformed, reply: Vec<u8>) -> Event {
        self.wrong += 1;
        if self.phase == Phase::Login || self.wrong >= MAX_WRONG {
            return self.close(error, reply);
        }
        Event::Malformed { error, reply, close: false }
    }
}
