//! Pictures of a source by their number.
//!
//! In comes a presentation index, out comes exactly that picture, however the file is seeked: every packet goes into
//! the decoder with its picture's number as its stamp, so a picture that comes out says itself which one it is.
//! Rotation, sample aspect and colour are not applied here. Reading backwards decodes a group of pictures once and
//! hands it out from memory, in parts if it is larger than the budget.
//!
//! A picture that the decoder passes over at the very start (leading pictures of a cut file) is stood in for by the
//! first one that decodes, and up to [`MISSING_AT_END`] at the end of a truncated file by the last. Anywhere else a
//! picture that does not decode is an error that names its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ff::frame::Video as Frame;
use ffmpeg_next as ff;
use vfxb_dsl::value::Time;

use super::demux::PacketReader;
use super::guard::Limits;
use super::stamp::{self, changed, check_source};
use super::stream_info;
use super::survey::{Survey, VideoIndex, survey};
use super::{FrameTimes, MediaError, MediaErrorKind, SourceInfo, VideoInfo, frame};
use crate::picture::Picture;

/// Pictures that may be missing at the end of a file.
pub const MISSING_AT_END: u64 = 16;

/// Packets that are decoded rather than seeked over: opening a group anew costs about as much.
const NOT_WORTH_A_SEEK: usize = 8;

/// How to decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Decoder threads; 0 for one a core.
    pub threads: usize,
    /// Bytes of pictures kept when reading backwards.
    pub cache_bytes: usize,
    /// What a source may be at most.
    pub limits: Limits,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions { threads: 0, cache_bytes: 256 << 20, limits: Limits::default() }
    }
}

/// Reads a source's pictures.
pub struct VideoReader {
    info: Arc<SourceInfo>,
    pictures: Pictures,
}

enum Pictures {
    Stream(Box<StreamReader>),
    Stills { options: DecodeOptions, last: Option<(u64, Picture)> },
}

impl VideoReader {
    /// Opens the picture of a probed source.
    ///
    /// # Errors
    /// If it has none, is interlaced (not read yet), or the file is gone or has changed.
    pub fn open(info: &Arc<SourceInfo>, options: DecodeOptions) -> Result<VideoReader, MediaError> {
        let video = info.video.as_ref().ok_or_else(|| {
            MediaError::new(MediaErrorKind::Unsupported, format!("{} has no picture", info.path.display()))
        })?;
        if video.interlaced {
            let message = format!("{} is interlaced, which is not read yet", info.path.display());
            return Err(MediaError::new(MediaErrorKind::Unsupported, message)
                .with_help("deinterlace it first: ffmpeg -i IN -vf bwdif OUT"));
        }
        let pictures = if info.stills.is_empty() {
            check_source(info)?;
            Pictures::Stream(Box::new(StreamReader::open(&info.path, video, options)?))
        } else {
            Pictures::Stills { options, last: None }
        };
        Ok(VideoReader { info: Arc::clone(info), pictures })
    }

    /// What is read.
    pub fn info(&self) -> &Arc<SourceInfo> {
        &self.info
    }

    /// Picture `index` in presentation order. Going forward picture by picture never seeks.
    ///
    /// # Errors
    /// If there is no such picture, or it does not decode.
    pub fn picture(&mut self, index: u64) -> Result<Picture, MediaError> {
        let Some(video) = self.info.video.as_ref().filter(|v| index < v.times.count()) else {
            let message = format!("{} has no picture {index}", self.info.path.display());
            return Err(MediaError::new(MediaErrorKind::Unsupported, message));
        };
        match &mut self.pictures {
            Pictures::Stream(reader) => reader.picture(index),
            Pictures::Stills { options, last } => {
                if let Some((at, picture)) = last
                    && *at == index
                {
                    return Ok(picture.clone());
                }
                let at = index as usize;
                let path = self.info.stills.get(at).ok_or_else(|| changed(&self.info.path))?;
                self.info.stamps.get(at).map_or(Ok(()), |stamp| stamp::check(path, stamp))?;
                let picture = read_still(path, video, options)?;
                *last = Some((index, picture.clone()));
                Ok(picture)
            }
        }
    }
}

/// One still of a sequence.
fn read_still(path: &Path, expected: &VideoInfo, options: &DecodeOptions) -> Result<Picture, MediaError> {
    let own = survey(path, options.limits)?;
    let video = own.info.video.as_ref().ok_or_else(|| changed(path))?;
    let mut reader = StreamReader::open(path, video, *options)?;
    reader.expected = Expected::of(expected);
    reader.picture(0)
}

/// Completes a still's header with what only its picture says (EXIF orientation), which also proves that it decodes.
pub(super) fn inspect_still(path: &Path, info: &mut VideoInfo, limits: Limits) -> Result<(), MediaError> {
    let mut packets = PacketReader::open(path, info.stream, limits)?;
    let mut decoder = open_decoder(path, &packets, info.format.alpha, 1, &limits)?;
    let mut frame = Frame::empty();
    let undecodable = |e| MediaError::from_av(path, "decode", e);
    let packet = packets.read_first()?.ok_or_else(|| undecodable(ff::Error::Eof))?;
    decoder.send_packet(&packet).map_err(undecodable)?;
    decoder.send_eof().map_err(undecodable)?;
    decoder.receive_frame(&mut frame).map_err(undecodable)?;
    if let Some(data) = frame.side_data(ff::frame::side_data::Type::DisplayMatrix) {
        info.orientation = stream_info::orientation(data.data());
    }
    limits.check_size(path, i64::from(frame.width()), i64::from(frame.height()))?;
    let picture =
        frame::picture(frame, info.colour).ok_or_else(|| undecodable(ff::Error::DecoderNotFound))?;
    let spec = picture.spec();
    (info.width, info.height, info.format) = (spec.width, spec.height, spec.format);
    Ok(())
}

fn open_decoder(
    path: &Path,
    packets: &PacketReader,
    alpha: bool,
    threads: usize,
    limits: &Limits,
) -> Result<ff::decoder::Video, MediaError> {
    use ff::codec::Id;
    let failed = |e| MediaError::from_av(path, "decode", e);
    let parameters = packets.parameters()?;
    let id = parameters.id();
    let codec = match id {
        Id::VP8 | Id::VP9 if alpha => ff::decoder::find_by_name(stream_info::alpha_decoder(id)),
        _ => ff::decoder::find(id),
    }
    .ok_or(ff::Error::DecoderNotFound)
    .map_err(failed)?;
    let mut context = ff::codec::Context::from_parameters(parameters).map_err(failed)?;
    let kind = ff::codec::threading::Type::Frame;
    context.set_threading(ff::codec::threading::Config { kind, count: threads, ..Default::default() });
    if id == Id::H264 {
        // Without it the decoder loses good pictures at the end after a seek to an open group: what it calls corrupt
        // while it drains may merely not have been found whole yet. What is corrupt is told by its flag.
        context.set_flags(ff::codec::Flags::OUTPUT_CORRUPT);
    }
    let mut options = ff::Dictionary::new();
    options.set("max_pixels", &limits.max_pixels.to_string());
    context.decoder().open_as_with(codec, options).and_then(ff::codec::decoder::Opened::video).map_err(failed)
}

/// What every picture of a source must be.
struct Expected {
    size: (u32, u32),
    format: crate::picture::PixelFormat,
    colour: crate::colour::ColourSpec,
}

impl Expected {
    fn of(info: &VideoInfo) -> Self {
        Expected { size: (info.width, info.height), format: info.format, colour: info.colour }
    }
}

/// What the decoder gave.
enum Step {
    Picture(u64, Frame),
    /// Something that is not shown.
    Nothing,
    End,
}

struct StreamReader {
    path: PathBuf,
    survey: Arc<Survey>,
    expected: Expected,
    times: FrameTimes,
    options: DecodeOptions,
    packets: PacketReader,
    decoder: ff::decoder::Video,
    draining: bool,
    /// Pictures that the decoder gave since the front, for streams whose ranks are not known otherwise.
    counted: u64,
    /// The last picture that came out, if any has since the last seek.
    reached: Option<u64>,
    /// Whether decoding started at the front.
    from_front: bool,
    kept: Kept,
    last_asked: Option<u64>,
}

/// Decoded pictures by number, up to a number of bytes.
#[derive(Default)]
struct Kept {
    pictures: BTreeMap<u64, Picture>,
    bytes: usize,
}

impl Kept {
    fn insert(&mut self, index: u64, picture: Picture, budget: usize) {
        self.bytes += bytes(&picture);
        self.pictures.insert(index, picture);
        while self.bytes > budget && self.pictures.len() > 1 {
            if let Some((_, dropped)) = self.pictures.pop_first() {
                self.bytes -= bytes(&dropped).min(self.bytes);
            }
        }
    }

    fn clear(&mut self) {
        self.pictures.clear();
        self.bytes = 0;
    }
}

fn bytes(picture: &Picture) -> usize {
    let format = picture.spec().format;
    (0..format.planes()).map(|p| picture.storage().stride(p) * picture.plane_size(p).1 as usize).sum()
}

impl StreamReader {
    fn open(path: &Path, video: &VideoInfo, options: DecodeOptions) -> Result<Self, MediaError> {
        let survey = survey(path, options.limits)?;
        if survey
            .info
            .video
            .as_ref()
            .is_none_or(|v| (v.stream, v.width, v.height) != (video.stream, video.width, video.height))
        {
            return Err(changed(path));
        }
        let packets = PacketReader::open(path, video.stream, options.limits)?;
        let threads = if video.still { 1 } else { options.threads };
        let decoder = open_decoder(path, &packets, video.format.alpha, threads, &options.limits)?;
        Ok(StreamReader {
            path: path.to_owned(),
            survey,
            expected: Expected::of(video),
            times: video.times.clone(),
            options,
            packets,
            decoder,
            draining: false,
            counted: 0,
            reached: None,
            from_front: true,
            kept: Kept::default(),
            last_asked: None,
        })
    }

    fn picture(&mut self, index: u64) -> Result<Picture, MediaError> {
        let backward = self.last_asked.is_some_and(|last| index < last);
        self.last_asked = Some(index);
        if let Some(picture) = self.kept.pictures.get(&index) {
            return Ok(picture.clone());
        }
        self.kept.clear();
        let survey = Arc::clone(&self.survey);
        let video = survey.video.as_ref().ok_or_else(|| changed(&self.path))?;
        let next_in_line = self.reached.map_or(index == 0 && self.from_front, |reached| reached + 1 == index);
        if self.reached.is_some_and(|reached| reached >= index)
            || (!next_in_line && self.worth_a_seek(video, index))
        {
            self.seek(video, index, 0)?;
        }
        // A picture that comes out damaged or not at all after a seek is decoded again from further back: the
        // container's key flag is a promise that not every file keeps.
        for attempt in 1..=3 {
            match self.decode_to(video, index, backward) {
                Ok(picture) => return Ok(picture),
                Err(error) if self.from_front => return Err(error),
                Err(_) if attempt < 3 => self.seek(video, index, attempt)?,
                Err(_) => self.restart()?,
            }
        }
        self.decode_to(video, index, backward)
    }

    /// Whether a key packet lies so far ahead that going there is quicker than decoding on.
    fn worth_a_seek(&self, video: &VideoIndex, index: u64) -> bool {
        let here = self.packets.ordinal().unwrap_or(0);
        video.ordered && key_before(video, index, 0) > here + NOT_WORTH_A_SEEK
    }

    /// To the `further`-th key packet before a picture, or to the front.
    fn seek(&mut self, video: &VideoIndex, index: u64, further: usize) -> Result<(), MediaError> {
        let key = if video.ordered { key_before(video, index, further) } else { 0 };
        if key == 0 {
            return self.restart();
        }
        let stamp = |k: usize| {
            let mark = video.packets.get(k)?.mark;
            (mark.pts != i64::MIN).then_some(mark.pts)
        };
        let earlier = |k: usize| {
            let before = video.keys.partition_point(|j| (*j as usize) < k);
            before.checked_sub(1).and_then(|i| video.keys.get(i)).map(|j| *j as usize)
        };
        self.packets.seek(&video.packets, key, stamp, earlier)?;
        self.flush();
        self.from_front = self.packets.ordinal() == Some(0);
        Ok(())
    }

    fn restart(&mut self) -> Result<(), MediaError> {
        self.packets.rewind()?;
        self.flush();
        self.from_front = true;
        Ok(())
    }

    fn flush(&mut self) {
        self.decoder.flush();
        self.draining = false;
        self.counted = 0;
        self.reached = None;
    }

    /// Decodes on until picture `index` comes out.
    fn decode_to(&mut self, video: &VideoIndex, index: u64, keep: bool) -> Result<Picture, MediaError> {
        let mut last: Option<Picture> = None;
        loop {
            match self.step(video)? {
                Step::Nothing => {}
                Step::Picture(_, frame)
                    if self.reached.is_none() && self.from_front && frame.is_corrupt() => {}
                Step::Picture(at, frame) => {
                    let first_of_all = self.reached.is_none() && self.from_front;
                    self.reached = Some(at);
                    if at > index {
                        return if first_of_all { self.accept(frame, at) } else { Err(self.damaged(index)) };
                    }
                    if at < index && !keep && at + MISSING_AT_END < index {
                        continue;
                    }
                    match self.is_doubtful(&frame) {
                        true if at == index => return Err(self.damaged(index)),
                        true => continue,
                        false => {}
                    }
                    let picture = self.accept(frame, at)?;
                    if keep || at == index {
                        self.kept.insert(at, picture.clone(), self.options.cache_bytes);
                    }
                    if at == index {
                        return Ok(picture);
                    }
                    last = Some(picture);
                }
                Step::End => {
                    let reached = self.reached.filter(|r| r + MISSING_AT_END >= self.times.count());
                    return match (last, reached) {
                        (Some(picture), Some(_)) => {
                            self.kept.insert(index, picture.clone(), self.options.cache_bytes);
                            Ok(picture)
                        }
                        _ => Err(self.damaged(index)),
                    };
                }
            }
        }
    }

    /// One picture or packet further.
    fn step(&mut self, video: &VideoIndex) -> Result<Step, MediaError> {
        let mut frame = Frame::empty();
        match self.decoder.receive_frame(&mut frame) {
            Ok(()) if !video.ordered => {
                self.counted += 1;
                return Ok(Step::Picture(self.counted - 1, frame));
            }
            Ok(()) => {
                let rank = frame.pts().and_then(|r| u64::try_from(r).ok());
                return Ok(rank.map_or(Step::Nothing, |rank| Step::Picture(rank, frame)));
            }
            Err(ff::Error::Eof) => return Ok(Step::End),
            Err(ff::Error::Other { errno: ff::error::EAGAIN }) if !self.draining => {}
            // What was broken shows as a picture that never comes.
            Err(ff::Error::InvalidData) => return Ok(Step::Nothing),
            Err(error) => return Err(MediaError::from_av(&self.path, "decode", error)),
        }
        let Some((ordinal, mut packet)) = self.packets.read(&video.packets)? else {
            self.draining = true;
            return match self.decoder.send_eof() {
                Ok(()) | Err(ff::Error::Eof) => Ok(Step::Nothing),
                Err(error) => Err(MediaError::from_av(&self.path, "decode", error)),
            };
        };
        let rank = video.packets.get(ordinal).and_then(|p| p.rank).map_or(-1, i64::from);
        packet.set_pts(Some(rank));
        packet.set_dts(Some(ordinal as i64));
        match self.decoder.send_packet(&packet) {
            Ok(()) | Err(ff::Error::InvalidData) => Ok(Step::Nothing),
            Err(error) => Err(MediaError::from_av(&self.path, "decode", error)),
        }
    }

    /// Whether a picture was patched up by the decoder. References that are missing at the front of a file are the
    /// file's own; after a seek they are ours.
    fn is_doubtful(&self, frame: &Frame) -> bool {
        let only_references = ff::frame::DecodeError::MISSING_REFERENCE;
        let flags = frame.decode_error_flags();
        frame.is_corrupt()
            || (if self.from_front { flags.difference(only_references) } else { flags })
                != ff::frame::DecodeError::empty()
    }

    fn accept(&self, frame: Frame, at: u64) -> Result<Picture, MediaError> {
        let size = (frame.width(), frame.height());
        let picture = frame::picture(frame, self.expected.colour);
        match picture {
            Some(picture) if size == self.expected.size && picture.spec().format == self.expected.format => {
                Ok(picture)
            }
            _ => {
                let ((w, h), (name, time)) = (self.expected.size, (self.path.display(), self.time_of(at)));
                let message = if size == (w, h) {
                    format!("{name} changes its pixel format at {time}")
                } else {
                    format!("{name} changes from {w}x{h} to {}x{} at {time}", size.0, size.1)
                };
                Err(MediaError::new(MediaErrorKind::Unsupported, message)
                    .with_help("cut it there into two files, or convert it to one size first"))
            }
        }
    }

    fn damaged(&self, index: u64) -> MediaError {
        let message =
            format!("picture {index} of {} (at {}) is damaged", self.path.display(), self.time_of(index));
        MediaError::new(MediaErrorKind::Damaged, message)
            .with_help("trim around that place, or repair the file first")
    }

    fn time_of(&self, index: u64) -> Time {
        match &self.times {
            FrameTimes::Constant { rate, .. } => {
                Time::new(vfxb_dsl::value::Rational::from_integer(i128::from(index)) / rate)
            }
            FrameTimes::Variable { tick, ticks, .. } => {
                let at = ticks.get(index as usize).copied().unwrap_or(0);
                Time::new(vfxb_dsl::value::Rational::from_integer(i128::from(at)) * tick)
            }
        }
    }
}

/// The packet to start at for a picture: the last key packet that is neither decoded nor shown after it, or the
/// `further`-th before that. Pictures that are shown before a key packet may need what lies before it.
fn key_before(video: &VideoIndex, index: u64, further: usize) -> usize {
    let packet = video.shown.get(index as usize).copied().unwrap_or(0);
    let before = video.keys.partition_point(|k| *k <= packet);
    let shown_by_then = |k: &u32| {
        video.packets.get(*k as usize).is_some_and(|p| p.rank.is_none_or(|rank| u64::from(rank) <= index))
    };
    let keys = video.keys.get(..before).unwrap_or_default();
    keys.iter().rev().copied().filter(shown_by_then).nth(further).unwrap_or(0) as usize
}
