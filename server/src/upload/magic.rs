//! What a file's first bytes say it is, before anybody looks deeper: enough to refuse what is certainly something else.

use infer::MatcherType;

use super::plain;
use crate::model::AssetKind;

/// First bytes that are looked at.
pub(crate) const HEAD: usize = 64 << 10;

/// What first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Magic {
    /// There are none.
    Empty,
    /// It may be media: a worker must look into it.
    Media,
    /// It is this, and no media.
    Plain(AssetKind, &'static str),
    /// It is something else: its usual ending, or `None` for text that means nothing here.
    Other(Option<&'static str>),
}

/// Looks at the first [`HEAD`] bytes of a file, or all of them if it has fewer.
pub(crate) fn magic(head: &[u8]) -> Magic {
    if head.is_empty() {
        return Magic::Empty;
    }
    if head.starts_with(b"ttcf") {
        return Magic::Plain(AssetKind::Font, "ttc");
    }
    if let Some(known) = infer::get(head) {
        return match (known.matcher_type(), known.extension()) {
            (MatcherType::Font, ending @ ("ttf" | "otf")) => Magic::Plain(AssetKind::Font, ending),
            (MatcherType::Video | MatcherType::Audio | MatcherType::Image, _) => Magic::Media,
            // Two bytes are no proof: some transport streams begin so too.
            (_, "obj") => Magic::Media,
            (_, ending) => Magic::Other(Some(ending)),
        };
    }
    match plain::text(head) {
        Some(text) => {
            plain::kind(text).map_or(Magic::Other(None), |(kind, ending)| Magic::Plain(kind, ending))
        }
        None => Magic::Media,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_refuse_what_is_no_media() {
        for (head, expected) in [
            (&b""[..], Magic::Empty),
            (b"PK\x03\x04\x14\0\0\0", Magic::Other(Some("zip"))),
            (b"%PDF-1.7", Magic::Other(Some("pdf"))),
            (
                b"\x7fELF\x02\x01\x01\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                Magic::Other(Some("elf")),
            ),
            (b"<html><script>alert(1)</script>", Magic::Other(Some("html"))),
            (b"<?xml version='1.0'?><svg/>", Magic::Other(Some("xml"))),
            (b"#!/bin/sh\nrm", Magic::Other(Some("sh"))),
            (b"just words", Magic::Other(None)),
            (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd", Magic::Other(None)),
            (b"ffconcat version 1.0\nfile /etc/passwd", Magic::Other(None)),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", Magic::Media),
            (b"\0\0\0\x08wide", Magic::Media),
            (b"RIFF\0\0\0\0AVI LIST", Magic::Media),
            (b"\xff\xfb\x90\x44\0\0", Magic::Media),
            (b"\x47\x40\x00\x10\0", Magic::Media),
            (b"\0\x01\0\0\0\x0c\0\x80", Magic::Plain(AssetKind::Font, "ttf")),
            (b"OTTO\0\x0c", Magic::Plain(AssetKind::Font, "otf")),
            (b"ttcf\0\x01", Magic::Plain(AssetKind::Font, "ttc")),
            (b"LUT_3D_SIZE 2\n0 0 0\n", Magic::Plain(AssetKind::Lut, "cube")),
        ] {
            assert_eq!(magic(head), expected, "{}", String::from_utf8_lossy(head));
        }
    }
}
