//! 城市四线 (green, blue, purple and yellow lines of the town) and the protection ranges of cultural relics with their
//! building-control belts. Green, blue and yellow follow the survey's borders; purple lines and relics are drawn freely,
//! as a heritage office draws them.

use super::Deliveries;
use super::areas::Areas;
use super::overlay::{from_rings, polygon, to_rings};
use super::plans::save_gbk;
use crate::county::County;
use crate::dice::Dice;
use crate::network::RoadClass;
use crate::path::{PointM, distance, resample, ring_area};
use crate::place::{SIDE_M, easting_northing_m};
use crate::vector::{Layer, Shape, Value, real, text};
use crate::zones::Zone;
use anyhow::Result;
use geo::{Area as _, BooleanOps as _, MultiPolygon, Polygon};
use serde_json::json;
use std::path::Path;

/// Smaller greens and works have no line of their own.
const SMALLEST_M2: f64 = 5_000.0;

/// The blue line is the river's reach through the town: so far east and west of the seat.
pub(super) const BLUE_REACH_M: f64 = 1_450.0;

/// A protected place.
#[derive(Debug)]
pub(super) struct Protected {
    /// Key of its kind in the truth.
    pub kind: &'static str,
    /// Where it is, metres of the crate's frame.
    pub polygons: MultiPolygon<f64>,
    /// What the layer says of it, the area excepted.
    values: Vec<Value>,
}

/// Writes both layers and remembers the places, which projects must keep clear of.
pub(super) fn deliver(deliveries: &mut Deliveries<'_>, folder: &Path) -> Result<()> {
    let county = deliveries.county;
    let temple = temple(county);
    let lines = city_lines(county, temple);
    let relics = relics(county, temple);
    let line_columns = [text("BH", 20), text("SXLX", 10), text("SXMC", 60), real("MJ", 2)];
    let relic_columns = [text("BH", 20), text("WWMC", 60), text("WWJB", 20), text("QYLX", 20), real("MJ", 2)];
    layer(deliveries, folder, "CSSX", &line_columns, &lines)?;
    layer(deliveries, folder, "WWBH", &relic_columns, &relics)?;
    deliveries.protected = lines.into_iter().chain(relics).collect();
    Ok(())
}

fn layer(
    deliveries: &mut Deliveries<'_>,
    folder: &Path,
    name: &str,
    columns: &[crate::vector::Column],
    places: &[Protected],
) -> Result<()> {
    let mut layer = Layer::new(name, 4_546, columns);
    let mut truth: std::collections::BTreeMap<&str, (usize, Vec<Areas>)> = std::collections::BTreeMap::new();
    for place in places {
        let area = deliveries.surveyor.polygons(&place.polygons)?;
        let entry = truth.entry(place.kind).or_default();
        entry.0 += 1;
        entry.1.push(area);
        let mut values = place.values.clone();
        values.push(((area.plane_m2 * 100.0).round() / 100.0).into());
        let shape = to_rings(&place.polygons)
            .into_iter()
            .map(|rings| rings.into_iter().map(|ring| ring.into_iter().map(easting_northing_m).collect()).collect())
            .collect();
        layer.rows.push((Shape::Polygons(shape), values));
    }
    save_gbk(deliveries, folder, &layer)?;
    for (kind, (count, areas)) in truth {
        let sum: Areas = areas.into_iter().sum();
        deliveries.truth.insert(kind.to_owned(), sum.json(json!({ "count": count })));
    }
    Ok(())
}

/// What a line is called, where it runs (by land-use code and zone), its type, letter and the name of its places.
type Line<'l> = (&'static str, &'l dyn Fn(&str, &Zone) -> bool, &'static str, &'static str, &'static str);

fn city_lines(county: &County, temple: PointM) -> Vec<Protected> {
    let kinds: [Line<'_>; 4] = [
        ("green_line", &|code, z| z.urban > 0 && matches!(code, "0810" | "0810A"), "绿线", "LVX", "公园绿地"),
        ("blue_line", &|_, z| z.river && z.detail == 0, "蓝线", "LX", "样溪河城区段"),
        ("yellow_line", &|code, z| z.urban > 0 && code == "0809", "黄线", "HX", "公用设施"),
        ("yellow_line", &|code, z| z.urban > 0 && code == "1005", "黄线", "HX", "交通场站"),
    ];
    let mut lines: Vec<Protected> = Vec::new();
    for (kind, holds, type_name, letters, name) in kinds {
        let merged = county.merged(1, |face| holds(county.code(face.patch as usize), county.zone(face)).then_some(0));
        let seat = county.network.seats[0];
        let [west, east] = [seat[0] - BLUE_REACH_M, seat[0] + BLUE_REACH_M];
        let town = polygon(&[[west, 0.0], [east, 0.0], [east, SIDE_M], [west, SIDE_M]]);
        let first = lines.iter().filter(|line| line.kind == kind).count();
        let pieces = merged[0]
            .iter()
            .map(from_rings)
            .flat_map(|piece| if kind == "blue_line" { piece.intersection(&town).0 } else { vec![piece] })
            .filter(|piece| piece.unsigned_area() > SMALLEST_M2);
        for (serial, piece) in pieces.enumerate() {
            lines.push(Protected {
                kind,
                polygons: MultiPolygon::new(vec![piece]),
                values: vec![
                    format!("433199{letters}{:03}", first + serial + 1).into(),
                    type_name.into(),
                    format!("{name}{:02}", serial + 1).into(),
                ],
            });
        }
    }
    // An old street quarter round the temple: a block with its corners cut.
    let (sin, cos) = 0.31_f64.sin_cos();
    let corners = [(-130.0, -70.0), (-100.0, -98.0), (105.0, -98.0), (130.0, -60.0), (130.0, 74.0), (96.0, 98.0)];
    let quarter: Vec<PointM> = corners
        .into_iter()
        .chain([(-112.0, 98.0), (-130.0, 60.0)])
        .map(|(u, v)| [u * cos - v * sin, u * sin + v * cos])
        .collect();
    lines.push(Protected {
        kind: "purple_line",
        polygons: MultiPolygon::new(vec![polygon(&scaled(&quarter, temple, 46_000.0))]),
        values: vec!["433199ZX001".into(), "紫线".into(), "样溪老街历史文化街区".into()],
    });
    lines
}

/// The relics: name, grade, centre, hectares of the protection range and of the belt round it.
fn relics(county: &County, temple: PointM) -> Vec<Protected> {
    let mut places = Vec::new();
    let list = [
        ("样例文庙", "省级", temple, 0.48, 1.22),
        ("样溪石拱桥", "县级", bridge(county), 0.36, 1.10),
        ("岩门寨古墓群", "省级", tombs(county), 1.48, 3.20),
    ];
    for (serial, (name, grade, centre, range_ha, belt_ha)) in list.into_iter().enumerate() {
        let mut dice = Dice::named(name);
        let outline: Vec<PointM> = (0..10)
            .map(|i| {
                let (sin, cos) = (f64::from(i) / 10.0 * std::f64::consts::TAU).sin_cos();
                let reach = dice.between(0.86, 1.14);
                [reach * cos, reach * sin]
            })
            .collect();
        let range = scaled(&outline, centre, range_ha * 10_000.0);
        let whole = scaled(&outline, centre, (range_ha + belt_ha) * 10_000.0);
        let belt = Polygon::new(polygon(&whole).exterior().clone(), vec![polygon(&range).exterior().clone()]);
        for (kind, type_name, part) in
            [("heritage_range", "保护范围", polygon(&range)), ("heritage_belt", "建设控制地带", belt)]
        {
            places.push(Protected {
                kind,
                polygons: MultiPolygon::new(vec![part]),
                values: vec![format!("433199WW{:03}", serial + 1).into(), name.into(), grade.into(), type_name.into()],
            });
        }
    }
    places
}

/// An outline round the origin, moved to a centre and scaled to an area.
fn scaled(outline: &[PointM], centre: PointM, area_m2: f64) -> Vec<PointM> {
    let scale = (area_m2 / ring_area(outline).abs()).sqrt();
    outline.iter().map(|p| [centre[0] + scale * p[0], centre[1] + scale * p[1]]).collect()
}

/// Cells within a distance of a point for which something holds.
fn cells_near(county: &County, centre: PointM, reach_m: f64, holds: impl Fn(usize, &Zone) -> bool) -> usize {
    let grid = &county.zones.zone;
    let steps = (reach_m / grid.cell_m) as i32;
    let mut count = 0;
    for dy in -steps..=steps {
        for dx in -steps..=steps {
            let p = [centre[0] + f64::from(dx) * grid.cell_m, centre[1] + f64::from(dy) * grid.cell_m];
            if distance(p, centre) < reach_m && grid.holds(p) {
                let cell = grid.cell_of(p);
                count += usize::from(holds(cell, &county.zones.kinds[usize::from(grid[cell])]));
            }
        }
    }
    count
}

/// The temple of the old town: some streets from the seat, where few parcels of the detailed plan lie.
fn temple(county: &County) -> PointM {
    let seat = county.network.seats[0];
    let mut best = (usize::MAX, seat);
    for index in 0..60 * 60 {
        let p = [seat[0] + f64::from(index % 60) * 30.0 - 900.0, seat[1] + f64::from(index / 60) * 30.0 - 900.0];
        if !(250.0..900.0).contains(&distance(p, seat)) {
            continue;
        }
        let taken = cells_near(county, p, 130.0, |_, z| z.detail > 0)
            + 20 * cells_near(county, p, 165.0, |_, z| z.urban != 1 || z.farmland || z.river || z.hazard || z.red_2022);
        if taken < best.0 {
            best = (taken, p);
        }
    }
    best.1
}

/// Where a small road comes nearest to the river's middle, outside the city plan's area and not far from the town.
fn bridge(county: &County) -> PointM {
    let seat = county.network.seats[0];
    let grid = &county.zones.zone;
    let price = |p: &PointM| 5_000.0 * f64::from(county.terrain.river_reach[grid.cell_of(*p)]) + distance(*p, seat);
    county
        .network
        .roads
        .iter()
        .filter(|road| matches!(road.class, RoadClass::County | RoadClass::Township | RoadClass::Lane))
        .flat_map(|road| resample(&road.line, 10.0))
        .filter(|p| p.iter().all(|v| (300.0..11_700.0).contains(v)))
        .filter(|p| cells_near(county, *p, 90.0, |_, z| z.city > 0) == 0)
        .min_by(|a, b| price(a).total_cmp(&price(b)))
        .unwrap_or(seat)
}

/// Old tombs on a wooded slope over a village, clear of every other plan.
fn tombs(county: &County) -> PointM {
    let seat = county.network.seats[6];
    let mut best = (f64::MAX, seat);
    for index in 0..80 * 80 {
        let p = [seat[0] + f64::from(index % 80) * 25.0 - 1_000.0, seat[1] + f64::from(index / 80) * 25.0 - 1_000.0];
        if distance(p, seat) >= best.0 || distance(p, seat) < 250.0 || !county.zones.zone.holds(p) {
            continue;
        }
        let busy = cells_near(county, p, 145.0, |cell, z| {
            let wood = county.code(county.survey.patch[cell] as usize).starts_with("03");
            !wood && distance(county.zones.zone.centre_m(cell), p) < 80.0
                || z.farmland
                || z.red_2022
                || z.hazard
                || z.mining
                || z.urban > 0
        });
        if busy == 0 {
            best = (distance(p, seat), p);
        }
    }
    best.1
}
