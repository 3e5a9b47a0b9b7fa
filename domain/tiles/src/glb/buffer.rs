//! Accessors to numbers: every offset, stride and count checked against the bytes that are there.
//!
//! glTF 2.0, 3.6.2 and 5.1. Not read: sparse accessors, matrices, and buffer views packed by
//! meshopt; they are named as unsupported.

use super::GlbError;
use super::color::srgb_from_linear;
use super::schema::{Accessor, Root};

/// Decoded bytes one model may take, over all accessors: many may point at the same few bytes.
const MAX_DECODED_BYTES: u64 = 1 << 30;

/// The buffers of a model, and what may still be decoded from them.
pub(super) struct Buffers<'a> {
    root: &'a Root,
    bytes: Vec<std::borrow::Cow<'a, [u8]>>,
    decoded_bytes: u64,
}

/// One accessor, checked: all `count` elements lie inside `bytes`.
struct Elements<'a> {
    bytes: &'a [u8],
    stride: usize,
    count: usize,
    width: usize,
    component: u64,
    normalized: bool,
}

impl<'a> Buffers<'a> {
    pub(super) fn new(root: &'a Root, bytes: Vec<std::borrow::Cow<'a, [u8]>>) -> Self {
        Self { root, bytes, decoded_bytes: 0 }
    }

    /// The bytes of a buffer view.
    pub(super) fn view(&self, index: usize) -> Result<&[u8], GlbError> {
        let invalid = |reason: &str| GlbError::invalid(format!("buffer view {index}"), reason);
        let view = self.root.buffer_views.get(index).ok_or_else(|| invalid("there is none"))?;
        if view.extensions.contains_key("EXT_meshopt_compression") {
            return Err(GlbError::Unsupported { extension: "EXT_meshopt_compression".to_owned() });
        }
        let buffer = self.bytes.get(view.buffer).ok_or_else(|| invalid("its buffer does not exist"))?;
        let range = usize::try_from(view.byte_offset).ok().and_then(|start| {
            let end = start.checked_add(usize::try_from(view.byte_length).ok()?)?;
            buffer.get(start..end)
        });
        range.ok_or_else(|| invalid("it passes the end of its buffer"))
    }

    /// An accessor of `N` components as f32; integers scaled where `normalized`, else as they are.
    pub(super) fn floats<const N: usize>(&mut self, index: usize) -> Result<Vec<[f32; N]>, GlbError> {
        self.spend(index, 4 * N as u64)?;
        let elements = self.elements(index, &[N])?;
        elements.collect(index, |element| std::array::from_fn(|i| element.float(i)))
    }

    /// Colours of three or four linear components as sRGB bytes and alpha.
    pub(super) fn colors(&mut self, index: usize) -> Result<Vec<[u8; 4]>, GlbError> {
        self.spend(index, 4)?;
        let elements = self.elements(index, &[3, 4])?;
        // Colours are floats in 0..1 or normalised integers; only old writers forget to say so.
        let scaled = Elements { normalized: true, ..elements };
        scaled.collect(index, |element| {
            std::array::from_fn(|i| {
                let value = if i < element.width { element.float(i) } else { 1.0 };
                if i < 3 { srgb_from_linear(value) } else { (value.clamp(0.0, 1.0) * 255.0).round() as u8 }
            })
        })
    }

    /// Unsigned whole numbers. Floats with whole values are taken: many writers store ids so.
    pub(super) fn integers(&mut self, index: usize) -> Result<Vec<u32>, GlbError> {
        self.spend(index, 4)?;
        let elements = self.elements(index, &[1])?;
        elements.collect(index, |element| element.integer())
    }

    fn spend(&mut self, index: usize, element_bytes: u64) -> Result<(), GlbError> {
        let count = self.accessor(index)?.count;
        self.decoded_bytes = self.decoded_bytes.saturating_add(count.saturating_mul(element_bytes));
        if self.decoded_bytes > MAX_DECODED_BYTES {
            return Err(GlbError::TooLarge {
                what: "the decoded model",
                size: self.decoded_bytes,
                limit: MAX_DECODED_BYTES,
            });
        }
        Ok(())
    }

    fn accessor(&self, index: usize) -> Result<&'a Accessor, GlbError> {
        let accessor = self.root.accessors.get(index);
        accessor.ok_or_else(|| GlbError::invalid(format!("accessor {index}"), "there is none"))
    }

    fn elements(&self, index: usize, widths: &[usize]) -> Result<Elements<'_>, GlbError> {
        let invalid = |reason: String| GlbError::invalid(format!("accessor {index}"), reason);
        let accessor = self.accessor(index)?;
        if accessor.sparse.is_some() {
            return Err(GlbError::Unsupported { extension: "sparse accessors".to_owned() });
        }
        let width = match accessor.shape.as_str() {
            "SCALAR" => 1,
            "VEC2" => 2,
            "VEC3" => 3,
            "VEC4" => 4,
            other => return Err(invalid(format!("{other} is no shape of a vertex"))),
        };
        if !widths.contains(&width) {
            return Err(invalid(format!("{} where {widths:?} components belong", accessor.shape)));
        }
        let size = match accessor.component_type {
            5120 | 5121 => 1,
            5122 | 5123 => 2,
            5125 | 5126 => 4,
            other => return Err(invalid(format!("{other} is no component type"))),
        };
        let Some(view_index) = accessor.buffer_view else {
            return Err(invalid("it has no buffer view".to_owned()));
        };
        let packed = (size * width) as u64;
        let stride = self.root.buffer_views.get(view_index).and_then(|view| view.byte_stride).unwrap_or(packed);
        let view = self.view(view_index)?;
        let needed = accessor
            .count
            .checked_sub(1)
            .map_or(Some(0), |last| last.checked_mul(stride)?.checked_add(packed)?.checked_add(accessor.byte_offset));
        match needed {
            Some(needed) if needed <= view.len() as u64 && stride >= packed => {}
            _ => {
                return Err(invalid(format!("{} elements pass the end of its buffer view", accessor.count)));
            }
        }
        Ok(Elements {
            bytes: view.get(accessor.byte_offset as usize..).unwrap_or_default(),
            stride: stride as usize,
            count: accessor.count as usize,
            width,
            component: accessor.component_type,
            normalized: accessor.normalized,
        })
    }
}

/// One element of an accessor.
struct Element<'a> {
    bytes: &'a [u8],
    width: usize,
    component: u64,
    normalized: bool,
}

impl Elements<'_> {
    fn collect<T>(&self, index: usize, mut decode: impl FnMut(Element<'_>) -> T) -> Result<Vec<T>, GlbError> {
        let mut out = Vec::new();
        out.try_reserve_exact(self.count)
            .map_err(|_exhausted| GlbError::invalid(format!("accessor {index}"), "it does not fit into memory"))?;
        for number in 0..self.count {
            out.push(decode(Element {
                bytes: &self.bytes[number * self.stride..],
                width: self.width,
                component: self.component,
                normalized: self.normalized,
            }));
        }
        Ok(out)
    }
}

impl Element<'_> {
    fn float(&self, i: usize) -> f32 {
        let (two, four) = (
            || [self.bytes[2 * i], self.bytes[2 * i + 1]],
            || [self.bytes[4 * i], self.bytes[4 * i + 1], self.bytes[4 * i + 2], self.bytes[4 * i + 3]],
        );
        let (value, full) = match self.component {
            5120 => (f32::from(self.bytes[i].cast_signed()), 127.0),
            5121 => (f32::from(self.bytes[i]), 255.0),
            5122 => (f32::from(i16::from_le_bytes(two())), 32767.0),
            5123 => (f32::from(u16::from_le_bytes(two())), 65535.0),
            5125 => (u32::from_le_bytes(four()) as f32, 4_294_967_295.0),
            _ => return f32::from_le_bytes(four()),
        };
        if self.normalized { (value / full).max(-1.0) } else { value }
    }

    fn integer(&self) -> u32 {
        match self.component {
            5125 => u32::from_le_bytes([self.bytes[0], self.bytes[1], self.bytes[2], self.bytes[3]]),
            _ => self.float(0) as u32,
        }
    }
}
