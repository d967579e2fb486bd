//! Milliseconds of processor time a 1920 × 1080 frame of 8-bit 4:2:0 costs on the cpu executor, all threads together:
//! the least of many frames, so that what else the machine does shows little. `cargo bench -p vfxb-benches --bench cpu_frame [-- LEVEL [THREADS [JOB]]]`.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::error::Error;
use std::fs::DirEntry;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use vfxb_engine::colour::{Affine, ColourSpec, codes_to_rgb, rgb_to_codes};
use vfxb_engine::effect::registry::effect;
use vfxb_engine::effect::{Argument, FrameContext, Machine};
use vfxb_engine::exec::Executor;
use vfxb_engine::exec::cpu::CpuExecutor;
use vfxb_engine::exec::job::{FrameJob, LoadUniforms, Op, PassJob, PassStructure, Stage};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::picture::{Picture, PictureBuffer, PictureSpec, PixelFormat};

const SPEC: PictureSpec = PictureSpec {
    width: 1920,
    height: 1080,
    format: PixelFormat::YUV420P,
    colour: ColourSpec::BT709,
    premultiplied: false,
};

/// A picture of every code.
fn noise() -> Picture {
    let mut buffer = PictureBuffer::new(SPEC);
    let mut state = 1u32;
    for plane in buffer.planes_mut() {
        for byte in plane {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
    }
    buffer.freeze()
}

fn packed(map: &Affine) -> Vec<f32> {
    map.0.iter().flatten().map(|v| *v as f32).collect()
}

/// A pass over one picture: load, convert, `between`, convert, store. If not `touched`, nothing there changes a tile.
fn pass(difference: bool, touched: bool, between: &[(Op, Vec<f32>)]) -> Stage {
    let touch = [0, 0, SPEC.width as i32, SPEC.height as i32];
    let load = LoadUniforms { x: 0, y: 0, touch }.pack().to_vec();
    let conversion = || Op::Affine { conversion: !touched };
    let steps: Vec<(Op, Vec<f32>)> = [
        (Op::Load { input: 0, skip_to: None }, load),
        (conversion(), packed(&codes_to_rgb(&SPEC.colour, 8))),
    ]
    .into_iter()
    .chain(between.iter().cloned())
    .chain([(conversion(), packed(&rgb_to_codes(&SPEC.colour, 8)))])
    .collect();
    let structure = PassStructure {
        inputs: vec![SPEC.format],
        output: SPEC.format,
        siting: vec![(0.0, 0.5); 2],
        ops: steps.iter().map(|s| s.0.clone()).collect(),
        difference: difference.then_some(0),
        dither: false,
    };
    let uniforms = steps.into_iter().flat_map(|s| s.1).collect();
    Stage::Pass(PassJob { structure: Arc::new(structure), uniforms, inputs: vec![0], to: 1, spec: SPEC })
}

/// An effect of the registry as an operation.
fn step(name: &str, arguments: &[f64]) -> Result<(Op, Vec<f32>), Box<dyn Error>> {
    let context = FrameContext { frame: 0, time: 0.0, width: SPEC.width, height: SPEC.height };
    let arguments: Vec<Argument> = arguments.iter().map(|n| Argument::Number(*n)).collect();
    match effect(name).ok_or("there is no such effect")?.machine {
        Machine::Pixel { bind, prepare } => {
            let mut uniforms = vec![0.0, 0.0, SPEC.width as f32, SPEC.height as f32];
            prepare(&arguments, &context, &mut uniforms);
            Ok((Op::Step(bind(&arguments)), uniforms))
        }
        Machine::Affine(map) => Ok((Op::Affine { conversion: false }, packed(&map(&arguments, &context)))),
        _ => Err("not a pixel effect".into()),
    }
}

fn jobs() -> Result<Vec<(&'static str, Stage)>, Box<dyn Error>> {
    let grey = [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 128.0], [0.0, 0.0, 0.0, 128.0]];
    let tint = [[0.9, 0.1, 0.05, 2.0], [-0.1, 0.5, 0.1, 70.0], [0.1, 0.1, 0.5, 60.0]];
    let scale = [[1.1, 0.0, 0.0, -10.0], [0.0, 1.1, 0.0, -12.8], [0.0, 0.0, 1.1, -12.8]];
    let affine = |rows| Stage::Affine { from: 0, to: 1, matrix: Affine(rows), spec: SPEC };
    let chain = [
        step("gamma", &[1.2])?,
        step("vignette", &[0.5, 0.35])?,
        step("contrast", &[1.1])?,
        step("gamma", &[0.9])?,
    ];
    let grade = [
        step("vintage", &[0.8])?,
        step("temperature", &[5500.0])?,
        step("contrast", &[1.1])?,
        step("vignette", &[0.5, 0.35])?,
    ];
    Ok(vec![
        ("handed on", pass(true, false, &[])),
        ("load and store, difference", pass(true, true, &[])),
        ("load and store, plain", pass(false, true, &[])),
        ("vignette", pass(true, true, &chain[1..2])),
        ("gamma", pass(true, true, &chain[..1])),
        ("gamma, vignette, contrast, gamma", pass(true, true, &chain)),
        ("vintage", pass(true, true, &grade[..1])),
        ("vintage, temperature, contrast, vignette", pass(true, true, &grade)),
        ("affine: blackwhite", affine(grey)),
        ("affine: contrast", affine(scale)),
        ("affine: every weight", affine(tint)),
    ])
}

/// What all threads of this process have used (Linux tells; elsewhere, the time that has passed).
fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let nanoseconds = |task: DirEntry| -> Option<u64> {
        std::fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    match std::fs::read_dir("/proc/self/task") {
        Ok(tasks) => Duration::from_nanos(tasks.flatten().filter_map(nanoseconds).sum()),
        Err(_) => START.elapsed(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let level = arguments.first().map_or(Ok(SimdLevel::active()), |name| name.parse())?;
    let threads = arguments.get(1).map_or(Ok(1), |n| n.parse())?;
    let mut executor = CpuExecutor::new(threads, level)?;
    println!("{}", executor.name());
    let input = noise();
    for (name, stage) in jobs()? {
        if arguments.get(2).is_some_and(|only| only != name) {
            continue;
        }
        let job = FrameJob {
            stages: vec![Stage::Input { to: 0, picture: input.clone() }, stage],
            slots: 2,
            output: 1,
        };
        let (mut best, until) = (Duration::MAX, Instant::now() + Duration::from_secs(2));
        while Instant::now() < until {
            let start = processor_time();
            let picture = executor.submit(job.clone())?;
            best = best.min(processor_time().saturating_sub(start));
            drop(picture);
        }
        println!("{:8.3} ms  {name}", best.as_secs_f64() * 1e3);
    }
    Ok(())
}
