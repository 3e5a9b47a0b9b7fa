//! 精度与数据说明 of a 灾情快报: which surveys, how well they fit, what cannot be told from no change, which rules.

use super::bulletin::{Bulletin, Fit};
use super::content::{Align, Block, Cell, Mark, Table, printed};

/// A hectare in square metres.
const M2_PER_HA: f64 = 10_000.0;

/// Longitude and latitude in degrees, to a tenth of a metre.
pub(super) fn coordinates([lon, lat]: [f64; 2]) -> String {
    let side = |value: f64, positive: &str, negative: &str| {
        format!("{}{}°", if value < 0.0 { negative } else { positive }, printed(value.abs(), 6))
    };
    format!("{}，{}", side(lon, "东经", "西经"), side(lat, "北纬", "南纬"))
}

/// The parts of the section.
pub(super) fn accuracy(bulletin: &Bulletin, blocks: &mut Vec<Block>) {
    if bulletin.surveys.is_empty() && bulletin.fit.is_none() {
        blocks.push(Block::Paragraph("本期未使用测量数据，无精度说明。".to_owned()));
    }
    if !bulletin.surveys.is_empty() {
        blocks.push(Block::Table(surveys(bulletin)));
    }
    if let Some(fit) = &bulletin.fit {
        blocks.push(Block::Paragraph(fit_words(fit)));
        if fit.shift_m.iter().any(Option::is_some) {
            blocks.push(Block::Table(fit_table(fit)));
        }
    }
    blocks.extend(bulletin.remarks.iter().map(|words| Block::Paragraph(words.clone())));
    let convention = "坐标为2000国家大地坐标系；面积分别给出高斯投影平面面积与椭球面积；体积误差按相邻误差相关计算，含两期系统偏差。";
    blocks.push(Block::Paragraph(convention.to_owned()));
    if !bulletin.rules.is_empty() {
        let words: Vec<String> =
            bulletin.rules.iter().map(|(title, version)| format!("《{title}》（{version}版）")).collect();
        blocks.push(Block::Paragraph(format!("所依规则：{}。", words.join("、"))));
    }
}

fn surveys(bulletin: &Bulletin) -> Table {
    let mut table = Table::new(
        "所用数据表",
        "",
        &[
            ("期次", 0.7, Align::Center),
            ("数据", 1.8, Align::Left),
            ("现势时间", 1.2, Align::Center),
            ("版本标识", 2.2, Align::Left),
            ("高程基准", 1.3, Align::Center),
            ("格网\n（米）", 0.7, Align::Right),
        ],
    );
    for survey in &bulletin.surveys {
        let datum = if survey.height_datum.is_empty() { "不明" } else { &survey.height_datum };
        let cell = survey.cell_m.map_or_else(|| Cell::from("—"), |m| Cell::Number(m, if m < 1.0 { 2 } else { 1 }));
        table.push(
            vec![
                survey.role.into(),
                Cell::from(&survey.title),
                Cell::from(&survey.day),
                Cell::from(&survey.source),
                datum.into(),
                cell,
            ],
            Mark::Plain,
        );
    }
    table
}

fn fit_words(fit: &Fit) -> String {
    let stable = fit.stable_m2.map(|m2| format!("两期数据在{}公顷稳定地面上作套合检查。", printed(m2 / M2_PER_HA, 2)));
    let spread = fit.nmad_m.map(|m| format!("稳定地面高差稳健中误差{}米。", printed(m, 3)));
    let whence = if fit.is_given { "由所报两期精度得出" } else { "由稳定地面估计" };
    let sigma = fit.sigma_m.map(|m| format!("单点高差中误差{}米（{whence}）。", printed(m, 3)));
    let detection =
        fit.detection_m.map(|m| format!("检出限{}米（95%），小于此值的变化不能与误差区分。", printed(m, 3)));
    let parts = [stable, Some(fit.words.clone()), spread, sigma, detection];
    parts.into_iter().flatten().collect()
}

fn fit_table(fit: &Fit) -> Table {
    let mut table = Table::new(
        "套合检查表",
        "",
        &[
            ("方向", 1.0, Align::Center),
            ("后期相对前期偏移\n（米）", 1.5, Align::Right),
            ("偏移中误差\n（米）", 1.2, Align::Right),
            ("是否显著", 1.0, Align::Center),
        ],
    );
    for (axis, name) in ["东", "北", "高程"].into_iter().enumerate() {
        let number = |value: Option<f64>| match value.filter(|value| value.is_finite()) {
            Some(value) => Cell::Number(value, 3),
            None => Cell::from("不能确定"),
        };
        let (significant, mark) = match (fit.shift_m[axis], fit.significant[axis]) {
            (None, _) => ("不能确定", Mark::Plain),
            (Some(_), true) => ("显著", Mark::Conflict),
            (Some(_), false) => ("不显著", Mark::Plain),
        };
        table.push(vec![name.into(), number(fit.shift_m[axis]), number(fit.error_m[axis]), significant.into()], mark);
    }
    table
}
