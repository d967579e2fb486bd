//! Sound of a source by its place on the source's clock.
//!
//! In comes a range of samples at the mix's rate, out come planar floats: sample `n` is at `n / rate` seconds, 0 being
//! the first picture (the first sample if there is none), and silence where there is no sound. Positions are counted
//! in samples ([`super::sound_index`]); a packet that does not decode is silent. What comes out does not depend on where
//! reading started: the resampler starts on a whole number of its periods and early enough, and decoders run in before
//! anything of theirs is used.

use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::Arc;

use ff::format::Sample as SampleFormat;
use ff::format::sample::Type;
use ff::frame::Audio as Frame;
use ff::software::resampling;
use ffmpeg_next as ff;
use vfxb_dsl::value::Rational;

use super::demux::PacketReader;
use super::guard::Limits;
use super::mixdown::{self, Channels};
use super::sound_index::{SoundIndex, SoundPacket};
use super::stamp::{changed, check_source};
use super::survey::{Survey, survey};
use super::{MediaError, MediaErrorKind, SourceInfo};

/// Samples that a decoder runs in before its sound is used: Opus asks for 80 ms, MP3's reservoir reaches back nine
/// frames.
const RUN_IN_SECONDS: i64 = 1;

/// How far ahead decoding on is as quick as a seek, in seconds.
const NOT_WORTH_A_SEEK: i64 = 4;

/// Taps of the resampler's filter, at the lower of the two rates.
const TAPS: i64 = 64;

/// Source samples that are resampled at once.
const CHUNK: usize = 4096;

/// Reads a sound stream.
pub struct AudioReader {
    source: Source,
    channels: Channels,
    rate: i64,
    /// Where the source's first sample lies on its clock, in its own samples.
    offset: i64,
    resampler: Option<resampling::Context>,
    /// The next source sample to resample, on the clock.
    feed: i64,
    /// What has been made and where it starts, in samples of the mix.
    made: Vec<Vec<f32>>,
    made_from: i64,
}

fn div_floor(a: i64, b: i64) -> i64 {
    a.div_euclid(b)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl AudioReader {
    /// Opens sound `stream` (an index into [`SourceInfo::audio`]) at a rate and layout.
    ///
    /// # Errors
    /// If there is no such sound, no decoder for it, or the file is gone or has changed.
    pub fn open(
        info: &Arc<SourceInfo>,
        stream: usize,
        rate: u32,
        channels: Channels,
    ) -> Result<AudioReader, MediaError> {
        check_source(info)?;
        let Some(audio) = info.audio.get(stream) else {
            let message = format!("{} has no sound {stream}", info.path.display());
            return Err(MediaError::new(MediaErrorKind::Unsupported, message));
        };
        let survey = survey(&info.path, Limits::default())?;
        if survey.info.audio.get(stream) != Some(audio) {
            return Err(changed(&info.path));
        }
        let samples = audio.start.at_rate(Rational::from_integer(i128::from(audio.rate)));
        let offset = samples.round().to_integer().clamp(-(1 << 50), 1 << 50) as i64;
        let source = Source::open(info, survey, stream, audio.rate, audio.stream, channels)?;
        let mut reader = AudioReader {
            source,
            channels,
            rate: i64::from(rate.max(1)),
            offset,
            resampler: None,
            feed: 0,
            made: vec![Vec::new(); channels.count()],
            made_from: 0,
        };
        reader.start_at(0)?;
        Ok(reader)
    }

    /// Fills one plane a channel, all of one length, with the samples from `from` on.
    ///
    /// # Errors
    /// If the planes do not fit, the file has changed or cannot be read, or its sound changes rate or layout.
    pub fn read(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        let length = planes.first().map_or(0, |p| p.len());
        if planes.len() != self.channels.count() || planes.iter().any(|p| p.len() != length) {
            let message = format!("{} planes were given for {:?}", planes.len(), self.channels);
            return Err(MediaError::new(MediaErrorKind::Unsupported, message));
        }
        if from < self.made_from || from > self.made_end() + self.rate * NOT_WORTH_A_SEEK {
            self.start_at(from)?;
        }
        // In steps, so that skipping ahead keeps nothing.
        let mut done = 0;
        while done < length {
            let at = from + done as i64;
            while self.made_end() <= at {
                self.forget_before(at);
                self.make()?;
            }
            self.forget_before(at);
            let count = (length - done).min((self.made_end() - at) as usize);
            for (plane, made) in planes.iter_mut().zip(&self.made) {
                if let (Some(target), Some(source)) = (plane.get_mut(done..done + count), made.get(..count)) {
                    target.copy_from_slice(source);
                }
            }
            done += count;
        }
        Ok(())
    }

    fn made_end(&self) -> i64 {
        self.made_from + self.made.first().map_or(0, Vec::len) as i64
    }

    fn forget_before(&mut self, at: i64) {
        let count = (at - self.made_from).clamp(0, self.made_end() - self.made_from);
        for plane in &mut self.made {
            plane.drain(..count as usize);
        }
        self.made_from += count;
    }

    /// Makes everything anew from a little before `from`, on the resampler's grid.
    fn start_at(&mut self, from: i64) -> Result<(), MediaError> {
        let (rate_in, rate_out) = (i64::from(self.source.rate), self.rate);
        let common = gcd(rate_in, rate_out);
        let (step_in, step_out) = (rate_in / common, rate_out / common);
        self.made.iter_mut().for_each(Vec::clear);
        if rate_in == rate_out {
            self.resampler = None;
            (self.made_from, self.feed) = (from, from);
            return Ok(());
        }
        // The filter spans its taps at the lower rate, on both sides.
        let run_in = TAPS * 2 * (rate_out / rate_in).max(1) + TAPS;
        let period = div_floor(from - run_in, step_out);
        (self.made_from, self.feed) = (period * step_out, period * step_in);
        let layout = ff::ChannelLayout::default(self.channels.count() as i32);
        let planar = SampleFormat::F32(Type::Planar);
        let mut options = ff::Dictionary::new();
        options.set("filter_size", &TAPS.to_string());
        options.set("exact_rational", "1");
        let made = resampling::Context::get_with(
            planar,
            layout,
            self.source.rate,
            planar,
            layout,
            u32::try_from(rate_out).unwrap_or(u32::MAX),
            options,
        );
        self.resampler = Some(made.map_err(|e| MediaError::from_av(&self.source.path, "resample", e))?);
        Ok(())
    }

    /// The next chunk of source sound, at the mix's rate.
    fn make(&mut self) -> Result<(), MediaError> {
        let mut block = vec![vec![0.0; CHUNK]; self.channels.count()];
        self.source.fill(self.feed - self.offset, &mut block)?;
        self.feed += CHUNK as i64;
        let Some(resampler) = &mut self.resampler else {
            self.made.iter_mut().zip(block).for_each(|(made, plane)| made.extend(plane));
            return Ok(());
        };
        let layout = ff::ChannelLayout::default(self.channels.count() as i32);
        let planar = SampleFormat::F32(Type::Planar);
        let mut input = Frame::new(planar, CHUNK, layout);
        input.set_rate(self.source.rate);
        for (channel, plane) in block.iter().enumerate() {
            let cells = input.data_mut(channel).chunks_exact_mut(4);
            cells.zip(plane).for_each(|(cell, value)| cell.copy_from_slice(&value.to_ne_bytes()));
        }
        let room = CHUNK as i64 * self.rate / i64::from(self.source.rate) + 1024;
        let mut output = Frame::new(planar, room as usize, layout);
        resampler
            .run(&input, &mut output)
            .map_err(|e| MediaError::from_av(&self.source.path, "resample", e))?;
        for (channel, made) in self.made.iter_mut().enumerate() {
            let values = output.data(channel).chunks_exact(4).take(output.samples());
            made.extend(values.filter_map(|b| b.try_into().ok().map(f32::from_ne_bytes)));
        }
        Ok(())
    }
}

/// Decoded sound at its own rate, already in the mix's channels.
struct Source {
    path: PathBuf,
    survey: Arc<Survey>,
    stream: usize,
    rate: u32,
    channels: Channels,
    packets: PacketReader,
    decoder: ff::decoder::Audio,
    draining: bool,
    ended: bool,
    /// Samples from the first that sounds, and where they start; `None` right after a seek.
    held: Vec<Vec<f32>>,
    held_from: Option<i64>,
    /// What came after a long gap, and where it starts.
    after_gap: Option<(i64, Vec<Vec<f32>>)>,
    gains: Option<(usize, Vec<Vec<f32>>)>,
}

impl Source {
    fn open(
        info: &SourceInfo,
        survey: Arc<Survey>,
        stream: usize,
        rate: u32,
        file_stream: usize,
        channels: Channels,
    ) -> Result<Source, MediaError> {
        let failed = |e| MediaError::from_av(&info.path, "decode the sound of", e);
        let packets = PacketReader::open(&info.path, file_stream, Limits::default())?;
        let mut context = ff::codec::Context::from_parameters(packets.parameters()?).map_err(failed)?;
        context.set_threading(ff::codec::threading::Config::count(1));
        let mut decoder = context.decoder();
        // Packets are stamped with their positions; libav moves a stamp on by what it skips.
        decoder.set_packet_time_base((1, rate as i32));
        let decoder = decoder.audio().map_err(failed)?;
        Ok(Source {
            path: info.path.clone(),
            survey,
            stream,
            rate,
            channels,
            packets,
            decoder,
            draining: false,
            ended: false,
            held: vec![Vec::new(); channels.count()],
            held_from: Some(0),
            after_gap: None,
            gains: None,
        })
    }

    fn held_end(&self) -> Option<i64> {
        self.held_from.map(|from| from + self.held.first().map_or(0, Vec::len) as i64)
    }

    /// Fills planes with the samples from position `from` on; outside the sound they stay as they are.
    fn fill(&mut self, from: i64, planes: &mut [Vec<f32>]) -> Result<(), MediaError> {
        let survey = Arc::clone(&self.survey);
        let index = survey.audio.get(self.stream).ok_or_else(|| changed(&self.path))?;
        let length = planes.first().map_or(0, Vec::len) as i64;
        let (start, end) = (from.max(0), (from + length).min(index.length));
        if start >= end {
            return Ok(());
        }
        let far = i64::from(self.rate) * NOT_WORTH_A_SEEK;
        let reached = self.after_gap.as_ref().map(|(at, _)| *at).or(self.held_end());
        if self.held_from.is_none_or(|h| h > start) || reached.is_none_or(|r| start > r + far) {
            self.seek(index, start)?;
        }
        loop {
            while !self.ended && self.after_gap.is_none() && self.held_end().is_none_or(|e| e < end) {
                self.decode(index)?;
                self.forget_before(start);
            }
            self.forget_before(start);
            self.copy_held(from, (start, end), planes);
            match self.after_gap.take_if(|(at, _)| *at < end) {
                Some((at, held)) => (self.held_from, self.held) = (Some(at), held),
                None => return Ok(()),
            }
        }
    }

    /// What is held of a range goes into planes that start at `from`.
    fn copy_held(&self, from: i64, (start, end): (i64, i64), planes: &mut [Vec<f32>]) {
        let Some(held_from) = self.held_from else { return };
        for (plane, held) in planes.iter_mut().zip(&self.held) {
            let (first, last) = (start.max(held_from), end.min(held_from + held.len() as i64));
            if first < last {
                let source = held.get((first - held_from) as usize..(last - held_from) as usize);
                let target = plane.get_mut((first - from) as usize..(last - from) as usize);
                if let (Some(target), Some(source)) = (target, source) {
                    target.copy_from_slice(source);
                }
            }
        }
    }

    fn forget_before(&mut self, at: i64) {
        if let Some(from) = self.held_from {
            let count = (at - from).clamp(0, self.held.first().map_or(0, Vec::len) as i64);
            self.held.iter_mut().for_each(|plane| drop(plane.drain(..count as usize)));
            self.held_from = Some(from + count);
        }
    }

    /// To a packet early enough before a position for the decoder to have run in.
    fn seek(&mut self, index: &SoundIndex, position: i64) -> Result<(), MediaError> {
        let wanted = position - i64::from(self.rate) * RUN_IN_SECONDS;
        let target = index.packets.partition_point(|p| p.position <= wanted).saturating_sub(1);
        let stamp = |k: usize| {
            let pts = index.packets.get(k)?.mark.pts;
            (pts != i64::MIN).then_some(pts)
        };
        let earlier = |k: usize| k.checked_sub(100);
        if target == 0 {
            self.packets.rewind()?;
        } else {
            self.packets.seek(&index.packets, target, stamp, earlier)?;
        }
        self.decoder.flush();
        (self.draining, self.ended) = (false, false);
        self.held.iter_mut().for_each(Vec::clear);
        self.after_gap = None;
        self.held_from = (self.packets.ordinal() == Some(0)).then_some(0);
        Ok(())
    }

    /// One frame or packet further.
    fn decode(&mut self, index: &SoundIndex) -> Result<(), MediaError> {
        let failed = |path: &PathBuf, e| MediaError::from_av(path, "decode the sound of", e);
        let mut frame = Frame::empty();
        match self.decoder.receive_frame(&mut frame) {
            Ok(()) => return self.hold(&frame),
            Err(ff::Error::Eof) => {
                self.ended = true;
                return Ok(());
            }
            Err(ff::Error::Other { errno: ff::error::EAGAIN }) if !self.draining => {}
            Err(ff::Error::InvalidData) => return Ok(()),
            Err(error) => return Err(failed(&self.path, error)),
        }
        let Some((ordinal, mut packet)) = self.packets.read::<SoundPacket>(&index.packets)? else {
            self.draining = true;
            return match self.decoder.send_eof() {
                Ok(()) | Err(ff::Error::Eof) => Ok(()),
                Err(error) => Err(failed(&self.path, error)),
            };
        };
        let position = index.packets.get(ordinal).map(|p| p.position);
        packet.set_pts(position);
        packet.set_dts(position);
        match self.decoder.send_packet(&packet) {
            Ok(()) | Err(ff::Error::InvalidData) => Ok(()),
            Err(error) => Err(failed(&self.path, error)),
        }
    }

    /// Mixes a decoded frame into the channels wanted and puts it in its place.
    fn hold(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let channels = usize::from(frame.channels());
        if frame.rate() != self.rate || channels == 0 {
            let message = format!(
                "the sound of {} changes from {} to {} samples a second",
                self.path.display(),
                self.rate,
                frame.rate()
            );
            return Err(MediaError::new(MediaErrorKind::Unsupported, message).with_help("convert it first"));
        }
        if self.gains.as_ref().is_none_or(|(n, _)| *n != channels) {
            let mask = frame.channel_layout().bits();
            self.gains = Some((channels, mixdown::gains(mask, channels, self.channels)));
        }
        let position = frame.pts().or(self.held_end()).unwrap_or(0);
        let end = self.held_end().unwrap_or(position);
        // What lies before the end already held is dropped.
        let skip = (end - position).clamp(0, frame.samples() as i64) as usize;
        let mut mixed = vec![vec![0.0; frame.samples() - skip]; self.channels.count()];
        for (channel, gains) in self.gains.iter().flat_map(|(_, g)| g).enumerate() {
            let values = samples_of(frame, channel, skip);
            for (plane, gain) in mixed.iter_mut().zip(gains).filter(|(_, gain)| **gain != 0.0) {
                plane.iter_mut().zip(&values).for_each(|(sum, v)| *sum += v * gain);
            }
        }
        self.held_from.get_or_insert(position);
        let gap = (position - end).max(0);
        if gap > i64::from(self.rate) {
            self.after_gap = Some((position, mixed));
            return Ok(());
        }
        for (held, plane) in self.held.iter_mut().zip(mixed) {
            held.resize(held.len() + gap as usize, 0.0);
            held.extend(plane);
        }
        Ok(())
    }
}

/// One channel of a decoded frame as floats, from sample `skip` on.
fn samples_of(frame: &Frame, channel: usize, skip: usize) -> Vec<f32> {
    use SampleFormat as F;
    let (bytes, planar) = match frame.format() {
        F::U8(t) => (1, t),
        F::I16(t) => (2, t),
        F::I32(t) | F::F32(t) => (4, t),
        F::I64(t) | F::F64(t) => (8, t),
        F::None => return Vec::new(),
    };
    let (plane, step, first) = match planar {
        Type::Planar => (channel, 1, 0),
        Type::Packed => (0, usize::from(frame.channels()), channel),
    };
    let length = frame.samples() * step * bytes;
    // SAFETY: a decoded frame has a plane of `samples` values for each channel, or one plane with the values of all
    // channels side by side; `channel` is below the frame's count.
    let data = unsafe {
        let pointer = *(*frame.as_ptr()).extended_data.add(plane);
        if pointer.cast::<c_void>().is_null() {
            &[]
        } else {
            std::slice::from_raw_parts(pointer.cast_const(), length)
        }
    };
    let cells = data.chunks_exact(bytes).skip(first).step_by(step).skip(skip);
    let format = frame.format();
    cells.map(|cell| value(cell, format)).collect()
}

/// One sample as a float, full scale being ±1.
fn value(cell: &[u8], format: SampleFormat) -> f32 {
    use SampleFormat as F;
    match (format, cell) {
        (F::U8(_), [a]) => (f32::from(*a) - 128.0) / 128.0,
        (F::I16(_), [a, b]) => f32::from(i16::from_ne_bytes([*a, *b])) / 32_768.0,
        (F::I32(_), [a, b, c, d]) => {
            (f64::from(i32::from_ne_bytes([*a, *b, *c, *d])) / 2_147_483_648.0) as f32
        }
        (F::F32(_), [a, b, c, d]) => f32::from_ne_bytes([*a, *b, *c, *d]),
        (F::F64(_), cell) => cell.try_into().map_or(0.0, |b| f64::from_ne_bytes(b) as f32),
        (F::I64(_), cell) => cell
            .try_into()
            .map_or(0.0, |b| (i64::from_ne_bytes(b) as f64 / 9_223_372_036_854_775_808.0) as f32),
        _ => 0.0,
    }
}
