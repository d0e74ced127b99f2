//! Boxes packed into a tree: which of many does a place or another box meet?

use super::Bounds;

/// Children of a node. Sixteen boxes of four `f32` are four cache lines, tested without a branch.
const FAN: usize = 16;
/// Levels that `u32::MAX` boxes need.
const DEEPEST: usize = 8;

/// A tree over boxes that stay as they are, full to the last node but one of each level.
///
/// Numbers are `f32`: rounding to the nearest keeps their order, so that no box is missed, and
/// boxes less than 2 m apart may be taken to meet; who needs it exactly asks the shape. A box costs
/// 16 bytes, and a fifteenth more for the levels above.
#[derive(Clone, Debug, Default)]
pub(super) struct Boxes {
    /// The leaves, the level above them and so on; the root is the last.
    nodes: Vec<Node>,
    leaves: u32,
}

/// The boxes of up to [`FAN`] children; those that there are not meet nothing.
#[derive(Clone, Debug)]
struct Node {
    west: [f32; FAN],
    south: [f32; FAN],
    east: [f32; FAN],
    north: [f32; FAN],
    /// The first child: a leaf's among the boxes, another's among the nodes.
    first: u32,
}

#[derive(Clone, Copy, Debug)]
struct Small {
    west: f32,
    south: f32,
    east: f32,
    north: f32,
}

impl Boxes {
    /// And the boxes' places before in the order that they have now: who keeps what they stand for
    /// in that order finds what is close on the earth close in memory.
    pub(super) fn new(boxes: &[Bounds]) -> (Self, Vec<u32>) {
        let mut boxes: Vec<(Small, u32)> = boxes.iter().map(Small::from).zip(0..).collect();
        if boxes.is_empty() {
            return Default::default();
        }
        let mut reach = FAN;
        while reach * FAN < boxes.len() {
            reach *= FAN;
        }
        tile(&mut boxes, reach);
        let mut nodes = Vec::new();
        pack(boxes.iter().map(|&(small, _)| small), 0, &mut nodes);
        let leaves = nodes.len();
        let mut below = 0..leaves;
        while below.len() > 1 {
            let whole: Vec<Small> = nodes[below.clone()].iter().map(Node::whole).collect();
            pack(whole.into_iter(), below.start, &mut nodes);
            below = below.end..nodes.len();
        }
        let order = boxes.into_iter().map(|(_, before)| before).collect();
        (Self { nodes, leaves: leaves as u32 }, order)
    }

    /// The boxes that meet `bounds`, a leaf at a time.
    pub(super) fn meeting(&self, bounds: &Bounds) -> Meeting<'_> {
        let mut meeting =
            Meeting { boxes: self, wanted: bounds.into(), open: [(0, 0); DEEPEST], depth: 0 };
        if let Some(root) = self.nodes.len().checked_sub(1) {
            meeting.open_node(root as u32);
        }
        meeting
    }
}

/// Up to sixteen boxes in a row of which some are met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    /// The first of the row.
    pub(super) first: u32,
    /// A bit for each that is met.
    pub(super) bits: u16,
}

impl Iterator for Met {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let next = (self.bits != 0).then(|| self.first + self.bits.trailing_zeros())?;
        self.bits &= self.bits - 1;
        Some(next)
    }
}

/// The leaves found so far have been given out; the nodes on the way down still have others.
pub(super) struct Meeting<'a> {
    boxes: &'a Boxes,
    wanted: Small,
    /// Nodes from the root downwards, each with those of its children yet to be looked at.
    open: [(u32, u16); DEEPEST],
    depth: usize,
}

impl Meeting<'_> {
    fn open_node(&mut self, node: u32) {
        self.open[self.depth] = (node, self.boxes.nodes[node as usize].meeting(&self.wanted));
        self.depth += 1;
    }
}

impl Iterator for Meeting<'_> {
    type Item = Met;

    fn next(&mut self) -> Option<Met> {
        while self.depth > 0 {
            let (node, left) = &mut self.open[self.depth - 1];
            let mut met = Met { first: self.boxes.nodes[*node as usize].first, bits: *left };
            if *node < self.boxes.leaves {
                self.depth -= 1;
                return Some(met);
            }
            let Some(child) = met.next() else {
                self.depth -= 1;
                continue;
            };
            *left = met.bits;
            self.open_node(child);
        }
        None
    }
}

/// Orders boxes so that each run of `reach`, and within it each of `reach / FAN` and so on down to a
/// leaf, lies close together: slices from west to east, in them tiles from south to north
/// (sort-tile-recursive, Leutenegger et al. 1997, from the root down).
fn tile(boxes: &mut [(Small, u32)], reach: usize) {
    if boxes.len() <= reach {
        return if reach > FAN {
            tile(boxes, reach / FAN)
        };
    }
    let tiles = boxes.len().div_ceil(reach);
    let slice = (tiles as f64).sqrt().ceil() as usize * reach;
    boxes.sort_unstable_by(|a, b| a.0.across().total_cmp(&b.0.across()));
    for slice in boxes.chunks_mut(slice) {
        slice.sort_unstable_by(|a, b| a.0.up().total_cmp(&b.0.up()));
        if reach > FAN {
            slice.chunks_mut(reach).for_each(|tile_of| tile(tile_of, reach / FAN));
        }
    }
}

/// Appends the nodes over boxes that lie in order from `first` on.
fn pack(boxes: impl ExactSizeIterator<Item = Small>, first: usize, nodes: &mut Vec<Node>) {
    for (n, small) in boxes.enumerate() {
        if n % FAN == 0 {
            nodes.push(Node::over((first + n) as u32));
        }
        if let Some(node) = nodes.last_mut() {
            node.west[n % FAN] = small.west;
            node.south[n % FAN] = small.south;
            node.east[n % FAN] = small.east;
            node.north[n % FAN] = small.north;
        }
    }
}

impl Node {
    fn over(first: u32) -> Self {
        let (most, least) = ([f32::INFINITY; FAN], [f32::NEG_INFINITY; FAN]);
        Self { west: most, south: most, east: least, north: least, first }
    }

    fn whole(&self) -> Small {
        let least = |of: &[f32; FAN]| of.iter().copied().fold(f32::INFINITY, f32::min);
        let most = |of: &[f32; FAN]| of.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Small {
            west: least(&self.west),
            south: least(&self.south),
            east: most(&self.east),
            north: most(&self.north),
        }
    }

    /// A bit for each child.
    fn meeting(&self, wanted: &Small) -> u16 {
        let mut bits = 0;
        for n in 0..FAN {
            let meets = (self.west[n] <= wanted.east)
                & (wanted.west <= self.east[n])
                & (self.south[n] <= wanted.north)
                & (wanted.south <= self.north[n]);
            bits |= u16::from(meets) << n;
        }
        bits
    }
}

impl Small {
    /// Twice the middle.
    fn across(&self) -> f32 {
        self.west + self.east
    }

    fn up(&self) -> f32 {
        self.south + self.north
    }
}

impl From<&Bounds> for Small {
    fn from(bounds: &Bounds) -> Self {
        Self {
            west: bounds.west as f32,
            south: bounds.south as f32,
            east: bounds.east as f32,
            north: bounds.north as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_box() -> impl Strategy<Value = Bounds> {
        (-180.0..180.0f64, -90.0..90.0f64, 0.0..20.0f64, 0.0..20.0f64).prop_map(
            |(west, south, width, height)| Bounds {
                west,
                south,
                east: west + width,
                north: south + height,
            },
        )
    }

    proptest! {
        #[test]
        fn every_box_that_is_met_is_found_once_and_none_that_is_metres_away(
            boxes in prop::collection::vec(any_box(), 0..700), wanted in any_box(),
        ) {
            let (tree, order) = Boxes::new(&boxes);
            let mut found: Vec<u32> =
                tree.meeting(&wanted).flatten().map(|now| order[now as usize]).collect();
            found.sort_unstable();
            let ours = |wanted: &Bounds| -> Vec<u32> {
                (0..).zip(&boxes).filter(|(_, one)| one.meets(wanted)).map(|(n, _)| n).collect()
            };
            let wider = ours(&wanted.widened(2e-5));
            prop_assert!(ours(&wanted).iter().all(|n| found.contains(n)));
            prop_assert!(found.iter().all(|n| wider.contains(n)));
            found.dedup();
            prop_assert_eq!(found.len(), tree.meeting(&wanted).flatten().count());
        }
    }

    #[test]
    fn in_an_empty_tree_nothing_is_found() {
        let world = Bounds { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };
        assert_eq!(Boxes::new(&[]).0.meeting(&world).count(), 0);
        assert_eq!(Boxes::default().meeting(&world).count(), 0);
    }
}
