//! The plan: what is rendered, in which segments, by which executor, into which files.
//!
//! A script and probed media come in; a [`Plan`] goes out that names everything a render needs, as plain data: for each
//! distinct clock and class of picture a timeline, its graph, the picture that is rendered, the segments, and the files
//! that are made of it. Planning is pure: it opens no device, decodes nothing and writes nothing.

pub mod fuse;
mod outputs;
mod segment;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{FrameRate, Script};
use vfxb_dsl::source::{Span, Spanned};
use vfxb_dsl::value::{Time, TimePoint, TimeRange};

use crate::clock::Clock;
use crate::graph::{Graph, graph};
use crate::media::Media;
use crate::media::encode::{AudioSettings, FormatSpec, VideoSettings, format_of, numbered};
use crate::picture::PictureSpec;
use crate::text::FontRef;
use crate::timeline::{self, Composition, Content, Timeline};

pub use fuse::{Framing, Recipe, delivery};
pub use segment::{Segment, Way};

/// Which machine renders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The GPU if there is a hardware one, else the cpu.
    #[default]
    Auto,
    /// Rayon and SIMD.
    Cpu,
    /// wgpu, on software Vulkan if there is nothing better.
    Gpu,
}

/// What the caller decides beside the script.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Writes the script's only output here instead; makes one if it has none.
    pub output: Option<PathBuf>,
    /// A still of this instant in `output`, in place of all that the script writes.
    pub at: Option<TimePoint>,
    /// Only this part of the film.
    pub range: Option<TimeRange>,
    /// A quick look: at most 480 rows, the encoder's fastest preset.
    pub preview: bool,
    /// Pictures of at most so many rows; the film's own if none.
    pub rows: Option<u32>,
    /// Which machine.
    pub backend: Backend,
}

/// Everything a render needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// One for each distinct clock and class of picture of the outputs.
    pub renders: Vec<Render>,
    /// Which machine.
    pub backend: Backend,
}

impl Plan {
    /// Every file that rendering it reads: media, the stills of sequences, fonts. The one list of them.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        for render in &self.renders {
            files
                .extend(render.timeline.sources.iter().flat_map(|source| source.files()).map(Path::to_owned));
            fonts(&render.timeline.film, &mut files);
        }
        files
    }
}

fn fonts(film: &Composition, files: &mut BTreeSet<PathBuf>) {
    for layer in &film.layers {
        match &layer.content {
            Content::Group { composition, .. } => fonts(composition, files),
            Content::Text(text) => {
                let spec = fuse::text_spec(text, Time::ZERO, 1.0);
                files.extend(spec.runs.into_iter().filter_map(|run| match run.font {
                    FontRef::File(path) => Some(path),
                    FontRef::Bundled | FontRef::Family(_) => None,
                }));
            }
            _ => {}
        }
    }
}

/// One rendered canvas and the files made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Render {
    /// What is seen and heard when.
    pub timeline: Timeline,
    /// What each frame is.
    pub graph: Graph,
    /// The picture that is rendered: the largest of the files'.
    pub target: PictureSpec,
    /// What is rendered, in order.
    pub segments: Vec<Segment>,
    /// The files.
    pub deliveries: Vec<Delivery>,
}

impl Render {
    /// The frames from the first that some file wants to the last.
    pub fn frames(&self) -> Range<u64> {
        let wanted = self.deliveries.iter().filter(|d| d.video.is_some());
        let start = wanted.clone().map(|d| d.frames.start).min().unwrap_or(0);
        start..wanted.map(|d| d.frames.end).max().unwrap_or(0)
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Where it is written.
    pub file: PathBuf,
    /// Which frames of the film it has.
    pub frames: Range<u64>,
    /// Which samples of the film's sound it has.
    pub samples: Range<i64>,
    /// Its picture, if it has one.
    pub video: Option<VideoSettings>,
    /// How the canvas fills it.
    pub framing: Framing,
    /// Its sound, if it has some.
    pub audio: Option<AudioSettings>,
}

impl Delivery {
    /// What a delivered picture is.
    pub fn spec(&self) -> Option<PictureSpec> {
        let video = self.video.as_ref()?;
        Some(PictureSpec {
            width: video.width,
            height: video.height,
            format: video.format,
            colour: video.colour,
            premultiplied: false,
        })
    }

    /// The files' names: [`Delivery::file`], or those of a numbered run of stills.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let run = format_of(&self.file).is_some_and(FormatSpec::is_still);
        let count = self.frames.end.saturating_sub(self.frames.start);
        let names = (1..=u32::try_from(count).unwrap_or(u32::MAX))
            .map_while(move |number| if run { numbered(&self.file, number) } else { None });
        let one = if run && numbered(&self.file, 1).is_some() { None } else { Some(self.file.clone()) };
        one.into_iter().chain(names)
    }

    /// How long it is, on the clock of its film.
    pub fn duration(&self, clock: &Clock) -> Time {
        clock.time(self.frames.end) - clock.time(self.frames.start)
    }
}

/// Plans a script. Every finding comes back; there is a plan only if none of them is an error.
pub fn plan(script: &Script, media: &dyn Media, request: &Request) -> (Option<Plan>, Vec<Diagnostic>) {
    let (timeline, mut findings) = timeline::build(script, media, &timeline::Settings::default());
    let Some(timeline) = timeline else { return (None, findings) };
    let source_clock = |asked: Span| {
        let fps = Some(Spanned::new(FrameRate::Source, asked));
        let (other, more) = timeline::build(script, media, &timeline::Settings { fps });
        other.map(|other| other.film.clock).ok_or(more)
    };
    let whole = !findings.iter().any(Diagnostic::is_error);
    let mut wanted = outputs::Wanted::new(&timeline, whole, request, &source_clock);
    let groups = wanted.groups(&script.outputs);
    findings.append(&mut wanted.findings);
    let mut renders = Vec::new();
    for group in groups {
        let Some(timeline) = on_clock(script, media, &timeline, &group, &mut findings) else { continue };
        let graph = graph(&timeline);
        let mut render = Render {
            graph,
            target: group.target,
            segments: Vec::new(),
            deliveries: group.deliveries,
            timeline,
        };
        render.segments = segment::segments(&render);
        renders.push(render);
    }
    let failed = findings.iter().any(Diagnostic::is_error);
    let plan = Plan { renders, backend: request.backend };
    ((!failed).then_some(plan), findings)
}

/// The timeline on another clock, if an output wants one.
fn on_clock(
    script: &Script,
    media: &dyn Media,
    timeline: &Timeline,
    group: &outputs::Group,
    findings: &mut Vec<Diagnostic>,
) -> Option<Timeline> {
    if group.clock == timeline.film.clock {
        return Some(timeline.clone());
    }
    let (other, more) = timeline::build(script, media, &timeline::Settings { fps: group.fps.clone() });
    findings.extend(more.into_iter().filter(Diagnostic::is_error));
    other
}
