//! The same jobs on both executors: at most 2⁻¹⁰ of the range before quantising, at most one code after.

use super::*;
use crate::effect::blend::{blend, mix};
use crate::effect::cases::BLENDS;
use crate::effect::registry::effects;
use crate::effect::{Argument, FrameContext, Machine};
use crate::exec::cpu::CpuExecutor;
use vfxb_dsl::script::Blend;
use vfxb_dsl::value::Colour;
use vfxb_dsl::vocabulary::{FieldSpec, FieldType};

#[test]
fn no_change_is_exactly_no_change_in_every_format_and_size() {
    let mut gpu = executor();
    let mut random = Random(1);
    for format in FORMATS {
        for (width, height) in [(1, 1), (2, 2), (17, 9), (64, 70), (33, 35), (48, 33)] {
            let picture = noise(spec(format, width, height), &mut random);
            let out = render(&mut gpu, gained(&picture, *picture.spec(), 1.0, true));
            let worst =
                samples(&picture).iter().zip(samples(&out)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let allowed = if matches!(format.sample, Sample::F32(_)) { 1e-4 } else { 0.0 };
            assert!(worst <= allowed, "{format:?} {width}×{height}: {worst}");
        }
    }
}

fn reference() -> CpuExecutor {
    CpuExecutor::new(1, SimdLevel::Avx2).unwrap()
}

/// What the two may differ by.
fn allowed(format: PixelFormat) -> f32 {
    match format.sample {
        Sample::F32(_) => format.sample.top() / 1024.0,
        _ => 1.0,
    }
}

fn compare(gpu: &mut GpuExecutor, cpu: &mut CpuExecutor, job: &FrameJob, what: &str) {
    let (a, b) = (render(gpu, job.clone()), render(cpu, job.clone()));
    let (worst, allowed) = (worst(&a, &b), allowed(a.spec().format));
    assert!(worst <= allowed, "{what}: {worst} > {allowed}");
}

/// A pass being put together.
#[derive(Default)]
struct Builder {
    inputs: Vec<Picture>,
    ops: Vec<Op>,
    uniforms: Vec<f32>,
}

impl Builder {
    /// Loads a picture as premultiplied RGB.
    fn load(&mut self, picture: &Picture, load: LoadUniforms, skip: bool) -> usize {
        let spec = *picture.spec();
        let at = self.ops.len();
        self.uniforms.extend(load.pack());
        self.ops.push(Op::Load { input: self.inputs.len(), skip_to: skip.then_some(usize::MAX) });
        self.inputs.push(picture.clone());
        self.affine(&codes_to_rgb(&spec.colour, spec.format.sample.depth()), true);
        self.ops.push(Op::Premultiply);
        at
    }

    fn affine(&mut self, matrix: &Affine, conversion: bool) {
        self.uniforms.extend(rows(matrix));
        self.ops.push(Op::Affine { conversion });
    }

    fn place(&mut self, place: [f32; 4], own: &[f32]) {
        self.uniforms.extend(place);
        self.uniforms.extend(own);
    }

    /// The job, stored as `output`.
    fn finish(mut self, output: PictureSpec, difference: Option<usize>, dither: bool) -> FrameJob {
        self.ops.push(Op::Unpremultiply);
        self.affine(&rgb_to_codes(&output.colour, output.format.sample.depth()), true);
        let specs = self.inputs.iter().map(|p| *p.spec());
        let structure = PassStructure {
            inputs: specs.clone().map(|s| s.format).collect(),
            output: output.format,
            siting: specs.chain([output]).map(|s| siting(&s)).collect(),
            ops: self.ops,
            difference,
            dither,
        };
        let count = self.inputs.len();
        let inputs = self.inputs.into_iter().enumerate();
        let mut stages: Vec<_> = inputs.map(|(to, picture)| Stage::Input { to, picture }).collect();
        stages.push(Stage::Pass(PassJob {
            structure: Arc::new(structure),
            uniforms: self.uniforms,
            inputs: (0..count).collect(),
            to: count,
            spec: output,
        }));
        FrameJob { stages, slots: count + 1, output: count }
    }
}

fn everywhere(spec: &PictureSpec) -> LoadUniforms {
    LoadUniforms { x: 0, y: 0, touch: [0, 0, spec.width as i32, spec.height as i32] }
}

/// A random value of a parameter's type, or one of its ends.
fn argument(field: &FieldSpec, random: &mut Random) -> Argument {
    let share = match random.below(4) {
        0 => random.below(2) as f64,
        _ => f64::from(random.share()),
    };
    match field.ty {
        FieldType::Number { min, max } => {
            Argument::Number(min.max(-4.0) + (max.min(4.0) - min.max(-4.0)) * share)
        }
        FieldType::Integer { min, max } => {
            Argument::Integer(min + ((max - min).min(100) as f64 * share) as i64)
        }
        FieldType::Angle => Argument::Number(share * 720.0 - 360.0),
        FieldType::Temperature => Argument::Number(1500.0 + share * 10_000.0),
        FieldType::Length(_) => Argument::Length(share * 40.0),
        FieldType::Point(_) | FieldType::Position => {
            Argument::Point([share * 60.0, f64::from(random.share()) * 40.0])
        }
        FieldType::Boolean => Argument::Boolean(share > 0.5),
        FieldType::Word(words) => Argument::Word(random.below(words.len() as u64) as usize),
        FieldType::Colour => {
            Argument::Colour(Colour { r: random.share(), g: random.share(), b: random.share(), a: 1.0 })
        }
        _ => Argument::Absent,
    }
}

/// Colours at and about the places where pixel functions break: black, white, equal channels, steps of a code,
/// beyond the range; and random ones.
fn breakpoints(random: &mut Random) -> Picture {
    const VALUES: [f32; 12] =
        [0.0, 1.0, 0.5, 0.25, 0.75, 1.0 / 255.0, 254.0 / 255.0, 0.04045, 0.333_333_34, 0.001, -0.1, 1.2];
    let spec = spec(PixelFormat::RGBA_F32, 61, 37);
    let mut buffer = PictureBuffer::new(spec);
    for (index, plane) in buffer.planes_mut().into_iter().enumerate() {
        for v in bytemuck::cast_slice_mut::<u8, f32>(plane) {
            let value = if random.below(3) == 0 { random.share() } else { VALUES[random.below(12) as usize] };
            *v = if index == 3 { value.clamp(0.0, 1.0) } else { value };
        }
    }
    buffer.freeze()
}

#[test]
fn every_effect_and_transition_of_the_registry_agrees() {
    let (mut gpu, mut cpu, mut random) = (executor(), reference(), Random(2));
    let context = FrameContext { frame: 7, time: 0.3, width: 61, height: 37 };
    let place = [0.0, 0.0, 61.0, 37.0];
    for effect in effects() {
        for round in 0..6 {
            let arguments: Vec<_> = effect.spec.params.iter().map(|f| argument(f, &mut random)).collect();
            let (mut builder, mut numbers) = (Builder::default(), Vec::new());
            let picture = breakpoints(&mut random);
            builder.load(&picture, everywhere(picture.spec()), false);
            match effect.machine {
                Machine::Affine(matrix) => builder.affine(&matrix(&arguments, &context), false),
                Machine::Pixel { bind, prepare } => {
                    let step = bind(&arguments);
                    prepare(&arguments, &context, &mut numbers);
                    assert_eq!(step.uniforms(), numbers.len());
                    let straight = step.alpha() == Alpha::Straight;
                    builder.ops.extend(straight.then_some(Op::Unpremultiply));
                    builder.ops.push(Op::Step(step));
                    builder.place(place, &numbers);
                    builder.ops.extend(straight.then_some(Op::Premultiply));
                }
                Machine::Transition { bind, prepare, .. } => {
                    let above = breakpoints(&mut random);
                    builder.load(&above, everywhere(above.spec()), false);
                    builder.ops.push(Op::Combine(bind(&arguments)));
                    let progress = [0.0, 1.0, f64::from(random.share())][round % 3];
                    prepare(&arguments, progress, &context, &mut numbers);
                    builder.place(place, &numbers);
                }
                Machine::Kernel(_) => continue,
            }
            for format in [PixelFormat::RGBA_F32, PixelFormat::RGBA_U8] {
                let again = Builder {
                    inputs: builder.inputs.clone(),
                    ops: builder.ops.clone(),
                    uniforms: builder.uniforms.clone(),
                };
                let job = again.finish(spec(format, 61, 37), None, false);
                compare(&mut gpu, &mut cpu, &job, &format!("{} {arguments:?}", effect.spec.name));
            }
        }
    }
}

#[test]
fn every_blend_agrees() {
    let (mut gpu, mut cpu, mut random) = (executor(), reference(), Random(3));
    for combine in BLENDS.map(blend).into_iter().chain([mix()]) {
        let mut builder = Builder::default();
        for _ in 0..2 {
            let picture = breakpoints(&mut random);
            builder.load(&picture, everywhere(picture.spec()), false);
        }
        let key = combine.key();
        builder.ops.push(Op::Combine(combine));
        builder.place([0.0, 0.0, 61.0, 37.0], &[random.share()]);
        let job = builder.finish(spec(PixelFormat::RGBA_F32, 61, 37), None, false);
        compare(&mut gpu, &mut cpu, &job, &key);
    }
}

#[test]
fn what_is_left_of_a_base_agrees_for_every_blend() {
    let (mut gpu, mut cpu, mut random) = (executor(), reference(), Random(5));
    for combine in BLENDS.map(blend).into_iter().chain([mix()]) {
        for format in [PixelFormat::YUV420P, FORMATS[random.below(FORMATS.len() as u64) as usize]] {
            let base = noise(spec(format, 61, 37), &mut random);
            let mut builder = Builder::default();
            for picture in [&base, &breakpoints(&mut random)] {
                builder.load(picture, everywhere(picture.spec()), false);
            }
            builder.ops.push(Op::Combine(combine.clone()));
            builder.place([0.0, 0.0, 61.0, 37.0], &[random.share()]);
            let job = builder.finish(*base.spec(), Some(0), false);
            compare(&mut gpu, &mut cpu, &job, &format!("{} on {format:?}", combine.key()));
        }
    }
}

/// Layers of random formats and places over a base, with skips, a gain on each.
fn layers(random: &mut Random) -> FrameJob {
    let pick = |random: &mut Random| FORMATS[random.below(FORMATS.len() as u64) as usize];
    let (width, height) = (1 + random.below(150) as u32, 1 + random.below(100) as u32);
    let output = spec(pick(random), width, height);
    let same = random.below(3) > 0;
    let base = noise(if same { output } else { spec(pick(random), width, height) }, random);
    let mut builder = Builder::default();
    builder.load(&base, everywhere(&output), false);
    for _ in 0..random.below(4) {
        let upper = spec(pick(random), 1 + random.below(60) as u32, 1 + random.below(60) as u32);
        let (x, y) = (random.below(170) as i32 - 30, random.below(120) as i32 - 30);
        let (right, bottom) = (x + upper.width as i32, y + upper.height as i32);
        let touch = [x.max(0), y.max(0), right.min(width as i32), bottom.min(height as i32)];
        let at = builder.load(&noise(upper, random), LoadUniforms { x, y, touch }, true);
        builder.ops.push(Op::Step(Arc::new(Gain(1))));
        builder.place([x as f32, y as f32, upper.width as f32, upper.height as f32], &[random.share()]);
        builder.ops.push(Op::Combine(blend(Blend::Normal)));
        builder.place([0.0, 0.0, width as f32, height as f32], &[random.share()]);
        let end = builder.ops.len();
        if let Some(Op::Load { skip_to, .. }) = builder.ops.get_mut(at) {
            *skip_to = Some(end);
        }
    }
    let deeper = base.spec().format.sample.depth() > output.format.sample.depth();
    let coded = !matches!(output.format.sample, Sample::F32(_));
    builder.finish(output, same.then_some(0), deeper && coded)
}

#[test]
fn random_layers_agree() {
    let (mut gpu, mut cpu) = (executor(), reference());
    for seed in 0..40 {
        let job = layers(&mut Random(seed));
        compare(&mut gpu, &mut cpu, &job, &format!("seed {seed}"));
    }
}

#[test]
fn affine_stages_agree() {
    let (mut gpu, mut cpu, mut random) = (executor(), reference(), Random(4));
    let grey = [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 128.0], [0.0, 0.0, 0.0, 128.0]];
    let mixed = [[0.7, 0.2, -0.1, 10.0], [0.2, 0.6, 0.1, 30.0], [-0.1, 0.1, 0.8, 20.0]];
    for format in FORMATS.into_iter().filter(|f| f.model != Model::Rgb) {
        for matrix in [grey, mixed] {
            let spec = spec(format, 67, 45);
            let picture = noise(spec, &mut random);
            let stages = vec![
                Stage::Input { to: 0, picture },
                Stage::Affine { from: 0, to: 1, matrix: Affine(matrix), spec },
            ];
            let job = FrameJob { stages, slots: 2, output: 1 };
            compare(&mut gpu, &mut cpu, &job, &format!("{format:?} {matrix:?}"));
        }
    }
}

#[test]
fn more_numbers_than_a_uniform_buffer_holds_agree() {
    let picture = noise(spec(PixelFormat::YUV420P, 30, 20), &mut Random(12));
    let mut builder = Builder::default();
    builder.load(&picture, everywhere(picture.spec()), false);
    builder.ops.push(Op::Step(Arc::new(Gain(40_000))));
    let mut numbers = vec![0.0; 40_000];
    numbers[39_999] = 0.7;
    builder.place([0.0, 0.0, 30.0, 20.0], &numbers);
    let job = builder.finish(*picture.spec(), Some(0), false);
    compare(&mut executor(), &mut reference(), &job, "many numbers");
}
