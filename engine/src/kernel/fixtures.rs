//! Pictures for the tests of kernels, and a check of their shaders.

use super::KernelPlan;
use crate::colour::{ColourSpec, Siting};
use crate::picture::{Model, Picture, PictureBuffer, PictureSpec, PixelFormat, Sample};

/// A specification: Y′CbCr of chroma `(log2_x, log2_y)`, sited so.
pub(crate) fn yuv(width: u32, height: u32, sample: Sample, chroma: (u8, u8), siting: Siting) -> PictureSpec {
    let format = PixelFormat { model: Model::Yuv, sample, log2_x: chroma.0, log2_y: chroma.1, alpha: false };
    PictureSpec {
        width,
        height,
        format,
        colour: ColourSpec { siting, ..ColourSpec::BT709 },
        premultiplied: false,
    }
}

/// A specification of premultiplied floats.
pub(crate) fn rgba(width: u32, height: u32) -> PictureSpec {
    PictureSpec {
        width,
        height,
        format: PixelFormat::RGBA_F32,
        colour: ColourSpec::SRGB,
        premultiplied: true,
    }
}

/// A specification of one plane.
pub(crate) fn grey(width: u32, height: u32, sample: Sample) -> PictureSpec {
    let format = PixelFormat { model: Model::Grey, sample, log2_x: 0, log2_y: 0, alpha: false };
    PictureSpec { width, height, format, colour: ColourSpec::BT709, premultiplied: false }
}

/// A picture of a function of plane, column and row.
pub(crate) fn paint(spec: PictureSpec, value: impl Fn(usize, u32, u32) -> f32) -> Picture {
    let mut buffer = PictureBuffer::new(spec);
    for plane in 0..spec.format.planes() {
        let (width, height) = spec.format.plane_size(plane, spec.width, spec.height);
        let (stride, size) = (buffer.stride(plane), spec.format.sample.bytes());
        let bytes = buffer.plane_mut(plane);
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let v = value(plane, x, y);
            let to = &mut bytes[y as usize * stride + x as usize * size..][..size];
            match spec.format.sample {
                Sample::U8 => to[0] = v as u8,
                Sample::U16(_) => to.copy_from_slice(&(v as u16).to_ne_bytes()),
                Sample::F32(_) => to.copy_from_slice(&v.to_ne_bytes()),
            }
        }
    }
    buffer.freeze()
}

/// A float of a picture.
pub(crate) fn at(picture: &Picture, plane: usize, x: u32, y: u32) -> f32 {
    picture.row_f32(plane, y)[x as usize]
}

/// All samples of a float picture, as bits.
pub(crate) fn bits(picture: &Picture) -> Vec<u32> {
    (0..picture.spec().format.planes())
        .flat_map(|p| {
            (0..picture.plane_size(p).1).flat_map(move |y| picture.row_f32(p, y).iter().map(|v| v.to_bits()))
        })
        .collect()
}

/// A number without pattern between 0 and 1.
pub(crate) fn noise(plane: usize, x: u32, y: u32) -> f32 {
    let mut n = (plane as u32 + 1).wrapping_mul(0x9E37_79B9)
        ^ x.wrapping_mul(0x85EB_CA6B)
        ^ y.wrapping_mul(0xC2B2_AE35);
    for _ in 0..2 {
        n = (n ^ (n >> 15)).wrapping_mul(0x2C1B_3C6D);
    }
    (n >> 8) as f32 / 16_777_216.0
}

/// Runs work on a pool of so many threads.
pub(crate) fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// Every shader of a plan is valid WGSL, and every dispatch reaches no further than its buffers.
pub(crate) fn validate(plan: &KernelPlan) {
    use naga::valid::{Capabilities, ValidationFlags, Validator};
    assert!(!plan.dispatches.is_empty());
    for dispatch in &plan.dispatches {
        assert_ne!(dispatch.input, dispatch.output);
        let module = naga::front::wgsl::parse_str(dispatch.shader.wgsl)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string(dispatch.shader.wgsl)));
        Validator::new(ValidationFlags::all(), Capabilities::default()).validate(&module).unwrap();
    }
}
