//! New buildings in the difference of two surfaces, held against permits.
//!
//! Looked for is ground that rose by a storey, at once along its outline, on the area of a building. Each is then held
//! against the footprints of permits; one without is a suspected patch (疑似图斑), no more: somebody has to go and look.

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Asked, PERMITS_ROLE, RULE, RULE_DOCUMENT, read, rules_of};
use crate::{
    AnalysisError, DataWanted, Findings, FoundPatch, Parcel, ParcelLayer, Polygon, Surface, Task,
    boolean::{Ring, Rule, run as overlaid, union},
    figures::{Areas, Figures, rounded},
    mechanism::{one_height_datum, sources},
    shared::Ruler,
    snap::{Grid, Snapped, area_of},
};

/// Cells of a surface: 400 MB of heights.
const MOST_CELLS: usize = 100_000_000;
/// Rows read at once.
const ROWS: usize = 256;
/// Step of the grid, metres.
const SNAP_M: f64 = 0.001;

#[derive(Debug, Deserialize)]
struct Request {
    before: Asked,
    after: Asked,
    permits: Option<Asked>,
}

pub(super) fn wanted(request: &Value) -> Result<DataWanted, AnalysisError> {
    let request: Request = read(request)?;
    Ok(DataWanted {
        layers: request.permits.iter().map(|permits| permits.wanted(PERMITS_ROLE)).collect(),
        surfaces: vec![request.before.surface("before"), request.after.surface("after")],
        bounds_lon_lat_deg: None,
        ..DataWanted::default()
    })
}

/// Ground that rose: cells by row, with the rise of each.
struct Risen {
    columns: usize,
    rise_m: Vec<f32>,
}

fn risen(task: &Task<'_>, before: &dyn Surface, after: &dyn Surface) -> Result<Risen, AnalysisError> {
    let refuse = |what_zh: &str, what_en: &str| {
        Err(AnalysisError::Request { what_zh: what_zh.to_owned(), what_en: what_en.to_owned() })
    };
    if before.crs() != task.plane || after.crs() != task.plane {
        return refuse("两期表面模型须在分析所用的投影带内", "both surfaces must be in the plane of the analysis");
    }
    let same = before.grid().iter().zip(after.grid()).all(|(a, b)| (a - b).abs() < 1e-6);
    if !same || before.size() != after.size() {
        return refuse("两期表面模型的格网不同，请先重采样到同一格网", "the surfaces must be on one grid");
    }
    let [columns, rows] = before.size();
    if columns.saturating_mul(rows) > MOST_CELLS {
        return refuse("表面模型太大，请分块监测", "the surfaces are too large: look at a part");
    }
    let mut rise_m = Vec::with_capacity(columns * rows);
    for row in (0..rows).step_by(ROWS) {
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        task.watch.progress(0.5 * row as f64 / rows as f64, "比较两期表面");
        let count = ROWS.min(rows - row);
        let (old, new) = (before.window(0, row, columns, count)?, after.window(0, row, columns, count)?);
        rise_m.extend(new.iter().zip(&old).map(|(new, old)| new - old));
    }
    Ok(Risen { columns, rise_m })
}

/// A connected piece of risen ground: its cells.
fn pieces(risen: &Risen, min_height_m: f64) -> Vec<Vec<usize>> {
    let high = |cell: usize| f64::from(risen.rise_m[cell]) >= min_height_m;
    let mut seen = vec![false; risen.rise_m.len()];
    let mut pieces = Vec::new();
    for start in 0..risen.rise_m.len() {
        if seen[start] || !high(start) {
            continue;
        }
        seen[start] = true;
        let mut piece = vec![start];
        let mut next = 0;
        while next < piece.len() {
            let cell = piece[next];
            next += 1;
            for neighbour in neighbours(cell, risen).into_iter().flatten() {
                if !seen[neighbour] && high(neighbour) {
                    seen[neighbour] = true;
                    piece.push(neighbour);
                }
            }
        }
        piece.sort_unstable();
        pieces.push(piece);
    }
    pieces
}

fn neighbours(cell: usize, risen: &Risen) -> [Option<usize>; 4] {
    let column = cell % risen.columns;
    [
        (column > 0).then(|| cell - 1),
        (column + 1 < risen.columns).then(|| cell + 1),
        cell.checked_sub(risen.columns),
        Some(cell + risen.columns).filter(|below| *below < risen.rise_m.len()),
    ]
}

pub(super) fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let _: Request = read(task.request)?;
    let document = task.rules.document(RULE_DOCUMENT)?;
    let rules = rules_of(document)?.buildings;
    let surface = |role: &str| {
        task.surfaces.get(role).copied().ok_or_else(|| AnalysisError::Request {
            what_zh: format!("缺少表面模型“{role}”"),
            what_en: format!("the surface {role} is missing"),
        })
    };
    let (before, after) = (surface("before")?, surface("after")?);
    one_height_datum(before, after, [""; 2])?;
    let risen = risen(task, before, after)?;
    let [west, north, width, height] = before.grid();
    let unit_m = task.plane.unit_m();
    let cell_m2 = width * height * unit_m * unit_m;
    task.watch.progress(0.6, "识别新增建筑");
    let candidates: Vec<(Vec<usize>, f64)> = pieces(&risen, rules.min_height_m)
        .into_iter()
        .filter(|piece| (rules.min_area_m2..=rules.max_area_m2).contains(&(piece.len() as f64 * cell_m2)))
        .filter_map(|piece| {
            let mean = |cells: &[usize]| {
                cells.iter().map(|cell| f64::from(risen.rise_m[*cell])).sum::<f64>() / cells.len().max(1) as f64
            };
            let is_edge = |cell: &usize| {
                neighbours(*cell, &risen).into_iter().any(|n| n.is_none_or(|n| piece.binary_search(&n).is_err()))
            };
            let edge: Vec<usize> = piece.iter().copied().filter(is_edge).collect();
            let rise_m = mean(&piece);
            (mean(&edge) >= rules.edge_share * rise_m).then_some((piece, rise_m))
        })
        .collect();
    // Cells of a row that follow each other are one rectangle.
    let [columns, rows] = before.size();
    let extent = Polygon {
        exterior: vec![
            [west, north],
            [west + columns as f64 * width, north],
            [west + columns as f64 * width, north - rows as f64 * height],
            [west, north - rows as f64 * height],
        ],
        holes: Vec::new(),
    };
    let whole = ParcelLayer {
        source: before.source().to_owned(),
        code_system: "unknown".to_owned(),
        crs: task.plane.clone(),
        parcels: vec![Parcel { polygons: vec![extent], ..Parcel::default() }],
    };
    let permits = task.layers.get(PERMITS_ROLE);
    let layers: Vec<&ParcelLayer> = std::iter::once(&whole).chain(permits.map(|p| &p.layer)).collect();
    let grid = Grid::new(&layers, SNAP_M)?;
    let measure = grid.measure(task.plane)?;
    let ruler = Ruler { frame: grid.frame, ground: Some(&measure) };
    let permitted: Vec<Snapped> = permits
        .map_or_else(Vec::new, |permits| permits.layer.parcels.par_iter().map(|parcel| grid.snap(parcel)).collect());
    let mut patches = Vec::new();
    let mut totals = [(0_usize, Figures::default()); 2];
    for (serial, (piece, rise_m)) in candidates.iter().enumerate() {
        let mut rings: Vec<Ring> = Vec::new();
        for run in piece.chunk_by(|a, b| a + 1 == *b && b % columns != 0) {
            let (row, from, to) = (run[0] / columns, run[0] % columns, run[0] % columns + run.len());
            let (x, y) = ([west + from as f64 * width, west + to as f64 * width], north - row as f64 * height);
            let ring = [[x[0], y - height], [x[1], y - height], [x[1], y], [x[0], y]];
            rings.extend(grid.ring_on_grid(&ring, true));
        }
        let shapes = union(rings.iter());
        let area = area_of(shapes.iter().flatten(), &ruler);
        let covers = permitted.iter().flat_map(|permit| &permit.rings);
        let covered = overlaid(shapes.iter().flatten(), covers, Rule::Intersect);
        let covered_m2 = area_of(covered.iter().flatten(), &ruler).plane_m2;
        let has_permit = permits.is_some() && covered_m2 >= rules.permit_share * area.plane_m2;
        let figures = Figures::of(Areas { plane_m2: area.plane_m2, ellipsoidal_m2: area.ellipsoidal_m2 });
        let total = &mut totals[usize::from(!has_permit)];
        *total = (total.0 + 1, [total.1, figures].into_iter().sum());
        let mut properties = Map::new();
        properties.insert("kind".to_owned(), json!("new-building"));
        properties.insert("suspected".to_owned(), json!(!has_permit));
        figures.put_m2(&mut properties);
        properties.insert("mean_rise_m".to_owned(), rounded(*rise_m, 2));
        properties.insert("permitted_plane_m2".to_owned(), rounded(covered_m2, 2));
        let polygons = shapes.iter().map(|shape| grid.polygon_in_plane(shape)).collect();
        patches.push(FoundPatch {
            id: format!("XZJZ{:05}", serial + 1),
            properties,
            polygons,
            ..FoundPatch::default()
        });
    }
    let total = |(count, figures): (usize, Figures)| {
        let mut total = Map::new();
        total.insert("patches".to_owned(), count.into());
        figures.put_m2(&mut total);
        total
    };
    let result = json!({
        "rule": RULE, "mode": "buildings", "rule_versions": { RULE_DOCUMENT: document.version },
        "sources": sources(task),
        "new_buildings": patches.len(), "permitted": total(totals[0]), "suspected": total(totals[1]),
        "permits_compared": permits.is_some(),
    });
    Ok(Findings { result, patches })
}
