//! Which of many fences a place lies in, or a device may have crossed.

use super::boxes::Boxes;
use super::cells::{Cell, Cells};
use super::{BorderCrossing, Bounds, Segment, Shape};
use crate::GeofenceId;
use crate::geodesy::{Point, wrap_lon};

/// A row of `geofences`, prepared.
#[derive(Clone, Debug)]
pub struct Fence {
    /// The row.
    pub id: GeofenceId,
    /// Its shape.
    pub shape: Shape,
}

/// The fences of one organization, found by their boxes.
///
/// Never changed once made: who has other fences makes another index and puts it in this one's place.
#[derive(Clone, Debug, Default)]
pub struct FenceIndex {
    fences: Vec<Fence>,
    /// What each box stands for: a fence, and the cells of that box.
    parts: Vec<(u32, Cells)>,
    boxes: Boxes,
}

impl FenceIndex {
    /// Of all fences of an organization.
    pub fn new(fences: Vec<Fence>) -> Self {
        let mut boxes = Vec::new();
        let mut parts = Vec::new();
        for (fence, n) in fences.iter().zip(0..) {
            for part in fence.shape.bounds().unwrapped() {
                boxes.push((part, parts.len() as u32));
                parts.push((n, fence.shape.cells(&part)));
            }
        }
        Self { boxes: Boxes::new(boxes), parts, fences }
    }

    /// The fences that a place lies in ([`Shape::contains`]), in no particular order.
    pub fn containing(&self, at: Point) -> impl Iterator<Item = &Fence> {
        let lon = wrap_lon(at.lon);
        let place = Bounds::of([(lon, at.lat)]);
        // The parts of one box have no place in common.
        self.boxes.meeting(&place).filter_map(move |part| {
            let (n, cells) = &self.parts[part as usize];
            let fence = &self.fences[*n as usize];
            let is_inside = match cells.of(lon, at.lat) {
                Cell::Outside => false,
                Cell::Inside => true,
                Cell::Mixed => fence.shape.contains(at),
            };
            is_inside.then_some(fence)
        })
    }

    /// What a device crossed between two fixes, fence by fence in the order they were given.
    pub fn crossings<'a>(
        &'a self,
        segment: &'a Segment,
    ) -> impl Iterator<Item = (&'a Fence, BorderCrossing)> {
        let mut near: Vec<u32> = Vec::new();
        for part in segment.bounds().unwrapped() {
            near.extend(self.boxes.meeting(&part).map(|part| self.parts[part as usize].0));
        }
        near.sort_unstable();
        near.dedup();
        near.into_iter().flat_map(move |n| {
            let fence = &self.fences[n as usize];
            fence.shape.crossings(segment).into_iter().map(move |crossing| (fence, crossing))
        })
    }

    /// How many fences.
    pub fn len(&self) -> usize {
        self.fences.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.fences.is_empty()
    }
}
