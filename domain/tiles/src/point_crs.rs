//! The two halves of a point cloud's CRS text: where x and y are, and what a z is.
//!
//! LAS states both in one well-known text (`COMPD_CS`, `COMPOUNDCRS`), often with z in other units
//! than x and y. Horizontal placing is geodesy's, which takes the horizontal half; this file only
//! splits the text and reads the vertical unit and name. It judges no datum.
//!
//! Sources: OGC 01-009 (WKT 1), OGC 18-010r7 (WKT 2), LAS 1.4 R15 section "Coordinate Reference System".

/// Deepest nesting followed; real definitions stay below eight.
const DEPTH_MAX: usize = 32;

/// A CRS text taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct PointCrs {
    /// Text of the horizontal or geocentric CRS.
    pub horizontal: String,
    /// The height system, where the text states one.
    pub vertical: Option<VerticalCrs>,
}

/// The height system of a CRS text.
#[derive(Debug, Clone, PartialEq)]
pub struct VerticalCrs {
    /// Name, e.g. `NAVD88 height (ftUS)`.
    pub name: String,
    /// EPSG code, where one is stated.
    pub epsg: Option<u32>,
    /// Metres in one unit of z.
    pub unit_m: f64,
}

impl PointCrs {
    /// Takes a text apart; anything that is not a compound CRS is all horizontal.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim().trim_end_matches('\0').trim();
        let whole = || Self { horizontal: text.to_owned(), vertical: None };
        let Some(node) = Node::parse(text) else {
            return whole();
        };
        if !node.is(&["COMPD_CS", "COMPOUNDCRS"]) {
            return whole();
        }
        let child = |keywords: &[&str]| node.children().find(|child| child.is(keywords));
        let horizontal = child(&[
            "PROJCS",
            "GEOGCS",
            "GEOCCS",
            "PROJCRS",
            "PROJECTEDCRS",
            "GEOGCRS",
            "GEOGRAPHICCRS",
            "GEODCRS",
            "GEODETICCRS",
            "BOUNDCRS",
            "LOCAL_CS",
            "ENGCRS",
        ]);
        let Some(horizontal) = horizontal else {
            return whole();
        };
        Self {
            horizontal: horizontal.text.to_owned(),
            vertical: child(&["VERT_CS", "VERTCRS", "VERTICALCRS"]).map(|vertical| VerticalCrs {
                name: vertical.name(),
                epsg: vertical.epsg(),
                unit_m: vertical.unit_m().unwrap_or(1.0),
            }),
        }
    }
}

/// `KEYWORD[ … ]` inside a text.
#[derive(Clone, Copy)]
struct Node<'a> {
    text: &'a str,
    keyword: &'a str,
    body: &'a str,
}

impl<'a> Node<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let open = text.find(['[', '('])?;
        let (keyword, rest) = text.split_at(open);
        let body = rest.get(1..)?.strip_suffix([']', ')'])?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        (!keyword.is_empty() && keyword.trim().chars().all(plain)).then_some(Self {
            text,
            keyword: keyword.trim(),
            body,
        })
    }

    fn is(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.keyword.eq_ignore_ascii_case(keyword))
    }

    /// Parts between the commas of this level: quoted text, numbers and nodes.
    fn parts(&self) -> impl Iterator<Item = &'a str> {
        let mut rest = Some(self.body);
        std::iter::from_fn(move || {
            let text = rest?;
            let (mut depth, mut quoted) = (0_usize, false);
            let comma = text.char_indices().find(|(_, c)| {
                match c {
                    '"' => quoted = !quoted,
                    '[' | '(' if !quoted => depth += 1,
                    ']' | ')' if !quoted => depth = depth.saturating_sub(1),
                    _ => {}
                }
                *c == ',' && !quoted && depth == 0
            });
            let (part, after) = comma.map_or((text, ""), |(at, _)| text.split_at(at));
            rest = after.get(1..);
            Some(part.trim())
        })
    }

    fn children(&self) -> impl Iterator<Item = Self> {
        self.parts().filter_map(Self::parse)
    }

    fn name(&self) -> String {
        self.parts().next().unwrap_or_default().trim_matches('"').to_owned()
    }

    fn epsg(&self) -> Option<u32> {
        let id = self.children().find(|child| child.is(&["AUTHORITY", "ID"]))?;
        let mut parts = id.parts();
        let authority = parts.next()?.trim_matches('"');
        let code = parts.next()?.trim_matches('"').parse().ok()?;
        authority.eq_ignore_ascii_case("EPSG").then_some(code)
    }

    /// The unit of a vertical CRS: on itself in WKT 1, on itself or its axis in WKT 2.
    fn unit_m(&self) -> Option<f64> {
        let mut level: Vec<Self> = self.children().collect();
        for _ in 0..DEPTH_MAX {
            if let Some(unit) = level.iter().find(|node| node.is(&["UNIT", "LENGTHUNIT"])) {
                let factor: f64 = unit.parts().nth(1)?.parse().ok()?;
                return (factor.is_finite() && factor > 0.0).then_some(factor);
            }
            level.retain(|node| node.is(&["AXIS", "CS"]));
            level = level.iter().flat_map(Self::children).collect();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FEET: &str = r#"COMPD_CS["a [b], (c) + NAVD88",PROJCS["p, q",GEOGCS["g",UNIT["degree",0.0174]],UNIT["metre",1]],VERT_CS["NAVD88 height (ftUS)",VERT_DATUM["North American Vertical Datum 1988",2005,AUTHORITY["EPSG","5103"]],UNIT["US survey foot",0.3048006096012192,AUTHORITY["EPSG","9003"]],AXIS["Up",UP],AUTHORITY["EPSG","6360"]]]"#;

    #[test]
    fn a_compound_text_gives_its_horizontal_half_and_the_unit_of_z() {
        let crs = PointCrs::parse(FEET);
        assert_eq!(crs.horizontal, r#"PROJCS["p, q",GEOGCS["g",UNIT["degree",0.0174]],UNIT["metre",1]]"#);
        let vertical = crs.vertical.unwrap();
        assert_eq!(vertical.name, "NAVD88 height (ftUS)");
        assert_eq!(vertical.epsg, Some(6360));
        assert!((vertical.unit_m - 0.304_800_609_601_219_2).abs() < 1e-15);
    }

    #[test]
    fn wkt_2_keeps_the_unit_of_z_on_the_axis() {
        let text = r#"COMPOUNDCRS["c",PROJCRS["p",BASEGEOGCRS["g"]],VERTCRS["v",VDATUM["d"],CS[vertical,1],AXIS["gravity-related height",up,LENGTHUNIT["foot",0.3048]],ID["EPSG",8228]]]"#;
        let vertical = PointCrs::parse(text).vertical.unwrap();
        assert_eq!((vertical.epsg, vertical.unit_m), (Some(8228), 0.3048));
    }

    #[test]
    fn a_text_that_is_not_compound_is_all_horizontal() {
        for text in ["EPSG:4546", r#"GEOGCS["g",UNIT["degree",0.0174]]"#, "", "+proj=utm +zone=50"] {
            let crs = PointCrs::parse(text);
            assert_eq!((crs.horizontal.as_str(), crs.vertical), (text, None));
        }
    }

    proptest! {
        #[test]
        fn a_cut_or_altered_text_is_taken_without_panic(cut in 0..FEET.len(), with in "\\PC{0,3}") {
            let mut text = FEET.to_owned();
            text.replace_range(cut..=cut, &with);
            let crs = PointCrs::parse(&text);
            prop_assert!(crs.horizontal.len() <= text.len());
            let cut_off = PointCrs::parse(text.get(..cut).unwrap_or_default());
            prop_assert!(cut_off.horizontal.len() <= cut);
        }
    }
}
