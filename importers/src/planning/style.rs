//! Which style of `styles/` a layer takes, by its name, its fields and its geometry.

use rust_embed::RustEmbed;
use serde::Deserialize;

use super::land_use::is_field;

#[derive(RustEmbed)]
#[folder = "../styles"]
struct StyleFiles;

/// What a style says about the layers it is for.
#[derive(Debug, Deserialize)]
struct StyleFile {
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    shikong: About,
}

#[derive(Debug, Deserialize)]
struct About {
    geometry: String,
    #[serde(default)]
    matches: Matches,
    #[serde(default)]
    field: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Matches {
    layers: Vec<String>,
    fields: Vec<String>,
}

/// The style of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Id: the file name in `styles/` without `.json`.
    pub id: String,
    /// The field whose values are its classes.
    pub field: Option<String>,
}

/// The style for a layer of `geometry` (`polygon | line | point`): by a delivered name, then by a
/// field, then the plain one of the geometry.
///
/// `names` are the file and layer names it was delivered under.
#[must_use]
pub fn style_for(geometry: &str, names: &[&str], fields: &[&str]) -> Style {
    let mut styles: Vec<(String, About)> = StyleFiles::iter()
        .filter_map(|path| {
            // Beside the styles lie a README and sprites.
            let id = path.strip_suffix(".json").filter(|id| !id.contains('/'))?;
            let file = StyleFiles::get(&path)?;
            let style: StyleFile = serde_json::from_slice(&file.data).ok()?;
            Some((id.to_owned(), style.metadata.shikong))
        })
        .filter(|(_, about)| about.geometry == geometry)
        .collect();
    styles.sort_by(|a, b| a.0.cmp(&b.0));
    let by_name = |about: &About| {
        about.matches.layers.iter().any(|known| {
            names.iter().any(|name| {
                let (name, known) = (name.to_lowercase(), known.to_lowercase());
                // A short code must be the whole name or a whole word of it: DL is not DLTB.
                if known.is_ascii() {
                    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == known)
                } else {
                    name.contains(&known)
                }
            })
        })
    };
    let by_field =
        |about: &About| about.matches.fields.iter().any(|known| fields.iter().any(|field| is_field(field, known)));
    let found =
        styles.iter().find(|(_, about)| by_name(about)).or_else(|| styles.iter().find(|(_, about)| by_field(about)));
    match found {
        Some((id, about)) => Style { id: id.clone(), field: about.field.clone() },
        None => Style { id: geometry.to_owned(), field: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_take_the_style_of_their_name_then_of_their_fields() {
        let id = |geometry, names: &[&str], fields: &[&str]| style_for(geometry, names, fields).id;
        assert_eq!(id("polygon", &["DLTB"], &[]), "dltb");
        assert_eq!(id("polygon", &["433199_地类图斑_2023.shp"], &[]), "dltb");
        assert_eq!(id("polygon", &["something"], &["BSM", "DLBM"]), "dltb");
        assert_eq!(id("line", &["DLTB"], &[]), "line");
        assert_eq!(id("point", &["shots"], &["name"]), "point");
    }
}
