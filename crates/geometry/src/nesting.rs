//! Which ring lies inside which. Rings that get here meet in points at most.

use std::collections::HashMap;

use geo::Coord;
use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};

use crate::fault::Fault;
use crate::ring::Ring;
use crate::sweep::{Point, Touches};

/// Holes inside their polygon and beside each other, polygons beside each other,
/// and the inside of each polygon in one piece.
pub fn check(rings: &[Ring], touches: &Touches) -> Result<(), Fault> {
    for (index, ring) in rings.iter().enumerate() {
        if !ring.hole {
            check_polygon(rings, index)?;
        }
    }
    inside_in_one_piece(touches)
}

fn check_polygon(rings: &[Ring], exterior: usize) -> Result<(), Fault> {
    let holes = holes_of(rings, exterior);
    for (index, hole) in holes.iter().enumerate() {
        if let Err(at) = inside(hole, &rings[exterior]) {
            return Err(Fault::HoleOutside { hole: hole.place, at });
        }
        for other in &holes[..index] {
            for (inner, outer) in [(hole, other), (other, hole)] {
                if let Ok(at) = inside(inner, outer) {
                    return Err(Fault::HoleInHole { inner: inner.place, outer: outer.place, at });
                }
            }
        }
    }
    for (index, other) in rings.iter().enumerate() {
        if other.hole || index == exterior {
            continue;
        }
        // An island in a lake: inside the other polygon's exterior, and inside one of its holes.
        if let Ok(at) = inside(&rings[exterior], other)
            && !holes_of(rings, index).iter().any(|hole| inside(&rings[exterior], hole).is_ok())
        {
            let (inner, outer) = (rings[exterior].place, other.place);
            return Err(Fault::PolygonInPolygon { inner, outer, at });
        }
    }
    Ok(())
}

/// The rings that follow the exterior, up to the next polygon's.
fn holes_of(rings: &[Ring], exterior: usize) -> &[Ring] {
    let holes = &rings[exterior + 1..];
    &holes[..holes.iter().position(|ring| !ring.hole).unwrap_or(holes.len())]
}

/// Whether `inner` lies inside `outer`, with a position of `inner` that tells.
fn inside(inner: &Ring, outer: &Ring) -> Result<Coord, Coord> {
    let start = inner.vertex(0);
    let (i, o) = (inner.bounds, outer.bounds);
    let covers = o.min().x <= i.min().x
        && o.min().y <= i.min().y
        && o.max().x >= i.max().x
        && o.max().y >= i.max().y;
    if !covers {
        return Err(start);
    }
    // Where every vertex touches `outer`, the middles of the segments can't.
    let vertices = (0..inner.len()).map(|index| inner.vertex(index));
    let middles = inner.line.lines().map(|line| (line.start + line.end) / 2.0);
    for position in vertices.chain(middles) {
        match coord_pos_relative_to_ring(position, &outer.line) {
            CoordPos::Inside => return Ok(position),
            CoordPos::Outside => return Err(position),
            CoordPos::OnBoundary => {}
        }
    }
    Err(start)
}

/// Rings that touch in a circle (a hole that touches its polygon twice) enclose
/// a part of the inside: in the graph of rings and points, that is a cycle.
fn inside_in_one_piece(touches: &Touches) -> Result<(), Fault> {
    let mut nodes: HashMap<Result<Point, usize>, usize> = HashMap::new();
    let mut parents: Vec<usize> = Vec::new();
    let mut sorted: Vec<_> = touches.iter().copied().collect();
    sorted.sort_unstable();
    for (point, ring) in sorted {
        let [point_root, ring_root] = [Ok(point), Err(ring)].map(|key| {
            let node = *nodes.entry(key).or_insert_with(|| {
                parents.push(parents.len());
                parents.len() - 1
            });
            root(&mut parents, node)
        });
        if point_root == ring_root {
            return Err(Fault::InsideCut { at: point.position() });
        }
        parents[point_root] = ring_root;
    }
    Ok(())
}

fn root(parents: &mut [usize], mut node: usize) -> usize {
    while parents[node] != node {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    node
}
