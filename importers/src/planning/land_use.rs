//! Which field of a layer carries land-use codes, and of which code system.
//!
//! A code never travels without its system: 29 codes mean different things in the national survey
//! (三调) and in the 2023 classification (1001 is a railway in one and industry in the other). The
//! surveyor's word counts first; else the codes themselves must fit one system only, or fit the
//! system that the name of the field belongs to. What stays open is asked, never guessed.

use std::collections::BTreeMap;

/// A system of land-use codes.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeSystem {
    /// The document that defines it: the id recorded with the revision and used by the styles.
    pub id: &'static str,
    /// Names taken on the command line.
    pub names: &'static [&'static str],
    /// Names of fields that carry its codes by that document's database rules.
    pub fields: &'static [&'static str],
    codes: &'static str,
}

/// 工作分类 of TD/T 1055-2019 with its sub-classes, and the 20x of towns and mines.
const SURVEY_CODES: &str = "\
    00 01 0101 0102 0103 02 0201 0201K 0202 0202K 0203 0203K 0204 0204K 03 0301 0301K 0302 0302K \
    0303 0304 0305 0306 0307 0307K 04 0401 0402 0403 0403K 0404 05 0508 05H1 06 0601 0602 0603 07 \
    0701 0702 08 0809 0810 0810A 08H1 08H2 08H2A 09 10 1001 1002 1003 1004 1005 1006 1007 1008 1009 \
    11 1101 1102 1103 1104 1104A 1104K 1105 1106 1107 1107A 1108 1109 1110 12 1201 1202 1203 1204 \
    1205 1206 1207 201 201A 202 202A 203 203A 204 205";

/// 国土空间调查、规划、用途管制用地用海分类指南 (2023). Level 3 is open: see `fits`.
const CLASSES_2023: &str = "\
    01 0101 0102 0103 02 0201 0202 0203 0204 0205 03 0301 0302 0303 0304 04 0401 0402 0403 05 0501 \
    0502 0503 0504 0505 0506 0507 06 0601 060101 060102 0602 060201 060202 060203 07 0701 070101 \
    070102 070103 0702 0703 070301 070302 0704 08 0801 0802 0803 080301 080302 0804 080401 080402 \
    080403 080404 080405 0805 080501 080502 0806 080601 080602 080603 0807 080701 080702 080703 \
    080704 09 0901 090101 090102 090103 090104 090105 0902 0903 0904 10 1001 100101 100102 100103 \
    1002 1003 11 1101 110101 110102 110103 1102 12 1201 1202 1203 1204 1205 1206 1207 1208 120801 \
    120802 120803 1209 13 1301 1302 1303 1304 1305 1306 1307 1308 1309 1310 1311 1312 14 1401 1402 \
    1403 15 1501 1502 1503 1504 1505 1506 1507 16 17 1701 1702 1703 1704 1705 1706 18 1801 1802 1803 \
    1804 19 1901 1902 1903 1904 1905 1906 20 2001 2002 2003 2004 2005 21 2101 2102 22 2201 2202 2203 \
    2204 2205 2206 23 2301 2302 2303 2304 2305 2306 2307 24";

/// Every system there is.
pub const CODE_SYSTEMS: &[CodeSystem] = &[
    CodeSystem {
        id: "TD/T 1055-2019",
        names: &["sandiao", "三调", "survey-3"],
        fields: &["DLBM", "地类编码", "JQDLBM"],
        codes: SURVEY_CODES,
    },
    CodeSystem {
        id: "自然资发〔2023〕234号",
        names: &["landuse-2023", "用地用海2023", "2023"],
        fields: &["YDYHFLDM", "GHDLBM", "用地用海分类代码"],
        codes: CLASSES_2023,
    },
    CodeSystem { id: "GB 50137-2011", names: &["urban-2011", "gb50137"], fields: &["YDDM", "用地代码"], codes: "" },
    CodeSystem { id: "自然资办发〔2020〕46号", names: &["zones-2020"], fields: &["GHFQDM"], codes: "" },
];

/// The system of that id or name.
#[must_use]
pub fn system_named(name: &str) -> Option<&'static CodeSystem> {
    CODE_SYSTEMS.iter().find(|system| system.id == name || system.names.iter().any(|n| n.eq_ignore_ascii_case(name)))
}

/// What is known of the land-use codes of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeField {
    /// Name of the field as delivered.
    pub field: String,
    /// Id of the code system; `None` while it has to be asked.
    pub system: Option<String>,
    /// Ids of the systems that its codes fit, where that was looked at.
    pub candidates: Vec<&'static str>,
    /// Codes that are not in the system taken, with their counts.
    pub strangers: BTreeMap<String, u64>,
}

/// The field of `names` that carries land-use codes, if one does: `wanted`, or one known by name.
///
/// Shapefiles cut names to 10 bytes, so a known name also matches by what is left of it.
#[must_use]
pub fn code_field<'n>(names: &[&'n str], wanted: Option<&str>) -> Option<&'n str> {
    if let Some(wanted) = wanted {
        return names.iter().copied().find(|name| name.eq_ignore_ascii_case(wanted));
    }
    CODE_SYSTEMS
        .iter()
        .flat_map(|system| system.fields)
        .find_map(|known| names.iter().copied().find(|name| is_field(name, known)))
}

/// True where `name` is `known`, or what a 10-byte limit leaves of it.
pub(crate) fn is_field(name: &str, known: &str) -> bool {
    name.eq_ignore_ascii_case(known)
        || (name.len() >= 8 && known.len() > 10 && known.to_ascii_lowercase().starts_with(&name.to_ascii_lowercase()))
}

/// Judges the code system of `field` from the codes in it (with their counts) and `stated`.
#[must_use]
pub fn judge(field: &str, codes: &BTreeMap<String, u64>, stated: Option<&str>) -> CodeField {
    let fitting: Vec<&'static CodeSystem> = CODE_SYSTEMS
        .iter()
        .filter(|system| !system.codes.is_empty() && codes.keys().all(|code| system.fits(code)))
        .collect();
    let by_field = CODE_SYSTEMS.iter().find(|system| system.fields.iter().any(|known| is_field(field, known)));
    let system = match stated {
        Some(stated) => system_named(stated),
        // A field of one system whose codes all fit it, or can't be listed.
        None => {
            by_field.filter(|system| system.codes.is_empty() || fitting.contains(system)).or(match fitting.as_slice() {
                [only] if by_field.is_none() => Some(only),
                _ => None,
            })
        }
    };
    let strangers = match system {
        Some(system) if !system.codes.is_empty() => {
            codes.iter().filter(|(code, _)| !system.fits(code)).map(|(code, count)| (code.clone(), *count)).collect()
        }
        _ => BTreeMap::new(),
    };
    CodeField {
        field: field.to_owned(),
        system: system.map(|system| system.id.to_owned()).or_else(|| stated.map(str::to_owned)),
        candidates: fitting.iter().map(|system| system.id).collect(),
        strangers,
    }
}

impl CodeSystem {
    /// True where `code` is one of this system's. The list of level 3 of 2023 is not complete
    /// anywhere public, so six digits fit when their first four do.
    fn fits(&self, code: &str) -> bool {
        let known = |code: &str| self.codes.split(' ').any(|known| known == code);
        known(code)
            || (self.codes == CLASSES_2023
                && code.len() == 6
                && code.bytes().all(|b| b.is_ascii_digit())
                && code.get(..4).is_some_and(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: &str, codes: &[&str], stated: Option<&str>, system: Option<&str>, strangers: usize) {
        let codes = codes.iter().map(|code| ((*code).to_owned(), 1)).collect();
        let found = judge(field, &codes, stated);
        assert_eq!((found.system.as_deref(), found.strangers.len()), (system, strangers), "{found:?}");
    }

    #[test]
    fn the_code_system_is_taken_only_where_it_is_certain() {
        let (survey, plan) = (Some("TD/T 1055-2019"), Some("自然资发〔2023〕234号"));
        check("DLBM", &["0101", "0305", "08H2"], None, survey, 0);
        check("YDYHFLDM", &["070102", "1001"], None, plan, 0);
        // The colliding codes alone, in a field without a known name: to be asked.
        check("code", &["1001", "0601"], None, None, 0);
        // The same codes with one that only the survey has.
        check("code", &["1001", "0601", "1203"], None, None, 0);
        check("code", &["1001", "0601", "0810A"], None, survey, 0);
        // A survey field holding codes that are not the survey's: to be asked.
        check("DLBM", &["070102", "1001"], None, None, 0);
        check("DLBM", &["0101", "9999"], Some("sandiao"), survey, 1);
        check("DLBM", &["0101"], Some("地方标准 X"), Some("地方标准 X"), 0);
    }

    #[test]
    fn field_names_cut_to_ten_bytes_are_known_by_what_is_left() {
        assert_eq!(code_field(&["BSM", "用地"], None), None);
        assert_eq!(code_field(&["BSM", "dlbm"], None), Some("dlbm"));
        assert_eq!(code_field(&["BSM", "用地用海分"], None), Some("用地用海分"));
        assert_eq!(code_field(&["BSM", "K"], Some("k")), Some("K"));
    }

    #[test]
    fn six_digit_codes_fit_2023_where_their_class_exists() {
        let plan = system_named("landuse-2023").unwrap();
        assert!(plan.fits("070102") && plan.fits("080599") && !plan.fits("999901"));
    }
}
