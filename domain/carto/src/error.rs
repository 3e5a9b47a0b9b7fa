//! What can go wrong before a pixel is drawn: a style outside the subset, or a font that cannot be read.

/// An error of this crate. The text names the place in the style, in Chinese and English.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CartoError {
    /// The style is not JSON.
    #[error("样式不是有效的 JSON / the style is not valid JSON")]
    Json {
        /// The parser's own error.
        #[source]
        source: serde_json::Error,
    },
    /// A part of the style is missing, malformed or outside the supported subset.
    #[error("样式图层“{layer}”：{what} / style layer \"{layer}\": {what}")]
    Style {
        /// Id of the style layer, or `style` for the whole.
        layer: String,
        /// What is wrong there.
        what: String,
    },
    /// The font's bytes hold no face with that index.
    #[error("无法读取字体 / the font cannot be read")]
    Font {
        /// The parser's own error.
        #[source]
        source: ttf_parser::FaceParsingError,
    },
    /// A pattern's SVG cannot be read.
    #[error("无法读取填充图案“{name}” / the fill pattern \"{name}\" cannot be read")]
    Pattern {
        /// The pattern's name.
        name: String,
        /// The SVG reader's own error.
        #[source]
        source: resvg::usvg::Error,
    },
    /// The picture would be empty or larger than can be held.
    #[error("图幅尺寸无效：{width} x {height} / the picture size is not usable: {width} x {height}")]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

impl CartoError {
    pub(crate) fn style(layer: &str, what: impl Into<String>) -> Self {
        Self::Style { layer: layer.to_owned(), what: what.into() }
    }
}
