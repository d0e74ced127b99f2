//! Which of many fences a place lies in, or a device may have crossed.

use super::boxes::{Boxes, Met};
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
        let parts: Vec<(u32, Bounds)> = (0..)
            .zip(&fences)
            .flat_map(|(n, fence)| fence.shape.bounds().unwrapped().map(move |part| (n, part)))
            .collect();
        let bounds: Vec<Bounds> = parts.iter().map(|(_, bounds)| *bounds).collect();
        let (boxes, order) = Boxes::new(&bounds);
        let part = |before: u32| {
            let (n, bounds) = &parts[before as usize];
            (*n, fences[*n as usize].shape.cells(bounds))
        };
        Self { boxes, parts: order.into_iter().map(part).collect(), fences }
    }

    /// The fences that a place lies in ([`Shape::contains`]), in no particular order.
    pub fn containing(&self, at: Point) -> impl Iterator<Item = &Fence> {
        let lon = wrap_lon(at.lon);
        let place = Bounds::of([(lon, at.lat)]);
        // The parts of one box have no place in common.
        self.boxes.meeting(&place).flat_map(move |met| {
            let (inside, mixed) = self.look(met, lon, at.lat);
            let near = Met { bits: inside | mixed, ..met };
            near.filter_map(move |part| {
                let fence = &self.fences[self.parts[part as usize].0 as usize];
                let is_known = inside >> (part - met.first) & 1 == 1;
                (is_known || fence.shape.contains(at)).then_some(fence)
            })
        })
    }

    /// Of the boxes met, those in whose fences the place lies by the cells, and those whose cells
    /// do not tell. Without a branch on what a cell says: where fences are many their cells are far
    /// away in memory, and the processor fetches all at once what no guess stands between.
    fn look(&self, met: Met, lon: f64, lat: f64) -> (u16, u16) {
        met.fold((0, 0), |(inside, mixed), part| {
            let cell = self.parts[part as usize].1.of(lon, lat);
            let bit = part - met.first;
            let is = |wanted| u16::from(cell == wanted) << bit;
            (inside | is(Cell::Inside), mixed | is(Cell::Mixed))
        })
    }

    /// What a device crossed between two fixes, fence by fence in the order they were given.
    pub fn crossings<'a>(
        &'a self,
        segment: &'a Segment,
    ) -> impl Iterator<Item = (&'a Fence, BorderCrossing)> {
        self.near(segment).flat_map(move |fence| {
            fence.shape.crossings(segment).into_iter().map(move |crossing| (fence, crossing))
        })
    }

    /// The fences whose boxes the way between two fixes meets, in the order they were given: all
    /// that it can have crossed, or that hold one of the fixes.
    pub(crate) fn near(&self, segment: &Segment) -> impl Iterator<Item = &Fence> + use<'_> {
        let mut near: Vec<u32> = Vec::new();
        for part in segment.bounds().unwrapped() {
            let met = self.boxes.meeting(&part).flatten();
            near.extend(met.map(|part| self.parts[part as usize].0));
        }
        near.sort_unstable();
        near.dedup();
        near.into_iter().map(|n| &self.fences[n as usize])
    }

    /// A fence, by its place among those that were given.
    pub(crate) fn at(&self, place: usize) -> Option<&Fence> {
        self.fences.get(place)
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
