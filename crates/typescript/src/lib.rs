//! For tests: what crosses a border to TypeScript is declared there by a generated file, which is
//! committed; a test fails when it is not what the Rust types say.

use std::fmt::Write as _;

use ts_rs::{Config, TS};

/// A file of TypeScript declarations.
#[derive(Debug)]
pub struct File {
    text: String,
    anew: String,
}

impl File {
    /// A file that says where it comes from: `source` is the Rust file, `package` the crate whose
    /// tests write it.
    pub fn new(source: &str, package: &str) -> Self {
        let anew = format!("UPDATE_PROTOCOL=1 cargo test -p {package} typescript");
        let text = format!("// Generated from {source}; to generate anew:\n// {anew}\n");
        Self { text, anew }
    }

    /// Adds lines as they are.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        writeln!(self.text, "{line}").expect("a String takes it");
        self
    }

    /// Declares a type, with its comments.
    #[must_use]
    pub fn declare<T: TS>(mut self) -> Self {
        let config = Config::default().with_large_int("number");
        let docs = T::docs().unwrap_or_default();
        write!(self.text, "\n{docs}export {}\n", T::decl(&config)).expect("a String takes it");
        self
    }

    /// The whole text. ts-rs writes each comment on three lines, and blanks at the ends of lines.
    fn tidy(&self) -> String {
        let lines: Vec<&str> = self.text.lines().map(str::trim_end).collect();
        let mut tidy = lines.join("\n").replace("/**\n * ", "/** ").replace(".\n */\n", ". */\n");
        tidy.push('\n');
        tidy
    }

    /// Fails unless the file at `path` is this one. With `UPDATE_PROTOCOL` set it is written first.
    pub fn check(&self, path: &str) {
        let expected = self.tidy();
        if std::env::var_os("UPDATE_PROTOCOL").is_some() {
            std::fs::write(path, &expected).expect("the file can be written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(committed, expected, "{}", self.anew);
    }
}
