//! `vfxb new`: a script to start from, made of the media at hand.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use vfxb_dsl::print;
use vfxb_dsl::source::SourceMap;
use vfxb_dsl::syntax::{self, Spelling};
use vfxb_dsl::value::Time;
use vfxb_engine::codes;
use vfxb_engine::effect::registry;
use vfxb_engine::media::{LibavMedia, Media, SourceInfo};

use crate::Context;
use crate::command::convert::{create, spelling_of};
use crate::layout::{GOOD, styled};
use crate::stop::Stop;
use crate::terminal::{Terminal, placeless};

/// Most of a clip that is used.
const CLIP_SECONDS: i64 = 5;
/// Clips shorter than this are joined by a plain cut.
const CROSSED_SECONDS: i64 = 2;

/// Write a script to start from; never replaces one
#[derive(Args)]
pub(crate) struct Options {
    /// The new script, .vfx or .yaml
    #[arg(value_name = "SCRIPT", value_hint = ValueHint::FilePath)]
    script: PathBuf,
    /// Videos, pictures and sounds to put into it, in order
    #[arg(value_name = "MEDIA", value_hint = ValueHint::FilePath)]
    media: Vec<PathBuf>,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let terminal = &context.terminal;
    let spelling = spelling_of(&options.script, terminal)?;
    let library = LibavMedia::default();
    let mut sources = Vec::new();
    for path in &options.media {
        match library.probe(path) {
            Ok(source) => sources.push((written_path(path, &options.script, terminal)?, source)),
            Err(error) => {
                return terminal.fail(placeless(codes::MEDIA, error.message, error.help), Stop::Failed);
            }
        }
    }
    let name = options.script.file_stem().map_or("film".into(), |stem| stem.to_string_lossy());
    let text = in_spelling(script(&sources, &name), spelling, terminal)?;
    create(&options.script, &text, false, "give another name", terminal)?;
    let shown = options.script.display();
    terminal.status(&format!("{} {shown}  now `vfxb render {shown}`", styled(GOOD, "✓")));
    Ok(json!({"file": options.script.to_string_lossy()}))
}

/// A medium's name as it stands in the script: relative to the script's folder where it lies under it.
fn written_path(medium: &Path, script: &Path, terminal: &Terminal) -> Result<String, Stop> {
    let folder = script.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = match (medium.canonicalize(), folder.canonicalize()) {
        (Ok(medium), Ok(folder)) => medium.strip_prefix(&folder).map(Path::to_owned).unwrap_or(medium),
        _ => medium.to_owned(),
    };
    match written.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => {
            let message =
                format!("the name of {} is not UTF-8, and a script cannot hold it", medium.display());
            let help = "rename the file".to_owned();
            terminal.fail(placeless(codes::MEDIA, message, Some(help)), Stop::Failed)
        }
    }
}

/// The script in `.vfx`.
fn script(sources: &[(String, Arc<SourceInfo>)], name: &str) -> String {
    let clips: Vec<_> = sources.iter().filter(|(_, source)| source.video.is_some()).collect();
    let sounds: Vec<_> = sources.iter().filter(|(_, source)| source.video.is_none()).collect();
    let mut text = String::from("timeline {\n");
    // Writing to a string cannot fail, here and below.
    let mut before: Option<Time> = None;
    for (path, source) in &clips {
        let whole = source.duration();
        let still = source.video.as_ref().is_some_and(|video| video.still);
        let most = Time::seconds(CLIP_SECONDS);
        let length = if still || whole > most { most } else { whole };
        let crossed = Time::seconds(CROSSED_SECONDS);
        if before.is_some_and(|before| before >= crossed) && length >= crossed {
            text.push_str("  transition crossfade 500ms\n");
        }
        before = Some(length);
        let path = quoted(path);
        let _ = match (still, whole > most) {
            (true, _) => writeln!(text, "  image {path} duration:{CLIP_SECONDS}s"),
            (false, true) => writeln!(text, "  video {path} in:0s out:{CLIP_SECONDS}s"),
            (false, false) => writeln!(text, "  video {path}"),
        };
    }
    if clips.is_empty() {
        let _ = writeln!(text, "  color #203040 duration:{CLIP_SECONDS}s");
    }
    text.push_str("}\n\noverlays {\n");
    let _ = writeln!(
        text,
        "  text {} at:0s duration:2s position:bottom offset:\"0px -8%\" size:8vmin",
        quoted(name)
    );
    text.push_str("}\n");
    if !sounds.is_empty() {
        text.push_str("\naudio {\n");
        for (path, _) in &sounds {
            let _ = writeln!(text, "  audio {} volume:-12dB fade_in:500ms fade_out:1s", quoted(path));
        }
        text.push_str("}\n");
    }
    let _ = writeln!(text, "\noutput {}", quoted(&format!("{name}.mp4")));
    text
}

/// A text as a string of the language.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted.replace("${", "$${")
}

fn in_spelling(text: String, spelling: Spelling, terminal: &Terminal) -> Result<String, Stop> {
    let remark = "Each effect and transition: `vfxb effects`. Everything at once: `vfxb check`.";
    if spelling == Spelling::Vfx {
        return Ok(format!("// {remark}\n\n{text}"));
    }
    let mut map = SourceMap::new();
    let file = map.add("<new>", "", text);
    let (document, findings) = syntax::parse(&map, file, Spelling::Vfx);
    let converted = match document {
        Some(document) => print::convert(&document, spelling, &registry::catalogue()),
        None => Err(findings),
    };
    match converted {
        Ok(text) => Ok(format!("# {remark}\n\n{text}")),
        Err(findings) => {
            terminal.findings(&findings, &map);
            Err(Stop::Failed)
        }
    }
}
