//! Formats and codecs as data: which ending means which container, what it may hold, and what each encoder is told.
//!
//! A new format or codec is a row here. Nothing in this file runs libav.

use std::path::Path;

use serde::{Deserialize, Serialize};
use vfxb_dsl::script::Quality;

use crate::colour::Range;
use crate::picture::{Model, PixelFormat, Sample};

/// Video codecs that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VideoCodec {
    /// H.264, AVC.
    H264,
    /// H.265, HEVC.
    Hevc,
    /// VP9.
    Vp9,
    /// AV1.
    Av1,
    /// Apple ProRes.
    ProRes,
    /// FFV1, lossless.
    Ffv1,
    /// GIF.
    Gif,
    /// Animated PNG.
    Apng,
    /// PNG stills.
    Png,
    /// JPEG stills.
    Jpeg,
    /// WebP stills.
    WebP,
}

/// Sound codecs that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AudioCodec {
    /// AAC-LC.
    Aac,
    /// Opus.
    Opus,
    /// Vorbis.
    Vorbis,
    /// MP3.
    Mp3,
    /// FLAC at 24 bits.
    Flac,
    /// Linear PCM of 16 bits.
    Pcm16,
    /// Linear PCM of 24 bits.
    Pcm24,
    /// Linear PCM of 32-bit floats.
    PcmFloat,
}

/// How an output's pictures are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// One film, with sound if the format has any, by libav's muxer of this name.
    Film(&'static str),
    /// A single picture, or a numbered run of them if the name has `%d` or `%04d`.
    Still,
}

/// What a name's ending means.
#[derive(Debug, PartialEq, Eq)]
pub struct FormatSpec {
    /// The ending without its dot, in lower case.
    pub ending: &'static str,
    /// How pictures and sound are kept.
    pub container: Container,
    /// Codecs of the picture, the usual one first; empty for sound alone.
    pub video: &'static [VideoCodec],
    /// Codecs of the sound, the usual one first; empty if it has no sound.
    pub audio: &'static [AudioCodec],
}

impl FormatSpec {
    /// Whether some codec of this format keeps alpha.
    pub fn alpha(&self) -> bool {
        self.video.iter().any(|codec| codec.spec().formats.iter().any(|f| f.alpha))
    }

    /// Whether it is one picture, or a run of them, and no film.
    pub fn is_still(&self) -> bool {
        self.container == Container::Still
    }
}

use AudioCodec as A;
use Container::{Film, Still};
use VideoCodec as V;

const PCM_FIRST: &[AudioCodec] = &[A::Pcm16, A::Pcm24, A::PcmFloat];

/// Every format that can be written.
pub const FORMATS: &[FormatSpec] = &[
    FormatSpec {
        ending: "mp4",
        container: Film("mp4"),
        video: &[V::H264, V::Hevc, V::Av1, V::Vp9],
        audio: &[A::Aac, A::Mp3, A::Opus],
    },
    FormatSpec {
        ending: "m4v",
        container: Film("mp4"),
        video: &[V::H264, V::Hevc, V::Av1],
        audio: &[A::Aac, A::Mp3],
    },
    FormatSpec {
        ending: "mov",
        container: Film("mov"),
        video: &[V::H264, V::Hevc, V::ProRes],
        audio: &[A::Aac, A::Pcm16, A::Pcm24, A::PcmFloat, A::Mp3],
    },
    FormatSpec {
        ending: "mkv",
        container: Film("matroska"),
        video: &[V::H264, V::Hevc, V::Vp9, V::Av1, V::ProRes, V::Ffv1],
        audio: &[A::Aac, A::Opus, A::Vorbis, A::Mp3, A::Flac, A::Pcm16, A::Pcm24, A::PcmFloat],
    },
    FormatSpec {
        ending: "webm",
        container: Film("webm"),
        video: &[V::Vp9, V::Av1],
        audio: &[A::Opus, A::Vorbis],
    },
    FormatSpec { ending: "gif", container: Film("gif"), video: &[V::Gif], audio: &[] },
    FormatSpec { ending: "apng", container: Film("apng"), video: &[V::Apng], audio: &[] },
    FormatSpec { ending: "png", container: Still, video: &[V::Png], audio: &[] },
    FormatSpec { ending: "jpg", container: Still, video: &[V::Jpeg], audio: &[] },
    FormatSpec { ending: "jpeg", container: Still, video: &[V::Jpeg], audio: &[] },
    FormatSpec { ending: "webp", container: Still, video: &[V::WebP], audio: &[] },
    FormatSpec { ending: "wav", container: Film("wav"), video: &[], audio: PCM_FIRST },
    FormatSpec { ending: "mp3", container: Film("mp3"), video: &[], audio: &[A::Mp3] },
    FormatSpec { ending: "m4a", container: Film("ipod"), video: &[], audio: &[A::Aac] },
    FormatSpec { ending: "flac", container: Film("flac"), video: &[], audio: &[A::Flac] },
    FormatSpec { ending: "opus", container: Film("opus"), video: &[], audio: &[A::Opus] },
    FormatSpec { ending: "ogg", container: Film("ogg"), video: &[], audio: &[A::Vorbis, A::Opus, A::Flac] },
];

/// The format that a name's ending means, or `None` if it means none.
pub fn format_of(path: &Path) -> Option<&'static FormatSpec> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    FORMATS.iter().find(|f| f.ending == ending)
}

/// What a video codec takes and how it is set up.
#[derive(Debug, PartialEq)]
pub struct VideoCodecSpec {
    /// Which codec.
    pub codec: VideoCodec,
    /// Names by which a script may ask for it, the usual one first.
    pub names: &'static [&'static str],
    /// libav's encoders for it, the best first.
    pub encoders: &'static [&'static str],
    /// Layouts that it takes, the usual one first.
    pub formats: &'static [PixelFormat],
    /// The range of constant-quality values, best first, or `None` if it has no such scale.
    pub crf: Option<(f64, f64)>,
    /// Constant quality for low, medium and high.
    pub qualities: [f64; 3],
    /// Whether it can keep every sample.
    pub lossless: bool,
    /// Whether chroma that is shared by two columns (or rows) needs an even number of them.
    pub even: bool,
    /// The only range that it can write; `None`: whatever the tags say.
    pub range: Option<Range>,
    /// Speed presets, fastest first; empty if it has none.
    pub presets: &'static [&'static str],
    /// The usual preset.
    pub preset: &'static str,
}

/// What a sound codec takes.
#[derive(Debug, PartialEq)]
pub struct AudioCodecSpec {
    /// Which codec.
    pub codec: AudioCodec,
    /// Names by which a script may ask for it.
    pub names: &'static [&'static str],
    /// libav's encoders for it, the best first.
    pub encoders: &'static [&'static str],
    /// Bits a second for one channel, or `None` if it is lossless.
    pub bitrate: Option<u32>,
    /// Samples a second that it takes; empty for any.
    pub rates: &'static [u32],
}

const fn yuv(log2: (u8, u8), depth: u8, alpha: bool) -> PixelFormat {
    let sample = if depth == 8 { Sample::U8 } else { Sample::U16(depth) };
    PixelFormat { model: Model::Yuv, sample, log2_x: log2.0, log2_y: log2.1, alpha }
}

const fn rgb(depth: u8, alpha: bool) -> PixelFormat {
    let sample = if depth == 8 { Sample::U8 } else { Sample::U16(depth) };
    PixelFormat { model: Model::Rgb, sample, log2_x: 0, log2_y: 0, alpha }
}

const fn grey(depth: u8, alpha: bool) -> PixelFormat {
    PixelFormat { model: Model::Grey, ..rgb(depth, alpha) }
}

const C420: (u8, u8) = (1, 1);
const C422: (u8, u8) = (1, 0);
const C444: (u8, u8) = (0, 0);

const X26X_PRESETS: &[&str] =
    &["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"];
/// libvpx and libaom count speed the other way round: 8 is fast.
const CPU_USED: &[&str] = &["8", "7", "6", "5", "4", "3", "2", "1", "0"];

/// Every video codec.
pub const VIDEO_CODECS: &[VideoCodecSpec] = &[
    VideoCodecSpec {
        codec: V::H264,
        names: &["h264", "avc", "x264", "libx264"],
        encoders: &["libx264"],
        formats: &[
            yuv(C420, 8, false),
            yuv(C422, 8, false),
            yuv(C444, 8, false),
            yuv(C420, 10, false),
            yuv(C422, 10, false),
            yuv(C444, 10, false),
        ],
        crf: Some((0.0, 51.0)),
        qualities: [28.0, 23.0, 17.0],
        lossless: true,
        even: true,
        range: None,
        presets: X26X_PRESETS,
        preset: "medium",
    },
    VideoCodecSpec {
        codec: V::Hevc,
        names: &["hevc", "h265", "x265", "libx265"],
        encoders: &["libx265"],
        formats: &[
            yuv(C420, 8, false),
            yuv(C422, 8, false),
            yuv(C444, 8, false),
            yuv(C420, 10, false),
            yuv(C422, 10, false),
            yuv(C444, 10, false),
            yuv(C420, 12, false),
            yuv(C422, 12, false),
            yuv(C444, 12, false),
        ],
        crf: Some((0.0, 51.0)),
        qualities: [32.0, 26.0, 20.0],
        lossless: true,
        even: true,
        range: None,
        presets: X26X_PRESETS,
        preset: "medium",
    },
    VideoCodecSpec {
        codec: V::Vp9,
        names: &["vp9", "libvpx-vp9"],
        encoders: &["libvpx-vp9"],
        formats: &[
            yuv(C420, 8, false),
            yuv(C420, 8, true),
            yuv(C422, 8, false),
            yuv(C444, 8, false),
            yuv(C420, 10, false),
            yuv(C422, 10, false),
            yuv(C444, 10, false),
            yuv(C420, 12, false),
        ],
        crf: Some((0.0, 63.0)),
        qualities: [42.0, 33.0, 22.0],
        lossless: true,
        even: false,
        range: None,
        presets: CPU_USED,
        preset: "4",
    },
    VideoCodecSpec {
        codec: V::Av1,
        names: &["av1", "libaom-av1", "libsvtav1", "librav1e"],
        // SVT-AV1 is quicker, but writes to standard error and cannot be told not to.
        encoders: &["libaom-av1", "libsvtav1", "librav1e"],
        formats: &[yuv(C420, 8, false), yuv(C420, 10, false)],
        crf: Some((0.0, 63.0)),
        qualities: [42.0, 32.0, 22.0],
        lossless: false,
        even: false,
        range: None,
        presets: CPU_USED,
        preset: "6",
    },
    VideoCodecSpec {
        codec: V::ProRes,
        names: &["prores", "prores_ks"],
        encoders: &["prores_ks"],
        formats: &[yuv(C422, 10, false), yuv(C444, 10, false), yuv(C444, 10, true)],
        crf: None,
        // Profiles of 4:2:2: LT, standard, HQ.
        qualities: [1.0, 2.0, 3.0],
        lossless: false,
        even: false,
        range: Some(Range::Limited),
        presets: &[],
        preset: "",
    },
    VideoCodecSpec {
        codec: V::Ffv1,
        names: &["ffv1"],
        encoders: &["ffv1"],
        formats: &[
            yuv(C420, 8, false),
            yuv(C420, 8, true),
            yuv(C422, 8, false),
            yuv(C422, 8, true),
            yuv(C444, 8, false),
            yuv(C444, 8, true),
            yuv(C420, 10, false),
            yuv(C420, 10, true),
            yuv(C422, 10, false),
            yuv(C422, 10, true),
            yuv(C444, 10, false),
            yuv(C444, 10, true),
            yuv(C420, 12, false),
            yuv(C422, 12, false),
            yuv(C444, 12, false),
            yuv(C420, 16, false),
            yuv(C422, 16, false),
            yuv(C444, 16, false),
            yuv(C444, 16, true),
            rgb(10, false),
            rgb(10, true),
            rgb(12, false),
            rgb(12, true),
            rgb(16, false),
            rgb(16, true),
            grey(8, false),
            grey(10, false),
            grey(12, false),
            grey(16, false),
        ],
        crf: None,
        qualities: [0.0; 3],
        lossless: true,
        even: false,
        range: None,
        presets: &[],
        preset: "",
    },
    VideoCodecSpec {
        codec: V::Gif,
        names: &["gif"],
        encoders: &["gif"],
        formats: &[rgb(8, false), rgb(8, true)],
        crf: None,
        qualities: [0.0; 3],
        lossless: false,
        even: false,
        range: Some(Range::Full),
        presets: &[],
        preset: "",
    },
    VideoCodecSpec {
        codec: V::Apng,
        names: &["apng"],
        encoders: &["apng"],
        formats: &[rgb(8, false), rgb(8, true), rgb(16, false), rgb(16, true), grey(8, false), grey(8, true)],
        crf: None,
        qualities: [0.0; 3],
        lossless: true,
        even: false,
        range: Some(Range::Full),
        presets: &[],
        preset: "",
    },
    VideoCodecSpec {
        codec: V::Png,
        names: &["png"],
        encoders: &["png"],
        formats: &[
            rgb(8, false),
            rgb(8, true),
            rgb(16, false),
            rgb(16, true),
            grey(8, false),
            grey(8, true),
            grey(16, false),
            grey(16, true),
        ],
        crf: None,
        qualities: [0.0; 3],
        lossless: true,
        even: false,
        range: Some(Range::Full),
        presets: &[],
        preset: "",
    },
    VideoCodecSpec {
        codec: V::Jpeg,
        names: &["jpeg", "jpg", "mjpeg"],
        encoders: &["mjpeg"],
        formats: &[yuv(C420, 8, false), yuv(C422, 8, false), yuv(C444, 8, false)],
        // libav's quantiser scale.
        crf: Some((1.0, 31.0)),
        qualities: [8.0, 3.0, 2.0],
        lossless: false,
        even: false,
        range: Some(Range::Full),
        presets: &[],
        preset: "",
    },
    VideoCodecSpec {
        codec: V::WebP,
        names: &["webp"],
        encoders: &["libwebp"],
        formats: &[rgb(8, true), yuv(C420, 8, false), yuv(C420, 8, true)],
        // WebP counts quality upwards.
        crf: Some((100.0, 0.0)),
        qualities: [60.0, 80.0, 95.0],
        lossless: true,
        even: false,
        range: Some(Range::Limited),
        presets: &[],
        preset: "",
    },
];

const MP3_RATES: &[u32] = &[48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];
const AAC_RATES: &[u32] =
    &[48_000, 44_100, 96_000, 88_200, 64_000, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// Every sound codec.
pub const AUDIO_CODECS: &[AudioCodecSpec] = &[
    AudioCodecSpec {
        codec: A::Aac,
        names: &["aac"],
        encoders: &["aac"],
        bitrate: Some(96_000),
        rates: AAC_RATES,
    },
    AudioCodecSpec {
        codec: A::Opus,
        names: &["opus", "libopus"],
        encoders: &["libopus"],
        bitrate: Some(64_000),
        rates: &[48_000, 24_000, 16_000, 12_000, 8_000],
    },
    AudioCodecSpec {
        codec: A::Vorbis,
        names: &["vorbis", "libvorbis"],
        encoders: &["libvorbis"],
        bitrate: Some(80_000),
        rates: &[],
    },
    AudioCodecSpec {
        codec: A::Mp3,
        names: &["mp3", "libmp3lame"],
        encoders: &["libmp3lame"],
        bitrate: Some(96_000),
        rates: MP3_RATES,
    },
    AudioCodecSpec { codec: A::Flac, names: &["flac"], encoders: &["flac"], bitrate: None, rates: &[] },
    AudioCodecSpec {
        codec: A::Pcm16,
        names: &["pcm_s16le", "pcm", "wav"],
        encoders: &["pcm_s16le"],
        bitrate: None,
        rates: &[],
    },
    AudioCodecSpec {
        codec: A::Pcm24,
        names: &["pcm_s24le"],
        encoders: &["pcm_s24le"],
        bitrate: None,
        rates: &[],
    },
    AudioCodecSpec {
        codec: A::PcmFloat,
        names: &["pcm_f32le"],
        encoders: &["pcm_f32le"],
        bitrate: None,
        rates: &[],
    },
];

impl VideoCodec {
    /// Its row of [`VIDEO_CODECS`].
    pub fn spec(self) -> &'static VideoCodecSpec {
        // Every codec has a row: the test below sees to it.
        VIDEO_CODECS.iter().find(|s| s.codec == self).unwrap_or(&VIDEO_CODECS[0])
    }

    /// The codec that a script's word means.
    pub fn by_name(name: &str) -> Option<VideoCodec> {
        VIDEO_CODECS.iter().find(|s| s.names.contains(&name.to_ascii_lowercase().as_str())).map(|s| s.codec)
    }

    /// What `quality` means for it; `None` if it cannot be lossless.
    pub fn quality(self, quality: Quality) -> Option<RateControl> {
        let spec = self.spec();
        let [low, medium, high] = spec.qualities;
        match quality {
            Quality::Low => Some(RateControl::Crf(low)),
            Quality::Medium => Some(RateControl::Crf(medium)),
            Quality::High => Some(RateControl::Crf(high)),
            Quality::Lossless => spec.lossless.then_some(RateControl::Lossless),
        }
    }
}

impl AudioCodec {
    /// Its row of [`AUDIO_CODECS`].
    pub fn spec(self) -> &'static AudioCodecSpec {
        AUDIO_CODECS.iter().find(|s| s.codec == self).unwrap_or(&AUDIO_CODECS[0])
    }

    /// Bits a second for one channel that `quality` means where there is sound alone; `None` if it is lossless.
    pub fn quality(self, quality: Quality) -> Option<u32> {
        // For MP3 and AAC 64, 96 and 160 kbit/s: the rates at which listeners hear a difference, hardly one, and none.
        self.spec().bitrate.map(|usual| match quality {
            Quality::Low => usual / 3 * 2,
            Quality::Medium => usual,
            Quality::High | Quality::Lossless => usual / 3 * 5,
        })
    }

    /// The codec that a script's word means.
    pub fn by_name(name: &str) -> Option<AudioCodec> {
        AUDIO_CODECS.iter().find(|s| s.names.contains(&name.to_ascii_lowercase().as_str())).map(|s| s.codec)
    }
}

/// How an encoder spends bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum RateControl {
    /// Constant quality on the codec's own scale ([`VideoCodecSpec::crf`]; for ProRes a profile of 0–3). Codecs
    /// without a scale ignore it.
    Crf(f64),
    /// Bits a second on average.
    Bitrate(u64),
    /// Every sample is kept.
    Lossless,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_has_a_row_and_every_format_only_codecs_with_one() {
        for format in FORMATS {
            for codec in format.video {
                assert_eq!(codec.spec().codec, *codec);
            }
            for codec in format.audio {
                assert_eq!(codec.spec().codec, *codec);
            }
        }
        assert!(VIDEO_CODECS.iter().all(|s| VideoCodec::by_name(s.names[0]) == Some(s.codec)));
        assert!(AUDIO_CODECS.iter().all(|s| AudioCodec::by_name(s.names[0]) == Some(s.codec)));
    }

    #[test]
    fn the_language_knows_the_same_endings() {
        use vfxb_dsl::lower::{FILMS, SOUNDS, STILLS};
        let here = |wanted: &dyn Fn(&FormatSpec) -> bool| -> Vec<&str> {
            FORMATS.iter().filter(|f| wanted(f)).map(|f| f.ending).collect()
        };
        assert_eq!(here(&|f| !f.is_still() && !f.video.is_empty()), FILMS);
        assert_eq!(here(&FormatSpec::is_still), STILLS);
        assert_eq!(here(&|f| f.video.is_empty()), SOUNDS);
    }

    #[test]
    fn endings_mean_formats() {
        assert_eq!(format_of(Path::new("a/b.MP4")).map(|f| f.container), Some(Film("mp4")));
        assert!(format_of(Path::new("img-%04d.png")).is_some_and(FormatSpec::is_still));
        assert!(format_of(Path::new("film.xyz")).is_none() && format_of(Path::new("film")).is_none());
        assert!(format_of(Path::new("a.webm")).is_some_and(FormatSpec::alpha));
    }
}
