//! Borders of a partition: no gap, no overlap, valid polygons, exact areas, whatever the raster looks like.

use geo::{Area as _, Coord, LineString, Polygon, Validation as _};
use proptest::prelude::*;
use samples::dissolve::polygons;
use samples::exact::{Exactness, settle};
use samples::grid::Grid;
use samples::parcels::{components, untouch_corners};
use samples::partition::{Partition, polygon_double_area};

const SIDE: usize = 26;
/// Twice the area of a 5 m cell in square millimetres.
const DOUBLE_CELL_MM2: i128 = 50_000_000;

/// A raster of blobs: every cell takes the label of the nearest of a few points.
fn blobs(points: &[(usize, usize)]) -> Grid<u32> {
    let mut label = Grid::filled(SIDE, SIDE, 5.0, 0_u32);
    for cell in 0..label.cells.len() {
        let (column, row) = label.column_row(cell);
        let far = |&(x, y): &(usize, usize)| column.abs_diff(x).pow(2) + row.abs_diff(y).pow(2);
        label[cell] = (0..points.len()).min_by_key(|&i| far(&points[i])).unwrap_or(0) as u32;
    }
    untouch_corners(&mut label);
    components(&label, |_| true).0
}

fn as_polygon(rings: &[Vec<[i64; 2]>]) -> Polygon<f64> {
    let line = |ring: &Vec<[i64; 2]>| -> LineString<f64> {
        ring.iter().map(|p| Coord { x: p[0] as f64, y: p[1] as f64 }).collect()
    };
    Polygon::new(line(&rings[0]), rings[1..].iter().map(line).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn smoothing_thinning_and_settling_keep_every_border_shared(
        points in prop::collection::vec((0..SIDE, 0..SIDE), 2..14),
        groups in 1_u32..5,
    ) {
        let label = blobs(&points);
        let faces = label.cells.iter().max().map_or(0, |most| *most as usize + 1);
        let mut cells = vec![0_i128; faces];
        for &face in &label.cells {
            cells[face as usize] += 1;
        }
        let mut partition = Partition::trace(&label, |_| None);
        partition.thin(1.1);
        let whole: i128 = partition.double_areas(faces).iter().sum();
        prop_assert_eq!(whole, (SIDE * SIDE) as i128 * DOUBLE_CELL_MM2);

        // Figures of a few classes: exact, or said to be missed.
        let class_of_face: Vec<usize> = (0..faces).map(|face| face % groups as usize).collect();
        let mut wanted = vec![0_i128; groups as usize];
        for (face, count) in cells.iter().enumerate() {
            wanted[class_of_face[face]] += count * DOUBLE_CELL_MM2;
        }
        let missed = settle(&mut partition, &Exactness { class_of_face: class_of_face.clone(), wanted: wanted.clone() });
        let measured = partition.double_areas(faces);
        for (class, missed) in missed.iter().enumerate() {
            let sum: i128 = (0..faces).filter(|&face| class_of_face[face] == class).map(|face| measured[face]).sum();
            prop_assert_eq!(sum, wanted[class] + missed);
        }

        // As polygons, and merged: the same areas, and valid.
        let single = polygons(&partition, &(0..faces as u32).collect::<Vec<_>>(), faces);
        let merged = polygons(&partition, &(0..faces as u32).map(|face| face % groups).collect::<Vec<_>>(), groups as usize);
        let area = |parts: &Vec<Vec<Vec<Vec<[i64; 2]>>>>| parts.iter().flatten().map(|rings| polygon_double_area(rings)).sum::<i128>();
        prop_assert_eq!(area(&single), whole);
        prop_assert_eq!(area(&merged), whole);
        for rings in single.iter().chain(&merged).flatten() {
            let polygon = as_polygon(rings);
            prop_assert!(polygon.is_valid(), "{:?}", polygon);
            prop_assert!((polygon.unsigned_area() * 2.0 - polygon_double_area(rings) as f64).abs() < 1.0);
        }
    }
}
