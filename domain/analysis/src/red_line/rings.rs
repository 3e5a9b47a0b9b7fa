//! From rings of named points to polygons: closing, repeated points, crossings, holes.
//!
//! A ring that crosses itself has no area that two programs agree on, so it is refused with the names of the points.
//! Which rings are holes follows from where they lie, not from their numbers: applicants number islands and holes alike.

use geodesy::{Crs, area};

use super::{DraftRing, Notice, crossing, refused};
use crate::{AnalysisError, Polygon};

/// A ring without repeated points, in the direction and from the point that the applicant chose.
struct Ring {
    number: String,
    points: Vec<[f64; 2]>,
    names: Vec<String>,
    area: f64,
}

/// The polygons of a parcel.
pub(super) fn polygons(
    parcel: &str,
    drafts: Vec<DraftRing>,
    crs: &Crs,
    warnings: &mut Vec<Notice>,
) -> Result<Vec<Polygon>, AnalysisError> {
    let rings: Vec<Ring> =
        drafts.into_iter().map(|draft| tidy(parcel, draft, warnings)).collect::<Result<_, AnalysisError>>()?;
    let step = if crs.is_geographic() { 1e-9 } else { 1e-4 / crs.unit_m() };
    let lines: Vec<crossing::Line<'_>> =
        rings.iter().map(|ring| crossing::Line { points: &ring.points, names: &ring.names }).collect();
    if let Some(found) = crossing::first(&lines, step)? {
        let [a, b, c, d] = &found.names;
        let where_zh = if found.rings[0] == found.rings[1] {
            format!("第 {} 圈自相交", rings[found.rings[0]].number)
        } else {
            format!("第 {} 圈与第 {} 圈相交", rings[found.rings[0]].number, rings[found.rings[1]].number)
        };
        return Err(refused(
            format!("地块“{parcel}”{where_zh}：边 {a}–{b} 与边 {c}–{d} 相交或重叠"),
            format!("parcel {parcel}: edge {a}-{b} crosses or overlaps edge {c}-{d}"),
        ));
    }
    if let Some(empty) = rings.iter().find(|ring| ring.area <= 0.0) {
        return Err(encloses_nothing(parcel, empty));
    }
    nest(rings, step)
}

/// Drops the closing point and points that repeat the one before.
fn tidy(parcel: &str, draft: DraftRing, warnings: &mut Vec<Notice>) -> Result<Ring, AnalysisError> {
    let mut points: Vec<[f64; 2]> = Vec::with_capacity(draft.points.len());
    let mut names: Vec<String> = Vec::with_capacity(draft.points.len());
    let last = draft.points.len().saturating_sub(1);
    for (index, point) in draft.points.into_iter().enumerate() {
        if points.last() == Some(&point.at) {
            warnings.push(Notice::new(
                format!("地块“{parcel}”第 {} 圈的点 {} 与前一点坐标相同，已去除", draft.number, point.name),
                format!("parcel {parcel}: point {} repeats the one before it and is dropped", point.name),
            ));
            continue;
        }
        if index == last && index > 0 && names.first() == Some(&point.name) && points.first() != Some(&point.at) {
            return Err(refused(
                format!("地块“{parcel}”第 {} 圈首尾两个点 {} 的坐标不同", draft.number, point.name),
                format!("parcel {parcel}: point {} closes the ring with other coordinates", point.name),
            ));
        }
        points.push(point.at);
        names.push(point.name);
    }
    while points.len() > 1 && points.first() == points.last() {
        points.pop();
        names.pop();
    }
    let area = area::plane_area(&points);
    let ring = Ring { number: draft.number, points, names, area };
    if ring.points.len() < 3 { Err(encloses_nothing(parcel, &ring)) } else { Ok(ring) }
}

fn encloses_nothing(parcel: &str, ring: &Ring) -> AnalysisError {
    let first = ring.names.first().map_or("", String::as_str);
    refused(
        format!("地块“{parcel}”第 {} 圈（自点 {first} 起）不能围成面", ring.number),
        format!("parcel {parcel}: ring {} encloses nothing", ring.number),
    )
}

/// Sorts rings into outer rings and holes.
fn nest(rings: Vec<Ring>, step: f64) -> Result<Vec<Polygon>, AnalysisError> {
    let boxes: Vec<[f64; 4]> = rings.iter().map(|ring| box_of(&ring.points)).collect();
    // The rings around each ring.
    let around: Vec<Vec<usize>> = (0..rings.len())
        .map(|inner| {
            (0..rings.len())
                .filter(|outer| {
                    *outer != inner
                        && rings[*outer].area > rings[inner].area
                        && contains_box(boxes[*outer], boxes[inner], step)
                        && surrounds(&rings[*outer].points, &rings[inner].points, step)
                })
                .collect()
        })
        .collect();
    let mut place = vec![None; rings.len()];
    let mut polygons: Vec<Polygon> = Vec::new();
    for (index, ring) in rings.iter().enumerate().filter(|(index, _)| around[*index].len().is_multiple_of(2)) {
        place[index] = Some(polygons.len());
        polygons.push(Polygon { exterior: ring.points.clone(), holes: Vec::new() });
    }
    for (index, ring) in rings.into_iter().enumerate().filter(|(index, _)| around[*index].len() % 2 == 1) {
        // Of the rings around it, the one that lies deepest.
        let parent = around[index].iter().copied().filter(|outer| place[*outer].is_some());
        let parent = parent.max_by_key(|outer| around[*outer].len()).and_then(|outer| place[outer]);
        let Some(parent) = parent else {
            return Err(refused(
                format!("第 {} 圈的内外关系无法判断", ring.number),
                format!("ring {} is neither inside nor outside", ring.number),
            ));
        };
        polygons[parent].holes.push(ring.points);
    }
    Ok(polygons)
}

fn box_of(points: &[[f64; 2]]) -> [f64; 4] {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    points.iter().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])])
}

fn contains_box(outer: [f64; 4], inner: [f64; 4], step: f64) -> bool {
    outer[0] <= inner[0] + step
        && outer[1] <= inner[1] + step
        && outer[2] >= inner[2] - step
        && outer[3] >= inner[3] - step
}

/// Whether rings that do not cross lie one in the other: decided by the first point that is not on the other's border.
fn surrounds(outer: &[[f64; 2]], inner: &[[f64; 2]], step: f64) -> bool {
    let middles = inner
        .iter()
        .zip(inner.iter().cycle().skip(1))
        .map(|(a, b)| [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])]);
    // Rings that do not cross are decided by one point off the border; a few are tried.
    let mut tried = inner.iter().copied().chain(middles).filter_map(|point| inside(outer, point, step));
    tried.next().unwrap_or(false)
}

/// Whether a point lies in a ring; none where it is on its border.
pub(crate) fn inside(ring: &[[f64; 2]], point: [f64; 2], step: f64) -> Option<bool> {
    let mut within = false;
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let (along, length) = ([b[0] - a[0], b[1] - a[1]], (b[0] - a[0]).hypot(b[1] - a[1]));
        let to = [point[0] - a[0], point[1] - a[1]];
        let off = (along[0] * to[1] - along[1] * to[0]) / length;
        let ahead = (along[0] * to[0] + along[1] * to[1]) / length;
        if off.abs() <= step && ahead >= -step && ahead <= length + step {
            return None;
        }
        if (a[1] > point[1]) != (b[1] > point[1]) && point[0] < a[0] + to[1] / along[1] * along[0] {
            within = !within;
        }
    }
    Some(within)
}
