//! True colour to 256 colours, picture by picture, for GIF: libav's `palettegen` and `paletteuse`, each picture with a
//! palette of its own, so that no pass over the whole film is needed. Transparency is kept where alpha is below a half.

use ff::filter;
use ffmpeg_next as ff;

use super::video::{VideoSettings, ff_ratio};
use crate::media::{MediaError, MediaErrorKind, frame};
use crate::picture::Picture;

/// The filters; one picture in, one out.
pub(super) struct Palette {
    graph: filter::Graph,
    alpha: bool,
}

fn failed(error: ff::Error) -> MediaError {
    MediaError::new(MediaErrorKind::Encoder, format!("the colours of a GIF could not be chosen: {error}"))
}

impl Palette {
    pub(super) fn new(settings: &VideoSettings) -> Result<Self, MediaError> {
        let tick = ff_ratio(settings.rate)?.invert();
        let (w, h) = (settings.width, settings.height);
        let alpha = settings.format.alpha;
        let pixel = if alpha { "bgra" } else { "bgr0" };
        let source = format!(
            "video_size={w}x{h}:pix_fmt={pixel}:time_base={}/{}:pixel_aspect=1/1",
            tick.numerator(),
            tick.denominator()
        );
        let reserve = format!("stats_mode=single:reserve_transparent={}", u8::from(alpha));
        let mut graph = filter::Graph::new();
        let nodes = [
            ("buffer", "in", source.as_str()),
            ("split", "split", "2"),
            ("palettegen", "gen", reserve.as_str()),
            ("paletteuse", "use", "new=1:dither=sierra2_4a:alpha_threshold=128"),
            ("buffersink", "out", ""),
        ];
        for (filter, name, arguments) in nodes {
            let filter = filter::find(filter).ok_or_else(|| failed(ff::Error::FilterNotFound))?;
            graph.add(&filter, name, arguments).map_err(failed)?;
        }
        let links = [
            ("in", 0, "split", 0),
            ("split", 0, "use", 0),
            ("split", 1, "gen", 0),
            ("gen", 0, "use", 1),
            ("use", 0, "out", 0),
        ];
        for (from, pad, to, to_pad) in links {
            let mut source = graph.get(from).ok_or_else(|| failed(ff::Error::Bug))?;
            let mut target = graph.get(to).ok_or_else(|| failed(ff::Error::Bug))?;
            source.link(pad, &mut target, to_pad);
        }
        graph.validate().map_err(failed)?;
        Ok(Palette { graph, alpha })
    }

    /// The picture as indices and their palette.
    pub(super) fn reduce(&mut self, picture: &Picture) -> Result<ff::frame::Video, MediaError> {
        let pixel = if self.alpha { ff::format::Pixel::BGRA } else { ff::format::Pixel::BGRZ };
        let packed = frame::packed(picture, pixel).ok_or_else(|| failed(ff::Error::InvalidData))?;
        let mut source = self.graph.get("in").ok_or_else(|| failed(ff::Error::Bug))?;
        source.source().add(&packed).map_err(failed)?;
        let mut out = ff::frame::Video::empty();
        let mut sink = self.graph.get("out").ok_or_else(|| failed(ff::Error::Bug))?;
        sink.sink().frame(&mut out).map_err(failed)?;
        Ok(out)
    }
}
