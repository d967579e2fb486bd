//! Packets to files: libav's muxers for films, plain files for stills.
//!
//! Streams are declared before the first packet; stamps are rescaled to the container's clock here and nowhere else.

use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::ptr;

use ff::ffi;
use ffmpeg_next as ff;

use super::audio::{AudioEncoder, AudioSettings};
use super::output::{Output, gate};
use super::tables::{AudioCodec, Container, FormatSpec, VideoCodec};
use super::video::{EncodedPacket, VideoEncoder};
use crate::media::{MediaError, MediaErrorKind, guard};

/// Writes packets to a file; [`Muxer::finish`] makes it ready to appear.
pub(super) enum Muxer {
    Film(Box<Film>),
    Stills(Stills),
}

/// A film by one of libav's muxers.
pub(super) struct Film {
    // Before `output`: libav must close the file before it is removed.
    context: ff::format::context::Output,
    output: Output,
    /// Samples that the sound's stamps are moved by; see [`shifts_priming`].
    lead: Lead,
    /// Which stream the sound would be.
    sound: usize,
}

/// Whether and by how much stamps of the sound are moved.
enum Lead {
    Stay,
    /// By the priming, which the first packet will tell.
    Unknown,
    By(i64),
}

/// One still, or a numbered run of them.
pub(super) struct Stills {
    target: PathBuf,
    overwrite: bool,
    written: Vec<Output>,
}

impl Lead {
    fn apply(&mut self, packet: &mut ff::Packet) {
        if let Lead::Unknown = self {
            *self = Lead::By(-packet.pts().unwrap_or(0).min(0));
        }
        if let Lead::By(samples) = self {
            packet.set_pts(packet.pts().map(|t| t + *samples));
            packet.set_dts(packet.dts().map(|t| t + *samples));
        }
    }
}

/// Whether a muxer keeps codec headers apart from packets: what encoders have to know before they open.
pub(super) fn wants_global_header(format: &FormatSpec) -> Result<bool, MediaError> {
    guard::init();
    let Container::Film(name) = format.container else { return Ok(false) };
    let name = c_string(name)?;
    // SAFETY: looks a name up in libav's static tables; null if there is none.
    let found = unsafe { ffi::av_guess_format(name.as_ptr(), ptr::null(), ptr::null()).as_ref() };
    let found = found.ok_or_else(|| no_muxer(format))?;
    Ok(found.flags & ffi::AVFMT_GLOBALHEADER != 0)
}

fn no_muxer(format: &FormatSpec) -> MediaError {
    MediaError::new(MediaErrorKind::Encoder, format!("this libav cannot write .{} files", format.ending))
        .with_help("choose another ending, or install a libav with that muxer")
}

fn c_string(text: &str) -> Result<CString, MediaError> {
    CString::new(text).map_err(|_| MediaError::new(MediaErrorKind::NotAllowed, "a name holds a NUL byte"))
}

/// libav's URL of a local file, whatever bytes its name is made of.
fn url(path: &Path) -> Result<CString, MediaError> {
    let mut bytes = b"file:".to_vec();
    #[cfg(unix)]
    bytes.extend_from_slice(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    #[cfg(not(unix))]
    bytes.extend_from_slice(path.to_string_lossy().as_bytes());
    CString::new(bytes).map_err(|_| MediaError::new(MediaErrorKind::NotAllowed, "a name holds a NUL byte"))
}

impl Muxer {
    /// Opens the temporary file and writes the header for the streams that there are, picture first.
    pub(super) fn create(
        path: &Path,
        format: &FormatSpec,
        video: Option<&VideoEncoder>,
        audio: Option<&AudioEncoder>,
        overwrite: bool,
    ) -> Result<Muxer, MediaError> {
        match format.container {
            Container::Still => {
                Ok(Muxer::Stills(Stills { target: path.to_owned(), overwrite, written: Vec::new() }))
            }
            Container::Film(name) => {
                let gate = gate()?;
                let (output, _) = Output::create(&gate, path, overwrite)?;
                // libav opens the file by its name: behind the gate, or it might make anew what was abandoned.
                let mut context = open(&output, name).map_err(|e| e.unwrap_or_else(|| no_muxer(format)))?;
                drop(gate);
                let failed = |e| write_failed(path, e);
                if let Some(video) = video {
                    add_video(&mut context, video, name).map_err(failed)?;
                }
                if let Some(audio) = audio {
                    let mut stream = context.add_stream_with(audio.parameters()).map_err(failed)?;
                    stream.set_time_base((1, audio.settings().rate as i32));
                }
                let repeat = video.map_or(0, |video| video.settings().repeat);
                let options = header_options(name, audio.map(AudioEncoder::settings), repeat);
                context.write_header_with(options).map(|_| ()).map_err(failed)?;
                let moved = shifts_priming(name, audio.map(AudioEncoder::settings));
                let lead = if moved { Lead::Unknown } else { Lead::Stay };
                Ok(Muxer::Film(Box::new(Film { context, output, lead, sound: usize::from(video.is_some()) })))
            }
        }
    }

    /// Writes packets of stream `index`.
    pub(super) fn write(&mut self, stream: usize, packets: Vec<EncodedPacket>) -> Result<(), MediaError> {
        match self {
            Muxer::Film(film) => {
                let tick = film.context.stream(stream).map(|s| s.time_base());
                let tick =
                    tick.ok_or_else(|| write_failed(film.output.target(), ff::Error::StreamNotFound))?;
                for EncodedPacket { mut packet, tick: own } in packets {
                    packet.set_stream(stream);
                    if stream == film.sound {
                        film.lead.apply(&mut packet);
                    }
                    packet.rescale_ts(own, tick);
                    packet.set_position(-1);
                    let written = packet.write_interleaved(&mut film.context);
                    written.map_err(|e| write_failed(film.output.target(), e))?;
                }
                Ok(())
            }
            Muxer::Stills(stills) => packets.iter().try_for_each(|p| stills.write(p)),
        }
    }

    /// Ends the file, or files, and brings them to the disk: all but their names.
    pub(super) fn finish(self) -> Result<Vec<Output>, MediaError> {
        match self {
            Muxer::Film(film) => {
                let Film { mut context, output, .. } = *film;
                context.write_trailer().map_err(|e| write_failed(output.target(), e))?;
                // SAFETY: the byte stream is open until the context goes; flushing shows errors that closing hides.
                let code = unsafe {
                    let pb = (*context.as_mut_ptr()).pb;
                    ffi::avio_flush(pb);
                    (*pb).error
                };
                if code < 0 {
                    return Err(write_failed(output.target(), ff::Error::from(code)));
                }
                drop(context);
                output.sync()?;
                Ok(vec![output])
            }
            Muxer::Stills(stills) => {
                stills.written.iter().try_for_each(Output::sync)?;
                Ok(stills.written)
            }
        }
    }
}

fn write_failed(path: &Path, error: ff::Error) -> MediaError {
    match error {
        ff::Error::Other { errno: ff::error::EINVAL } | ff::Error::InvalidData | ff::Error::PatchWelcome => {
            let message = format!("{} cannot hold these streams", path.display());
            MediaError::new(MediaErrorKind::Encoder, message).with_help("choose another format or codec")
        }
        other => MediaError::from_av(path, "write", other),
    }
}

/// A muxer of this name over the temporary file; `Err(None)` if there is no such muxer.
fn open(output: &Output, name: &str) -> Result<ff::format::context::Output, Option<MediaError>> {
    let (name, url) = (c_string(name)?, url(output.temporary())?);
    let mut context = ptr::null_mut();
    // SAFETY: on success the fresh context goes to its owner at once, which closes the byte stream and frees it; `url`
    // is copied by libav. A context without a byte stream is freed here.
    unsafe {
        let code =
            ffi::avformat_alloc_output_context2(&raw mut context, ptr::null(), name.as_ptr(), url.as_ptr());
        if code < 0 || context.is_null() {
            return Err(None);
        }
        let code = ffi::avio_open(&raw mut (*context).pb, url.as_ptr(), ffi::AVIO_FLAG_WRITE);
        if code < 0 {
            ffi::avformat_free_context(context);
            return Err(Some(write_failed(output.target(), ff::Error::from(code))));
        }
        // No times, no versions: the same film gives the same bytes.
        (*context).flags |= ffi::AVFMT_FLAG_BITEXACT;
        Ok(ff::format::context::Output::wrap(context))
    }
}

fn add_video(
    context: &mut ff::format::context::Output,
    video: &VideoEncoder,
    muxer: &str,
) -> Result<(), ff::Error> {
    let mut stream = context.add_stream_with(video.parameters())?;
    stream.set_time_base(video.tick());
    let rate = video.rate().map_err(|_| ff::Error::InvalidData)?;
    let apple = matches!(muxer, "mp4" | "mov");
    // Matroska would say that every picture lasts as long as they do on average.
    if video.settings().own_times.is_none() {
        stream.set_avg_frame_rate(rate);
        stream.set_rate(rate);
    } else if apple {
        stream.set_avg_frame_rate(rate);
    }
    // SAFETY: plain fields of a stream that is ours until the header is written.
    unsafe {
        let raw = stream.as_mut_ptr();
        (*raw).sample_aspect_ratio = ffi::AVRational { num: 1, den: 1 };
        (*(*raw).codecpar).codec_tag = match video.settings().codec {
            // Apple's players want parameter sets in the header, which is what this tag says.
            VideoCodec::Hevc if apple => u32::from_le_bytes(*b"hvc1"),
            _ => 0,
        };
    }
    Ok(())
}

/// Matroska declares Opus's priming as a delay that players take off every stamp. libav before 6 writes the delay but
/// not the stamps that go with it, so that the sound would come early by it: there we move the stamps ourselves.
fn shifts_priming(muxer: &str, audio: Option<&AudioSettings>) -> bool {
    matches!(muxer, "matroska" | "webm")
        && audio.is_some_and(|a| a.codec == AudioCodec::Opus)
        && ff::format::version() >> 16 < 60
}

/// What a muxer is told.
fn header_options(muxer: &str, audio: Option<&AudioSettings>, repeat: u32) -> ff::Dictionary<'static> {
    let mut options = ff::Dictionary::new();
    match muxer {
        "mp4" | "mov" | "ipod" => {
            options.set("movflags", "+faststart+write_colr");
            if let Some(audio) = audio {
                // The movie's clock counts samples, so that an edit can end on any of them.
                options.set("movie_timescale", &audio.rate.to_string());
            }
        }
        "matroska" | "webm" if shifts_priming(muxer, audio) => options.set("avoid_negative_ts", "disabled"),
        // Repeats after the first showing; APNG counts that one too.
        "gif" => options.set("loop", &repeat.to_string()),
        "apng" if repeat == 0 => options.set("plays", "0"),
        "apng" => options.set("plays", &repeat.saturating_add(1).min(u32::from(u16::MAX)).to_string()),
        _ => {}
    }
    options
}

impl Stills {
    /// Every packet of a picture codec is a whole file.
    fn write(&mut self, packet: &EncodedPacket) -> Result<(), MediaError> {
        let number = self.written.len() as u32 + 1;
        let path = match numbered(&self.target, number) {
            Some(path) => path,
            None if number == 1 => self.target.clone(),
            None => {
                let message = format!("{} is one picture; more were rendered", self.target.display());
                return Err(MediaError::new(MediaErrorKind::Encoder, message)
                    .with_help("write the number into the name, as in frame-%04d.png"));
            }
        };
        let (output, mut file): (Output, File) = Output::create(&gate()?, &path, self.overwrite)?;
        file.write_all(packet.data()).map_err(|e| MediaError::from_io(&path, "write", &e))?;
        self.written.push(output);
        Ok(())
    }
}

/// The name of still `number` of a run, or `None` if the name has no place for a number.
pub fn numbered(pattern: &Path, number: u32) -> Option<PathBuf> {
    let name = pattern.file_name()?.to_str()?;
    let (before, width, after) = crate::media::probe::number_in(name)?;
    Some(pattern.with_file_name(format!("{before}{number:0width$}{after}")))
}
