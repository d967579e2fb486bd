//! Places and meanings of YAML scalars: the reader's character positions as bytes, folded lines as text.

/// Byte offsets of a copy by character.
pub(super) struct CharIndex<'a> {
    copy: &'a str,
    /// The text that it is a copy of. A character that was painted over with several has no place between them.
    text: &'a str,
    /// Byte of every 64th character; empty if bytes and characters are the same.
    marks: Vec<usize>,
}

const STRIDE: usize = 64;

impl<'a> CharIndex<'a> {
    pub(super) fn new(copy: &'a str, text: &'a str) -> Self {
        let marks = if copy.is_ascii() {
            Vec::new()
        } else {
            copy.char_indices().step_by(STRIDE).map(|(at, _)| at).collect()
        };
        CharIndex { copy, text, marks }
    }

    /// The byte at which character `index` begins; the text's length beyond its end.
    pub(super) fn byte(&self, index: usize) -> usize {
        let mut at = self.copied(index);
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn copied(&self, index: usize) -> usize {
        if self.marks.is_empty() {
            return index.min(self.copy.len());
        }
        let Some(mark) = self.marks.get(index / STRIDE) else { return self.copy.len() };
        let rest = self.copy.get(*mark..).unwrap_or("");
        rest.char_indices().nth(index % STRIDE).map_or(self.copy.len(), |(at, _)| mark + at)
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
