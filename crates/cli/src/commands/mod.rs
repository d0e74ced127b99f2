//! One module a command.

pub mod boot;
pub mod check;
pub mod command;
pub mod db_init;
pub mod dead_letters;
pub mod decode;
pub mod lint;
pub mod log_place;
pub mod positions;
pub mod quarantine;
pub mod replay;
pub mod schema;
pub mod score;
pub mod suite;
pub mod test;
pub mod up;
