use std::fmt;
use std::path::{Path, PathBuf};

/// A step that failed: what, why, what to do, and the last lines of its log.
#[derive(Debug)]
pub struct SetupError {
    what: String,
    why: String,
    advice: Option<String>,
    log: Option<(PathBuf, Vec<String>)>,
}

impl SetupError {
    /// `what` failed because of `why`.
    pub fn new(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { what: what.into(), why: why.to_string(), advice: None, log: None }
    }

    /// What the reader should do.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Shows the last lines of the log at `path`.
    #[must_use]
    pub fn log(mut self, path: &Path) -> Self {
        self.log = Some((path.to_owned(), last_lines(path, 20)));
        self
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)?;
        if let Some((path, lines)) = &self.log {
            write!(f, "\n\nlast lines of {}:", path.display())?;
            for line in lines {
                write!(f, "\n    {line}")?;
            }
        }
        if let Some(advice) = &self.advice {
            write!(f, "\n\nWhat to do: {advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SetupError {}

/// The last `count` lines of a file, reading at most its last 64 KiB; none when it can't be read.
pub(crate) fn last_lines(path: &Path, count: usize) -> Vec<String> {
    use std::io::{Read, Seek, SeekFrom};
    const TAIL: u64 = 64 * 1024;

    let Ok(mut file) = std::fs::File::open(path) else { return Vec::new() };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    if file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).is_err() {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    if file.read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|&line| line.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_why_the_log_and_what_to_do() {
        let log = std::env::temp_dir().join(format!("biplane-error-{}.log", std::process::id()));
        std::fs::write(&log, "one\n\ntwo\nthree\n").expect("a log");
        assert_eq!(last_lines(&log, 2), ["two", "three"]);
        let text =
            SetupError::new("Redis", "it ended").advice("start it again").log(&log).to_string();
        std::fs::remove_file(&log).expect("the log");
        assert!(text.starts_with("Redis: it ended\n\nlast lines of "), "{text}");
        assert!(text.contains("\n    one\n    two\n    three\n"), "{text}");
        assert!(text.ends_with("What to do: start it again"), "{text}");
    }
}
