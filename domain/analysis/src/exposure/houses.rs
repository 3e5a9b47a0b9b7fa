//! Buildings on the exposed ground and who lives in them: a building counts when its footprint lies on the ground, however
//! little of it; how many have their centre there is said beside it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    grade::{Loss, UnitValue},
    ground::{Ground, Met},
};
use crate::{
    FoundPatch, LoadedLayer,
    figures::rounded,
    registers::{House, Registers},
};

/// Households that a result lists.
const MOST_LISTED: usize = 2_000;
/// Buildings that are places of a result.
const MOST_PLACES: usize = 10_000;
/// What a building is for where the register does not say.
const NO_USE: &str = "未登记";
/// Storeys that a building may have.
const MOST_STOREYS: f64 = 200.0;

/// A building that is exposed.
#[derive(Debug)]
pub(super) struct Exposed<'l> {
    house: House<'l>,
    met: Met,
    says_people: bool,
}

impl Exposed<'_> {
    fn purpose(&self) -> &str {
        if self.house.purpose.is_empty() { NO_USE } else { &self.house.purpose }
    }

    /// Ground area by the register, or by the footprint, times the storeys; one where they are not known.
    fn floor_m2(&self) -> Option<f64> {
        let ground_m2 = self.house.floor_m2.or(self.met.footprint_m2).filter(|m2| *m2 > 0.0 && m2.is_finite())?;
        Some(ground_m2 * self.house.storeys.unwrap_or(1.0).clamp(1.0, MOST_STOREYS))
    }
}

/// The buildings of a layer that lie on the ground, in the order of the layer.
pub(super) fn exposed<'l>(registers: &Registers, layer: &'l LoadedLayer, ground: &Ground) -> Vec<Exposed<'l>> {
    let one = |parcel| {
        let met = ground.met(parcel)?;
        Some(Exposed { house: registers.house(parcel), met, says_people: registers.says_people(parcel) })
    };
    layer.layer.parcels.par_iter().filter_map(one).collect()
}

/// What a group of buildings comes to.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    buildings: u64,
    households: u64,
    people: u64,
    people_unknown: u64,
    floor_m2: f64,
    floor_unknown: u64,
    centre: [u64; 3],
}

impl Sum {
    fn add(&mut self, exposed: &Exposed<'_>) {
        let (households, people) = (u64::from(exposed.house.households), u64::from(exposed.house.people));
        self.buildings += 1;
        self.households += households;
        self.people += people;
        self.people_unknown += u64::from(!exposed.says_people);
        match exposed.floor_m2() {
            Some(m2) => self.floor_m2 += m2,
            None => self.floor_unknown += 1,
        }
        if exposed.met.centre {
            self.centre = [self.centre[0] + 1, self.centre[1] + households, self.centre[2] + people];
        }
    }

    fn put(&self, object: &mut Map<String, Value>) {
        let [buildings, households, people] = self.centre;
        object.insert("buildings".to_owned(), self.buildings.into());
        object.insert("households".to_owned(), self.households.into());
        object.insert("people".to_owned(), self.people.into());
        object.insert("buildings_without_people_figure".to_owned(), self.people_unknown.into());
        object.insert("floor_m2".to_owned(), rounded(self.floor_m2, 2));
        object.insert("buildings_without_floor_area".to_owned(), self.floor_unknown.into());
        object.insert(
            "centre_inside".to_owned(),
            json!({ "buildings": buildings, "households": households, "people": people }),
        );
    }
}

/// Buildings, people and households, by use and by village.
pub(super) fn counted(exposed: &[Exposed<'_>]) -> Value {
    let mut whole = Sum::default();
    let (mut uses, mut villages): (BTreeMap<&str, Sum>, BTreeMap<&str, Sum>) = Default::default();
    for one in exposed {
        whole.add(one);
        uses.entry(one.purpose()).or_default().add(one);
        villages.entry(&one.house.village).or_default().add(one);
    }
    let rows = |key: &str, sums: &BTreeMap<&str, Sum>| -> Vec<Value> {
        let row = |(name, sum): (&&str, &Sum)| {
            let mut row = Map::new();
            row.insert(key.to_owned(), (*name).into());
            sum.put(&mut row);
            Value::Object(row)
        };
        sums.iter().map(row).collect()
    };
    let mut counted = Map::new();
    counted.insert("counted_by_zh".to_owned(), "房屋占地与范围有重叠即计入；centre_inside 为中心在范围内的".into());
    counted.insert("floor_basis_zh".to_owned(), "建筑面积＝占地面积×层数，层数未登记的按一层".into());
    whole.put(&mut counted);
    counted.insert("by_use".to_owned(), rows("use", &uses).into());
    counted.insert("by_village".to_owned(), rows("village", &villages).into());
    Value::Object(counted)
}

/// People exposed; none where the register says of no building who lives there.
pub(super) fn people(exposed: &[Exposed<'_>]) -> Option<u64> {
    let known = exposed.is_empty() || exposed.iter().any(|one| one.says_people);
    known.then(|| exposed.iter().map(|one| u64::from(one.house.people)).sum())
}

/// What the buildings are worth by the rules.
pub(super) fn loss(exposed: &[Exposed<'_>], values: &[UnitValue]) -> Loss {
    let values: BTreeMap<&str, f64> = values
        .iter()
        .filter(|value| value.wan_yuan_per_m2 > 0.0)
        .map(|value| (value.r#use.as_str(), value.wan_yuan_per_m2))
        .collect();
    let (mut wan_yuan, mut known) = (0.0, 0);
    for one in exposed {
        if let Some((value, floor_m2)) = values.get(one.purpose()).zip(one.floor_m2()) {
            wan_yuan += value * floor_m2;
            known += 1;
        }
    }
    // Nothing stands there, or nothing of what stands there has a value: the one is worth nought, of the other it is not known.
    if known == 0 && !exposed.is_empty() {
        return Loss::Unknown;
    }
    Loss::Estimated { wan_yuan, complete: known == exposed.len() }
}

/// The households by village, with heads and phones masked; the ids are those of the register's features, so
/// that whoever has the right may look the rest up.
pub(super) fn household_list(exposed: &[Exposed<'_>]) -> Value {
    let lived_in: Vec<&Exposed<'_>> =
        exposed.iter().filter(|one| one.house.households > 0 || one.house.people > 0).collect();
    let of = lived_in.len();
    let mut lived_in = most_people(lived_in, MOST_LISTED);
    lived_in.sort_by(|a, b| {
        let people = || b.house.people.cmp(&a.house.people);
        a.house.village.cmp(&b.house.village).then_with(people).then_with(|| a.house.number.cmp(&b.house.number))
    });
    let row = |one: &&Exposed<'_>| {
        let (head, phone) = one.house.masked();
        json!({
            "id": one.house.parcel.id, "number": one.house.number, "use": one.purpose(), "village": one.house.village,
            "households": one.house.households, "people": one.says_people.then_some(one.house.people),
            "share": rounded(one.met.share, 4), "centre_inside": one.met.centre,
            "head_masked": head, "phone_masked": phone,
        })
    };
    let rows: Vec<Value> = lived_in.iter().map(row).collect();
    json!({ "of": of, "listed": rows.len(), "rows": rows })
}

/// So many at most, in the order given: what is left out should be what matters least.
fn most_people<'e, 'l>(exposed: Vec<&'e Exposed<'l>>, most: usize) -> Vec<&'e Exposed<'l>> {
    if exposed.len() <= most {
        return exposed;
    }
    let mut ranked: Vec<usize> = (0..exposed.len()).collect();
    ranked.select_nth_unstable_by_key(most, |index| {
        let house = &exposed[*index].house;
        (std::cmp::Reverse((house.people, house.households)), *index)
    });
    ranked.truncate(most);
    ranked.sort_unstable();
    ranked.into_iter().map(|index| exposed[index]).collect()
}

/// The footprints as places, those of most people first where there are too many.
pub(super) fn places(exposed: &[Exposed<'_>]) -> Vec<FoundPatch> {
    let shown = most_people(exposed.iter().collect(), MOST_PLACES);
    let place = |one: &&Exposed<'_>| {
        let house = &one.house;
        let mut properties = Map::new();
        for (key, value) in [
            ("kind", "building".into()),
            ("number", house.number.clone().into()),
            ("use", one.purpose().into()),
            ("village", house.village.clone().into()),
            ("structure", house.structure.clone().into()),
            ("storeys", json!(house.storeys)),
            ("height_m", json!(house.height_m)),
            ("households", house.households.into()),
            ("people", json!(one.says_people.then_some(house.people))),
            ("floor_m2", one.floor_m2().map_or(Value::Null, |m2| rounded(m2, 2))),
            ("share", rounded(one.met.share, 4)),
            ("centre_inside", one.met.centre.into()),
        ] {
            properties.insert(key.to_owned(), value);
        }
        FoundPatch {
            id: format!("building-{}", house.parcel.id),
            properties,
            polygons: house.parcel.polygons.clone(),
            points: house.parcel.points.clone(),
            ..FoundPatch::default()
        }
    };
    shown.par_iter().map(place).collect()
}
