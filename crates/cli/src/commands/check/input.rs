//! The bytes of the file, counted: for the progress, and so that no item fills the memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::error::CheckError;

/// How large one item may be.
pub const MAX_ITEM_BYTES: u64 = 64 << 20;

/// What was read so far; shared by the reader and whoever shows it.
#[derive(Debug, Default)]
struct Count {
    bytes: Cell<u64>,
    /// Of them up to the end of the item before.
    before: Cell<u64>,
    items: Cell<u64>,
    quotes: Cell<u64>,
    too_large: Cell<bool>,
}

/// The file, from its first byte after a byte order mark.
pub struct Input {
    pub reader: BufReader<Counting>,
    count: Rc<Count>,
    name: String,
    size: Option<u64>,
}

/// Reads and counts.
pub struct Counting {
    inner: Box<dyn Read>,
    count: Rc<Count>,
}

impl Input {
    /// Opens a file, or standard input.
    pub fn open(file: &Path) -> Result<Self, CheckError> {
        let name = if file == Path::new("-") {
            "standard input".into()
        } else {
            file.display().to_string()
        };
        let failed = |source| CheckError::File { file: name.clone(), source };
        let (inner, size): (Box<dyn Read>, _) = if file == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let opened = File::open(file).map_err(failed)?;
            let about = opened.metadata().map_err(failed)?;
            if about.is_dir() {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
            (Box::new(opened), Some(about.len()))
        };
        let count = Rc::new(Count::default());
        let counting = Counting { inner, count: Rc::clone(&count) };
        let mut reader = BufReader::with_capacity(1 << 16, counting);
        if reader.fill_buf().map_err(failed)?.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        Ok(Self { reader, count, name, size })
    }

    /// Says so when reading failed, for a parser's error that was no fault of the text.
    pub fn failure(&self) -> Failure {
        Failure { count: Rc::clone(&self.count), name: self.name.clone() }
    }

    /// Shows how far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            count: Rc::clone(&self.count),
            size: self.size,
            shown: Cell::new(Instant::now()),
            terminal: io::stderr().is_terminal(),
        }
    }
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = &self.count;
        if count.bytes.get() - count.before.get() > MAX_ITEM_BYTES {
            count.too_large.set(true);
            return Err(io::Error::other("an item is too large"));
        }
        let read = self.inner.read(buffer)?;
        let quotes = buffer[..read].iter().filter(|&&byte| byte == b'"').count();
        count.quotes.set(count.quotes.get() + quotes as u64);
        count.bytes.set(count.bytes.get() + read as u64);
        Ok(read)
    }
}

/// Tells an error of the disk from one of the text.
pub struct Failure {
    count: Rc<Count>,
    name: String,
}

impl Failure {
    /// Of a read.
    pub fn of(&self, source: io::Error) -> CheckError {
        if self.count.too_large.get() {
            return CheckError::TooLarge { number: self.count.items.get() + 1 };
        }
        CheckError::File { file: self.name.clone(), source }
    }

    /// Whether the quotation marks read so far don't come in pairs.
    pub fn odd_quotes(&self) -> bool {
        self.count.quotes.get() % 2 == 1
    }
}

/// A line on a terminal that is drawn anew; elsewhere nothing.
pub struct Progress {
    count: Rc<Count>,
    size: Option<u64>,
    shown: Cell<Instant>,
    terminal: bool,
}

impl Progress {
    /// One item more.
    pub fn item(&self) {
        let count = &self.count;
        count.items.set(count.items.get() + 1);
        count.before.set(count.bytes.get());
        if self.terminal && self.shown.get().elapsed() > Duration::from_millis(200) {
            self.shown.set(Instant::now());
            let share = self.size.filter(|size| *size > 0);
            let share =
                share.map(|size| format!(", {} %", (count.bytes.get() * 100 / size).min(100)));
            let (items, share) = (count.items.get(), share.unwrap_or_default());
            let _ = write!(io::stderr(), "\r\x1b[2K{items} items{share}");
        }
    }

    /// Takes the line away, so that another can be written.
    pub fn clear(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}
