//! A section: the ground's heights along a drawn line in two epochs.

use serde::Serialize;

/// Samples along a line at most.
const MOST_SAMPLES: usize = 2_000;
/// Samples along a line at least.
const FEWEST_SAMPLES: usize = 100;
/// No terrain here is finer than this, metres.
const FINEST_M: f64 = 0.1;

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Metres from the beginning, on the ellipsoid.
    pub distance_m: f64,
    /// Longitude in degrees.
    pub lon: f64,
    /// Latitude in degrees.
    pub lat: f64,
    /// Height in the earlier epoch, metres.
    pub before_m: Option<f64>,
    /// Height in the later epoch, or the only one, metres.
    pub after_m: Option<f64>,
}

/// Heights along a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Profile {
    /// On the ellipsoid, metres.
    pub length_m: f64,
    /// Between samples, metres.
    pub step_m: f64,
    /// Lowest and highest height of both epochs, metres.
    pub range_m: Option<[f64; 2]>,
    /// Of the section: what was lost between the epochs, square metres.
    pub loss_m2: Option<f64>,
    /// Of the section: what was gained, square metres.
    pub gain_m2: Option<f64>,
    /// The samples.
    pub samples: Vec<Sample>,
}

/// Places at even distances along a line of longitudes and latitudes in degrees, each with its distance in metres from the
/// beginning; the corners of the line are among them.
#[must_use]
pub fn places_along(line: &[[f64; 2]]) -> Vec<(f64, [f64; 2])> {
    let lengths_m: Vec<f64> = line.windows(2).map(|pair| geodesy::distance::geodesic_m(pair[0], pair[1])).collect();
    let length_m: f64 = lengths_m.iter().sum();
    let Some(first) = line.first().filter(|_| length_m > 0.0) else { return Vec::new() };
    let wanted = (length_m / FINEST_M).clamp(FEWEST_SAMPLES as f64, MOST_SAMPLES as f64);
    let mut out = vec![(0.0, *first)];
    let mut begun_m = 0.0;
    for (pair, own_m) in line.windows(2).zip(&lengths_m) {
        let count = (wanted * own_m / length_m).ceil().max(1.0) as usize;
        for number in 1..=count {
            let part = number as f64 / count as f64;
            let [lon, lat] = [0, 1].map(|axis| pair[0][axis] + (pair[1][axis] - pair[0][axis]) * part);
            out.push((begun_m + own_m * part, [lon, lat]));
        }
        begun_m += own_m;
    }
    out
}

impl Profile {
    /// Puts heights of both epochs on places along a line; `before` is empty where there is one epoch only.
    #[must_use]
    pub fn of(places: &[(f64, [f64; 2])], before: &[Option<f64>], after: &[Option<f64>]) -> Self {
        let sample = |(index, (distance_m, [lon, lat])): (usize, &(f64, [f64; 2]))| Sample {
            distance_m: *distance_m,
            lon: *lon,
            lat: *lat,
            before_m: before.get(index).copied().flatten(),
            after_m: after.get(index).copied().flatten(),
        };
        let samples: Vec<Sample> = places.iter().enumerate().map(sample).collect();
        let heights = samples.iter().flat_map(|sample| [sample.before_m, sample.after_m]).flatten();
        let range_m = heights.fold(None, |range: Option<[f64; 2]>, height_m: f64| {
            let [low, high] = range.unwrap_or([height_m, height_m]);
            Some([low.min(height_m), high.max(height_m)])
        });
        let length_m = samples.last().map_or(0.0, |sample| sample.distance_m);
        let step_m = length_m / (samples.len().max(2) - 1) as f64;
        let (mut loss_m2, mut gain_m2, mut has_both) = (0.0, 0.0, false);
        for pair in samples.windows(2) {
            let change = |sample: &Sample| Some(sample.after_m? - sample.before_m?);
            let (Some(from), Some(to)) = (change(&pair[0]), change(&pair[1])) else { continue };
            has_both = true;
            let wide_m = pair[1].distance_m - pair[0].distance_m;
            let [gain, loss] = trapezium(from, to).map(|part| part * wide_m);
            gain_m2 += gain;
            loss_m2 += loss;
        }
        let both = |area_m2: f64| has_both.then_some(area_m2);
        Self { length_m, step_m, range_m, loss_m2: both(loss_m2), gain_m2: both(gain_m2), samples }
    }

    /// Comma separated, with a header line; what is not known is empty.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut lines = vec!["distance_m,lon,lat,before_m,after_m".to_owned()];
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
        for sample in &self.samples {
            let (before, after) = (number(sample.before_m), number(sample.after_m));
            let Sample { distance_m, lon, lat, .. } = sample;
            lines.push(format!("{distance_m:.3},{lon:.8},{lat:.8},{before},{after}"));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Above and below zero between two values a unit apart.
fn trapezium(from: f64, to: f64) -> [f64; 2] {
    if from * to >= 0.0 {
        let mean = f64::midpoint(from, to);
        return [mean.max(0.0), (-mean).max(0.0)];
    }
    let part = from / (from - to);
    let (first, second) = (from * part / 2.0, to * (1.0 - part) / 2.0);
    [first.max(second), (-first).max(-second)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wedge_gained_and_a_wedge_lost_are_told_apart() {
        let places = places_along(&[[109.74, 28.31], [109.75, 28.31]]);
        let length_m = places.last().expect("some").0;
        // From 10 m lower to 10 m higher: the change crosses zero in the middle.
        let before: Vec<_> = places.iter().map(|_| Some(300.0)).collect();
        let after: Vec<_> = places.iter().map(|(at_m, _)| Some(290.0 + 20.0 * at_m / length_m)).collect();
        let profile = Profile::of(&places, &before, &after);
        let wedge_m2 = length_m / 2.0 * 10.0 / 2.0;
        assert!((profile.loss_m2.expect("both") / wedge_m2 - 1.0).abs() < 1e-6);
        assert!((profile.gain_m2.expect("both") / wedge_m2 - 1.0).abs() < 1e-6);
        assert_eq!(profile.range_m, Some([290.0, 310.0]));
        assert!((profile.length_m - geodesy::distance::geodesic_m([109.74, 28.31], [109.75, 28.31])).abs() < 1e-6);
    }

    #[test]
    fn one_epoch_is_a_profile_without_a_change_and_gaps_are_empty_in_the_file() {
        let places = places_along(&[[109.74, 28.31], [109.7401, 28.31]]);
        let after: Vec<_> = (0..places.len()).map(|index| (index > 0).then_some(301.5)).collect();
        let profile = Profile::of(&places, &[], &after);
        assert_eq!((profile.loss_m2, profile.range_m), (None, Some([301.5, 301.5])));
        let csv = profile.to_csv();
        assert!(csv.starts_with("distance_m,lon,lat,before_m,after_m\n0.000,109.74000000,28.31000000,,\n"), "{csv}");
        assert!(csv.lines().nth(2).is_some_and(|line| line.ends_with(",,301.500")));
        assert_eq!(csv.lines().count(), places.len() + 1);
    }

    #[test]
    fn corners_of_the_line_are_among_its_places() {
        let line = [[109.74, 28.31], [109.741, 28.31], [109.741, 28.3101]];
        let places = places_along(&line);
        for corner in line {
            assert!(places.iter().any(|(_, at)| at.map(f64::to_bits) == corner.map(f64::to_bits)), "{corner:?}");
        }
        assert!(places.windows(2).all(|pair| pair[1].0 > pair[0].0));
        assert!(places_along(&line[..1]).is_empty());
    }
}
