//! What the report of a review says (规划符合性审查报告): sections and tables made from a dossier, for every form of it.

use serde_json::Value;

use super::content::{Align, Block, Cell, Mark, Report, Table, chinese_date, plain_date, plain_instant};
use super::dossier::{Areas, Check, Dossier, Finding, Source, number_kind_words, opinion_words, verdict_words};
use super::filed_tables;

/// The report of a project.
pub(crate) fn report(dossier: &Dossier) -> Report {
    let mut blocks = vec![Block::Section("项目基本情况"), Block::Facts(facts(dossier))];
    if let Some(check) = &dossier.check {
        blocks.push(Block::Section("审查结论"));
        blocks.extend(conclusion(dossier, check));
        blocks.push(Block::Section("控制线符合性检测"));
        blocks.push(Block::Table(findings_table(check)));
        blocks.push(Block::Table(basis_table(check)));
        blocks.extend(check.not_checked.iter().map(|one| {
            Block::Warning(format!("未检测：{}（{}）", one.title, one.reason_zh.trim_start_matches("未检测：")))
        }));
        if dossier.map.is_some() {
            blocks.extend([Block::Section("用地红线与压占情况图"), Block::Map]);
        }
        let filed = filed_tables::of(check);
        if !filed.is_empty() {
            blocks.push(Block::Section("报批附表"));
            blocks.extend(filed.into_iter().map(Block::Table));
        }
        if !check.indicators.is_empty() {
            blocks.extend([Block::Section("规划指标核查"), Block::Table(indicators_table(check))]);
        }
    } else {
        blocks.push(Block::Section("审查结论"));
        blocks.push(Block::Warning("本项目尚未进行规划符合性检测，本报告不含检测结论。".to_owned()));
        if dossier.map.is_some() {
            blocks.extend([Block::Section("用地红线图"), Block::Map]);
        }
    }
    if !dossier.pictures.is_empty() {
        blocks.push(Block::Section("三维会审附图"));
        blocks.extend((0..dossier.pictures.len()).map(Block::Picture));
    }
    if !dossier.opinions.is_empty() || !dossier.statements.is_empty() {
        blocks.push(Block::Section("部门意见与汇总"));
    }
    if !dossier.opinions.is_empty() {
        blocks.push(Block::Table(opinions_table(dossier)));
    }
    for statement in &dossier.statements {
        blocks.push(Block::Heading(format!("{}（{}，{}）", statement.title, statement.by, plain_date(&statement.at))));
        blocks.extend(statement.text.lines().map(|line| Block::Paragraph(line.to_owned())));
    }
    if !dossier.events.is_empty() {
        blocks.extend([Block::Section("办理过程"), Block::Table(events_table(dossier))]);
    }
    if let Some(check) = &dossier.check {
        blocks.push(Block::Section("数据来源与规则版本"));
        blocks.push(Block::Table(sources_table(&check.sources)));
        blocks.push(Block::Table(rules_table(&check.rule_versions)));
        blocks.push(Block::Paragraph(AREAS_NOTE.to_owned()));
    }
    blocks.push(Block::Seal { unit: dossier.office.unit.clone(), date: chinese_date(&dossier.as_of) });
    Report { title: "建设项目规划符合性审查报告", subject: dossier.project.name.clone(), blocks }
}

/// How areas are to be read.
pub(crate) const AREAS_NOTE: &str = "面积说明：平面面积在2000国家大地坐标系高斯-克吕格投影平面上量算，椭球面积在2000国家大地坐标系参考椭球面上量算；面积四舍五入至0.01平方米，分项与合计经强制调平。法定面积以椭球面积为准。";

/// The tables of the dossier, in the order of the report: what `tables.xlsx` holds.
pub(crate) fn tables(dossier: &Dossier) -> Vec<Table> {
    let mut tables = Vec::new();
    if let Some(check) = &dossier.check {
        tables.extend([findings_table(check), basis_table(check)]);
        tables.extend(filed_tables::of(check));
        if !check.indicators.is_empty() {
            tables.push(indicators_table(check));
        }
    }
    if !dossier.opinions.is_empty() {
        tables.push(opinions_table(dossier));
    }
    if let Some(check) = &dossier.check {
        tables.extend([sources_table(&check.sources), rules_table(&check.rule_versions)]);
    }
    tables
}

/// `68342.17`, or a dash.
pub(crate) fn square_metres(value: Option<f64>) -> String {
    value.map_or_else(|| "—".to_owned(), |value| super::content::printed(value, 2))
}

/// Both areas of the red line in words, with hectares where the result has them.
pub(crate) fn areas_words(areas: &Areas) -> [String; 2] {
    let one = |m2: Option<f64>, ha: Option<f64>| {
        let hectares = ha.map(|ha| format!("（{}公顷）", super::content::printed(ha, 4))).unwrap_or_default();
        format!("{}平方米{hectares}", square_metres(m2))
    };
    [one(areas.plane_m2, areas.plane_ha), one(areas.ellipsoidal_m2, areas.ellipsoidal_ha)]
}

/// The areas that were checked, or those of the red line as it was handed in.
pub(crate) fn areas(dossier: &Dossier) -> Areas {
    let line = dossier.red_line.as_ref();
    let checked = dossier.check.as_ref().map(|check| check.red_line).unwrap_or_default();
    Areas {
        plane_m2: checked.plane_m2.or_else(|| line?.plane_m2),
        ellipsoidal_m2: checked.ellipsoidal_m2.or_else(|| line?.ellipsoidal_m2),
        ..checked
    }
}

fn facts(dossier: &Dossier) -> Vec<(&'static str, String)> {
    let project = &dossier.project;
    let mut facts = vec![
        ("项目名称", project.name.clone()),
        ("项目代码", project.code.clone()),
        ("建设单位", project.applicant.clone()),
        ("用地性质", land_use_words(dossier)),
        ("项目类型", project.kind.clone()),
        ("联系方式", project.contact.clone()),
        ("办理状态", project.state.clone()),
        ("登记日期", plain_date(&project.created)),
    ];
    if let Some(line) = &dossier.red_line {
        let [plane, ellipsoidal] = areas_words(&areas(dossier));
        facts.extend([
            ("平面面积", plane),
            ("椭球面积", ellipsoidal),
            ("坐标系", crs_words(line.crs())),
            ("红线版本", format!("第{}版", line.version)),
            ("红线文件", line.source.name.clone()),
            ("文件指纹", line.source.sha256.clone()),
        ]);
    }
    if let Some(check) = &dossier.check {
        facts.extend([("检测时间", plain_instant(&check.at)), ("检测编号", check.job.clone())]);
    }
    facts.extend(project.numbers.iter().map(|given| {
        ("批文证号", format!("{} {}（{}）", number_kind_words(&given.kind), given.number, plain_date(&given.date)))
    }));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// Code, name and code system of the planned use.
pub(crate) fn land_use_words(dossier: &Dossier) -> String {
    let land_use = &dossier.project.land_use;
    let words = [land_use.code.as_str(), land_use.name.as_str()].into_iter().filter(|s| !s.is_empty());
    let words = words.collect::<Vec<_>>().join(" ");
    if land_use.system.is_empty() || words.is_empty() { words } else { format!("{words}（{}）", land_use.system) }
}

/// The CRS in the words of a map's margin.
pub(crate) fn crs_words(crs: &str) -> String {
    let Some((zone, _)) = geodesy::Crs::from_user_input(crs).ok().and_then(|crs| crs.gauss_kruger()) else {
        return crs.to_owned();
    };
    let width = match zone.width() {
        geodesy::gauss_kruger::ZoneWidth::Three => "3",
        geodesy::gauss_kruger::ZoneWidth::Six => "6",
    };
    format!(
        "2000国家大地坐标系，高斯-克吕格投影{width}度带第{}带，中央经线{}°（{crs}）",
        zone.number(),
        zone.central_meridian_deg()
    )
}

fn conclusion(dossier: &Dossier, check: &Check) -> Vec<Block> {
    let count = |verdict: &str| check.checks.iter().filter(|finding| finding.verdict == verdict).count();
    let (failed, conditional, passed) = (count("fail"), count("conditional"), count("pass"));
    let others = [("提示", count("note")), ("未检测", count("not_checked"))];
    #[expect(clippy::format_collect, reason = "three of them")]
    let others: String = others.iter().filter(|(_, n)| *n > 0).map(|(words, n)| format!("，{words}{n}项")).collect();
    let [plane, ellipsoidal] = areas_words(&areas(dossier));
    let opening = format!(
        "经对“{}”拟用地红线（平面面积{plane}，椭球面积{ellipsoidal}）逐项检测，共检测{}项：通过{passed}项，有条件{conditional}项，不通过{failed}项{others}。",
        dossier.project.name,
        check.checks.len(),
    );
    let verdict = format!("总体结论：{}。", overall_words(&check.verdict));
    let mut blocks = vec![Block::Paragraph(opening)];
    blocks.push(if check.verdict == "pass" { Block::Paragraph(verdict) } else { Block::Warning(verdict) });
    let conflicts = check.checks.iter().filter(|finding| is_conflict(finding));
    blocks.extend(conflicts.enumerate().map(|(number, finding)| {
        let words = if finding.message_zh.is_empty() { &finding.title } else { &finding.message_zh };
        let line = format!("（{}）{}", number + 1, words);
        if finding.verdict == "fail" { Block::Warning(line) } else { Block::Paragraph(line) }
    }));
    blocks
}

/// The verdict of a whole check in words.
pub(crate) fn overall_words(verdict: &str) -> &str {
    match verdict {
        "pass" => "符合规划管控要求，通过",
        "conditional" => "有条件通过，应落实下列条件",
        "fail" => "不符合规划管控要求，不通过",
        "incomplete" => "检测不完整，不能作为审查依据",
        other => other,
    }
}

/// Whether a finding is one to be shown in the conclusion and on the map.
pub(crate) fn is_conflict(finding: &Finding) -> bool {
    matches!(finding.verdict.as_str(), "fail" | "conditional")
}

fn mark_of(verdict: &str) -> Mark {
    if verdict == "fail" { Mark::Conflict } else { Mark::Plain }
}

fn percent(share: Option<f64>) -> Cell {
    Cell::number(share.map(|share| share * 100.0), 2)
}

/// A figure that the rule does not have, said as such.
fn or_dash(cell: Cell) -> Cell {
    if cell.text().is_empty() { Cell::from("—") } else { cell }
}

fn findings_table(check: &Check) -> Table {
    let mut table = Table::new(
        "控制线检测结果表",
        "单位：平方米",
        &[
            ("序号", 0.7, Align::Center),
            ("检测项", 3.0, Align::Left),
            ("平面面积", 1.6, Align::Right),
            ("椭球面积", 1.6, Align::Right),
            ("占红线\n（%）", 1.1, Align::Right),
            ("处数", 0.8, Align::Right),
            ("最近距离\n（米）", 1.3, Align::Right),
            ("结论", 1.2, Align::Center),
        ],
    );
    for (number, finding) in check.checks.iter().enumerate() {
        let (title, breach) = finding.breach();
        table.push(
            vec![
                Cell::from((number + 1).to_string()),
                Cell::from(title),
                or_dash(Cell::number(breach.areas.plane_m2, 2)),
                or_dash(Cell::number(breach.areas.ellipsoidal_m2, 2)),
                or_dash(percent(breach.share)),
                or_dash(Cell::number(breach.pieces.map(|pieces| pieces as f64), 0)),
                or_dash(Cell::number(finding.distance_m, 2)),
                verdict_words(&finding.verdict).into(),
            ],
            mark_of(&finding.verdict),
        );
    }
    table
}

fn basis_table(check: &Check) -> Table {
    let mut table = Table::new(
        "检测依据与说明",
        "",
        &[
            ("序号", 0.7, Align::Center),
            ("检测项", 1.8, Align::Left),
            ("法定依据", 3.0, Align::Left),
            ("说明", 3.4, Align::Left),
            ("结论", 0.9, Align::Center),
        ],
    );
    for (number, finding) in check.checks.iter().enumerate() {
        let exemption = finding.exemption_words();
        let ground = if exemption.is_empty() { String::new() } else { format!("\n适用情形：{exemption}") };
        table.push(
            vec![
                Cell::from((number + 1).to_string()),
                Cell::from(&finding.title),
                Cell::from(&finding.legal_basis),
                Cell::from(format!("{}{ground}", finding.message_zh)),
                verdict_words(&finding.verdict).into(),
            ],
            mark_of(&finding.verdict),
        );
    }
    table
}

fn indicators_table(check: &Check) -> Table {
    let mut table = Table::new(
        "规划指标核查表",
        "",
        &[
            ("指标", 1.6, Align::Left),
            ("控规地块", 1.6, Align::Center),
            ("控规要求", 1.6, Align::Center),
            ("项目指标", 1.6, Align::Center),
            ("结论", 1.2, Align::Center),
            ("说明", 3.0, Align::Left),
        ],
    );
    for indicator in &check.indicators {
        let title = if indicator.title.is_empty() { &indicator.name } else { &indicator.title };
        table.push(
            vec![
                title.into(),
                Cell::from(&indicator.parcel),
                Cell::from(plain(&indicator.limit)),
                Cell::from(
                    Some(plain(&indicator.value)).filter(|own| !own.is_empty()).unwrap_or_else(|| "未填报".to_owned()),
                ),
                verdict_words(&indicator.verdict).into(),
                Cell::from(&indicator.message_zh),
            ],
            mark_of(&indicator.verdict),
        );
    }
    table
}

/// The opinions, as a table.
pub(crate) fn opinions_table(dossier: &Dossier) -> Table {
    let mut table = Table::new(
        "部门意见汇总表",
        "",
        &[
            ("部门", 1.7, Align::Left),
            ("意见", 1.1, Align::Center),
            ("具体内容", 3.8, Align::Left),
            ("经办人", 1.0, Align::Center),
            ("负责人", 1.0, Align::Center),
            ("日期", 1.5, Align::Center),
        ],
    );
    for opinion in &dossier.opinions {
        let waiting = opinion.verdict.is_empty();
        let date = if waiting && !opinion.due.is_empty() {
            format!("期限 {}", plain_date(&opinion.due))
        } else {
            plain_date(&opinion.signed)
        };
        let mark = if opinion.verdict == "disagree" { Mark::Conflict } else { Mark::Plain };
        table.push(
            vec![
                Cell::from(&opinion.unit),
                opinion_words(&opinion.verdict).into(),
                Cell::from(&opinion.text),
                Cell::from(&opinion.officer),
                Cell::from(&opinion.head),
                Cell::from(date),
            ],
            mark,
        );
    }
    table
}

fn events_table(dossier: &Dossier) -> Table {
    let mut table = Table::new(
        "办理过程记录",
        "",
        &[
            ("时间", 2.1, Align::Center),
            ("步骤", 1.5, Align::Center),
            ("单位", 1.8, Align::Left),
            ("办理人", 1.0, Align::Center),
            ("内容", 3.6, Align::Left),
        ],
    );
    for event in &dossier.events {
        table.push(
            vec![
                Cell::from(plain_instant(&event.at)),
                Cell::from(&event.action),
                Cell::from(&event.unit),
                Cell::from(&event.by),
                Cell::from(&event.text),
            ],
            Mark::Plain,
        );
    }
    table
}

/// What was read.
pub(crate) fn sources_table(sources: &[Source]) -> Table {
    let mut table = Table::new(
        "数据来源",
        "",
        &[
            ("数据集", 2.2, Align::Left),
            ("标识", 1.8, Align::Left),
            ("版本", 3.0, Align::Left),
            ("现势时间", 1.4, Align::Center),
            ("分类体系", 1.9, Align::Center),
        ],
    );
    for source in sources {
        let name = if source.title.is_empty() { &source.role } else { &source.title };
        table.push(
            vec![
                name.into(),
                Cell::from(&source.dataset),
                Cell::from(&source.revision),
                Cell::from(plain_date(&source.valid_from)),
                Cell::from(&source.code_system),
            ],
            Mark::Plain,
        );
    }
    table
}

/// Which rules held.
pub(crate) fn rules_table(versions: &Value) -> Table {
    let mut table = Table::new("规则版本", "", &[("规则文件", 3.0, Align::Left), ("版本", 3.0, Align::Left)]);
    for (name, version) in rule_versions(versions) {
        table.push(vec![name.into(), version.into()], Mark::Plain);
    }
    table
}

/// Names and versions of rule documents, from an object of versions or a list of objects.
pub(crate) fn rule_versions(value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Object(versions) => versions.iter().map(|(name, version)| (name.clone(), plain(version))).collect(),
        Value::Array(list) => list
            .iter()
            .map(|one| {
                let field = |keys: [&str; 2]| keys.iter().find_map(|key| one.get(key)).map(plain).unwrap_or_default();
                (field(["title", "name"]), field(["version", "version"]))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A value as text, without the quotes of JSON; nothing for null.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
