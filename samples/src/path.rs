//! Polylines in the crate's frame: measuring, resampling, smoothing, offsetting. No map knowledge.

/// A point of the crate's frame, metres east and south.
pub type PointM = [f64; 2];

/// Distance between two points.
pub fn distance(a: PointM, b: PointM) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Length of a polyline.
pub fn length(line: &[PointM]) -> f64 {
    line.windows(2).map(|pair| distance(pair[0], pair[1])).sum()
}

/// Points every `step_m` along a polyline, both ends kept.
pub fn resample(line: &[PointM], step_m: f64) -> Vec<PointM> {
    let Some(first) = line.first() else { return Vec::new() };
    let mut points = vec![*first];
    let mut carried = 0.0;
    for pair in line.windows(2) {
        let span = distance(pair[0], pair[1]);
        let mut along = step_m - carried;
        while along <= span {
            let t = along / span;
            points.push([pair[0][0] + t * (pair[1][0] - pair[0][0]), pair[0][1] + t * (pair[1][1] - pair[0][1])]);
            along += step_m;
        }
        carried = span - (along - step_m);
    }
    if let Some(last) = line.last()
        && points.last().is_some_and(|end| distance(*end, *last) > step_m * 0.05)
    {
        points.push(*last);
    }
    points
}

/// Corner cutting (Chaikin), ends kept.
pub fn smooth(line: &[PointM], rounds: usize) -> Vec<PointM> {
    let mut current = line.to_vec();
    for _ in 0..rounds {
        if current.len() < 3 {
            break;
        }
        let mut next = vec![current[0]];
        for pair in current.windows(2) {
            let mix = |t: f64| [pair[0][0] * (1.0 - t) + pair[1][0] * t, pair[0][1] * (1.0 - t) + pair[1][1] * t];
            next.push(mix(0.25));
            next.push(mix(0.75));
        }
        next.push(current[current.len() - 1]);
        current = next;
    }
    current
}

/// Moving average over `reach` neighbours on both sides, ends kept: takes the grid's staircase out of a traced path.
pub fn relax(line: &[PointM], reach: usize) -> Vec<PointM> {
    let last = line.len().saturating_sub(1);
    (0..line.len())
        .map(|i| {
            let window = reach.min(i).min(last - i);
            let slice = &line[i - window..=i + window];
            let sum = slice.iter().fold([0.0, 0.0], |sum, p| [sum[0] + p[0], sum[1] + p[1]]);
            [sum[0] / slice.len() as f64, sum[1] / slice.len() as f64]
        })
        .collect()
}

/// The point and unit direction at a distance along a polyline, clamped to its ends.
pub fn along(line: &[PointM], at_m: f64) -> (PointM, PointM) {
    let mut left = at_m.max(0.0);
    for (i, pair) in line.windows(2).enumerate() {
        let span = distance(pair[0], pair[1]);
        if span > 0.0 && (left <= span || i + 2 == line.len()) {
            let direction = [(pair[1][0] - pair[0][0]) / span, (pair[1][1] - pair[0][1]) / span];
            let t = left.min(span);
            return ([pair[0][0] + direction[0] * t, pair[0][1] + direction[1] * t], direction);
        }
        left -= span;
    }
    (line.first().copied().unwrap_or([0.0, 0.0]), [1.0, 0.0])
}

/// A closed band of constant half-width along a polyline (mitred, for gentle bends only).
pub fn band(line: &[PointM], half_width_m: f64) -> Vec<PointM> {
    let side = |sign: f64| -> Vec<PointM> {
        (0..line.len())
            .map(|i| {
                let (before, after) = (line[i.saturating_sub(1)], line[(i + 1).min(line.len() - 1)]);
                let span = distance(before, after).max(1e-9);
                let normal = [-(after[1] - before[1]) / span, (after[0] - before[0]) / span];
                [line[i][0] + sign * half_width_m * normal[0], line[i][1] + sign * half_width_m * normal[1]]
            })
            .collect()
    };
    let mut ring = side(1.0);
    ring.extend(side(-1.0).into_iter().rev());
    ring
}

/// Signed area of a ring by the shoelace rule; positive when the ring runs clockwise on screen (south is down).
pub fn ring_area(ring: &[PointM]) -> f64 {
    let mut sum = 0.0;
    for i in 0..ring.len() {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        sum += a[0] * b[1] - b[0] * a[1];
    }
    sum / 2.0
}

/// True when the point lies inside the ring (even-odd).
pub fn inside(ring: &[PointM], point: PointM) -> bool {
    let mut odd = false;
    let mut j = ring.len().wrapping_sub(1);
    for i in 0..ring.len() {
        let (a, b) = (ring[i], ring[j]);
        if (a[1] > point[1]) != (b[1] > point[1]) {
            let x = a[0] + (point[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
            odd ^= point[0] < x;
        }
        j = i;
    }
    odd
}
