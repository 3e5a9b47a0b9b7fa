//! Colours as the style specification writes them: `#rgb`, `#rrggbb`, `#rrggbbaa`, `rgb()`, `rgba()`, `hsl()` and a few names.

/// A colour, straight (not premultiplied) sRGB with alpha, each in 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Color {
    /// Red.
    pub r: f32,
    /// Green.
    pub g: f32,
    /// Blue.
    pub b: f32,
    /// Opacity.
    pub a: f32,
}

impl Color {
    /// Fully transparent black.
    pub const TRANSPARENT: Self = Self { r: 0.0, g: 0.0, b: 0.0, a: 0.0 };
    /// Opaque black.
    pub const BLACK: Self = Self { r: 0.0, g: 0.0, b: 0.0, a: 1.0 };

    /// Reads a CSS colour of the subset; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(hex) = text.strip_prefix('#') {
            return Self::from_hex(hex);
        }
        if let Some((function, rest)) = text.split_once('(') {
            let numbers: Vec<&str> =
                rest.strip_suffix(')')?.split([',', '/', ' ']).filter(|part| !part.is_empty()).collect();
            let number = |at: usize| -> Option<f32> {
                let part = numbers.get(at)?;
                part.strip_suffix('%')
                    .map_or_else(|| part.parse().ok(), |percent| percent.parse::<f32>().ok().map(|value| value / 100.0))
            };
            let alpha = if numbers.len() > 3 { number(3)? } else { 1.0 };
            return match function {
                "rgb" | "rgba" => Some(
                    Self { r: number(0)? / 255.0, g: number(1)? / 255.0, b: number(2)? / 255.0, a: alpha }.clamped(),
                ),
                "hsl" | "hsla" => Some(Self::from_hsl(number(0)?, number(1)?, number(2)?, alpha).clamped()),
                _ => None,
            };
        }
        let hex = match text {
            "white" => "ffffff",
            "black" => "000000",
            "red" => "ff0000",
            "green" => "008000",
            "blue" => "0000ff",
            "yellow" => "ffff00",
            "orange" => "ffa500",
            "gray" | "grey" => "808080",
            "transparent" => "00000000",
            _ => return None,
        };
        Self::from_hex(hex)
    }

    fn from_hex(hex: &str) -> Option<Self> {
        let digits: Vec<u8> = hex.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
        let pair = |high: u8, low: u8| f32::from(high * 16 + low) / 255.0;
        match *digits.as_slice() {
            [r, g, b] => Some(Self { r: pair(r, r), g: pair(g, g), b: pair(b, b), a: 1.0 }),
            [r, g, b, a] => Some(Self { r: pair(r, r), g: pair(g, g), b: pair(b, b), a: pair(a, a) }),
            [r0, r1, g0, g1, b0, b1] => Some(Self { r: pair(r0, r1), g: pair(g0, g1), b: pair(b0, b1), a: 1.0 }),
            [r0, r1, g0, g1, b0, b1, a0, a1] => {
                Some(Self { r: pair(r0, r1), g: pair(g0, g1), b: pair(b0, b1), a: pair(a0, a1) })
            }
            _ => None,
        }
    }

    /// Hue in degrees, saturation and lightness in 0..=1 (CSS Color 4, section 7).
    fn from_hsl(hue_deg: f32, saturation: f32, lightness: f32, alpha: f32) -> Self {
        let channel = |offset: f32| {
            let k = (offset + hue_deg / 30.0).rem_euclid(12.0);
            lightness - saturation * lightness.min(1.0 - lightness) * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0)
        };
        Self { r: channel(0.0), g: channel(8.0), b: channel(4.0), a: alpha }
    }

    fn clamped(self) -> Self {
        Self {
            r: self.r.clamp(0.0, 1.0),
            g: self.g.clamp(0.0, 1.0),
            b: self.b.clamp(0.0, 1.0),
            a: self.a.clamp(0.0, 1.0),
        }
    }

    /// The same colour, its opacity multiplied.
    #[must_use]
    pub fn faded(self, opacity: f32) -> Self {
        Self { a: (self.a * opacity).clamp(0.0, 1.0), ..self }
    }

    /// Straight-line mix, `t` in 0..=1; premultiplied as the specification's `interpolate` does.
    #[must_use]
    pub fn mixed(self, other: Self, t: f32) -> Self {
        let a = self.a + (other.a - self.a) * t;
        let channel =
            |from: f32, to: f32| if a > 0.0 { (from * self.a + (to * other.a - from * self.a) * t) / a } else { 0.0 };
        Self { r: channel(self.r, other.r), g: channel(self.g, other.g), b: channel(self.b, other.b), a }
    }

    pub(crate) fn to_skia(self) -> tiny_skia::Color {
        tiny_skia::Color::from_rgba(self.r, self.g, self.b, self.a).unwrap_or(tiny_skia::Color::TRANSPARENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn css_colours_read_as_css_says() {
        assert_eq!(Color::parse("#f00"), Color::parse("rgb(255, 0, 0)"));
        assert_eq!(Color::parse("#ff000080").map(|c| (c.a * 255.0).round()), Some(128.0));
        assert_eq!(Color::parse("hsl(120, 100%, 50%)"), Color::parse("#00ff00"));
        assert_eq!(Color::parse("rgba(0,0,0,0.5)").map(|c| c.a), Some(0.5));
        assert_eq!(Color::parse("#12"), None);
        assert_eq!(Color::parse("#é1"), None);
    }
}
