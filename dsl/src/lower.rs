//! From the tree to the typed script, with every diagnostic at once.
//!
//! A [`Document`] of either spelling comes in; YAML's mappings become nodes by the vocabulary ([`yaml`]), then both
//! take one path: bindings are read, fields are typed, styles and defaults merged, effects checked against the
//! [`Catalogue`]. A [`Script`] goes out if nothing was wrong. Times stay as written: only the timeline knows the
//! clocks. No finding stops the search for the next.

mod bindings;
mod effects;
mod fields;
mod findings;
mod ids;
mod item;
mod keyframes;
mod output;
mod parameter;
mod path;
mod reading;
mod sequence;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod variables;
mod visual;
pub mod yaml;

use std::borrow::Cow;

use crate::codes;
use crate::diagnostic::{Diagnostic, tidy};
use crate::script::{Canvas, FrameRate, Script};
use crate::source::{Base, FileId, SourceMap, Span, Spanned};
use crate::syntax::node::{Document, Node};
use crate::syntax::{self, Spelling};
use crate::value::{Misread, Rational, quantity};
use crate::vocabulary::{Catalogue, LATER, NODES, Place, Role, later_effect};

pub use output::{FILMS, SOUNDS, STILLS};
pub use parameter::{default_value, read_parameter};

/// Lowers a tree to a script. `file` is the text that the tree came from: paths in it are put behind its folder.
/// `sets` are values for variables from outside, by name; they win over the defaults in the script.
///
/// The script is there if none of the diagnostics is an error.
pub fn lower(
    doc: &Document,
    map: &SourceMap,
    file: FileId,
    catalogue: &Catalogue,
    sets: &[(String, String)],
) -> (Option<Script>, Vec<Diagnostic>) {
    let (nodes, mut findings) = nodes(doc, catalogue);
    let mut lowering = Lowering {
        map,
        base: &map.file(file).base,
        catalogue,
        spelling: spelling_of(doc),
        findings: findings::Findings::default(),
        variables: variables::Variables::default(),
        bindings: bindings::Bindings::default(),
    };
    lowering.bind(&nodes, sets);
    let script = lowering.script(&nodes);
    lowering.report_unused();
    findings.extend(lowering.findings.finish());
    findings = tidy(findings);
    for finding in &mut findings {
        shorten(&mut finding.message);
        finding.help.iter_mut().for_each(shorten);
    }
    let wrong = findings.iter().any(Diagnostic::is_error);
    ((!wrong).then_some(script), findings)
}

/// Reads and lowers one text of `map`: [`syntax::parse`], then [`lower`], with the findings of both.
///
/// The script is there if none of the diagnostics is an error.
pub fn compile(
    map: &SourceMap,
    file: FileId,
    spelling: Spelling,
    catalogue: &Catalogue,
    sets: &[(String, String)],
) -> (Option<Script>, Vec<Diagnostic>) {
    let (doc, mut findings) = syntax::parse(map, file, spelling);
    let Some(doc) = doc else { return (None, findings) };
    let (script, words) = lower(&doc, map, file, catalogue, sets);
    let script = script.filter(|_| !findings.iter().any(Diagnostic::is_error));
    findings.extend(words);
    (script, tidy(findings))
}

/// Most characters of a message: a wrong value may be a text of a hundred kilobytes.
const LONGEST_MESSAGE: usize = 400;

/// Puts a message on one line and cuts it where it quotes too much.
fn shorten(message: &mut String) {
    if message.chars().any(char::is_control) {
        *message = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    if let Some((cut, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
        message.truncate(cut);
        message.push('…');
    }
}

/// The nodes of a tree of either spelling.
pub fn nodes<'a>(doc: &'a Document, catalogue: &Catalogue) -> (Cow<'a, [Node]>, Vec<Diagnostic>) {
    match doc {
        Document::Nodes(nodes) => (Cow::Borrowed(nodes), Vec::new()),
        Document::Map(map) => {
            let (nodes, findings) = yaml::nodes(map, catalogue);
            (Cow::Owned(nodes), findings)
        }
    }
}

/// The names of the variables that a tree binds: those that may be set from outside.
pub fn variables(doc: &Document, catalogue: &Catalogue) -> Vec<String> {
    bindings::variables(&nodes(doc, catalogue).0)
}

/// What every part of lowering reads and writes.
struct Lowering<'a> {
    map: &'a SourceMap,
    base: &'a Base,
    catalogue: &'a Catalogue,
    spelling: Spelling,
    findings: findings::Findings,
    variables: variables::Variables,
    bindings: bindings::Bindings<'a>,
}

impl<'a> Lowering<'a> {
    fn report(&self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Reports that the value of `field` is not what it should be.
    fn misread(&self, field: &str, span: Span, fault: Misread) {
        self.report(
            Diagnostic::error(fault.code, span, format!("`{field}`: {}", fault.what)).help(fault.help),
        );
    }

    fn script(&self, nodes: &'a [Node]) -> Script {
        let mut script = Script {
            canvas: Canvas::default(),
            timeline: None,
            overlays: Vec::new(),
            audio: Vec::new(),
            outputs: Vec::new(),
        };
        let mut once: Vec<&Node> = Vec::new();
        for node in nodes {
            let kind = node.kind.value.as_str();
            if matches!(kind, "canvas" | "timeline" | "overlays" | "audio" | "defaults")
                && self.is_second(&mut once, node)
            {
                continue;
            }
            match kind {
                "canvas" => script.canvas = self.canvas(node),
                "timeline" => script.timeline = Some(self.main_sequence(node)),
                "overlays" => script.overlays = self.placed(node, Place::Overlays),
                "audio" => script.audio = self.placed(node, Place::Audio),
                "output" => script.outputs.extend(self.output(node)),
                "var" | "media" | "style" | "defaults" => {}
                _ => self.unknown_kind(node, Place::Top),
            }
        }
        self.check_outputs(&script.outputs);
        self.check_ids(&script);
        script
    }

    /// Whether a node of this kind stood here before; reported if so.
    fn is_second(&self, once: &mut Vec<&'a Node>, node: &'a Node) -> bool {
        let kind = &node.kind.value;
        if let Some(first) = once.iter().find(|n| n.kind.value == *kind) {
            self.report(
                Diagnostic::error(codes::SECOND_NODE, node.kind.span, format!("there are two `{kind}`"))
                    .also(first.kind.span, "the first is here")
                    .help("put both together into one"),
            );
            return true;
        }
        once.push(node);
        false
    }

    fn canvas(&self, node: &'a Node) -> Canvas {
        let Some(fields) = self.plain_fields(node, Place::Top) else { return Canvas::default() };
        let size = self.read(&fields, "size", |text| quantity::size(text).map(quantity::Size::on_canvas));
        let sample_rate = self.read(&fields, "sample_rate", |text| {
            let hertz = quantity::frequency(text)?;
            let allowed = Rational::from_integer(8000)..=Rational::from_integer(192_000);
            if !hertz.is_integer() || !allowed.contains(&hertz) {
                let what = format!("`{text}` is beyond the limits");
                return Err(Misread::limit(what, "a sample rate is a whole number from 8000 to 192000"));
            }
            Ok(u32::try_from(hertz.to_integer()).unwrap_or(48_000))
        });
        Canvas {
            size,
            fps: self.read(&fields, "fps", frame_rate),
            background: self.read(&fields, "background", str::parse).map(|c| c.value),
            sample_rate,
        }
    }

    /// Says what is wrong with a node that cannot stand in `place`.
    fn unknown_kind(&self, node: &Node, place: Place) {
        let name = &node.kind;
        if self.findings.is_full() {
            return self.report(Diagnostic::error(codes::UNKNOWN_KIND, name.span, "unknown word"));
        }
        self.report(unknown_kind(&name.value, name.span, place, self.catalogue, self.spelling));
    }
}

/// `30`, or `source`.
fn frame_rate(text: &str) -> Result<FrameRate, Misread> {
    if text == "source" { Ok(FrameRate::Source) } else { quantity::rate(text).map(FrameRate::Constant) }
}

/// The spelling that a tree came from.
fn spelling_of(doc: &Document) -> Spelling {
    match doc {
        Document::Nodes(_) => Spelling::Vfx,
        Document::Map(_) => Spelling::Yaml,
    }
}

/// The finding for a word that is no kind of node in `place`.
fn unknown_kind(
    name: &str,
    span: Span,
    place: Place,
    catalogue: &Catalogue,
    spelling: Spelling,
) -> Diagnostic {
    if LATER.iter().any(|w| w.name == name && w.places.contains(&place)) {
        return not_yet(name, span);
    }
    let here = place.name();
    let elsewhere: Vec<_> = NODES
        .iter()
        .filter(|n| n.name == name)
        .flat_map(|n| n.places.iter())
        .chain(LATER.iter().filter(|w| w.name == name).flat_map(|w| w.places.iter()))
        .map(|p| p.name())
        .collect();
    if !elsewhere.is_empty() {
        return Diagnostic::error(codes::WRONG_PLACE, span, format!("`{name}` cannot stand in {here}"))
            .help(format!("it stands in {}", elsewhere.join(", or in ")));
    }
    let finding = Diagnostic::error(codes::UNKNOWN_KIND, span, format!("unknown word `{name}` in {here}"))
        .label("nothing here has this name");
    match catalogue.find(name).map(|effect| effect.role).or_else(|| later_effect(name)) {
        Some(Role::Transition) if matches!(place, Place::Sequence | Place::AudioSequence) => {
            return finding.help(format!("write `transition {name} 1s`"));
        }
        Some(Role::Transition) => {
            let help = format!(
                "`{name}` is a transition: write `transition {name} 1s` between two items of a timeline"
            );
            return finding.help(help);
        }
        Some(Role::Picture | Role::Sound) => {
            return finding
                .help(format!("`{name}` is an effect: it stands behind a `|` or in a list of `effects`"));
        }
        None => {}
    }
    // Only YAML gathers what is bound and written under plurals.
    let yaml = spelling == Spelling::Yaml;
    if let Some(one) = place.kinds().find(|n| n.plural == Some(name) && !yaml) {
        let written =
            if one.binds { format!("{} NAME = …", one.name) } else { format!("{} …", one.name) };
        return finding.help(format!("write a line for each: `{written}`"));
    }
    let named = |n: &'static crate::vocabulary::NodeSpec| match n.plural {
        Some(plural) if yaml && n.binds => plural,
        _ => n.name,
    };
    let mut words: Vec<_> = place.kinds().map(named).collect();
    words.dedup();
    let later = LATER.iter().filter(|w| w.places.contains(&place)).map(|w| w.name);
    match closest(name, words.iter().copied().chain(later)) {
        Some(word) => finding.help(format!("did you mean `{word}`?")),
        None => finding.help(format!("these can stand here: {}", list(&words))),
    }
}

/// The finding for a word that the language has and this version does not do.
fn not_yet(word: &str, span: Span) -> Diagnostic {
    Diagnostic::error(codes::NOT_YET, span, format!("`{word}` is not available yet"))
        .label("not in this version")
        .help("leave it out for now")
}

/// So many names are looked through for a suggestion.
const MOST_CANDIDATES: usize = 1000;

/// The candidate that `word` is most likely a slip of.
pub fn closest<'w>(word: &str, candidates: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let length = word.chars().count();
    // Beyond this length nothing is a slip of a word of ours, and comparing costs the product of both lengths.
    if length > 60 {
        return None;
    }
    // A third of a short word, but never so much that another word of the same ending counts as a slip.
    let most = (length / 3).clamp(1, if length < 12 { 2 } else { 3 });
    candidates
        .take(MOST_CANDIDATES)
        .map(|c| (strsim::damerau_levenshtein(word, c), c))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// Words in backquotes with commas between.
fn list(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

/// Puts a value and its place together if there is one.
fn value_of<T>(spanned: Option<Spanned<T>>) -> Option<T> {
    spanned.map(|s| s.value)
}
