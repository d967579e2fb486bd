//! Places and meanings of YAML scalars: the reader's character positions as bytes, folded lines as text.

/// Byte offsets of a text by character.
pub(super) struct CharIndex<'a> {
    text: &'a str,
    /// Byte of every 64th character; empty if bytes and characters are the same.
    marks: Vec<usize>,
}

const STRIDE: usize = 64;

impl<'a> CharIndex<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let marks = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().step_by(STRIDE).map(|(at, _)| at).collect()
        };
        CharIndex { text, marks }
    }

    /// The byte at which character `index` begins; the text's length beyond its end.
    pub(super) fn byte(&self, index: usize) -> usize {
        if self.marks.is_empty() {
            return index.min(self.text.len());
        }
        let Some(mark) = self.marks.get(index / STRIDE) else { return self.text.len() };
        let rest = self.text.get(*mark..).unwrap_or("");
        rest.char_indices().nth(index % STRIDE).map_or(self.text.len(), |(at, _)| mark + at)
    }
}

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
