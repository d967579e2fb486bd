//! Between libav's pixel formats and colour tags and our own.
//!
//! In comes a libav format, out comes the planar [`PixelFormat`] that the engine gets, and how its components lie in
//! libav's memory; and the way back for encoders. Colour tags map both ways, with engine.md's defaults for what a
//! file does not say. No samples are touched here.

use ff::ffi;
use ff::format::Pixel;
use ffmpeg_next as ff;

use crate::colour::{ColourSpec, MatrixCoefficients, Primaries, Range, Siting, Transfer};
use crate::picture::{Model, PixelFormat, Sample};

/// How a libav format's components become our planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// What the engine gets.
    pub(super) format: PixelFormat,
    /// libav's plane of each of our planes, if the samples can be used where they are.
    pub(super) planes: Option<[usize; 4]>,
    /// Chroma subsampling in libav's memory; more than `format`'s where that is a layout we do not have.
    pub(super) coded_log2: (u8, u8),
    /// Bits of each component as coded.
    pub(super) depths: [u8; 4],
    /// Codes are indices into a palette.
    pub(super) palette: bool,
    /// A set bit is black.
    pub(super) inverted: bool,
}

/// The layout of a libav format, or `None` if it cannot be had without loss: hardware, float, Bayer, XYZ.
pub(super) fn layout(pixel: Pixel) -> Option<Layout> {
    // Descriptors are static tables; ffmpeg-next gives no safe view of their components.
    let raw = pixel.descriptor()?.as_ptr();
    // SAFETY: the pointer is non-null and points to libav's static table.
    let description = unsafe { &*raw };
    let has = |flag: u32| description.flags & u64::from(flag) != 0;
    let unusable = ffi::AV_PIX_FMT_FLAG_HWACCEL as u32
        | ffi::AV_PIX_FMT_FLAG_FLOAT as u32
        | ffi::AV_PIX_FMT_FLAG_BAYER as u32;
    if has(unusable) || matches!(pixel, Pixel::XYZ12LE | Pixel::XYZ12BE) {
        return None;
    }
    let palette = has(ffi::AV_PIX_FMT_FLAG_PAL as u32);
    let count = usize::from(description.nb_components);
    let components = description.comp.get(..count)?;
    let alpha = has(ffi::AV_PIX_FMT_FLAG_ALPHA as u32);
    let model = match (palette || has(ffi::AV_PIX_FMT_FLAG_RGB as u32), count) {
        (true, _) => Model::Rgb,
        (false, 1 | 2) => Model::Grey,
        (false, _) => Model::Yuv,
    };
    let deepest = if palette { 8 } else { components.iter().map(|c| c.depth).max()?.max(8) };
    let sample = if deepest == 8 { Sample::U8 } else { Sample::U16(u8::try_from(deepest).ok()?) };
    if deepest > 16 {
        return None;
    }
    let coded =
        if model == Model::Yuv { (description.log2_chroma_w, description.log2_chroma_h) } else { (0, 0) };
    let log2 = match coded {
        (0, 1) => (0, 0),
        (2, 0) => (1, 0),
        (2, 2) => (1, 1),
        own @ ((0 | 1, 0) | (1, 1)) => own,
        _ => return None,
    };
    let mut depths = [8; 4];
    for (depth, component) in depths.iter_mut().zip(components) {
        *depth = u8::try_from(component.depth).ok()?;
    }
    let bytes = sample.bytes() as i32;
    let in_place = !palette
        && !has(ffi::AV_PIX_FMT_FLAG_BITSTREAM as u32)
        && (bytes == 1 || has(ffi::AV_PIX_FMT_FLAG_BE as u32) == cfg!(target_endian = "big"))
        && log2 == coded
        && components.iter().enumerate().all(|(i, c)| {
            (c.step, c.offset, c.shift, c.depth) == (bytes, 0, 0, deepest)
                && components.iter().skip(i + 1).all(|other| other.plane != c.plane)
        });
    let planes = in_place.then(|| std::array::from_fn(|i| components.get(i).map_or(0, |c| c.plane as usize)));
    Some(Layout {
        format: PixelFormat { model, sample, log2_x: log2.0, log2_y: log2.1, alpha },
        planes,
        coded_log2: coded,
        depths,
        palette,
        inverted: pixel == Pixel::MonoWhite,
    })
}

/// libav's planar format of one of ours, if there is one; `full` chooses the `J` variants, which some encoders want.
pub(super) fn planar_pixel(format: PixelFormat, full: bool) -> Option<Pixel> {
    use Pixel as P;
    let depth = match format.sample {
        Sample::U8 => 8,
        Sample::U16(depth) => depth,
        Sample::F32(_) => return None,
    };
    let pixel = match (format.model, (format.log2_x, format.log2_y), format.alpha, depth) {
        (Model::Grey, _, false, 8) => P::GRAY8,
        (Model::Grey, _, false, 9) => P::GRAY9LE,
        (Model::Grey, _, false, 10) => P::GRAY10LE,
        (Model::Grey, _, false, 12) => P::GRAY12LE,
        (Model::Grey, _, false, 16) => P::GRAY16LE,
        (Model::Rgb, _, false, 8) => P::GBRP,
        (Model::Rgb, _, false, 9) => P::GBRP9LE,
        (Model::Rgb, _, false, 10) => P::GBRP10LE,
        (Model::Rgb, _, false, 12) => P::GBRP12LE,
        (Model::Rgb, _, false, 14) => P::GBRP14LE,
        (Model::Rgb, _, false, 16) => P::GBRP16LE,
        (Model::Rgb, _, true, 8) => P::GBRAP,
        (Model::Rgb, _, true, 10) => P::GBRAP10LE,
        (Model::Rgb, _, true, 12) => P::GBRAP12LE,
        (Model::Rgb, _, true, 16) => P::GBRAP16LE,
        (Model::Yuv, (1, 1), false, 8) if full => P::YUVJ420P,
        (Model::Yuv, (1, 0), false, 8) if full => P::YUVJ422P,
        (Model::Yuv, (0, 0), false, 8) if full => P::YUVJ444P,
        (Model::Yuv, (1, 1), false, 8) => P::YUV420P,
        (Model::Yuv, (1, 0), false, 8) => P::YUV422P,
        (Model::Yuv, (0, 0), false, 8) => P::YUV444P,
        (Model::Yuv, (1, 1), false, 9) => P::YUV420P9LE,
        (Model::Yuv, (1, 0), false, 9) => P::YUV422P9LE,
        (Model::Yuv, (0, 0), false, 9) => P::YUV444P9LE,
        (Model::Yuv, (1, 1), false, 10) => P::YUV420P10LE,
        (Model::Yuv, (1, 0), false, 10) => P::YUV422P10LE,
        (Model::Yuv, (0, 0), false, 10) => P::YUV444P10LE,
        (Model::Yuv, (1, 1), false, 12) => P::YUV420P12LE,
        (Model::Yuv, (1, 0), false, 12) => P::YUV422P12LE,
        (Model::Yuv, (0, 0), false, 12) => P::YUV444P12LE,
        (Model::Yuv, (1, 1), false, 16) => P::YUV420P16LE,
        (Model::Yuv, (1, 0), false, 16) => P::YUV422P16LE,
        (Model::Yuv, (0, 0), false, 16) => P::YUV444P16LE,
        (Model::Yuv, (1, 1), true, 8) => P::YUVA420P,
        (Model::Yuv, (1, 0), true, 8) => P::YUVA422P,
        (Model::Yuv, (0, 0), true, 8) => P::YUVA444P,
        (Model::Yuv, (1, 1), true, 10) => P::YUVA420P10LE,
        (Model::Yuv, (1, 0), true, 10) => P::YUVA422P10LE,
        (Model::Yuv, (0, 0), true, 10) => P::YUVA444P10LE,
        (Model::Yuv, (0, 0), true, 12) => P::YUVA444P12LE,
        (Model::Yuv, (1, 1), true, 16) => P::YUVA420P16LE,
        (Model::Yuv, (1, 0), true, 16) => P::YUVA422P16LE,
        (Model::Yuv, (0, 0), true, 16) => P::YUVA444P16LE,
        _ => return None,
    };
    Some(pixel)
}

/// What a file says of its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ColourTags {
    /// Luma weights.
    pub(super) matrix: ff::color::Space,
    /// Range.
    pub(super) range: ff::color::Range,
    /// Transfer characteristic.
    pub(super) transfer: ff::color::TransferCharacteristic,
    /// Primaries.
    pub(super) primaries: ff::color::Primaries,
    /// Siting.
    pub(super) siting: ff::chroma::Location,
}

/// The meaning of a file's codes: its tags, and where it is silent BT.601 up to 576 lines, else BT.709; RGB and grey
/// stills as sRGB in full range. `pixel` counts because libav's `J` formats are full range by name.
pub(super) fn colour(
    tags: ColourTags,
    pixel: Pixel,
    format: PixelFormat,
    lines: u32,
    still: bool,
) -> ColourSpec {
    use ff::color::Range as R;
    let by_name = matches!(
        pixel,
        Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P | Pixel::YUVJ440P | Pixel::YUVJ411P
    );
    let range = match (tags.range, format.model) {
        _ if by_name => Range::Full,
        (R::JPEG, _) => Range::Full,
        (R::MPEG, _) => Range::Limited,
        (_, Model::Yuv) => Range::Limited,
        _ => Range::Full,
    };
    let matrix = match format.model {
        Model::Rgb => MatrixCoefficients::Rgb,
        _ => matrix_of(tags.matrix).unwrap_or(if lines <= 576 {
            MatrixCoefficients::Bt601
        } else {
            MatrixCoefficients::Bt709
        }),
    };
    let picture_like = still || (format.model == Model::Rgb && range == Range::Full);
    let transfer =
        transfer_of(tags.transfer).unwrap_or(if picture_like { Transfer::Srgb } else { Transfer::Bt709 });
    let primaries = primaries_of(tags.primaries).unwrap_or(default_primaries(tags.matrix, lines, still));
    let siting = match format.model {
        Model::Yuv => siting_of(tags.siting).unwrap_or(if by_name { Siting::Center } else { Siting::Left }),
        _ => Siting::Center,
    };
    ColourSpec { matrix, range, transfer, primaries, siting }
}

fn matrix_of(space: ff::color::Space) -> Option<MatrixCoefficients> {
    use ff::color::Space as S;
    Some(match space {
        S::BT709 => MatrixCoefficients::Bt709,
        S::BT470BG | S::SMPTE170M => MatrixCoefficients::Bt601,
        S::FCC => MatrixCoefficients::Fcc,
        S::SMPTE240M => MatrixCoefficients::Smpte240m,
        S::BT2020NCL | S::BT2020CL => MatrixCoefficients::Bt2020,
        _ => return None,
    })
}

fn transfer_of(transfer: ff::color::TransferCharacteristic) -> Option<Transfer> {
    use ff::color::TransferCharacteristic as T;
    Some(match transfer {
        T::BT709
        | T::SMPTE170M
        | T::SMPTE240M
        | T::GAMMA22
        | T::GAMMA28
        | T::BT2020_10
        | T::BT2020_12
        | T::IEC61966_2_4
        | T::BT1361_ECG => Transfer::Bt709,
        T::IEC61966_2_1 => Transfer::Srgb,
        T::Linear => Transfer::Linear,
        T::SMPTE2084 => Transfer::Pq,
        T::ARIB_STD_B67 => Transfer::Hlg,
        _ => return None,
    })
}

fn primaries_of(primaries: ff::color::Primaries) -> Option<Primaries> {
    use ff::color::Primaries as P;
    Some(match primaries {
        P::BT709 => Primaries::Bt709,
        P::BT470BG => Primaries::Bt601Pal,
        P::SMPTE170M | P::SMPTE240M => Primaries::Bt601Ntsc,
        P::BT2020 => Primaries::Bt2020,
        P::SMPTE431 | P::SMPTE432 => Primaries::P3,
        _ => return None,
    })
}

/// Untagged primaries follow a tagged matrix, else the line counts of the two BT.601 systems; anything else is most
/// likely a scaled-down BT.709 picture.
fn default_primaries(matrix: ff::color::Space, lines: u32, still: bool) -> Primaries {
    use ff::color::Space as S;
    match (matrix, lines) {
        _ if still => Primaries::Bt709,
        (S::BT2020NCL | S::BT2020CL, _) => Primaries::Bt2020,
        (S::Unspecified, 576) | (S::BT470BG, _) => Primaries::Bt601Pal,
        (S::Unspecified, 480 | 486) | (S::SMPTE170M | S::SMPTE240M, _) => Primaries::Bt601Ntsc,
        _ => Primaries::Bt709,
    }
}

fn siting_of(location: ff::chroma::Location) -> Option<Siting> {
    use ff::chroma::Location as L;
    Some(match location {
        L::Left | L::BottomLeft => Siting::Left,
        L::Center | L::Bottom => Siting::Center,
        L::TopLeft | L::Top => Siting::TopLeft,
        _ => return None,
    })
}

/// The tags that say what `spec` means, for an encoder.
pub(super) fn tags(spec: &ColourSpec) -> ColourTags {
    use ff::chroma::Location as L;
    use ff::color::{Primaries as P, Range as R, Space as S, TransferCharacteristic as T};
    ColourTags {
        matrix: match (spec.matrix, spec.primaries) {
            (MatrixCoefficients::Rgb, _) => S::RGB,
            (MatrixCoefficients::Bt709, _) => S::BT709,
            (MatrixCoefficients::Bt601, Primaries::Bt601Pal) => S::BT470BG,
            (MatrixCoefficients::Bt601, _) => S::SMPTE170M,
            (MatrixCoefficients::Fcc, _) => S::FCC,
            (MatrixCoefficients::Smpte240m, _) => S::SMPTE240M,
            (MatrixCoefficients::Bt2020, _) => S::BT2020NCL,
        },
        range: match spec.range {
            Range::Limited => R::MPEG,
            Range::Full => R::JPEG,
        },
        transfer: match (spec.transfer, spec.primaries) {
            (Transfer::Bt709, Primaries::Bt601Pal | Primaries::Bt601Ntsc) => T::SMPTE170M,
            (Transfer::Bt709, Primaries::Bt2020) => T::BT2020_10,
            (Transfer::Bt709, _) => T::BT709,
            (Transfer::Srgb, _) => T::IEC61966_2_1,
            (Transfer::Linear, _) => T::Linear,
            (Transfer::Pq, _) => T::SMPTE2084,
            (Transfer::Hlg, _) => T::ARIB_STD_B67,
        },
        primaries: match spec.primaries {
            Primaries::Bt709 => P::BT709,
            Primaries::Bt601Pal => P::BT470BG,
            Primaries::Bt601Ntsc => P::SMPTE170M,
            Primaries::Bt2020 => P::BT2020,
            Primaries::P3 => P::SMPTE432,
        },
        siting: match spec.siting {
            Siting::Left => L::Left,
            Siting::Center => L::Center,
            Siting::TopLeft => L::TopLeft,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_planar_and_name_libavs_planes() {
        let yuv = layout(Pixel::YUV420P10LE).unwrap();
        assert_eq!((yuv.format.sample, yuv.planes), (Sample::U16(10), Some([0, 1, 2, 0])));
        let rgb = layout(Pixel::GBRAP).unwrap();
        assert_eq!((rgb.format, rgb.planes), (PixelFormat::RGBA_U8, Some([2, 0, 1, 3])));
        for (pixel, model, log2, alpha) in [
            (Pixel::NV12, Model::Yuv, (1, 1), false),
            (Pixel::YUV411P, Model::Yuv, (1, 0), false),
            (Pixel::YUV410P, Model::Yuv, (1, 1), false),
            (Pixel::YUVJ440P, Model::Yuv, (0, 0), false),
            (Pixel::PAL8, Model::Rgb, (0, 0), true),
            (Pixel::YA8, Model::Grey, (0, 0), true),
            (Pixel::MonoBlack, Model::Grey, (0, 0), false),
            (Pixel::RGB48BE, Model::Rgb, (0, 0), false),
        ] {
            let l = layout(pixel).unwrap();
            let f = l.format;
            assert_eq!(
                (f.model, (f.log2_x, f.log2_y), f.alpha, l.planes),
                (model, log2, alpha, None),
                "{pixel:?}"
            );
        }
        assert_eq!(layout(Pixel::P010LE).unwrap().format.sample, Sample::U16(10));
        assert!(layout(Pixel::VAAPI).is_none() && layout(Pixel::GBRPF32LE).is_none());
    }

    #[test]
    fn every_planar_format_comes_back_as_itself() {
        for depth in [8, 9, 10, 12, 14, 16] {
            let sample = if depth == 8 { Sample::U8 } else { Sample::U16(depth) };
            for model in [Model::Yuv, Model::Rgb, Model::Grey] {
                for (log2_x, log2_y) in [(0, 0), (1, 0), (1, 1)] {
                    for alpha in [false, true] {
                        let format = PixelFormat { model, sample, log2_x, log2_y, alpha };
                        if (model == Model::Yuv || log2_x == 0)
                            && let Some(pixel) = planar_pixel(format, false)
                        {
                            let back = layout(pixel).unwrap();
                            assert_eq!(back.format, format);
                            assert!(back.planes.is_some());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn silence_about_colour_follows_the_lines() {
        let silent = ColourTags {
            matrix: ff::color::Space::Unspecified,
            range: ff::color::Range::Unspecified,
            transfer: ff::color::TransferCharacteristic::Unspecified,
            primaries: ff::color::Primaries::Unspecified,
            siting: ff::chroma::Location::Unspecified,
        };
        let of = |lines| colour(silent, Pixel::YUV420P, PixelFormat::YUV420P, lines, false);
        assert_eq!(of(720), ColourSpec::BT709);
        assert_eq!((of(576).matrix, of(576).primaries), (MatrixCoefficients::Bt601, Primaries::Bt601Pal));
        let rgb = colour(silent, Pixel::RGBA, PixelFormat::RGBA_U8, 100, true);
        assert_eq!(rgb, ColourSpec::SRGB);
        let jpeg = colour(silent, Pixel::YUVJ420P, PixelFormat::YUV420P, 100, true);
        assert_eq!((jpeg.range, jpeg.siting), (Range::Full, Siting::Center));
    }

    #[test]
    fn tags_say_what_was_meant() {
        for primaries in [Primaries::Bt709, Primaries::Bt601Pal, Primaries::Bt601Ntsc, Primaries::Bt2020] {
            for matrix in [MatrixCoefficients::Bt709, MatrixCoefficients::Bt601, MatrixCoefficients::Bt2020] {
                let spec = ColourSpec { matrix, primaries, siting: Siting::TopLeft, ..ColourSpec::BT709 };
                assert_eq!(colour(tags(&spec), Pixel::YUV420P, PixelFormat::YUV420P, 480, false), spec);
            }
        }
    }
}
