//! Containers of media by libav's names: what they are called as files and what they hold. One table.
//!
//! The engine's probe says which container a file is; libav has one name for some families, which their first bytes
//! tell apart.

use crate::model::AssetKind;

/// Endings of what `/api/video` takes, as the old backend did.
pub(crate) const VIDEOS: [&str; 7] = ["mp4", "avi", "mov", "wmv", "flv", "webm", "mkv"];

/// What stands in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Whatever a film has: what was found decides.
    Film,
    /// Sound, perhaps with a cover.
    Sound,
    /// A picture, which may move.
    Picture,
}

/// libav's first name, our ending, what it holds.
const CONTAINERS: &[(&str, &str, Holds)] = &[
    ("mov", "mp4", Holds::Film),
    ("matroska", "mkv", Holds::Film),
    ("avi", "avi", Holds::Film),
    ("flv", "flv", Holds::Film),
    ("asf", "wmv", Holds::Film),
    ("mpegts", "ts", Holds::Film),
    ("mpeg", "mpg", Holds::Film),
    ("mxf", "mxf", Holds::Film),
    ("gxf", "gxf", Holds::Film),
    ("nut", "nut", Holds::Film),
    ("dv", "dv", Holds::Film),
    ("rm", "rm", Holds::Film),
    ("ivf", "ivf", Holds::Film),
    ("yuv4mpegpipe", "y4m", Holds::Film),
    ("ogg", "ogg", Holds::Film),
    ("wav", "wav", Holds::Sound),
    ("w64", "w64", Holds::Sound),
    ("mp3", "mp3", Holds::Sound),
    ("aac", "aac", Holds::Sound),
    ("ac3", "ac3", Holds::Sound),
    ("eac3", "eac3", Holds::Sound),
    ("flac", "flac", Holds::Sound),
    ("aiff", "aiff", Holds::Sound),
    ("caf", "caf", Holds::Sound),
    ("au", "au", Holds::Sound),
    ("amr", "amr", Holds::Sound),
    ("ape", "ape", Holds::Sound),
    ("wv", "wv", Holds::Sound),
    ("tta", "tta", Holds::Sound),
    ("gif", "gif", Holds::Picture),
    ("apng", "apng", Holds::Picture),
    ("png_pipe", "png", Holds::Picture),
    ("jpeg_pipe", "jpg", Holds::Picture),
    ("mjpeg", "jpg", Holds::Picture),
    ("bmp_pipe", "bmp", Holds::Picture),
    ("tiff_pipe", "tif", Holds::Picture),
    ("webp_pipe", "webp", Holds::Picture),
    ("j2k_pipe", "jp2", Holds::Picture),
    ("jpegxl_pipe", "jxl", Holds::Picture),
    ("pbm_pipe", "pbm", Holds::Picture),
    ("pgm_pipe", "pgm", Holds::Picture),
    ("ppm_pipe", "ppm", Holds::Picture),
    ("pam_pipe", "pam", Holds::Picture),
    ("dpx_pipe", "dpx", Holds::Picture),
    ("qoi_pipe", "qoi", Holds::Picture),
    ("psd_pipe", "psd", Holds::Picture),
    ("sgi_pipe", "sgi", Holds::Picture),
    ("sunrast_pipe", "ras", Holds::Picture),
];

/// What was found in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    /// The container by libav's names.
    pub(crate) format: &'a str,
    /// Whether there is a picture that moves.
    pub(crate) moving: bool,
    /// Whether there is a still picture.
    pub(crate) still: bool,
    /// Whether there is sound.
    pub(crate) sound: bool,
}

/// What a file is, and its ending; `None` if it is nothing that is kept.
pub(crate) fn kind(found: Found<'_>, head: &[u8]) -> Option<(AssetKind, &'static str)> {
    let first = found.format.split(',').next()?;
    let (_, ending, holds) = CONTAINERS.iter().find(|(name, ..)| *name == first)?;
    let kind = match holds {
        Holds::Picture => AssetKind::Image,
        Holds::Sound if found.sound => AssetKind::Audio,
        Holds::Film if found.moving => AssetKind::Video,
        Holds::Film if found.sound => AssetKind::Audio,
        Holds::Film if found.still => AssetKind::Image,
        Holds::Sound | Holds::Film => return None,
    };
    let ending = match first {
        "mov" => base_media(head, kind),
        "matroska" if infer::video::is_webm(head) => "webm",
        _ => ending,
    };
    Some((kind, ending))
}

/// The endings of the QuickTime family, by the brand (ISO/IEC 14496-12 §4.3): without one it is old QuickTime.
fn base_media(head: &[u8], kind: AssetKind) -> &'static str {
    let brand = (head.get(4..8) == Some(b"ftyp")).then(|| head.get(8..12)).flatten();
    match brand {
        None | Some(b"qt  ") => "mov",
        Some(_) if kind == AssetKind::Audio => "m4a",
        Some(_) => "mp4",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOV: &str = "mov,mp4,m4a,3gp,3g2,mj2";

    fn found(
        format: &str,
        moving: bool,
        still: bool,
        sound: bool,
        head: &[u8],
    ) -> Option<(AssetKind, &'static str)> {
        kind(Found { format, moving, still, sound }, head)
    }

    #[test]
    fn families_are_told_apart() {
        let film = |format, head: &[u8]| found(format, true, false, true, head).map(|(_, ending)| ending);
        assert_eq!(film(MOV, b"\0\0\0\x20ftypisom"), Some("mp4"));
        assert_eq!(film(MOV, b"\0\0\0\x20ftypM4VH"), Some("mp4"));
        assert_eq!(film(MOV, b"\0\0\0\x14ftypqt  "), Some("mov"));
        assert_eq!(film(MOV, b"\0\0\0\x08wide"), Some("mov"));
        assert_eq!(film(MOV, b""), Some("mov"));
        let webm = [b"\x1a\x45\xdf\xa3....\x42\x82\x84webm".as_slice(), &[0; 300]].concat();
        assert_eq!(film("matroska,webm", &webm), Some("webm"));
        assert_eq!(film("matroska,webm", b"\x1a\x45\xdf\xa3"), Some("mkv"));
        assert_eq!(film("hls", b""), None);
    }

    #[test]
    fn what_was_found_decides_the_kind() {
        let kind = |format, moving, still, sound| found(format, moving, still, sound, b"\0\0\0\x20ftypM4A ");
        assert_eq!(kind(MOV, false, false, true), Some((AssetKind::Audio, "m4a")));
        assert_eq!(kind("mp3", false, false, true), Some((AssetKind::Audio, "mp3")));
        assert_eq!(kind("mp3", false, false, false), None);
        assert_eq!(kind("ogg", true, false, true), Some((AssetKind::Video, "ogg")));
        assert_eq!(kind("ogg", false, false, true), Some((AssetKind::Audio, "ogg")));
        assert_eq!(kind("gif", true, false, false), Some((AssetKind::Image, "gif")));
        assert_eq!(kind("png_pipe", false, true, false), Some((AssetKind::Image, "png")));
        assert_eq!(kind("avi", false, false, false), None);
    }

    #[test]
    fn every_video_that_is_taken_has_a_container() {
        let head = |brand: &str| format!("\0\0\0\x20ftyp{brand}").into_bytes();
        let webm = [b"\x1a\x45\xdf\xa3\x42\x82\x84webm".as_slice(), &[0; 300]].concat();
        let all = [
            (MOV, head("isom")),
            (MOV, head("qt  ")),
            ("avi", vec![]),
            ("asf", vec![]),
            ("flv", vec![]),
            ("matroska,webm", vec![]),
            ("matroska,webm", webm),
        ];
        let mut endings: Vec<_> = all
            .iter()
            .filter_map(|(format, head)| found(format, true, false, false, head))
            .map(|(_, e)| e)
            .collect();
        let mut expected = VIDEOS.to_vec();
        endings.sort_unstable();
        expected.sort_unstable();
        assert_eq!(endings, expected);
    }
}
