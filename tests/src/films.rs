//! Small films made by libav for tests: every picture carries its own number in its samples.
//!
//! A [`Film`] says what is to be made, down to single stamps; [`Film::write`] makes it. [`picture`] draws a number,
//! [`number`] reads it back, from any layout and depth and through any codec.

use std::path::Path;

use ff::codec::{self, encoder};
use ff::format::{Pixel, Sample};
use ffmpeg_next as ff;
use vfxb_engine::colour::ColourSpec;
use vfxb_engine::picture::{Model, Picture, PictureBuffer, PictureSpec, PixelFormat};

/// Bits of a picture's number, drawn as stripes over the whole height.
const BITS: u32 = 12;

/// Sound of a film.
#[derive(Debug, Clone)]
pub struct Sound {
    /// libav's encoder.
    pub encoder: &'static str,
    /// Samples a second.
    pub rate: u32,
    /// One plane a channel: 1, 2 or 6 of them.
    pub planes: Vec<Vec<f32>>,
    /// Stamp of the first sample, in samples.
    pub start: i64,
}

/// What to make.
#[derive(Debug, Clone)]
pub struct Film {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Layout.
    pub pixel: Pixel,
    /// libav's encoder.
    pub encoder: &'static str,
    /// Its options.
    pub options: Vec<(&'static str, &'static str)>,
    /// Ticks a second.
    pub tick: (i32, i32),
    /// Stamps of the pictures, in ticks.
    pub pts: Vec<i64>,
    /// Pictures a second as declared.
    pub rate: (i32, i32),
    /// Width of a sample over its height.
    pub sample_aspect: (i32, i32),
    /// Full range.
    pub full_range: bool,
    /// Sound, if any.
    pub sound: Option<Sound>,
}

impl Film {
    /// `count` pictures of 64×48 at 25 a second, H.264 with B-frames and a key picture every 12.
    pub fn new(count: i64) -> Film {
        Film {
            width: 64,
            height: 48,
            pixel: Pixel::YUV420P,
            encoder: "libx264",
            options: vec![
                ("preset", "medium"),
                ("crf", "10"),
                ("g", "12"),
                ("bf", "3"),
                ("sc_threshold", "0"),
            ],
            tick: (1, 25),
            pts: (0..count).collect(),
            rate: (25, 1),
            sample_aspect: (1, 1),
            full_range: false,
            sound: None,
        }
    }

    /// Makes the file; its ending chooses the container.
    ///
    /// # Errors
    /// libav's own, if it lacks the encoder or refuses the settings.
    pub fn write(&self, path: &Path) -> Result<(), ff::Error> {
        self.write_pictures(path, &picture)
    }

    /// The same with codes of 8 bits by plane, column, row and number instead of numbers.
    ///
    /// # Errors
    /// As [`Film::write`].
    pub fn write_with(
        &self,
        path: &Path,
        code: impl Fn(usize, u32, u32, u64) -> u32,
    ) -> Result<(), ff::Error> {
        self.write_pictures(path, &|spec, n| drawn(spec, |plane, x, y| code(plane, x, y, n)))
    }

    fn write_pictures(
        &self,
        path: &Path,
        picture: &dyn Fn(PictureSpec, u64) -> Picture,
    ) -> Result<(), ff::Error> {
        ff::init()?;
        ff::log::set_level(ff::log::Level::Quiet);
        let mut out = ff::format::output(path)?;
        let header = out.format().flags().contains(ff::format::Flags::GLOBAL_HEADER);
        let mut video = self.video_encoder(header)?;
        let tick = ff::Rational::new(self.tick.0, self.tick.1);
        let mut stream = out.add_stream_with(&video)?;
        stream.set_time_base(tick);
        stream.set_avg_frame_rate(self.rate);
        let mut sound = match &self.sound {
            Some(sound) => {
                let encoder = sound.encoder(header)?;
                out.add_stream_with(&encoder)?.set_time_base((1, sound.rate as i32));
                Some((encoder, sound))
            }
            None => None,
        };
        out.write_header()?;
        for (n, pts) in self.pts.iter().enumerate() {
            video.send_frame(&self.frame(n as u64, *pts, picture))?;
            drain(&mut video, 0, tick, &mut out)?;
        }
        video.send_eof()?;
        drain(&mut video, 0, tick, &mut out)?;
        if let Some((encoder, sound)) = &mut sound {
            sound.encode(encoder, &mut out)?;
        }
        out.write_trailer()
    }

    fn video_encoder(&self, header: bool) -> Result<encoder::video::Encoder, ff::Error> {
        let codec = encoder::find_by_name(self.encoder).ok_or(ff::Error::EncoderNotFound)?;
        let mut video = codec::Context::new_with_codec(codec).encoder().video()?;
        video.set_width(self.width);
        video.set_height(self.height);
        video.set_format(self.pixel);
        video.set_time_base(self.tick);
        video.set_frame_rate(Some(self.rate));
        video.set_aspect_ratio(self.sample_aspect);
        video.set_color_range(if self.full_range {
            ff::color::Range::JPEG
        } else {
            ff::color::Range::Unspecified
        });
        if header {
            video.set_flags(codec::Flags::GLOBAL_HEADER);
        }
        let options: ff::Dictionary = self.options.iter().copied().collect();
        video.open_with(options)
    }

    fn frame(&self, n: u64, pts: i64, picture: &dyn Fn(PictureSpec, u64) -> Picture) -> ff::frame::Video {
        let mut frame = ff::frame::Video::new(self.pixel, self.width, self.height);
        let (format, order) = planar(self.pixel);
        let source = picture(spec(self.width, self.height, format), n);
        for (plane, theirs) in order.into_iter().enumerate().take(format.planes()) {
            let stride = frame.stride(theirs);
            let (_, rows) = source.plane_size(plane);
            for y in 0..rows {
                let row = source.row(plane, y);
                frame.data_mut(theirs)[y as usize * stride..][..row.len()].copy_from_slice(row);
            }
        }
        frame.set_pts(Some(pts));
        frame
    }
}

impl Sound {
    /// Silence of `length` samples with a click (one sample of 0.9) at each place, the same in every channel.
    pub fn clicks(encoder: &'static str, rate: u32, channels: usize, length: usize, at: &[usize]) -> Sound {
        let mut plane = vec![0.0; length];
        at.iter().for_each(|i| plane[*i] = 0.9);
        Sound { encoder, rate, planes: vec![plane; channels], start: 0 }
    }

    fn layout(&self) -> ff::ChannelLayout {
        match self.planes.len() {
            1 => ff::ChannelLayout::MONO,
            2 => ff::ChannelLayout::STEREO,
            _ => ff::ChannelLayout::_5POINT1,
        }
    }

    fn encoder(&self, header: bool) -> Result<encoder::audio::Encoder, ff::Error> {
        let codec = encoder::find_by_name(self.encoder).ok_or(ff::Error::EncoderNotFound)?;
        let mut audio = codec::Context::new_with_codec(codec).encoder().audio()?;
        audio.set_rate(self.rate as i32);
        audio.set_channel_layout(self.layout());
        audio.set_format(self.format());
        audio.set_time_base((1, self.rate as i32));
        if header {
            audio.set_flags(codec::Flags::GLOBAL_HEADER);
        }
        audio.open()
    }

    fn format(&self) -> Sample {
        use ff::format::sample::Type::{Packed, Planar};
        match self.encoder {
            "aac" | "libvorbis" | "libmp3lame" => Sample::F32(Planar),
            "libopus" | "pcm_f32le" => Sample::F32(Packed),
            _ => Sample::I16(Packed),
        }
    }

    fn encode(
        &self,
        encoder: &mut encoder::audio::Encoder,
        out: &mut ff::format::context::Output,
    ) -> Result<(), ff::Error> {
        let length = self.planes.first().map_or(0, Vec::len);
        let size = if encoder.frame_size() > 1 { encoder.frame_size() as usize } else { 1000 };
        let tick = ff::Rational::new(1, self.rate as i32);
        for from in (0..length).step_by(size) {
            let count = size.min(length - from);
            let mut frame = ff::frame::Audio::new(self.format(), count, self.layout());
            frame.set_rate(self.rate);
            frame.set_pts(Some(self.start + from as i64));
            let channels = self.planes.len();
            for (c, plane) in self.planes.iter().enumerate() {
                let values = &plane[from..from + count];
                match self.format() {
                    Sample::I16(_) => {
                        let cells = frame.data_mut(0).chunks_exact_mut(2).skip(c).step_by(channels);
                        let codes = values.iter().map(|v| (v * 32_767.0).round() as i16);
                        cells.zip(codes).for_each(|(cell, v)| cell.copy_from_slice(&v.to_ne_bytes()));
                    }
                    _ => {
                        let (index, skip, step) =
                            if frame.is_planar() { (c, 0, 1) } else { (0, c, channels) };
                        let cells = frame.data_mut(index).chunks_exact_mut(4).skip(skip).step_by(step);
                        cells.zip(values).for_each(|(cell, v)| cell.copy_from_slice(&v.to_ne_bytes()));
                    }
                }
            }
            encoder.send_frame(&frame)?;
            drain(encoder, 1, tick, out)?;
        }
        encoder.send_eof()?;
        drain(encoder, 1, tick, out)
    }
}

fn drain(
    encoder: &mut ff::codec::encoder::Encoder,
    stream: usize,
    tick: ff::Rational,
    out: &mut ff::format::context::Output,
) -> Result<(), ff::Error> {
    let target = out.stream(stream).ok_or(ff::Error::StreamNotFound)?.time_base();
    let mut packet = ff::Packet::empty();
    while encoder.receive_packet(&mut packet).is_ok() {
        packet.set_stream(stream);
        packet.rescale_ts(tick, target);
        packet.write_interleaved(out)?;
    }
    Ok(())
}

/// Turns the first track of a finished MP4 by writing (a, b, c, d) of ISO 14496-12 §6.2.2 into its header: `(0, 1, -1,
/// 0)` is a quarter turn clockwise.
///
/// # Errors
/// If the file cannot be read or written, or has no track header.
pub fn orient(path: &Path, (a, b, c, d): (i32, i32, i32, i32)) -> std::io::Result<()> {
    let mut bytes = std::fs::read(path)?;
    let found = bytes.windows(4).position(|w| w == b"tkhd").ok_or(std::io::ErrorKind::NotFound)? + 4;
    let matrix = found + if bytes[found] == 1 { 52 } else { 40 };
    for (i, value) in [a, b, 0, c, d].into_iter().enumerate() {
        bytes[matrix + i * 4..][..4].copy_from_slice(&(value << 16).to_be_bytes());
    }
    std::fs::write(path, bytes)
}

/// Our layout of a planar libav format, and libav's plane of each of our planes.
fn planar(pixel: Pixel) -> (PixelFormat, [usize; 4]) {
    use vfxb_engine::picture::Sample::{U8, U16};
    let yuv =
        |log2_x, log2_y, sample, alpha| PixelFormat { model: Model::Yuv, sample, log2_x, log2_y, alpha };
    let rgb = |sample, alpha| PixelFormat { model: Model::Rgb, sample, log2_x: 0, log2_y: 0, alpha };
    let straight = [0, 1, 2, 3];
    match pixel {
        Pixel::YUV422P => (yuv(1, 0, U8, false), straight),
        Pixel::YUV444P | Pixel::YUVJ444P => (yuv(0, 0, U8, false), straight),
        Pixel::YUV420P10LE => (yuv(1, 1, U16(10), false), straight),
        Pixel::YUV422P10LE => (yuv(1, 0, U16(10), false), straight),
        Pixel::YUV444P10LE => (yuv(0, 0, U16(10), false), straight),
        Pixel::YUVA420P => (yuv(1, 1, U8, true), straight),
        Pixel::YUVA444P10LE => (yuv(0, 0, U16(10), true), straight),
        Pixel::GBRP => (rgb(U8, false), [2, 0, 1, 3]),
        Pixel::GBRAP => (rgb(U8, true), [2, 0, 1, 3]),
        Pixel::GRAY8 => (PixelFormat { model: Model::Grey, ..rgb(U8, false) }, straight),
        _ => (yuv(1, 1, U8, false), straight),
    }
}

/// A picture's spec in BT.709 (sRGB for RGB).
pub fn spec(width: u32, height: u32, format: PixelFormat) -> PictureSpec {
    let colour = if format.model == Model::Rgb { ColourSpec::SRGB } else { ColourSpec::BT709 };
    PictureSpec { width, height, format, colour, premultiplied: false }
}

/// A picture that carries `n` in its first plane (in all colour planes of RGB), with middle chroma, and alpha that
/// falls from left to right.
pub fn picture(spec: PictureSpec, n: u64) -> Picture {
    let format = spec.format;
    drawn(spec, |plane, x, _| {
        let bit = (n >> (x * BITS / spec.width)) & 1;
        if format.alpha && plane + 1 == format.planes() {
            255 - x * 255 / spec.width
        } else if format.is_chroma(plane) {
            128
        } else if bit == 1 {
            210
        } else {
            40
        }
    })
}

/// A picture of codes of 8 bits, scaled to its own depth.
fn drawn(spec: PictureSpec, code: impl Fn(usize, u32, u32) -> u32) -> Picture {
    let mut buffer = PictureBuffer::new(spec);
    let format = spec.format;
    let bytes = format.sample.bytes();
    let depth = format.sample.depth();
    for plane in 0..format.planes() {
        let (width, height) = format.plane_size(plane, spec.width, spec.height);
        let stride = buffer.stride(plane);
        let target = buffer.plane_mut(plane);
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let value = (code(plane, x, y) << (depth - 8)).to_ne_bytes();
            target[y as usize * stride + x as usize * bytes..][..bytes].copy_from_slice(&value[..bytes]);
        }
    }
    buffer.freeze()
}

/// The number that a picture carries, whatever has become of its size and layout.
pub fn number(picture: &Picture) -> u64 {
    let (width, height) = picture.plane_size(0);
    let bytes = picture.spec().format.sample.bytes();
    let depth = picture.spec().format.sample.depth();
    let row = picture.row(0, height / 2);
    (0..BITS)
        .map(|bit| {
            let x = ((2 * bit + 1) * width / (2 * BITS)) as usize;
            let code = match bytes {
                1 => u32::from(row[x]),
                _ => u32::from(u16::from_ne_bytes([row[2 * x], row[2 * x + 1]])) >> (depth - 8),
            };
            u64::from(code > 125) << bit
        })
        .sum()
}
