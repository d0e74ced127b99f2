//! A panic ends as a bare `unreachable` in JavaScript: the message is kept here.

use std::panic::set_hook;
use std::sync::Mutex;

static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Keeps the message of a panic for [`message`].
pub fn keep_message() {
    set_hook(Box::new(|panic| {
        if let Ok(mut last) = LAST.try_lock() {
            *last = Some(panic.to_string());
        }
    }));
}

/// The message of the last panic.
pub fn message() -> Option<String> {
    LAST.try_lock().ok()?.clone()
}
