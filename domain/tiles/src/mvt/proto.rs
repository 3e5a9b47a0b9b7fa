//! A reader of the protobuf wire format: tags, varints, fixed words and length-delimited slices.
//!
//! Not a general protobuf library: it hands out slices of the input and never allocates, so hostile lengths cost nothing.

use crate::TilesError;

/// One field's content.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// A cursor over one message.
#[derive(Debug, Clone)]
pub(super) struct Message<'a> {
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field's number and content, or `None` at the end.
    pub(super) fn next_field(&mut self) -> Result<Option<(u32, Wire<'a>)>, TilesError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).unwrap_or(0);
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.array()?),
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed32(self.array()?),
            kind => {
                return Err(TilesError::malformed("MVT", format!("protobuf wire type {kind}")));
            }
        };
        Ok(Some((number, wire)))
    }

    /// The next varint of a packed field, or `None` at the end.
    pub(super) fn next_varint(&mut self) -> Result<Option<u64>, TilesError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.varint().map(Some)
    }

    fn varint(&mut self) -> Result<u64, TilesError> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(TilesError::malformed("MVT", "a varint does not end"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], TilesError> {
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let Some((head, tail)) = split else {
            return Err(TilesError::malformed(
                "MVT",
                format!("a field of {length} bytes where {} are left", self.rest.len()),
            ));
        };
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TilesError> {
        let (head, tail) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| TilesError::malformed("MVT", "the message ends inside a number"))?;
        self.rest = tail;
        Ok(*head)
    }
}

/// Undoes protobuf's zigzag.
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
