//! Fences as customers draw them, and places that devices report, from a seed.

use std::f64::consts::TAU;

/// Degrees of a region's side a fence (its root): some two boxes lie over a place within a box.
const SIDE: f64 = 0.06;
/// Where its south-west corner is, in (lon, lat).
const CORNER: (f64, f64) = (5.0, 44.0);
/// Most fences lie around towns.
const IN_TOWN: f64 = 0.6;
const FENCES_A_TOWN: usize = 500;
/// In degrees: the spread of a town's fences (less in a small region), the radii of the smallest
/// and the largest fence.
const TOWN: f64 = 0.4;
const RADII: (f64, f64) = (0.001, 0.05);

/// Fences of one ring each, as (lon, lat).
#[derive(Debug)]
pub struct Scene {
    /// Closed: the last place is the first.
    pub rings: Vec<Vec<(f64, f64)>>,
    side: f64,
}

impl Scene {
    /// So many fences of so many vertices.
    pub fn new(fences: usize, vertices: usize, seed: u64) -> Self {
        let side = SIDE * (fences as f64).sqrt();
        let mut random = Random(seed);
        let anywhere = |random: &mut Random| {
            (CORNER.0 + side * random.share(), CORNER.1 + side * random.share())
        };
        let towns: Vec<_> =
            (0..fences.div_ceil(FENCES_A_TOWN)).map(|_| anywhere(&mut random)).collect();
        let spread = TOWN.min(side / 4.0);
        let rings = (0..fences).map(|_| {
            let centre = if random.share() < IN_TOWN {
                let town = towns[random.below(towns.len())];
                (town.0 + spread * random.normal(), town.1 + spread * random.normal())
            } else {
                anywhere(&mut random)
            };
            ring(centre, vertices, &mut random)
        });
        Self { rings: rings.collect(), side }
    }

    /// Places within the box of some fence.
    pub fn hot(&self, count: usize, seed: u64) -> Vec<(f64, f64)> {
        let mut random = Random(seed);
        let corners: Vec<_> = self.rings.iter().map(|ring| corners(ring)).collect();
        (0..count)
            .map(|_| {
                let ((west, south), (east, north)) = corners[random.below(corners.len())];
                (west + (east - west) * random.share(), south + (north - south) * random.share())
            })
            .collect()
    }

    /// Places anywhere in the region.
    pub fn uniform(&self, count: usize, seed: u64) -> Vec<(f64, f64)> {
        let mut random = Random(seed);
        (0..count)
            .map(|_| (CORNER.0 + self.side * random.share(), CORNER.1 + self.side * random.share()))
            .collect()
    }
}

/// The south-west and the north-east corner of a ring's box.
pub fn corners(ring: &[(f64, f64)]) -> ((f64, f64), (f64, f64)) {
    let nothing = ((f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY));
    ring.iter().fold(nothing, |((west, south), (east, north)), &(lon, lat)| {
        ((west.min(lon), south.min(lat)), (east.max(lon), north.max(lat)))
    })
}

/// A star: a border that is rough at every scale, as coasts and parcels are, stretched and turned.
fn ring(centre: (f64, f64), vertices: usize, random: &mut Random) -> Vec<(f64, f64)> {
    let size = RADII.0 * (RADII.1 / RADII.0).powf(random.share());
    let mut radii = vec![1.0; vertices];
    // Bends of a third of the ring, of half of that and so on, each a little more than half as deep.
    let (mut bends, mut depth) = (3, 0.5);
    while bends <= vertices {
        let bend: Vec<f64> = (0..bends).map(|_| depth * (random.share() - 0.5)).collect();
        for (n, radius) in radii.iter_mut().enumerate() {
            let at = n as f64 / vertices as f64 * bends as f64;
            let (before, share) = (at as usize, at.fract());
            *radius += bend[before] * (1.0 - share) + bend[(before + 1) % bends] * share;
        }
        (bends, depth) = (bends * 2, depth * 0.55);
    }
    let (stretch, (sine, cosine)) = (0.4 + 0.6 * random.share(), (TAU * random.share()).sin_cos());
    let corner = |(n, radius): (usize, f64)| {
        let angle = TAU * (n as f64 + 0.6 * random.share()) / vertices as f64;
        let (x, y) = (size * radius * angle.cos(), size * radius * stretch * angle.sin());
        (centre.0 + x * cosine - y * sine, centre.1 + x * sine + y * cosine)
    };
    let mut ring: Vec<_> = radii.into_iter().enumerate().map(corner).collect();
    ring.push(ring[0]);
    ring
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Within 0..1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, count: usize) -> usize {
        (self.share() * count as f64) as usize
    }

    /// Around 0, with a standard deviation of 1 (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (TAU * self.share()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_scene_again_and_rings_that_are_closed_and_on_the_earth() {
        let (scene, again) = (Scene::new(300, 50, 7), Scene::new(300, 50, 7));
        assert_eq!(scene.rings, again.rings);
        assert_ne!(scene.rings, Scene::new(300, 50, 8).rings);
        for ring in &scene.rings {
            assert_eq!((ring.len(), ring[0]), (51, ring[50]));
            assert!(ring.iter().all(|&(lon, lat)| lon.abs() < 180.0 && lat.abs() < 90.0));
        }
    }

    #[test]
    fn hot_places_lie_in_a_box() {
        let scene = Scene::new(20, 50, 7);
        let boxes: Vec<_> = scene.rings.iter().map(|ring| corners(ring)).collect();
        for (lon, lat) in scene.hot(100, 1) {
            let holds = |((west, south), (east, north)): &((f64, f64), (f64, f64))| {
                (*west..=*east).contains(&lon) && (*south..=*north).contains(&lat)
            };
            assert!(boxes.iter().any(holds));
        }
    }
}
