//! Order, latency, what is handed on, and a device that goes away.

use super::*;
use crate::exec::ExecError;

#[test]
fn pictures_come_in_order_and_two_frames_late() {
    let mut gpu = executor();
    let mut out = Vec::new();
    for n in 0..8u8 {
        let mut buffer = PictureBuffer::new(spec(PixelFormat::YUV420P, 32, 16));
        buffer.plane_mut(0).fill(16 + n);
        buffer.plane_mut(1).fill(128);
        buffer.plane_mut(2).fill(128);
        let picture = buffer.freeze();
        // Every third frame needs no work at all.
        let gain = gained(&picture, *picture.spec(), 1.0, true);
        let same = FrameJob { stages: vec![Stage::Input { to: 0, picture }], slots: 1, output: 0 };
        let ready = gpu.submit(if n % 3 == 2 { same } else { gain }).unwrap();
        assert_eq!(ready.is_some(), n >= 2);
        out.extend(ready);
    }
    while let Some(picture) = gpu.flush().unwrap() {
        out.push(picture);
    }
    // All are still held, so none may share memory with another.
    let first: Vec<u8> = out.iter().map(|p| p.row(0, 15)[31]).collect();
    assert_eq!(first, [16, 17, 18, 19, 20, 21, 22, 23]);
}

#[test]
fn what_nothing_touches_is_handed_on() {
    let mut gpu = executor();
    let picture = noise(spec(PixelFormat::YUV420P, 40, 30), &mut Random(6));
    let mut job = gained(&picture, *picture.spec(), 1.0, true);
    let Some(Stage::Pass(pass)) = job.stages.last_mut() else { panic!("no pass") };
    let old = &pass.structure;
    let ops = old.ops.iter().filter(|op| !matches!(op, Op::Step(_))).cloned().collect();
    let inputs = old.inputs.clone();
    let siting = old.siting.clone();
    let structure =
        PassStructure { inputs, output: old.output, siting, ops, difference: Some(0), dither: false };
    pass.uniforms.drain(18..23);
    pass.structure = Arc::new(structure);
    assert!(render(&mut gpu, job).same_memory(&picture));
}

#[test]
fn staged_memory_gives_the_same_as_direct() {
    let mut device = device::Device::open(Preference::Any).unwrap();
    device.direct = false;
    let (mut staged, mut direct) = (GpuExecutor::on(device), executor());
    let picture = noise(spec(PixelFormat::YUV420P, 70, 50), &mut Random(7));
    let job = gained(&picture, *picture.spec(), 0.8, true);
    assert_eq!(samples(&render(&mut staged, job.clone())), samples(&render(&mut direct, job)));
}

#[test]
fn hardware_columns_give_the_same_as_software_ones() {
    let (mut short, mut tall) = (executor(), executor());
    (short.shape, tall.shape) = (Shape::HARDWARE, Shape::SOFTWARE);
    let picture = noise(spec(PixelFormat::YUV420P, 131, 77), &mut Random(8));
    let job = gained(&picture, *picture.spec(), 0.8, true);
    assert_eq!(samples(&render(&mut short, job.clone())), samples(&render(&mut tall, job)));
}

#[test]
fn a_device_that_goes_away_is_an_error() {
    let mut gpu = executor();
    let picture = noise(spec(PixelFormat::YUV420P, 64, 64), &mut Random(9));
    let job = gained(&picture, *picture.spec(), 0.5, true);
    gpu.submit(job.clone()).unwrap();
    gpu.device.device.destroy();
    let error = gpu.submit(job).and_then(|_| gpu.flush()).unwrap_err();
    assert!(matches!(error, ExecError::DeviceLost(_)), "{error:?}");
    assert!(gpu.flush().is_err(), "what was in flight is lost too");
}

#[test]
fn a_frame_that_no_binding_holds_is_an_error_that_says_so() {
    let mut gpu = executor();
    let picture = noise(spec(PixelFormat::YUV420P, 8, 8), &mut Random(10));
    let huge = PictureSpec { width: 1 << 15, height: 1 << 15, ..spec(PixelFormat::RGBA_F32, 1, 1) };
    let job = gained(&picture, huge, 0.5, false);
    let error = gpu.submit(job).unwrap_err();
    assert!(matches!(&error, ExecError::OutOfMemory(text) if text.contains("32768×32768")), "{error:?}");
}

#[test]
fn a_job_that_breaks_its_own_rules_is_an_error() {
    let mut gpu = executor();
    let picture = noise(spec(PixelFormat::YUV420P, 8, 8), &mut Random(11));
    let mut job = gained(&picture, *picture.spec(), 0.5, true);
    let Some(Stage::Pass(pass)) = job.stages.last_mut() else { panic!("no pass") };
    pass.uniforms.truncate(7);
    assert!(matches!(gpu.submit(job), Err(ExecError::Unavailable(_))));
}
