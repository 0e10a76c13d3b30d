//! The lexical half: strings and numbers, byte by byte.

/// Why a document cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not JSON: what was expected instead.
    Bad(&'static str),
    /// The payload ends here.
    Ended,
    /// One list or object too many around this byte.
    Deep,
}

/// A number and the nearest f64.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub value: f64,
    pub whole: bool,
    pub end: usize,
}

/// A string: where its inside ends, and whether it holds escapes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Inside {
    pub end: usize,
    pub escaped: bool,
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = ONES << 7;

/// Marks the high bit of the first byte (in little-endian order) that is a quote, a backslash or
/// a control character; bytes after it may be marked falsely, by borrows.
const fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    (word.wrapping_sub(ONES * 0x20) & !word
        | quote.wrapping_sub(ONES) & !quote
        | backslash.wrapping_sub(ONES) & !backslash)
        & HIGHS
}

/// Scans a string whose inside begins at `at`; on a fault `at` is told with it.
pub(super) fn string(bytes: &[u8], mut at: usize) -> Result<Inside, (Fault, usize)> {
    let mut escaped = false;
    loop {
        while let Some(&word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let marks = special(u64::from_le_bytes(word));
            if marks != 0 {
                at += (marks.trailing_zeros() / 8) as usize;
                break;
            }
            at += 8;
        }
        // Reached only by the last seven bytes: the others stopped at a special one.
        while bytes.get(at).is_some_and(|&b| b >= 0x20 && b != b'"' && b != b'\\') {
            at += 1;
        }
        match stop(bytes, at)? {
            None => return Ok(Inside { end: at, escaped }),
            Some(next) => (at, escaped) = (next, true),
        }
    }
}

/// At a quote: `None`; at an escape: where it ends.
fn stop(bytes: &[u8], at: usize) -> Result<Option<usize>, (Fault, usize)> {
    match bytes.get(at) {
        Some(b'"') => Ok(None),
        Some(b'\\') => match bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(Some(at + 2)),
            Some(b'u') => {
                for place in at + 2..at + 6 {
                    match bytes.get(place) {
                        Some(digit) if digit.is_ascii_hexdigit() => {}
                        Some(_) => return Err((Fault::Bad("four hexadecimal digits"), place)),
                        None => return Err((Fault::Ended, place)),
                    }
                }
                Ok(Some(at + 6))
            }
            Some(_) => Err((Fault::Bad("an escape that JSON knows"), at)),
            None => Err((Fault::Ended, at)),
        },
        Some(_) => Err((Fault::Bad("no bare control character in a text"), at)),
        None => Err((Fault::Ended, at)),
    }
}

/// Appends the inside of a scanned string with its escapes resolved; `None` for half a surrogate
/// pair, which stands for no character.
pub(super) fn unescape(inside: &str, out: &mut String) -> Option<()> {
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let mut used = 2;
        out.push(match escape.as_bytes().get(1)? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                used = 6;
                let first = u32::from_str_radix(escape.get(2..6)?, 16).ok()?;
                let code = if (0xd800..0xdc00).contains(&first) {
                    used = 12;
                    let second = escape.get(6..12)?.strip_prefix("\\u")?;
                    let second = u32::from_str_radix(second, 16).ok()?;
                    let low = second.checked_sub(0xdc00).filter(|&low| low < 0x400)?;
                    0x1_0000 + ((first - 0xd800) << 10) + low
                } else {
                    first
                };
                char::from_u32(code)?
            }
            other => char::from(*other),
        });
        rest = escape.get(used..)?;
    }
    out.push_str(rest);
    Some(())
}

/// Powers of ten that are exact in f64.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Scans a number that begins at `start`, with `-` or a digit; its value is only worked out where
/// it is `WANTED`.
pub(super) fn number<const WANTED: bool>(
    bytes: &[u8],
    start: usize,
) -> Result<Number, (Fault, usize)> {
    let mut at = start;
    let negative = bytes.get(at) == Some(&b'-');
    at += usize::from(negative);
    let mut digits = Digits::NONE;
    match bytes.get(at) {
        Some(b'0') => {
            at += 1;
            if bytes.get(at).is_some_and(u8::is_ascii_digit) {
                return Err((Fault::Bad("no number that begins with 0"), at));
            }
        }
        Some(b'1'..=b'9') => at = digits.take::<WANTED>(bytes, at),
        Some(_) => return Err((Fault::Bad("a digit"), at)),
        None => return Err((Fault::Ended, at)),
    }
    let (mut whole, mut power) = (true, 0i64);
    if bytes.get(at) == Some(&b'.') {
        whole = false;
        let fraction = at + 1;
        at = some_digits(bytes, fraction, digits.take::<WANTED>(bytes, fraction))?;
        power -= (at - fraction) as i64;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        whole = false;
        at += 1;
        let below = bytes.get(at) == Some(&b'-');
        at += usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
        let mut exponent = Digits::NONE;
        at = some_digits(bytes, at, exponent.take::<WANTED>(bytes, at))?;
        // Beyond this every f64 has become zero or infinite, whatever the digits.
        let size = if exponent.exact() { exponent.value.min(1 << 40) as i64 } else { 1 << 40 };
        power += if below { -size } else { size };
    }
    if !WANTED {
        return Ok(Number { value: f64::NAN, whole, end: at });
    }
    let value = match exact(&digits, power, negative) {
        Some(value) => value,
        None => {
            let text = bytes.get(start..at).and_then(|text| std::str::from_utf8(text).ok());
            // Every number of JSON's grammar is one that the standard library reads.
            text.and_then(|text| text.parse().ok()).unwrap_or(f64::INFINITY)
        }
    };
    Ok(Number { value, whole, end: at })
}

/// The value where one rounding is all it takes: both factors are exact in f64 (Clinger 1990).
fn exact(digits: &Digits, power: i64, negative: bool) -> Option<f64> {
    if !digits.exact() || digits.value > 1 << 53 {
        return None;
    }
    let ten = *TENS.get(usize::try_from(power.unsigned_abs()).ok()?)?;
    let digits = digits.value as f64;
    let size = if power < 0 { digits / ten } else { digits * ten };
    Some(if negative { -size } else { size })
}

/// Digits added up; more than [`MOST_DIGITS`] may have overflown.
struct Digits {
    value: u64,
    count: usize,
}

/// Every number of so many digits fits into 64 bits.
const MOST_DIGITS: usize = 19;

impl Digits {
    const NONE: Digits = Digits { value: 0, count: 0 };

    /// Takes all digits from `start` on, adding them up where they are `WANTED`; returns their end.
    fn take<const WANTED: bool>(&mut self, bytes: &[u8], start: usize) -> usize {
        let mut at = start;
        // Eight at once: how many digits a number has is never predictable.
        while let Some(word) = word_at(bytes, at) {
            let (digits, value) = leading_digits(word);
            if WANTED {
                let power = TENS[digits] as u64;
                self.value = self.value.wrapping_mul(power).wrapping_add(value);
            }
            at += digits;
            if digits < 8 {
                self.count += at - start;
                return at;
            }
        }
        // Reached only within the last seven bytes.
        while let Some(digit) = bytes.get(at).map(|b| b.wrapping_sub(b'0')).filter(|&d| d < 10) {
            if WANTED {
                self.value = self.value.wrapping_mul(10).wrapping_add(u64::from(digit));
            }
            at += 1;
        }
        self.count += at - start;
        at
    }

    fn exact(&self) -> bool {
        self.count <= MOST_DIGITS
    }
}

fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map(|word| u64::from_le_bytes(*word))
}

/// How many of eight characters are digits, up to the first that is none, and the number that they
/// spell: pairs, then fours, then all, in parallel (Lemire, "Quickly parsing eight digits", 2022).
#[inline(always)]
const fn leading_digits(word: u64) -> (usize, u64) {
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let word = word ^ (ONES * b'0' as u64);
    let others = (word | word.wrapping_add(ONES * 0x76)) & HIGHS;
    let digits = others.trailing_zeros() / 8;
    // Zeros are shifted in before the first digit.
    let word = if digits == 0 { 0 } else { word << (64 - 8 * digits) };
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let high = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & PAIRS).wrapping_mul(1 + (10_000 << 32));
    (digits as usize, high.wrapping_add(low) >> 32)
}

/// The number at `start` as most are written: up to seven digits, perhaps a point and up to seven
/// more, and not at the very end. `None` leaves it to [`number`].
#[inline(always)]
pub(super) fn plain(bytes: &[u8], start: usize) -> Option<Number> {
    let negative = *bytes.get(start)? == b'-';
    let first = start + usize::from(negative);
    let (digits, mut value) = leading_digits(word_at(bytes, first)?);
    let mut end = first + digits;
    if !matches!(digits, 1..8) || (digits > 1 && bytes.get(first) == Some(&b'0')) {
        return None;
    }
    let (mut whole, mut places) = (true, 0);
    if bytes.get(end) == Some(&b'.') {
        let (digits, fraction) = leading_digits(word_at(bytes, end + 1)?);
        if !matches!(digits, 1..8) {
            return None;
        }
        (whole, places, end) = (false, digits, end + 1 + digits);
        value = value * TENS[digits] as u64 + fraction;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        return None;
    }
    // Both are exact, so that one rounding is all it takes.
    let value = value as f64 / TENS[places];
    Some(Number { value: if negative { -value } else { value }, whole, end })
}

fn some_digits(bytes: &[u8], from: usize, end: usize) -> Result<usize, (Fault, usize)> {
    match bytes.get(from) {
        _ if end > from => Ok(end),
        Some(_) => Err((Fault::Bad("a digit"), from)),
        None => Err((Fault::Ended, from)),
    }
}
