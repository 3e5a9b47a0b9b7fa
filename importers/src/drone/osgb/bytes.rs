//! The cursor: primitive encodings, brackets, and every bound a count must keep.

use super::OsgbError;

/// Strings are names and paths: nothing honest is longer.
const MAX_STRING_BYTES: usize = 1 << 16;

/// Reads numbers, strings and brackets from the decompressed part of a file.
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
    big_endian: bool,
    /// Whether blocks carry their size.
    pub(super) brackets: bool,
    pub(super) version: u32,
    /// Innermost class being read, for errors.
    pub(super) class: String,
}

/// End of an open block, where the file says it.
#[derive(Clone, Copy)]
pub(super) struct Block(Option<usize>);

impl<'a> Cursor<'a> {
    pub(super) fn new(data: &'a [u8], big_endian: bool) -> Self {
        Self { data, at: 0, big_endian, brackets: false, version: 0, class: "header".to_owned() }
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> OsgbError {
        OsgbError { reason: reason.into(), class: self.class.clone(), version: self.version, offset: self.at }
    }

    pub(super) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    pub(super) fn remaining(&self) -> usize {
        self.data.len() - self.at
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], OsgbError> {
        if count > self.remaining() {
            return Err(self.error(format!("{count} bytes are named and {} are left", self.remaining())));
        }
        let bytes = &self.data[self.at..self.at + count];
        self.at += count;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], OsgbError> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(N)?);
        if self.big_endian {
            out.reverse();
        }
        Ok(out)
    }

    pub(super) fn u8(&mut self) -> Result<u8, OsgbError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn bool(&mut self) -> Result<bool, OsgbError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            // Out of step: going on would only misread what follows.
            other => Err(self.error(format!("{other} where yes or no belongs"))),
        }
    }

    pub(super) fn u32(&mut self) -> Result<u32, OsgbError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, OsgbError> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(super) fn f32(&mut self) -> Result<f32, OsgbError> {
        Ok(f32::from_le_bytes(self.array()?))
    }

    pub(super) fn f64(&mut self) -> Result<f64, OsgbError> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    pub(super) fn f64s<const N: usize>(&mut self) -> Result<[f64; N], OsgbError> {
        let mut out = [0.0; N];
        for value in &mut out {
            *value = self.f64()?;
        }
        Ok(out)
    }

    pub(super) fn f32s<const N: usize>(&mut self) -> Result<[f32; N], OsgbError> {
        let mut out = [0.0; N];
        for value in &mut out {
            *value = self.f32()?;
        }
        Ok(out)
    }

    /// A count of things of at least `size` bytes each, all of which must still be there.
    pub(super) fn count(&mut self, size: usize) -> Result<usize, OsgbError> {
        let count = self.u32()? as usize;
        match count.checked_mul(size) {
            Some(bytes) if bytes <= self.remaining() => Ok(count),
            _ => Err(self
                .error(format!("{count} elements of {size} bytes are named and {} bytes are left", self.remaining()))),
        }
    }

    /// `count` values of `size` bytes, decoded from little-endian bytes.
    pub(super) fn values<const N: usize, T>(
        &mut self,
        count: usize,
        decode: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, OsgbError> {
        let size = count.checked_mul(N).ok_or_else(|| self.error("a count passes every limit"))?;
        let bytes = self.bytes(size)?;
        let (whole, _) = bytes.as_chunks::<N>();
        Ok(whole
            .iter()
            .map(|value| {
                let mut value = *value;
                if self.big_endian {
                    value.reverse();
                }
                decode(value)
            })
            .collect())
    }

    /// A string: UTF-8, else GBK, as Chinese exporters write whichever the machine had.
    pub(super) fn string(&mut self) -> Result<String, OsgbError> {
        let length = self.count(1)?;
        if length > MAX_STRING_BYTES {
            return Err(self.error(format!("a string of {length} bytes")));
        }
        let bytes = self.bytes(length)?;
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_not_utf8) => encoding_rs::GBK.decode_without_bom_handling(bytes).0.into_owned(),
        })
    }

    /// Opens a block: reads its size where the file has sizes.
    pub(super) fn open(&mut self) -> Result<Block, OsgbError> {
        if !self.brackets {
            return Ok(Block(None));
        }
        let start = self.at;
        let size = if self.version >= 149 { u64::from_le_bytes(self.array()?) } else { u64::from(self.u32()?) };
        let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
        match end {
            Some(end) if end >= self.at && end <= self.data.len() => Ok(Block(Some(end))),
            _ => Err(self.error(format!("a block of {size} bytes passes the end"))),
        }
    }

    /// Closes a block: exactly at its end where that is known.
    pub(super) fn close(&mut self, block: Block) -> Result<(), OsgbError> {
        match block.0 {
            Some(end) if end != self.at => Err(self.error(format!("a block ends at byte {end}"))),
            _ => Ok(()),
        }
    }

    /// Jumps to the end of a block and says how far that was; `None` where the end is not known.
    pub(super) fn skip(&mut self, block: Block) -> Option<usize> {
        let end = block.0?;
        let skipped = end.checked_sub(self.at)?;
        self.at = end;
        Some(skipped)
    }
}
