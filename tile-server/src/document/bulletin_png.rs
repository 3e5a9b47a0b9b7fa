//! `bulletin.png`: the report of a disaster as a picture of one A4 page, to be read on a phone.

use serde_json::{Value, json};

use super::bulletin::{Bulletin, UNSTATED, counted, interval_words, stated, volume_words};
use super::bulletin_pdf::map_json;
use super::bulletin_report::{grade_rows, report, subject, where_and_when};
use super::content::{chinese_instant, printed};
use super::map::Frame;
use super::section_chart::chart;
use super::word::shortened;
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "bulletin.png",
    media_type: "image/png",
    title_zh: "灾情快报（一页图，手机阅读）",
    title_en: "Report of the disaster (one page as a picture)",
    make: Make::Bulletin(Some(MAP), make),
};

/// The map, across the page.
const MAP: Frame = Frame { width_mm: 184.0, height_mm: 90.0, dpi: 160.0 };
/// Dots an inch: 1,323 pixels across, twice what a phone has.
const DPI: f64 = 160.0;
/// Characters of a text that the page has room for.
const MOST_CHARS: usize = 150;
const MOST_CHARS_BESIDE_CHART: usize = 80;

fn make(bulletin: &Bulletin, workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let filing = &bulletin.filing;
    let section = bulletin.sections.iter().find_map(|section| Some((section.name.clone(), chart(section)?)));
    let most = if section.is_some() { MOST_CHARS_BESIDE_CHART } else { MOST_CHARS };
    let (name, chart) = section.unwrap_or_default();
    let data = json!({
        "title": report(bulletin).title,
        "subject": shortened(&subject(bulletin), 30),
        // A draft was not reported yet.
        "issue": if filing.reported.is_empty() { bulletin.issue() } else { format!("{}　{}", bulletin.issue(), chinese_instant(&filing.reported)) },
        "alarm": bulletin.alarm(),
        "unit": filing.unit,
        "where": where_and_when(bulletin),
        "tiles": tiles(bulletin),
        "map": bulletin.map.as_ref().map(|map| map_json(bulletin, map)),
        "chart": chart,
        "chart_title": format!("地面剖面 {name}"),
        "parts": parts(bulletin, most),
        "foot": [
            format!(
                "报送单位：{}　签发人：{}　联系人：{}　{}",
                stated(&filing.unit), stated(&filing.signed_by), stated(&filing.contact), stated(&filing.phone),
            ),
            format!("{}　全文见同期快报 PDF；未报项目未作统计。", bulletin.office.stamp()),
        ],
    });
    let pictures: Vec<(&str, &[u8])> = bulletin.map.iter().map(|map| ("/map.png", map.png.as_slice())).collect();
    workshop.typesetter().png(include_str!("template/bulletin-sheet.typ"), &data, &pictures, DPI)
}

fn tile(name: &str, value: &str, note: &str, strong: bool) -> Value {
    json!({ "name": name, "value": shortened(value, 16), "note": shortened(note, 26), "strong": strong })
}

/// The figures that are asked for first.
fn tiles(bulletin: &Bulletin) -> [Vec<Value>; 2] {
    let losses = &bulletin.losses;
    let some = |count: Option<u64>| count.is_some_and(|count| count > 0);
    let people = |name: &str, count: Option<u64>| tile(name, &counted(count, "人"), "", some(count));
    let households = losses.moved_households.map(|n| format!("{n}户")).unwrap_or_default();
    let mut first = vec![
        people("死亡", losses.dead),
        people("失踪", losses.missing),
        people("受伤", losses.injured),
        tile("紧急转移", &counted(losses.moved_people, "人"), &households, false),
    ];
    if let Some(exposure) = &bulletin.exposure {
        let note = exposure.households.map(|n| format!("{n}户")).unwrap_or_default();
        let value = exposure.people.map_or_else(|| "未统计".to_owned(), |n| format!("{n}人"));
        first.push(tile("受威胁", &value, &note, some(exposure.people)));
    }
    let mut second = Vec::new();
    if let Some(change) = &bulletin.change {
        for (name, moved) in [("流失体积", change.loss), ("堆积体积", change.gain)] {
            if let Some(moved) = moved {
                let note = moved.interval_m3.map_or_else(
                    || "误差未给出".to_owned(),
                    |interval| format!("95%：{}", interval_words(interval).trim_end_matches("立方米")),
                );
                second.push(tile(name, &volume_words(moved.volume_m3), &note, false));
            }
        }
    }
    if let Some(inundation) = &bulletin.inundation
        && let Some([plane_m2, _]) = inundation.area_m2
    {
        let note = inundation.level_m.map(|m| format!("水位{}米", printed(m, 2))).unwrap_or_default();
        second.push(tile("淹没面积", &format!("{}公顷", printed(plane_m2 / 10_000.0, 2)), &note, false));
    }
    for [name, grade, _] in grade_rows(bulletin) {
        let (name, basis) = name.trim_end_matches('）').split_once('（').unwrap_or((name.as_str(), ""));
        second.push(tile(&format!("{name}等级"), &grade, basis, false));
    }
    second.truncate(6);
    [first, second]
}

/// What does not fit into a figure.
fn parts(bulletin: &Bulletin, most: usize) -> Vec<Value> {
    let part = |title: &str, text: &str| json!({ "title": title, "text": shortened(text, most) });
    let mut made = Vec::new();
    let states: Vec<String> = bulletin
        .buildings
        .iter()
        .flat_map(|buildings| &buildings.by_state)
        .filter_map(|row| Some(format!("{}{}栋", row.state, row.buildings?)))
        .collect();
    if !states.is_empty() {
        made.push(part("房屋", &format!("{}。", states.join("，"))));
    }
    if let Some(evacuation) = &bulletin.evacuation {
        let routes = evacuation.routes.iter().map(|route| {
            let km = route.km.map(|km| format!("，{}公里", printed(km, 2))).unwrap_or_default();
            format!("{}至{}{km}", stated(&route.from), stated(&route.shelter))
        });
        let cut = evacuation.cut_off.iter().map(|place| format!("{}道路中断", stated(&place.place)));
        let words: Vec<String> = cut.chain(routes).collect();
        if !words.is_empty() {
            made.push(part("转移", &format!("{}。", words.join("；"))));
        }
    }
    let measures = bulletin.measures.split_whitespace().collect::<Vec<_>>().join(" ");
    made.push(part("已采取措施", if measures.is_empty() { UNSTATED } else { &measures }));
    if let Some(fit) = &bulletin.fit {
        let detection = fit.detection_m.map(|m| format!("检出限{}米（95%）。", printed(m, 2))).unwrap_or_default();
        made.push(part("精度", &format!("{detection}{}", fit.words)));
    }
    made
}
