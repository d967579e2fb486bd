//! Shaping and line breaking, by cosmic-text: pieces become glyphs at places.
//!
//! Each call gives the shaper a database of just the faces in use under names of our own, and a fixed locale: neither
//! what else is loaded nor the machine's language takes part.

use cosmic_text::fontdb::{Database, FaceInfo, ID, Language, Source, Stretch, Style};
use cosmic_text::{
    Align as LineAlign, Attrs, AttrsList, BufferLine, Ellipsize, Fallback, Family, FeatureTag, FontFeatures,
    FontSystem, Hinting, LayoutGlyph, LayoutLine, LineEnding, Metrics, Shaping, Weight, Wrap,
};
use unicode_script::Script;
use vfxb_dsl::script::Align;

use super::fonts::FaceUse;
use super::itemise::{Items, Paragraph};
use super::spec::{RunSpec, TextSpec};

/// Tab stops are so many spaces apart.
const TAB_SPACES: u16 = 8;

/// Glyphs in their places. The origin is the upper left corner of the lines, without padding; y is down.
pub(super) struct Layout {
    /// Of the widest line.
    pub(super) width: f32,
    /// Of all lines.
    pub(super) height: f32,
    pub(super) lines: usize,
    pub(super) glyphs: Vec<Placed>,
}

/// A glyph in its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// Index into the faces in use.
    pub(super) face: usize,
    /// Index of the run.
    pub(super) run: usize,
    /// Index in the face.
    pub(super) glyph: u16,
    /// The em in pixels.
    pub(super) size: f32,
    /// Of its origin.
    pub(super) x: f32,
    /// Of its baseline.
    pub(super) y: f32,
}

/// The shaper finds nothing on its own: every piece names a face that has its characters.
struct NoFallback;

impl Fallback for NoFallback {
    fn common_fallback(&self) -> &[&'static str] {
        &[]
    }

    fn forbidden_fallback(&self) -> &[&'static str] {
        &[]
    }

    fn script_fallback(&self, _script: Script, _locale: &str) -> &[&'static str] {
        &[]
    }
}

/// Shapes and breaks a spec's text.
pub(super) fn lay_out(spec: &TextSpec, items: &Items) -> Layout {
    let mut shaper = Shaper::new(spec, items);
    let wrap = spec.wrap_px.map(|wrap| wrap.max(1.0));
    let mut set: Vec<SetParagraph> =
        items.paragraphs.iter().map(|p| shaper.set(p, wrap, LineAlign::Left)).collect();
    let is_wrapped = set.iter().any(|p| p.lines.len() > 1);
    let mut width = set.iter().flat_map(|p| &p.lines).map(|line| shaper.width(line)).fold(0.0, f32::max);
    let justified = spec.align == Align::Justify && is_wrapped;
    if let (true, Some(wrap)) = (justified, wrap) {
        width = wrap;
        set = items.paragraphs.iter().map(|p| shaper.set(p, Some(wrap), LineAlign::Justified)).collect();
    }
    let mut layout = Layout { width, height: 0.0, lines: 0, glyphs: Vec::new() };
    for paragraph in &set {
        for line in &paragraph.lines {
            let share = if justified { 0.0 } else { share(spec.align, paragraph.rtl) };
            let shift = (width - shaper.width(line)).max(0.0) * share;
            shaper.place(line, paragraph.run, shift, &mut layout);
        }
    }
    layout
}

/// Which share of a line's free space is to its left.
fn share(align: Align, rtl: bool) -> f32 {
    match (align, rtl) {
        (Align::Center, _) => 0.5,
        (Align::Right, _) | (Align::Start | Align::Justify, true) | (Align::End, false) => 1.0,
        (Align::Left, _) | (Align::Start | Align::Justify, false) | (Align::End, true) => 0.0,
    }
}

/// A paragraph's lines.
struct SetParagraph {
    rtl: bool,
    lines: Vec<LayoutLine>,
    run: usize,
}

struct Shaper<'a> {
    spec: &'a TextSpec,
    system: FontSystem,
    /// The name of each face in the shaper's database.
    names: Vec<String>,
    weights: Vec<Weight>,
    /// Ascent and descent of each run in pixels, of its own face: a fallback does not move the line.
    extents: Vec<(f32, f32)>,
    /// (run, face) by the number that glyphs carry.
    looks: Vec<(usize, usize)>,
}

impl<'a> Shaper<'a> {
    fn new(spec: &'a TextSpec, items: &Items) -> Self {
        let mut db = Database::new();
        let names: Vec<String> = (0..items.faces.len()).map(|i| format!("face {i}")).collect();
        for (name, face) in names.iter().zip(&items.faces) {
            db.push_face_info(info(name, face));
        }
        let extents = spec.runs.iter().zip(&items.own).map(|(run, &own)| {
            let metrics = items.faces.get(own).map(|face| face.metrics().scale(run.size_px));
            metrics.map_or((run.size_px, 0.0), |m| (m.ascent, m.descent))
        });
        Shaper {
            spec,
            extents: extents.collect(),
            system: FontSystem::new_with_locale_and_db_and_fallback("en-US".to_owned(), db, NoFallback),
            names,
            weights: items.faces.iter().map(|face| Weight(face.weight)).collect(),
            looks: Vec::new(),
        }
    }

    fn look(&mut self, run: usize, face: usize) -> usize {
        self.looks.iter().position(|&look| look == (run, face)).unwrap_or_else(|| {
            self.looks.push((run, face));
            self.looks.len() - 1
        })
    }

    /// Shapes one paragraph and breaks it into lines.
    fn set(&mut self, paragraph: &Paragraph, width: Option<f32>, align: LineAlign) -> SetParagraph {
        let empty = SetParagraph { rtl: false, lines: Vec::new(), run: paragraph.run };
        let Some(first) = paragraph.pieces.first() else {
            return SetParagraph { lines: vec![blank_line()], ..empty };
        };
        let looks: Vec<usize> = paragraph.pieces.iter().map(|p| self.look(p.run, p.face)).collect();
        let Some(default) = self.attrs(first.run, first.face, 0) else { return empty };
        let mut list = AttrsList::new(&default);
        for (piece, look) in paragraph.pieces.iter().zip(looks) {
            if let Some(attrs) = self.attrs(piece.run, piece.face, look) {
                list.add_span(piece.range.clone(), &attrs);
            }
        }
        let mut line = BufferLine::new(paragraph.text.as_str(), LineEnding::None, list, Shaping::Advanced);
        line.set_align(Some(align));
        let wrap = if width.is_some() { Wrap::WordOrGlyph } else { Wrap::None };
        let mut lines = line
            .layout(&mut self.system, 16.0, width, wrap, Ellipsize::None, None, TAB_SPACES, Hinting::Disabled)
            .to_vec();
        let rtl = line.shape_opt().is_some_and(|shape| shape.rtl);
        for line in &mut lines {
            order(&mut line.glyphs, rtl);
        }
        SetParagraph { rtl, lines, ..empty }
    }

    fn attrs(&self, run: usize, face: usize, look: usize) -> Option<Attrs<'_>> {
        let spec = self.spec.runs.get(run)?;
        let attrs = Attrs::new()
            .family(Family::Name(self.names.get(face)?))
            .weight(*self.weights.get(face)?)
            .metadata(look)
            .metrics(Metrics::new(spec.size_px, self.line_height(spec)));
        if spec.letter_spacing_px == 0.0 {
            return Some(attrs);
        }
        // CSS Text 3 §8.2: spaced letters do not grow together.
        let mut features = FontFeatures::new();
        features.disable(FeatureTag::STANDARD_LIGATURES).disable(FeatureTag::CONTEXTUAL_LIGATURES);
        Some(attrs.letter_spacing(spec.letter_spacing_px / spec.size_px).font_features(features))
    }

    fn line_height(&self, run: &RunSpec) -> f32 {
        run.size_px * self.spec.line_height
    }

    /// A line's width without the space after its last letter.
    fn width(&self, line: &LayoutLine) -> f32 {
        let last = line.glyphs.iter().max_by(|a, b| a.x.total_cmp(&b.x));
        let run =
            last.and_then(|glyph| self.looks.get(glyph.metadata)).and_then(|look| self.spec.runs.get(look.0));
        (line.w - run.map_or(0.0, |run| run.letter_spacing_px)).max(0.0)
    }

    /// Puts one line under those before it.
    fn place(&self, line: &LayoutLine, empty_run: usize, shift: f32, layout: &mut Layout) {
        let run_of = |look: usize| self.looks.get(look).map_or(empty_run, |look| look.0);
        let mut runs: Vec<usize> = line.glyphs.iter().map(|glyph| run_of(glyph.metadata)).collect();
        runs.dedup();
        if runs.is_empty() {
            runs.push(empty_run);
        }
        let (mut height, mut ascent, mut descent) = (0.0f32, 0.0f32, 0.0f32);
        for run in runs {
            let extent = self.extents.get(run).copied().unwrap_or_default();
            ascent = ascent.max(extent.0);
            descent = descent.max(extent.1);
            height = height.max(self.spec.runs.get(run).map_or(0.0, |run| self.line_height(run)));
        }
        let baseline = layout.height + (height - ascent - descent) / 2.0 + ascent;
        for glyph in &line.glyphs {
            let Some(&(run, face)) = self.looks.get(glyph.metadata) else { continue };
            layout.glyphs.push(Placed {
                face,
                run,
                glyph: glyph.glyph_id,
                size: glyph.font_size,
                x: shift + glyph.x + glyph.x_offset * glyph.font_size,
                y: baseline + glyph.y - glyph.y_offset * glyph.font_size,
            });
        }
        layout.height += height;
        layout.lines += 1;
    }
}

/// Puts right-to-left glyphs of words that change their face in order: cosmic-text 0.19 orders each face's part of such
/// a word, but not the parts. Glyphs stand from right to left in a line of that direction, else from left to right.
fn order(glyphs: &mut [LayoutGlyph], line_rtl: bool) {
    for group in glyphs.chunk_by_mut(|a, b| a.level == b.level) {
        let key = |glyph: &LayoutGlyph| {
            let start = glyph.start as i64;
            if line_rtl { start } else { -start }
        };
        let is_rtl = group.first().is_some_and(|glyph| glyph.level.is_rtl());
        if !is_rtl || group.is_sorted_by_key(key) {
            continue;
        }
        let left = group.iter().map(|glyph| glyph.x).fold(f32::INFINITY, f32::min);
        let right = left + group.iter().map(|glyph| glyph.w).sum::<f32>();
        group.sort_by_key(key);
        let mut x = if line_rtl { right } else { left };
        for glyph in group {
            if line_rtl {
                x -= glyph.w;
            }
            glyph.x = x;
            if !line_rtl {
                x += glyph.w;
            }
        }
    }
}

fn blank_line() -> LayoutLine {
    LayoutLine {
        w: 0.0,
        max_ascent: 0.0,
        max_descent: 0.0,
        line_height_opt: None,
        glyphs: Vec::new(),
        decorations: Vec::new(),
    }
}

/// The shaper's record of a face: under our name, and with the weight that it is asked for, so that it is the one that
/// matches.
fn info(name: &str, face: &FaceUse) -> FaceInfo {
    FaceInfo {
        id: ID::dummy(),
        source: Source::Binary(face.face.data.clone()),
        index: face.face.index,
        families: vec![(name.to_owned(), Language::English_UnitedStates)],
        post_script_name: name.to_owned(),
        style: Style::Normal,
        weight: Weight(face.weight),
        stretch: Stretch::Normal,
        monospaced: false,
    }
}
