//! Foreign text made fit for logs and terminals.

/// Longest excerpt of a reply.
const LONGEST: usize = 200;

/// One line without control characters, at most 200 characters.
#[must_use]
pub(crate) fn excerpt(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&clean.split_whitespace().collect::<Vec<_>>().join(" "), LONGEST)
}

/// The first `most` characters; an ellipsis is the last one where something was cut off.
#[must_use]
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_one_short_harmless_line() {
        assert_eq!(excerpt("a\n\u{1b}[31mb\t c\u{7}"), "a [31mb c");
        assert_eq!(excerpt(&"é".repeat(500)).chars().count(), 200);
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }
}
