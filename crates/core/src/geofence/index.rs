//! Which of many fences a device may have crossed.

use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::{BorderCrossing, Bounds, Segment, Shape};
use crate::GeofenceId;

/// A row of `geofences`, prepared.
#[derive(Clone, Debug)]
pub struct Fence {
    /// The row.
    pub id: GeofenceId,
    /// Its shape.
    pub shape: Shape,
}

/// The fences of one organization, found by their boxes.
#[derive(Clone, Debug, Default)]
pub struct FenceIndex {
    fences: Vec<Fence>,
    boxes: RTree<GeomWithData<Rectangle<[f64; 2]>, u32>>,
}

impl FenceIndex {
    /// Of all fences of an organization.
    pub fn new(fences: Vec<Fence>) -> Self {
        let boxes = fences
            .iter()
            .enumerate()
            .flat_map(|(n, fence)| fence.shape.bounds().unwrapped().map(move |part| (n, part)))
            .map(|(n, part)| {
                let corners = corners(&part);
                GeomWithData::new(Rectangle::from_corners(corners.0, corners.1), n as u32)
            })
            .collect();
        Self { boxes: RTree::bulk_load(boxes), fences }
    }

    /// What a device crossed between two fixes, fence by fence in the order they were given.
    pub fn crossings<'a>(
        &'a self,
        segment: &'a Segment,
    ) -> impl Iterator<Item = (&'a Fence, BorderCrossing)> {
        let mut near: Vec<u32> = Vec::new();
        for part in segment.bounds().unwrapped() {
            let (low, high) = corners(&part);
            let hits = self.boxes.locate_in_envelope_intersecting(&AABB::from_corners(low, high));
            near.extend(hits.map(|hit| hit.data));
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

fn corners(bounds: &Bounds) -> ([f64; 2], [f64; 2]) {
    ([bounds.west, bounds.south], [bounds.east, bounds.north])
}
