//! Gaussian blur and the unsharp mask made of it.
//!
//! In comes a picture of floats and a [`GaussianJob`]; out comes one of the same spec. A small Gaussian is summed as it
//! is. A large one is two of `σ/√2` after each other: the first is only evaluated on a coarse grid, the second spreads
//! that grid to all samples, and what is wrong is what folds over at the grid's Nyquist frequency, which both have
//! damped: at most exp(−0.85²π²) = 0.0008 of the amplitude. So the cost per sample does not grow with σ.

use super::coefficients::{Line, Table};
use super::rows::PlaneView;
use super::separable::{self, Finish, PlaneJob, PlaneOnGpu};
use super::{Floats, KernelPlan, PlaneLayout};
use crate::exec::job::GaussianJob;
use crate::exec::tile::SimdLevel;
use crate::picture::{Picture, PictureBuffer};

/// Where a Gaussian is cut off, in standard deviations; what is left is normalised.
const SUPPORT: f64 = 3.0;
/// The same for each of two, which are rarer by far beyond it together.
const SUPPORT_OF_TWO: f64 = 3.25;
/// Standard deviations of the first of two a sample of the coarse grid: below it, the grid shows.
const PER_COARSE: f64 = 0.85;
/// Coarse grids that are hardly coarser do not pay.
const COARSEST_DIRECT: f64 = 2.0;
/// Beyond this many times the picture's size a larger σ changes next to nothing.
const LARGEST: f64 = 32.0;

/// One axis: a table, and another if there is a coarse grid between.
struct Stages {
    first: Table,
    second: Option<Table>,
}

impl Stages {
    fn new(samples: u32, sigma: f64, depth: u8) -> Stages {
        let sigma = sigma.clamp(1e-3, f64::from(samples) * LARGEST);
        let half = sigma * std::f64::consts::FRAC_1_SQRT_2;
        let pitch = (half / PER_COARSE).floor();
        if pitch < COARSEST_DIRECT {
            let line = Line { outputs: samples, step: 1.0, origin: 0.0, existing: 0..samples };
            return Stages {
                first: Table::gaussian(&line, sigma, (SUPPORT * sigma).max(1.0), depth),
                second: None,
            };
        }
        let support = SUPPORT_OF_TWO * half;
        // The grid goes so far beyond the ends as the second table reaches, and lies evenly about the middle.
        let coarse = ((f64::from(samples) + 2.0 * support) / pitch).ceil() + 1.0;
        let origin = (f64::from(samples) - coarse * pitch) / 2.0;
        let down = Line { outputs: coarse as u32, step: pitch, origin, existing: 0..samples };
        let up =
            Line { outputs: samples, step: 1.0 / pitch, origin: -origin / pitch, existing: 0..coarse as u32 };
        Stages {
            first: Table::gaussian(&down, half, support, 0),
            second: Some(Table::gaussian(&up, half / pitch, support / pitch, 0)),
        }
    }
}

/// Both axes of a kind of plane: one turn of tables, or two with a coarse picture between.
struct Turns {
    first: [Table; 2],
    second: Option<[Table; 2]>,
}

impl Turns {
    /// For plane `index` of the job's pictures.
    fn new(job: &GaussianJob, index: usize) -> Turns {
        let format = job.spec.format;
        let (width, height) = format.plane_size(index, job.spec.width, job.spec.height);
        let chroma = |log2: u8| if format.is_chroma(index) { f64::from(1u32 << log2) } else { 1.0 };
        let depth = format.sample.depth();
        let across = Stages::new(width, job.sigma / chroma(format.log2_x), depth);
        let down = Stages::new(height, job.sigma / chroma(format.log2_y), depth);
        let second = match (across.second, down.second) {
            (None, None) => None,
            (a, d) => Some([
                a.unwrap_or_else(|| Table::identity(width)),
                d.unwrap_or_else(|| Table::identity(height)),
            ]),
        };
        Turns { first: [across.first, down.first], second }
    }

    /// The turns of all planes: those of the first, and of chroma if it has its own size; and which a plane takes.
    fn all(job: &GaussianJob) -> (Vec<Turns>, impl Fn(usize) -> usize) {
        let format = job.spec.format;
        let own_chroma = format.is_chroma(1) && format.log2_x + format.log2_y > 0;
        let turns =
            if own_chroma { vec![Turns::new(job, 0), Turns::new(job, 1)] } else { vec![Turns::new(job, 0)] };
        (turns, move |plane| usize::from(own_chroma && format.is_chroma(plane)))
    }

    fn coarse_size(&self) -> (usize, usize) {
        (self.first[0].outputs(), self.first[1].outputs())
    }
}

/// Blurs or sharpens `input`, a picture of floats, into `out`, both of the job's spec; in parallel on rayon's current
/// pool.
pub fn gaussian(
    job: &GaussianJob,
    input: &Picture,
    level: SimdLevel,
    mut out: PictureBuffer,
) -> PictureBuffer {
    let (turns, of_plane) = Turns::all(job);
    let planes = job.spec.format.planes();
    let view = |i: usize| PlaneView::of(input, i);
    let mut coarse: Vec<Option<(Vec<f32>, usize)>> = (0..planes)
        .map(|i| {
            let turn = &turns[of_plane(i)];
            let (width, height) = turn.coarse_size();
            turn.second.as_ref().map(|_| (vec![0.0; width * height], width))
        })
        .collect();
    let work = coarse.iter_mut().enumerate().filter_map(|(i, coarse)| {
        let (values, width) = coarse.as_mut()?;
        let [across, down] = &turns[of_plane(i)].first;
        let job = PlaneJob { input: view(i), transpose: false, across, down, finish: Finish::Keep };
        Some((job, values.as_mut_slice(), *width))
    });
    separable::run(level, work.collect());
    let strides: Vec<usize> = (0..planes).map(|i| out.stride(i) / 4).collect();
    let work = out.planes_mut().into_iter().zip(strides).zip(&coarse).enumerate().map(
        |(i, ((to, stride), coarse))| {
            let finish = match job.sharpen {
                Some(amount) => Finish::Unsharp { amount: amount as f32, original: view(i) },
                None => Finish::Keep,
            };
            let turn = &turns[of_plane(i)];
            let (input, [across, down]) = match (coarse, &turn.second) {
                (Some((values, width)), Some(second)) => (PlaneView::floats(values, *width), second),
                _ => (view(i), &turn.first),
            };
            (PlaneJob { input, transpose: false, across, down, finish }, bytemuck::cast_slice_mut(to), stride)
        },
    );
    separable::run(level, work.collect());
    out
}

/// The same on a GPU: `from` and `to` say where the planes of input and output lie.
pub fn plan(job: &GaussianJob, from: &[PlaneLayout], to: &[PlaneLayout]) -> KernelPlan {
    let (turns, of_plane) = Turns::all(job);
    let mut plan = KernelPlan::default();
    for (i, (&input, &output)) in from.iter().zip(to).enumerate() {
        let turn = &turns[of_plane(i)];
        let (first, last) = ((Floats::Input, input), (Floats::Output, output));
        let mut turns = vec![(first, last, &turn.first)];
        if let Some(second) = &turn.second {
            let (width, height) = turn.coarse_size();
            let (width, height) = (width as u32, height as u32);
            let coarse = PlaneLayout { offset: 0, stride: width, width, height };
            let between = (Floats::Intermediate(plan.intermediates.len()), coarse);
            plan.intermediates.push(width * height);
            turns = vec![(first, between, &turn.first), (between, last, second)];
        }
        for (input, output, [across, down]) in turns {
            let plane = PlaneOnGpu { input, output, transpose: false, across, down, factors: None };
            separable::plan(&plane, &mut plan);
        }
        if let Some(amount) = job.sharpen {
            plan.dispatches.push(separable::plan_unsharp(amount as f32, input, output));
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::Siting;
    use crate::kernel::fixtures::*;
    use crate::picture::{PictureSpec, Sample};

    fn job(spec: PictureSpec, sigma: f64, sharpen: Option<f64>) -> GaussianJob {
        GaussianJob { from: 0, to: 1, spec, sigma, sharpen }
    }

    fn done(job: &GaussianJob, input: &Picture) -> Picture {
        gaussian(job, input, SimdLevel::Avx2, PictureBuffer::new(job.spec)).freeze()
    }

    #[test]
    fn an_impulse_gives_the_closed_form() {
        for sigma in [0.4f64, 1.0, 2.5, 3.1, 6.0, 17.0] {
            let size = (sigma * 12.0) as u32 | 15;
            let centre = size / 2;
            let spec = grey(size, size, Sample::F32(0));
            let input = paint(spec, |_, x, y| if (x, y) == (centre, centre) { 1.0 } else { 0.0 });
            let out = done(&job(spec, sigma, None), &input);
            let bell = |d: f64| (-0.5 * (d / sigma).powi(2)).exp();
            let sum: f64 = (-200..=200).map(|k| bell(f64::from(k))).sum();
            let top = 1.0 / (sum * sum);
            for (x, y) in (0..size).flat_map(|y| (0..size).map(move |x| (x, y))) {
                let d = |n: u32| f64::from(n) - f64::from(centre);
                let want = bell(d(x)) * bell(d(y)) * top;
                let got = f64::from(at(&out, 0, x, y));
                assert!((got - want).abs() < top * 0.012, "σ {sigma} at {x}, {y}: {got} for {want}");
            }
        }
    }

    /// Steps, checks and noise at every σ against the sum written out: within 1/255, edges continued.
    #[test]
    fn any_sigma_is_the_sum_within_a_code() {
        let (width, height) = (150i32, 3i32);
        let spec = grey(width as u32, height as u32, Sample::F32(0));
        let input = paint(spec, |_, x, _| match x {
            0..50 => f32::from(u8::from(x >= 23)),
            50..100 => (x / 3 % 2) as f32,
            _ => noise(0, x, 0).round(),
        });
        for sigma in [0.7, 1.5, 2.9, 3.0, 4.5, 8.0, 20.0, 90.0, 1000.0] {
            let out = done(&job(spec, sigma, None), &input);
            let bell = |d: i32| (-0.5 * (f64::from(d) / sigma).powi(2)).exp();
            let reach = (sigma * 6.0) as i32 + 1;
            let sum: f64 = (-reach..=reach).map(bell).sum();
            for x in 0..width {
                let sample = |k: i32| f64::from(at(&input, 0, (x + k).clamp(0, width - 1) as u32, 0));
                let want: f64 = (-reach..=reach).map(|k| bell(k) * sample(k)).sum::<f64>() / sum;
                let got = f64::from(at(&out, 0, x as u32, 1));
                assert!((got - want).abs() < 1.0 / 255.0, "σ {sigma} at {x}: {got} for {want}");
            }
        }
    }

    #[test]
    fn flat_stays_flat_and_sharpening_undoes_nothing_there() {
        let spec = yuv(70, 41, Sample::F32(8), (1, 1), Siting::Left);
        let input = paint(spec, |p, _, _| 90.0 + p as f32);
        for sigma in [0.5, 2.0, 7.0] {
            for sharpen in [None, Some(1.5)] {
                let out = done(&job(spec, sigma, sharpen), &input);
                let all = (0..3).flat_map(|p| (0..20).map(move |y| (p, y)));
                assert!(all.map(|(p, y)| at(&out, p, 3, y) - 90.0 - p as f32).all(|d| d.abs() < 1e-4));
            }
        }
        let step = paint(grey(40, 1, Sample::F32(8)), |_, x, _| if x < 20 { 50.0 } else { 150.0 });
        let blurred = done(&job(*step.spec(), 1.5, None), &step);
        let sharp = done(&job(*step.spec(), 1.5, Some(0.8)), &step);
        for x in 0..40 {
            let (was, soft) = (at(&step, 0, x, 0), at(&blurred, 0, x, 0));
            assert_eq!(at(&sharp, 0, x, 0), was + (was - soft) * 0.8f32);
        }
        assert!(at(&sharp, 0, 20, 0) > 165.0 && at(&sharp, 0, 19, 0) < 35.0);
    }

    /// The same blur in luma pixels on every plane.
    #[test]
    fn chroma_is_blurred_as_far_as_luma() {
        let spec = yuv(160, 96, Sample::F32(8), (1, 0), Siting::Center);
        let input = paint(spec, |p, x, _| if (if p == 0 { x } else { 2 * x }) < 80 { 20.0 } else { 220.0 });
        let out = done(&job(spec, 9.0, None), &input);
        for x in 10..70 {
            let luma = (at(&out, 0, 2 * x, 50) + at(&out, 0, 2 * x + 1, 50)) / 2.0;
            assert!((at(&out, 1, x, 50) - luma).abs() < 1.5, "{x}");
        }
    }

    #[test]
    fn threads_and_simd_do_not_show() {
        let spec = yuv(301, 222, Sample::F32(8), (1, 1), Siting::Left);
        let input = paint(spec, |p, x, y| noise(p, x, y) * 255.0);
        for sigma in [1.7, 12.0] {
            let job = job(spec, sigma, Some(0.5));
            let run = |threads, level| {
                on_threads(threads, || {
                    bits(&gaussian(&job, &input, level, PictureBuffer::new(spec)).freeze())
                })
            };
            let one = run(1, SimdLevel::Baseline);
            assert!(one == run(3, SimdLevel::Avx2) && one == run(2, SimdLevel::Avx512), "σ {sigma}");
        }
    }

    #[test]
    fn shaders_are_valid() {
        let spec = yuv(64, 48, Sample::F32(8), (1, 1), Siting::Left);
        let planes = PlaneLayout::packed(&spec).0;
        for (sigma, dispatches) in [(1.0, 9), (20.0, 15)] {
            let plan = plan(&job(spec, sigma, Some(1.0)), &planes, &planes);
            assert_eq!(plan.dispatches.len(), dispatches);
            validate(&plan);
        }
    }
}
