//! Where every sound packet lies, in samples from the first that sounds.
//!
//! In come a stream's packets, out come [`AudioInfo`] and positions by engine.md's rule: samples are counted, jitter
//! of the stamps under a packet is ignored, larger gaps are silence. Nothing is decoded.

use std::ptr;

use ff::ffi;
use ff::format::stream::{Disposition, Stream};
use ffmpeg_next as ff;
use vfxb_dsl::value::{Rational, Time};

use super::AudioInfo;
use super::demux::Mark;
use super::stream_info;

/// A sound packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct SoundPacket {
    pub(super) mark: Mark,
    /// Where its first sample lies, in samples from the first that sounds: priming has negative positions.
    pub(super) position: i64,
}

impl AsRef<Mark> for SoundPacket {
    fn as_ref(&self) -> &Mark {
        &self.mark
    }
}

/// All packets of a sound stream.
#[derive(Debug)]
pub(super) struct SoundIndex {
    /// In the file's order.
    pub(super) packets: Vec<SoundPacket>,
    /// Samples that sound, silence in gaps included.
    pub(super) length: i64,
}

/// What a packet says of its place and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    mark: Mark,
    /// In ticks.
    pts: Option<i64>,
    /// In samples.
    samples: i64,
    /// In ticks.
    duration: i64,
}

/// A sound stream as its packets go by.
pub(super) struct SoundScan {
    stream: usize,
    tick: Rational,
    rate: u32,
    info: AudioInfo,
    counter: SampleCounter,
    spans: Vec<Span>,
    /// Samples that the codec's own header has dropped at the start.
    pre_skip: i64,
    /// Samples at the start that a decoder drops.
    skipped: i64,
    /// Samples at the end that a decoder drops.
    padding: i64,
}

impl SoundScan {
    /// At the front of a stream; `None` if its header makes no sense.
    pub(super) fn new(stream: &Stream) -> Option<Self> {
        let parameters = stream.parameters();
        // SAFETY: the parameters live as long as their stream; only plain fields are read.
        let raw = unsafe { &*parameters.as_ptr() };
        let rate = u32::try_from(raw.sample_rate).ok().filter(|r| (1000..=768_000).contains(r))?;
        let channels = u16::try_from(raw.ch_layout.nb_channels).ok().filter(|c| (1..=64).contains(c))?;
        let info = AudioInfo {
            stream: stream.index(),
            codec: parameters.id().name().to_owned(),
            rate,
            channels,
            layout: stream_info::layout_name(&raw.ch_layout),
            default: stream.disposition().contains(Disposition::DEFAULT),
            start: Time::ZERO,
            duration: Time::ZERO,
        };
        let tick =
            stream_info::positive(stream.time_base()).unwrap_or_else(|| Rational::new(1, i128::from(rate)));
        let counter = SampleCounter::new(parameters.clone());
        Some(SoundScan {
            stream: stream.index(),
            tick,
            rate,
            info,
            counter,
            spans: Vec::new(),
            pre_skip: pre_skip(raw),
            skipped: 0,
            padding: 0,
        })
    }

    /// The stream's index in its file.
    pub(super) fn stream(&self) -> usize {
        self.stream
    }

    /// Packets that have gone by.
    pub(super) fn count(&self) -> usize {
        self.spans.len()
    }

    /// The next packet.
    pub(super) fn add(&mut self, packet: &ff::Packet) {
        let (skip, padding) = skipped_samples(packet);
        if self.spans.is_empty() {
            self.skipped = skip.max(self.pre_skip);
        }
        self.padding = padding;
        let samples_a_tick = self.tick * self.rate_ratio();
        let by_duration = || {
            (Rational::from_integer(i128::from(packet.duration())) * samples_a_tick).round().to_integer()
                as i64
        };
        let samples = self.counter.samples(packet).unwrap_or_else(by_duration);
        self.spans.push(Span {
            mark: Mark::of(packet),
            pts: packet.pts(),
            samples,
            duration: packet.duration(),
        });
    }

    fn rate_ratio(&self) -> Rational {
        Rational::from_integer(i128::from(self.rate))
    }

    /// What the stream is. `origin` is the time of the first picture on the container's clock, if there is one.
    pub(super) fn finish(mut self, origin: Option<Rational>) -> (AudioInfo, SoundIndex) {
        let first = self.spans.iter().find_map(|s| s.pts).unwrap_or(0);
        let samples_a_tick = self.tick * self.rate_ratio();
        correct_lengths(&mut self.spans, samples_a_tick);
        let positions = positions(&self.spans, first, samples_a_tick);
        // A last packet that is shown for less than it holds is cut: MP4 says it so, others by padding.
        let exact = self.padding == 0 && samples_a_tick <= Rational::from_integer(1);
        let cut = |s: &Span| {
            let shown =
                (samples_a_tick * Rational::from_integer(i128::from(s.duration))).round().to_integer();
            if exact && shown > 0 { s.samples.min(shown as i64) } else { s.samples }
        };
        let end = positions.last().zip(self.spans.last()).map_or(0, |(p, s)| p + cut(s));
        let length = (end - self.skipped - self.padding).max(0);
        let rate = i128::from(self.rate);
        let starts = Rational::from_integer(i128::from(first)) * self.tick
            + Rational::new(i128::from(self.skipped), rate);
        let start = origin.map_or(Rational::from_integer(0), |o| starts - o);
        let packets = positions
            .iter()
            .zip(&self.spans)
            .map(|(p, s)| SoundPacket { mark: s.mark, position: p - self.skipped })
            .collect();
        let info = AudioInfo {
            start: Time::new(start),
            duration: Time::ratio(i128::from(length), rate),
            ..self.info
        };
        (info, SoundIndex { packets, length })
    }
}

/// Opus says in its header how many samples to drop (RFC 7845 §5.1), at 48 kHz whatever the stream's rate.
fn pre_skip(parameters: &ffi::AVCodecParameters) -> i64 {
    let length = usize::try_from(parameters.extradata_size).unwrap_or(0);
    if parameters.codec_id != ffi::AVCodecID::AV_CODEC_ID_OPUS
        || parameters.extradata.is_null()
        || length < 12
    {
        return 0;
    }
    // SAFETY: libav keeps `extradata_size` bytes there, and there are at least 12.
    let header = unsafe { std::slice::from_raw_parts(parameters.extradata, length) };
    header.get(10..12).and_then(|b| b.try_into().ok()).map_or(0, |b| i64::from(u16::from_le_bytes(b)))
}

/// Samples counted from the first packet, with a jump where the stamps say so by more than a packet.
fn positions(spans: &[Span], first: i64, samples_a_tick: Rational) -> Vec<i64> {
    let mut next = 0_i64;
    spans
        .iter()
        .map(|span| {
            let stamped = span.pts.map(|pts| {
                let ticks = Rational::from_integer(i128::from(pts) - i128::from(first));
                (ticks * samples_a_tick).round().to_integer().clamp(0, 1 << 50) as i64
            });
            // Two ticks of a coarse clock are no gap either.
            let jitter =
                span.samples.max((samples_a_tick * Rational::from_integer(2)).ceil().to_integer() as i64);
            if let Some(stamped) = stamped.filter(|s| *s > next + jitter) {
                next = stamped;
            }
            let position = next;
            next += span.samples;
            position
        })
        .collect()
}

/// Where counted lengths and stamps disagree by far, the header was wrong about the frame's size (AAC with SBR that
/// nobody announced): the stamps are right.
fn correct_lengths(spans: &mut [Span], samples_a_tick: Rational) {
    let counted: i64 = spans.iter().map(|s| s.samples).sum();
    let ticks: i64 = spans.iter().map(|s| s.duration).sum();
    let stamped = (Rational::from_integer(i128::from(ticks)) * samples_a_tick).round().to_integer() as i64;
    let near = |a: i64, b: i64| (a - b).abs() * 4 <= a.max(b);
    if ticks > 0 && !near(counted, stamped) {
        for span in spans {
            let samples = Rational::from_integer(i128::from(span.duration)) * samples_a_tick;
            span.samples = samples.round().to_integer() as i64;
        }
    }
}

/// Samples that a decoder drops at the start and at the end of a packet, as libav's side data has it.
fn skipped_samples(packet: &ff::Packet) -> (i64, i64) {
    let data = packet.side_data().find(|d| d.kind() == ff::packet::side_data::Type::SkipSamples);
    let read = |d: &[u8], at: usize| {
        d.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, |b| i64::from(u32::from_le_bytes(b)))
    };
    data.map_or((0, 0), |d| (read(d.data(), 0), read(d.data(), 4)))
}

/// Counts a packet's samples: with libav's parser for codecs of varying length, else by the codec's own rule.
struct SampleCounter {
    parameters: ff::codec::Parameters,
    parser: Option<Parser>,
}

struct Parser {
    raw: *mut ffi::AVCodecParserContext,
    context: ff::codec::Context,
}

// SAFETY: the parser is a heap object that is tied to no thread and only used through `&mut self`.
unsafe impl Send for Parser {}

impl Drop for Parser {
    fn drop(&mut self) {
        // SAFETY: the parser was made by `av_parser_init` and is closed once.
        unsafe { ffi::av_parser_close(self.raw) };
    }
}

impl SampleCounter {
    fn new(parameters: ff::codec::Parameters) -> Self {
        use ff::codec::Id;
        let id = parameters.id();
        let parser = matches!(id, Id::OPUS | Id::VORBIS | Id::FLAC)
            .then(|| ff::codec::Context::from_parameters(parameters.clone()).ok())
            .flatten()
            .and_then(|context| {
                // SAFETY: makes a parser, or gives null if libav was built without one.
                let raw = unsafe { ffi::av_parser_init(ffi::AVCodecID::from(id) as i32) };
                if raw.is_null() {
                    return None;
                }
                // SAFETY: a public field, set before use: packets come whole from the demuxer.
                unsafe { (*raw).flags |= ffi::PARSER_FLAG_COMPLETE_FRAMES };
                Some(Parser { raw, context })
            });
        SampleCounter { parameters, parser }
    }

    fn samples(&mut self, packet: &ff::Packet) -> Option<i64> {
        let size = i32::try_from(packet.size()).ok()?;
        let counted = match &mut self.parser {
            Some(parser) => {
                let data = packet.data()?;
                let (mut out, mut out_size) = (ptr::null_mut(), 0);
                // SAFETY: the packet's data is padded as libav asks for; the parser only looks at it, and what it
                // puts into `out` points into the same data and is not used.
                unsafe {
                    ffi::av_parser_parse2(
                        parser.raw,
                        parser.context.as_mut_ptr(),
                        &raw mut out,
                        &raw mut out_size,
                        data.as_ptr(),
                        size,
                        ffi::AV_NOPTS_VALUE,
                        ffi::AV_NOPTS_VALUE,
                        0,
                    );
                    (*parser.raw).duration
                }
            }
            // SAFETY: the parameters are ours and alive; libav reads them and counts.
            None => unsafe { ffi::av_get_audio_frame_duration2(self.parameters.as_mut_ptr(), size) },
        };
        (counted > 0).then(|| i64::from(counted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(pts: i64, samples: i64, duration: i64) -> Span {
        Span { mark: Mark { pts, position: 0, size: 0 }, pts: Some(pts), samples, duration }
    }

    #[test]
    fn jitter_is_ignored_and_gaps_are_kept() {
        let ms = Rational::new(48_000, 1000);
        let jittery = [0, 22, 42, 65, 85].map(|t| span(t, 1024, 21));
        assert_eq!(positions(&jittery, 0, ms), [0, 1024, 2048, 3072, 4096]);
        let gap = [0, 21, 543].map(|t| span(t, 1024, 21));
        assert_eq!(positions(&gap, 0, ms), [0, 1024, 26_064]);
        let overlap = [0, 21, 10, 30].map(|t| span(t, 1024, 21));
        assert_eq!(positions(&overlap, 0, ms), [0, 1024, 2048, 3072]);
    }

    #[test]
    fn a_wrong_frame_size_gives_way_to_the_stamps() {
        let mut spans = [0, 2048, 4096].map(|t| span(t, 1024, 2048));
        correct_lengths(&mut spans, Rational::from_integer(1));
        assert!(spans.iter().all(|s| s.samples == 2048));
    }
}
