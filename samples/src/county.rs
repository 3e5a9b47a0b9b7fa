//! The county as a whole: the order in which its parts are made, each from the ones before.

use crate::buildings::{self, Building};
use crate::classes::{CLASSES, class_of};
use crate::dissolve::{HIDDEN, polygons};
use crate::exact::{Exactness, settle};
use crate::grid::{Grid, nearest_site};
use crate::landuse;
use crate::network::{self, Network};
use crate::partition::{Partition, Rings};
use crate::path::{PointM, distance, resample};
use crate::place::{CELL_M, CELLS};
use crate::survey::{self, Survey};
use crate::terrain::{self, Terrain};
use std::collections::BTreeMap;

/// Twice the area of a cell in square millimetres.
pub const DOUBLE_CELL_MM2: i128 = 50_000_000;

/// Everything that is true of the invented place.
#[derive(Debug)]
pub struct County {
    /// Ground and water.
    pub terrain: Terrain,
    /// Settlements and roads.
    pub network: Network,
    /// The land survey's patches on the raster.
    pub survey: Survey,
    /// Borders of the patches; face numbers are patch numbers.
    pub partition: Partition,
    /// Double area by which a class missed its figure, square millimetres; all zero when built well.
    pub missed: Vec<i128>,
    /// Buildings.
    pub buildings: Vec<Building>,
}

/// Builds the county.
pub fn build(say: &mut dyn FnMut(&str)) -> County {
    say("terrain");
    let mut terrain = terrain::build();
    say("settlements and roads");
    let network = network::build(&terrain);
    say("land use");
    let land = landuse::build(&terrain, &network);
    let survey = survey::build(&land, &network.village);
    fill_reservoir(&mut terrain, &survey, land.reservoir_level_m);
    drop(land);
    say("borders");
    let edges = RoadEdges::new(&network);
    let mut partition = Partition::trace(&survey.patch, |p| edges.pull(p));
    drop(edges);
    partition.thin(1.1);
    let missed = settle(&mut partition, &class_figures(&survey));
    say("buildings");
    let buildings = buildings::build(&survey, &terrain);
    County { terrain, network, survey, partition, missed, buildings }
}

/// Still water is level, and the dam stands above it.
fn fill_reservoir(terrain: &mut Terrain, survey: &Survey, level_m: f32) {
    let (lake, dam) = (class_of("1103"), class_of("1109"));
    for cell in 0..survey.patch.cells.len() {
        let class = survey.patches[survey.patch[cell] as usize].class;
        if class == lake {
            terrain.height_m[cell] = level_m;
        } else if class == dam && terrain.height_m[cell] < level_m + 2.0 {
            let near = |reach: usize| survey.patch.column_row(cell).0.saturating_sub(reach);
            let lake_near = (near(25)..=near(0) + 25).any(|column| {
                [-25_isize, -12, 0, 12, 25].iter().any(|&dy| {
                    let row = (cell / CELLS).saturating_add_signed(dy).min(CELLS - 1);
                    survey.patches[survey.patch[(column.min(CELLS - 1), row)] as usize].class == lake
                })
            });
            if lake_near {
                terrain.height_m[cell] = level_m + 2.0;
            }
        }
    }
}

/// What every class (and slope grade) of the survey must measure.
fn class_figures(survey: &Survey) -> Exactness {
    let mut keys: BTreeMap<(u8, u8), usize> = BTreeMap::new();
    for patch in &survey.patches {
        let next = keys.len();
        keys.entry((patch.class, patch.grade)).or_insert(next);
    }
    let class_of_face: Vec<usize> = survey.patches.iter().map(|patch| keys[&(patch.class, patch.grade)]).collect();
    let mut wanted = vec![0_i128; keys.len()];
    for (patch, class) in survey.patches.iter().zip(&class_of_face) {
        wanted[*class] += patch.cells as i128 * DOUBLE_CELL_MM2;
    }
    Exactness { class_of_face, wanted }
}

/// Pulls borders of roads to the true edge of the road, which a 5 m raster cannot draw.
struct RoadEdges {
    points: Vec<(PointM, f64)>,
    nearest: Grid<u32>,
}

impl RoadEdges {
    fn new(network: &Network) -> Self {
        let points: Vec<(PointM, f64)> = network
            .roads
            .iter()
            .flat_map(|road| resample(&road.line, 4.0).into_iter().map(|p| (p, road.class.half_width_m())))
            .collect();
        let sites: Vec<PointM> = points.iter().map(|(p, _)| *p).collect();
        Self { nearest: nearest_site(CELLS, CELLS, CELL_M, &sites), points }
    }

    fn pull(&self, p: PointM) -> Option<PointM> {
        let (site, half) = *self.points.get(self.nearest[self.nearest.cell_of(p)] as usize)?;
        let far = distance(p, site);
        let near_edge = (far - half).abs() < 2.3 && far > 0.5;
        near_edge.then(|| [site[0] + (p[0] - site[0]) / far * half, site[1] + (p[1] - site[1]) / far * half])
    }
}

impl County {
    /// Polygons of every patch, in patch order.
    pub fn patch_polygons(&self) -> Vec<Rings> {
        let groups: Vec<u32> = (0..self.survey.patches.len() as u32).collect();
        polygons(&self.partition, &groups, groups.len()).into_iter().map(|mut parts| parts.swap_remove(0)).collect()
    }

    /// Polygons of the patches merged by a number of the caller's; patches without one are left out.
    pub fn merged(&self, groups: usize, group: impl Fn(usize) -> Option<u32>) -> Vec<Vec<Rings>> {
        let of_face: Vec<u32> = (0..self.survey.patches.len()).map(|patch| group(patch).unwrap_or(HIDDEN)).collect();
        polygons(&self.partition, &of_face, groups)
    }

    /// Code of a patch's class.
    pub fn code(&self, patch: usize) -> &'static str {
        CLASSES[self.survey.patches[patch].class as usize].code
    }
}
