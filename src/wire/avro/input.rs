//! The bytes of a datum: numbers, lengths, pieces. Every length is checked against what is there.

/// Why a datum cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The payload ends here.
    Ended,
    /// Not what the schema says: what is wrong.
    Bad(&'static str),
    /// Values nested too deeply around this byte.
    Deep,
    /// A text that is not UTF-8.
    NotText,
}

const TOO_WIDE: &str = "a number has more than 64 bits";

/// Where a walk stands.
#[derive(Debug)]
pub(super) struct Input<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Input<'a> {
    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Past `n` bytes, which it returns.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(n).ok_or(Fault::Ended)?;
        let piece = self.bytes.get(self.at..end).ok_or(Fault::Ended)?;
        self.at = end;
        Ok(piece)
    }

    /// Past so many bytes of a fixed number.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let piece = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>);
        let piece = piece.ok_or(Fault::Ended)?;
        self.at += N;
        Ok(*piece)
    }

    /// Past one variable-length number, whatever its value.
    #[inline]
    pub fn pass_varint(&mut self) -> Result<(), Fault> {
        self.varint().map(drop)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Fault> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Fault> {
        let mut at = self.at;
        let value = varint(|| {
            let byte = *self.bytes.get(at).ok_or(Fault::Ended)?;
            at += 1;
            Ok(byte)
        })?;
        self.at = at;
        value.ok_or(Fault::Bad(TOO_WIDE))
    }

    /// A `long`.
    #[inline]
    pub fn long(&mut self) -> Result<i64, Fault> {
        self.varint().map(signed)
    }

    /// An `int`.
    #[inline]
    pub fn int(&mut self) -> Result<i32, Fault> {
        i32::try_from(self.long()?).map_err(|_| Fault::Bad("an int has more than 32 bits"))
    }

    /// A length in bytes, all of which are there.
    #[inline]
    pub fn length(&mut self) -> Result<usize, Fault> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.left() => Ok(length),
            Ok(_) => Err(Fault::Ended),
            Err(_) if length < 0 => Err(Fault::Bad("a length is negative")),
            Err(_) => Err(Fault::Ended),
        }
    }

    /// The place of a branch of a union, or of a symbol of an enum, among `of`.
    #[inline]
    pub fn choice(&mut self, of: usize) -> Result<usize, Fault> {
        let place = self.long()?;
        usize::try_from(place)
            .ok()
            .filter(|&place| place < of)
            .ok_or(Fault::Bad("there is no such branch or symbol"))
    }

    /// The head of the next block of a list or map: how many items, and their bytes where they
    /// are said. `None` at the end.
    pub fn block(&mut self) -> Result<Option<(u64, Option<usize>)>, Fault> {
        match self.long()? {
            0 => Ok(None),
            count if count > 0 => Ok(Some((count.unsigned_abs(), None))),
            count => {
                let bytes = self.length()?;
                Ok(Some((count.unsigned_abs(), Some(bytes))))
            }
        }
    }
}

/// A `long` out of bytes that come one by one; `None`: it has more than 64 bits.
///
/// # Errors
/// What `next` says.
pub fn long<E>(next: impl FnMut() -> Result<u8, E>) -> Result<Option<i64>, E> {
    Ok(varint(next)?.map(signed))
}

#[inline]
fn varint<E>(mut next: impl FnMut() -> Result<u8, E>) -> Result<Option<u64>, E> {
    let mut value = 0u64;
    for place in 0..10 {
        let byte = next()?;
        if place == 9 && byte > 1 {
            return Ok(None);
        }
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

#[inline]
fn signed(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(bytes: &[u8]) -> Result<i64, Fault> {
        Input { bytes, at: 0 }.long()
    }

    #[test]
    fn numbers_are_those_of_the_specification() {
        for (bytes, value) in [
            (&[0u8][..], 0),
            (&[1], -1),
            (&[2], 1),
            (&[0x7f], -64),
            (&[0x80, 1], 64),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], i64::MAX),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], i64::MIN),
        ] {
            assert_eq!(long(bytes), Ok(value), "{bytes:?}");
        }
        assert_eq!(long(&[0x80]), Err(Fault::Ended));
        assert!(matches!(long(&[0xff; 10]), Err(Fault::Bad(_))));
        // 65 bits, of which the lower 64 are those of 0.
        let wide = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2];
        assert!(matches!(long(&wide), Err(Fault::Bad(_))));
        let mut wide = Input { bytes: &[0x80, 0x80, 0x80, 0x80, 0x20], at: 0 };
        assert!(matches!(wide.int(), Err(Fault::Bad(_))));
    }

    #[test]
    fn lengths_never_leave_the_payload() {
        assert_eq!(Input { bytes: &[4, 0], at: 0 }.length(), Err(Fault::Ended));
        assert!(matches!(Input { bytes: &[1], at: 0 }.length(), Err(Fault::Bad(_))));
        let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(Input { bytes: &huge, at: 0 }.length(), Err(Fault::Ended));
        let least = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0];
        assert_eq!(Input { bytes: &least, at: 0 }.block(), Ok(Some((1 << 63, Some(0)))));
    }
}
