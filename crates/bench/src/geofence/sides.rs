//! Those who answer: in which fences does each place lie?

use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use biplane_core::geodesy::Point;
use biplane_core::geofence::{Fence, FenceIndex, Shape};
use biplane_stack::node::Node;
use biplane_stack::{Layout, SetupError};
use bytes::Bytes;
use futures_util::SinkExt;
use geo::{Contains, LineString};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio_postgres::Client;

use super::scene::{Scene, corners};
use super::{failed, refused};

/// One who has the fences and the places, and can be asked again and again.
pub enum Side {
    /// Biplane.
    Ours(FenceIndex, Vec<Point>),
    /// An R*-tree of boxes, and every edge of the polygons found.
    RstarContains(Rstar, Vec<geo::Point>),
    /// The same in JavaScript.
    TurfRbush(Box<Turf>),
    /// A join of two tables, with a GiST index on the fences.
    Postgis(Client),
}

/// One pass over all places.
#[derive(Debug, Deserialize)]
pub struct Pass {
    /// How many pairs of a place and a fence around it.
    pub hits: u64,
    /// Milliseconds.
    pub ms: f64,
}

impl Side {
    /// As it is called in the report.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ours(..) => "ours",
            Self::RstarContains(..) => "rstar_contains",
            Self::TurfRbush(_) => "turf_rbush",
            Self::Postgis(_) => "postgis",
        }
    }

    /// Ours.
    pub fn ours(scene: &Scene, places: &[(f64, f64)]) -> Result<Self, SetupError> {
        let places = places.iter().map(|&(lon, lat)| Point { lat, lon }).collect();
        Ok(Self::Ours(index(scene)?, places))
    }

    /// rstar and geo.
    pub fn rstar(scene: &Scene, places: &[(f64, f64)]) -> Self {
        let polygons = scene
            .rings
            .iter()
            .map(|ring| geo::Polygon::new(LineString::from(ring.clone()), Vec::new()));
        let places = places.iter().map(|&(lon, lat)| geo::Point::new(lon, lat)).collect();
        Self::RstarContains(Rstar::new(polygons.collect()), places)
    }

    /// Asks about all places.
    pub async fn pass(&mut self) -> Result<Pass, SetupError> {
        let started = Instant::now();
        let hits = match self {
            Self::Ours(index, places) => {
                places.iter().map(|&place| index.containing(place).count() as u64).sum()
            }
            Self::RstarContains(rstar, places) => {
                places.iter().map(|place| rstar.containing(place).count() as u64).sum()
            }
            Self::TurfRbush(turf) => return turf.pass().await,
            Self::Postgis(client) => {
                let count = client.query_one(JOIN, &[]).await.map_err(refused)?;
                count.get::<_, i64>(0) as u64
            }
        };
        Ok(Pass { hits, ms: started.elapsed().as_secs_f64() * 1000.0 })
    }
}

/// The fences of a scene, ready.
pub fn index(scene: &Scene) -> Result<FenceIndex, SetupError> {
    let fences = scene.rings.iter().enumerate().map(|(n, ring)| {
        let shape = Shape::polygons(vec![vec![ring.clone()]]).map_err(failed)?;
        Ok(Fence { id: uuid::Uuid::from_u128(n as u128).into(), shape })
    });
    Ok(FenceIndex::new(fences.collect::<Result<_, SetupError>>()?))
}

/// What one writes with the ecosystem's own crates.
pub struct Rstar {
    boxes: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
    polygons: Vec<geo::Polygon>,
}

impl Rstar {
    /// With the tree loaded in bulk.
    pub fn new(polygons: Vec<geo::Polygon>) -> Self {
        let boxes = polygons.iter().enumerate().map(|(n, polygon)| {
            let ring: Vec<_> = polygon.exterior().coords().map(|at| (at.x, at.y)).collect();
            let ((west, south), (east, north)) = corners(&ring);
            GeomWithData::new(Rectangle::from_corners([west, south], [east, north]), n)
        });
        Self { boxes: RTree::bulk_load(boxes.collect()), polygons }
    }

    fn containing(&self, place: &geo::Point) -> impl Iterator<Item = usize> {
        self.boxes
            .locate_in_envelope_intersecting(&AABB::from_point([place.x(), place.y()]))
            .map(|near| near.data)
            .filter(|&n| self.polygons[n].contains(place))
    }
}

/// A script that makes a pass whenever it is sent a line.
pub struct Turf {
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// Ends with this.
    _script: Child,
}

impl Turf {
    /// Starts the script on a scene, which it reads from files in `folder`.
    pub async fn start(
        layout: &Layout,
        node: &Node,
        folder: &Path,
        scene: &Scene,
        places: &[(f64, f64)],
    ) -> Result<Self, SetupError> {
        let files = [folder.join("rings.f64"), folder.join("places.f64")];
        write_numbers(&files[0], scene.rings.iter().flatten())?;
        write_numbers(&files[1], places)?;
        let mut script = Command::new(node.binary())
            .arg("--disable-warning=ExperimentalWarning")
            .arg(layout.project.join("crates/bench/geofence/turf.ts"))
            .args(&files)
            .arg(scene.rings[0].len().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let asks = script.stdin.take().expect("it is piped");
        let answers = BufReader::new(script.stdout.take().expect("it is piped")).lines();
        Ok(Self { asks, answers, _script: script })
    }

    async fn pass(&mut self) -> Result<Pass, SetupError> {
        self.asks.write_all(b"pass\n").await.map_err(failed)?;
        let ended = || failed("the script of turf and rbush ended; its words are above");
        let line = self.answers.next_line().await.map_err(failed)?.ok_or_else(ended)?;
        serde_json::from_str(&line).map_err(|error| failed(format!("turf.ts: {error}: {line}")))
    }
}

fn write_numbers<'a>(
    file: &Path,
    places: impl IntoIterator<Item = &'a (f64, f64)>,
) -> Result<(), SetupError> {
    let numbers = places.into_iter().flat_map(|&(lon, lat)| [lon, lat]);
    let bytes: Vec<u8> = numbers.flat_map(f64::to_le_bytes).collect();
    std::fs::write(file, bytes).map_err(|error| failed(format!("{}: {error}", file.display())))
}

const JOIN: &str = "SELECT count(*) FROM places p JOIN fences f ON ST_Contains(f.shape, p.at)";

/// Fills the tables that [`JOIN`] joins, as PostgreSQL likes them, for this connection only.
pub async fn fill_postgis(
    client: &Client,
    scene: &Scene,
    places: &[(f64, f64)],
) -> Result<(), SetupError> {
    client
        .batch_execute(
            "DROP TABLE IF EXISTS fences, places;
             CREATE TEMP TABLE fences (shape geometry(Polygon, 4326) NOT NULL);
             CREATE TEMP TABLE places (at geometry(Point, 4326) NOT NULL);
             SET max_parallel_workers_per_gather = 0;",
        )
        .await
        .map_err(refused)?;
    copy(client, "fences", scene.rings.iter().map(|ring| polygon_wkb(ring))).await?;
    copy(client, "places", places.iter().map(|&at| point_wkb(at))).await?;
    client
        .batch_execute("CREATE INDEX ON fences USING gist (shape); ANALYZE fences; ANALYZE places;")
        .await
        .map_err(refused)
}

async fn copy(
    client: &Client,
    table: &str,
    rows: impl Iterator<Item = String>,
) -> Result<(), SetupError> {
    const CHUNK: usize = 256 * 1024;
    let sink = client.copy_in(&format!("COPY {table} FROM STDIN")).await.map_err(refused)?;
    let mut sink = std::pin::pin!(sink);
    let mut chunk = String::new();
    for row in rows {
        chunk.push_str(&row);
        chunk.push('\n');
        if chunk.len() > CHUNK {
            sink.send(Bytes::from(std::mem::take(&mut chunk))).await.map_err(refused)?;
        }
    }
    sink.send(Bytes::from(chunk)).await.map_err(refused)?;
    sink.finish().await.map(|_| ()).map_err(refused)
}

/// Little-endian EWKB in hexadecimal digits, with the SRID 4326.
fn point_wkb(at: (f64, f64)) -> String {
    numbers_of([at], "0101000020e6100000".to_owned())
}

fn polygon_wkb(ring: &[(f64, f64)]) -> String {
    let mut start = "0103000020e610000001000000".to_owned();
    push_hex(&mut start, &(ring.len() as u32).to_le_bytes());
    numbers_of(ring.iter().copied(), start)
}

fn numbers_of(places: impl IntoIterator<Item = (f64, f64)>, mut hex: String) -> String {
    for (lon, lat) in places {
        push_hex(&mut hex, &lon.to_le_bytes());
        push_hex(&mut hex, &lat.to_le_bytes());
    }
    hex
}

fn push_hex(hex: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
}
