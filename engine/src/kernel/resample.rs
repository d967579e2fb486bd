//! Polyphase resampling: scaling, cropping, mirroring, quarter turns and fractional moves of a picture.
//!
//! In comes a picture of any layout and a [`ResampleJob`]; out comes one of floats on the scale of the input's codes,
//! chroma taken straight from its own grid to the output's. It knows nothing of why the geometry is what it is.

use super::coefficients::{Grid, Line, Table, coverage};
use super::rows::PlaneView;
use super::separable::{self, Finish, PlaneJob, PlaneOnGpu};
use super::{Dispatch, Floats, KernelPlan, KernelShader, PlaneLayout};
use crate::exec::job::ResampleJob;
use crate::exec::tile::SimdLevel;
use crate::picture::{Picture, PictureBuffer, PictureSpec};

/// The tables of one kind of plane.
struct Tables {
    across: Table,
    down: Table,
    /// The share of columns and rows inside the window, if that matters.
    shares: Option<(Vec<f32>, Vec<f32>)>,
}

impl Tables {
    /// For plane `index` of the output.
    fn new(job: &ResampleJob, input: &PictureSpec, index: usize) -> Tables {
        let to = &job.spec;
        let [mut from_x, mut from_y] = grids(input, index);
        let [to_x, to_y] = grids(to, index);
        let [x0, y0, x1, y1] = job.window;
        let (mut window_x, mut window_y) = ([x0, x1], [y0, y1]);
        let (mut columns, mut rows) = input.format.plane_size(index, input.width, input.height);
        if job.transpose {
            std::mem::swap(&mut from_x, &mut from_y);
            std::mem::swap(&mut window_x, &mut window_y);
            std::mem::swap(&mut columns, &mut rows);
        }
        let (width, height) = to.format.plane_size(index, to.width, to.height);
        let depth = input.format.sample.depth();
        let table = |axis, window, from, inputs, grid, outputs| {
            Table::resampling(&Line::new(axis, window, from, inputs, grid, outputs), job.filter, depth)
        };
        Tables {
            across: table(job.x, window_x, from_x, columns, to_x, width),
            down: table(job.y, window_y, from_y, rows, to_y, height),
            shares: job
                .coverage
                .then(|| (coverage(job.x, window_x, to_x, width), coverage(job.y, window_y, to_y, height))),
        }
    }

    fn factors(&self) -> Option<(&[f32], &[f32])> {
        self.shares.as_ref().map(|(across, down)| (across.as_slice(), down.as_slice()))
    }
}

/// The grids of a plane over the luma grid: across and down.
fn grids(spec: &PictureSpec, index: usize) -> [Grid; 2] {
    let format = spec.format;
    if !format.is_chroma(index) {
        return [Grid::LUMA; 2];
    }
    let (x, y) = spec.colour.siting.offset(format.log2_x, format.log2_y);
    [Grid { log2: format.log2_x, offset: x }, Grid { log2: format.log2_y, offset: y }]
}

/// What the planes of an output are made from.
struct Planes {
    /// Luma's (or red's and all others') tables, and chroma's where they differ.
    tables: Vec<Tables>,
    /// For each plane of the output: the input's plane, unless it is an alpha that the input lacks; and its tables.
    sources: Vec<(Option<usize>, usize)>,
    /// Whether planes that come from the input are scaled by coverage: they are where they are premultiplied. Codes of
    /// an opaque picture may not be (black is not 0 in all of them): they stay, beside an alpha that is the coverage.
    scaled: bool,
}

impl Planes {
    fn new(job: &ResampleJob, input: &PictureSpec) -> Planes {
        let (from, to) = (input.format, job.spec.format);
        let own_chroma =
            to.is_chroma(1) && [from.log2_x, from.log2_y, to.log2_x, to.log2_y].iter().any(|&log2| log2 != 0);
        let mut tables = vec![Tables::new(job, input, 0)];
        if own_chroma {
            tables.push(Tables::new(job, input, 1));
        }
        let colours = from.planes() - usize::from(from.alpha);
        let sources = (0..to.planes())
            .map(|i| {
                let alpha = to.alpha && i + 1 == to.planes();
                let source = if alpha { from.alpha.then_some(colours) } else { Some(i.min(colours - 1)) };
                (source, usize::from(own_chroma && to.is_chroma(i)))
            })
            .collect();
        Planes { tables, sources, scaled: from.alpha }
    }

    /// What planes that come from the input are scaled by.
    fn factors<'a>(&self, tables: &'a Tables) -> Option<(&'a [f32], &'a [f32])> {
        tables.factors().filter(|_| self.scaled)
    }
}

/// Resamples `input` into `out`, whose spec is the job's; in parallel on rayon's current pool.
pub fn resample(
    job: &ResampleJob,
    input: &Picture,
    level: SimdLevel,
    mut out: PictureBuffer,
) -> PictureBuffer {
    let planes = Planes::new(job, input.spec());
    let top = out.spec().format.sample.top();
    let strides: Vec<usize> = (0..planes.sources.len()).map(|i| out.stride(i) / 4).collect();
    let mut work = Vec::new();
    for ((bytes, stride), &(source, tables)) in out.planes_mut().into_iter().zip(strides).zip(&planes.sources)
    {
        let to: &mut [f32] = bytemuck::cast_slice_mut(bytes);
        let tables = &planes.tables[tables];
        match source {
            Some(source) => {
                let finish = match planes.factors(tables) {
                    Some((across, down)) => Finish::Scale { across, down },
                    None => Finish::Keep,
                };
                let (across, down) = (&tables.across, &tables.down);
                let input = PlaneView::of(input, source);
                work.push((PlaneJob { input, transpose: job.transpose, across, down, finish }, to, stride));
            }
            None => fill_alpha(to, stride, top, tables.factors()),
        }
    }
    separable::run(level, work);
    out
}

/// An alpha plane that comes from coverage alone.
fn fill_alpha(to: &mut [f32], stride: usize, top: f32, factors: Option<(&[f32], &[f32])>) {
    let Some((across, down)) = factors else {
        to.fill(top);
        return;
    };
    for (row, &down) in to.chunks_mut(stride).zip(down) {
        for (value, &across) in row.iter_mut().zip(across) {
            *value = top * (across * down);
        }
    }
}

const ALPHA: KernelShader = KernelShader {
    key: "kernel alpha",
    wgsl: r"
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> words: array<u32>;

// 0 columns, 1 rows, 2-3 the output's offset and stride, 4 full opacity; factors of columns, factors of rows.
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= words[0] || id.y >= words[1]) { return; }
    let factor = bitcast<f32>(words[5u + id.x]) * bitcast<f32>(words[5u + words[0] + id.y]);
    output[words[2] + id.y * words[3] + id.x] = bitcast<f32>(words[4]) * factor;
}
",
};

/// The same on a GPU: `from` and `to` say where the planes of input and output lie.
pub fn plan(job: &ResampleJob, input: &PictureSpec, from: &[PlaneLayout], to: &[PlaneLayout]) -> KernelPlan {
    let planes = Planes::new(job, input);
    let mut plan = KernelPlan::default();
    for (&(source, tables), &output) in planes.sources.iter().zip(to) {
        let tables = &planes.tables[tables];
        match source.and_then(|source| from.get(source)) {
            Some(&input) => separable::plan(
                &PlaneOnGpu {
                    input: (Floats::Input, input),
                    output: (Floats::Output, output),
                    transpose: job.transpose,
                    across: &tables.across,
                    down: &tables.down,
                    factors: planes.factors(tables),
                },
                &mut plan,
            ),
            None => plan.dispatches.push(plan_alpha(job.spec.format.sample.top(), output, tables.factors())),
        }
    }
    plan
}

fn plan_alpha(top: f32, to: PlaneLayout, factors: Option<(&[f32], &[f32])>) -> Dispatch {
    let mut params = vec![to.width, to.height, to.offset, to.stride, top.to_bits()];
    match factors {
        Some((across, down)) => params.extend(across.iter().chain(down).map(|f| f.to_bits())),
        None => params.extend((0..to.width + to.height).map(|_| 1.0f32.to_bits())),
    }
    let groups = [to.width.div_ceil(8), to.height.div_ceil(8)];
    Dispatch { shader: ALPHA, input: Floats::Input, output: Floats::Output, params, groups }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::Siting;
    use crate::exec::job::{Axis, Filter};
    use crate::kernel::fixtures::*;
    use crate::picture::Sample;

    const LEVELS: [SimdLevel; 3] = [SimdLevel::Baseline, SimdLevel::Avx2, SimdLevel::Avx512];

    /// The whole input over the whole output.
    fn fitted(input: &PictureSpec, spec: PictureSpec) -> ResampleJob {
        let axis = |from: u32, to: u32| Axis { step: f64::from(from) / f64::from(to), origin: 0.0 };
        ResampleJob {
            from: 0,
            to: 1,
            spec,
            transpose: false,
            x: axis(input.width, spec.width),
            y: axis(input.height, spec.height),
            window: [0.0, 0.0, f64::from(input.width), f64::from(input.height)],
            coverage: false,
            filter: Filter::Lanczos3,
        }
    }

    fn done(job: &ResampleJob, input: &Picture) -> Picture {
        resample(job, input, SimdLevel::Avx2, PictureBuffer::new(job.spec)).freeze()
    }

    #[test]
    fn flat_stays_flat_to_the_bit() {
        for (sample, code) in [(Sample::U8, 235.0), (Sample::U8, 113.0), (Sample::U16(10), 1019.0)] {
            let input = paint(yuv(64, 46, sample, (1, 1), Siting::Left), |_, _, _| code);
            for (w, h) in [(64, 46), (97, 61), (200, 31), (23, 17), (20, 90)] {
                for filter in [Filter::Lanczos3, Filter::Bilinear, Filter::Nearest] {
                    let spec = yuv(w, h, Sample::F32(sample.depth()), (1, 1), Siting::Left);
                    let out = done(&ResampleJob { filter, ..fitted(input.spec(), spec) }, &input);
                    assert!(bits(&out).iter().all(|&b| b == code.to_bits()), "{code} {w}×{h} {filter:?}");
                }
            }
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp() {
        let input = paint(grey(300, 40, Sample::F32(8)), |_, x, y| x as f32 * 0.5 + y as f32);
        for (w, h) in [(450, 60), (200, 27), (299, 41)] {
            let out = done(&fitted(input.spec(), grey(w, h, Sample::F32(8))), &input);
            for (x, y) in [(w / 2, h / 2), (w / 3, h / 2), (w - 40, h / 2)] {
                let at_x = (x as f32 + 0.5) * 300.0 / w as f32 - 0.5;
                let at_y = (y as f32 + 0.5) * 40.0 / h as f32 - 0.5;
                // Lanczos is not exactly linear: the first moment of its weights is off by up to 0.03.
                assert!((at(&out, 0, x, y) - (at_x * 0.5 + at_y)).abs() < 0.03, "{w}×{h} at {x}, {y}");
            }
        }
    }

    #[test]
    fn whole_shifts_crops_mirrors_and_turns_copy_samples() {
        let input =
            paint(yuv(40, 30, Sample::U8, (1, 1), Siting::Left), |p, x, y| (noise(p, x, y) * 255.0).floor());
        let luma = |x: u32, y: u32| (noise(0, x, y) * 255.0).floor();
        let spec = yuv(20, 16, Sample::F32(8), (0, 0), Siting::Left);
        let base = fitted(input.spec(), spec);
        let one = |origin: f64| Axis { step: 1.0, origin };
        let back = |origin: f64| Axis { step: -1.0, origin };
        let crop = done(&ResampleJob { x: one(6.0), y: one(4.0), ..base }, &input);
        let mirror = done(&ResampleJob { x: back(40.0), y: one(4.0), ..base }, &input);
        let turned = done(&ResampleJob { transpose: true, x: back(30.0), y: one(3.0), ..base }, &input);
        let edge = done(&ResampleJob { x: one(30.0), y: one(-5.0), ..base }, &input);
        for (x, y) in (0..16).flat_map(|y| (0..20).map(move |x| (x, y))) {
            assert_eq!(at(&crop, 0, x, y), luma(x + 6, y + 4));
            assert_eq!(at(&mirror, 0, x, y), luma(39 - x, y + 4));
            assert_eq!(at(&turned, 0, x, y), luma(y + 3, 29 - x));
            assert_eq!(at(&edge, 0, x, y), luma((x + 30).min(39), y.saturating_sub(5)));
        }
        let same = yuv(20, 16, Sample::F32(8), (1, 1), Siting::Left);
        let chroma = done(&ResampleJob { x: one(6.0), y: one(4.0), spec: same, ..base }, &input);
        assert_eq!(at(&chroma, 2, 5, 3), (noise(2, 8, 5) * 255.0).floor());
    }

    #[test]
    fn an_impulse_gives_the_filter() {
        let input = paint(grey(41, 1, Sample::F32(0)), |_, x, _| if x == 20 { 1.0 } else { 0.0 });
        let spec = grey(164, 1, Sample::F32(0));
        let out = done(&fitted(input.spec(), spec), &input);
        let sinc = |x: f64| {
            if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) }
        };
        let lanczos = |x: f64| if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
        for x in 0..164 {
            let at_x = (f64::from(x) + 0.5) / 4.0 - 0.5;
            let sum: f64 = (0..41).map(|k| lanczos(at_x - f64::from(k))).sum();
            let want = if (20.0..144.0).contains(&f64::from(x)) { lanczos(at_x - 20.0) / sum } else { 0.0 };
            assert!((f64::from(at(&out, 0, x, 0)) - want).abs() < 1e-6, "{x}");
        }
    }

    /// A vertical and a horizontal edge in the chroma stay where those of the luma are.
    #[test]
    fn chroma_stays_with_luma_at_every_siting() {
        for siting in [Siting::Left, Siting::Center, Siting::TopLeft] {
            let (dx, dy) = siting.offset(1, 1);
            // A diagonal ramp on the luma grid, in every plane at the plane's own places.
            let spec = yuv(96, 80, Sample::F32(8), (1, 1), siting);
            let input = paint(spec, |p, x, y| match p {
                0 => x as f32 + 2.0 * y as f32,
                _ => (2.0 * x as f32 + dx as f32) + 2.0 * (2.0 * y as f32 + dy as f32),
            });
            for (w, h, chroma, to) in [
                (144, 120, (0, 0), Siting::Left),
                (64, 60, (0, 0), siting),
                (144, 120, (1, 1), Siting::Center),
                (96, 80, (1, 0), Siting::Left),
            ] {
                let spec = yuv(w, h, Sample::F32(8), chroma, to);
                let mirrored = Axis { step: -96.0 / f64::from(w), origin: 96.0 };
                let plain = fitted(input.spec(), spec);
                for job in [plain, ResampleJob { x: mirrored, ..plain }] {
                    let out = done(&job, &input);
                    let (ox, oy) = to.offset(chroma.0, chroma.1);
                    let (cx, cy) = ((w / 2) >> chroma.0, (h / 2) >> chroma.1);
                    let x = (f64::from(cx << chroma.0) + ox + 0.5) * job.x.step + job.x.origin - 0.5;
                    let y = (f64::from(cy << chroma.1) + oy + 0.5) * job.y.step + job.y.origin - 0.5;
                    let got = f64::from(at(&out, 1, cx, cy));
                    assert!((got - (x + 2.0 * y)).abs() < 0.15, "{siting:?} to {to:?} {chroma:?}: {got}");
                }
            }
        }
    }

    #[test]
    fn mirrored_is_the_mirror_image() {
        let input = paint(yuv(60, 33, Sample::U8, (1, 1), Siting::Center), |p, x, y| noise(p, x, y) * 255.0);
        let spec = yuv(90, 44, Sample::F32(8), (0, 0), Siting::Center);
        let plain = fitted(input.spec(), spec);
        let flipped = ResampleJob {
            x: Axis { step: -plain.x.step, origin: 60.0 },
            y: Axis { step: -plain.y.step, origin: 33.0 },
            ..plain
        };
        let (a, b) = (done(&plain, &input), done(&flipped, &input));
        for (p, x, y) in (0..3).flat_map(|p| (0..44).flat_map(move |y| (0..90).map(move |x| (p, x, y)))) {
            assert!((at(&a, p, x, y) - at(&b, p, 89 - x, 43 - y)).abs() < 0.02, "plane {p} at {x}, {y}");
        }
    }

    #[test]
    fn coverage_is_the_share_of_the_pixel() {
        let spec = PictureSpec { width: 10, height: 8, ..rgba(10, 8) };
        let input = paint(spec, |_, _, _| 1.0);
        let job = ResampleJob {
            x: Axis { step: 1.0, origin: -3.25 },
            y: Axis { step: 2.0, origin: -1.0 },
            coverage: true,
            spec: rgba(20, 8),
            ..fitted(&spec, rgba(20, 8))
        };
        let out = done(&job, &input);
        let row: Vec<f32> = (0..20).map(|x| at(&out, 3, x, 2)).collect();
        let want: Vec<f32> = (0..20u32)
            .map(|x| {
                [(3, 0.75), (13, 0.25)]
                    .iter()
                    .find(|e| e.0 == x)
                    .map_or(f32::from(u8::from((4..13).contains(&x))), |e| e.1)
            })
            .collect();
        assert_eq!(row, want);
        assert_eq!([0, 4, 5].map(|y| at(&out, 3, 8, y)), [0.5, 0.5, 0.0]);
        assert_eq!(at(&out, 0, 3, 0), 0.375);
        // An input without alpha gets one, on the scale of its codes, and keeps its colour straight.
        let codes = paint(yuv(10, 8, Sample::U8, (1, 1), Siting::Left), |_, _, _| 200.0);
        let mut to = yuv(20, 8, Sample::F32(8), (0, 0), Siting::Left);
        to.format.alpha = true;
        let out = done(&ResampleJob { spec: to, ..job }, &codes);
        assert_eq!((at(&out, 3, 3, 2), at(&out, 1, 3, 2), at(&out, 0, 2, 2)), (191.25, 200.0, 200.0));
    }

    /// A zone plate made three times smaller: what the output cannot show is gone, what it can is there.
    #[test]
    fn scaling_down_does_not_alias() {
        let size = 384u32;
        let wave = |x: f64, y: f64, size: f64| {
            // From 0 at the centre to half a cycle a pixel at the end of each axis.
            let r2 = (x - size / 2.0).powi(2) + (y - size / 2.0).powi(2);
            (std::f64::consts::PI * r2 / size).cos()
        };
        let input = paint(grey(size, size, Sample::F32(8)), |_, x, y| {
            (127.5 + 127.5 * wave(f64::from(x) + 0.5, f64::from(y) + 0.5, f64::from(size))) as f32
        });
        let out = done(&fitted(input.spec(), grey(128, 128, Sample::F32(8))), &input);
        // At distance d of 64 the frequency is 9·d/384 cycles an output pixel; it reaches ½ at d = 21.3.
        for x in 0..128u32 {
            let d = (f64::from(x) + 0.5 - 64.0).abs();
            let got = f64::from(at(&out, 0, x, 64));
            let want = 127.5 + 127.5 * wave((f64::from(x) + 0.5) * 3.0, 64.5 * 3.0, f64::from(size));
            if d < 12.0 {
                assert!((got - want).abs() < 8.0, "passband at {x}: {got} for {want}");
            } else if d > 36.0 {
                assert!((got - 127.5).abs() < 6.0, "alias at {x}: {got}");
            }
        }
    }

    #[test]
    fn threads_and_simd_do_not_show() {
        let input =
            paint(yuv(333, 200, Sample::U16(10), (1, 1), Siting::Left), |p, x, y| noise(p, x, y) * 1023.0);
        for (w, h, transpose) in [(500, 301, false), (201, 120, false), (333, 77, false), (150, 290, true)] {
            let spec = yuv(w, h, Sample::F32(10), (1, 1), Siting::Left);
            let job = ResampleJob { transpose, ..fitted(input.spec(), spec) };
            let one = bits(&on_threads(1, || {
                resample(&job, &input, SimdLevel::Baseline, PictureBuffer::new(spec)).freeze()
            }));
            for level in LEVELS {
                let many = on_threads(3, || resample(&job, &input, level, PictureBuffer::new(spec)).freeze());
                assert!(bits(&many) == one, "{w}×{h} {level:?}");
            }
        }
    }

    #[test]
    fn wild_geometry_is_finite_work() {
        let input = paint(yuv(9, 7, Sample::U8, (1, 1), Siting::Left), |_, _, _| 50.0);
        let spec = yuv(5, 5, Sample::F32(8), (1, 1), Siting::Left);
        for (step, origin) in [(1e12, 0.0), (0.0, 3.0), (f64::NAN, 0.0), (1.0, -1e15), (1.0, f64::INFINITY)] {
            for window in
                [[0.0, 0.0, 9.0, 7.0], [3.2, 2.0, 3.2, 2.0], [-5.0, -5.0, 500.0, 500.0], [f64::NAN; 4]]
            {
                let axis = Axis { step, origin };
                let job =
                    ResampleJob { x: axis, y: axis, window, coverage: true, ..fitted(input.spec(), spec) };
                assert!(
                    bits(&done(&job, &input)).iter().all(|&b| f32::from_bits(b).is_finite()),
                    "{axis:?} {window:?}"
                );
            }
        }
    }

    #[test]
    fn shaders_are_valid() {
        let input = yuv(64, 48, Sample::U8, (1, 1), Siting::Left);
        let mut to = yuv(96, 60, Sample::F32(8), (0, 0), Siting::Left);
        to.format.alpha = true;
        let job = ResampleJob { coverage: true, ..fitted(&input, to) };
        let plan = plan(&job, &input, &PlaneLayout::packed(&input).0, &PlaneLayout::packed(&to).0);
        assert_eq!((plan.dispatches.len(), plan.intermediates.len()), (7, 3));
        validate(&plan);
    }
}
