//! Neighbourhood operations on the device against the same on the processor.

use super::*;
use crate::exec::job::{Axis, Filter, GaussianJob, ResampleJob, TransformJob};
use crate::kernel::{gaussian, resample, transform};

const LEVEL: SimdLevel = SimdLevel::Avx2;

fn compare(stage: Stage, input: &Picture, expected: &Picture) {
    let stages = vec![Stage::Input { to: 0, picture: input.clone() }, stage];
    let made = render(&mut executor(), FrameJob { stages, slots: 2, output: 1 });
    let worst = worst(&made, expected);
    let allowed = made.spec().format.sample.top() / 1024.0;
    assert!(worst <= allowed, "{:?}: {worst}", input.spec());
}

fn floats(spec: PictureSpec) -> PictureSpec {
    let sample = Sample::F32(spec.format.sample.depth());
    PictureSpec { format: PixelFormat { sample, ..spec.format }, ..spec }
}

#[test]
fn resampling_agrees() {
    let mut random = Random(20);
    for (format, transpose) in [
        (PixelFormat::YUV420P, false),
        (yuv(Sample::U16(10), 1, 0, false), true),
        (PixelFormat::RGBA_F32, false),
    ] {
        let picture = noise(spec(format, 75, 41), &mut random);
        let job = ResampleJob {
            from: 0,
            to: 1,
            spec: floats(spec(format, 52, 60)),
            transpose,
            x: Axis { step: 1.3, origin: -2.0 },
            y: Axis { step: -0.7, origin: 40.0 },
            window: [3.0, 2.0, 60.0, 39.5],
            coverage: format.alpha,
            filter: Filter::Lanczos3,
        };
        let expected = resample::resample(&job, &picture, LEVEL, PictureBuffer::new(job.spec)).freeze();
        compare(Stage::Resample(job), &picture, &expected);
    }
}

#[test]
fn blurring_and_sharpening_agree() {
    let mut random = Random(21);
    for (sharpen, sigma) in [(None, 2.5), (None, 30.0), (Some(0.8), 1.2)] {
        let picture = noise(spec(yuv(Sample::F32(8), 1, 1, false), 75, 41), &mut random);
        let job = GaussianJob { from: 0, to: 1, spec: *picture.spec(), sigma, sharpen };
        let expected = gaussian::gaussian(&job, &picture, LEVEL, PictureBuffer::new(job.spec)).freeze();
        compare(Stage::Gaussian(job), &picture, &expected);
    }
}

#[test]
fn turning_agrees() {
    let picture = noise(spec(PixelFormat::RGBA_F32, 60, 40), &mut Random(22));
    let job = TransformJob {
        from: 0,
        to: 1,
        spec: spec(PixelFormat::RGBA_F32, 70, 66),
        inverse: [0.9, 0.4, -8.0, -0.4, 0.9, 12.0],
    };
    let expected = transform::transform(&job, &picture, LEVEL, PictureBuffer::new(job.spec)).freeze();
    compare(Stage::Transform(job), &picture, &expected);
}
