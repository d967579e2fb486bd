//! Sound to packets.
//!
//! Planar floats come in, in any number at a time; packets go out, stamped in samples from the film's start. The
//! encoder's priming has negative stamps and is declared by the container.

use ff::codec::encoder::audio::Encoder;
use ffmpeg_next as ff;
use serde::{Deserialize, Serialize};

use super::tables::AudioCodec;
use super::video::{EncodedPacket, find_encoder};
use crate::media::{MediaError, MediaErrorKind};

/// How sound is encoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioSettings {
    /// Codec.
    pub codec: AudioCodec,
    /// Samples a second.
    pub rate: u32,
    /// Channels: 1, 2 or 6 (5.1 in the order L R C LFE Ls Rs).
    pub channels: u16,
    /// Bits a second; the codec's usual number for each channel if absent.
    pub bitrate: Option<u64>,
}

/// Samples sent at once to an encoder that takes any number.
const PCM_CHUNK: usize = 4096;

/// Encodes sound.
pub struct AudioEncoder {
    settings: AudioSettings,
    encoder: Encoder,
    format: ff::format::Sample,
    layout: ff::ChannelLayout,
    frame_size: usize,
    waiting: Vec<Vec<f32>>,
    sent: i64,
}

fn refused(message: String) -> MediaError {
    MediaError::new(MediaErrorKind::Encoder, message)
}

impl AudioSettings {
    /// Whether an encoder could take this, without opening one.
    ///
    /// # Errors
    /// Names what does not fit and what would.
    pub fn check(&self) -> Result<(), MediaError> {
        let spec = self.codec.spec();
        let name = spec.names.first().copied().unwrap_or_default();
        if !matches!(self.channels, 1 | 2 | 6) || (self.channels == 6 && self.codec == AudioCodec::Mp3) {
            return Err(refused(format!("{name} with {} channels cannot be written", self.channels)));
        }
        let fits = if spec.rates.is_empty() {
            (8000..=192_000).contains(&self.rate)
        } else {
            spec.rates.contains(&self.rate)
        };
        if !fits {
            let rates: Vec<String> = spec.rates.iter().map(u32::to_string).collect();
            return Err(refused(format!("{name} takes no {} samples a second", self.rate)).with_help(
                format!(
                    "it takes {}",
                    if rates.is_empty() { "8000 to 192000".into() } else { rates.join(", ") }
                ),
            ));
        }
        Ok(())
    }
}

fn layout(channels: u16) -> ff::ChannelLayout {
    match channels {
        1 => ff::ChannelLayout::MONO,
        2 => ff::ChannelLayout::STEREO,
        _ => ff::ChannelLayout::_5POINT1,
    }
}

impl AudioEncoder {
    /// Opens an encoder. `global_header` is the container's wish.
    ///
    /// # Errors
    /// [`MediaErrorKind::Encoder`] if there is none on this machine or it refuses the settings.
    pub fn open(settings: &AudioSettings, global_header: bool) -> Result<Self, MediaError> {
        use ff::format::sample::{Sample as F, Type};
        settings.check()?;
        let spec = settings.codec.spec();
        let name = spec.names.first().copied().unwrap_or_default();
        let codec = find_encoder(spec.encoders, name)?;
        let format = match settings.codec {
            AudioCodec::Aac | AudioCodec::Vorbis | AudioCodec::Mp3 => F::F32(Type::Planar),
            AudioCodec::Opus | AudioCodec::PcmFloat => F::F32(Type::Packed),
            AudioCodec::Flac | AudioCodec::Pcm24 => F::I32(Type::Packed),
            AudioCodec::Pcm16 => F::I16(Type::Packed),
        };
        let layout = layout(settings.channels);
        let failed = |e: ff::Error| {
            refused(format!(
                "the {name} encoder refuses {} Hz, {} channels: {e}",
                settings.rate, settings.channels
            ))
        };
        let mut audio = ff::codec::Context::new_with_codec(codec).encoder().audio().map_err(failed)?;
        audio.set_rate(settings.rate as i32);
        audio.set_format(format);
        audio.set_channel_layout(layout);
        audio.set_time_base((1, settings.rate as i32));
        let mut flags = ff::codec::Flags::BITEXACT;
        flags.set(ff::codec::Flags::GLOBAL_HEADER, global_header);
        audio.set_flags(flags);
        let usual = spec.bitrate.map(|b| u64::from(b) * u64::from(settings.channels));
        if let Some(bits) = settings.bitrate.or(usual).filter(|_| usual.is_some()) {
            audio.set_bit_rate(usize::try_from(bits).unwrap_or(usize::MAX));
        }
        let mut options = ff::Dictionary::new();
        if settings.codec == AudioCodec::Flac {
            options.set("bits_per_raw_sample", "24");
        }
        let encoder = audio.open_with(options).map_err(failed)?;
        let frame_size = match encoder.frame_size() as usize {
            0 | 1 => PCM_CHUNK,
            n => n,
        };
        let waiting = vec![Vec::new(); usize::from(settings.channels)];
        Ok(AudioEncoder { settings: settings.clone(), encoder, format, layout, frame_size, waiting, sent: 0 })
    }

    /// The settings.
    pub fn settings(&self) -> &AudioSettings {
        &self.settings
    }

    pub(super) fn parameters(&self) -> &Encoder {
        &self.encoder
    }

    /// Encodes the next samples: one plane a channel, all of one length. Values beyond ±1 are clipped by codecs of
    /// whole numbers.
    ///
    /// # Errors
    /// If the planes do not fit the settings, or the encoder fails.
    pub fn send(&mut self, planes: &[&[f32]]) -> Result<Vec<EncodedPacket>, MediaError> {
        let length = planes.first().map_or(0, |p| p.len());
        if planes.len() != self.waiting.len() || planes.iter().any(|p| p.len() != length) {
            return Err(refused(format!("{} planes of sound came for {}", planes.len(), self.waiting.len())));
        }
        for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
            waiting.extend_from_slice(plane);
        }
        let mut packets = Vec::new();
        while self.waiting.first().is_some_and(|w| w.len() >= self.frame_size) {
            self.encode(self.frame_size, &mut packets)?;
        }
        Ok(packets)
    }

    /// What is left.
    ///
    /// # Errors
    /// If the encoder fails.
    pub fn finish(&mut self) -> Result<Vec<EncodedPacket>, MediaError> {
        let mut packets = Vec::new();
        let rest = self.waiting.first().map_or(0, Vec::len);
        if rest > 0 {
            self.encode(rest, &mut packets)?;
        }
        match self.encoder.send_eof() {
            Ok(()) | Err(ff::Error::Eof) => {}
            Err(error) => return Err(self.failed(error)),
        }
        self.receive(&mut packets)?;
        Ok(packets)
    }

    fn failed(&self, error: ff::Error) -> MediaError {
        let name = self.settings.codec.spec().names.first().copied().unwrap_or_default();
        refused(format!("the {name} encoder failed: {error}"))
    }

    fn encode(&mut self, samples: usize, packets: &mut Vec<EncodedPacket>) -> Result<(), MediaError> {
        let mut frame = ff::frame::Audio::new(self.format, samples, self.layout);
        frame.set_rate(self.settings.rate);
        frame.set_pts(Some(self.sent));
        let channels = self.waiting.len();
        for (channel, plane) in self.waiting.iter_mut().enumerate() {
            let values = plane.drain(..samples);
            if frame.is_planar() {
                let bytes = frame.data_mut(channel).chunks_exact_mut(4);
                bytes.zip(values).for_each(|(b, v)| b.copy_from_slice(&v.to_ne_bytes()));
                continue;
            }
            match self.format {
                ff::format::Sample::F32(_) => {
                    interleave::<4>(&mut frame, channel, channels, values, f32::to_ne_bytes)
                }
                ff::format::Sample::I16(_) => {
                    interleave::<2>(&mut frame, channel, channels, values, |v| {
                        (quantised(v, 16) as i16).to_ne_bytes()
                    });
                }
                // 24 bits in the upper part of 32.
                _ => interleave::<4>(&mut frame, channel, channels, values, |v| {
                    (quantised(v, 24) << 8).to_ne_bytes()
                }),
            }
        }
        self.sent += samples as i64;
        self.encoder.send_frame(&frame).map_err(|e| self.failed(e))?;
        self.receive(packets)
    }

    fn receive(&mut self, packets: &mut Vec<EncodedPacket>) -> Result<(), MediaError> {
        loop {
            let mut packet = ff::Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {
                    packets.push(EncodedPacket {
                        packet,
                        tick: ff::Rational::new(1, self.settings.rate as i32),
                    });
                }
                Err(ff::Error::Eof | ff::Error::Other { errno: ff::error::EAGAIN }) => return Ok(()),
                Err(error) => return Err(self.failed(error)),
            }
        }
    }
}

/// A sample as a whole number of so many bits, rounded and clipped.
fn quantised(value: f32, bits: u32) -> i32 {
    let scale = f64::from(1_u32 << (bits - 1));
    (f64::from(value) * scale).round().clamp(-scale, scale - 1.0) as i32
}

fn interleave<const N: usize>(
    frame: &mut ff::frame::Audio,
    channel: usize,
    channels: usize,
    values: impl Iterator<Item = f32>,
    bytes: impl Fn(f32) -> [u8; N],
) {
    let cells = frame.data_mut(0).chunks_exact_mut(N).skip(channel).step_by(channels);
    cells.zip(values).for_each(|(cell, value)| cell.copy_from_slice(&bytes(value)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_rounded_and_clipped() {
        assert_eq!(
            [0.0, 0.5, 1.0, -1.0, 2.0, -3.0].map(|v| quantised(v, 16)),
            [0, 16_384, 32_767, -32_768, 32_767, -32_768]
        );
    }

    #[test]
    fn rates_and_channels_are_checked() {
        let settings = AudioSettings { codec: AudioCodec::Opus, rate: 44_100, channels: 2, bitrate: None };
        let error = settings.check().unwrap_err();
        assert_eq!(error.kind, MediaErrorKind::Encoder);
        assert!(error.help.unwrap().contains("48000"));
        assert!(AudioSettings { rate: 48_000, ..settings }.check().is_ok());
    }
}
