//! Pictures and sound to files.
//!
//! A [`Writer`] takes pictures from one thread and sound from another, encodes both and writes a file; [`place`] lets all
//! files of a render appear at once. What may be asked of it is data: [`FORMATS`], [`VIDEO_CODECS`], [`AUDIO_CODECS`].

mod audio;
mod mux;
mod output;
mod palette;
mod tables;
mod video;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use audio::{AudioEncoder, AudioSettings};
pub use mux::numbered;
pub use output::{abandon, check_folder, check_output, discard_broken_off};
pub use tables::{
    AUDIO_CODECS, AudioCodec, AudioCodecSpec, Container, FORMATS, FormatSpec, RateControl, VIDEO_CODECS,
    VideoCodec, VideoCodecSpec, format_of,
};
pub use video::{EncodedPacket, VideoEncoder, VideoSettings, available};

use super::{MediaError, MediaErrorKind};
use crate::picture::Picture;
use mux::Muxer;
use output::Output;

/// Writes one output. Pictures and sound may come from different threads; dropping it leaves no file behind.
pub struct Writer {
    video: Option<Mutex<VideoEncoder>>,
    audio: Option<Mutex<AudioEncoder>>,
    muxer: Mutex<Muxer>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    /// Opens the encoders and a temporary file beside `path`, whose ending says the format.
    ///
    /// # Errors
    /// If the ending means no format, the format does not take the codecs, an encoder is missing or refuses its
    /// settings, or the file cannot be written.
    pub fn create(
        path: &Path,
        video: Option<&VideoSettings>,
        audio: Option<&AudioSettings>,
        overwrite: bool,
    ) -> Result<Writer, MediaError> {
        let format = format_of(path).ok_or_else(|| {
            let known: Vec<&str> = FORMATS.iter().map(|f| f.ending).collect();
            MediaError::new(
                MediaErrorKind::Encoder,
                format!("the ending of {} means no format", path.display()),
            )
            .with_help(format!("end the name in one of {}", known.join(", ")))
        })?;
        check_streams(format, video, audio)?;
        let header = mux::wants_global_header(format)?;
        let video = video.map(|v| VideoEncoder::open(v, header)).transpose()?;
        let audio = audio.map(|a| AudioEncoder::open(a, header)).transpose()?;
        let muxer = Muxer::create(path, format, video.as_ref(), audio.as_ref(), overwrite)?;
        Ok(Writer { video: video.map(Mutex::new), audio: audio.map(Mutex::new), muxer: Mutex::new(muxer) })
    }

    /// Encodes picture `index`; indices grow.
    ///
    /// # Errors
    /// If the picture does not fit, the encoder fails or the disk is full.
    pub fn picture(&self, picture: &Picture, index: u64) -> Result<(), MediaError> {
        let Some(video) = &self.video else { return Err(absent("picture")) };
        let mut encoder = locked(video);
        let packets = encoder.send(picture, index)?;
        self.write(0, packets)
    }

    /// Encodes the next samples, one plane a channel.
    ///
    /// # Errors
    /// If the planes do not fit, the encoder fails or the disk is full.
    pub fn sound(&self, planes: &[&[f32]]) -> Result<(), MediaError> {
        let Some(audio) = &self.audio else { return Err(absent("sound")) };
        let mut encoder = locked(audio);
        let packets = encoder.send(planes)?;
        self.write(usize::from(self.video.is_some()), packets)
    }

    /// Empties the encoders and ends the file, which is whole on the disk then and has only to be put in its place.
    ///
    /// # Errors
    /// If an encoder or the disk fails.
    pub fn finish(self) -> Result<Finished, MediaError> {
        if let Some(video) = &self.video {
            let packets = locked(video).finish()?;
            self.write(0, packets)?;
        }
        if let Some(audio) = &self.audio {
            let packets = locked(audio).finish()?;
            self.write(usize::from(self.video.is_some()), packets)?;
        }
        self.muxer.into_inner().unwrap_or_else(PoisonError::into_inner).finish().map(Finished)
    }

    fn write(&self, stream: usize, packets: Vec<EncodedPacket>) -> Result<(), MediaError> {
        if packets.is_empty() { Ok(()) } else { locked(&self.muxer).write(stream, packets) }
    }
}

/// A written file, or run of stills, that is not in its place yet; dropping it leaves nothing behind.
pub struct Finished(Vec<Output>);

/// Puts files in their places: all of them, or none.
///
/// # Errors
/// If a file has appeared in one of the places meanwhile and was not to be replaced, or the disk fails.
pub fn place(files: impl IntoIterator<Item = Finished>) -> Result<(), MediaError> {
    output::place(files.into_iter().flat_map(|file| file.0).collect())
}

fn absent(what: &str) -> MediaError {
    MediaError::new(MediaErrorKind::Encoder, format!("{what} came for an output without any"))
}

fn check_streams(
    format: &FormatSpec,
    video: Option<&VideoSettings>,
    audio: Option<&AudioSettings>,
) -> Result<(), MediaError> {
    let refuse = |name: &str, takes: Vec<&str>| {
        let help = if takes.is_empty() { "nothing of that kind".to_owned() } else { takes.join(", ") };
        Err(MediaError::new(MediaErrorKind::Encoder, format!(".{} files do not hold {name}", format.ending))
            .with_help(format!("they hold {help}")))
    };
    if let Some(video) = video.filter(|v| !format.video.contains(&v.codec)) {
        let takes = format.video.iter().filter_map(|c| c.spec().names.first().copied()).collect();
        return refuse(video.codec.spec().names.first().copied().unwrap_or_default(), takes);
    }
    if let Some(audio) = audio.filter(|a| !format.audio.contains(&a.codec)) {
        let takes = format.audio.iter().filter_map(|c| c.spec().names.first().copied()).collect();
        return refuse(audio.codec.spec().names.first().copied().unwrap_or_default(), takes);
    }
    if video.is_none() && audio.is_none() {
        return refuse(
            "nothing at all",
            format.video.iter().filter_map(|c| c.spec().names.first().copied()).collect(),
        );
    }
    Ok(())
}
