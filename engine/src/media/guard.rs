//! The gate for files that come in: a path goes in, an open libav input comes out, or the reason why not.
//!
//! Libav never sees a name. We open a regular file ourselves and hand over its bytes, with no protocol allowed, so
//! that nothing that the file says can make libav open another file or a connection, and a name may hold anything.
//! Only demuxers of [`DEMUXERS`] run: no playlists, no pattern names, no devices.

use std::ffi::CString;
use std::fs::File;
use std::path::Path;
use std::ptr;
use std::sync::Once;

use ff::ffi;
use ff::format::context::{Input, StreamIo};
use ffmpeg_next as ff;

use super::{MediaError, MediaErrorKind};

/// What a source may be at most; beyond it there is a [`MediaErrorKind::Limit`] before anything large is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Columns or rows of a picture.
    pub max_side: u32,
    /// Columns times rows.
    pub max_pixels: u64,
    /// Streams in a file.
    pub max_streams: usize,
    /// Length in seconds.
    pub max_seconds: u32,
    /// Pictures in a stream.
    pub max_frames: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_side: 16_384,
            max_pixels: 1 << 27,
            max_streams: 256,
            max_seconds: 24 * 3600,
            max_frames: 1_000_000,
        }
    }
}

impl Limits {
    /// Whether a picture of this size may be decoded.
    pub(super) fn check_size(&self, path: &Path, width: i64, height: i64) -> Result<(), MediaError> {
        let side = i64::from(self.max_side);
        let allowed = (1..=side).contains(&width)
            && (1..=side).contains(&height)
            && width.unsigned_abs() * height.unsigned_abs() <= self.max_pixels;
        if allowed {
            return Ok(());
        }
        Err(self.exceeded(
            path,
            format!(
                "is {width}x{height}; at most {side} pixels a side and {} in all are read",
                self.max_pixels
            ),
        ))
    }

    pub(super) fn exceeded(&self, path: &Path, what: String) -> MediaError {
        MediaError::new(MediaErrorKind::Limit, format!("{} {what}", path.display()))
            .with_help("scale it down or cut it into parts first")
    }
}

/// Demuxers that read one file and name no other. `image2` is left out on purpose: it reads `%d` in names.
const DEMUXERS: &str = "mov,matroska,avi,flv,mpegts,mpeg,mpegvideo,asf,ogg,wav,w64,mp3,aac,ac3,eac3,flac,aiff,caf,au,\
    amr,ape,wv,tta,dts,truehd,gif,apng,ivf,obu,h264,hevc,m4v,mjpeg,yuv4mpegpipe,dv,mxf,gxf,nut,rm,3gp,h263,\
    png_pipe,jpeg_pipe,bmp_pipe,tiff_pipe,webp_pipe,pbm_pipe,pgm_pipe,ppm_pipe,pam_pipe,dpx_pipe,j2k_pipe,jpegxl_pipe,\
    qoi_pipe,psd_pipe,sgi_pipe,sunrast_pipe";

/// Endings that help libav to recognise a stream without a header of its own. Others tell it nothing.
const HINTS: [&str; 12] =
    ["mp3", "aac", "ac3", "eac3", "ts", "m2ts", "mts", "mpg", "mpeg", "dv", "h264", "hevc"];

/// Where there are files that are none: reading them may block or never end.
#[cfg(unix)]
const FORBIDDEN: [&str; 3] = ["/proc", "/sys", "/dev"];
#[cfg(not(unix))]
const FORBIDDEN: [&str; 0] = [];

/// Gives libav's errors their texts and silences it, once.
pub(super) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Err(error) = ff::init() {
            tracing::warn!(%error, "libav could not be set up");
        }
        ff::log::set_level(ff::log::Level::Quiet);
    });
}

/// Opens a regular file.
pub(super) fn open_file(path: &Path) -> Result<File, MediaError> {
    let refuse = |what: &str| {
        Err(MediaError::new(MediaErrorKind::NotAllowed, format!("{} is {what}", path.display()))
            .with_help("only regular files are read"))
    };
    // Looked at before it is opened: opening a FIFO would wait for a writer.
    let found = std::fs::metadata(path).map_err(|e| MediaError::from_io(path, "read", &e))?;
    if found.is_dir() {
        return refuse("a folder");
    }
    let real = path.canonicalize().map_err(|e| MediaError::from_io(path, "read", &e))?;
    if !found.is_file() || FORBIDDEN.iter().any(|root| real.starts_with(root)) {
        return refuse("not a regular file");
    }
    let file = File::open(path).map_err(|e| MediaError::from_io(path, "read", &e))?;
    let opened = file.metadata().map_err(|e| MediaError::from_io(path, "read", &e))?;
    if !opened.is_file() {
        return refuse("not a regular file");
    }
    if opened.len() == 0 {
        return Err(MediaError::new(MediaErrorKind::Unsupported, format!("{} is empty", path.display())));
    }
    Ok(file)
}

/// Opens a file with libav and finds its streams.
pub(super) fn open_input(path: &Path, limits: &Limits) -> Result<Input, MediaError> {
    init();
    let file = open_file(path)?;
    let mut input = open_demuxer(path, file)?;
    if input.nb_streams() as usize > limits.max_streams {
        let count = input.nb_streams();
        return Err(
            limits.exceeded(path, format!("has {count} streams; at most {} are read", limits.max_streams))
        );
    }
    check_sizes(path, &input, limits)?;
    find_streams(path, &mut input, limits)?;
    check_sizes(path, &input, limits)?;
    Ok(input)
}

fn open_demuxer(path: &Path, file: File) -> Result<Input, MediaError> {
    let failed = |e| MediaError::from_av(path, "open", e);
    let mut io = StreamIo::from_read_seek_with_capacity(file, 1 << 16).map_err(failed)?;
    let hint = path
        .extension()
        .and_then(|e| e.to_str())
        .map(str::to_ascii_lowercase)
        .filter(|e| HINTS.contains(&e.as_str()))
        .and_then(|e| CString::new(format!("input.{e}")).ok())
        .unwrap_or_default();
    let mut options = ff::Dictionary::new();
    options.set("protocol_whitelist", "none");
    options.set("format_whitelist", &DEMUXERS.replace(' ', ""));
    options.set("max_streams", "20000");
    // SAFETY: the context is fresh; it borrows the AVIOContext of `io`, which either moves into the returned `Input`
    // (which frees the context first) or outlives this block. On failure libav has freed the context itself. The
    // dictionary that libav hands back is owned again and freed.
    let opened = unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            Err(ff::Error::Other { errno: ff::error::ENOMEM })
        } else {
            (*context).pb = io.as_mut_ptr();
            (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
            let mut raw = options.disown();
            let code = ffi::avformat_open_input(&raw mut context, hint.as_ptr(), ptr::null(), &raw mut raw);
            drop(ff::Dictionary::own(raw));
            if code < 0 { Err(ff::Error::from(code)) } else { Ok(Input::wrap_with_custom_io(context, io)) }
        }
    };
    opened.map_err(|error| match error {
        ff::Error::InvalidData | ff::Error::DemuxerNotFound | ff::Error::Eof => {
            let message = format!("{} is not a media file, or its header is broken", path.display());
            MediaError::new(MediaErrorKind::Unsupported, message)
                .with_help("convert it to a common format such as H.264 in MP4 first")
        }
        ff::Error::Other { errno: ff::error::EINVAL } => {
            let message = format!("{} is of a kind that is not read", path.display());
            MediaError::new(MediaErrorKind::NotAllowed, message).with_help(
                "playlists and files that name further files are refused: give the media file itself",
            )
        }
        other => MediaError::from_av(path, "open", other),
    })
}

/// What `ffmpeg_next::format::input` does after opening, with a bound on what its trial decoders may allocate.
fn find_streams(path: &Path, input: &mut Input, limits: &Limits) -> Result<(), MediaError> {
    let count = input.nb_streams() as usize;
    let bound = limits.max_pixels.to_string();
    let mut options: Vec<*mut ffi::AVDictionary> = (0..count)
        .map(|_| {
            let mut dictionary = ff::Dictionary::new();
            dictionary.set("max_pixels", &bound);
            // SAFETY: ownership goes to the vector, whose entries are owned again and freed below.
            unsafe { dictionary.disown() }
        })
        .collect();
    // SAFETY: `options` has one entry for each of the streams that exist now, as libav asks for; it may replace
    // entries but neither keeps nor frees the array.
    let code = unsafe { ffi::avformat_find_stream_info(input.as_mut_ptr(), options.as_mut_ptr()) };
    for entry in options {
        // SAFETY: each entry is a dictionary that nobody else owns.
        drop(unsafe { ff::Dictionary::own(entry) });
    }
    if code < 0 {
        return Err(MediaError::from_av(path, "read the streams of", ff::Error::from(code)));
    }
    Ok(())
}

fn check_sizes(path: &Path, input: &Input, limits: &Limits) -> Result<(), MediaError> {
    for stream in input.streams() {
        let parameters = stream.parameters();
        if parameters.medium() == ff::media::Type::Video {
            // SAFETY: the parameters live as long as their stream.
            let (width, height) = unsafe { ((*parameters.as_ptr()).width, (*parameters.as_ptr()).height) };
            if (width, height) != (0, 0) {
                limits.check_size(path, i64::from(width), i64::from(height))?;
            }
        }
    }
    Ok(())
}
