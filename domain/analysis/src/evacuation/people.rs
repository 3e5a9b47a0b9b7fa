//! Who lives where, which road they come to, and where shelters are.

use geodesy::{Crs, Transform};
use rayon::prelude::*;

use super::{
    asked::Asked,
    refuse,
    removed::{Area, Foothold, Footholds},
};
use crate::{
    AnalysisError, LoadedLayer, Parcel,
    compliance::{measure, text},
    registers::Registers,
};

/// Houses of the register that are looked at.
const MOST_HOUSES: usize = 2_000_000;
/// Houses or starting points whose people are led out.
const MOST_MOVED: usize = 20_000;
/// Shelters that are looked at; those nearest to the zone are kept.
pub(super) const MOST_SHELTERS: usize = 200;
/// Room that one shelter may have.
const MOST_ROOM: f64 = 1e7;

/// A house of the register.
#[derive(Debug, Clone)]
pub(super) struct House<'l> {
    pub(super) parcel: &'l Parcel,
    pub(super) number: String,
    pub(super) village: String,
    pub(super) households: u32,
    pub(super) people: u32,
    pub(super) at: [f64; 2],
    pub(super) in_zone: bool,
    /// The nearest road that is left, however far.
    pub(super) foothold: Option<Foothold>,
}

/// Somebody who has to be led to a shelter.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// Number of the house, or name of the starting point.
    pub(super) name: String,
    pub(super) village: String,
    pub(super) households: u32,
    pub(super) people: u32,
    pub(super) foothold: Option<Foothold>,
}

/// A shelter of the register.
#[derive(Debug, Clone)]
pub(super) struct Shelter {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) capacity: Option<u32>,
    pub(super) at: [f64; 2],
    pub(super) in_zone: bool,
    /// Within the walk that the rules allow.
    pub(super) foothold: Option<Foothold>,
}

impl Shelter {
    /// Whether people may be led to it, as far as it is known itself.
    pub(super) fn is_open(&self) -> bool {
        !self.in_zone && self.foothold.is_some()
    }
}

/// The middle of a feature; none where it has no usable place.
fn middle(parcel: &Parcel) -> Option<[f64; 2]> {
    let ring = parcel.polygons.first().map(|polygon| polygon.exterior.as_slice()).unwrap_or_default();
    let place = parcel.points.first().copied().or_else(|| {
        let origin = *ring.first()?;
        let mut sum = [0.0; 3];
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let (a, b) = ([a[0] - origin[0], a[1] - origin[1]], [b[0] - origin[0], b[1] - origin[1]]);
            let cross = a[0] * b[1] - b[0] * a[1];
            sum = [sum[0] + cross * (a[0] + b[0]), sum[1] + cross * (a[1] + b[1]), sum[2] + cross];
        }
        if sum[2] == 0.0 {
            return Some(origin);
        }
        Some([origin[0] + sum[0] / (3.0 * sum[2]), origin[1] + sum[1] / (3.0 * sum[2])])
    })?;
    place.iter().all(|v| v.is_finite() && v.abs() < 1e9).then_some(place)
}

/// The houses of the register with the road that each comes to.
pub(super) fn houses<'l>(
    layer: Option<&'l LoadedLayer>,
    registers: &Registers,
    zone: Option<&Area>,
    footholds: &Footholds<'_>,
) -> Result<Vec<House<'l>>, AnalysisError> {
    let parcels = layer.map(|layer| layer.layer.parcels.as_slice()).unwrap_or_default();
    if parcels.len() > MOST_HOUSES {
        return Err(refuse(
            format!("房屋超过 {MOST_HOUSES} 栋，请用 within 缩小范围"),
            format!("more than {MOST_HOUSES} houses: say a smaller area (within)"),
        ));
    }
    let one = |parcel: &'l Parcel| {
        let at = middle(parcel)?;
        let house = registers.house(parcel);
        Some(House {
            parcel,
            number: house.number,
            village: house.village,
            households: house.households,
            people: house.people,
            at,
            in_zone: zone.is_some_and(|zone| zone.meets(parcel)),
            foothold: footholds.nearest(at),
        })
    };
    Ok(parcels.par_iter().filter_map(one).collect())
}

/// Whoever has to be led out: the starting points that are asked for, else everybody living in the zone.
pub(super) fn origins(
    asked: &Asked,
    houses: &[House<'_>],
    footholds: &Footholds<'_>,
    plane: &Crs,
) -> Result<Vec<Origin>, AnalysisError> {
    let origins: Vec<Origin> = match &asked.starts {
        Some(starts) => {
            let mut places: Vec<[f64; 2]> = starts.iter().map(|start| start.lon_lat_deg).collect();
            Transform::new(&Crs::cgcs2000(), plane)?.points(&mut places)?;
            let one = |(start, place): (&super::asked::Start, [f64; 2])| Origin {
                name: start.name.clone(),
                village: String::new(),
                households: start.households,
                people: start.people,
                foothold: footholds.nearest(place),
            };
            starts.iter().zip(places).map(one).collect()
        }
        None => houses
            .iter()
            .filter(|house| house.in_zone && house.people.max(house.households) > 0)
            .map(|house| Origin {
                name: house.number.clone(),
                village: house.village.clone(),
                households: house.households,
                people: house.people,
                foothold: house.foothold,
            })
            .collect(),
    };
    if origins.len() > MOST_MOVED {
        return Err(refuse(
            format!("危险区内有人居住的房屋超过 {MOST_MOVED} 栋，请分片绘制危险区后分别分析"),
            format!("more than {MOST_MOVED} inhabited houses are in the zone: draw it in parts"),
        ));
    }
    let within = |foothold: &Foothold| foothold.walk_m <= asked.rules.access.road_m;
    Ok(origins.into_iter().map(|origin| Origin { foothold: origin.foothold.filter(within), ..origin }).collect())
}

/// The shelters of the register, and how many further away were left out.
pub(super) fn shelters(
    layer: Option<&LoadedLayer>,
    registers: &Registers,
    asked: &Asked,
    zone: Option<&Area>,
    footholds: &Footholds<'_>,
    near: [f64; 2],
) -> (Vec<Shelter>, usize) {
    let fields = &registers.shelters;
    let one = |parcel: &Parcel| {
        let at = middle(parcel)?;
        let within = |foothold: &Foothold| foothold.walk_m <= asked.rules.access.road_m;
        Some(Shelter {
            id: parcel.id.clone(),
            name: Some(text(parcel, &fields.name)).filter(|name| !name.is_empty()).unwrap_or_else(|| parcel.id.clone()),
            kind: text(parcel, &fields.kind),
            capacity: measure(parcel, &fields.capacity).map(|people| people.clamp(0.0, MOST_ROOM).floor() as u32),
            at,
            in_zone: zone.is_some_and(|zone| zone.meets(parcel)),
            foothold: footholds.nearest(at).filter(within),
        })
    };
    let parcels = layer.map(|layer| layer.layer.parcels.as_slice()).unwrap_or_default();
    let mut shelters: Vec<Shelter> = parcels.iter().filter_map(one).collect();
    let left_out = shelters.len().saturating_sub(MOST_SHELTERS);
    if left_out > 0 {
        shelters.sort_by(|a, b| {
            let off = |shelter: &Shelter| super::network::apart(shelter.at, near);
            off(a).total_cmp(&off(b)).then_with(|| a.id.cmp(&b.id))
        });
        shelters.truncate(MOST_SHELTERS);
    }
    (shelters, left_out)
}
