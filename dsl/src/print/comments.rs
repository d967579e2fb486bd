//! The comments of a `.vfx` text and where they stand, for printing it again.

/// One comment.
#[derive(Debug, PartialEq)]
pub(super) struct Comment<'t> {
    /// Its first byte in the text.
    pub(super) start: usize,
    /// One past its last byte.
    pub(super) end: usize,
    /// As it is written, with its marks.
    pub(super) text: &'t str,
}

/// Every comment of a text, in order. Knows strings and variables as the grammar does.
pub(super) fn comments(text: &str) -> Vec<Comment<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.get(2..).and_then(|inner| inner.find("*/")).map_or(rest.len(), |inner| inner + 4)
        } else if rest.starts_with('"') {
            at += string_length(rest);
            continue;
        } else if rest.starts_with("${") {
            at += rest.find(['}', '\n', '"', '{']).filter(|i| *i > 1).map_or(2, |i| i.max(2));
            continue;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let comment = rest.get(..length).unwrap_or(rest).trim_end();
        found.push(Comment { start: at, end: at + comment.len(), text: comment });
        at += length;
    }
    found
}

/// How long the string at the front of a text is, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return at,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_not_looked_for_in_strings() {
        let text = "a \"// no \\\" // no\" // one\n/* two\n */ b ${c} /* three */ \"x\n// four";
        let texts: Vec<_> = comments(text).into_iter().map(|c| c.text).collect();
        assert_eq!(texts, ["// one", "/* two\n */", "/* three */", "// four"]);
    }
}
