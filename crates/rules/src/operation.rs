//! Steps of Flows that belong to no single collection.

pub mod crossing;
pub mod item;
pub mod report;
pub mod track;
