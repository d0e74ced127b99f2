use std::fmt;
use std::path::{Path, PathBuf};

/// A step that failed: what, why, what to do, and the last lines of its log.
#[derive(Debug)]
pub struct SetupError {
    what: String,
    why: String,
    advice: Option<String>,
    log: Option<Box<LogEnd>>,
}

#[derive(Debug)]
struct LogEnd {
    path: PathBuf,
    lines: Vec<String>,
    symptom: Option<&'static str>,
}

/// What programs print when something outside of us is wrong, and what to do about it.
const SYMPTOMS: [(&[&str], &str); 5] = [
    (&["No space left on device", "ENOSPC"], "free some space on that disk, then start again"),
    (
        &[
            "npm error network",
            "getaddrinfo",
            "dns error",
            "resolve host",
            "Temporary failure resolving",
            "spurious network error",
            "Couldn't connect to server",
            "Could not connect to",
        ],
        "the network or the registry is out of reach: check the connection, the proxy (https_proxy) and the registries that npm, cargo and apt are set to; then start again, what was done is kept",
    ),
    (
        &["linker `cc` not found", "not found: make", "g++: not found", "find Python"],
        "a compiler is missing: `sudo apt-get install -y build-essential python3`, then start again",
    ),
    (
        &["EADDRINUSE", "Address already in use", "Address in use"],
        "another program took the port in the meantime: end it, or set another port (BIPLANE_PORT_…)",
    ),
    (
        &["Read-only file system", "EROFS", "EACCES", "ermission denied"],
        "make the folder that the log names writable for this user, then start again",
    ),
];

impl SetupError {
    /// `what` failed because of `why`.
    pub fn new(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { what: what.into(), why: why.to_string(), advice: None, log: None }
    }

    /// What the reader should do, unless the log shows something that is known better.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Shows the last lines of the log at `path`.
    #[must_use]
    pub fn log(mut self, path: &Path) -> Self {
        self.log = Some(Box::new(LogEnd {
            path: path.to_owned(),
            lines: last_lines(path, 20),
            symptom: symptom(&last_lines(path, 200)),
        }));
        self
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)?;
        if let Some(LogEnd { path, lines, .. }) = self.log.as_deref() {
            write!(f, "\n\nlast lines of {}:", path.display())?;
            if lines.is_empty() {
                write!(f, " it said nothing")?;
            }
            for line in lines {
                write!(f, "\n    {line}")?;
            }
        }
        if let Some(advice) =
            self.log.as_ref().and_then(|log| log.symptom).or(self.advice.as_deref())
        {
            write!(f, "\n\nWhat to do: {advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SetupError {}

fn symptom(lines: &[String]) -> Option<&'static str> {
    let seen =
        |words: &[&str]| lines.iter().any(|line| words.iter().any(|word| line.contains(word)));
    SYMPTOMS.iter().find(|(words, _)| seen(words)).map(|(_, advice)| *advice)
}

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

    #[test]
    fn a_symptom_in_the_log_is_better_advice_than_the_general_one() {
        let log = std::env::temp_dir().join(format!("biplane-symptom-{}.log", std::process::id()));
        std::fs::write(&log, "npm error network request to https://… failed\n").expect("a log");
        let text = SetupError::new("npm", "it ended").advice("look").log(&log).to_string();
        std::fs::remove_file(&log).expect("the log");
        assert!(text.contains("What to do: the network or the registry"), "{text}");
        assert_eq!(symptom(&["connect ECONNREFUSED 127.0.0.1:5462".to_owned()]), None);
    }
}
