//! A glyph's outline as straight segments in pixels, y upwards from the baseline.

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// From, to.
pub(super) type Segment = [[f32; 2]; 2];

/// Pieces per curve: at 24 pixels an em a piece is then well under a pixel.
const PIECES: u8 = 6;
/// More than any letter has; a damaged font stops here.
const MAX_SEGMENTS: usize = 20_000;

/// The outline, scaled.
pub(super) fn segments(face: &Face<'_>, glyph: GlyphId, scale: f32) -> Vec<Segment> {
    let mut builder = Builder { scale, start: [0.0; 2], last: [0.0; 2], segments: Vec::new() };
    if face.outline_glyph(glyph, &mut builder).is_none() {
        return Vec::new();
    }
    builder.segments
}

/// `[min_x, min_y, max_x, max_y]`; `None` for a blank.
pub(super) fn bounds(segments: &[Segment]) -> Option<[f32; 4]> {
    let mut points = segments.iter().flatten();
    let [x, y] = *points.next()?;
    let bounds = points.fold([x, y, x, y], |b, [x, y]| [b[0].min(*x), b[1].min(*y), b[2].max(*x), b[3].max(*y)]);
    bounds.iter().all(|value| value.is_finite()).then_some(bounds)
}

struct Builder {
    scale: f32,
    start: [f32; 2],
    last: [f32; 2],
    segments: Vec<Segment>,
}

impl Builder {
    fn to(&mut self, point: [f32; 2]) {
        let has_length = (0..2).any(|axis| (point[axis] - self.last[axis]).abs() > f32::EPSILON);
        if has_length && self.segments.len() < MAX_SEGMENTS {
            self.segments.push([self.last, point]);
        }
        self.last = point;
    }

    fn scaled(&self, x: f32, y: f32) -> [f32; 2] {
        [x * self.scale, y * self.scale]
    }

    /// Bernstein form of degree 2 or 3 over the control points.
    fn curve(&mut self, controls: &[[f32; 2]]) {
        let start = self.last;
        for piece in 1..=PIECES {
            let t = f32::from(piece) / f32::from(PIECES);
            // de Casteljau's construction.
            let mut points: Vec<[f32; 2]> = std::iter::once(start).chain(controls.iter().copied()).collect();
            while points.len() > 1 {
                points = points
                    .windows(2)
                    .map(|pair| [0, 1].map(|axis| pair[0][axis] + t * (pair[1][axis] - pair[0][axis])))
                    .collect();
            }
            if let Some(point) = points.first() {
                self.to(*point);
            }
        }
    }
}

impl OutlineBuilder for Builder {
    fn move_to(&mut self, x: f32, y: f32) {
        self.start = self.scaled(x, y);
        self.last = self.start;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.to(self.scaled(x, y));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.curve(&[self.scaled(x1, y1), self.scaled(x, y)]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.curve(&[self.scaled(x1, y1), self.scaled(x2, y2), self.scaled(x, y)]);
    }

    fn close(&mut self) {
        self.to(self.start);
    }
}
