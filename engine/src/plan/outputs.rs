//! What the script's outputs mean: codecs, sizes, rates, ranges, checked against the tables of formats. [`times`] says
//! which frames.

mod times;

use std::ops::Range;
use std::path::{Path, PathBuf};

use vfxb_dsl::diagnostic::{Code, Diagnostic};
use vfxb_dsl::script::{Fit, FrameRate, Output, OutputSize, Quality};
use vfxb_dsl::source::{Span, Spanned};

use super::fuse::Framing;
use super::{Delivery, Request};
use crate::clock::Clock;
use crate::codes;
use crate::colour::{ColourSpec, MatrixCoefficients, Range as CodeRange, Siting};
use crate::media::MediaError;
use crate::media::encode::{
    AudioCodec, AudioSettings, FORMATS, FormatSpec, RateControl, VideoCodec, VideoSettings, format_of,
};
use crate::picture::{Model, PictureSpec, PixelFormat};
use crate::timeline::Timeline;

/// Rows of a preview.
const PREVIEW_ROWS: u32 = 480;
/// From this many samples a second on codecs take their high bitrates; below it the usual one has to do.
const FULL_RATE: u32 = 32_000;

/// Files that share a render.
pub(super) struct Group {
    pub(super) clock: Clock,
    /// What asked for that clock; `None`: the canvas.
    pub(super) fps: Option<Spanned<FrameRate>>,
    pub(super) target: PictureSpec,
    pub(super) deliveries: Vec<Delivery>,
}

/// The outputs of a film on their way to deliveries.
pub(super) struct Wanted<'a> {
    timeline: &'a Timeline,
    /// Nothing of the film was refused: an id without times is one that nothing has.
    whole: bool,
    request: &'a Request,
    /// The clock of the film's one source, asked for at a place; or what stands in its way.
    source_clock: &'a SourceClock<'a>,
    pub(super) findings: Vec<Diagnostic>,
}

/// Finds the clock of a film's one source.
pub(super) type SourceClock<'a> = dyn Fn(Span) -> Result<Clock, Vec<Diagnostic>> + 'a;

impl<'a> Wanted<'a> {
    pub(super) fn new(
        timeline: &'a Timeline,
        whole: bool,
        request: &'a Request,
        source_clock: &'a SourceClock<'a>,
    ) -> Self {
        Wanted { timeline, whole, request, source_clock, findings: Vec::new() }
    }

    /// Deliveries by the render that they are made of.
    pub(super) fn groups(&mut self, outputs: &[Output]) -> Vec<Group> {
        let outputs = self.named(outputs);
        let mut groups: Vec<Group> = Vec::new();
        for output in &outputs {
            let Some((clock, delivery)) = self.delivery(output) else { continue };
            if groups.iter().flat_map(|g| &g.deliveries).any(|d| d.file == delivery.file) {
                let message = format!("two outputs are written to `{}`", delivery.file.display());
                self.error(codes::SAME_OUTPUT, output.file.span, message, "give each a name of its own");
                continue;
            }
            let spec = delivery.spec();
            let home = groups.iter_mut().find(|group| group.clock == clock && shares(group, &delivery));
            match (home, spec) {
                (Some(group), spec) => {
                    if let Some(spec) =
                        spec.filter(|s| area(s) > area(&group.target) || group_is_sound(group))
                    {
                        group.target = rendered(&spec, &delivery);
                    }
                    group.deliveries.push(delivery);
                }
                (None, spec) => {
                    let target = spec.map_or_else(|| self.silent_target(), |spec| rendered(&spec, &delivery));
                    let fps = output.fps.clone();
                    groups.push(Group { clock, fps, target, deliveries: vec![delivery] });
                }
            }
        }
        for group in &mut groups {
            self.fit_target(group);
        }
        groups
    }

    /// The script's outputs, or the one that the caller names.
    fn named(&mut self, outputs: &[Output]) -> Vec<Output> {
        let Some(file) = &self.request.output else { return outputs.to_vec() };
        if let Some(at) = &self.request.at {
            if format_of(file).is_some_and(|format| !format.is_still()) {
                self.no_still(file);
                return Vec::new();
            }
            let at = Some(Spanned::new(at.clone(), Span::default()));
            return vec![Output { at, ..plain_output(file.clone()) }];
        }
        match outputs {
            [] => vec![plain_output(file.clone())],
            [only] => {
                let mut output = only.clone();
                output.file.value.clone_from(file);
                vec![output]
            }
            [first, ..] => {
                let message = format!(
                    "the script has {} outputs, and one file cannot take the place of all",
                    outputs.len()
                );
                self.error(
                    codes::SAME_OUTPUT,
                    first.span,
                    message,
                    "leave `-o` out, or keep one output in the script",
                );
                Vec::new()
            }
        }
    }

    fn no_still(&mut self, file: &Path) {
        let stills: Vec<&str> = FORMATS.iter().filter(|f| f.is_still()).map(|f| f.ending).collect();
        let message = format!("one instant is a still picture, and `{}` is none", file.display());
        let help = format!("end it in one of {}", stills.join(", "));
        self.error(codes::OUTPUT_SETTINGS, Span::default(), message, &help);
    }

    fn error(&mut self, code: Code, span: Span, message: String, help: &str) {
        self.findings.push(Diagnostic::error(code, span, message).help(help));
    }

    fn refused(&mut self, span: Span, error: MediaError) {
        let mut finding = Diagnostic::error(codes::OUTPUT_SETTINGS, span, error.message);
        finding.help = error.help;
        self.findings.push(finding);
    }

    fn delivery(&mut self, output: &Output) -> Option<(Clock, Delivery)> {
        let file = &output.file;
        let Some(format) = format_of(&file.value) else {
            let known: Vec<&str> = FORMATS.iter().map(|f| f.ending).collect();
            let message = format!("the ending of `{}` means no format", file.value.display());
            self.error(
                codes::UNKNOWN_FORMAT,
                file.span,
                message,
                &format!("end it in one of {}", known.join(", ")),
            );
            return None;
        };
        let clock = self.clock(output, format)?;
        let frames = self.frames(output, format, &clock)?;
        let codec = self.codec(output, format)?;
        let (video, framing) = match codec {
            Some(codec) => {
                let (settings, framing) = self.video(output, codec, &clock, &frames)?;
                (Some(settings), framing)
            }
            None => (None, Framing { size: (0, 0), fit: Fit::Contain }),
        };
        let audio = self.audio(output, format, video.is_some())?;
        let samples = self.samples(&frames, &clock, video.is_some());
        Some((clock, Delivery { file: file.value.clone(), frames, samples, video, framing, audio }))
    }

    /// When its frames begin.
    fn clock(&mut self, output: &Output, format: &FormatSpec) -> Option<Clock> {
        let film = &self.timeline.film.clock;
        let wanted = output.fps.as_ref().filter(|_| output.at.is_none() && !format.video.is_empty());
        match wanted {
            None => Some(film.clone()),
            Some(Spanned { value: FrameRate::Constant(rate), .. }) => Some(Clock::constant(*rate)),
            Some(Spanned { value: FrameRate::Source, span }) => match (self.source_clock)(*span) {
                Ok(clock) => Some(clock),
                Err(findings) => {
                    self.findings.extend(findings.into_iter().filter(Diagnostic::is_error));
                    None
                }
            },
        }
    }

    fn codec(&mut self, output: &Output, format: &FormatSpec) -> Option<Option<VideoCodec>> {
        let Some(named) = &output.codec else {
            let lossless = output.quality == Quality::Lossless;
            let usual = format.video.iter().copied();
            let transparent = self.timeline.film.background.a < 1.0;
            // A format's usual codec is what its players expect; in mov, alpha means ProRes.
            let keeps_alpha = |codec: VideoCodec| codec.spec().formats.iter().any(|f| f.alpha);
            let fits = |codec: &VideoCodec| {
                let wanted = !(transparent && format.ending == "mov") || keeps_alpha(*codec);
                (!lossless || codec.spec().lossless) && wanted
            };
            return Some(usual.clone().find(fits).or_else(|| usual.clone().next()));
        };
        match VideoCodec::by_name(&named.value).filter(|codec| format.video.contains(codec)) {
            Some(codec) => Some(Some(codec)),
            None => {
                let known: Vec<&str> =
                    format.video.iter().filter_map(|c| c.spec().names.first().copied()).collect();
                let message = format!("`.{}` files do not hold the codec `{}`", format.ending, named.value);
                let help = if known.is_empty() {
                    "leave it out: they hold sound alone".into()
                } else {
                    format!("they hold {}", known.join(", "))
                };
                self.error(codes::OUTPUT_SETTINGS, named.span, message, &help);
                None
            }
        }
    }

    fn video(
        &mut self,
        output: &Output,
        codec: VideoCodec,
        clock: &Clock,
        frames: &Range<u64>,
    ) -> Option<(VideoSettings, Framing)> {
        let spec = codec.spec();
        let size = self.size(output);
        let format = self.pixel_format(output, codec);
        let even = |n: u32, log2: u8| if spec.even && log2 > 0 { n + n % 2 } else { n };
        let (width, height) = (even(size.0, format.log2_x), even(size.1, format.log2_y));
        if (width, height) != size {
            self.findings.push(
                Diagnostic::note(
                    codes::ODD_SIZE,
                    output.span,
                    format!("the picture of {}x{} is padded to {width}x{height}", size.0, size.1),
                )
                .label("this codec shares chroma between two pixels")
                .help("give an even size"),
            );
        }
        let scaled = self.scaled(output, codec);
        let (bitrate, crf) =
            (output.bitrate.as_ref().filter(|_| scaled), output.crf.as_ref().filter(|_| scaled));
        let control = match (bitrate, crf, codec.quality(output.quality)) {
            (Some(bitrate), _, _) => RateControl::Bitrate(bitrate.value),
            (None, Some(crf), _) => RateControl::Crf(crf.value),
            (None, None, Some(control)) => control,
            (None, None, None) => RateControl::Lossless,
        };
        let fastest = spec.presets.first().map(|p| (*p).to_owned());
        let preset =
            output.preset.as_ref().map(|p| p.value.clone()).or(fastest.filter(|_| self.request.preview));
        let settings = VideoSettings {
            codec,
            width,
            height,
            format,
            colour: self.colour(format, spec.range),
            rate: clock.rate,
            own_times: clock.own.as_ref().and_then(|own| own.part(frames)),
            control,
            preset,
            threads: encoder_threads(width, height),
            gop: None,
            repeat: output.repeat,
        };
        if let Err(error) = settings.check() {
            // Only the preset is at fault where all would be right without it.
            let without = VideoSettings { preset: None, ..settings };
            let preset = output.preset.as_ref().filter(|_| without.check().is_ok());
            let span = preset.map(|p| p.span).or(output.crf.as_ref().map(|c| c.span));
            self.refused(span.unwrap_or(output.span), error);
            return None;
        }
        Some((settings, Framing { size, fit: output.fit }))
    }

    /// Whether a codec's quality can be given as a number; where it cannot, numbers are warned of and left out.
    fn scaled(&mut self, output: &Output, codec: VideoCodec) -> bool {
        let spec = codec.spec();
        let name = spec.names.first().copied().unwrap_or_default();
        let help = if spec.lossless {
            "it keeps every sample: leave it out"
        } else {
            "write `quality`, or leave it out"
        };
        let crf = output.crf.as_ref().map(|c| ("crf", c.span));
        let bitrate = output.bitrate.as_ref().map(|b| ("bitrate", b.span));
        for (field, span) in crf.into_iter().chain(bitrate).filter(|_| spec.crf.is_none()) {
            let message = format!("`{field}` means nothing for `{name}`");
            self.findings.push(Diagnostic::warning(codes::OUTPUT_SETTINGS, span, message).help(help));
        }
        spec.crf.is_some()
    }

    fn size(&self, output: &Output) -> (u32, u32) {
        let film = &self.timeline.film;
        let by_shorter = |side: u32| {
            let even = |n: f64| ((n / 2.0).round() as u32 * 2).max(2);
            let aspect = f64::from(film.width) / f64::from(film.height);
            if film.width >= film.height {
                (even(f64::from(side) * aspect), side)
            } else {
                (side, even(f64::from(side) / aspect))
            }
        };
        let size = match output.size {
            None => (film.width, film.height),
            Some(OutputSize::Exact(width, height)) => (width, height),
            Some(OutputSize::ShorterSide(side)) => by_shorter(side),
        };
        let preview = self.request.preview.then_some((size.0.min(size.1), PREVIEW_ROWS));
        let scales = self.request.rows.map(|rows| (size.1, rows)).into_iter().chain(preview);
        let scale = scales.map(|(own, most)| f64::from(most) / f64::from(own)).fold(1.0, f64::min);
        if scale == 1.0 {
            return size;
        }
        let even = |n: u32| ((f64::from(n) * scale / 2.0).round() as u32 * 2).max(2);
        (even(size.0), even(size.1))
    }

    /// The codec's layout that keeps what the film has: alpha, depth, and for lossless its chroma.
    fn pixel_format(&self, output: &Output, codec: VideoCodec) -> PixelFormat {
        let formats = codec.spec().formats;
        let usual = formats.first().copied().unwrap_or(PixelFormat::YUV420P);
        let videos = self.timeline.sources.iter().filter_map(|s| s.video.as_ref());
        let deepest = videos.clone().map(|v| v.format.sample.depth()).max().unwrap_or(8);
        let alpha = self.timeline.film.background.a < 1.0;
        let lossless = output.quality == Quality::Lossless;
        // Few players show H.264 of ten bits, and few programs PNG of sixteen: only where every sample is to be kept.
        let shallow = matches!(codec, VideoCodec::H264 | VideoCodec::Png | VideoCodec::Apng);
        let ten_bit = deepest > 8 && (lossless || !shallow);
        let chroma = videos
            .filter(|v| v.format.model == Model::Yuv)
            .map(|v| (v.format.log2_x, v.format.log2_y))
            .min()
            .filter(|_| lossless)
            .unwrap_or((usual.log2_x, usual.log2_y));
        let score = |format: &&PixelFormat| {
            let depth = format.sample.depth();
            let deep = if ten_bit { depth.min(deepest).min(10) } else { 0 };
            (
                format.alpha == alpha,
                format.model == usual.model,
                (format.log2_x, format.log2_y) == chroma,
                deep,
                std::cmp::Reverse(depth),
            )
        };
        // Of equals the first counts, which is the more usual.
        formats.iter().rev().max_by_key(score).copied().unwrap_or(usual)
    }

    /// What the codes of an output mean: BT.709; RGB and JPEG as stills have it; a film of one source keeps the source's
    /// own meaning, full range included where the codec can say so, and so its codes can stay as they are.
    fn colour(&self, format: PixelFormat, only: Option<CodeRange>) -> ColourSpec {
        if format.model == Model::Rgb {
            return ColourSpec::SRGB;
        }
        if only == Some(CodeRange::Full) {
            let matrix = MatrixCoefficients::Bt601;
            return ColourSpec { matrix, range: CodeRange::Full, siting: Siting::Center, ..ColourSpec::SRGB };
        }
        let mut specs = self
            .timeline
            .sources
            .iter()
            .filter_map(|s| s.video.as_ref())
            .filter(|v| !v.still)
            .map(|v| v.colour);
        let Some(first) = specs.next() else { return ColourSpec::BT709 };
        let usable = first.matrix != MatrixCoefficients::Rgb && only.is_none_or(|range| range == first.range);
        if usable && specs.all(|other| other == first) { first } else { ColourSpec::BT709 }
    }

    fn audio(
        &mut self,
        output: &Output,
        format: &FormatSpec,
        has_picture: bool,
    ) -> Option<Option<AudioSettings>> {
        let Some(usual) = format.audio.first().copied() else { return Some(None) };
        if self.timeline.sound.clips.is_empty() {
            if has_picture {
                return Some(None);
            }
            self.error(
                codes::OUTPUT_SETTINGS,
                output.span,
                "nothing in this film sounds".into(),
                "add `audio`, or write a picture format",
            );
            return None;
        }
        let codec = match &output.audio_codec {
            None => usual,
            Some(named) => match AudioCodec::by_name(&named.value)
                .filter(|codec| format.audio.contains(codec))
            {
                Some(codec) => codec,
                None => {
                    let known: Vec<&str> =
                        format.audio.iter().filter_map(|c| c.spec().names.first().copied()).collect();
                    let message =
                        format!("`.{}` files do not hold the sound codec `{}`", format.ending, named.value);
                    self.error(
                        codes::OUTPUT_SETTINGS,
                        named.span,
                        message,
                        &format!("they hold {}", known.join(", ")),
                    );
                    return None;
                }
            },
        };
        // Beside a picture `quality` is the picture's.
        let by_quality =
            codec.quality(output.quality).filter(|_| !has_picture && self.timeline.sample_rate >= FULL_RATE);
        let channels = 2;
        let bitrate = output.audio_bitrate.as_ref().map(|b| b.value);
        let bitrate = bitrate.or(by_quality.map(|one| u64::from(one) * u64::from(channels)));
        let settings = AudioSettings { codec, rate: self.timeline.sample_rate, channels, bitrate };
        if let Err(error) = settings.check() {
            self.refused(output.audio_codec.as_ref().map_or(output.span, |c| c.span), error);
            return None;
        }
        Some(Some(settings))
    }

    /// The target of a group that only has sound: never rendered.
    fn silent_target(&self) -> PictureSpec {
        PictureSpec {
            width: self.timeline.film.width,
            height: self.timeline.film.height,
            format: PixelFormat::YUV420P,
            colour: ColourSpec::BT709,
            premultiplied: false,
        }
    }

    /// The canvas keeps its own aspect: bars and cuts of an output come after it.
    fn fit_target(&self, group: &mut Group) {
        let film = &self.timeline.film;
        let target = &mut group.target;
        let (x, y) = (
            f64::from(target.width) / f64::from(film.width),
            f64::from(target.height) / f64::from(film.height),
        );
        let framing = group
            .deliveries
            .iter()
            .filter(|d| d.video.is_some())
            .max_by_key(|d| d.framing.size.0 * d.framing.size.1);
        let scale = match framing.map(|d| d.framing.fit) {
            Some(Fit::Fill) | None => return,
            Some(Fit::Cover) => x.max(y),
            Some(Fit::None) => 1.0,
            Some(Fit::Contain | Fit::Blur) => x.min(y),
        };
        let side = |own: u32, whole: u32| {
            let exact = f64::from(own) * scale;
            if (exact - f64::from(whole)).abs() < 1.0 { whole } else { exact.round().max(1.0) as u32 }
        };
        (target.width, target.height) = (side(film.width, target.width), side(film.height, target.height));
    }
}

/// Whether a delivery can be made of what a group renders: alpha, depth and kind of codec agree.
fn shares(group: &Group, delivery: &Delivery) -> bool {
    let Some(spec) = delivery.spec() else { return true };
    if group_is_sound(group) {
        return true;
    }
    let still = |d: &Delivery| d.frames.end - d.frames.start == 1;
    let same_kind =
        group.deliveries.iter().filter(|d| d.video.is_some()).all(|d| still(d) == still(delivery));
    let (a, b) = (group.target.format, spec.format);
    same_kind && a.alpha == b.alpha && a.model == b.model && a.sample == b.sample
}

fn group_is_sound(group: &Group) -> bool {
    group.deliveries.iter().all(|d| d.video.is_none())
}

fn rendered(spec: &PictureSpec, delivery: &Delivery) -> PictureSpec {
    PictureSpec { width: delivery.framing.size.0, height: delivery.framing.size.1, ..*spec }
}

fn area(spec: &PictureSpec) -> u64 {
    u64::from(spec.width) * u64::from(spec.height)
}

/// Threads of an encoder, by the picture's size alone: they are part of what comes out.
fn encoder_threads(width: u32, height: u32) -> usize {
    match u64::from(width) * u64::from(height) {
        0..=230_400 => 2,
        230_401..=2_088_960 => 4,
        _ => 8,
    }
}

/// An output of which only the name is known.
fn plain_output(file: PathBuf) -> Output {
    Output {
        file: Spanned::new(file, Span::default()),
        quality: Quality::Medium,
        size: None,
        fit: Fit::Contain,
        fps: None,
        codec: None,
        preset: None,
        crf: None,
        bitrate: None,
        audio_codec: None,
        audio_bitrate: None,
        at: None,
        range: None,
        repeat: 0,
        span: Span::default(),
    }
}
