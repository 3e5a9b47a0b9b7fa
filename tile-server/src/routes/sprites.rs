//! `/sprites`: the pictures in `styles/sprites/` as one sheet, as MapLibre asks for them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use resvg::usvg::{Options, Tree};
use rust_embed::RustEmbed;
use spreet::{Sprite, Spritesheet};

use crate::payload::{Payload, changing};
use crate::problem::Problem;
use crate::route::{Route, Verb, parameter::SPRITE};
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/sprites/{id}",
    tag: "styles",
    about: "图标集；sprite sheet and its index",
    parameters: &[SPRITE],
    takes: &[],
    media_types: &["application/json", "image/png"],
    handler: || get(one),
}];

/// The pictures.
#[derive(RustEmbed)]
#[folder = "../styles/sprites/"]
#[include = "*.svg"]
struct Pictures;

/// The one sheet there is.
const SHEET: &str = "shikong";

/// JSON and PNG at one and two device pixels per pixel.
static SHEETS: LazyLock<[Option<Sheet>; 2]> = LazyLock::new(|| [sheet(1), sheet(2)]);

struct Sheet {
    index: String,
    png: Vec<u8>,
}

/// Name and text of every picture.
pub(crate) fn pictures() -> Vec<(String, String)> {
    Pictures::iter()
        .filter_map(|file| {
            let name = file.strip_suffix(".svg")?.to_owned();
            Some((name, String::from_utf8(Pictures::get(&file)?.data.into_owned()).ok()?))
        })
        .collect()
}

fn sheet(pixel_ratio: u8) -> Option<Sheet> {
    let sprites: BTreeMap<String, Sprite> = pictures()
        .into_iter()
        .filter_map(|(name, svg)| {
            let tree = Tree::from_str(&svg, &Options::default()).ok()?;
            Some((name, Sprite::new(tree, pixel_ratio)?))
        })
        .collect();
    let sheet = Spritesheet::build().sprites(sprites).generate()?;
    Some(Sheet { index: serde_json::to_string(sheet.get_index()).ok()?, png: sheet.encode_png().ok()? })
}

/// The sheet or its index.
pub(crate) async fn one(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let missing = || Problem::missing("没有这个图标集", "No such sprite sheet.");
    let (name, extension) = file.rsplit_once('.').ok_or_else(missing)?;
    let (name, large) = name.strip_suffix("@2x").map_or((name, false), |name| (name, true));
    let sheet = SHEETS[usize::from(large)].as_ref().filter(|_| name == SHEET).ok_or_else(missing)?;
    let payload = match extension {
        "json" => Payload::text(sheet.index.clone(), "application/json"),
        "png" => Payload::picture(sheet.png.clone(), "image/png"),
        _ => return Err(missing()),
    };
    changing(&headers, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_that_a_style_names_is_on_the_sheet() {
        let index: serde_json::Value =
            serde_json::from_str(&SHEETS[0].as_ref().expect("a sheet").index).expect("an index");
        assert_eq!(
            index.as_object().map(serde_json::Map::len),
            Some(Pictures::iter().count()),
            "every picture is on it"
        );
        for (id, style) in crate::routes::styles::all() {
            for layer in style["layers"].as_array().expect("layers") {
                if let Some(name) = layer.pointer("/paint/fill-pattern").and_then(|name| name.as_str()) {
                    assert!(index.get(name).is_some(), "{id}: {name}");
                }
            }
        }
    }
}
