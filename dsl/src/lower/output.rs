//! Outputs: the ending picks the format.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::codes;
use crate::diagnostic::{Diagnostic, Severity};
use crate::script::{Fit, Output, OutputSize, Quality};
use crate::source::Spanned;
use crate::syntax::node::Node;
use crate::value::{Size, TimeRange, quantity};
use crate::vocabulary::Place;

use super::fields::Fields;
use super::parameter::{integer_in, number_in, time_point};
use super::{Lowering, closest, frame_rate, list, not_yet, value_of};

/// Endings of films with a picture.
pub const FILMS: [&str; 7] = ["mp4", "m4v", "mov", "mkv", "webm", "gif", "apng"];
/// Endings of stills and of sequences of stills.
pub const STILLS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// Endings of sound alone.
pub const SOUNDS: [&str; 6] = ["wav", "mp3", "m4a", "flac", "opus", "ogg"];
/// Endings that the language has but this version does not write.
const LATER_ENDINGS: [&str; 1] = ["m3u8"];

/// Endings of films that repeat by themselves and have no sound.
const ANIMATIONS: &[&str] = &["gif", "apng"];
/// Endings of sound that keeps not every sample.
const LOSSY_SOUNDS: &[&str] = &["mp3", "m4a", "opus", "ogg"];
/// Endings of sound that keeps every sample.
const LOSSLESS_SOUNDS: &[&str] = &["wav", "flac"];

/// Fields that mean nothing for some formats. A template with several outputs may well give them to all: what does no
/// harm is a warning. What a codec makes of `crf`, `bitrate` and `preset` is the engine's to say.
struct Meaningless {
    endings: &'static [&'static str],
    /// Whether it is all endings but these.
    all_others: bool,
    fields: &'static [&'static str],
    why: &'static str,
    help: &'static str,
    severity: Severity,
}

const ROW: Meaningless = Meaningless {
    endings: &[],
    all_others: false,
    fields: &[],
    why: "",
    help: "leave it out",
    severity: Severity::Error,
};

const MEANINGLESS: &[Meaningless] = &[
    Meaningless {
        endings: &STILLS,
        all_others: true,
        fields: &["at"],
        why: "it is for stills",
        help: "leave it out, or write `range`",
        ..ROW
    },
    Meaningless {
        endings: &STILLS,
        fields: &["audio_codec", "audio_bitrate", "bitrate"],
        why: "it has no sound and no rate",
        ..ROW
    },
    Meaningless {
        endings: &SOUNDS,
        fields: &["size", "resolution", "fit", "fps", "codec"],
        why: "it has no picture",
        ..ROW
    },
    Meaningless {
        endings: ANIMATIONS,
        all_others: true,
        fields: &["loop"],
        why: "it is for animations",
        ..ROW
    },
    Meaningless {
        endings: ANIMATIONS,
        fields: &["audio_codec", "audio_bitrate"],
        why: "it has no sound",
        severity: Severity::Warning,
        ..ROW
    },
    Meaningless {
        endings: LOSSY_SOUNDS,
        fields: &["crf", "bitrate"],
        why: "it has no picture",
        help: "write `audio_bitrate`",
        severity: Severity::Warning,
        ..ROW
    },
    Meaningless {
        endings: LOSSY_SOUNDS,
        fields: &["preset"],
        why: "it has no picture",
        severity: Severity::Warning,
        ..ROW
    },
    Meaningless {
        endings: LOSSLESS_SOUNDS,
        fields: &["crf", "bitrate", "audio_bitrate", "preset"],
        why: "it keeps every sample",
        help: "leave it out; `audio_codec` says how many bits a sample has",
        severity: Severity::Warning,
        ..ROW
    },
];

impl<'a> Lowering<'a> {
    /// One `output`.
    pub(super) fn output(&self, node: &'a Node) -> Option<Output> {
        let fields = self.plain_fields(node, Place::Top)?;
        let spec = Place::Top.kind("output")?;
        let Some(file) = fields.get("file") else {
            self.missing(node, "file", "write `output \"film.mp4\"`");
            return None;
        };
        let text = |name: &str| self.read(&fields, name, |t| Ok(t.to_string()));
        let token = self.scalar("file", file);
        let file =
            token.as_ref().and_then(|token| Some(Spanned::new(self.target("file", token)?, token.span)));
        let ending = token.as_ref().filter(|_| file.is_some()).and_then(|token| self.ending(token));
        if let Some(ending) = ending {
            let file = token.as_ref().map_or("", |token| token.value.as_str());
            self.check_fields(&fields, file, ending);
        }
        let size = self.output_size(&fields);
        let crf = self.read(&fields, "crf", number_in(0.0, 63.0));
        let repeat = self.read(&fields, "loop", integer_in(0, 65_535));
        let output = Output {
            file: file.clone().unwrap_or_else(|| Spanned::new(PathBuf::new(), node.span)),
            quality: self.word::<Quality>(&fields, spec, "quality").unwrap_or(Quality::Medium),
            size,
            fit: self.word::<Fit>(&fields, spec, "fit").unwrap_or(Fit::Contain),
            fps: self.read(&fields, "fps", frame_rate),
            codec: text("codec"),
            preset: text("preset"),
            crf,
            bitrate: self.read(&fields, "bitrate", quantity::bitrate),
            audio_codec: text("audio_codec"),
            audio_bitrate: self.read(&fields, "audio_bitrate", quantity::bitrate),
            at: self.read(&fields, "at", time_point),
            range: self.read(&fields, "range", str::parse::<TimeRange>),
            repeat: repeat.map_or(0, |n| u32::try_from(n.value).unwrap_or(0)),
            span: node.span,
        };
        file.is_some().then_some(output)
    }

    fn output_size(&self, fields: &Fields<'_>) -> Option<OutputSize> {
        if let (Some(first), Some(second)) = (fields.own("size"), fields.own("resolution")) {
            let message = "`resolution` is another word for `size`, which is given too";
            self.report(
                Diagnostic::error(codes::FIELD_TWICE, second.span, message).also(first.span, "given here"),
            );
        }
        let size = self.read(fields, "size", quantity::size);
        let size = size.or_else(|| self.read(fields, "resolution", quantity::size));
        value_of(size).map(|size| match size {
            Size::Exact(width, height) => OutputSize::Exact(width, height),
            Size::Lines(lines) => OutputSize::ShorterSide(lines),
        })
    }

    /// The ending of an output's path, if it is one that is written; else it is reported.
    fn ending(&self, file: &Spanned<String>) -> Option<&'static str> {
        let name = file.value.rsplit(['/', '\\']).next().unwrap_or("");
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
        let known: Vec<_> = FILMS.into_iter().chain(STILLS).chain(SOUNDS).collect();
        if let Some(found) = known.iter().find(|k| **k == ending) {
            return Some(found);
        }
        if LATER_ENDINGS.contains(&ending.as_str()) {
            self.report(not_yet(&format!(".{ending}"), file.span));
            return None;
        }
        let message = if ending.is_empty() {
            format!("`{}` has no ending, which would pick the format", file.value)
        } else {
            format!("unknown output format `.{ending}`")
        };
        let help = match closest(&ending, known.iter().copied()).filter(|_| !ending.is_empty()) {
            Some(word) => format!("did you mean `.{word}`?"),
            None => format!("known endings are {}", list(&known)),
        };
        self.report(Diagnostic::error(codes::UNKNOWN_FORMAT, file.span, message).help(help));
        None
    }

    /// Reports fields that mean nothing for the format, and those that contradict each other.
    fn check_fields(&self, fields: &Fields<'_>, file: &str, ending: &'static str) {
        for row in MEANINGLESS.iter().filter(|row| row.endings.contains(&ending) != row.all_others) {
            for name in row.fields {
                let Some(value) = fields.own(name) else { continue };
                let message = format!("`{name}` means nothing for `.{ending}`: {}", row.why);
                let finding = Diagnostic::new(row.severity, codes::OUTPUT_FIELD, value.span, message);
                self.report(finding.help(row.help));
            }
        }
        if let (Some(crf), Some(bitrate)) = (fields.own("crf"), fields.own("bitrate")) {
            let message = "`bitrate` and `crf` say two things about one picture";
            let finding = Diagnostic::error(codes::OUTPUT_FIELD, bitrate.span, message);
            self.report(finding.also(crf.span, "given here").help("leave one out"));
        }
        let one_picture = STILLS.contains(&ending) && (!file.contains('%') || fields.own("at").is_some());
        if let Some(range) = fields.own("range").filter(|_| one_picture) {
            let message = format!("`range` means nothing for one picture, `{file}`");
            let help =
                "write `at` for its instant, or `name-%04d.png` without `at` for a picture of each frame";
            self.report(Diagnostic::warning(codes::OUTPUT_FIELD, range.span, message).help(help));
        }
        if let Some(quality) = fields.own("quality").filter(|_| LOSSY_SOUNDS.contains(&ending))
            && quality.as_text() == Some("lossless")
        {
            let message = format!("`.{ending}` cannot keep every sample: it gets its highest quality");
            let finding = Diagnostic::warning(codes::OUTPUT_FIELD, quality.span, message);
            self.report(finding.help("write `.wav`, or `quality:high`"));
        }
    }

    /// Reports two outputs that write one file.
    pub(super) fn check_outputs(&self, outputs: &[Output]) {
        let mut files: BTreeMap<&Path, &Output> = BTreeMap::new();
        for output in outputs {
            let first = *files.entry(&output.file.value).or_insert(output);
            if !std::ptr::eq(first, output) {
                let message = format!("two outputs write `{}`", output.file.value.display());
                self.report(
                    Diagnostic::error(codes::SAME_OUTPUT, output.file.span, message)
                        .also(first.file.span, "the first is here")
                        .help("give one another name"),
                );
            }
        }
    }
}
