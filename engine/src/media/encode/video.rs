//! Pictures to packets.
//!
//! A [`Picture`] comes in and is handed to the encoder where it lies in memory; packets go out, stamped on the film's
//! clock. What each encoder is told is chosen here from [`VideoSettings`] and the tables; no text of a user's reaches
//! it but a preset that is one of the table's.

use ff::codec::encoder::video::Encoder;
use ffmpeg_next as ff;
use serde::{Deserialize, Serialize};
use vfxb_dsl::value::Rational;

use super::palette::Palette;
use super::tables::{RateControl, VideoCodec, VideoCodecSpec};
use crate::clock::OwnTimes;
use crate::colour::{ColourSpec, Range};
use crate::media::{MediaError, MediaErrorKind, format, frame, guard};
use crate::picture::{Model, Picture, PixelFormat};

/// How pictures are encoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoSettings {
    /// Codec.
    pub codec: VideoCodec,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Layout of the pictures that will be sent.
    pub format: PixelFormat,
    /// What their codes mean; written as tags.
    pub colour: ColourSpec,
    /// Pictures a second.
    #[serde(with = "vfxb_dsl::value::time::ratio_text")]
    pub rate: Rational,
    /// When each picture is shown, from the first on, if not one after another at `rate`.
    pub own_times: Option<OwnTimes>,
    /// Bits.
    pub control: RateControl,
    /// One of the codec's presets; its usual one if absent.
    pub preset: Option<String>,
    /// Encoder threads, at least 1: they are part of what comes out.
    pub threads: usize,
    /// Pictures from one key picture to the next at most; the encoder's own choice if absent.
    pub gop: Option<u32>,
    /// How often an animation repeats after it was shown once; 0 is for ever. Films take no notice.
    pub repeat: u32,
}

/// An encoded packet.
pub struct EncodedPacket {
    pub(super) packet: ff::Packet,
    /// Seconds a tick of its stamps.
    pub(super) tick: ff::Rational,
}

impl EncodedPacket {
    /// The encoded bytes.
    pub fn data(&self) -> &[u8] {
        self.packet.data().unwrap_or_default()
    }

    /// Presentation stamp, in ticks of the pictures' clock or samples.
    pub fn pts(&self) -> Option<i64> {
        self.packet.pts()
    }

    /// Whether a decoder may start here.
    pub fn is_key(&self) -> bool {
        self.packet.is_key()
    }
}

/// How a picture reaches the encoder.
enum Feed {
    /// Its planes as they are.
    Planar(ff::format::Pixel),
    /// Its components side by side.
    Packed(ff::format::Pixel),
    /// Reduced to a palette of its own.
    Palette(Box<Palette>),
}

/// Encodes pictures.
pub struct VideoEncoder {
    settings: VideoSettings,
    encoder: Encoder,
    feed: Feed,
    tick: ff::Rational,
    first_dts: Option<i64>,
    last_dts: Option<i64>,
    /// Ticks that a picture's decoding precedes its showing by at most.
    reorder: i64,
}

/// Pictures that an encoder holds back at most to decode them in another order.
const LARGEST_REORDER: i64 = 64;

/// An error about the settings.
fn refused(message: String) -> MediaError {
    MediaError::new(MediaErrorKind::Encoder, message)
}

pub(super) fn ff_ratio(r: Rational) -> Result<ff::Rational, MediaError> {
    match (i32::try_from(*r.numer()), i32::try_from(*r.denom())) {
        (Ok(n), Ok(d)) if n > 0 && d > 0 => Ok(ff::Rational::new(n, d)),
        _ => Err(refused(format!("a rate of {r} cannot be written; choose one like 25 or 30000/1001"))),
    }
}

/// The first of libav's encoders that is there.
pub(super) fn find_encoder(names: &[&str], codec: &str) -> Result<ff::Codec, MediaError> {
    guard::init();
    names.iter().find_map(|name| ff::encoder::find_by_name(name)).ok_or_else(|| {
        refused(format!("no encoder for {codec}: this libav has none of {}", names.join(", "))).with_help(
            format!(
                "choose another codec (there are encoders for {}), or install a libav with that one",
                available().join(", ")
            ),
        )
    })
}

/// Names of the video codecs that can be encoded on this machine.
pub fn available() -> Vec<&'static str> {
    guard::init();
    super::tables::VIDEO_CODECS
        .iter()
        .filter(|spec| spec.encoders.iter().any(|name| ff::encoder::find_by_name(name).is_some()))
        .filter_map(|spec| spec.names.first().copied())
        .collect()
}

impl VideoSettings {
    /// Whether an encoder could take this, without opening one.
    ///
    /// # Errors
    /// Names what does not fit and what would.
    pub fn check(&self) -> Result<(), MediaError> {
        let spec = self.codec.spec();
        let name = spec.names.first().copied().unwrap_or_default();
        if !spec.formats.contains(&self.format) {
            return Err(refused(format!("{name} cannot keep pictures of the layout {:?}", self.format)));
        }
        let (odd_x, odd_y) = (self.width % 2 == 1, self.height % 2 == 1);
        if spec.even && ((self.format.log2_x > 0 && odd_x) || (self.format.log2_y > 0 && odd_y)) {
            let (w, h) = (self.width, self.height);
            return Err(refused(format!("{name} with shared chroma needs even sides, not {w}x{h}"))
                .with_help("choose even sides, or a 4:4:4 format"));
        }
        if self.width == 0 || self.height == 0 || self.width > 16_384 || self.height > 16_384 {
            let (w, h) = (self.width, self.height);
            return Err(refused(format!("{w}x{h} is no size that can be written (1 to 16384 a side)")));
        }
        if self.control == RateControl::Lossless && !spec.lossless {
            return Err(refused(format!("{name} has no lossless mode"))
                .with_help("choose ffv1 or h264 in mkv, or quality: high"));
        }
        if let (RateControl::Crf(value), Some((a, b))) = (self.control, spec.crf)
            && !(a.min(b)..=a.max(b)).contains(&value)
        {
            return Err(refused(format!("crf {value} is outside {}..{} for {name}", a.min(b), a.max(b))));
        }
        if let Some(preset) = &self.preset
            && !spec.presets.contains(&preset.as_str())
        {
            let known = if spec.presets.is_empty() { "none".to_owned() } else { spec.presets.join(", ") };
            return Err(
                refused(format!("{name} has no preset {preset}")).with_help(format!("it has {known}"))
            );
        }
        ff_ratio(self.rate).and_then(|_| self.tick()).map(|_| ())
    }

    /// libav's JPEG encoder takes the quality from each frame; a frame without one would get the best.
    fn quantiser(&self) -> Option<i32> {
        let RateControl::Crf(value) = self.control else { return None };
        Some((value * f64::from(ff::ffi::FF_QP2LAMBDA)).round() as i32)
    }

    /// Seconds a tick of the stamps that pictures get.
    fn tick(&self) -> Result<ff::Rational, MediaError> {
        match &self.own_times {
            Some(times) => ff_ratio(times.tick()),
            None => ff_ratio(self.rate).map(|rate| rate.invert()),
        }
    }

    /// When a picture is shown, in ticks.
    fn pts(&self, index: u64) -> Option<i64> {
        match &self.own_times {
            Some(times) => (index < times.count()).then(|| times.start(index)),
            None => i64::try_from(index).ok(),
        }
    }

    /// How long the picture of a stamp is shown, in ticks.
    fn lasting(&self, pts: i64) -> i64 {
        match &self.own_times {
            Some(times) => times.start(times.at(pts) + 1) - pts,
            None => 1,
        }
    }
}

impl VideoEncoder {
    /// Opens an encoder. `global_header` is the container's wish ([`super::Writer`] knows it).
    ///
    /// # Errors
    /// [`MediaErrorKind::Encoder`] if there is none on this machine or it refuses the settings.
    pub fn open(settings: &VideoSettings, global_header: bool) -> Result<Self, MediaError> {
        settings.check()?;
        let spec = settings.codec.spec();
        let codec = find_encoder(spec.encoders, spec.names.first().copied().unwrap_or_default())?;
        let rate = ff_ratio(settings.rate)?;
        let tick = settings.tick()?;
        let (feed, pixel) = feed(settings)?;
        let mut context = ff::codec::Context::new_with_codec(codec);
        let kind = ff::codec::threading::Type::Frame;
        let count = settings.threads.max(1);
        context.set_threading(ff::codec::threading::Config { kind, count, ..Default::default() });
        let mut video = context.encoder().video().map_err(|e| open_failed(settings, e))?;
        video.set_width(settings.width);
        video.set_height(settings.height);
        video.set_format(pixel);
        video.set_time_base(tick);
        video.set_frame_rate(Some(rate));
        video.set_aspect_ratio((1, 1));
        let mut flags = ff::codec::Flags::BITEXACT;
        flags.set(ff::codec::Flags::CLOSED_GOP, settings.codec == VideoCodec::H264);
        flags.set(ff::codec::Flags::GLOBAL_HEADER, global_header);
        flags.set(ff::codec::Flags::QSCALE, settings.codec == VideoCodec::Jpeg);
        video.set_flags(flags);
        let tags = format::tags(&settings.colour);
        video.set_colorspace(if settings.format.model == Model::Grey {
            ff::color::Space::Unspecified
        } else {
            tags.matrix
        });
        video.set_color_range(tags.range);
        video.set_color_primaries(tags.primaries);
        video.set_color_transfer_characteristic(tags.transfer);
        if let Some(gop) = settings.gop {
            video.set_gop(gop);
        }
        if let RateControl::Bitrate(bits) = settings.control {
            video.set_bit_rate(usize::try_from(bits).unwrap_or(usize::MAX));
        }
        let mut options = options(settings, spec, codec.name());
        if settings.format.model == Model::Yuv && (settings.format.log2_x, settings.format.log2_y) == (1, 1) {
            options.set("chroma_sample_location", location_name(tags.siting));
        }
        let reorder = LARGEST_REORDER * settings.own_times.as_ref().map_or(1, OwnTimes::longest);
        let encoder = video.open_with(options).map_err(|e| open_failed(settings, e))?;
        Ok(VideoEncoder {
            settings: settings.clone(),
            encoder,
            feed,
            tick,
            first_dts: None,
            last_dts: None,
            reorder,
        })
    }

    /// The settings.
    pub fn settings(&self) -> &VideoSettings {
        &self.settings
    }

    pub(super) fn parameters(&self) -> &Encoder {
        &self.encoder
    }

    pub(super) fn tick(&self) -> ff::Rational {
        self.tick
    }

    pub(super) fn rate(&self) -> Result<ff::Rational, MediaError> {
        ff_ratio(self.settings.rate)
    }

    /// Encodes picture `index` of the film; indices grow.
    ///
    /// # Errors
    /// If the picture is not of the announced size and layout, or the encoder fails.
    pub fn send(&mut self, picture: &Picture, index: u64) -> Result<Vec<EncodedPacket>, MediaError> {
        let spec = picture.spec();
        let s = &self.settings;
        if (spec.width, spec.height, spec.format) != (s.width, s.height, s.format) {
            return Err(refused(format!(
                "a picture of {}x{} {:?} came for an output of {}x{} {:?}",
                spec.width, spec.height, spec.format, s.width, s.height, s.format
            )));
        }
        let frame = match &mut self.feed {
            Feed::Planar(pixel) => frame::frame(picture, *pixel),
            Feed::Packed(pixel) => frame::packed(picture, *pixel),
            Feed::Palette(palette) => Some(palette.reduce(picture)?),
        };
        let mut frame = frame.ok_or_else(|| refused(format!("no encoder takes {:?}", spec.format)))?;
        frame.set_pts(self.settings.pts(index));
        frame.set_kind(ff::picture::Type::None);
        if let (VideoCodec::Jpeg, Some(quality)) = (self.settings.codec, self.settings.quantiser()) {
            // SAFETY: writes a plain field of a frame that is ours alone.
            unsafe { (*frame.as_mut_ptr()).quality = quality };
        }
        let tags = format::tags(&self.settings.colour);
        frame.set_color_range(tags.range);
        frame.set_color_space(tags.matrix);
        frame.set_color_primaries(tags.primaries);
        frame.set_color_transfer_characteristic(tags.transfer);
        self.encoder.send_frame(&frame).map_err(|e| failed(&self.settings, e))?;
        self.received()
    }

    /// What is left in the encoder.
    ///
    /// # Errors
    /// If the encoder fails.
    pub fn finish(&mut self) -> Result<Vec<EncodedPacket>, MediaError> {
        match self.encoder.send_eof() {
            Ok(()) | Err(ff::Error::Eof) => {
                let before = self.last_dts;
                let mut packets = self.received()?;
                self.close(before, &mut packets);
                Ok(packets)
            }
            Err(error) => Err(failed(&self.settings, error)),
        }
    }

    /// Some containers take the sum of what lies between decoding stamps, and what the last picture lasts, for the
    /// film's length: the last is decoded when that comes out right.
    fn close(&self, before: Option<i64>, packets: &mut [EncodedPacket]) {
        let (Some(times), Some(first)) = (&self.settings.own_times, self.first_dts) else { return };
        let Some((last, earlier)) = packets.split_last_mut() else { return };
        let before = earlier.last().map_or(before, |packet| packet.packet.dts());
        let Some(pts) = last.packet.pts() else { return };
        let decoded = times.start(times.count()) - last.packet.duration() + first;
        let earliest = before.map_or(i64::MIN, |before| before + 1);
        last.packet.set_dts(Some(decoded.min(pts).max(earliest)));
    }

    fn received(&mut self) -> Result<Vec<EncodedPacket>, MediaError> {
        let mut packets = Vec::new();
        loop {
            let mut packet = ff::Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {
                    // Encoders know the rate at best.
                    if let Some(pts) = packet.pts() {
                        packet.set_duration(self.settings.lasting(pts));
                    }
                    // x265 leaves the decoding stamps of films of one or two pictures unset.
                    if let (Some(pts), Some(dts)) = (packet.pts(), packet.dts())
                        && (dts > pts || dts < pts - self.reorder)
                    {
                        packet.set_dts(Some(self.last_dts.map_or(pts, |last| pts.min(last + 1))));
                    }
                    self.last_dts = packet.dts();
                    self.first_dts = self.first_dts.or(self.last_dts);
                    packets.push(EncodedPacket { packet, tick: self.tick });
                }
                Err(ff::Error::Eof | ff::Error::Other { errno: ff::error::EAGAIN }) => return Ok(packets),
                Err(error) => return Err(failed(&self.settings, error)),
            }
        }
    }
}

fn codec_name(settings: &VideoSettings) -> &'static str {
    settings.codec.spec().names.first().copied().unwrap_or_default()
}

fn open_failed(settings: &VideoSettings, error: ff::Error) -> MediaError {
    let (name, w, h) = (codec_name(settings), settings.width, settings.height);
    refused(format!("the {name} encoder refuses {w}x{h} at {} pictures a second: {error}", settings.rate))
}

fn failed(settings: &VideoSettings, error: ff::Error) -> MediaError {
    refused(format!("the {} encoder failed: {error}", codec_name(settings)))
}

/// How pictures of these settings go in, and the pixel format that the encoder is opened with.
fn feed(settings: &VideoSettings) -> Result<(Feed, ff::format::Pixel), MediaError> {
    use ff::format::Pixel;
    let f = settings.format;
    let none = || refused(format!("no encoder takes {f:?}"));
    Ok(match settings.codec {
        VideoCodec::Gif => (Feed::Palette(Box::new(Palette::new(settings)?)), Pixel::PAL8),
        VideoCodec::Png | VideoCodec::Apng => {
            let pixel = match (f.model, f.alpha, f.sample.bytes()) {
                (Model::Rgb, false, 1) => Pixel::RGB24,
                (Model::Rgb, true, 1) => Pixel::RGBA,
                (Model::Rgb, false, _) => Pixel::RGB48BE,
                (Model::Rgb, true, _) => Pixel::RGBA64BE,
                (_, false, 1) => Pixel::GRAY8,
                (_, true, 1) => Pixel::YA8,
                (_, false, _) => Pixel::GRAY16BE,
                (_, true, _) => Pixel::YA16BE,
            };
            (Feed::Packed(pixel), pixel)
        }
        VideoCodec::WebP if f.model == Model::Rgb => (Feed::Packed(Pixel::BGRA), Pixel::BGRA),
        codec => {
            let full = codec == VideoCodec::Jpeg && settings.colour.range == Range::Full;
            let pixel = format::planar_pixel(f, full).ok_or_else(none)?;
            (Feed::Planar(pixel), pixel)
        }
    })
}

/// What libav calls a siting.
fn location_name(location: ff::chroma::Location) -> &'static str {
    match location {
        ff::chroma::Location::Center => "center",
        ff::chroma::Location::TopLeft => "topleft",
        _ => "left",
    }
}

/// The private options of an encoder.
fn options(settings: &VideoSettings, spec: &VideoCodecSpec, encoder: &str) -> ff::Dictionary<'static> {
    let mut o = ff::Dictionary::new();
    let preset = settings.preset.as_deref().unwrap_or(spec.preset);
    let crf = match settings.control {
        RateControl::Crf(value) => Some(value),
        _ => None,
    };
    let lossless = settings.control == RateControl::Lossless;
    let threads = settings.threads.max(1);
    match encoder {
        "libx264" => {
            o.set("preset", preset);
            // The packets must not depend on the machine.
            o.set("x264-params", "cpu-independent=1");
            match crf {
                Some(value) => o.set("crf", &value.to_string()),
                None if lossless => o.set("qp", "0"),
                None => {}
            }
        }
        "libx265" => {
            o.set("preset", preset);
            let mut params = format!("log-level=none:pools={threads}:frame-threads=1:open-gop=0");
            if lossless {
                params.push_str(":lossless=1");
            }
            o.set("x265-params", &params);
            if let Some(value) = crf {
                o.set("crf", &value.to_string());
            }
        }
        "libvpx-vp9" | "libaom-av1" => {
            o.set("cpu-used", preset);
            o.set("row-mt", "1");
            if let Some(value) = crf {
                o.set("crf", &value.round().to_string());
                o.set("b", "0");
            }
            if encoder == "libvpx-vp9" {
                o.set("deadline", "good");
                if lossless {
                    o.set("lossless", "1");
                }
                if settings.format.alpha {
                    // libvpx codes alpha as a second stream, whose hidden pictures would have no place.
                    o.set("auto-alt-ref", "0");
                }
            }
        }
        "libsvtav1" | "librav1e" => {
            let (speed, quality) = if encoder == "libsvtav1" { ("preset", "crf") } else { ("speed", "qp") };
            o.set(speed, preset);
            if let Some(value) = crf {
                let scale = if encoder == "libsvtav1" { 1.0 } else { 4.0 };
                o.set(quality, &(value * scale).round().to_string());
            }
        }
        "prores_ks" => {
            let profile = crf.unwrap_or(3.0).round().clamp(0.0, 3.0).to_string();
            o.set("profile", if settings.format.log2_x == 0 { "4" } else { &profile });
            o.set("vendor", "apl0");
        }
        "ffv1" => {
            o.set("level", "3");
            o.set("slicecrc", "1");
        }
        "mjpeg" => {
            // Its usual least is 2; the scale begins at 1.
            o.set("qmin", "1");
        }
        "libwebp" => match crf {
            Some(value) => o.set("quality", &value.to_string()),
            None => o.set("lossless", if lossless { "1" } else { "0" }),
        },
        _ => {}
    }
    o
}
