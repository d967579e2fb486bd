//! What an executor does, slowly and in f64: whole pictures, one pixel at a time, straight from the definitions.

use std::sync::Arc;

use crate::colour::Affine;
use crate::effect::step::{Alpha, Combine, Share, Step};
use crate::exec::dither;
use crate::exec::job::{Op, PLACE_UNIFORMS, PassJob};
use crate::exec::tile::{SimdLevel, TILE_PIXELS, TILE_WIDTH, Tile, TilePlace};
use crate::picture::{Model, Picture, PictureBuffer, PictureSpec, PixelFormat, Sample};

/// A pixel.
pub(super) type Pixel = [f64; 4];
/// Planes of values: plane, row, column.
pub(super) type Planes = Vec<Vec<Vec<f64>>>;

/// A pixel function of tests: colour, uniforms, x and y.
pub(super) type Function = fn(Pixel, &[f32], f64, f64) -> Pixel;

/// A step out of a [`Function`].
pub(super) struct TestStep(pub(super) Function, pub(super) usize);

impl Step for TestStep {
    fn key(&self) -> String {
        "test".to_owned()
    }
    fn uniforms(&self) -> usize {
        self.1
    }
    fn alpha(&self) -> Alpha {
        Alpha::Either
    }
    fn run(&self, _: SimdLevel, tile: &mut Tile, uniforms: &[f32], place: &TilePlace) {
        for i in 0..TILE_PIXELS {
            let px = [0, 1, 2, 3].map(|p| f64::from(tile.planes[p][i]));
            let (x, y) = (place.x + (i % TILE_WIDTH) as i32, place.y + (i / TILE_WIDTH) as i32);
            let px = (self.0)(px, uniforms, f64::from(x), f64::from(y));
            (0..4).for_each(|p| tile.planes[p][i] = px[p] as f32);
        }
    }
    fn wgsl(&self, _: &str) -> String {
        String::new()
    }
}

/// Porter and Duff's over, on multiplied alpha.
pub(super) struct Over;

fn over(below: Pixel, above: Pixel) -> Pixel {
    [0, 1, 2, 3].map(|p| above[p] + below[p] * (1.0 - above[3]))
}

impl Combine for Over {
    fn key(&self) -> String {
        "over".to_owned()
    }
    fn uniforms(&self) -> usize {
        0
    }
    fn alpha(&self) -> Alpha {
        Alpha::Premultiplied
    }
    fn keeps_below(&self) -> bool {
        true
    }
    fn run(&self, _: SimdLevel, below: &mut Tile, above: &Tile, _: &[f32], _: &TilePlace) {
        for i in 0..TILE_PIXELS {
            let at = |t: &Tile| [0, 1, 2, 3].map(|p| f64::from(t.planes[p][i]));
            let px = over(at(below), at(above));
            (0..4).for_each(|p| below.planes[p][i] = px[p] as f32);
        }
    }
    fn wgsl(&self, _: &str) -> String {
        String::new()
    }
    fn share(
        &self,
        _: SimdLevel,
        shares: (&mut Share, &Share),
        pixels: [&Tile; 2],
        _: &[f32],
        _: &TilePlace,
    ) {
        for ((below, above), alpha) in shares.0.iter_mut().zip(shares.1).zip(&pixels[1].planes[3]) {
            *below = above + *below * (1.0 - alpha);
        }
    }
    fn share_wgsl(&self, _: &str) -> String {
        String::new()
    }
}

/// A picture's samples.
pub(super) fn planes(picture: &Picture) -> Planes {
    (0..picture.spec().format.planes())
        .map(|plane| {
            let rows = 0..picture.plane_size(plane).1;
            rows.map(|y| match picture.spec().format.sample {
                Sample::U8 => picture.row(plane, y).iter().map(|v| f64::from(*v)).collect(),
                Sample::U16(_) => picture.row_u16(plane, y).iter().map(|v| f64::from(*v)).collect(),
                Sample::F32(_) => picture.row_f32(plane, y).iter().map(|v| f64::from(*v)).collect(),
            })
            .collect()
        })
        .collect()
}

/// A picture out of samples: plane, x, y.
pub(super) fn picture(spec: PictureSpec, mut sample: impl FnMut(usize, u32, u32) -> f64) -> Picture {
    let mut buffer = PictureBuffer::new(spec);
    for plane in 0..spec.format.planes() {
        let (width, height) = spec.format.plane_size(plane, spec.width, spec.height);
        let stride = buffer.stride(plane);
        for y in 0..height {
            for x in 0..width {
                let value = sample(plane, x, y);
                let bytes = spec.format.sample.bytes();
                let at = y as usize * stride + x as usize * bytes;
                let dst = &mut buffer.plane_mut(plane)[at..at + bytes];
                match spec.format.sample {
                    Sample::U8 => dst.copy_from_slice(&[value as u8]),
                    Sample::U16(_) => dst.copy_from_slice(&(value as u16).to_ne_bytes()),
                    Sample::F32(_) => dst.copy_from_slice(&(value as f32).to_ne_bytes()),
                }
            }
        }
    }
    buffer.freeze()
}

fn clamped(plane: &[Vec<f64>], x: i64, y: i64) -> f64 {
    let y = y.clamp(0, plane.len() as i64 - 1) as usize;
    plane[y][x.clamp(0, plane[y].len() as i64 - 1) as usize]
}

/// U: a chroma plane at a luma position.
pub(super) fn up(plane: &[Vec<f64>], format: PixelFormat, siting: (f64, f64), x: i64, y: i64) -> f64 {
    let at = |n: i64, s: f64, log2: u8| {
        let at = (n as f64 - s) / f64::from(1 << log2);
        (at.floor() as i64, at - at.floor())
    };
    let ((i, fx), (j, fy)) = (at(x, siting.0, format.log2_x), at(y, siting.1, format.log2_y));
    let row = |j| clamped(plane, i, j) * (1.0 - fx) + clamped(plane, i + 1, j) * fx;
    row(j) * (1.0 - fy) + row(j + 1) * fy
}

/// D: values on luma's grid at a chroma position.
pub(super) fn down(plane: &[Vec<f64>], format: PixelFormat, siting: (f64, f64), i: i64, j: i64) -> f64 {
    let axis = |k: i64, s: f64, log2: u8| {
        let n = 1i64 << log2;
        let p = (k * n) as f64 + s;
        (k * n - 2 * n..k * n + 3 * n)
            .map(move |l| (l, (1.0 - (l as f64 - p).abs() / n as f64).max(0.0) / n as f64))
            .filter(|(_, w)| *w > 0.0)
    };
    let mut sum = 0.0;
    for (y, wy) in axis(j, siting.1, format.log2_y) {
        for (x, wx) in axis(i, siting.0, format.log2_x) {
            sum += clamped(plane, x, y) * wx * wy;
        }
    }
    sum
}

/// The pixel of a source at (x, y) of its own grid.
pub(super) fn load(planes: &Planes, format: PixelFormat, siting: (f64, f64), x: i64, y: i64) -> Pixel {
    let neutral =
        if format.sample.depth() == 0 { 0.5 } else { f64::from(1u32 << (format.sample.depth() - 1)) };
    let colour = |plane: usize| match format.model {
        Model::Grey if plane > 0 => neutral,
        Model::Yuv if plane > 0 => up(&planes[plane], format, siting, x, y),
        _ => planes[plane][y as usize][x as usize],
    };
    let alpha = if format.alpha {
        planes[format.planes() - 1][y as usize][x as usize] / f64::from(format.sample.top())
    } else {
        1.0
    };
    [colour(0), colour(1), colour(2), alpha]
}

pub(super) fn affine(matrix: &[f64; 12], px: Pixel) -> Pixel {
    let row = |r: usize| px[0] * matrix[r] + px[1] * matrix[r + 1] + px[2] * matrix[r + 2] + matrix[r + 3];
    [row(0), row(4), row(8), px[3]]
}

/// An affine map as uniforms.
pub(super) fn packed(map: &Affine) -> Vec<f32> {
    map.0.iter().flatten().map(|v| *v as f32).collect()
}

/// The output of a pass before rounding. Knows the ops of `functions`, in the order of the steps.
pub(super) fn pass(job: &PassJob, inputs: &[Picture], functions: &[Function]) -> Planes {
    let spec = job.spec;
    let sources: Vec<Planes> = inputs.iter().map(planes).collect();
    let structure = &job.structure;
    let siting = |i: usize| (f64::from(structure.siting[i].0), f64::from(structure.siting[i].1));
    let pixel = |x: i64, y: i64| {
        // Pixels, and how much of each one's colour is the base's.
        let (mut stack, mut u, mut step): (Vec<(Pixel, f64)>, _, _) = (Vec::new(), &job.uniforms[..], 0);
        for op in &structure.ops {
            let (own, rest) = u.split_at(op.uniforms());
            u = rest;
            match op {
                Op::Load { input, .. } => {
                    let n: Vec<i64> = own.iter().map(|v| *v as i64).collect();
                    let inside = (n[2]..n[4]).contains(&x) && (n[3]..n[5]).contains(&y);
                    let format = structure.inputs[*input];
                    let base = structure.difference == Some(*input)
                        && n == [0, 0, 0, 0, i64::from(spec.width), i64::from(spec.height)];
                    let pixel = match inside {
                        true => load(&sources[*input], format, siting(*input), x - n[0], y - n[1]),
                        false => [0.0; 4],
                    };
                    stack.push((pixel, f64::from(u8::from(base))));
                }
                Op::Fill => stack.push(([0, 1, 2, 3].map(|i| f64::from(own[i])), 0.0)),
                Op::Duplicate => stack.push(*stack.last().unwrap()),
                Op::Combine(_) => {
                    let (above, above_share) = stack.pop().unwrap();
                    let (below, share) = stack.pop().unwrap();
                    stack.push((over(below, above), above_share + share * (1.0 - above[3])));
                }
                _ => {
                    let (px, share) = stack.pop().unwrap();
                    stack.push(match op {
                        Op::Affine { .. } => (affine(&std::array::from_fn(|i| f64::from(own[i])), px), share),
                        Op::Premultiply => {
                            ([px[0] * px[3], px[1] * px[3], px[2] * px[3], px[3]], share * px[3])
                        }
                        Op::Unpremultiply if px[3] == 0.0 => ([0.0; 4], 0.0),
                        Op::Unpremultiply => {
                            ([px[0] / px[3], px[1] / px[3], px[2] / px[3], px[3]], share / px[3])
                        }
                        _ => {
                            step += 1;
                            let (x, y) = (x as f64 - f64::from(own[0]), y as f64 - f64::from(own[1]));
                            (functions[step - 1](px, &own[PLACE_UNIFORMS..], x, y), share)
                        }
                    });
                }
            }
        }
        stack[0]
    };
    let (w, h) = (i64::from(spec.width), i64::from(spec.height));
    let pixels: Vec<Vec<(Pixel, f64)>> = (0..h).map(|y| (0..w).map(|x| pixel(x, y)).collect()).collect();
    let format = structure.output;
    let base = structure.difference.map(|i| (&sources[i], siting(i)));
    let out_siting = siting(inputs.len());
    let covered: Vec<Vec<f64>> =
        pixels.iter().map(|row| row.iter().map(|(_, share)| 1.0 - share).collect()).collect();
    (0..format.planes())
        .map(|plane| {
            let component = if format.alpha && plane + 1 == format.planes() { 3 } else { plane };
            let factor = if component == 3 { f64::from(format.sample.top()) } else { 1.0 };
            let (pw, ph) = format.plane_size(plane, spec.width, spec.height);
            let values: Vec<Vec<f64>> = (0..h as usize)
                .map(|y| {
                    (0..w as usize)
                        .map(|x| {
                            let old = match base {
                                Some((planes, siting)) if format.is_chroma(plane) => {
                                    up(&planes[plane], format, siting, x as i64, y as i64)
                                }
                                _ => 0.0,
                            };
                            let (pixel, share) = pixels[y][x];
                            pixel[component] * factor - old * share
                        })
                        .collect()
                })
                .collect();
            let value = |x: u32, y: u32| {
                if !format.is_chroma(plane) {
                    return values[y as usize][x as usize];
                }
                let at = |values: &[Vec<f64>]| down(values, format, out_siting, i64::from(x), i64::from(y));
                let old = base.map_or(0.0, |(planes, _)| planes[plane][y as usize][x as usize]);
                old * (1.0 - at(&covered)) + at(&values)
            };
            let dithered = |x: u32, y: u32| match structure.dither {
                true => value(x, y) + f64::from(dither::row(y as usize)[x as usize & 7]),
                false => value(x, y),
            };
            (0..ph).map(|y| (0..pw).map(|x| dithered(x, y)).collect()).collect()
        })
        .collect()
}

/// Fails unless `picture` is `expected` within `codes`, integer samples of the clamped value.
pub(super) fn assert_close(picture: &Picture, expected: &Planes, codes: f64, what: &str) {
    let format = picture.spec().format;
    let got = planes(picture);
    let top = f64::from(format.sample.top());
    for (plane, (got, want)) in got.iter().zip(expected).enumerate() {
        for (y, (got, want)) in got.iter().zip(want).enumerate() {
            for (x, (got, want)) in got.iter().zip(want).enumerate() {
                let want = if matches!(format.sample, Sample::F32(_)) { *want } else { want.clamp(0.0, top) };
                assert!(
                    (got - want).abs() <= codes,
                    "{what}: plane {plane} ({x}, {y}): {got}, expected {want}; {format:?}"
                );
            }
        }
    }
}

/// A step of one function as an operation.
pub(super) fn step(function: Function, uniforms: usize) -> Op {
    Op::Step(Arc::new(TestStep(function, uniforms)))
}
