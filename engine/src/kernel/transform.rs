//! Sampling under any affine geometry: rotation, shear, and what else is not along the axes.
//!
//! In comes a premultiplied RGBA picture of floats, already of about the right size, and a [`TransformJob`]; out comes
//! another. The filter is Catmull and Rom's cubic over 4 × 4 samples. At the border the input is continued and then
//! multiplied by how much of the pixel lies within, so that borders are smooth and do not ring.
//!
//! A position is the sum of a number of its column and one of its row, both split into a whole part and a fraction in
//! 2⁻¹⁶: sums of those are exact in f32, so the two machines sample at the very same places, however large the
//! picture, and quarter turns hit samples exactly.

use rayon::prelude::*;

use super::{Dispatch, Floats, KernelPlan, KernelShader, PlaneLayout};
use crate::exec::job::TransformJob;
use crate::exec::tile::SimdLevel;
use crate::picture::{Picture, PictureBuffer};

/// Samples by which the input is continued on each side: as far as a pixel that is not wholly outside can reach.
const BORDER: usize = 4;
/// Output rows a task.
const BAND_ROWS: usize = 16;

type Pixel = [f32; 4];

/// Whole part and fraction of a number's share in an input position.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Split {
    whole: f32,
    fraction: f32,
}

impl Split {
    fn new(position: f64) -> Split {
        // No picture is larger than 2²²; further out all is alike.
        let position = if position.is_nan() { -1e6 } else { position.clamp(-4e6, 4e6) };
        let steps = libm::round(position * 65536.0);
        let whole = (steps / 65536.0).floor();
        Split { whole: whole as f32, fraction: ((steps - whole * 65536.0) / 65536.0) as f32 }
    }
}

/// All numbers of a job that do not depend on pixels.
struct Geometry {
    /// For each column: its share in x and in y.
    columns: Vec<[Split; 2]>,
    /// For each row.
    rows: Vec<[Split; 2]>,
    /// Output pixels an input pixel, square to the vertical and the horizontal borders.
    slope: [f32; 2],
    /// The input's size.
    size: [f32; 2],
}

impl Geometry {
    fn new(job: &TransformJob, width: u32, height: u32) -> Geometry {
        let m = &job.inverse;
        // Sample centres are whole numbers in what follows, hence the half that is taken off.
        let share = |a: usize, i: u32| (f64::from(i) + 0.5) * m[a];
        let split = |x: f64, y: f64| [Split::new(x), Split::new(y)];
        let slope = |a: f64, b: f64| {
            let length = libm::hypot(a, b);
            if length > 1e-6 { (1.0 / length) as f32 } else { 1e6 }
        };
        Geometry {
            columns: (0..job.spec.width).map(|x| split(share(0, x), share(3, x))).collect(),
            rows: (0..job.spec.height)
                .map(|y| split(share(1, y) + m[2] - 0.5, share(4, y) + m[5] - 0.5))
                .collect(),
            slope: [slope(m[0], m[1]), slope(m[3], m[4])],
            size: [width as f32, height as f32],
        }
    }
}

/// A position on one axis: the sample at or before it, and how far it is past that.
#[inline(always)]
fn place(column: Split, row: Split) -> (f32, f32) {
    let fraction = column.fraction + row.fraction;
    let carry = if fraction >= 1.0 { 1.0 } else { 0.0 };
    (column.whole + row.whole + carry, fraction - carry)
}

/// The share of an output pixel between an axis's two borders.
#[inline(always)]
fn inside(whole: f32, fraction: f32, size: f32, slope: f32) -> f32 {
    let ramp = |distance: f32| (distance * slope + 0.5).clamp(0.0, 1.0);
    ramp(whole + 0.5 + fraction) - ramp(whole + 0.5 - size + fraction)
}

/// Catmull and Rom's weights (1974) of the samples before, at, after and beyond.
#[inline(always)]
fn cubic(t: f32) -> [f32; 4] {
    let before = ((-0.5 * t + 1.0) * t - 0.5) * t;
    let after = ((-1.5 * t + 2.0) * t + 0.5) * t;
    let beyond = (0.5 * t - 0.5) * t * t;
    [before, 1.0 - before - after - beyond, after, beyond]
}

/// The input with its four planes interleaved and its border continued.
struct Interleaved {
    pixels: Vec<Pixel>,
    stride: usize,
    rows: usize,
}

impl Interleaved {
    fn new(input: &Picture) -> Interleaved {
        let (width, height) = (input.spec().width as usize, input.spec().height as usize);
        let stride = width + 2 * BORDER;
        let mut pixels = vec![[0.0; 4]; stride * (height + 2 * BORDER)];
        pixels.par_chunks_mut(stride).enumerate().for_each(|(y, to)| {
            let y = y.saturating_sub(BORDER).min(height - 1) as u32;
            let [r, g, b, a] = std::array::from_fn(|plane| input.row_f32(plane, y));
            for (x, to) in to[BORDER..BORDER + width].iter_mut().enumerate() {
                *to = [r[x], g[x], b[x], a[x]];
            }
            let (first, last) = (to[BORDER], to[BORDER + width - 1]);
            to[..BORDER].fill(first);
            to[BORDER + width..].fill(last);
        });
        Interleaved { pixels, stride, rows: height + 2 * BORDER }
    }

    /// The filtered pixel; `x` and `y` at most [`BORDER`] − 1 outside, further are taken as that far.
    #[inline(always)]
    fn sample(&self, x: f32, y: f32, across: [f32; 4], down: [f32; 4]) -> Pixel {
        let column = ((x as i32 - 1 + BORDER as i32).max(0) as usize).min(self.stride - 4);
        let row = ((y as i32 - 1 + BORDER as i32).max(0) as usize).min(self.rows - 4);
        let mut sum = [0.0; 4];
        for (j, &weight) in down.iter().enumerate() {
            let taps = &self.pixels[(row + j) * self.stride + column..][..4];
            let mut line = [0.0; 4];
            for (tap, &weight) in taps.iter().zip(&across) {
                for c in 0..4 {
                    line[c] += tap[c] * weight;
                }
            }
            for c in 0..4 {
                sum[c] += line[c] * weight;
            }
        }
        sum
    }
}

/// Samples `input`, premultiplied RGBA floats, into `out`, whose spec is the job's; in parallel on rayon's current
/// pool. A pixel's four channels fill a vector of every machine's baseline, so that `level` makes no difference.
pub fn transform(
    job: &TransformJob,
    input: &Picture,
    _level: SimdLevel,
    mut out: PictureBuffer,
) -> PictureBuffer {
    let geometry = Geometry::new(job, input.spec().width, input.spec().height);
    let source = Interleaved::new(input);
    let width = job.spec.width as usize;
    let band = out.stride(0) / 4 * BAND_ROWS;
    let mut planes = out.planes_mut().into_iter().map(|plane| {
        let plane: &mut [f32] = bytemuck::cast_slice_mut(plane);
        plane.par_chunks_mut(band)
    });
    if let (Some(r), Some(g), Some(b), Some(a)) = (planes.next(), planes.next(), planes.next(), planes.next())
    {
        r.zip(g).zip(b).zip(a).enumerate().for_each(|(i, (((r, g), b), a))| {
            let stride = band / BAND_ROWS;
            let rows = r.chunks_mut(stride).zip(g.chunks_mut(stride)).zip(b.chunks_mut(stride));
            let starts = &geometry.rows[i * BAND_ROWS..];
            for (&row, (((r, g), b), a)) in starts.iter().zip(rows.zip(a.chunks_mut(stride))) {
                fill_row(
                    &geometry,
                    &source,
                    row,
                    [&mut r[..width], &mut g[..width], &mut b[..width], &mut a[..width]],
                );
            }
        });
    }
    out
}

fn fill_row(geometry: &Geometry, source: &Interleaved, row: [Split; 2], [r, g, b, a]: [&mut [f32]; 4]) {
    let ([width, height], [slope_x, slope_y]) = (geometry.size, geometry.slope);
    for (x, &column) in geometry.columns.iter().enumerate() {
        let (at_x, past_x) = place(column[0], row[0]);
        let (at_y, past_y) = place(column[1], row[1]);
        let share = inside(at_x, past_x, width, slope_x) * inside(at_y, past_y, height, slope_y);
        let pixel = if share > 0.0 {
            source.sample(at_x, at_y, cubic(past_x), cubic(past_y)).map(|c| c * share)
        } else {
            [0.0; 4]
        };
        (r[x], g[x], b[x], a[x]) = (pixel[0], pixel[1], pixel[2], pixel[3]);
    }
}

const TRANSFORM: KernelShader = KernelShader {
    key: "kernel transform",
    wgsl: r"
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> words: array<u32>;

fn float(k: u32) -> f32 { return bitcast<f32>(words[k]); }

fn place(column: u32, row: u32) -> vec2<f32> {
    let fraction = float(column + 1u) + float(row + 1u);
    let carry = select(0.0, 1.0, fraction >= 1.0);
    return vec2<f32>(float(column) + float(row) + carry, fraction - carry);
}

fn inside(at: vec2<f32>, size: f32, slope: f32) -> f32 {
    let low = clamp((at.x + 0.5 + at.y) * slope + 0.5, 0.0, 1.0);
    return low - clamp((at.x + 0.5 - size + at.y) * slope + 0.5, 0.0, 1.0);
}

fn cubic(t: f32) -> vec4<f32> {
    let before = ((-0.5 * t + 1.0) * t - 0.5) * t;
    let after = ((-1.5 * t + 2.0) * t + 0.5) * t;
    let beyond = (0.5 * t - 0.5) * t * t;
    return vec4<f32>(before, 1.0 - before - after - beyond, after, beyond);
}

// 0-1 output size, 2-3 input size, 4-5 slopes, 6-13 offset and stride of the input's planes, 14-21 of the output's;
// for each column and then each row whole part and fraction in x, whole part and fraction in y.
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= words[0] || id.y >= words[1]) { return; }
    let column = 22u + id.x * 4u;
    let row = 22u + (words[0] + id.y) * 4u;
    let x = place(column, row);
    let y = place(column + 2u, row + 2u);
    let share = inside(x, f32(words[2]), float(4u)) * inside(y, f32(words[3]), float(5u));
    var sum = vec4<f32>();
    if (share > 0.0) {
        let across = cubic(x.y);
        let down = cubic(y.y);
        let last = vec2<i32>(i32(words[2]) - 1, i32(words[3]) - 1);
        for (var j = 0; j < 4; j++) {
            let from_y = u32(clamp(i32(y.x) - 1 + j, 0, last.y));
            var line = vec4<f32>();
            for (var i = 0; i < 4; i++) {
                let from_x = u32(clamp(i32(x.x) - 1 + i, 0, last.x));
                line += across[i] * vec4<f32>(
                    input[words[6] + from_y * words[7] + from_x],
                    input[words[8] + from_y * words[9] + from_x],
                    input[words[10] + from_y * words[11] + from_x],
                    input[words[12] + from_y * words[13] + from_x],
                );
            }
            sum += down[j] * line;
        }
        sum *= share;
    }
    output[words[14] + id.y * words[15] + id.x] = sum.x;
    output[words[16] + id.y * words[17] + id.x] = sum.y;
    output[words[18] + id.y * words[19] + id.x] = sum.z;
    output[words[20] + id.y * words[21] + id.x] = sum.w;
}
",
};

/// The same on a GPU: `from` and `to` say where the planes of input and output lie.
pub fn plan(job: &TransformJob, from: &[PlaneLayout], to: &[PlaneLayout]) -> KernelPlan {
    let Some(input) = from.first() else {
        return KernelPlan::default();
    };
    let geometry = Geometry::new(job, input.width, input.height);
    let (width, height) = (job.spec.width, job.spec.height);
    let mut params = vec![width, height, input.width, input.height];
    params.extend(geometry.slope.map(f32::to_bits));
    params.extend(from.iter().chain(to).flat_map(|plane| [plane.offset, plane.stride]));
    for [x, y] in geometry.columns.iter().chain(&geometry.rows) {
        params.extend([x.whole, x.fraction, y.whole, y.fraction].map(f32::to_bits));
    }
    let groups = [width.div_ceil(8), height.div_ceil(8)];
    let dispatch =
        Dispatch { shader: TRANSFORM, input: Floats::Input, output: Floats::Output, params, groups };
    KernelPlan { dispatches: vec![dispatch], intermediates: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixtures::*;
    use crate::picture::PictureSpec;

    fn job(spec: PictureSpec, inverse: [f64; 6]) -> TransformJob {
        TransformJob { from: 0, to: 1, spec, inverse }
    }

    fn done(job: &TransformJob, input: &Picture) -> Picture {
        transform(job, input, SimdLevel::Baseline, PictureBuffer::new(job.spec)).freeze()
    }

    /// The inverse of a turn by `degrees` that takes the input's centre to the output's.
    fn turn(degrees: f64, input: PictureSpec, output: PictureSpec) -> [f64; 6] {
        let (s, c) = degrees.to_radians().sin_cos();
        let half = |n: u32| f64::from(n) / 2.0;
        let (ox, oy) = (half(output.width), half(output.height));
        [c, s, half(input.width) - c * ox - s * oy, -s, c, half(input.height) + s * ox - c * oy]
    }

    #[test]
    fn quarter_turns_are_exact() {
        let from = rgba(31, 18);
        let input = paint(from, noise);
        for quarter in 0..4 {
            let to = if quarter % 2 == 0 { rgba(31, 18) } else { rgba(18, 31) };
            let out = done(&job(to, turn(f64::from(quarter) * 90.0, from, to)), &input);
            for (p, x, y) in (0..4).flat_map(|p| (0..18).flat_map(move |y| (0..31).map(move |x| (p, x, y)))) {
                let (tx, ty) = [(x, y), (17 - y, x), (30 - x, 17 - y), (y, 30 - x)][quarter as usize];
                assert_eq!(at(&out, p, tx, ty), noise(p, x, y), "{quarter} quarters, plane {p} at {x}, {y}");
            }
        }
    }

    #[test]
    fn a_smooth_picture_turns_smoothly() {
        let wave = |p: usize, x: f64, y: f64| 0.5 + 0.4 * (x * 0.35 + y * 0.2 + p as f64).sin();
        let from = rgba(120, 90);
        let input = paint(from, |p, x, y| wave(p, f64::from(x) + 0.5, f64::from(y) + 0.5) as f32);
        for degrees in [0.1, -3.0, 33.0, 211.0] {
            let m = turn(degrees, from, from);
            let out = done(&job(from, m), &input);
            for (x, y) in (35..55).flat_map(|y| (45..75).map(move |x| (x, y))) {
                let (u, v) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                let want = wave(1, m[0] * u + m[1] * v + m[2], m[3] * u + m[4] * v + m[5]);
                assert!((f64::from(at(&out, 1, x, y)) - want).abs() < 0.002, "{degrees}° at {x}, {y}");
            }
        }
    }

    /// What lies outside is clear, the border is a ramp of a pixel, and the area is kept.
    #[test]
    fn borders_are_smooth_and_the_area_is_kept() {
        let (from, to) = (rgba(50, 40), rgba(90, 90));
        let input = paint(from, |_, _, _| 1.0);
        for degrees in [0.0, 5.0, 30.0, 45.0] {
            let m = turn(degrees, from, to);
            let out = done(&job(to, [m[0], m[1], m[2] + 0.25, m[3], m[4], m[5]]), &input);
            let alpha: Vec<f32> = (0..90).flat_map(|y| out.row_f32(3, y).to_vec()).collect();
            assert!(alpha.iter().all(|&a| (0.0..=1.000_001).contains(&a)));
            let area: f32 = alpha.iter().sum();
            assert!((area - 2000.0).abs() < 4.0, "{degrees}°: {area}");
            assert_eq!(at(&out, 3, 2, 2), 0.0);
            assert!((at(&out, 0, 45, 45) - 1.0).abs() < 1e-6);
            let partial = alpha.iter().filter(|a| (0.01..0.99).contains(*a)).count();
            assert!(
                (if degrees == 0.0 { 80..=80 } else { 120..=260 }).contains(&partial),
                "{degrees}°: {partial}"
            );
        }
    }

    #[test]
    fn threads_do_not_show_and_wild_geometry_is_finite() {
        let from = rgba(77, 51);
        let input = paint(from, noise);
        let job_7 = job(from, turn(7.0, from, from));
        let run = |threads| on_threads(threads, || bits(&done(&job_7, &input)));
        assert!(run(1) == run(3));
        for m in [
            [f64::NAN; 6],
            [1e30, 0.0, -1e30, f64::INFINITY, 0.0, 0.0],
            [0.0; 6],
            [1e-9, 0.0, 5.0, 0.0, 1e-9, 5.0],
        ] {
            assert!(
                bits(&done(&job(from, m), &input)).iter().all(|&b| f32::from_bits(b).is_finite()),
                "{m:?}"
            );
        }
    }

    #[test]
    fn the_shader_is_valid() {
        let spec = rgba(30, 20);
        let planes = PlaneLayout::packed(&spec).0;
        validate(&plan(&job(spec, turn(10.0, spec, spec)), &planes, &planes));
    }
}
