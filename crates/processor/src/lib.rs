//! processor

pub mod live;
