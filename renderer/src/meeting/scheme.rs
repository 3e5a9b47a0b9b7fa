//! A scheme (方案): what might be built. Buildings extruded from footprints, or a model placed on the ground.
//!
//! Part of the scene that the server keeps for a project and of a saved meeting; both come from others, so every number is
//! checked before anything is made of it. Heights are metres, positions degrees.

use serde::{Deserialize, Serialize};

/// Which ground a building stands on: heights count from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// The highest ground under its footprint.
    Highest,
    /// The lowest ground under its footprint.
    Lowest,
    /// The mean of the ground under its footprint.
    #[default]
    Mean,
}

/// An extruded footprint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Building {
    /// What people call it: 1号楼.
    pub name: String,
    /// Outer ring and holes, `[longitude, latitude]` degrees. Empty: the whole red line.
    pub footprint: Vec<Vec<[f64; 2]>>,
    /// Height in metres; absent where floors give it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
    /// Number of floors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floors: Option<u32>,
    /// Height of a floor in metres; 3 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_height_m: Option<f64>,
    /// Where its height counts from.
    pub ground: Ground,
}

/// The height of a floor where nobody says.
const FLOOR_HEIGHT_M: f64 = 3.0;

impl Building {
    /// Its height in metres and the heights of its floors' levels above its foot, without foot and roof.
    #[must_use]
    pub fn levels_m(&self) -> (f64, Vec<f64>) {
        let floor_m = self.floor_height_m.unwrap_or(FLOOR_HEIGHT_M);
        match (self.height_m, self.floors) {
            (Some(height_m), None) if self.floor_height_m.is_none() => (height_m, Vec::new()),
            (Some(height_m), None) => {
                let floors = (height_m / floor_m).ceil() as u32;
                (height_m, (1..floors).map(|floor| f64::from(floor) * floor_m).collect())
            }
            (given, floors) => {
                let floors = floors.unwrap_or(1).max(1);
                let height_m = given.unwrap_or_else(|| f64::from(floors) * floor_m);
                // A stated height and number of floors are both kept: the floors share the height.
                let floor_m = if given.is_some() && self.floor_height_m.is_none() {
                    height_m / f64::from(floors)
                } else {
                    floor_m
                };
                let levels = (1..floors).map(|floor| f64::from(floor) * floor_m);
                (height_m, levels.filter(|level_m| *level_m < height_m).collect())
            }
        }
    }
}

/// A model file placed on the ground.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlacedModel {
    /// What people call it.
    pub name: String,
    /// The glb: a link of the server, or a file beside the meeting's own.
    pub glb: String,
    /// Longitude and latitude in degrees.
    pub lon_lat: [f64; 2],
    /// Height in metres of its origin; absent: on the ground there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
    /// Clockwise from north, degrees: where its own north (glTF -z) points.
    pub heading_deg: f64,
}

/// One scheme.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scheme {
    /// What people call it: 方案A.
    pub name: String,
    /// Extruded footprints.
    pub buildings: Vec<Building>,
    /// Placed models.
    pub models: Vec<PlacedModel>,
}

/// Most schemes of a meeting.
pub const MOST_SCHEMES: usize = 26;
const MOST_PARTS: usize = 2_000;
const MOST_CORNERS: usize = 20_000;
const MOST_LETTERS: usize = 200;
const HEIGHTS_M: std::ops::RangeInclusive<f64> = 0.1..=1_500.0;

impl Scheme {
    /// What is wrong with it, if anything is, in Chinese and English.
    pub fn check(&self) -> Result<(), String> {
        let bad = |what: &str, name: &str| Err(format!("{what}：{}", name.chars().take(60).collect::<String>()));
        if self.name.chars().count() > MOST_LETTERS || self.buildings.len() + self.models.len() > MOST_PARTS {
            return bad("方案过大 (the scheme is too large)", &self.name);
        }
        for building in &self.buildings {
            let corners = || building.footprint.iter().flatten();
            let sound = building.height_m.is_none_or(|height_m| HEIGHTS_M.contains(&height_m))
                && building.floor_height_m.is_none_or(|height_m| (1.0..=30.0).contains(&height_m))
                && building.floors.is_none_or(|floors| (1..=300).contains(&floors))
                && (building.height_m.is_some() || building.floors.is_some())
                && building.footprint.iter().all(|ring| ring.len() >= 3)
                && corners().all(is_place)
                && building.name.chars().count() <= MOST_LETTERS;
            if !sound || corners().count() > MOST_CORNERS {
                return bad("建筑的高度、层数或基底无效 (height, floors or footprint of a building)", &building.name);
            }
        }
        for model in &self.models {
            let sound = is_place(&model.lon_lat)
                && model.height_m.is_none_or(|height_m| (-500.0..=9_000.0).contains(&height_m))
                && (-360.0..=360.0).contains(&model.heading_deg)
                && model.name.chars().count() <= MOST_LETTERS
                && is_model_link(&model.glb);
            if !sound {
                return bad("模型的位置或文件无效 (place or file of a model)", &model.name);
            }
        }
        Ok(())
    }
}

fn is_place([lon, lat]: &[f64; 2]) -> bool {
    (-180.0..=180.0).contains(lon) && (-89.0..=89.0).contains(lat)
}

/// A link below the server's own address, or the name of a file beside the meeting: never a path that leads elsewhere.
#[must_use]
pub fn is_model_link(link: &str) -> bool {
    let parts_are_plain = |path: &str| {
        path.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0']) && part.len() <= 255
        })
    };
    !link.is_empty() && link.len() <= 1_000 && parts_are_plain(link.strip_prefix('/').unwrap_or(link))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tower() -> Building {
        Building { name: "1号楼".to_owned(), floors: Some(18), ..Building::default() }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "stated heights are kept as they are")]
    fn floors_make_the_height_and_a_stated_height_wins() {
        assert_eq!(tower().levels_m().0, 54.0);
        assert_eq!(tower().levels_m().1.len(), 17);
        let low = Building { floors: Some(3), height_m: Some(12.0), ..Building::default() };
        assert_eq!(low.levels_m(), (12.0, vec![4.0, 8.0]));
        let bare = Building { height_m: Some(24.0), ..Building::default() };
        assert_eq!(bare.levels_m(), (24.0, Vec::new()), "an envelope has no floors");
        let cut = Building { height_m: Some(10.0), floor_height_m: Some(3.0), ..Building::default() };
        assert_eq!(cut.levels_m(), (10.0, vec![3.0, 6.0, 9.0]));
    }

    #[test]
    fn hostile_schemes_are_refused() {
        let of = |building: Building| Scheme { buildings: vec![building], ..Scheme::default() };
        assert!(of(tower()).check().is_ok());
        for wrong in [
            Building { floors: Some(0), ..tower() },
            Building { floors: None, ..tower() },
            Building { floors: Some(4_000_000_000), ..tower() },
            Building { height_m: Some(f64::NAN), ..tower() },
            Building { floor_height_m: Some(0.0), ..tower() },
            Building { footprint: vec![vec![[109.0, 28.0], [f64::INFINITY, 28.0], [109.0, 28.1]]], ..tower() },
            Building { footprint: vec![vec![[109.0, 28.0]]], ..tower() },
            Building { name: "楼".repeat(1_000), ..tower() },
        ] {
            assert!(of(wrong.clone()).check().is_err(), "{wrong:?}");
        }
        let many = Scheme { buildings: vec![tower(); 5_000], ..Scheme::default() };
        assert!(many.check().is_err());
    }

    #[test]
    fn a_model_is_a_link_of_the_server_or_a_file_beside_the_meeting() {
        for good in ["/projects/7/attachments/a.glb", "tower.glb", "模型/1号楼.glb"] {
            assert!(is_model_link(good), "{good}");
        }
        for wrong in ["", "../secret.glb", "a/../../b", "//host/a.glb", "C:\\a.glb", "http://other/a.glb", "a//b"] {
            assert!(!is_model_link(wrong), "{wrong}");
        }
    }
}
