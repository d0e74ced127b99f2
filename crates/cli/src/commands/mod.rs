//! One module a command.

pub mod lint;
pub mod suite;
pub mod test;
pub mod up;
