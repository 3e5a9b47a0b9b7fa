//! Land-use classes of the third national land survey (三调; TD/T 1055) that occur here, with the area each must have.
//! Codes without their system mean nothing: 29 of them mean something else in the 2023 classification.

/// One land-use class and how much of it the township has.
#[derive(Debug, Clone, Copy)]
pub struct LandClass {
    /// `DLBM`.
    pub code: &'static str,
    /// `DLMC`.
    pub name: &'static str,
    /// Area as drawn in hectares (before 田坎 is deducted).
    pub drawn_ha: f64,
}

const fn class(code: &'static str, name: &'static str, drawn_ha: f64) -> LandClass {
    LandClass { code, name, drawn_ha }
}

/// Every class of the township. Drawn areas sum to 14,400 ha; 水田 and 旱地 carry 80 and 140 ha of 田坎 inside.
pub const CLASSES: [LandClass; 35] = [
    class("0101", "水田", 1_060.0),
    class("0103", "旱地", 1_000.0),
    class("0201", "果园", 318.0),
    class("0201K", "可调整果园", 32.0),
    class("0202", "茶园", 180.0),
    class("0301", "乔木林地", 7_880.0),
    class("0302", "竹林地", 150.0),
    class("0305", "灌木林地", 1_700.0),
    class("0307", "其他林地", 250.0),
    class("0404", "其他草地", 110.0),
    class("05H1", "商业服务业设施用地", 18.0),
    class("0508", "物流仓储用地", 6.0),
    class("0601", "工业用地", 95.0),
    class("0602", "采矿用地", 20.0),
    class("0701", "城镇住宅用地", 165.0),
    class("0702", "农村宅基地", 410.0),
    class("08H1", "机关团体新闻出版用地", 14.0),
    class("08H2", "科教文卫用地", 38.0),
    class("0809", "公用设施用地", 12.0),
    class("0810", "公园与绿地", 22.0),
    class("0810A", "广场用地", 2.0),
    class("09", "特殊用地", 25.0),
    class("1001", "铁路用地", 28.0),
    class("1003", "公路用地", 130.0),
    class("1004", "城镇村道路用地", 75.0),
    class("1005", "交通服务场站用地", 8.0),
    class("1006", "农村道路", 120.0),
    class("1101", "河流水面", 290.0),
    class("1103", "水库水面", 85.0),
    class("1104", "坑塘水面", 45.0),
    class("1107", "沟渠", 20.0),
    class("1109", "水工建筑用地", 12.0),
    class("1201", "空闲地", 5.0),
    class("1202", "设施农用地", 15.0),
    class("1207", "裸岩石砾地", 60.0),
];

/// No class yet.
pub const NO_CLASS: u8 = u8::MAX;

/// Position of a code in [`CLASSES`]; [`NO_CLASS`] for a code that does not occur here.
pub const fn class_of(code: &str) -> u8 {
    let mut i = 0;
    while i < CLASSES.len() {
        if same(CLASSES[i].code.as_bytes(), code.as_bytes()) {
            return i as u8;
        }
        i += 1;
    }
    NO_CLASS
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// One slope grade of cultivated land (`GDPDJB`): drawn area and the share of 田坎 (`KCXS`) in it.
#[derive(Debug, Clone, Copy)]
pub struct SlopeGrade {
    /// `GDPDJB`, 1 (up to 2 degrees) to 5 (over 25).
    pub grade: u8,
    /// Drawn area in hectares.
    pub drawn_ha: f64,
    /// `KCXS`.
    pub deduction: f64,
}

const fn grade(grade: u8, drawn_ha: f64, deduction: f64) -> SlopeGrade {
    SlopeGrade { grade, drawn_ha, deduction }
}

/// 水田 by slope: 1,060 ha drawn, 80 ha of 田坎.
pub const PADDY_GRADES: [SlopeGrade; 4] =
    [grade(1, 438.0, 0.0), grade(2, 350.0, 0.08), grade(3, 200.0, 0.17), grade(4, 72.0, 0.25)];
/// 旱地 by slope: 1,000 ha drawn, 140 ha of 田坎.
pub const DRY_GRADES: [SlopeGrade; 5] =
    [grade(1, 30.0, 0.0), grade(2, 250.0, 0.06), grade(3, 400.0, 0.14), grade(4, 220.0, 0.20), grade(5, 100.0, 0.25)];

/// The slope grades of a class; empty for what is not cultivated.
pub fn grades_of(class: u8) -> &'static [SlopeGrade] {
    if class == class_of("0101") {
        &PADDY_GRADES
    } else if class == class_of("0103") {
        &DRY_GRADES
    } else {
        &[]
    }
}
