//! A whole Biplane on this machine.
//!
//! Installs what is missing, starts private servers (PostgreSQL, Redis) and the
//! processes (Directus, gateway, processor), loads the demo race and plays it
//! through the gateway as trackers would. `biplane up` runs it for people, the
//! system tests and the benchmarks run it for themselves.
//!
//! Everything here listens on the loopback interface only, keeps its data below
//! [`Layout::data`], and ends with the process that started it.

pub mod build;
mod clock;
mod database;
pub mod demo;
pub mod directus;
mod error;
pub mod fleet;
mod layout;
pub mod live;
pub mod node;
pub mod packages;
mod ports;
pub mod postgres;
pub mod process;
mod progress;
pub mod redis_server;
pub mod replay;
pub mod schema_ci;
mod secrets;
pub mod simulator;
mod stack;
mod throwaway;
pub mod tools;

pub use clock::now;
pub use error::SetupError;
pub use layout::Layout;
pub use ports::Ports;
pub use progress::{Progress, Step, StepTime, say};
pub use secrets::Secrets;
pub use stack::{Altered, Description, DirectusProcess, Options, Stack, prepare};
