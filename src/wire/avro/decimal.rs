//! Decimals: whole numbers of any size in two's complement, and where the point stands.

use std::fmt::Write as _;

use crate::wire::cell::{Cell, Cells};

/// Longest number that is read, in bytes: about 308 digits, as far as f64 reaches.
const LONGEST: usize = 128;
/// Limbs of 32 bits.
const LIMBS: usize = LONGEST / 4;
/// Whole numbers up to here have exactly one f64.
const EXACT: u128 = 1 << 53;
/// Powers of ten that are exact in f64.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The number `unscaled` / 10^`scale`, big-endian: every digit counts, and only the result is
/// rounded, once. Without a fraction by its type it stays whole; a number that is too long is of
/// the wrong type.
pub(super) fn cell(unscaled: &[u8], scale: i64, cells: &mut Cells) -> Cell {
    if scale == 0
        && let Some(value) = small(unscaled).and_then(|value| i64::try_from(value).ok())
    {
        return Cell::Whole(value);
    }
    if let Some(value) = small(unscaled)
        && value.unsigned_abs() <= EXACT
        && let Some(ten) = usize::try_from(scale).ok().and_then(|scale| TENS.get(scale))
    {
        // Both are exact in f64, so this is the one rounding.
        return Cell::Float(value as f64 / ten);
    }
    let mut value = None;
    let text = cells.keep_with(|out| {
        let start = out.len();
        digits(unscaled, out)?;
        let end = out.len();
        if scale == 0 {
            value = out.get(start..end)?.parse().ok();
            return Some(());
        }
        // The parser rounds once, whatever the number of digits; the text is of no further use.
        let _ = write!(out, "e{}", scale.checked_neg()?);
        value = out.get(start..)?.parse::<f64>().ok();
        out.truncate(start);
        Some(())
    });
    match (text, value) {
        (Some(text), Some(value)) if scale == 0 => Cell::Number { value, whole: true, text },
        (Some(_), Some(value)) if value.is_finite() => Cell::Float(value),
        _ => Cell::Nested,
    }
}

/// The number where it fits.
fn small(unscaled: &[u8]) -> Option<i128> {
    let room = 16usize.checked_sub(unscaled.len())?;
    let fill = if is_negative(unscaled) { 0xff } else { 0 };
    let mut bytes = [fill; 16];
    bytes[room..].copy_from_slice(unscaled);
    Some(i128::from_be_bytes(bytes))
}

fn is_negative(unscaled: &[u8]) -> bool {
    unscaled.first().is_some_and(|byte| byte & 0x80 != 0)
}

/// Appends the number in decimal digits; `None` where it is too long.
fn digits(unscaled: &[u8], out: &mut String) -> Option<()> {
    if let Some(value) = small(unscaled) {
        let _ = write!(out, "{value}");
        return Some(());
    }
    let room = LONGEST.checked_sub(unscaled.len())?;
    let negative = is_negative(unscaled);
    let mut bytes = [if negative { 0xff } else { 0 }; LONGEST];
    bytes[room..].copy_from_slice(unscaled);
    let mut limbs = [0u32; LIMBS];
    for (limb, four) in limbs.iter_mut().zip(bytes.chunks_exact(4)) {
        *limb = four.iter().fold(0, |limb, byte| (limb << 8) | u32::from(*byte));
    }
    if negative {
        // Two's complement: all bits the other way round, and one more.
        let mut carry = true;
        for limb in limbs.iter_mut().rev() {
            (*limb, carry) = (!*limb).overflowing_add(u32::from(carry));
        }
        out.push('-');
    }
    let mut groups = [0u32; 2 * LIMBS];
    let mut used = 0;
    while limbs.iter().any(|limb| *limb != 0) {
        groups[used] = divide(&mut limbs);
        used += 1;
    }
    for (place, group) in groups[..used].iter().rev().enumerate() {
        let _ = match place {
            0 => write!(out, "{group}"),
            _ => write!(out, "{group:09}"),
        };
    }
    Some(())
}

/// Divides by 10^9 and returns the rest.
fn divide(limbs: &mut [u32; LIMBS]) -> u32 {
    const GROUP: u64 = 1_000_000_000;
    let mut rest = 0u64;
    for limb in limbs {
        let value = (rest << 32) | u64::from(*limb);
        *limb = (value / GROUP) as u32;
        rest = value % GROUP;
    }
    rest as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(unscaled: &[u8], scale: i64) -> (Cell, String) {
        let mut cells = Cells::new(1);
        let cell = cell(unscaled, scale, &mut cells);
        cells.set(0, cell);
        let mut scratch = String::new();
        let word = cells.view(b"").word(0, &mut scratch).map(str::to_owned);
        (cell, word.unwrap_or_default())
    }

    #[test]
    fn decimals_are_exact_to_their_scale() {
        assert_eq!(read(&[0x04, 0xd2], 2).0, Cell::Float(12.34));
        assert_eq!(read(&[0xfb, 0x2e], 2).0, Cell::Float(-12.34));
        assert_eq!(read(&[0xff], 0).0, Cell::Whole(-1));
        assert_eq!(read(&[], 3).0, Cell::Float(0.0));
        assert_eq!(read(&[1], 30).0, Cell::Float(1e-30));
        assert_eq!(read(&[1], -3).0, Cell::Float(1e3));
        assert_eq!(read(&[1], 400).0, Cell::Float(0.0));
        assert_eq!(read(&[1], -400).0, Cell::Nested);
        assert_eq!(read(&[0x7f; LONGEST + 1], 2).0, Cell::Nested);
        // 2^63 is one more than an i64 holds, and keeps every digit.
        assert_eq!(read(&[0, 0x80, 0, 0, 0, 0, 0, 0, 0], 0).1, "9223372036854775808");
    }

    proptest! {
        #[test]
        fn long_numbers_are_spelled_as_bigint_spells_them(
            bytes in proptest::collection::vec(any::<u8>(), 17..100),
            scale in 0i64..60,
        ) {
            let number = num_bigint::BigInt::from_signed_bytes_be(&bytes);
            prop_assert_eq!(read(&bytes, 0).1, number.to_string());
            let want: f64 = format!("{number}e-{scale}").parse().unwrap();
            match read(&bytes, scale).0 {
                Cell::Float(value) if scale > 0 => prop_assert_eq!(value, want),
                Cell::Number { value, .. } if scale == 0 => prop_assert_eq!(value, want),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
