//! Outlines of cells that hang together: closed rings along their sides, corners only.

use crate::marks::Run;

/// A corner: where the border turns.
struct Corner {
    at: [u32; 2],
    /// The corner above or below that the border goes on to.
    along: usize,
}

/// A side of a run, open downwards.
#[derive(Clone, Copy)]
struct Side {
    x: u32,
    /// Whether cells lie to the right of it.
    begins: bool,
    /// The corner that it began at.
    corner: usize,
}

/// Rings round runs that are in order of rows and then of columns, in cells from the north-west corner, not closed. Cells
/// that touch at a corner only are kept apart, so that no ring touches itself but there.
pub(super) fn rings(runs: &[Run]) -> Vec<Vec<[u32; 2]>> {
    let mut corners: Vec<Corner> = Vec::new();
    let mut open: Vec<Side> = Vec::new();
    let mut rest = runs;
    while let Some(first) = rest.first() {
        let row = first.row;
        let (own, after) = rest.split_at(rest.iter().take_while(|run| run.row == row).count());
        rest = after;
        open = turned(&open, own, row, &mut corners);
        // Where no run follows below, everything ends.
        if rest.first().is_none_or(|next| next.row != row + 1) {
            open = turned(&open, &[], row + 1, &mut corners);
        }
    }
    let mut seen = vec![false; corners.len()];
    let mut rings = Vec::new();
    for start in 0..corners.len() {
        let (mut at, mut ring) = (start, Vec::new());
        while !seen[at] {
            // Corners of one line of the grid come in pairs: from the first to the second along the line.
            let next = at ^ 1;
            (seen[at], seen[next]) = (true, true);
            ring.extend([corners[at].at, corners[next].at]);
            at = corners[next].along;
        }
        if !ring.is_empty() {
            rings.push(ring);
        }
    }
    rings
}

/// The sides below a line of the grid, from those above it and the runs below it; where they differ the border turns.
fn turned(above: &[Side], below: &[Run], y: u32, corners: &mut Vec<Corner>) -> Vec<Side> {
    let mut made = Vec::with_capacity(2 * below.len());
    let ends = |corners: &mut Vec<Corner>, side: Side| {
        let corner = corners.len();
        corners.push(Corner { at: [side.x, y], along: side.corner });
        corners[side.corner].along = corner;
    };
    let begins = |corners: &mut Vec<Corner>, made: &mut Vec<Side>, x: u32, begins: bool| {
        let corner = corners.len();
        corners.push(Corner { at: [x, y], along: corner });
        made.push(Side { x, begins, corner });
    };
    let mut below = below.iter().flat_map(|run| [(run.from, true), (run.to, false)]).peekable();
    let mut above = above.iter().copied().peekable();
    loop {
        match (above.peek().copied(), below.peek().copied()) {
            (Some(side), Some((x, is_begin))) if side.x == x => {
                above.next();
                below.next();
                if side.begins == is_begin {
                    made.push(side);
                } else if is_begin {
                    // The run above ends where the one below begins: each keeps its own corner.
                    ends(corners, side);
                    begins(corners, &mut made, x, is_begin);
                } else {
                    begins(corners, &mut made, x, is_begin);
                    ends(corners, side);
                }
            }
            (Some(side), next) if next.is_none_or(|(x, _)| side.x < x) => {
                above.next();
                ends(corners, side);
            }
            (_, Some((x, is_begin))) => {
                below.next();
                begins(corners, &mut made, x, is_begin);
            }
            (_, None) => return made,
        }
    }
}

#[cfg(test)]
mod tests {
    use geodesy::area;
    use proptest::prelude::*;

    use super::*;
    use crate::marks::Marks;

    proptest! {
        #[test]
        fn rings_enclose_the_cells_once_and_have_as_many_sides(columns in 1..40_usize, seed in prop::collection::vec(any::<bool>(), 40..400)) {
            let rows = seed.len() / columns;
            let cell = |x: usize, y: usize| x < columns && y < rows && seed[y * columns + x];
            let mut marks = Marks::new(columns, rows);
            for at in (0..rows * columns).filter(|at| seed[*at]) {
                marks.set(at % columns, at / columns);
            }
            let (mut cells, mut length, mut sides) = (0.0, 0, 0);
            for place in marks.places(false, 1) {
                let made = rings(&place.runs);
                let areas: Vec<f64> = made.iter().map(|ring| {
                    area::signed_plane_area(&ring.iter().map(|p| p.map(f64::from)).collect::<Vec<_>>()).abs()
                }).collect();
                // One ring runs round the place, every other round a hole in it.
                let outer = areas.iter().copied().fold(0.0, f64::max);
                let own = outer - (areas.iter().sum::<f64>() - outer);
                prop_assert!((own - place.cells() as f64).abs() < f64::EPSILON);
                for ring in &made {
                    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                        let step = [a[0].abs_diff(b[0]), a[1].abs_diff(b[1])];
                        prop_assert!(step.contains(&0) && step != [0, 0], "sides run along the grid");
                        length += step[0] + step[1];
                    }
                }
                cells += own;
            }
            for (x, y) in (0..columns).flat_map(|x| (0..rows).map(move |y| (x, y))).filter(|(x, y)| cell(*x, *y)) {
                sides += u32::from(!cell(x + 1, y)) + u32::from(!cell(x, y + 1));
                sides += u32::from(x == 0 || !cell(x - 1, y)) + u32::from(y == 0 || !cell(x, y - 1));
            }
            prop_assert_eq!(length, sides);
            prop_assert!((cells - seed[..rows * columns].iter().filter(|set| **set).count() as f64).abs() < f64::EPSILON);
        }
    }
}
