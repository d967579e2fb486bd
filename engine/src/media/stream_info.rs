//! What one stream's header says, in our own types: which streams are wanted, sizes, orientation, colour, layouts.

use std::path::Path;

use ff::ffi;
use ff::format::context::Input;
use ff::format::stream::{Disposition, Stream};
use ffmpeg_next as ff;
use vfxb_dsl::value::Rational;

use super::format::{self, ColourTags};
use super::sound_index::SoundScan;
use super::times::Stamp;
use super::{FrameTimes, MediaError, MediaErrorKind, Orientation, Rotation, VideoInfo};

/// A fraction of libav's if it is one and above 0.
pub(super) fn positive(r: ff::Rational) -> Option<Rational> {
    (r.numerator() > 0 && r.denominator() > 0)
        .then(|| Rational::new(i128::from(r.numerator()), i128::from(r.denominator())))
}

/// The first moving picture or still that can be decoded: never a cover.
///
/// # Errors
/// If there are pictures, but none can be decoded.
pub(super) fn choose_video(path: &Path, input: &Input) -> Result<Option<usize>, MediaError> {
    let pictures: Vec<Stream> = input
        .streams()
        .filter(|s| s.parameters().medium() == ff::media::Type::Video)
        .filter(|s| !s.disposition().contains(Disposition::ATTACHED_PIC))
        .collect();
    let usable = pictures.iter().find(|s| {
        let known = pixel(s).is_some_and(|p| format::layout(p).is_some());
        known && ff::decoder::find(s.parameters().id()).is_some()
    });
    match (usable, pictures.first()) {
        (Some(stream), _) => Ok(Some(stream.index())),
        (None, Some(stream)) => {
            let (codec, pixel) = (stream.parameters().id().name(), pixel(stream));
            let form = pixel.and_then(ff::format::Pixel::descriptor).map_or("unknown", |d| d.name());
            let message = format!(
                "the picture of {} cannot be decoded here (codec {codec}, pixel format {form})",
                path.display()
            );
            Err(MediaError::new(MediaErrorKind::Unsupported, message)
                .with_help("convert it to a common format such as H.264 in MP4 first"))
        }
        (None, None) => Ok(None),
    }
}

/// The sound streams that can be decoded, in the file's order.
pub(super) fn sounds(input: &Input) -> Vec<SoundScan> {
    input
        .streams()
        .filter(|s| s.parameters().medium() == ff::media::Type::Audio)
        .filter(|s| ff::decoder::find(s.parameters().id()).is_some())
        .filter_map(|s| SoundScan::new(&s))
        .collect()
}

/// The pixel format of decoded pictures, by the header.
fn pixel(stream: &Stream) -> Option<ff::format::Pixel> {
    let parameters = stream.parameters();
    // SAFETY: reads a plain field; the parameters live as long as their stream.
    let raw = unsafe { (*parameters.as_ptr()).format };
    // SAFETY: libav's own value for a pixel format that this libav knows, or −1, which is its NONE.
    let format = unsafe { std::mem::transmute::<i32, ffi::AVPixelFormat>(raw) };
    Some(ff::format::Pixel::from(format)).filter(|p| *p != ff::format::Pixel::None)
}

/// Whether a VP8 or VP9 stream announces alpha beside its pictures, which only libvpx decodes. Browsers announce it
/// always, so its packets have to show it too.
fn may_have_alpha(stream: &Stream) -> bool {
    matches!(stream.parameters().id(), ff::codec::Id::VP8 | ff::codec::Id::VP9)
        && stream.metadata().iter().any(|(k, v)| k.eq_ignore_ascii_case("alpha_mode") && v == "1")
        && ff::decoder::find_by_name(alpha_decoder(stream.parameters().id())).is_some()
}

/// The decoder for such a stream.
pub(super) fn alpha_decoder(codec: ff::codec::Id) -> &'static str {
    if codec == ff::codec::Id::VP8 { "libvpx" } else { "libvpx-vp9" }
}

/// Codecs whose single pictures are stills, whatever container they came in.
pub(super) fn is_image_codec(stream: &Stream) -> bool {
    use ff::codec::Id;
    matches!(
        stream.parameters().id(),
        Id::PNG | Id::GIF | Id::APNG | Id::WEBP | Id::BMP | Id::TIFF | Id::MJPEG | Id::JPEG2000
    )
}

/// Whether presentation order may differ from decoding order: only where the codec can, and the decoding stamps show
/// that the container means it so.
pub(super) fn reorders(stream: &Stream, stamps: &[Stamp]) -> bool {
    // SAFETY: descriptors are static tables; null for codecs without one.
    let description = unsafe { ffi::avcodec_descriptor_get(stream.parameters().id().into()).as_ref() };
    let able = description.is_some_and(|d| d.props & ffi::AV_CODEC_PROP_REORDER != 0);
    let parameters = stream.parameters();
    // SAFETY: reads a plain field of live parameters.
    let delay = unsafe { (*parameters.as_ptr()).video_delay };
    let legitimate = || {
        let ordered =
            stamps.windows(2).all(|w| match (w.first().and_then(|s| s.dts), w.last().and_then(|s| s.dts)) {
                (Some(a), Some(b)) => a < b,
                _ => true,
            });
        ordered && stamps.iter().all(|s| s.dts.zip(s.pts).is_none_or(|(dts, pts)| pts >= dts))
    };
    able && (delay > 0 || legitimate())
}

/// The header of a video stream. `still` says that the container holds a single picture, `beside` that packets carry
/// data beside the picture.
pub(super) fn video(
    path: &Path,
    stream: &Stream,
    still: bool,
    beside: bool,
    times: FrameTimes,
    rate: Rational,
) -> Result<VideoInfo, MediaError> {
    let unreadable =
        || MediaError::new(MediaErrorKind::Unsupported, format!("cannot decode {}", path.display()));
    let alpha = (beside && may_have_alpha(stream)).then_some(ff::format::Pixel::YUVA420P);
    let pixel = alpha.or_else(|| pixel(stream)).ok_or_else(unreadable)?;
    let layout = format::layout(pixel).ok_or_else(unreadable)?;
    let parameters = stream.parameters();
    // SAFETY: the parameters live as long as their stream; only plain fields are read.
    let raw = unsafe { &*parameters.as_ptr() };
    let (width, height) = (raw.width.max(1) as u32, raw.height.max(1) as u32);
    let tags = ColourTags {
        matrix: raw.color_space.into(),
        range: raw.color_range.into(),
        transfer: raw.color_trc.into(),
        primaries: raw.color_primaries.into(),
        siting: raw.chroma_location.into(),
    };
    // SAFETY: as above; the stream's own aspect is what the container says and goes first, as players do it.
    let container_aspect = unsafe { (*stream.as_ptr()).sample_aspect_ratio };
    let aspect = [container_aspect, raw.sample_aspect_ratio]
        .into_iter()
        .find_map(|r| positive(ff::Rational::from(r)))
        .filter(|r| *r >= Rational::new(1, 100) && *r <= Rational::from_integer(100))
        .unwrap_or(Rational::from_integer(1));
    use ffi::AVFieldOrder as F;
    let interlaced = !matches!(raw.field_order, F::AV_FIELD_UNKNOWN | F::AV_FIELD_PROGRESSIVE);
    Ok(VideoInfo {
        stream: stream.index(),
        codec: stream.parameters().id().name().to_owned(),
        width,
        height,
        sample_aspect: aspect,
        orientation: stream
            .side_data()
            .find(|d| d.kind() == ff::packet::side_data::Type::DisplayMatrix)
            .map_or(Orientation::UPRIGHT, |d| orientation(d.data())),
        format: layout.format,
        colour: format::colour(tags, pixel, layout.format, height, still),
        interlaced,
        still,
        rate,
        times,
    })
}

/// What a display matrix (nine native 32-bit integers, ISO 14496-12 §6.2.2) does to a picture, to the nearest
/// quarter turn. It maps right to (a, b) and down to (c, d).
pub(super) fn orientation(matrix: &[u8]) -> Orientation {
    let at = |i: usize| {
        matrix
            .get(i * 4..i * 4 + 4)
            .and_then(|b| b.try_into().ok())
            .map_or(0, |b| i64::from(i32::from_ne_bytes(b)))
    };
    let (a, b, c, d) = (at(0), at(1), at(3), at(4));
    if (a, b, c, d) == (0, 0, 0, 0) {
        return Orientation::UPRIGHT;
    }
    let mirrored = i128::from(a) * i128::from(d) - i128::from(b) * i128::from(c) < 0;
    // Mirroring is from left to right and comes first, so where down goes is the rotation's doing alone.
    let rotation = match (c.abs() > d.abs(), c > 0, d > 0) {
        (false, _, true) => Rotation::None,
        (false, _, false) => Rotation::Half,
        (true, false, _) => Rotation::Quarter,
        (true, true, _) => Rotation::ThreeQuarters,
    };
    Orientation { mirrored, rotation }
}

/// libav's name of a channel layout; the usual one of that many channels where the file does not say.
pub(super) fn layout_name(layout: &ffi::AVChannelLayout) -> String {
    let mut name = [0_u8; 128];
    // SAFETY: describes into a buffer whose size is given; the default layout is plain data that needs no release.
    let length = unsafe {
        let mut usual = std::mem::zeroed::<ffi::AVChannelLayout>();
        let described = if layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
            ffi::av_channel_layout_default(&raw mut usual, layout.nb_channels);
            &raw const usual
        } else {
            std::ptr::from_ref(layout)
        };
        ffi::av_channel_layout_describe(described, name.as_mut_ptr().cast(), name.len())
    };
    let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    if length < 0 {
        format!("{} channels", layout.nb_channels)
    } else {
        String::from_utf8_lossy(&name[..end]).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(a: i32, b: i32, c: i32, d: i32) -> Vec<u8> {
        [a, b, 0, c, d, 0, 0, 0, 1 << 30].iter().flat_map(|n| n.to_ne_bytes()).collect()
    }

    #[test]
    fn display_matrices_become_orientations() {
        let one = 1 << 16;
        let of = |a, b, c, d| {
            let o = orientation(&matrix(a * one, b * one, c * one, d * one));
            (o.mirrored, o.rotation)
        };
        assert_eq!(of(1, 0, 0, 1), (false, Rotation::None));
        assert_eq!(of(0, 1, -1, 0), (false, Rotation::Quarter));
        assert_eq!(of(-1, 0, 0, -1), (false, Rotation::Half));
        assert_eq!(of(0, -1, 1, 0), (false, Rotation::ThreeQuarters));
        assert_eq!(of(-1, 0, 0, 1), (true, Rotation::None));
        assert_eq!(of(1, 0, 0, -1), (true, Rotation::Half));
        assert_eq!(orientation(&[]), Orientation::UPRIGHT);
    }
}
