//! Which face draws what: text falls into paragraphs, and those into pieces of one run and one face.
//!
//! The choice is made a grapheme cluster at a time, from the run's own face, then the bundled ones, then the system's
//! where allowed. Nothing else takes part, so that the same text and fonts always give the same pieces.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use unicode_script::UnicodeScript;
use unicode_segmentation::UnicodeSegmentation;

use super::fonts::{Face, FaceUse, Fonts};
use super::spec::{FontRef, RunSpec, TextSpec};
use super::{TextError, TextWarning};

/// Drawn where no font has a character: its purpose (Unicode §23.8), and the bundled font has it.
const REPLACEMENT: &str = "\u{FFFD}";
/// Most pieces of one paragraph: the shaper looks at all of them for every word.
const MAX_PIECES: usize = 10_000;
/// Most directions nested in each other. The standard has 125 levels, two for each, and the shaper breaks near its end.
const MAX_DEPTH: usize = 48;
/// Characters named in one warning.
const SAMPLE: usize = 8;

/// Text that knows its faces.
pub(super) struct Items {
    /// What lies between line feeds.
    pub(super) paragraphs: Vec<Paragraph>,
    /// Every face in use.
    pub(super) faces: Vec<FaceUse>,
    /// Index of each run's own face in `faces`.
    pub(super) own: Vec<usize>,
    pub(super) warnings: Vec<TextWarning>,
}

/// A paragraph.
#[derive(Default)]
pub(super) struct Paragraph {
    pub(super) text: String,
    /// The whole text, in order.
    pub(super) pieces: Vec<Piece>,
    /// The run that gives an empty paragraph its height.
    pub(super) run: usize,
}

/// Part of a paragraph.
pub(super) struct Piece {
    /// Bytes of the paragraph's text.
    pub(super) range: Range<usize>,
    pub(super) run: usize,
    pub(super) face: usize,
}

/// Splits a spec's text.
///
/// # Errors
/// If a font file cannot be used.
pub(super) fn itemise(spec: &TextSpec, fonts: &Fonts) -> Result<Items, TextError> {
    let mut itemiser = Itemiser { fonts, faces: Vec::new(), chosen: HashMap::new(), warnings: Vec::new() };
    let mut own = Vec::new();
    let mut paragraphs = vec![Paragraph::default()];
    let mut nesting = Nesting::default();
    for (index, run) in spec.runs.iter().enumerate() {
        let face = itemiser.own_face(run)?;
        own.push(face);
        for (line_index, line) in literal(&run.text, &mut nesting).split('\n').enumerate() {
            if line_index > 0 {
                paragraphs.push(Paragraph { run: index, ..Paragraph::default() });
            }
            if let Some(paragraph) = paragraphs.last_mut() {
                if paragraph.text.is_empty() {
                    paragraph.run = index;
                }
                for cluster in line.graphemes(true) {
                    let (face, text) = match itemiser.space_after(paragraph, cluster, index) {
                        Some(before) => (before, cluster),
                        None => itemiser.choose(cluster, index, run, face),
                    };
                    paragraph.push(text, index, face);
                }
            }
        }
    }
    // A line feed ends a line; after the last there is none.
    if paragraphs.len() > 1 && paragraphs.last().is_some_and(|last| last.text.is_empty()) {
        paragraphs.pop();
    }
    if paragraphs.iter().any(|paragraph| paragraph.pieces.len() > MAX_PIECES) {
        return Err(TextError::TooMixed);
    }
    Ok(Items { paragraphs, faces: itemiser.faces, own, warnings: itemiser.warnings })
}

impl Paragraph {
    fn push(&mut self, text: &str, run: usize, face: usize) {
        let start = self.text.len();
        self.text.push_str(text);
        match self.pieces.last_mut() {
            Some(piece) if piece.run == run && piece.face == face => piece.range.end = self.text.len(),
            _ => self.pieces.push(Piece { range: start..self.text.len(), run, face }),
        }
    }
}

/// How deep directions are nested, within a paragraph.
#[derive(Default)]
struct Nesting {
    open: usize,
    /// Of those, left out for being too deep.
    beyond: usize,
}

impl Nesting {
    /// Whether a character stays: all do but directions that are nested too deep, and their ends.
    fn keeps(&mut self, c: char) -> bool {
        match c {
            '\n' => *self = Nesting::default(),
            '\u{202A}' | '\u{202B}' | '\u{202D}' | '\u{202E}' | '\u{2066}'..='\u{2068}' => {
                let slot = if self.open < MAX_DEPTH { &mut self.open } else { &mut self.beyond };
                *slot += 1;
                return self.beyond == 0;
            }
            '\u{202C}' | '\u{2069}' if self.beyond > 0 => {
                self.beyond -= 1;
                return false;
            }
            '\u{202C}' | '\u{2069}' => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        true
    }
}

/// All kinds of line ends become line feeds; control characters other than tabs go.
fn literal(text: &str, nesting: &mut Nesting) -> String {
    let is_break =
        |c: char| matches!(c, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if is_break(c) { '\n' } else { c })
        .filter(|&c| (!c.is_control() || matches!(c, '\n' | '\t')) && nesting.keeps(c))
        .collect()
}

struct Itemiser<'a> {
    fonts: &'a Fonts,
    faces: Vec<FaceUse>,
    /// What was found for a cluster of a run: the face, and whether the cluster itself is drawn.
    chosen: HashMap<(usize, String), (usize, bool)>,
    warnings: Vec<TextWarning>,
}

impl Itemiser<'_> {
    fn own_face(&mut self, run: &RunSpec) -> Result<usize, TextError> {
        let found = match &run.font {
            FontRef::Bundled => None,
            FontRef::File(path) => Some(self.fonts.file(path, run.weight, run.italic)?),
            FontRef::Family(name) => {
                let found = self.fonts.family(name, run.weight, run.italic);
                let warning = TextWarning::MissingFamily(name.clone());
                if found.is_none() && !is_generic(name) && !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
                found
            }
        };
        let face = found.or_else(|| self.fonts.last_resort(run.weight, run.italic));
        let face = face.ok_or_else(|| TextError::FontBroken { reason: "no font is bundled".to_owned() })?;
        Ok(self.index_of(face))
    }

    fn index_of(&mut self, face: FaceUse) -> usize {
        self.faces.iter().position(|known| known.same(&face)).unwrap_or_else(|| {
            self.faces.push(face);
            self.faces.len() - 1
        })
    }

    /// The face before a space, if the space can be its: words in a fallback face then make one piece with the spaces
    /// between them.
    fn space_after(&self, paragraph: &Paragraph, cluster: &str, run: usize) -> Option<usize> {
        let piece = paragraph.pieces.last().filter(|piece| piece.run == run && cluster == " ")?;
        let face = self.faces.get(piece.face)?;
        covers(&face.face.font(), cluster).then_some(piece.face)
    }

    /// The face for a cluster, and what it draws.
    fn choose<'t>(&mut self, cluster: &'t str, index: usize, run: &RunSpec, own: usize) -> (usize, &'t str) {
        let key = (index, cluster.to_owned());
        let (face, drawn) = match self.chosen.get(&key) {
            Some(&known) => known,
            None => {
                let found = self.find(cluster, run, own);
                self.chosen.insert(key, found);
                found
            }
        };
        match (drawn, cluster.chars().all(char::is_whitespace)) {
            (true, _) => (face, cluster),
            (false, true) => (face, " "),
            (false, false) => (face, REPLACEMENT),
        }
    }

    fn find(&mut self, cluster: &str, run: &RunSpec, own: usize) -> (usize, bool) {
        let Some(own_use) = self.faces.get(own).cloned() else { return (own, true) };
        let resort = self.fonts.last_resort(run.weight, run.italic).map(|found| found.face);
        let near = || std::iter::once(&own_use.face).chain(&resort).chain(self.fonts.bundled());
        let emoji = wants_emoji(cluster);
        let covers = |font: &swash::FontRef<'_>| covers(font, cluster);
        let whole = |face: &Face| !(face.emoji && face.gradients) && covers(&face.font());
        let any = |face: &Face| covers_base(&face.font(), cluster);
        let found: Option<Arc<Face>> = None
            .or_else(|| near().take(usize::from(emoji)).find(|f| f.emoji && whole(f)).cloned())
            .or_else(|| emoji.then(|| self.fonts.system_covering(true, covers)).flatten())
            .or_else(|| near().find(|f| f.emoji == emoji && whole(f)).cloned())
            .or_else(|| near().find(|f| whole(f)).cloned())
            .or_else(|| self.fonts.system_covering(false, covers))
            .or_else(|| self.fonts.system_covering(true, covers))
            .or_else(|| near().find(|f| any(f)).cloned());
        if let Some(face) = found {
            return (self.index_of(FaceUse::new(&face, run.weight, run.italic)), true);
        }
        let blank = cluster.chars().all(char::is_whitespace);
        if !blank {
            self.miss(cluster);
        }
        let stand_in = resort.filter(|_| !blank).unwrap_or(own_use.face);
        (self.index_of(FaceUse::new(&stand_in, run.weight, run.italic)), false)
    }

    fn miss(&mut self, cluster: &str) {
        let name = cluster.chars().next().map_or("unknown", |c| c.script().full_name());
        for warning in &mut self.warnings {
            if let TextWarning::MissingGlyphs { script, sample } = warning
                && script == name
            {
                if sample.chars().count() < SAMPLE {
                    sample.push_str(cluster);
                }
                return;
            }
        }
        let sample = cluster.chars().take(SAMPLE).collect();
        self.warnings.push(TextWarning::MissingGlyphs { script: name.to_owned(), sample });
    }
}

/// CSS's words for "some font of this kind", which the bundled font is.
fn is_generic(name: &str) -> bool {
    ["sans-serif", "sans", "system-ui", "default"].iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// Whether a font has everything that is seen of a cluster.
fn covers(font: &swash::FontRef<'_>, cluster: &str) -> bool {
    let map = font.charmap();
    cluster.chars().all(|c| is_invisible(c) || map.map(if c == '\t' { ' ' } else { c }) != 0)
}

/// Whether a font has a cluster's first visible character: its marks are then composed, or lost.
fn covers_base(font: &swash::FontRef<'_>, cluster: &str) -> bool {
    let map = font.charmap();
    cluster.chars().find(|&c| !is_invisible(c)).is_some_and(|c| map.map(c) != 0)
}

/// Default-ignorable characters that text has for its own reasons (Unicode, DerivedCoreProperties): joiners, direction
/// marks, variation selectors, tags.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a cluster is to be seen as an emoji: it says so (U+FE0F), or lies in the emoji planes and does not say
/// otherwise (U+FE0E).
fn wants_emoji(cluster: &str) -> bool {
    let planes = |c: char| matches!(c, '\u{1F000}'..='\u{1FAFF}');
    cluster.contains('\u{FE0F}')
        || (cluster.chars().next().is_some_and(planes) && !cluster.contains('\u{FE0E}'))
}
