//! What a 灾情快报 says, before it is PDF, DOCX or a worksheet: the sections in the order that a county files them.
//!
//! Figures are printed with their unit and, where there is one, their error. 规模 (by volume), 险情 (by people and property)
//! and 灾情 (by deaths and loss) are three gradings and stand apart.

use super::bulletin::{
    Bulletin, Change, EMERGENCY_REFERENCE, Evacuation, Exposure, Inundation, Losses, Moved, StateCount, UNSTATED,
    counted, interval_words, measured, stated, volume_words,
};
use super::bulletin_accuracy::{accuracy, coordinates};
use super::content::{Align, Block, Cell, Mark, Report, Table, chinese_instant, plain_instant, printed};

/// What a grade says that nobody has reckoned.
const UNGRADED: &str = "未定级";

/// Title of the table of grades.
const GRADES: &str = "分级情况表";

/// The report.
pub(super) fn report(bulletin: &Bulletin) -> Report {
    let mut blocks = vec![Block::Section("基本情况")];
    basics(bulletin, &mut blocks);
    blocks.push(Block::Section("灾害体变化"));
    change(bulletin, &mut blocks);
    blocks.push(Block::Section("受威胁对象与损失"));
    blocks.push(Block::Heading("（一）人员伤亡与财产损失".to_owned()));
    blocks.push(Block::Facts(loss_facts(&bulletin.losses)));
    buildings(bulletin, &mut blocks);
    exposure(bulletin, &mut blocks);
    if let Some(inundation) = &bulletin.inundation {
        flooded(inundation, &mut blocks);
    }
    blocks.push(Block::Table(grades(bulletin)));
    blocks.push(Block::Section("已采取措施"));
    let measures = stated(&bulletin.measures);
    blocks.extend(
        measures.lines().filter(|line| !line.trim().is_empty()).map(|line| Block::Paragraph(line.trim().to_owned())),
    );
    if let Some(evacuation) = &bulletin.evacuation {
        evacuated(evacuation, &mut blocks);
    }
    blocks.push(Block::Section("精度与数据说明"));
    accuracy(bulletin, &mut blocks);
    enclosed(bulletin, &mut blocks);
    // Nobody has signed a draft.
    if bulletin.filing.red_head {
        blocks.push(Block::Seal {
            unit: stated(&bulletin.filing.unit),
            date: chinese_instant(&stated(&bulletin.filing.reported)),
        });
    }
    Report { title: bulletin.title(), subject: subject(bulletin), blocks }
}

/// Its tables; grades only where somebody graded.
pub(super) fn tables(bulletin: &Bulletin) -> Vec<Table> {
    let is_graded = grade_rows(bulletin).iter().any(|[_, grade, _]| grade != UNGRADED);
    report(bulletin)
        .blocks
        .into_iter()
        .filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
        .filter(|table| is_graded || table.title != GRADES)
        .collect()
}

/// What it is about.
pub(super) fn subject(bulletin: &Bulletin) -> String {
    let event = &bulletin.event;
    if event.name.is_empty() { format!("{}{}", bulletin.place(), event.hazard) } else { event.name.clone() }
}

/// When and where, in a sentence without its full stop.
pub(super) fn where_and_when(bulletin: &Bulletin) -> String {
    let event = &bulletin.event;
    let place = stated(&bulletin.place());
    let at = event.lon_lat_deg.map(|at| format!("（{}）", coordinates(at))).unwrap_or_default();
    let when =
        if event.occurred.is_empty() { "发生时间未报".to_owned() } else { chinese_instant(&event.occurred) };
    let hazard = if event.hazard.is_empty() { "灾害" } else { &event.hazard };
    format!("{when}，{place}{at}发生{hazard}")
}

/// Casualties in a sentence without its full stop.
fn casualties(losses: &Losses) -> String {
    let moved = match (losses.moved_people, losses.moved_households) {
        (None, None) => UNSTATED.to_owned(),
        (people, households) => {
            format!("{}、{}", counted_or(households, "户", "户数"), counted_or(people, "人", "人数"))
        }
    };
    format!(
        "死亡{}，失踪{}，受伤{}，紧急转移{moved}，直接经济损失{}",
        counted(losses.dead, "人"),
        counted(losses.missing, "人"),
        counted(losses.injured, "人"),
        measured(losses.direct_wan_yuan, 2, "万元"),
    )
}

/// `24户`, or `户数未报`.
fn counted_or(count: Option<u64>, unit: &str, what: &str) -> String {
    count.map_or_else(|| format!("{what}{UNSTATED}"), |count| format!("{count}{unit}"))
}

fn basics(bulletin: &Bulletin, blocks: &mut Vec<Block>) {
    let (event, filing) = (&bulletin.event, &bulletin.filing);
    let as_of = if filing.reported.is_empty() {
        String::new()
    } else {
        format!("截至{}，", chinese_instant(&filing.reported))
    };
    blocks.push(Block::Paragraph(format!("{}。{as_of}{}。", where_and_when(bulletin), casualties(&bulletin.losses))));
    if bulletin.is_emergency_reference {
        blocks.push(Block::Warning(format!(
            "{EMERGENCY_REFERENCE}：两期数据按稳定地面归算后得出，体积、面积等数字只供应急处置参考，不作为勘查、理赔和统计依据。"
        )));
    }
    blocks.push(Block::Facts(vec![
        ("灾害名称", stated(&event.name)),
        ("灾　　种", stated(&event.hazard)),
        ("发生时间", plain_instant(&stated(&event.occurred))),
        ("发生地点", stated(&bulletin.place())),
        ("坐　　标", event.lon_lat_deg.map_or_else(|| UNSTATED.to_owned(), coordinates)),
        ("报告类型", bulletin.issue()),
        ("报送时间", plain_instant(&stated(&filing.reported))),
        ("报送单位", stated(&filing.unit)),
        ("签 发 人", stated(&filing.signed_by)),
        ("联 系 人", stated(&filing.contact)),
        ("联系电话", stated(&filing.phone)),
    ]));
}

/// 灾害体变化.
fn change(bulletin: &Bulletin, blocks: &mut Vec<Block>) {
    let Some(change) = &bulletin.change else {
        blocks.push(Block::Paragraph("未量算：没有可用的灾前、灾后高程数据，或尚未提交量算。".to_owned()));
        return;
    };
    if let Some(estimate) = &change.estimate {
        let area = estimate.area_m2.map_or_else(|| "面积未给出".to_owned(), area_words);
        let range = estimate.range_m3.map_or_else(String::new, |range| {
            format!("按面积经验关系粗估为{}，仅供研判，不作为体积成果。", interval_words(range))
        });
        blocks.push(Block::Paragraph(format!(
            "仅有灾后数据，没有灾前高程，变化深度与体积未知，规模不能判定。圈定范围{area}。{range}{}",
            estimate.words
        )));
        return;
    }
    blocks.push(Block::Paragraph(change_words(bulletin, change)));
    let mut table = Table::new(
        "变化量表",
        "",
        &[
            ("项目", 1.1, Align::Center),
            ("体积\n（立方米）", 1.2, Align::Right),
            ("95%置信区间\n（立方米）", 2.2, Align::Center),
            ("面积\n（平方米）", 1.2, Align::Right),
            ("平均厚度\n（米）", 0.9, Align::Right),
            ("最大厚度\n（米）", 0.9, Align::Right),
            ("其中边缘\n未检出\n（立方米）", 1.1, Align::Right),
        ],
    );
    for (name, moved) in [("流失", change.loss), ("堆积", change.gain), ("净变化", change.net)] {
        let Some(moved) = moved else { continue };
        let interval = moved
            .interval_m3
            .map_or_else(|| "未给出".to_owned(), |[low, high]| format!("{}～{}", printed(low, 0), printed(high, 0)));
        table.push(
            vec![
                name.into(),
                Cell::number(Some(moved.volume_m3), 0),
                interval.into(),
                dash(moved.area_m2, 0),
                dash(moved.mean_m, 2),
                dash(moved.greatest_m, 2),
                dash(moved.edge_m3, 0),
            ],
            if name == "净变化" { Mark::Total } else { Mark::Plain },
        );
    }
    table.notes.push(format!(
        "流失为后期低于前期，堆积为后期高于前期；面积为检出像元面积。{}",
        bulletin.fit.as_ref().and_then(|fit| fit.detection_m).map_or_else(String::new, |m| {
            format!("高差绝对值不大于检出限{}米的不计为变化，边缘薄层体积已计入区间上限。", printed(m, 2))
        })
    ));
    blocks.push(Block::Table(table));
}

/// A number, or a dash where it has no meaning.
fn dash(value: Option<f64>, decimals: u8) -> Cell {
    value.filter(|value| value.is_finite()).map_or_else(|| Cell::from("—"), |value| Cell::Number(value, decimals))
}

fn change_words(bulletin: &Bulletin, change: &Change) -> String {
    let days: Vec<&str> = bulletin.surveys.iter().map(|survey| survey.day.as_str()).collect();
    let surveys = match days.as_slice() {
        [before, after] if !before.is_empty() && !after.is_empty() => format!("{before}与{after}两期高程逐像元比较，"),
        _ => "两期高程逐像元比较，".to_owned(),
    };
    let moved = |name: &str, moved: Option<Moved>| moved.map(|moved| format!("{name}{}", moved_words(&moved)));
    let mut parts: Vec<String> =
        [moved("流失", change.loss), moved("堆积", change.gain)].into_iter().flatten().collect();
    if let Some([distance, drop]) = change.travel_m {
        parts.push(format!("主体重心水平移动约{}米、下降约{}米", printed(distance, 0), printed(drop, 0)));
    }
    let places = match change.places {
        Some(0) => return format!("{surveys}未发现超过检出限的变化。"),
        Some(places) => format!("共圈定变化区{places}处"),
        None => "圈定变化区".to_owned(),
    };
    let largest = change.largest_m2.map(|m2| format!("，最大一处{}", area_words(m2))).unwrap_or_default();
    let scale = if change.scale.is_empty() {
        String::new()
    } else {
        format!("按体积，规模为{}（与险情、灾情等级无关）。", change.scale)
    };
    format!("{surveys}{places}{largest}。{}。{scale}", parts.join("；"))
}

fn moved_words(moved: &Moved) -> String {
    let interval = moved
        .interval_m3
        .map_or_else(|| "（误差未给出）".to_owned(), |interval| format!("（95%置信区间{}）", interval_words(interval)));
    let depth = match (moved.mean_m, moved.greatest_m) {
        (Some(mean), Some(greatest)) => format!("，平均厚{}米、最大厚{}米", printed(mean, 2), printed(greatest, 2)),
        _ => String::new(),
    };
    format!("体积{}{interval}{depth}", volume_words(moved.volume_m3))
}

/// Both areas, as everywhere here.
fn area_words([plane, ellipsoidal]: [f64; 2]) -> String {
    format!("平面面积{}平方米、椭球面积{}平方米", printed(plane, 0), printed(ellipsoidal, 0))
}

fn loss_facts(losses: &Losses) -> Vec<(&'static str, String)> {
    vec![
        ("死　　亡", counted(losses.dead, "人")),
        ("失　　踪", counted(losses.missing, "人")),
        ("受　　伤", counted(losses.injured, "人")),
        ("紧急转移人数", counted(losses.moved_people, "人")),
        ("紧急转移户数", counted(losses.moved_households, "户")),
        ("直接经济损失", measured(losses.direct_wan_yuan, 2, "万元")),
    ]
}

/// A table of buildings, households and people; its rows add up where all are known.
fn count_table(title: &'static str, first: &'static str, rows: &[StateCount]) -> Table {
    let mut table = Table::new(
        title,
        "",
        &[
            (first, 1.6, Align::Center),
            ("房屋\n（栋）", 1.0, Align::Right),
            ("户数\n（户）", 1.0, Align::Right),
            ("人口\n（人）", 1.0, Align::Right),
        ],
    );
    let columns: [fn(&StateCount) -> Option<u64>; 3] = [|row| row.buildings, |row| row.households, |row| row.people];
    let cell = |count: Option<u64>| count.map_or_else(|| Cell::from(UNSTATED), |n| Cell::Number(n as f64, 0));
    for row in rows {
        let name = if row.state.is_empty() { "用途不明" } else { &row.state };
        let mut cells = vec![Cell::from(name)];
        cells.extend(columns.map(|of| cell(of(row))));
        table.push(cells, Mark::Plain);
    }
    if rows.len() > 1 {
        let sum = |of: fn(&StateCount) -> Option<u64>| rows.iter().map(of).sum::<Option<u64>>();
        let mut cells = vec![Cell::from("合计")];
        cells.extend(columns.map(|of| cell(sum(of))));
        table.push(cells, Mark::Total);
    }
    table
}

fn buildings(bulletin: &Bulletin, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("（二）房屋受损".to_owned()));
    let Some(buildings) = &bulletin.buildings else {
        blocks.push(Block::Paragraph("未判定：没有房屋台账，或没有可用的两期高程数据。".to_owned()));
        return;
    };
    if buildings.by_state.is_empty() {
        blocks.push(Block::Paragraph("核查范围内未发现受损房屋。".to_owned()));
        return;
    }
    let mut table = count_table("房屋受损情况表", "状态", &buildings.by_state);
    let by_hand =
        buildings.list.iter().filter(|one| !one.found_state.is_empty() && one.found_state != one.state).count();
    table.notes.push("状态由两期地面高差与房屋轮廓判定，户数、人口取自房屋台账。".to_owned());
    if by_hand > 0 {
        table.notes.push(format!("其中{by_hand}栋经现场核实由人工改定，理由见附表。"));
    }
    blocks.push(Block::Table(table));
}

fn exposure(bulletin: &Bulletin, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("（三）受威胁对象".to_owned()));
    let Some(exposure) = &bulletin.exposure else {
        blocks.push(Block::Paragraph("未分析受威胁对象。".to_owned()));
        return;
    };
    let of_register = |count: Option<u64>, unit: &str, what: &str| {
        count.map_or_else(|| format!("{what}未统计"), |count| format!("{what}{count}{unit}"))
    };
    let property = exposure
        .property_wan_yuan
        .map(|value| format!("，受威胁财产{}万元（估算）", printed(value, 2)))
        .unwrap_or_default();
    blocks.push(Block::Paragraph(format!(
        "{}内，{}、{}、{}{property}。",
        if exposure.area.is_empty() { "核查范围" } else { &exposure.area },
        of_register(exposure.people, "人", "受威胁人口"),
        of_register(exposure.households, "户", "户数"),
        of_register(exposure.buildings, "栋", "房屋"),
    )));
    for missing in &exposure.missing {
        blocks.push(Block::Warning(missing.clone()));
    }
    if !exposure.by_use.is_empty() {
        blocks.push(Block::Table(count_table("受威胁房屋用途表", "用途", &exposure.by_use)));
    }
    if !exposure.roads_km.is_empty() {
        let mut table =
            Table::new("受威胁道路表", "", &[("道路等级", 2.0, Align::Center), ("长度\n（公里）", 1.0, Align::Right)]);
        for (class, km) in &exposure.roads_km {
            table.push(vec![class.into(), Cell::number(Some(*km), 3)], Mark::Plain);
        }
        if exposure.roads_km.len() > 1 {
            let sum = table.sum(1, 3);
            table.push(vec!["合计".into(), Cell::number(sum, 3)], Mark::Total);
        }
        blocks.push(Block::Table(table));
    }
    if !exposure.facilities.is_empty() {
        let words: Vec<String> = exposure
            .facilities
            .iter()
            .map(|(kind, name)| if kind.is_empty() { name.clone() } else { format!("{name}（{kind}）") })
            .collect();
        blocks.push(Block::Paragraph(format!("重要设施{}处：{}。", words.len(), words.join("、"))));
    }
    if !exposure.zones.is_empty() {
        blocks.push(Block::Table(zone_table(exposure)));
    }
}

/// Control lines and plan zones.
pub(super) fn zone_table(exposure: &Exposure) -> Table {
    let mut table = Table::new(
        "涉及控制线与规划分区表",
        "",
        &[
            ("名称", 2.4, Align::Left),
            ("平面面积\n（平方米）", 1.2, Align::Right),
            ("椭球面积\n（平方米）", 1.2, Align::Right),
        ],
    );
    for (title, areas) in &exposure.zones {
        let [plane, ellipsoidal] = areas.map(|m2| dash(m2, 2));
        table.push(vec![title.into(), plane, ellipsoidal], Mark::Plain);
    }
    table
}

fn flooded(inundation: &Inundation, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("（四）淹没情况".to_owned()));
    let metres = |what: &str, value: Option<f64>| value.map(|m| format!("{what}{}米", printed(m, 2)));
    let counts = [
        ("受影响人口", inundation.struck.people, "人"),
        ("户数", inundation.struck.households, "户"),
        ("房屋", inundation.struck.buildings, "栋"),
    ];
    let mut words: Vec<String> = [
        metres("水位", inundation.level_m),
        inundation.area_m2.map(|m2| format!("淹没{}", area_words(m2))),
        inundation.volume_m3.map(|m3| format!("水量{}", volume_words(m3))),
        metres("最大水深", inundation.greatest_m),
    ]
    .into_iter()
    .flatten()
    .collect();
    words.extend(counts.into_iter().filter_map(|(what, count, unit)| Some(format!("{what}{}{unit}", count?))));
    words.extend(inundation.roads_km.map(|km| format!("中断道路{}公里", printed(km, 3))));
    let scenario = if inundation.scenario.is_empty() { String::new() } else { format!("{}：", inundation.scenario) };
    let words = if words.is_empty() { "未给出淹没数字".to_owned() } else { words.join("，") };
    blocks.push(Block::Paragraph(format!(
        "{scenario}{words}。为地形推算结果，水面按静止水平计，误差取决于高程数据，以实测水位为准。{}",
        inundation.words
    )));
    let count = |count: Option<u64>| dash(count.map(|n| n as f64), 0);
    if !inundation.depths.is_empty() {
        let mut table = Table::new(
            "淹没水深分级表",
            "",
            &[
                ("水深", 1.4, Align::Center),
                ("平面面积\n（平方米）", 1.2, Align::Right),
                ("椭球面积\n（平方米）", 1.2, Align::Right),
                ("房屋\n（栋）", 0.8, Align::Right),
                ("户数\n（户）", 0.8, Align::Right),
                ("人口\n（人）", 0.8, Align::Right),
            ],
        );
        for depth in &inundation.depths {
            let struck = &depth.struck;
            let [plane, ellipsoidal] = depth.area_m2.map(|m2| dash(m2, 0));
            let [buildings, households, people] = [struck.buildings, struck.households, struck.people].map(count);
            table.push(vec![Cell::from(&struck.state), plane, ellipsoidal, buildings, households, people], Mark::Plain);
        }
        blocks.push(Block::Table(table));
    }
    if !inundation.lake.is_empty() {
        let mut table = Table::new(
            "壅水水位、库容与受淹人口表",
            "",
            &[
                ("水位\n（米）", 1.0, Align::Right),
                ("水面面积\n（平方米）", 1.2, Align::Right),
                ("库容\n（立方米）", 1.2, Align::Right),
                ("受淹人口\n（人）", 1.0, Align::Right),
            ],
        );
        for step in &inundation.lake {
            table.push(
                vec![
                    Cell::number(Some(step.level_m), 2),
                    dash(step.area_m2, 0),
                    dash(step.volume_m3, 0),
                    count(step.people),
                ],
                Mark::Plain,
            );
        }
        blocks.push(Block::Table(table));
    }
}

/// The three gradings, each with what it follows from.
pub(super) fn grade_rows(bulletin: &Bulletin) -> [[String; 3]; 3] {
    let exposure = bulletin.exposure.clone().unwrap_or_default();
    let losses = &bulletin.losses;
    let scale = bulletin.change.as_ref().map(|change| change.scale.clone()).unwrap_or_default();
    let volume = bulletin.change.as_ref().and_then(|change| {
        let moved = [change.loss, change.gain].into_iter().flatten();
        moved.map(|moved| moved.volume_m3).max_by(f64::total_cmp)
    });
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let threatened = match (exposure.people, exposure.property_wan_yuan) {
        (None, None) => "受威胁人数、财产未统计".to_owned(),
        (people, property) => format!(
            "受威胁{}，财产{}",
            people.map_or_else(|| "人数未统计".to_owned(), |n| format!("{n}人")),
            property.map_or_else(|| "未估算".to_owned(), |value| format!("{}万元", printed(value, 2)))
        ),
    };
    let lost =
        format!("死亡{}，直接经济损失{}", counted(losses.dead, "人"), measured(losses.direct_wan_yuan, 2, "万元"));
    [
        [
            "规模（按体积）".to_owned(),
            or(&scale, UNGRADED),
            volume.map_or_else(|| "体积未量算".to_owned(), |m3| format!("主体体积{}", volume_words(m3))),
        ],
        [
            "险情（按受威胁人数、财产）".to_owned(),
            or(&exposure.danger.name, UNGRADED),
            or(&exposure.danger.basis, &threatened),
        ],
        [
            "灾情（按死亡人数、直接经济损失）".to_owned(),
            or(&exposure.disaster.name, UNGRADED),
            or(&exposure.disaster.basis, &lost),
        ],
    ]
}

fn grades(bulletin: &Bulletin) -> Table {
    let mut table = Table::new(
        GRADES,
        "",
        &[("分级", 2.0, Align::Center), ("等级", 0.9, Align::Center), ("依据", 3.0, Align::Left)],
    );
    for row in grade_rows(bulletin) {
        table.push(row.into_iter().map(Cell::from).collect(), Mark::Plain);
    }
    table
        .notes
        .push("三项分级依据不同，分别使用，不得相互替代；等级由软件按所列依据推定，以主管部门认定为准。".to_owned());
    table
}

fn evacuated(evacuation: &Evacuation, blocks: &mut Vec<Block>) {
    if !evacuation.routes.is_empty() {
        let mut table = Table::new(
            "转移路线表",
            "",
            &[
                ("出发地", 1.6, Align::Left),
                ("避险场所", 1.8, Align::Left),
                ("转移人数\n（人）", 0.9, Align::Right),
                ("路程\n（公里）", 0.9, Align::Right),
                (if evacuation.on_foot { "步行时间\n（分钟）" } else { "行车时间\n（分钟）" }, 0.9, Align::Right),
            ],
        );
        for route in &evacuation.routes {
            table.push(
                vec![
                    Cell::from(&route.from),
                    Cell::from(&route.shelter),
                    dash(route.people.map(|n| n as f64), 0),
                    dash(route.km, 2),
                    dash(route.minutes, 0),
                ],
                Mark::Plain,
            );
        }
        table.notes.push("路线已避开灾害范围与中断道路，为建议路线，以现场通行条件为准。".to_owned());
        blocks.push(Block::Table(table));
    }
    if !evacuation.shelters.is_empty() {
        let mut table = Table::new(
            "避险场所表",
            "",
            &[
                ("名称", 2.0, Align::Left),
                ("容量\n（人）", 0.9, Align::Right),
                ("拟安置\n（人）", 0.9, Align::Right),
                ("状态", 1.6, Align::Center),
            ],
        );
        for shelter in &evacuation.shelters {
            let [capacity, assigned] = [shelter.capacity, shelter.assigned].map(|n| dash(n.map(|n| n as f64), 0));
            table.push(vec![Cell::from(&shelter.name), capacity, assigned, Cell::from(&shelter.state)], Mark::Plain);
        }
        blocks.push(Block::Table(table));
    }
    for cut_off in &evacuation.cut_off {
        blocks.push(Block::Warning(format!(
            "{}道路中断，{}、{}无法由道路转移，需另行组织接应。",
            stated(&cut_off.place),
            counted_or(cut_off.households, "户", "户数"),
            counted_or(cut_off.people, "人", "人数"),
        )));
    }
}

/// 附图附表.
fn enclosed(bulletin: &Bulletin, blocks: &mut Vec<Block>) {
    let tables = [building_list(bulletin), household_list(bulletin)];
    let pictures = super::bulletin_pdf::drawn(bulletin).len();
    if bulletin.map.is_none() && pictures == 0 && tables.iter().all(Option::is_none) {
        return;
    }
    blocks.push(Block::Section("附图附表"));
    if bulletin.map.is_some() {
        blocks.push(Block::Map);
    }
    blocks.extend((0..pictures).map(Block::Picture));
    blocks.extend(tables.into_iter().flatten().map(Block::Table));
}

/// Buildings one by one.
pub(super) fn building_list(bulletin: &Bulletin) -> Option<Table> {
    let list = &bulletin.buildings.as_ref()?.list;
    list.first()?;
    let mut table = Table::new(
        "受损房屋清单",
        "",
        &[
            ("房屋编号", 2.1, Align::Center),
            ("村", 1.1, Align::Center),
            ("用途", 1.0, Align::Center),
            ("状态", 0.8, Align::Center),
            ("户数\n（户）", 0.6, Align::Right),
            ("人口\n（人）", 0.6, Align::Right),
            ("依据或改定理由", 2.6, Align::Left),
        ],
    );
    for one in list {
        let by_hand = !one.found_state.is_empty() && one.found_state != one.state;
        let reason = if by_hand {
            format!("判定为{}，人工改定为{}。{}", one.found_state, one.state, one.reason)
        } else {
            one.reason.clone()
        };
        let [households, people] = [one.households, one.people].map(|n| dash(n.map(|n| n as f64), 0));
        table.push(
            vec![
                Cell::from(&one.number),
                Cell::from(&one.village),
                Cell::from(&one.purpose),
                Cell::from(&one.state),
                households,
                people,
                reason.into(),
            ],
            Mark::Plain,
        );
    }
    Some(table)
}

/// Households one by one, as the reader may see them.
pub(super) fn household_list(bulletin: &Bulletin) -> Option<Table> {
    let list = &bulletin.exposure.as_ref()?.list;
    list.first()?;
    let mut table = Table::new(
        "受威胁住户清单",
        "",
        &[
            ("房屋编号", 2.1, Align::Center),
            ("村", 1.2, Align::Center),
            ("户主", 1.0, Align::Center),
            ("联系电话", 1.4, Align::Center),
            ("用途", 1.0, Align::Center),
            ("户数\n（户）", 0.6, Align::Right),
            ("人口\n（人）", 0.6, Align::Right),
        ],
    );
    for one in list {
        let [households, people] = [one.households, one.people].map(|n| dash(n.map(|n| n as f64), 0));
        table.push(
            vec![
                Cell::from(&one.number),
                Cell::from(&one.village),
                Cell::from(&one.head),
                Cell::from(&one.phone),
                Cell::from(&one.purpose),
                households,
                people,
            ],
            Mark::Plain,
        );
    }
    table.notes.push("户主姓名、电话按查阅权限显示或隐去。".to_owned());
    Some(table)
}
