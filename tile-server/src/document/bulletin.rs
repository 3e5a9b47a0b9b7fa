//! What a 灾情快报 is made from: plain values, most of them perhaps unsaid.
//!
//! What nobody has stated is none, and is printed as 未报 (of people) or left out (of analyses that were not asked for): a
//! nought that was not counted would be read as one that was.

use super::attached::AttachedPicture;
use super::content::printed;
use super::dossier::Office;
use super::map::MapPicture;
use super::section_chart::Section;

/// How what was not stated is printed.
pub(crate) const UNSTATED: &str = "未报";
/// 万.
const WAN: f64 = 1e4;
/// What stands on papers of surveys that were fitted onto each other by calculation.
pub(crate) const EMERGENCY_REFERENCE: &str = "应急参考";

/// Everything that a report of a disaster says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bulletin {
    /// Identity of the incident; names its papers for ever.
    pub(crate) id: String,
    /// When what it says was last changed (RFC 3339).
    pub(crate) as_of: String,
    /// Who makes documents here.
    pub(crate) office: Office,
    /// What happened.
    pub(crate) event: Event,
    /// Which report it is, of whom.
    pub(crate) filing: Filing,
    /// What only people know of the losses.
    pub(crate) losses: Losses,
    /// 已采取措施; empty for not stated.
    pub(crate) measures: String,
    /// Whether the figures hold for emergency use only (应急参考).
    pub(crate) is_emergency_reference: bool,
    /// The surveys that were compared, earlier first.
    pub(crate) surveys: Vec<Survey>,
    /// How well they fit.
    pub(crate) fit: Option<Fit>,
    /// What moved.
    pub(crate) change: Option<Change>,
    /// Buildings by state.
    pub(crate) buildings: Option<Buildings>,
    /// Who and what is threatened.
    pub(crate) exposure: Option<Exposure>,
    /// What is under water.
    pub(crate) inundation: Option<Inundation>,
    /// How people get out.
    pub(crate) evacuation: Option<Evacuation>,
    /// What the analyses say must be known first.
    pub(crate) remarks: Vec<String>,
    /// Rule documents by title, with their versions.
    pub(crate) rules: Vec<(String, String)>,
    /// Sections through both surveys.
    pub(crate) sections: Vec<Section>,
    /// The map.
    pub(crate) map: Option<MapPicture>,
    /// Other pictures: views of the ground, photos.
    pub(crate) pictures: Vec<AttachedPicture>,
}

/// What happened where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Event {
    /// Its name.
    pub(crate) name: String,
    /// 灾种.
    pub(crate) hazard: String,
    /// When (RFC 3339, a day, or words).
    pub(crate) occurred: String,
    /// Where, in words.
    pub(crate) place: String,
    /// 乡镇.
    pub(crate) township: String,
    /// 村.
    pub(crate) village: String,
    /// Longitude and latitude, degrees on CGCS2000.
    pub(crate) lon_lat_deg: Option<[f64; 2]>,
}

/// Which report, and who answers for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filing {
    /// 首报, 续报 or 终报.
    pub(crate) kind: String,
    /// Its number.
    pub(crate) number: Option<u64>,
    /// 报送单位.
    pub(crate) unit: String,
    /// 签发人.
    pub(crate) signed_by: String,
    /// 联系人.
    pub(crate) contact: String,
    /// 联系电话.
    pub(crate) phone: String,
    /// When it is reported (RFC 3339, or words).
    pub(crate) reported: String,
    /// Whether the head is printed in red, as a filed paper's is.
    pub(crate) red_head: bool,
}

/// What people report of losses.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Losses {
    /// 死亡.
    pub(crate) dead: Option<u64>,
    /// 失踪.
    pub(crate) missing: Option<u64>,
    /// 受伤.
    pub(crate) injured: Option<u64>,
    /// 紧急转移, people.
    pub(crate) moved_people: Option<u64>,
    /// 紧急转移, households.
    pub(crate) moved_households: Option<u64>,
    /// 直接经济损失, ten thousand yuan.
    pub(crate) direct_wan_yuan: Option<f64>,
}

/// A survey.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    /// 灾前 or 灾后.
    pub(crate) role: &'static str,
    /// Title of the dataset.
    pub(crate) title: String,
    /// When the ground looked like that.
    pub(crate) day: String,
    /// `dataset@revision`.
    pub(crate) source: String,
    /// What its heights count from.
    pub(crate) height_datum: String,
    /// Cell size, metres.
    pub(crate) cell_m: Option<f64>,
}

/// How well two surveys fit on ground that did not move: east, north, up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fit {
    /// Shift of the later one, metres.
    pub(crate) shift_m: [Option<f64>; 3],
    /// Its standard error, metres.
    pub(crate) error_m: [Option<f64>; 3],
    /// Whether it is more than chance.
    pub(crate) significant: [bool; 3],
    /// Stable ground, square metres.
    pub(crate) stable_m2: Option<f64>,
    /// Robust spread of the differences there, metres.
    pub(crate) nmad_m: Option<f64>,
    /// Level of detection, metres.
    pub(crate) detection_m: Option<f64>,
    /// Standard error of one difference, metres.
    pub(crate) sigma_m: Option<f64>,
    /// Whether accuracies were stated, rather than estimated.
    pub(crate) is_given: bool,
    /// What the analysis says of it.
    pub(crate) words: String,
}

/// Ground lost or gained.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moved {
    /// Volume, cubic metres.
    pub(crate) volume_m3: f64,
    /// Interval of 95 %, cubic metres.
    pub(crate) interval_m3: Option<[f64; 2]>,
    /// Area, square metres.
    pub(crate) area_m2: Option<f64>,
    /// Mean depth, metres.
    pub(crate) mean_m: Option<f64>,
    /// Greatest depth, metres.
    pub(crate) greatest_m: Option<f64>,
    /// Volume at the edge that no single cell shows, cubic metres.
    pub(crate) edge_m3: Option<f64>,
}

/// What moved.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    /// Places that changed.
    pub(crate) places: Option<u64>,
    /// Ground lost.
    pub(crate) loss: Option<Moved>,
    /// Ground gained.
    pub(crate) gain: Option<Moved>,
    /// Gained less lost.
    pub(crate) net: Option<Moved>,
    /// How far the middle of the ground went, and its drop, metres.
    pub(crate) travel_m: Option<[f64; 2]>,
    /// Area of the largest place, square metres in the plane and on the ellipsoid.
    pub(crate) largest_m2: Option<[f64; 2]>,
    /// 规模, by volume.
    pub(crate) scale: String,
    /// Without a survey before: what is estimated of it.
    pub(crate) estimate: Option<Estimate>,
}

/// What a survey of after alone allows to say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Estimate {
    /// Area, square metres in the plane and on the ellipsoid.
    pub(crate) area_m2: Option<[f64; 2]>,
    /// What such areas held elsewhere, from the least to the most, cubic metres; no measurement.
    pub(crate) range_m3: Option<[f64; 2]>,
    /// How it was made.
    pub(crate) words: String,
}

/// Buildings by state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buildings {
    /// Worst first.
    pub(crate) by_state: Vec<StateCount>,
    /// One by one.
    pub(crate) list: Vec<Building>,
}

/// Buildings of one state.
#[derive(Debug, Clone, Default)]
pub(crate) struct StateCount {
    /// In Chinese.
    pub(crate) state: String,
    /// Buildings.
    pub(crate) buildings: Option<u64>,
    /// Households.
    pub(crate) households: Option<u64>,
    /// People.
    pub(crate) people: Option<u64>,
}

/// One building.
#[derive(Debug, Clone, Default)]
pub(crate) struct Building {
    /// Its number.
    pub(crate) number: String,
    /// Its state, in Chinese.
    pub(crate) state: String,
    /// What the surveys say, where somebody has said otherwise.
    pub(crate) found_state: String,
    /// Why it was set otherwise, or what the finding rests on.
    pub(crate) reason: String,
    /// What it is used for.
    pub(crate) purpose: String,
    /// Its village.
    pub(crate) village: String,
    /// Households.
    pub(crate) households: Option<u64>,
    /// People.
    pub(crate) people: Option<u64>,
}

/// Who and what is threatened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exposure {
    /// What was looked at, in words.
    pub(crate) area: String,
    /// People.
    pub(crate) people: Option<u64>,
    /// Households.
    pub(crate) households: Option<u64>,
    /// Buildings.
    pub(crate) buildings: Option<u64>,
    /// Buildings by use, with households and people.
    pub(crate) by_use: Vec<StateCount>,
    /// Roads by class, kilometres.
    pub(crate) roads_km: Vec<(String, f64)>,
    /// Facilities: kind and name.
    pub(crate) facilities: Vec<(String, String)>,
    /// Control lines and plan zones: title, square metres in the plane and on the ellipsoid.
    pub(crate) zones: Vec<(String, [Option<f64>; 2])>,
    /// Property, ten thousand yuan.
    pub(crate) property_wan_yuan: Option<f64>,
    /// 险情等级 and its basis.
    pub(crate) danger: Grade,
    /// 灾情等级 and its basis.
    pub(crate) disaster: Grade,
    /// Households one by one, names and phones as the reader may see them.
    pub(crate) list: Vec<Household>,
    /// What could not be looked up.
    pub(crate) missing: Vec<String>,
}

/// A grade.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grade {
    /// In Chinese; empty for none.
    pub(crate) name: String,
    /// What it follows from.
    pub(crate) basis: String,
}

/// A household.
#[derive(Debug, Clone, Default)]
pub(crate) struct Household {
    /// Number of its building.
    pub(crate) number: String,
    /// 户主.
    pub(crate) head: String,
    /// Its phone.
    pub(crate) phone: String,
    /// Its village.
    pub(crate) village: String,
    /// What the building is used for.
    pub(crate) purpose: String,
    /// Households of the building.
    pub(crate) households: Option<u64>,
    /// People.
    pub(crate) people: Option<u64>,
}

/// What is under water.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inundation {
    /// The scenario, in words.
    pub(crate) scenario: String,
    /// Water level, metres.
    pub(crate) level_m: Option<f64>,
    /// Area under water, square metres in the plane and on the ellipsoid.
    pub(crate) area_m2: Option<[f64; 2]>,
    /// Water, cubic metres.
    pub(crate) volume_m3: Option<f64>,
    /// Greatest depth, metres.
    pub(crate) greatest_m: Option<f64>,
    /// Classes of depth.
    pub(crate) depths: Vec<DepthClass>,
    /// How a lake behind a dam rises.
    pub(crate) lake: Vec<LakeLevel>,
    /// Who and what is in the water.
    pub(crate) struck: StateCount,
    /// Roads that cannot be passed, kilometres.
    pub(crate) roads_km: Option<f64>,
    /// What limits what the figures are worth.
    pub(crate) words: String,
}

/// Ground under so much water.
#[derive(Debug, Clone, Default)]
pub(crate) struct DepthClass {
    /// Square metres in the plane and on the ellipsoid.
    pub(crate) area_m2: [Option<f64>; 2],
    /// Depths in words, as the state of what is there.
    pub(crate) struck: StateCount,
}

/// A lake at a level.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LakeLevel {
    /// Water level, metres.
    pub(crate) level_m: f64,
    /// Its surface, square metres in the plane.
    pub(crate) area_m2: Option<f64>,
    /// Water, cubic metres.
    pub(crate) volume_m3: Option<f64>,
    /// People whose houses are reached.
    pub(crate) people: Option<u64>,
}

/// How people get out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evacuation {
    /// Whether people walk.
    pub(crate) on_foot: bool,
    /// Routes.
    pub(crate) routes: Vec<Route>,
    /// Shelters.
    pub(crate) shelters: Vec<Shelter>,
    /// Who has no way out.
    pub(crate) cut_off: Vec<CutOff>,
}

/// A way to a shelter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    /// From where.
    pub(crate) from: String,
    /// To which shelter.
    pub(crate) shelter: String,
    /// People.
    pub(crate) people: Option<u64>,
    /// Length, kilometres.
    pub(crate) km: Option<f64>,
    /// Time, minutes.
    pub(crate) minutes: Option<f64>,
}

/// A shelter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelter {
    /// Its name.
    pub(crate) name: String,
    /// People it holds.
    pub(crate) capacity: Option<u64>,
    /// People sent there.
    pub(crate) assigned: Option<u64>,
    /// Whether it can be used, in Chinese.
    pub(crate) state: String,
}

/// Who has no way out.
#[derive(Debug, Clone, Default)]
pub(crate) struct CutOff {
    /// Where.
    pub(crate) place: String,
    /// People.
    pub(crate) people: Option<u64>,
    /// Households.
    pub(crate) households: Option<u64>,
}

impl Bulletin {
    /// What it is called.
    pub(crate) fn title(&self) -> &'static str {
        const WATER: [&str; 5] = ["洪", "涝", "淹", "溃", "堰塞"];
        const GROUND: [&str; 9] = ["滑坡", "崩塌", "泥石流", "塌陷", "地裂缝", "沉降", "不稳定斜坡", "滑塌", "地质"];
        let is = |words: &[&str]| words.iter().any(|word| self.event.hazard.contains(word));
        if is(&GROUND) {
            "地质灾害灾情（险情）快报"
        } else if is(&WATER) {
            "洪涝灾害灾情（险情）快报"
        } else {
            "灾情（险情）快报"
        }
    }

    /// `续报（第2期）`.
    pub(crate) fn issue(&self) -> String {
        let number = self.filing.number.map(|number| format!("第{number}期"));
        match (self.filing.kind.as_str(), number) {
            ("", None) => UNSTATED.to_owned(),
            ("", Some(number)) => number,
            (kind, None) => kind.to_owned(),
            (kind, Some(number)) => format!("{kind}（{number}）"),
        }
    }

    /// The stamp on every page; empty for none.
    pub(crate) fn alarm(&self) -> &'static str {
        if self.is_emergency_reference { EMERGENCY_REFERENCE } else { "" }
    }

    /// Township, village and place, as far as they are known.
    pub(crate) fn place(&self) -> String {
        let event = &self.event;
        // People often write the whole address into one of them.
        let mut words: String = [&event.township, &event.village]
            .into_iter()
            .filter(|part| !event.place.contains(part.as_str()))
            .cloned()
            .collect();
        words.push_str(&event.place);
        words
    }
}

/// A count with its unit, or 未报.
pub(crate) fn counted(count: Option<u64>, unit: &str) -> String {
    count.map_or_else(|| UNSTATED.to_owned(), |count| format!("{count}{unit}"))
}

/// A measure with its unit, or 未报.
pub(crate) fn measured(value: Option<f64>, decimals: u8, unit: &str) -> String {
    value
        .filter(|value| value.is_finite())
        .map_or_else(|| UNSTATED.to_owned(), |value| format!("{}{unit}", printed(value, decimals)))
}

/// What was stated, or 未报.
pub(crate) fn stated(text: &str) -> String {
    if text.trim().is_empty() { UNSTATED.to_owned() } else { text.trim().to_owned() }
}

/// A volume in words: from ten thousand cubic metres on in 万立方米.
pub(crate) fn volume_words(m3: f64) -> String {
    if m3.abs() >= WAN {
        format!("{}万立方米", printed(m3 / WAN, 2))
    } else {
        format!("{}立方米", printed(m3, 0))
    }
}

/// An interval in words, in one unit, with as many decimals as tell its ends apart.
pub(crate) fn interval_words([low, high]: [f64; 2]) -> String {
    if low.abs().max(high.abs()) >= WAN {
        let ends = |decimals: u8| [low, high].map(|end| printed(end / WAN, decimals));
        let [low, high] = (2..4).map(ends).find(|[low, high]| low != high).unwrap_or_else(|| ends(4));
        format!("{low}万～{high}万立方米")
    } else {
        format!("{}～{}立方米", printed(low, 0), printed(high, 0))
    }
}
