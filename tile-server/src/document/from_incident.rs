//! A 灾情快报 from an incident as it is stored and what analyses found for it. Parts that are not there stay unsaid: an
//! earlier result, or one of an analysis that was not asked for, lacks members and says less, never something else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::bulletin::{
    Building, Buildings, Bulletin, Change, CutOff, DepthClass, Estimate, Evacuation, Event, Exposure, Filing, Fit,
    Grade, Household, Inundation, LakeLevel, Losses, Moved, Route, Shelter, StateCount, Survey,
};
use super::content::{Table, plain_date, printed};
use super::dossier::Office;
use super::incident_figure::section_name;
use super::report::{plain, rule_versions};
use super::section_chart::Section;

/// The analysis that holds the others' results under their own names.
const REVIEW: &str = "disaster";
/// Depth of a JSON that is looked through for positions.
const MOST_DEPTH: usize = 8;
/// Rows of one list.
const MOST_ROWS: usize = 20_000;

/// What is known of an incident.
#[derive(Debug, Default)]
pub(crate) struct Told<'v> {
    /// The incident.
    pub(crate) incident: Value,
    /// The report that is printed: its number, kind, time and what people stated then; none for a draft.
    pub(crate) report: Option<Value>,
    /// Results by name of the analysis.
    pub(crate) results: BTreeMap<String, Value>,
    /// Places of the terrain change, with their properties.
    pub(crate) patches: &'v [Value],
    /// Surveys that were read: `source` (`dataset@revision`), `title`, `valid_from`.
    pub(crate) surveys: &'v [Value],
    /// Rule documents by title, with their versions.
    pub(crate) rules: Value,
    /// Who makes documents here.
    pub(crate) office: Office,
    /// When what it says was last changed (RFC 3339).
    pub(crate) as_of: String,
}

/// The bulletin; its pictures are the caller's.
pub(crate) fn bulletin(told: &Told<'_>) -> Bulletin {
    let incident = &told.incident;
    let facts = told.report.as_ref().map(|report| &report["facts"]).filter(|facts| facts.is_object());
    let facts = facts.unwrap_or(&incident["facts"]);
    let change = told.result(&["terrain-change", "change"]);
    let exposure = told.result(&["exposure"]);
    let [inundation, evacuation] = [told.result(&["inundation"]), told.result(&["evacuation"])];
    // What was made with surveys or roads fitted onto each other is for emergencies only, whichever part it is.
    let stamped = [change, exposure, inundation, evacuation]
        .into_iter()
        .flatten()
        .any(|result| result["aligned"].as_bool() == Some(true) || !plain(&result["stamp"]).is_empty());
    let made = change.map(|result| changed(result, told.patches));
    Bulletin {
        id: plain(&incident["id"]),
        as_of: told.as_of.clone(),
        office: told.office.clone(),
        event: event(incident),
        filing: filing(incident, told.report.as_ref(), facts),
        losses: Losses {
            dead: facts["dead"].as_u64(),
            missing: facts["missing"].as_u64(),
            injured: facts["injured"].as_u64(),
            moved_people: facts["moved_people"].as_u64(),
            moved_households: facts["moved_households"].as_u64(),
            direct_wan_yuan: number(&facts["direct_loss_wan_yuan"]),
        },
        measures: plain(&facts["measures"]),
        is_emergency_reference: stamped,
        surveys: change.map(|result| surveys(result, told.surveys)).unwrap_or_default(),
        fit: change.and_then(fit),
        change: made,
        buildings: change.and_then(|result| buildings(&result["buildings"])),
        exposure: exposure.map(exposed),
        inundation: inundation.map(flooded),
        evacuation: evacuation.map(evacuated),
        remarks: told.remarks(),
        rules: rule_versions(&told.rules),
        sections: change.map(|result| sections(&result["sections"])).unwrap_or_default(),
        map: None,
        pictures: Vec::new(),
    }
}

/// A height datum as papers name it.
fn datum_words(datum: &str) -> String {
    match datum {
        "normal_1985" => "1985国家高程基准".to_owned(),
        "ellipsoidal" => "椭球高".to_owned(),
        "egm96" => "EGM96 大地水准面".to_owned(),
        "unknown" => "高程基准未注明".to_owned(),
        other => other.strip_prefix("other:").unwrap_or(other).to_owned(),
    }
}

/// The tables of one result, where it is of a disaster: what its own workbook holds.
pub(super) fn tables(result: &Value) -> Vec<Table> {
    let rule = plain(&result["rule"]);
    let name = rule.split('/').next().unwrap_or_default();
    if !["terrain-change", "exposure", "inundation", "evacuation", REVIEW].contains(&name) {
        return Vec::new();
    }
    let results = BTreeMap::from([(name.to_owned(), result.clone())]);
    super::bulletin_report::tables(&bulletin(&Told { results, ..Told::default() }))
}

impl Told<'_> {
    /// A result by any of its names, by itself or within that of the whole review.
    fn result(&self, names: &[&str]) -> Option<&Value> {
        let whole = self.results.get(REVIEW);
        let own = names.iter().find_map(|name| self.results.get(*name));
        own.or_else(|| names.iter().find_map(|name| whole?.get(name))).filter(|result| result.is_object())
    }

    /// What the analyses say must be known first, where it is not said with their figures.
    fn remarks(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(whole) = self.results.get(REVIEW) {
            words.extend(said(&whole["zone"]));
            words.extend(rows(&whole["skipped"]).iter().filter_map(said));
        }
        if let Some(evacuation) = self.result(&["evacuation"]) {
            words.extend(["missing", "notices"].iter().flat_map(|key| rows(&evacuation[*key])).filter_map(said));
        }
        if let Some(change) = self.result(&["terrain-change", "change"]) {
            words.extend(said(&change["buildings"]["message"]));
        }
        let mut seen = BTreeSet::new();
        words.retain(|words| seen.insert(words.clone()));
        words
    }
}

/// What is said in Chinese, a text or an object of both languages, as a paper says it: how to ask the program anew, with names
/// of its parameters, is for the page.
fn said(value: &Value) -> Option<String> {
    const LETTERS: usize = 4;
    let words = [&value["zh"], &value["reason_zh"], &value["message_zh"], value].into_iter().find_map(Value::as_str)?;
    let names_a_parameter =
        |part: &str| part.split(|c: char| !c.is_ascii_alphabetic() && c != '_').any(|word| word.len() >= LETTERS);
    let kept = words.split_inclusive(['。', '；']).filter(|part| !names_a_parameter(part));
    let kept = kept.collect::<String>();
    let kept = kept.trim().trim_end_matches(['。', '；']);
    (!kept.is_empty()).then(|| format!("{kept}。"))
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|value| value.is_finite())
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map(|rows| &rows[..rows.len().min(MOST_ROWS)]).unwrap_or_default()
}

/// The first of several members that is there.
fn any<'v>(of: &'v Value, keys: &[&str]) -> &'v Value {
    keys.iter().map(|key| &of[*key]).find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

fn both_m2(of: &Value) -> Option<[f64; 2]> {
    Some([number(&of["plane_m2"])?, number(&of["ellipsoidal_m2"])?])
}

fn interval(value: &Value) -> Option<[f64; 2]> {
    Some([number(&value[0])?, number(&value[1])?])
}

fn event(incident: &Value) -> Event {
    let at = any(incident, &["lon_lat_deg", "at"]);
    let lon_lat_deg = interval(at).or_else(|| middle(&incident["question"]["within"]));
    Event {
        name: plain(&incident["name"]),
        hazard: plain(&incident["hazard"]),
        occurred: plain(&incident["occurred"]),
        place: plain(&incident["place"]),
        township: plain(&incident["township"]),
        village: plain(&incident["village"]),
        lon_lat_deg,
    }
}

/// The middle of an area in degrees: a box, or the positions of a `GeoJSON`.
fn middle(area: &Value) -> Option<[f64; 2]> {
    fn gather(value: &Value, depth: usize, into: &mut Vec<[f64; 2]>) {
        let Some(items) = value.as_array().filter(|_| depth < MOST_DEPTH) else {
            if let Some(object) = value.as_object().filter(|_| depth < MOST_DEPTH) {
                for key in ["coordinates", "geometry", "geometries", "features"] {
                    object.get(key).into_iter().for_each(|value| gather(value, depth + 1, into));
                }
            }
            return;
        };
        match items.as_slice() {
            [west, south, east, north] if items.iter().all(Value::is_number) => {
                let corner = |a: &Value, b: &Value| Some([number(a)?, number(b)?]);
                into.extend(corner(west, south).into_iter().chain(corner(east, north)));
            }
            [lon, lat, ..] if lon.is_number() && lat.is_number() => {
                into.extend(number(lon).zip(number(lat)).map(|(lon, lat)| [lon, lat]));
            }
            _ => items.iter().for_each(|value| gather(value, depth + 1, into)),
        }
    }
    let mut places = Vec::new();
    gather(area, 0, &mut places);
    places.retain(|[lon, lat]| lon.abs() <= 180.0 && lat.abs() <= 90.0);
    let [west, south, east, north] = super::map::hull(places.iter())?;
    Some([f64::midpoint(west, east), f64::midpoint(south, north)])
}

fn filing(incident: &Value, report: Option<&Value>, facts: &Value) -> Filing {
    let kind = match report.map(|report| plain(&report["kind"])).as_deref() {
        None => "草稿，未签发".to_owned(),
        Some("first") => "首报".to_owned(),
        Some("further") => "续报".to_owned(),
        Some("final") => "终报".to_owned(),
        Some(other) => other.to_owned(),
    };
    Filing {
        kind,
        number: report.and_then(|report| report["number"].as_u64()),
        unit: plain(any(facts, &["reporting_unit", "unit"])),
        signed_by: plain(any(facts, &["issuer", "signed_by"])),
        contact: plain(&facts["contact"]),
        phone: plain(&facts["phone"]),
        reported: report.map_or_else(|| plain(&incident["reported"]), |report| plain(&report["at"])),
        red_head: report.is_some(),
    }
}

fn moved(part: &Value) -> Option<Moved> {
    Some(Moved {
        volume_m3: number(&part["volume_m3"])?,
        interval_m3: interval(&part["interval_m3"]),
        area_m2: number(&part["cells_m2"]),
        mean_m: number(&part["mean_m"]),
        greatest_m: number(&part["greatest_m"]),
        edge_m3: number(&part["undetectable_edge_m3"]),
    })
}

fn changed(result: &Value, patches: &[Value]) -> Change {
    let of = |patch: &Value| number(&patch["properties"]["plane_m2"]).unwrap_or_default();
    let grounds = patches.iter().filter(|patch| patch["properties"]["kind"] == "moved-ground");
    let largest = grounds.max_by(|a, b| of(a).total_cmp(&of(b))).map(|patch| &patch["properties"]);
    let [loss, gain, net] = ["loss", "gain", "net"].map(|key| moved(&result[key]));
    let has_one_survey = result["mode"] == "after-only";
    let estimate = has_one_survey.then(|| Estimate {
        area_m2: both_m2(result),
        range_m3: interval(&result["estimate"]["range_m3"]),
        words: said(&result["estimate"]["message"]).unwrap_or_default(),
    });
    Change {
        places: result["places"]["found"].as_u64(),
        loss,
        gain,
        net,
        travel_m: largest.and_then(|of| {
            let travel = &of["travel"];
            Some([number(&travel["distance_m"])?, number(&travel["drop_m"])?])
        }),
        largest_m2: largest.and_then(both_m2),
        scale: plain(&result["scale"]),
        estimate,
    }
}

fn surveys(result: &Value, known: &[Value]) -> Vec<Survey> {
    let source_of = |role: &str| {
        rows(&result["sources"]).iter().find(|source| source["role"] == role).map(|source| plain(&source["source"]))
    };
    let cell_m = interval(&result["cells"]["size_m"]).map(|[width, height]| width.max(height));
    [("before", "灾前"), ("after", "灾后")]
        .into_iter()
        .filter_map(|(role, words)| {
            let source = source_of(role)?;
            let about = known.iter().find(|one| plain(&one["source"]) == source).unwrap_or(&Value::Null);
            let title = plain(&about["title"]);
            // Where there is nothing to bring together, the survey's own.
            let datums = [&result["registration"]["height_datums"], &result["height_datums"]];
            let height_datum = datums.map(|datums| datum_words(&plain(&datums[role])));
            Some(Survey {
                role: words,
                title: if title.is_empty() { source.split('@').next().unwrap_or_default().to_owned() } else { title },
                day: plain_date(&plain(&about["valid_from"])),
                source,
                height_datum: height_datum.into_iter().find(|words| !words.is_empty()).unwrap_or_default(),
                // The grid of the later survey is what is counted on.
                cell_m: number(&about["cell_m"]).or(cell_m.filter(|_| role == "after")),
            })
        })
        .collect()
}

fn fit(result: &Value) -> Option<Fit> {
    let registration = &result["registration"];
    let detection_m = number(&result["level_of_detection_m"]);
    let words = said(&result["message"]).unwrap_or_default();
    if registration.is_null() && detection_m.is_none() && words.is_empty() {
        return None;
    }
    let axes = |key: &str| ["east", "north", "up"].map(|axis| number(&registration[key][axis]));
    Some(Fit {
        shift_m: axes("shift_m"),
        error_m: axes("standard_error_m"),
        significant: ["east", "north", "up"]
            .map(|axis| registration["significant"][axis].as_bool().unwrap_or_default()),
        stable_m2: number(&registration["stable_m2"]),
        nmad_m: number(&registration["residual"]["shift_taken_off"]["nmad_m"]),
        detection_m,
        sigma_m: number(&result["sigma_m"]),
        is_given: result["accuracy"] == "given",
        words,
    })
}

fn sections(value: &Value) -> Vec<Section> {
    let numbers = |value: &Value| -> Vec<Option<f64>> { rows(value).iter().map(number).collect() };
    rows(value)
        .iter()
        .enumerate()
        .map(|(at, section)| {
            let distance_m: Vec<f64> = rows(&section["distance_m"]).iter().filter_map(number).collect();
            let name = plain(&section["name"]);
            Section {
                name: if name.is_empty() { section_name(at) } else { name },
                distance_m,
                before_m: numbers(&section["before_m"]),
                after_m: numbers(&section["after_m"]),
            }
        })
        .collect()
}

fn counts(row: &Value, state: String) -> StateCount {
    StateCount {
        state,
        buildings: row["buildings"].as_u64(),
        households: row["households"].as_u64(),
        people: row["people"].as_u64(),
    }
}

fn buildings(value: &Value) -> Option<Buildings> {
    let states = any(value, &["states", "by_state"]).as_array()?;
    let by_state = states
        .iter()
        .filter(|row| row["buildings"].as_u64() != Some(0))
        .map(|row| counts(row, plain(any(row, &["title_zh", "state_zh", "state"]))))
        .collect();
    let list = rows(&value["list"])
        .iter()
        .map(|row| {
            let by_hand = row["given_by_hand"].as_bool() == Some(true);
            let found = plain(any(row, &["found_zh", "found_state", "found"]));
            let basis = said(&row["confidence"]).unwrap_or_default().trim_end_matches('。').to_owned();
            let reason = plain(&row["reason"]);
            Building {
                number: plain(&row["number"]),
                state: plain(any(row, &["state_zh", "state"])),
                found_state: if by_hand || row["given_by_hand"].is_null() { found } else { String::new() },
                reason: if reason.is_empty() { basis } else { reason },
                purpose: plain(&row["use"]),
                village: plain(&row["village"]),
                households: row["households"].as_u64(),
                people: row["people"].as_u64(),
            }
        })
        .collect();
    Some(Buildings { by_state, list })
}

fn grade(value: &Value) -> Grade {
    let name = plain(any(value, &["class", "grade"]));
    let mut basis = plain(&value["basis_zh"]);
    let mut figures = Vec::new();
    if let Some(people) = value["people"].as_u64() {
        figures.push(format!("{people}人"));
    }
    if let Some(loss) = number(&value["loss_wan_yuan"]) {
        let estimated = if value["loss_basis"] == "estimate" { "估算" } else { "" };
        figures.push(format!("{estimated}{}万元", printed(loss, 2)));
    }
    if !figures.is_empty() {
        basis = format!("{basis}（{}）", figures.join("，"));
    }
    Grade { name, basis }
}

fn exposed(result: &Value) -> Exposure {
    let houses = &result["houses"];
    let area = &result["area"];
    let kind = match plain(&area["kind"]).as_str() {
        "buffer" => number(&area["distance_m"])
            .map_or_else(|| "缓冲范围".to_owned(), |m| format!("{}米缓冲范围", printed(m, 0))),
        "run-out" => "估算滑动到达范围".to_owned(),
        _ => "核查范围".to_owned(),
    };
    let by_use = rows(&houses["by_use"]).iter().map(|row| counts(row, plain(&row["use"]))).collect();
    let roads_km = rows(any(&result["roads"], &["by_class"]))
        .iter()
        .filter_map(|row| Some((plain(&row["class"]), number(any(row, &["ellipsoidal_km", "km"]))?)))
        .collect();
    let facilities = rows(&result["facilities"]["by_kind"])
        .iter()
        .flat_map(|row| rows(&row["named"]).iter().map(|one| (plain(&row["kind"]), plain(&one["name"]))))
        .collect();
    let zones = rows(&result["control_lines"])
        .iter()
        .filter(|row| row["features"].as_u64() != Some(0))
        .map(|row| (plain(&row["title"]), ["plane_m2", "ellipsoidal_m2"].map(|key| number(&row[key]))))
        .collect();
    let mut missing: Vec<String> = ["missing", "partly_covered", "not_checked"]
        .iter()
        .flat_map(|key| rows(&result[*key]))
        .filter_map(|row| {
            let reason = said(row)?;
            let title = plain(&row["title"]);
            Some(if title.is_empty() || reason.contains(&title) { reason } else { format!("{title}：{reason}") })
        })
        .collect();
    if let Some(unknown) = houses["buildings_without_people_figure"].as_u64().filter(|count| *count > 0) {
        missing.push(format!("其中{unknown}栋房屋台账未登记人口，实际人数不低于所列数字。"));
    }
    let list = rows(&result["household_list"]["rows"])
        .iter()
        .map(|row| Household {
            number: plain(&row["number"]),
            head: plain(any(row, &["head", "head_masked"])),
            phone: plain(any(row, &["phone", "phone_masked"])),
            village: plain(&row["village"]),
            purpose: plain(&row["use"]),
            households: row["households"].as_u64(),
            people: row["people"].as_u64(),
        })
        .collect();
    Exposure {
        area: kind,
        people: houses["people"].as_u64(),
        households: houses["households"].as_u64(),
        buildings: houses["buildings"].as_u64(),
        by_use,
        roads_km,
        facilities,
        zones,
        property_wan_yuan: number(&result["loss"]["wan_yuan"]),
        danger: grade(&result["danger"]),
        disaster: grade(&result["disaster"]),
        list,
        missing,
    }
}

fn flooded(result: &Value) -> Inundation {
    let metres = |m: f64| printed(m, (m.fract() != 0.0).into());
    let depth = |row: &Value| {
        let words = match (number(&row["from_m"]), number(&row["to_m"])) {
            (from, Some(to)) => format!("{}～{}米", metres(from.unwrap_or_default()), metres(to)),
            (Some(from), None) => format!("{}米以上", metres(from)),
            (None, None) => return None,
        };
        let area_m2 = ["plane_m2", "ellipsoidal_m2"].map(|key| number(&row[key]));
        Some(DepthClass { area_m2, struck: counts(row, words) })
    };
    let level = |row: &Value| {
        Some(LakeLevel {
            level_m: number(&row["level_m"])?,
            area_m2: number(&row["plane_m2"]),
            volume_m3: number(&row["volume_m3"]),
            people: row["people"].as_u64(),
        })
    };
    let scenario = match result["mode"].as_str() {
        Some("level") => "按水位淹没",
        Some("fill") => "连通淹没",
        Some("dam") => "壅水淹没（至溢流水位）",
        _ => "",
    };
    // The figures stand in the sentence before it already.
    let words = said(&result["message"]).unwrap_or_default();
    let words = words.split_inclusive('。').filter(|part| !(part.starts_with("水位 ") && part.contains("淹没")));
    let flooded = &result["flooded"];
    Inundation {
        scenario: scenario.to_owned(),
        level_m: number(&result["level_m"]),
        area_m2: both_m2(flooded),
        volume_m3: number(&flooded["volume_m3"]),
        greatest_m: number(&flooded["greatest_m"]),
        depths: rows(&result["classes"]).iter().filter_map(depth).collect(),
        lake: rows(&result["dam"]["curve"]).iter().filter_map(level).collect(),
        struck: counts(&result["houses"], String::new()),
        roads_km: number(&result["roads"]["cut_km"]),
        words: words.collect(),
    }
}

fn evacuated(result: &Value) -> Evacuation {
    let names = |value: &Value| match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("、"),
        other => plain(other),
    };
    let routes = rows(&result["routes"])
        .iter()
        .map(|row| Route {
            from: names(&row["from"]),
            shelter: plain(&row["shelter"]),
            people: row["people"].as_u64(),
            km: number(&row["length_m"]).map(|m| m / 1000.0).or_else(|| number(&row["length_km"])),
            minutes: number(&row["minutes"]),
        })
        .collect();
    let shelters = rows(&result["shelters"])
        .iter()
        // Hundreds of shelters of a county that nobody is sent to are no news.
        .filter(|row| row["state"].is_null() || row["state"] == "used" || row["state"] == "in-zone")
        .map(|row| Shelter {
            name: plain(&row["name"]),
            capacity: row["capacity"].as_u64(),
            assigned: row["assigned"].as_u64(),
            state: plain(&row["state_zh"]),
        })
        .collect();
    let cut_off = rows(&result["cut_off"]["rows"])
        .iter()
        .filter(|row| row["households"].as_u64() != Some(0) || row["people"].as_u64() != Some(0))
        .map(|row| CutOff {
            place: names(&row["villages"]),
            people: row["people"].as_u64(),
            households: row["households"].as_u64(),
        })
        .collect();
    Evacuation { on_foot: result["on_foot"].as_bool() == Some(true), routes, shelters, cut_off }
}
