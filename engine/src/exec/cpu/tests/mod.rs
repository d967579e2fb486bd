//! The executor against its definitions.

mod reference;

use std::sync::Arc;

use self::reference::{Function, Over, assert_close, packed, picture, planes, step};
use super::*;
use crate::colour::{Affine, ColourSpec, Siting, codes_to_rgb, rgb_to_codes};
use crate::exec::job::{Axis, Filter, GaussianJob, LoadUniforms, Op, PassJob, PassStructure, ResampleJob};
use crate::picture::{Model, PictureSpec, PixelFormat, Sample};

const LEVELS: [SimdLevel; 3] = [SimdLevel::Baseline, SimdLevel::Avx2, SimdLevel::Avx512];

/// Reproducible numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
    fn share(&mut self) -> f64 {
        self.below(1 << 20) as f64 / f64::from(1 << 20)
    }
}

fn format(model: Model, sample: Sample, log2: (u8, u8), alpha: bool) -> PixelFormat {
    PixelFormat { model, sample, log2_x: log2.0, log2_y: log2.1, alpha }
}

fn all_formats() -> Vec<PixelFormat> {
    let mut all = Vec::new();
    let samples =
        [Sample::U8, Sample::U16(10), Sample::U16(12), Sample::U16(16), Sample::F32(10), Sample::F32(0)];
    for sample in samples {
        for alpha in [false, true] {
            for log2 in [(1, 1), (1, 0), (0, 0), (0, 1), (2, 0), (2, 2)] {
                if sample.depth() > 0 {
                    all.push(format(Model::Yuv, sample, log2, alpha));
                }
            }
            all.push(format(Model::Rgb, sample, (0, 0), alpha));
            all.push(format(Model::Grey, sample, (0, 0), alpha));
        }
    }
    all
}

fn spec(width: u32, height: u32, format: PixelFormat) -> PictureSpec {
    let colour = if format.model == Model::Rgb { ColourSpec::SRGB } else { ColourSpec::BT709 };
    PictureSpec { width, height, format, colour, premultiplied: false }
}

fn noise(spec: PictureSpec, random: &mut Random) -> Picture {
    let top = f64::from(spec.format.sample.top());
    picture(spec, |_, _, _| match spec.format.sample {
        Sample::F32(_) => f64::from((random.share() * top) as f32),
        _ => (random.share() * (top + 1.0)).floor(),
    })
}

fn siting(colour: Siting, format: PixelFormat) -> (f32, f32) {
    let (x, y) = colour.offset(format.log2_x, format.log2_y);
    (x as f32, y as f32)
}

fn whole(spec: &PictureSpec) -> LoadUniforms {
    LoadUniforms { x: 0, y: 0, touch: [0, 0, spec.width as i32, spec.height as i32] }
}

fn to_rgb(spec: &PictureSpec) -> Vec<f32> {
    packed(&codes_to_rgb(&spec.colour, spec.format.sample.depth()))
}

fn to_codes(spec: &PictureSpec) -> Vec<f32> {
    packed(&rgb_to_codes(&spec.colour, spec.format.sample.depth()))
}

/// A pass being put together.
struct Builder {
    ops: Vec<Op>,
    uniforms: Vec<f32>,
    inputs: Vec<Picture>,
    siting: Siting,
}

impl Builder {
    fn new(siting: Siting) -> Self {
        Builder { ops: Vec::new(), uniforms: Vec::new(), inputs: Vec::new(), siting }
    }

    fn op(&mut self, op: Op, uniforms: &[f32]) {
        self.ops.push(op);
        self.uniforms.extend(uniforms);
    }

    fn load(&mut self, input: &Picture, place: LoadUniforms, skip_to: Option<usize>) {
        self.op(Op::Load { input: self.inputs.len(), skip_to }, &place.pack());
        self.op(Op::Affine { conversion: true }, &to_rgb(input.spec()));
        self.inputs.push(input.clone());
    }

    fn finish(
        mut self,
        spec: PictureSpec,
        difference: Option<usize>,
        dither: bool,
    ) -> (PassJob, Vec<Picture>) {
        self.op(Op::Affine { conversion: true }, &to_codes(&spec));
        let formats: Vec<PixelFormat> = self.inputs.iter().map(|p| p.spec().format).collect();
        let siting = formats.iter().chain([&spec.format]).map(|f| siting(self.siting, *f)).collect();
        let structure =
            PassStructure { inputs: formats, output: spec.format, siting, ops: self.ops, difference, dither };
        let inputs = (0..self.inputs.len()).collect();
        let to = self.inputs.len();
        (PassJob { structure: Arc::new(structure), uniforms: self.uniforms, inputs, to, spec }, self.inputs)
    }
}

fn render(threads: usize, level: SimdLevel, job: &PassJob, inputs: &[Picture]) -> Picture {
    let mut stages: Vec<Stage> =
        inputs.iter().enumerate().map(|(to, p)| Stage::Input { to, picture: p.clone() }).collect();
    stages.push(Stage::Pass(job.clone()));
    let job = FrameJob { stages, slots: inputs.len() + 1, output: inputs.len() };
    CpuExecutor::new(threads, level).unwrap().submit(job).unwrap().unwrap()
}

fn unchanged(px: [f64; 4], _: &[f32], _: f64, _: f64) -> [f64; 4] {
    px
}

fn coloured(px: [f64; 4], u: &[f32], x: f64, y: f64) -> [f64; 4] {
    let k = f64::from(u[0]);
    [px[0] * k + px[1] * (1.0 - k), px[1] + (x - 3.0 * y) * 1e-3, 1.0 - px[2] * k, px[3]]
}

const NO_PLACE: [f32; 4] = [0.0; 4];

#[test]
fn a_pass_that_changes_nothing_keeps_every_sample_of_every_format() {
    let mut random = Random(1);
    for format in all_formats().into_iter().filter(|f| !matches!(f.sample, Sample::F32(_))) {
        let spec = spec(300, 70, format);
        let input = noise(spec, &mut random);
        for siting in [Siting::Left, Siting::Center, Siting::TopLeft] {
            let mut pass = Builder::new(siting);
            pass.load(&input, whole(&spec), None);
            pass.op(step(unchanged, 0), &NO_PLACE);
            // Nothing is deeper than 16 bits, so nothing is dithered to them.
            let (job, inputs) = pass.finish(spec, Some(0), format.sample.depth() < 16);
            let output = render(1, SimdLevel::Avx2, &job, &inputs);
            assert!(planes(&output) == planes(&input), "{format:?} {siting:?}");
        }
    }
}

#[test]
fn untouched_frames_are_handed_on_and_untouched_tiles_copied() {
    let mut random = Random(2);
    let frame = spec(700, 200, PixelFormat::YUV420P);
    let base = noise(frame, &mut random);
    let layer = picture(spec(9, 7, PixelFormat::RGBA_F32), |plane, _, _| if plane == 3 { 1.0 } else { 0.7 });
    let run = |touch: [i32; 4]| {
        let mut pass = Builder::new(Siting::Left);
        pass.load(&base, whole(&frame), None);
        pass.load(&layer, LoadUniforms { x: touch[0], y: touch[1], touch }, Some(5));
        pass.op(Op::Combine(Arc::new(Over)), &NO_PLACE);
        let (job, inputs) = pass.finish(frame, Some(0), false);
        render(2, SimdLevel::Avx2, &job, &inputs)
    };
    assert!(run([0; 4]).same_memory(&base));
    let (old, new) = (planes(&base), planes(&run([255, 63, 264, 70])));
    for plane in 0..3 {
        let log2 = u32::from(plane > 0);
        for (y, (old, new)) in old[plane].iter().zip(&new[plane]).enumerate() {
            for (x, (old, new)) in old.iter().zip(new).enumerate() {
                let (x, y) = ((x << log2) as i32, (y << log2) as i32);
                let reach = if plane == 0 { 0 } else { 2 };
                let near = (255 - reach..264 + reach).contains(&x) && (63 - reach..70 + reach).contains(&y);
                assert!(near || old == new, "plane {plane} ({x}, {y})");
            }
        }
    }
    assert_eq!(new[0][66][258], (16.0 + 219.0 * 0.7f64).round());
}

#[test]
fn a_base_that_nobody_else_holds_is_drawn_into_and_no_other() {
    let mut random = Random(7);
    let layer = picture(spec(40, 30, PixelFormat::RGBA_F32), |plane, x, _| match plane {
        3 => f64::from(x) / 40.0,
        _ => 0.7,
    });
    for format in [
        PixelFormat::YUV420P,
        format(Model::Yuv, Sample::U16(10), (1, 0), false),
        format(Model::Yuv, Sample::U8, (2, 2), true),
        PixelFormat::RGBA_U8,
    ] {
        for (x, y) in [(0, 0), (100, 120), (255, 62), (521, 377)] {
            let frame = spec(561, 407, format);
            let base = noise(frame, &mut random);
            let run = |base: Picture| {
                let mut pass = Builder::new(Siting::Left);
                pass.load(&base, whole(&frame), None);
                let touch = [x, y, x + 40, y + 30];
                pass.load(&layer, LoadUniforms { x, y, touch }, Some(5));
                pass.op(Op::Combine(Arc::new(Over)), &NO_PLACE);
                let (job, inputs) = pass.finish(frame, Some(0), false);
                drop(base);
                let mut stages: Vec<Stage> = inputs
                    .into_iter()
                    .enumerate()
                    .map(|(to, picture)| Stage::Input { to, picture })
                    .collect();
                stages.push(Stage::Pass(job));
                let job = FrameJob { stages, slots: 3, output: 2 };
                CpuExecutor::new(2, SimdLevel::active()).unwrap().submit(job).unwrap().unwrap()
            };
            let (before, memory) = (planes(&base), base.row(0, 0).as_ptr());
            let shared = run(base.clone());
            assert!(planes(&base) == before, "{format:?}: a picture that is held elsewhere has changed");
            assert_ne!(shared.row(0, 0).as_ptr(), memory);
            let drawn = run(base);
            assert_eq!(drawn.row(0, 0).as_ptr(), memory, "{format:?}");
            assert!(planes(&drawn) == planes(&shared), "{format:?} at {x}, {y}");
            assert!(planes(&drawn) != before);
        }
    }
}

#[test]
fn a_picture_that_a_later_stage_reads_is_not_drawn_into() {
    let frame = spec(64, 256, PixelFormat::YUV420P);
    let base = noise(frame, &mut Random(8));
    let before = planes(&base);
    let layer = picture(spec(4, 4, PixelFormat::RGBA_F32), |_, _, _| 1.0);
    let mut pass = Builder::new(Siting::Left);
    pass.load(&base, whole(&frame), None);
    pass.load(&layer, LoadUniforms { x: 8, y: 8, touch: [8, 8, 12, 12] }, Some(5));
    pass.op(Op::Combine(Arc::new(Over)), &NO_PLACE);
    let (pass, _) = pass.finish(frame, Some(0), false);
    let stages = vec![
        Stage::Input { to: 0, picture: base },
        Stage::Input { to: 1, picture: layer },
        Stage::Pass(pass),
        Stage::Affine { from: 0, to: 3, matrix: Affine::IDENTITY, spec: frame },
    ];
    let job = FrameJob { stages, slots: 4, output: 3 };
    let output = CpuExecutor::new(1, SimdLevel::active()).unwrap().submit(job).unwrap().unwrap();
    assert!(planes(&output) == before);
}

#[test]
fn a_change_of_alpha_is_no_copy() {
    let straight = spec(4, 4, PixelFormat::RGBA_U8);
    let multiplied = PictureSpec { premultiplied: true, ..straight };
    let base = picture(multiplied, |plane, _, _| if plane == 3 { 51.0 } else { 20.0 });
    let mut pass = Builder::new(Siting::Left);
    pass.load(&base, whole(&straight), None);
    pass.op(Op::Unpremultiply, &[]);
    let (job, inputs) = pass.finish(straight, Some(0), false);
    let output = render(1, SimdLevel::Avx2, &job, &inputs);
    assert_eq!([0, 1, 2, 3].map(|plane| output.row(plane, 0)[0]), [100, 100, 100, 51]);
}

/// A pass of random layers, formats, places and steps.
fn random_pass(random: &mut Random) -> (PassJob, Vec<Picture>, Vec<Function>) {
    let sizes = [1u32, 2, 3, 5, 16, 63, 64, 65, 127, 129, 255, 256, 257, 511];
    let (mut width, height) = (random.of(&sizes), random.of(&sizes[..12]));
    if height > 70 {
        width = width.min(65);
    }
    let formats = all_formats();
    let frame = spec(width, height, random.of(&formats));
    let siting = random.of(&[Siting::Left, Siting::Center, Siting::TopLeft]);
    let difference = random.below(2) == 0;
    let mut pass = Builder::new(siting);
    let mut functions: Vec<Function> = Vec::new();
    let base_format = if difference { frame.format } else { random.of(&formats) };
    let base = noise(spec(width, height, base_format), random);
    pass.load(&base, whole(&frame), None);
    if random.below(3) == 0 {
        pass.op(step(coloured, 1), &[0.0, 0.0, width as f32, height as f32, 0.8]);
        functions.push(coloured);
    }
    pass.op(Op::Premultiply, &[]);
    for _ in 0..random.below(3) {
        let (w, h) = (random.of(&sizes).min(200), random.of(&sizes).min(40));
        let layer = noise(spec(w, h, random.of(&formats)), random);
        let x = random.below(u64::from(width + w)) as i32 - w as i32;
        let y = random.below(u64::from(height + h)) as i32 - h as i32;
        let own = [x.max(0), y.max(0), (x + w as i32).min(width as i32), (y + h as i32).min(height as i32)];
        let touch = if own[0] < own[2] && own[1] < own[3] { own } else { [0; 4] };
        let skip = (random.below(2) == 0).then_some(pass.ops.len() + 5);
        pass.load(&layer, LoadUniforms { x, y, touch }, skip);
        pass.op(step(coloured, 1), &[x as f32, y as f32, w as f32, h as f32, 0.3]);
        functions.push(coloured);
        pass.op(Op::Premultiply, &[]);
        pass.op(Op::Combine(Arc::new(Over)), &NO_PLACE);
    }
    pass.op(Op::Unpremultiply, &[]);
    let dither = frame.format.sample.bytes() < 4 && random.below(3) == 0;
    let (job, inputs) = pass.finish(frame, difference.then_some(0), dither);
    (job, inputs, functions)
}

#[test]
fn random_passes_are_what_the_definitions_say_for_any_threads_and_level() {
    let mut random = Random(3);
    for case in 0..150 {
        let (job, inputs, functions) = random_pass(&mut random);
        let picture = render(1, SimdLevel::Avx2, &job, &inputs);
        let float = matches!(job.spec.format.sample, Sample::F32(_));
        let tolerance = match job.spec.format.sample {
            Sample::U16(16) => 0.6,
            Sample::F32(_) => f64::from(job.spec.format.sample.top()) / 1024.0,
            _ => 0.505,
        };
        let expected = reference::pass(&job, &inputs, &functions);
        // Dividing by next to no alpha magnifies the noise of f32 without bound: such pictures are not compared.
        let faint = inputs.iter().any(|p| p.spec().format.alpha);
        if !faint || !float {
            assert_close(&picture, &expected, if faint { 1.0 } else { tolerance }, &format!("case {case}"));
        }
        let bits = |p: &Picture| -> Vec<Vec<u8>> {
            let rows = |plane| (0..p.plane_size(plane).1).map(move |y| (plane, y));
            (0..p.spec().format.planes()).flat_map(rows).map(|(plane, y)| p.row(plane, y).to_vec()).collect()
        };
        for (threads, level) in [(2, LEVELS[0]), (5, LEVELS[2])] {
            assert!(bits(&render(threads, level, &job, &inputs)) == bits(&picture), "case {case} {level:?}");
        }
    }
}

fn apply(input: &Picture, matrix: &Affine) -> Picture {
    let stages = vec![
        Stage::Input { to: 0, picture: input.clone() },
        Stage::Affine { from: 0, to: 1, matrix: *matrix, spec: *input.spec() },
    ];
    let job = FrameJob { stages, slots: 2, output: 1 };
    CpuExecutor::new(2, SimdLevel::Avx512).unwrap().submit(job).unwrap().unwrap()
}

#[test]
fn affine_maps_share_fill_scale_and_mix_planes() {
    let mut random = Random(4);
    let keep = Affine::IDENTITY.0;
    let [grey, scaled] = [[0.0, 0.0, 0.0, 128.25], [0.0, 0.4, 0.0, 70.0]];
    let mixed = [[0.8, 0.2, -0.1, 9.0], [-0.2, 0.7, 0.1, 60.0], [0.3, 0.0, 0.0, 90.0]];
    let matrices = [
        [keep[0], grey, grey],
        [keep[0], scaled, keep[2]],
        mixed,
        [mixed[0], grey, keep[2]],
        [keep[0], keep[1], mixed[2]],
    ];
    for format in all_formats().into_iter().filter(|f| f.model == Model::Yuv) {
        for (case, matrix) in matrices.into_iter().enumerate() {
            let (width, height) = (random.of(&[1, 3, 64, 255, 300]), random.of(&[1, 2, 67, 129]));
            let input = noise(spec(width, height, format), &mut random);
            let offset = siting(input.spec().colour.siting, format);
            let offset = (f64::from(offset.0), f64::from(offset.1));
            let own = planes(&input);
            let mut expected = own.clone();
            for (plane, row) in matrix.iter().enumerate() {
                for y in 0..own[plane].len() {
                    for x in 0..own[plane][y].len() {
                        let (i, j) = (x as i64, y as i64);
                        let c = if plane == 0 {
                            reference::load(&own, format, offset, i, j)
                        } else {
                            [reference::down(&own[0], format, offset, i, j), own[1][y][x], own[2][y][x], 0.0]
                        };
                        expected[plane][y][x] = c[0] * row[0] + c[1] * row[1] + c[2] * row[2] + row[3];
                    }
                }
            }
            let output = apply(&input, &Affine(matrix));
            let tolerance = if matches!(format.sample, Sample::F32(_)) { 1e-3 } else { 0.51 };
            assert_close(&output, &expected, tolerance, &format!("matrix {case}"));
            for plane in (0..3).filter(|plane| matrix[*plane] == keep[*plane]) {
                assert_eq!(output.row(plane, 0).as_ptr(), input.row(plane, 0).as_ptr(), "shared");
            }
        }
    }
}

#[test]
fn broken_jobs_are_errors() {
    let frame = spec(8, 8, PixelFormat::YUV420P);
    let base = noise(frame, &mut Random(5));
    let mut pass = Builder::new(Siting::Left);
    pass.load(&base, whole(&frame), None);
    let (good, inputs) = pass.finish(frame, Some(0), false);
    let mut executor = CpuExecutor::new(1, SimdLevel::Baseline).unwrap();
    let mut submit = |job: PassJob, slots: usize| {
        let stages = vec![Stage::Input { to: 0, picture: inputs[0].clone() }, Stage::Pass(job)];
        executor.submit(FrameJob { stages, slots, output: 1 }).err()
    };
    assert_eq!(submit(good.clone(), 2), None);
    assert!(submit(good.clone(), 1).is_some(), "a slot too few");
    assert!(submit(PassJob { uniforms: vec![0.0; 7], ..good.clone() }, 2).is_some(), "uniforms too few");
    assert!(submit(PassJob { inputs: vec![], ..good }, 2).is_some(), "an input too few");
}

#[test]
fn kernels_run_as_stages() {
    let small = spec(40, 30, PixelFormat::YUV420P);
    let float = |width, height| {
        spec(
            width,
            height,
            PixelFormat { sample: Sample::F32(8), log2_x: 0, log2_y: 0, ..PixelFormat::YUV420P },
        )
    };
    let flat = picture(small, |plane, _, _| [90.0, 110.0, 140.0][plane]);
    let axis = |step| Axis { step, origin: 0.0 };
    let stages = vec![
        Stage::Input { to: 0, picture: flat.clone() },
        Stage::Resample(ResampleJob {
            from: 0,
            to: 1,
            spec: float(80, 60),
            transpose: false,
            x: axis(0.5),
            y: axis(0.5),
            window: [0.0, 0.0, 40.0, 30.0],
            coverage: false,
            filter: Filter::Lanczos3,
        }),
        Stage::Gaussian(GaussianJob { from: 1, to: 2, spec: float(80, 60), sigma: 2.5, sharpen: None }),
    ];
    let mut executor = CpuExecutor::new(2, SimdLevel::active()).unwrap();
    let output = executor.submit(FrameJob { stages, slots: 3, output: 2 }).unwrap().unwrap();
    assert_close(&output, &planes(&picture(float(80, 60), |p, _, _| [90.0, 110.0, 140.0][p])), 1e-3, "flat");
    let wrong = GaussianJob { from: 0, to: 1, spec: small, sigma: 1.0, sharpen: None };
    let stages = vec![Stage::Input { to: 0, picture: flat }, Stage::Gaussian(wrong)];
    assert!(executor.submit(FrameJob { stages, slots: 2, output: 1 }).is_err(), "codes are no floats");
}
