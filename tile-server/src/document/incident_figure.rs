//! Which places of an incident stand on its map: outlines of what moved, buildings by what became of them, ways out, cut roads.

use geodesy::{Crs, Transform};
use serde_json::Value;

use super::figure::{Figure, Footprint, Rings};
use super::report::plain;
use crate::jobs::Patch;
use crate::problem::Problem;

/// The figure of places, all in the plane of their job; `sections` are lines of degrees, in the order of the sections of the
/// result. What lies below and what colours it are the caller's.
pub(crate) fn figure(crs: &str, patches: &[Patch], sections: &[Vec<[f64; 2]>]) -> Result<Figure, Problem> {
    let mut figure = Figure { crs: crs.to_owned(), ..Figure::default() };
    let mut lesser = Vec::new();
    for patch in patches {
        let of = |name: &str| patch.properties.get(name).map(plain).unwrap_or_default();
        let polygons = || -> Vec<Rings> { patch.polygons.clone() };
        match of("kind").as_str() {
            "moved-ground" | "drawn-ground" => figure.outlines.extend(polygons()),
            "exposed-area" => figure.asked.extend(polygons()),
            "building" if patch.properties.contains_key("state_zh") => {
                figure.buildings.push(Footprint { state: of("state_zh"), polygons: polygons() });
            }
            "building" | "exposed-building" => {
                lesser.push(Footprint { state: "受威胁".to_owned(), polygons: polygons() });
            }
            "cut-off" => lesser.push(Footprint { state: "孤岛".to_owned(), polygons: polygons() }),
            "route" => figure.routes.extend(patch.lines.iter().cloned()),
            "cut-road" | "flooded-road" => figure.cut_roads.extend(patch.lines.iter().cloned()),
            "shelter" => figure.shelters.extend(patch.points.iter().map(|at| (of("name"), *at))),
            _ => {}
        }
    }
    // What became of a building hides that it is threatened.
    lesser.append(&mut figure.buildings);
    figure.buildings = lesser;
    figure.sections = in_plane(crs, sections)?;
    Ok(figure)
}

/// A section's name and its line.
type Named = (String, Vec<[f64; 2]>);

fn in_plane(crs: &str, sections: &[Vec<[f64; 2]>]) -> Result<Vec<Named>, Problem> {
    if sections.is_empty() {
        return Ok(Vec::new());
    }
    let plane = Crs::from_user_input(crs).map_err(Problem::internal)?;
    let transform = Transform::new(&Crs::cgcs2000(), &plane).map_err(Problem::internal)?;
    sections
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let mut line = line.clone();
            transform.points(&mut line).map_err(Problem::internal)?;
            Ok((section_name(at), line))
        })
        .collect()
}

/// `A—A′`, `B—B′` …, as the charts name them.
pub(super) fn section_name(at: usize) -> String {
    let letter = char::from(b'A' + (at % 26) as u8);
    format!("{letter}—{letter}′")
}

/// The lines of `sections` of a request.
pub(crate) fn section_lines(request: &Value) -> Vec<Vec<[f64; 2]>> {
    serde_json::from_value(request["sections"].clone()).unwrap_or_default()
}
