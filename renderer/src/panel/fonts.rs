//! The font with Chinese characters: the system's, found once, handed to egui as bytes.
//!
//! egui's own fonts hold no Chinese. Noto Sans CJK is what Debian and Ubuntu install; other systems' fonts follow.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

/// Families with Chinese characters, best first.
const FAMILIES: &[&str] = &[
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Droid Sans Fallback",
];

/// Where Debian and Ubuntu put it, tried before the slower search of every font folder.
const USUAL_FILES: &[&str] =
    &["/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc"];

/// A face in a font file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChineseFont {
    /// The file.
    pub path: PathBuf,
    /// The face in a collection.
    pub face: u32,
}

/// Finds a regular face with Chinese characters among the system's fonts.
#[must_use]
pub fn find_chinese_font() -> Option<ChineseFont> {
    let mut fonts = fontdb::Database::new();
    for file in USUAL_FILES {
        if fonts.load_font_file(file).is_ok() {
            break;
        }
    }
    if fonts.is_empty() {
        fonts.load_system_fonts();
    }
    let families: Vec<_> = FAMILIES.iter().map(|family| fontdb::Family::Name(family)).collect();
    let id = fonts.query(&fontdb::Query { families: &families, ..fontdb::Query::default() })?;
    match fonts.face_source(id)? {
        (fontdb::Source::File(path) | fontdb::Source::SharedFile(path, _), face) => Some(ChineseFont { path, face }),
        (fontdb::Source::Binary(_), _) => None,
    }
}

/// Gives egui the Chinese font before its own, which stay for symbols. False when the file cannot be read.
pub fn install(context: &egui::Context, font: &ChineseFont) -> bool {
    let Ok(bytes) = std::fs::read(&font.path) else { return false };
    let mut definitions = FontDefinitions::default();
    let mut data = FontData::from_owned(bytes);
    data.index = font.face;
    definitions.font_data.insert("chinese".to_owned(), Arc::new(data));
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        definitions.families.entry(family).or_default().insert(0, "chinese".to_owned());
    }
    context.set_fonts(definitions);
    true
}
