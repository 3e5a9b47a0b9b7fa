//! Fill patterns: small SVG pictures repeated over a polygon. The same SVG files make the web page's sprite.

use std::collections::BTreeMap;

use resvg::usvg;
use tiny_skia::{Pixmap, Transform};

use crate::error::CartoError;

/// Pattern pictures by name, rasterised at one pixel ratio.
#[derive(Debug, Default, Clone)]
pub struct Patterns {
    pictures: BTreeMap<String, Pixmap>,
}

impl Patterns {
    /// Rasterises `(name, svg text)` pairs at `pixel_ratio`.
    ///
    /// # Errors
    /// [`CartoError::Pattern`] names the picture that cannot be read.
    pub fn from_svgs<'a>(
        svgs: impl IntoIterator<Item = (&'a str, &'a str)>,
        pixel_ratio: f32,
    ) -> Result<Self, CartoError> {
        let mut pictures = BTreeMap::new();
        for (name, svg) in svgs {
            let tree = usvg::Tree::from_str(svg, &usvg::Options::default())
                .map_err(|source| CartoError::Pattern { name: name.to_owned(), source })?;
            let (width, height) =
                ((tree.size().width() * pixel_ratio).ceil(), (tree.size().height() * pixel_ratio).ceil());
            let mut picture = Pixmap::new((width as u32).min(512), (height as u32).min(512))
                .ok_or(CartoError::Size { width: 0, height: 0 })?;
            resvg::render(&tree, Transform::from_scale(pixel_ratio, pixel_ratio), &mut picture.as_mut());
            pictures.insert(name.to_owned(), picture);
        }
        Ok(Self { pictures })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Pixmap> {
        self.pictures.get(name)
    }
}
