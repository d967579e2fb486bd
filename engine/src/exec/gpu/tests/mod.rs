//! The gpu executor on whatever Vulkan device there is (Mesa's software one will do), against the cpu executor.

mod kernels;
mod parity;
mod ring;

use std::sync::Arc;

use super::*;
use crate::colour::{Affine, ColourSpec, codes_to_rgb, rgb_to_codes};
use crate::effect::step::{Alpha, Step};
use crate::exec::job::{LoadUniforms, Op, PassStructure};
use crate::exec::tile::{SimdLevel, Tile, TilePlace};
use crate::picture::{Model, PictureBuffer, PixelFormat, Sample};

fn executor() -> GpuExecutor {
    GpuExecutor::new(Preference::Any)
        .unwrap_or_else(|e| panic!("these tests need a GPU or a software one: {e}"))
}

/// A generator of numbers that is the same everywhere (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }
}

const fn yuv(sample: Sample, log2_x: u8, log2_y: u8, alpha: bool) -> PixelFormat {
    PixelFormat { model: Model::Yuv, sample, log2_x, log2_y, alpha }
}

const FORMATS: [PixelFormat; 14] = [
    PixelFormat::YUV420P,
    yuv(Sample::U8, 1, 0, false),
    yuv(Sample::U8, 0, 0, false),
    yuv(Sample::U8, 0, 1, false),
    yuv(Sample::U8, 2, 0, false),
    yuv(Sample::U8, 2, 2, false),
    yuv(Sample::U8, 1, 1, true),
    yuv(Sample::U16(10), 1, 1, false),
    yuv(Sample::U16(12), 0, 0, true),
    yuv(Sample::F32(8), 1, 1, false),
    PixelFormat::RGBA_U8,
    PixelFormat::RGBA_F32,
    PixelFormat { model: Model::Rgb, sample: Sample::U16(16), log2_x: 0, log2_y: 0, alpha: false },
    PixelFormat { model: Model::Grey, sample: Sample::U8, log2_x: 0, log2_y: 0, alpha: true },
];

fn colour_of(format: PixelFormat) -> ColourSpec {
    if format.model == Model::Rgb { ColourSpec::SRGB } else { ColourSpec::BT709 }
}

fn spec(format: PixelFormat, width: u32, height: u32) -> PictureSpec {
    PictureSpec { width, height, format, colour: colour_of(format), premultiplied: false }
}

/// A picture of random codes, nowhere quite transparent: whether an unseen colour survives depends on where a pass
/// is cut.
fn noise(spec: PictureSpec, random: &mut Random) -> Picture {
    let mut buffer = PictureBuffer::new(spec);
    let planes = spec.format.planes();
    for (index, plane) in buffer.planes_mut().into_iter().enumerate() {
        let least = u64::from(spec.format.alpha && index + 1 == planes);
        match spec.format.sample {
            Sample::U8 => plane.iter_mut().for_each(|v| *v = (random.next() as u8).max(least as u8)),
            Sample::U16(depth) => bytemuck::cast_slice_mut::<u8, u16>(plane)
                .iter_mut()
                .for_each(|v| *v = (random.next() & ((1 << depth) - 1)).max(least) as u16),
            Sample::F32(_) => bytemuck::cast_slice_mut::<u8, f32>(plane)
                .iter_mut()
                .for_each(|v| *v = random.share().max(0.01 * least as f32) * spec.format.sample.top()),
        }
    }
    buffer.freeze()
}

/// Every sample, plane after plane.
fn samples(picture: &Picture) -> Vec<f32> {
    let mut all = Vec::new();
    for plane in 0..picture.spec().format.planes() {
        for y in 0..picture.plane_size(plane).1 {
            match picture.spec().format.sample {
                Sample::U8 => all.extend(picture.row(plane, y).iter().map(|v| f32::from(*v))),
                Sample::U16(_) => all.extend(picture.row_u16(plane, y).iter().map(|v| f32::from(*v))),
                Sample::F32(_) => all.extend_from_slice(picture.row_f32(plane, y)),
            }
        }
    }
    all
}

/// Multiplies by a number that the compiler does not know, the last of so many.
struct Gain(usize);

impl Step for Gain {
    fn key(&self) -> String {
        format!("test gain {}", self.0)
    }
    fn uniforms(&self) -> usize {
        self.0
    }
    fn alpha(&self) -> Alpha {
        Alpha::Either
    }
    fn run(&self, _: SimdLevel, tile: &mut Tile, uniforms: &[f32], _: &TilePlace) {
        tile.planes[..3].iter_mut().flatten().for_each(|v| *v *= uniforms[self.0 - 1]);
    }
    fn wgsl(&self, name: &str) -> String {
        format!(
            "fn {name}(u: u32, at: vec4<f32>, px: vec4<f32>) -> vec4<f32> {{
return vec4<f32>(px.xyz * number(u + {}u), px.w); }}",
            self.0 - 1
        )
    }
}

fn rows(matrix: &Affine) -> Vec<f32> {
    matrix.0.iter().flatten().map(|v| *v as f32).collect()
}

fn siting(spec: &PictureSpec) -> (f32, f32) {
    let (x, y) = spec.colour.siting.offset(spec.format.log2_x, spec.format.log2_y);
    (x as f32, y as f32)
}

/// One picture through a gain.
fn gained(picture: &Picture, output: PictureSpec, gain: f32, difference: bool) -> FrameJob {
    let input = *picture.spec();
    let (w, h) = (output.width as i32, output.height as i32);
    let mut uniforms = LoadUniforms { x: 0, y: 0, touch: [0, 0, w, h] }.pack().to_vec();
    uniforms.extend(rows(&codes_to_rgb(&input.colour, input.format.sample.depth())));
    uniforms.extend([0.0, 0.0, w as f32, h as f32, gain]);
    uniforms.extend(rows(&rgb_to_codes(&output.colour, output.format.sample.depth())));
    let structure = PassStructure {
        inputs: vec![input.format],
        output: output.format,
        siting: vec![siting(&input), siting(&output)],
        ops: vec![
            Op::Load { input: 0, skip_to: None },
            Op::Affine { conversion: true },
            Op::Step(Arc::new(Gain(1))),
            Op::Affine { conversion: true },
        ],
        difference: difference.then_some(0),
        dither: false,
    };
    let pass = PassJob { structure: Arc::new(structure), uniforms, inputs: vec![0], to: 1, spec: output };
    let stages = vec![Stage::Input { to: 0, picture: picture.clone() }, Stage::Pass(pass)];
    FrameJob { stages, slots: 2, output: 1 }
}

fn render(executor: &mut dyn Executor, job: FrameJob) -> Picture {
    let early = executor.submit(job).unwrap();
    let late = executor.flush().unwrap();
    early.or(late).unwrap()
}

/// The largest difference of any sample, in codes or parts of 1.
fn worst(a: &Picture, b: &Picture) -> f32 {
    assert_eq!(a.spec(), b.spec());
    let difference =
        |(a, b): (&f32, f32)| if a.is_nan() || b.is_nan() { f32::INFINITY } else { (a - b).abs() };
    samples(a).iter().zip(samples(b)).map(difference).fold(0.0, f32::max)
}
