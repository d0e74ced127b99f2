use biplane_core::ErrorCode;

use crate::Malformed;

/// A cursor over a frame's data that never reads past its end.
pub(super) struct Reader<'a> {
    pub bytes: &'a [u8],
    /// Of the next byte.
    pub at: usize,
}

impl<'a> Reader<'a> {
    /// From the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What is wrong at the next byte.
    pub fn malformed(&self, message: impl Into<String>) -> Malformed {
        Malformed { code: ErrorCode::FrameMalformed, offset: self.at, message: message.into() }
    }

    /// So many bytes, which are `what`.
    pub fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], Malformed> {
        let rest = &self.bytes[self.at..];
        match rest.get(..count) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => Err(self.malformed(format!(
                "{what} needs {count} bytes, the frame has {} left",
                rest.len()
            ))),
        }
    }

    /// A big-endian number of `width` (1 to 8) bytes.
    pub fn number(&mut self, width: usize, what: &str) -> Result<u64, Malformed> {
        let bytes = self.take(width, what)?;
        Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The second count of a frame, which has to be the first again and its last byte.
    pub fn end(mut self, count: u64, what: &str) -> Result<(), Malformed> {
        let at = self.at;
        let again = self.number(1, "the second count")?;
        if again != count {
            self.at = at;
            let message = format!("{count} {what}s at the start, {again} behind the last one");
            return Err(self.malformed(message));
        }
        if self.at < self.bytes.len() {
            let left = self.bytes.len() - self.at;
            return Err(self.malformed(format!("{left} bytes too many behind the last {what}")));
        }
        Ok(())
    }
}
