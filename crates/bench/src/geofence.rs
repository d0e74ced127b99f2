//! `geofence`: in which of many fences does a place lie, on one core, against rstar and geo, rbush
//! and turf, and PostGIS; and how long fences take to load and to replace.
//!
//! All sides of a figure take turns in one run, and have to find as many fences, or the run fails.
//! Growth is held against rstar's too; replacement has no peer but fences that stay.

mod scene;
mod sides;
mod swap;

use std::path::Path;
use std::time::{Duration, Instant};

use biplane_core::geofence::{Fence, FenceIndex, Shape};
use biplane_stack::node::Node;
use biplane_stack::postgres::Postgres;
use biplane_stack::{Layout, Ports, Progress, Secrets, SetupError, packages};
use clap::Args;
use geo::LineString;
use serde::Deserialize;

use crate::report::{Figure, Report, Rounds};
use scene::Scene;
use sides::{Pass, Rstar, Side, Turf};

/// Places a second in which fences, against rstar, turf and PostGIS; loading and replacing fences;
/// growth with their number.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Places in each figure.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    places: u32,
    /// Of the fences and the places.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A side gets about this long, in seconds, ...
const TIME: f64 = 12.0;
/// ... but not fewer or more rounds than these.
const ROUNDS: (usize, usize) = (3, 31);

impl Arguments {
    /// Starts a PostgreSQL of its own, measures, and stops it.
    pub async fn run(&self, layout: &Layout, progress: &Progress) -> Result<Report, SetupError> {
        let node = Node::ensure(layout, progress).await?;
        node.ensure_packages(layout, progress).await?;
        packages::ensure(layout, progress, false).await?;
        let data = layout.data.join(format!("bench-{}", std::process::id()));
        let throwaway = Layout::of_checkout(&layout.project, Some(data))?;
        let secrets = Secrets::of(&throwaway)?;
        let step = progress.step("PostgreSQL");
        let port = Ports::free()?.postgres;
        let (postgres, running) = Postgres::start(&throwaway, port, &secrets, &step).await?;
        step.done("on a port of its own");
        let peers = Peers { node: &node, postgres: &postgres, layout: &throwaway };
        let outcome = self.measure(&peers, progress).await;
        running.stop(Duration::from_secs(30)).await;
        if outcome.is_ok() {
            throwaway.remove()?;
        }
        Ok(Report::new("geofence", outcome?))
    }

    async fn measure(
        &self,
        peers: &Peers<'_>,
        progress: &Progress,
    ) -> Result<Vec<Figure>, SetupError> {
        let count = self.places as usize;
        let scene = Scene::new(10_000, 50, self.seed);
        let hot = scene.hot(count, self.seed);
        let uniform = scene.uniform(count, self.seed);
        let mut figures = vec![
            peers.race("hot_10k_50", &scene, &hot, progress).await?,
            peers.race("uniform_10k_50", &scene, &uniform, progress).await?,
            load(&scene, progress)?,
            swap::longest_gap(&scene, &hot, progress).await?,
        ];
        let scene = Scene::new(1_000, 5_000, self.seed);
        let hot = scene.hot(count, self.seed);
        figures.push(peers.race("hot_1k_5000", &scene, &hot, progress).await?);
        figures.extend(self.growth(progress).await?);
        Ok(figures)
    }

    /// Nanoseconds a place among more and more fences, as dense everywhere.
    async fn growth(&self, progress: &Progress) -> Result<Vec<Figure>, SetupError> {
        let step = progress.step("Growth");
        let mut sides = Vec::new();
        for (id, fences) in [("growth_10", 10), ("growth_1k", 1_000), ("growth_100k", 100_000)] {
            let scene = Scene::new(fences, 50, self.seed);
            let places = scene.hot(self.places as usize, self.seed);
            let pair = [Side::ours(&scene, &places)?, Side::rstar(&scene, &places)];
            sides.push((id, fences, pair.map(|side| (side, Rounds::new()))));
        }
        let mut hits = Vec::new();
        for (id, _, [(ours, _), (rstar, _)]) in &mut sides {
            let found = (ours.pass().await?.hits, rstar.pass().await?.hits);
            if found.0 != found.1 {
                return Err(failed(format!(
                    "{id}: {} fences by rstar, {} by ours",
                    found.1, found.0
                )));
            }
            hits.push(found.0);
        }
        for round in 0..ROUNDS.1 {
            for turn in 0..sides.len() {
                let which = (turn + round) % hits.len();
                for (side, rounds) in &mut sides[which].2 {
                    rounds.push(side.pass().await?.ms * 1e6 / f64::from(self.places));
                }
            }
        }
        step.done("10, 1,000 and 100,000 fences");
        let fewest = sides[0].2.each_ref().map(|(_, rounds)| rounds.median());
        let figures = sides.iter().zip(hits).map(|((id, fences, [ours, rstar]), hits)| {
            // From 10 on, each ten times as many fences may cost as much again as the first ten.
            // What grows faster, for both sides, is the memory that a place is looked up in.
            Figure::less_is_better(id, "ns", &ours.1, [("rstar_contains", &rstar.1)])
                .detail("times_10", ours.1.median() / fewest[0])
                .detail("times_10_rstar", rstar.1.median() / fewest[1])
                .detail("logarithm", (*fences as f64).log10())
                .detail("hits_a_place", hits as f64 / f64::from(self.places))
        });
        Ok(figures.collect())
    }
}

/// What the other sides need.
struct Peers<'a> {
    node: &'a Node,
    postgres: &'a Postgres,
    /// Where files may be put.
    layout: &'a Layout,
}

impl Peers<'_> {
    /// Places a second of every side.
    async fn race(
        &self,
        id: &'static str,
        scene: &Scene,
        places: &[(f64, f64)],
        progress: &Progress,
    ) -> Result<Figure, SetupError> {
        let step = progress.step(id);
        step.note("filling");
        let postgis = self.postgres.superuser().await?;
        sides::fill_postgis(&postgis, scene, places).await?;
        let folder: &Path = &self.layout.data;
        let turf = Turf::start(self.layout, self.node, folder, scene, places).await?;
        let mut sides = [
            Side::ours(scene, places)?,
            Side::rstar(scene, places),
            Side::TurfRbush(Box::new(turf)),
            Side::Postgis(postgis),
        ];

        // The first pass warms up, and tells how many rounds there is time for.
        let mut first: Vec<Pass> = Vec::new();
        for side in &mut sides {
            step.note(format!("first pass of {}", side.name()));
            first.push(side.pass().await?);
        }
        for (side, pass) in sides.iter().zip(&first) {
            if pass.hits != first[0].hits {
                return Err(failed(format!(
                    "{id}: {} fences around the places by {}, {} by ours",
                    pass.hits,
                    side.name(),
                    first[0].hits
                )));
            }
        }
        let turns = |pass: &Pass| ((TIME * 1000.0 / pass.ms) as usize).clamp(ROUNDS.0, ROUNDS.1);
        let mut rounds = [const { Rounds::new() }; 4];
        for round in 0..ROUNDS.1 {
            step.note(format!("round {round} of {}", ROUNDS.1));
            for turn in 0..sides.len() {
                let which = (turn + round) % sides.len();
                if round < turns(&first[which]) {
                    let pass = sides[which].pass().await?;
                    if pass.hits != first[0].hits {
                        return Err(failed(format!(
                            "{id}: {} finds now {}, now {}",
                            sides[which].name(),
                            first[0].hits,
                            pass.hits
                        )));
                    }
                    rounds[which].push(pass.ms * 1e6 / places.len() as f64);
                }
            }
        }
        let [ours, others @ ..] = &rounds;
        let names = sides.iter().skip(1).map(Side::name);
        let figure = Figure::rate(id, "places/s", ours, names.zip(others))
            .detail("hits_a_place", first[0].hits as f64 / places.len() as f64)
            .detail("rounds_of_postgis", turns(&first[3]) as f64);
        step.done(figure.told());
        Ok(figure)
    }
}

/// Milliseconds from the GeoJSON of the fences' rows to an index that can be asked.
fn load(scene: &Scene, progress: &Progress) -> Result<Figure, SetupError> {
    let step = progress.step("Load");
    let rows: Vec<String> = scene
        .rings
        .iter()
        .map(|ring| serde_json::json!({ "type": "Polygon", "coordinates": [ring] }).to_string())
        .collect();
    let (mut ours, mut rstar) = (Rounds::new(), Rounds::new());
    let before = resident_bytes();
    let mut kept = Some(ours_of(&rows)?);
    let bytes = resident_bytes() - before;
    for _ in 0..ROUNDS.1 {
        drop(kept.take());
        let started = Instant::now();
        kept = Some(ours_of(&rows)?);
        ours.push(started.elapsed().as_secs_f64() * 1000.0);
        let started = Instant::now();
        let peer = rstar_of(&rows)?;
        rstar.push(started.elapsed().as_secs_f64() * 1000.0);
        drop(peer);
    }
    let figure = Figure::less_is_better("load_10k_ms", "ms", &ours, [("rstar_contains", &rstar)])
        .detail("mib", bytes / (1024.0 * 1024.0));
    step.done(figure.told());
    Ok(figure)
}

/// As the processor reads rows of `geofences`.
fn ours_of(rows: &[String]) -> Result<FenceIndex, SetupError> {
    let fences = rows.iter().enumerate().map(|(n, row)| {
        let geometry = serde_json::from_str(row).map_err(failed)?;
        let shape = Shape::from_geojson("polygon", &geometry, None).map_err(failed)?;
        Ok(Fence { id: uuid::Uuid::from_u128(n as u128).into(), shape })
    });
    Ok(FenceIndex::new(fences.collect::<Result<_, SetupError>>()?))
}

#[derive(Deserialize)]
struct PolygonText {
    coordinates: Vec<Vec<(f64, f64)>>,
}

fn rstar_of(rows: &[String]) -> Result<Rstar, SetupError> {
    let polygons = rows.iter().map(|row| {
        let PolygonText { coordinates } = serde_json::from_str(row).map_err(failed)?;
        let mut rings = coordinates.into_iter().map(LineString::from);
        let exterior = rings.next().ok_or_else(|| failed("a polygon without a ring"))?;
        Ok(geo::Polygon::new(exterior, rings.collect()))
    });
    Ok(Rstar::new(polygons.collect::<Result<_, SetupError>>()?))
}

/// What this process has of memory, as Linux counts it.
fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    pages.map_or(f64::NAN, |pages: f64| pages * 4096.0)
}

fn failed(why: impl std::fmt::Display) -> SetupError {
    SetupError::new("Benchmark", why)
}

/// tokio-postgres says only "db error" by itself.
fn refused(error: tokio_postgres::Error) -> SetupError {
    match error.as_db_error() {
        Some(db) => failed(db),
        None => failed(error),
    }
}
