//! What a program says, in the order in which it said it, however it ends.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use tokio::process::Command;

/// Standard output and error of a program, in a file that has no name and goes with us. A pipe would
/// hold the program up when nobody reads.
#[derive(Debug)]
pub(crate) struct Output(File);

impl Output {
    pub fn new() -> std::io::Result<Self> {
        tempfile::tempfile().map(Self)
    }

    /// Takes what `command` is going to say.
    pub fn of(&self, command: &mut Command) -> std::io::Result<()> {
        command.stdout(self.0.try_clone()?).stderr(self.0.try_clone()?);
        Ok(())
    }

    /// All of it. The program has ended: its place in the file is ours too.
    pub fn text(&self) -> String {
        let (mut file, mut bytes) = (&self.0, Vec::new());
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes));
        match read {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(its words can't be read: {error})"),
        }
    }

    /// The end of it, a few lines.
    pub fn last_words(&self) -> String {
        last_words(&self.text())
    }
}

fn last_words(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // The stack and the fields of an error of Node's say less than its first line.
    let fields = ["at ", "length: ", "file: ", "line: ", "routine: ", "}"];
    let is_told = |line: &&&str| {
        !fields.iter().any(|field| line.starts_with(field)) && !line.ends_with(": undefined,")
    };
    let told: Vec<_> = lines.iter().filter(is_told).copied().collect();
    told[told.len().saturating_sub(8)..].join("\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_program_said_is_kept_in_its_order_and_its_end_is_told() {
        let output = Output::new().expect("a file");
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; echo '  at file.js:1'; echo three; exit 1"]);
        output.of(&mut command).expect("its output");
        assert!(!command.status().await.expect("a shell").success());
        assert_eq!(output.text(), "one\ntwo\n  at file.js:1\nthree\n");
        assert_eq!(output.last_words(), "one\n    two\n    three");
    }

    #[test]
    fn of_an_error_of_nodes_what_went_wrong_is_told() {
        let text = "error: password authentication failed for user \"directus\"
    at Parser.parse (/directus/node_modules/pg-protocol/dist/parser.js:37:38) {
  length: 104,
  code: '28P01',
  detail: undefined,
  file: 'auth.c',
  line: '334',
  routine: 'auth_failed'
}
";
        assert_eq!(
            last_words(text),
            "error: password authentication failed for user \"directus\"\n    code: '28P01',"
        );
    }
}
