//! Every OpenGL mode to triangles: strips, fans, quads and polygons; points and lines have none.

use super::{Geometry, Vertices};

const TRIANGLES: u32 = 4;
const STRIP: u32 = 5;
const FAN: u32 = 6;
const QUADS: u32 = 7;
const QUAD_STRIP: u32 = 8;
const POLYGON: u32 = 9;
/// Vertex numbers one geometry may come to: many sets may draw the same few vertices.
const MAX_INDICES: usize = 1 << 26;

/// Triangles of a geometry as triples of vertex numbers, all below `positions.len()`, and how many
/// were left out because they name a vertex that does not exist (or pass 2^26 numbers). Degenerate triangles stay.
#[must_use]
pub fn to_triangles(geometry: &Geometry) -> (Vec<u32>, usize) {
    let mut out = Vec::new();
    let mut left_out = 0;
    let vertices = geometry.positions.len() as u32;
    for set in &geometry.primitives {
        let mut emit = |a: u32, b: u32, c: u32| {
            if a.max(b).max(c) < vertices && out.len() < MAX_INDICES {
                out.extend([a, b, c]);
            } else {
                left_out += 1;
            }
        };
        match &set.vertices {
            Vertices::Indexed(indices) => join(set.mode, indices.len() as u32, |i| indices[i as usize], &mut emit),
            // Counts of a file may claim billions: past the last vertex there is nothing to join.
            Vertices::Range { first, count } => {
                let count = (*count).min(vertices.saturating_sub(*first));
                join(set.mode, count, |i| first + i, &mut emit);
            }
            Vertices::Runs { first, lengths } => {
                let mut start = *first;
                for length in lengths {
                    let count = (*length).min(vertices.saturating_sub(start));
                    join(set.mode, count, |i| start + i, &mut emit);
                    start = start.saturating_add(*length);
                }
            }
        }
    }
    (out, left_out)
}

fn join(mode: u32, count: u32, vertex: impl Fn(u32) -> u32, emit: &mut impl FnMut(u32, u32, u32)) {
    let steps = count.saturating_sub(2);
    match mode {
        TRIANGLES => {
            for i in (0..count / 3).map(|i| i * 3) {
                emit(vertex(i), vertex(i + 1), vertex(i + 2));
            }
        }
        STRIP => {
            // Every second triangle runs the other way round.
            for i in 0..steps {
                let (a, b) = if i % 2 == 0 { (i, i + 1) } else { (i + 1, i) };
                emit(vertex(a), vertex(b), vertex(i + 2));
            }
        }
        FAN | POLYGON => {
            for i in 0..steps {
                emit(vertex(0), vertex(i + 1), vertex(i + 2));
            }
        }
        QUADS => {
            for i in (0..count / 4).map(|i| i * 4) {
                emit(vertex(i), vertex(i + 1), vertex(i + 2));
                emit(vertex(i), vertex(i + 2), vertex(i + 3));
            }
        }
        QUAD_STRIP => {
            for i in (0..steps / 2).map(|i| i * 2) {
                emit(vertex(i), vertex(i + 1), vertex(i + 2));
                emit(vertex(i + 2), vertex(i + 1), vertex(i + 3));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Geometry, PrimitiveSet, Vertices};
    use super::to_triangles;

    fn geometry(vertices: usize, mode: u32, set: Vertices) -> Geometry {
        Geometry {
            positions: vec![[0.0; 3]; vertices],
            primitives: vec![PrimitiveSet { mode, vertices: set }.into()],
            ..Geometry::default()
        }
    }

    #[test]
    fn every_mode_gives_the_triangles_opengl_draws() {
        let check = |mode, set, want: &[u32]| assert_eq!(to_triangles(&geometry(8, mode, set)).0, want, "mode {mode}");
        let range = |first, count| Vertices::Range { first, count };
        check(4, range(1, 7), &[1, 2, 3, 4, 5, 6]);
        check(4, Vertices::Indexed(vec![2, 1, 0, 7]), &[2, 1, 0]);
        check(5, range(0, 5), &[0, 1, 2, 2, 1, 3, 2, 3, 4]);
        check(6, range(2, 4), &[2, 3, 4, 2, 4, 5]);
        check(7, range(0, 8), &[0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7]);
        check(8, range(0, 6), &[0, 1, 2, 2, 1, 3, 2, 3, 4, 4, 3, 5]);
        check(9, range(0, 4), &[0, 1, 2, 0, 2, 3]);
        check(5, Vertices::Runs { first: 1, lengths: vec![3, 4] }, &[1, 2, 3, 4, 5, 6, 6, 5, 7]);
        check(1, range(0, 8), &[]);
    }

    #[test]
    fn vertices_that_do_not_exist_are_counted_and_left_out() {
        assert_eq!(to_triangles(&geometry(3, 4, Vertices::Indexed(vec![0, 1, 2, 0, 1, 3]))), (vec![0, 1, 2], 1));
        let endless = Vertices::Range { first: 1, count: u32::MAX };
        assert_eq!(to_triangles(&geometry(4, 4, endless)), (vec![1, 2, 3], 0));
        let endless = Vertices::Runs { first: u32::MAX, lengths: vec![u32::MAX; 3] };
        assert_eq!(to_triangles(&geometry(4, 5, endless)), (vec![], 0));
    }
}
