//! Meanings of YAML scalars: folded lines as text.

/// A plain scalar's meaning: its lines joined by spaces, an empty line being a line's end.
pub(super) fn folded(text: &str) -> String {
    if !text.contains('\n') {
        return text.to_owned();
    }
    let mut folded = String::new();
    let mut breaks = 0;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() {
            breaks += 1;
            continue;
        }
        match (index, breaks) {
            (0, _) => {}
            (_, 0) => folded.push(' '),
            (_, n) => folded.extend(std::iter::repeat_n('\n', n)),
        }
        breaks = 0;
        folded.push_str(line);
    }
    folded
}

/// How many more `(` than `)` a text has.
pub(super) fn open_calls(text: &str) -> isize {
    text.bytes().fold(0, |n, b| n + isize::from(b == b'(') - isize::from(b == b')'))
}
