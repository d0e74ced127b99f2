//! Which of many fences a place lies in, or a device may have crossed.

use super::boxes::Boxes;
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
    boxes: Boxes,
}

impl FenceIndex {
    /// Of all fences of an organization.
    pub fn new(fences: Vec<Fence>) -> Self {
        let parts = fences
            .iter()
            .zip(0..)
            .flat_map(|(fence, n)| fence.shape.bounds().unwrapped().map(move |part| (part, n)));
        Self { boxes: Boxes::new(parts), fences }
    }

    /// The fences that a place lies in ([`Shape::contains`]), in no particular order.
    pub fn containing(&self, at: Point) -> impl Iterator<Item = &Fence> {
        let place = Bounds::of([(wrap_lon(at.lon), at.lat)]);
        // The parts of one box have no place in common.
        let near = self.boxes.meeting(&place).map(|n| &self.fences[n as usize]);
        near.filter(move |fence| fence.shape.contains(at))
    }

    /// What a device crossed between two fixes, fence by fence in the order they were given.
    pub fn crossings<'a>(
        &'a self,
        segment: &'a Segment,
    ) -> impl Iterator<Item = (&'a Fence, BorderCrossing)> {
        let mut near: Vec<u32> = Vec::new();
        for part in segment.bounds().unwrapped() {
            near.extend(self.boxes.meeting(&part));
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
