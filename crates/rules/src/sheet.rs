//! Tables for spreadsheets.

/// CSV (RFC 4180).
pub struct Sheet(String);

impl Sheet {
    /// With its header.
    pub fn new<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sheet = Self(String::new());
        sheet.row(header);
        sheet
    }

    /// Adds a row.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        for (place, cell) in cells.into_iter().enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            self.cell(cell.as_ref());
        }
        self.0.push_str("\r\n");
    }

    /// A text that a spreadsheet would take for a formula gets an apostrophe before it.
    fn cell(&mut self, text: &str) {
        let number = text.parse::<f64>().is_ok();
        let mark =
            if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number { "'" } else { "" };
        if text.contains([',', '"', '\r', '\n']) {
            self.0.push_str(&format!("\"{mark}{}\"", text.replace('"', "\"\"")));
        } else {
            self.0.push_str(mark);
            self.0.push_str(text);
        }
    }

    /// All of it.
    pub fn text(self) -> String {
        self.0
    }
}

/// A key that sorts numbers as people count: 7 before 12, and both before A.
pub fn as_people_count(number: &str) -> (u64, String) {
    (number.trim().parse().unwrap_or(u64::MAX), number.to_owned())
}
