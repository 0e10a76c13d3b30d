//! Foreign text made fit for logs and terminals.

/// Longest excerpt of a reply.
const LONGEST: usize = 200;

/// One line without control characters, at most 200 characters.
#[must_use]
pub(crate) fn excerpt(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&clean.split_whitespace().collect::<Vec<_>>().join(" "), LONGEST)
}

/// The text with `***` in the place of every secret.
#[must_use]
pub(crate) fn without(text: &str, mut secrets: Vec<String>) -> String {
    // The longest first: a part of a secret must not break up the whole of it.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let some = secrets.iter().filter(|secret| !secret.is_empty());
    some.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
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
    fn secrets_are_taken_out_whole() {
        let secrets = ["key", "", "key of a key"].map(str::to_owned).to_vec();
        assert_eq!(without("a key of a key, a key", secrets), "a ***, a ***");
    }

    #[test]
    fn excerpts_are_one_short_harmless_line() {
        assert_eq!(excerpt("a\n\u{1b}[31mb\t c\u{7}"), "a [31mb c");
        assert_eq!(excerpt(&"é".repeat(500)).chars().count(), 200);
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }
}
