//! A course as a file has it.

use std::path::Path;

use biplane_core::Timestamp;
use biplane_core::geodesy::Point;
use biplane_core::geofence::{Fence, Shape};
use serde::Deserialize;
use uuid::Uuid;

use super::of_file;

#[derive(Deserialize)]
struct File {
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    id: u32,
    zones: Vec<Zone>,
}

/// A circle of the course.
#[derive(Debug, Deserialize)]
pub struct Zone {
    /// Its number, by which the course is ordered.
    pub zone: u32,
    /// `launch`, `start`, or anything else.
    #[serde(default)]
    pub role: String,
    lat: f64,
    lon: f64,
    radius_m: f64,
    /// Event time from which it counts.
    open: Option<Timestamp>,
    /// Event time until which it counts, itself included.
    close: Option<Timestamp>,
}

/// One task.
pub struct Course {
    /// In the order of their numbers.
    pub zones: Vec<Zone>,
}

impl Course {
    /// Reads a file, and of several tasks the one of this id.
    pub fn read(file: &Path, task: Option<u32>) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|error| of_file(file, error))?;
        Self::of(&text, task).map_err(|why| of_file(file, why))
    }

    fn of(text: &str, task: Option<u32>) -> Result<Self, String> {
        let File { tasks } = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let ids: Vec<_> = tasks.iter().map(|task| task.id.to_string()).collect();
        let ids = ids.join(", ");
        let chosen = match task {
            Some(id) => tasks.into_iter().find(|task| task.id == id),
            None if tasks.len() > 1 => {
                return Err(format!("it has several tasks ({ids}); choose one by --task"));
            }
            None => tasks.into_iter().next(),
        };
        let mut zones = chosen.ok_or_else(|| format!("it has no such task; it has: {ids}"))?.zones;
        zones.sort_by_key(|zone| zone.zone);
        for zone in &zones {
            zone.shape().map_err(|error| format!("zone {}: {error}", zone.zone))?;
        }
        Ok(Self { zones })
    }

    /// A fence for each zone, named by its place.
    pub fn fences(&self) -> Vec<Fence> {
        let shapes = self.zones.iter().filter_map(|zone| zone.shape().ok()).zip(0_u128..);
        shapes.map(|(shape, place)| Fence { id: Uuid::from_u128(place).into(), shape }).collect()
    }

    /// Places of the zones that are raced, in their order.
    pub fn raced(&self) -> Vec<usize> {
        let zones = self.zones.iter().enumerate();
        zones.filter(|(_, zone)| zone.role != "launch").map(|(place, _)| place).collect()
    }
}

impl Zone {
    fn shape(&self) -> Result<Shape, biplane_core::geofence::ShapeError> {
        Shape::circle(Point { lat: self.lat, lon: self.lon }, self.radius_m)
    }

    /// Whether it counts at this event time.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.open.is_none_or(|open| open <= at) && self.close.is_none_or(|close| at <= close)
    }
}
