//! One scene to the tiles it stands for: levels of detail to coarse tiles over finer ones.
//!
//! A `PagedLOD` shows its coarse child until its bounding sphere (radius r) covers more than p
//! pixels across, then the finer one. 3D Tiles refine once the error covers more than 16 pixels
//! (the default of viewers), and both shrink with distance by the same factor, so an error of
//! 16 * 2r / p metres switches where the maker meant to switch.

use std::sync::Arc;

use crate::drone::osgb::{Geometry, Level, Lod, Node, NodeContent, RangeMode, State};

/// Pixels of error at which viewers refine unless told otherwise.
const REFINE_AT_PX: f64 = 16.0;
/// For levels by distance: the error that covers 16 px at one metre on a screen of 1080 rows seen
/// at 60 degrees.
const ERROR_M_PER_M: f64 = REFINE_AT_PX * 2.0 * 0.577_350_269 / 1080.0;
/// Visits of one scene: shared nodes may multiply without end.
const MAX_VISITS: u32 = 1 << 17;

/// Row-vector matrix, row-major, as scenes have it.
pub(super) type RowMatrix = [f64; 16];

pub(super) const UNMOVED: RowMatrix = [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.];

/// A tile to be: what it draws and what refines it.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) parts: Vec<Part>,
    /// Error while this is drawn instead of what refines it; `None` where only its size tells.
    pub(super) error_m: Option<f64>,
    /// Centre and radius from the maker, in the coordinates of the file.
    pub(super) sphere: Option<([f64; 3], f64)>,
    /// Finer tiles in the same file.
    pub(super) finer: Vec<Self>,
    /// Finer tiles in other files, as written.
    pub(super) files: Vec<String>,
}

/// A geometry where it stands.
pub(super) struct Part {
    pub(super) geometry: Arc<Geometry>,
    pub(super) matrix: RowMatrix,
    pub(super) state: State,
}

/// What a walk through a scene makes.
#[derive(Default)]
pub(super) struct Drafts {
    /// Tiles beside each other.
    pub(super) tiles: Vec<Draft>,
    /// Files that are coarser than others and were left out: no tile can be two files.
    pub(super) coarser_files: Vec<String>,
    /// Whether the walk stopped early, the scene being endless.
    pub(super) cut_short: bool,
}

/// The tiles of a scene.
pub(super) fn drafts(root: &Node) -> Drafts {
    let mut walk = Walk::default();
    let mut out = Drafts::default();
    let (loose, tiles) = walk.gather(root, &UNMOVED, &State::default());
    if !loose.is_empty() {
        out.tiles.push(Draft { parts: loose, ..Draft::default() });
    }
    out.tiles.extend(tiles);
    out.coarser_files = walk.coarser_files;
    out.cut_short = walk.visits > MAX_VISITS;
    out
}

#[derive(Default)]
struct Walk {
    visits: u32,
    coarser_files: Vec<String>,
}

impl Walk {
    /// Geometry under `node` that always shows, and the tiles that refine on their own.
    fn gather(&mut self, node: &Node, matrix: &RowMatrix, above: &State) -> (Vec<Part>, Vec<Draft>) {
        let (mut parts, mut tiles) = (Vec::new(), Vec::new());
        self.visits = self.visits.saturating_add(1);
        if self.visits > MAX_VISITS {
            return (parts, tiles);
        }
        let state = over(above, node.state.as_deref());
        match &node.content {
            NodeContent::Nothing => {}
            NodeContent::Geode(geometries) => {
                self.visits = self.visits.saturating_add(geometries.len() as u32);
                parts.extend(geometries.iter().map(|geometry| Part {
                    geometry: Arc::clone(geometry),
                    matrix: *matrix,
                    state: over(&state, geometry.state.as_deref()),
                }));
            }
            NodeContent::Group { matrix: own, children } => {
                let matrix = own.map_or(*matrix, |own| times(&own, matrix));
                for child in children {
                    let (more_parts, more_tiles) = self.gather(child, &matrix, &state);
                    parts.extend(more_parts);
                    tiles.extend(more_tiles);
                }
            }
            NodeContent::Lod(lod) => tiles.extend(self.refine(lod, matrix, &state)),
        }
        (parts, tiles)
    }

    /// The chain of tiles of one LOD, coarsest on top.
    fn refine(&mut self, lod: &Lod, matrix: &RowMatrix, state: &State) -> Vec<Draft> {
        let scale = (0..3).map(|row| length(&matrix[row * 4..row * 4 + 3])).fold(0.0, f64::max);
        let sphere = lod.sphere.map(|(center, radius)| (apply(matrix, center), radius * scale));
        let mut levels: Vec<&Level> =
            lod.levels.iter().filter(|level| level.max > level.min && level.max > 0.0).collect();
        // Coarse to fine: few pixels first, or far away first.
        match lod.range {
            RangeMode::Pixels => levels.sort_by(|a, b| a.min.total_cmp(&b.min)),
            RangeMode::Distance => levels.sort_by(|a, b| b.min.total_cmp(&a.min)),
        }
        let steps: Vec<&[&Level]> = levels.chunk_by(|a, b| a.min.total_cmp(&b.min).is_eq()).collect();
        // From the finest up: each coarser step becomes a tile over what is finer.
        let mut finer: Vec<Draft> = Vec::new();
        let mut files: Vec<String> = Vec::new();
        for (number, step) in steps.iter().enumerate().rev() {
            let is_finest = number + 1 == steps.len();
            let (mut parts, mut tiles) = (Vec::new(), Vec::new());
            for level in *step {
                if let Some(node) = &level.node {
                    let (more_parts, more_tiles) = self.gather(node, matrix, state);
                    parts.extend(more_parts);
                    tiles.extend(more_tiles);
                }
                match &level.file {
                    Some(file) if is_finest => files.push(file.clone()),
                    Some(file) => self.coarser_files.push(file.clone()),
                    None => {}
                }
            }
            if is_finest {
                if !parts.is_empty() {
                    finer.push(Draft { parts, sphere, ..Draft::default() });
                }
                finer.extend(tiles);
                continue;
            }
            // What refines on its own inside a coarse level shows only its coarsest self.
            for tile in tiles {
                parts.extend(coarsest(tile));
            }
            if parts.is_empty() {
                continue;
            }
            let next = steps[number + 1][0];
            let error_m = match lod.range {
                RangeMode::Pixels => {
                    sphere.map(|(_, radius)| REFINE_AT_PX * 2.0 * radius / f64::from(next.min.max(1.0)))
                }
                RangeMode::Distance => Some(f64::from(next.max) * scale * ERROR_M_PER_M),
            };
            finer = vec![Draft {
                parts,
                error_m: error_m.filter(|error| error.is_finite()),
                sphere,
                finer,
                files: std::mem::take(&mut files),
            }];
        }
        // Only finer files and nothing coarse: a tile without content carries them.
        if !files.is_empty() {
            finer.push(Draft { sphere, files, ..Draft::default() });
        }
        finer
    }
}

fn coarsest(tile: Draft) -> Vec<Part> {
    if tile.parts.is_empty() { tile.finer.into_iter().flat_map(coarsest).collect() } else { tile.parts }
}

/// What `own` says, and where it is silent what is said above.
fn over(above: &State, own: Option<&State>) -> State {
    let Some(own) = own else { return above.clone() };
    State {
        picture: own.picture.clone().or_else(|| above.picture.clone()),
        repeat: if own.picture.is_some() { own.repeat } else { above.repeat },
        diffuse: own.diffuse.or(above.diffuse),
    }
}

/// Row-vector product: first `a`, then `b`.
fn times(a: &RowMatrix, b: &RowMatrix) -> RowMatrix {
    std::array::from_fn(|i| (0..4).map(|k| a[i / 4 * 4 + k] * b[k * 4 + i % 4]).sum())
}

/// A point through a row-vector matrix.
pub(super) fn apply(m: &RowMatrix, p: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| p[0] * m[i] + p[1] * m[4 + i] + p[2] * m[8 + i] + m[12 + i])
}

fn length(v: &[f64]) -> f64 {
    v.iter().map(|c| c * c).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "small whole numbers are exact")]

    use std::sync::Arc;

    use super::{Draft, apply, drafts, times};
    use crate::drone::osgb::{Geometry, Level, Lod, Node, NodeContent, RangeMode};

    fn geode(vertices: usize) -> Arc<Node> {
        let geometry = Geometry { positions: vec![[0.0; 3]; vertices], ..Geometry::default() };
        let content = NodeContent::Geode(vec![geometry.into()]);
        Arc::new(Node { state: None, content })
    }

    fn level(min: f32, max: f32, node: Option<Arc<Node>>, file: Option<&str>) -> Level {
        Level { min, max, node, file: file.map(str::to_owned) }
    }

    fn lod(range: RangeMode, levels: Vec<Level>) -> Node {
        Node { state: None, content: NodeContent::Lod(Lod { sphere: Some(([1.0, 2.0, 3.0], 50.0)), range, levels }) }
    }

    /// Vertices, error, files and finer tiles, as text.
    fn shape(draft: &Draft) -> String {
        let vertices: Vec<String> = draft.parts.iter().map(|part| part.geometry.positions.len().to_string()).collect();
        let finer: Vec<String> = draft.finer.iter().map(shape).collect();
        let error = draft.error_m.map_or_else(|| "-".to_owned(), |error| format!("{error:.2}"));
        format!("({} @{error} {} [{}])", vertices.join("+"), draft.files.join("+"), finer.join(" "))
    }

    fn check(root: &Node, want: &[&str]) {
        assert_eq!(drafts(root).tiles.iter().map(shape).collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_paged_lod_is_a_coarse_tile_with_the_error_of_its_switch() {
        let paged = vec![level(0.0, 400.0, Some(geode(3)), None), level(400.0, 1e30, None, Some("fine.osgb"))];
        check(&lod(RangeMode::Pixels, paged), &["(3 @4.00 fine.osgb [])"]);
    }

    #[test]
    fn levels_are_ordered_by_what_they_show_and_not_by_where_they_stand() {
        let levels = || {
            vec![
                level(800.0, 1e30, Some(geode(9)), None),
                level(0.0, 400.0, Some(geode(3)), None),
                level(400.0, 800.0, Some(geode(6)), None),
            ]
        };
        check(&lod(RangeMode::Pixels, levels()), &["(3 @4.00  [(6 @2.00  [(9 @-  [])])])"]);
        let near = vec![level(0.0, 100.0, Some(geode(9)), None), level(100.0, 1e10, Some(geode(3)), None)];
        check(&lod(RangeMode::Distance, near), &["(3 @1.71  [(9 @-  [])])"]);
    }

    #[test]
    fn odd_scenes_lose_nothing_that_could_be_seen() {
        // Two files at one level, and a file as the coarse level.
        let two = vec![
            level(0.0, 400.0, Some(geode(3)), None),
            level(400.0, 1e30, None, Some("a")),
            level(400.0, 1e30, None, Some("b")),
        ];
        check(&lod(RangeMode::Pixels, two), &["(3 @4.00 a+b [])"]);
        let only_files = vec![level(0.0, 400.0, None, Some("coarse")), level(400.0, 1e30, None, Some("fine"))];
        let root = lod(RangeMode::Pixels, only_files);
        check(&root, &["( @- fine [])"]);
        assert_eq!(drafts(&root).coarser_files, ["coarse"]);
        // A LOD inside the coarse level of another, and geometry beside a LOD.
        let inner = Arc::new(lod(
            RangeMode::Pixels,
            vec![level(0.0, 100.0, Some(geode(1)), None), level(100.0, 1e30, None, Some("x"))],
        ));
        let outer = lod(
            RangeMode::Pixels,
            vec![level(0.0, 400.0, Some(inner), None), level(400.0, 1e30, Some(geode(7)), None)],
        );
        let group = Node {
            state: None,
            content: NodeContent::Group { matrix: None, children: vec![geode(5), Arc::new(outer)] },
        };
        check(&group, &["(5 @-  [])", "(1 @4.00  [(7 @-  [])])"]);
    }

    #[test]
    fn a_scene_that_multiplies_itself_is_cut_short() {
        let mut node = geode(1);
        for _ in 0..60 {
            let content = NodeContent::Group { matrix: None, children: vec![Arc::clone(&node), node] };
            node = Arc::new(Node { state: None, content });
        }
        assert!(drafts(&node).cut_short);
    }

    #[test]
    fn inner_matrices_work_first() {
        let scaled = [2., 0., 0., 0., 0., 2., 0., 0., 0., 0., 2., 0., 0., 0., 0., 1.];
        let moved = [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 10., 20., 30., 1.];
        assert_eq!(apply(&times(&scaled, &moved), [1., 1., 1.]), [12., 22., 32.]);
        assert_eq!(apply(&times(&moved, &scaled), [1., 1., 1.]), [22., 42., 62.]);
    }
}
