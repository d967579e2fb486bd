//! The affine stage: codes to codes in a picture's own chroma resolution.
//!
//! Where every row is the identity or a constant (black-and-white: luma as it is, chroma neutral) nothing is computed
//! at all: the output is the input's own planes beside a plane of one code. Else it is a pass whose pixel function is
//! the first row and whose store is the other two.

use std::any::Any;
use std::sync::Arc;

use super::layout::neutral;
use super::ring::Binding;
use super::shader::{self, Block, Program, Source, Store, is_subsampled};
use super::{DevicePicture, Frame, GpuExecutor, Value, pass};
use crate::colour::Affine;
use crate::exec::ExecError;
use crate::exec::job::Slot;
use crate::picture::{Model, Picture, PictureBuffer, PictureSpec, Sample, Storage};

/// A matrix row that needs no arithmetic.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Simple {
    Same,
    Constant(f64),
}

/// Below these a weight and an offset are what an f64 product of matrices leaves of zero, as on the processor.
const NO_WEIGHT: f64 = 1e-9;
const NO_OFFSET: f64 = 1e-6;

fn simple(row: usize, weights: &[f64; 4]) -> Option<Simple> {
    let [linear @ .., offset] = weights;
    let close_to = |unit: f64| {
        linear.iter().enumerate().all(|(i, w)| (w - if i == row { unit } else { 0.0 }).abs() <= NO_WEIGHT)
    };
    match (close_to(1.0), close_to(0.0)) {
        (true, _) if offset.abs() <= NO_OFFSET => Some(Simple::Same),
        (_, true) => Some(Simple::Constant(*offset)),
        _ => None,
    }
}

/// The rows of a picture's colour planes, if none needs arithmetic. Grey has no others, its chroma is neutral.
fn all_simple(matrix: &Affine, spec: &PictureSpec) -> Option<[Simple; 3]> {
    if spec.format.model == Model::Grey {
        let [y, cb, cr, offset] = matrix.0[0];
        let neutral = f64::from(neutral(spec.format.sample));
        let row = simple(0, &[y, 0.0, 0.0, offset + (cb + cr) * neutral])?;
        return Some([row, Simple::Same, Simple::Same]);
    }
    let [y, cb, cr] = &matrix.0;
    Some([simple(0, y)?, simple(1, cb)?, simple(2, cr)?])
}

/// Another picture's planes, some of them replaced.
struct Patched {
    base: Picture,
    planes: [Option<Picture>; 3],
}

impl Patched {
    fn of(&self, index: usize) -> (&Arc<dyn Storage>, usize) {
        match self.planes.get(index) {
            Some(Some(plane)) => (plane.storage(), 0),
            _ => (self.base.storage(), index),
        }
    }
}

impl Storage for Patched {
    fn plane(&self, index: usize) -> &[u8] {
        let (storage, index) = self.of(index);
        storage.plane(index)
    }

    fn stride(&self, index: usize) -> usize {
        let (storage, index) = self.of(index);
        storage.stride(index)
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl GpuExecutor {
    pub(super) fn affine(
        &mut self,
        frame: &mut Frame,
        from: Slot,
        to: Slot,
        matrix: &Affine,
        spec: &PictureSpec,
    ) -> Result<(), ExecError> {
        let input = *frame.get(from)?.spec();
        if (input.format, input.width, input.height) != (spec.format, spec.width, spec.height)
            || spec.format.model == Model::Rgb
        {
            return Err(ExecError::Unavailable(
                "an affine stage is between pictures of unlike layout".to_owned(),
            ));
        }
        let simple = all_simple(matrix, spec);
        if simple == Some([Simple::Same; 3]) {
            let value = frame.get(from)?.clone().with_spec(*spec);
            return frame.set(to, value);
        }
        if let (Value::Host(picture), Some(rows)) = (frame.get(from)?, simple) {
            let patched = self.patched(picture.clone(), rows, spec);
            return frame.set(to, Value::Host(patched));
        }
        let source = self.on_device(frame, from)?;
        let target = self.target(frame, to, *spec)?;
        self.affine_pass(frame, &source, &target, matrix)?;
        frame.set(to, Value::Device(target))
    }

    /// A picture without computing one. Planes of one code are kept for the next frame.
    fn patched(&mut self, base: Picture, rows: [Simple; 3], spec: &PictureSpec) -> Picture {
        let mut planes = [None, None, None];
        for (index, (place, row)) in planes.iter_mut().zip(rows).enumerate() {
            if let Simple::Constant(value) = row {
                let (width, height) = spec.format.plane_size(index, spec.width, spec.height);
                *place = Some(self.constant(value, width, height, spec));
            }
        }
        Picture::new(*spec, Arc::new(Patched { base, planes }))
    }

    fn constant(&mut self, value: f64, width: u32, height: u32, like: &PictureSpec) -> Picture {
        let format = crate::picture::PixelFormat {
            model: Model::Grey,
            sample: like.format.sample,
            log2_x: 0,
            log2_y: 0,
            alpha: false,
        };
        let spec = PictureSpec { width, height, format, ..*like };
        let bits = value.to_bits();
        if let Some((_, plane)) = self.constants.iter().find(|(b, p)| *b == bits && *p.spec() == spec) {
            return plane.clone();
        }
        let plane = filled(value, spec);
        self.constants.truncate(3);
        self.constants.insert(0, (bits, plane.clone()));
        plane
    }

    fn affine_pass(
        &mut self,
        frame: &mut Frame,
        from: &DevicePicture,
        to: &DevicePicture,
        matrix: &Affine,
    ) -> Result<(), ExecError> {
        let format = to.spec.format;
        let (x, y) = from.spec.colour.siting.offset(format.log2_x, format.log2_y);
        let siting = (x as f32, y as f32);
        let block = Block::new(format, siting, &[format]);
        let edges = block.edges(to.spec.width, to.spec.height);
        let source = Source { format, siting, whole: true, placed: false };
        let key = format!("affine {source:?} {edges:?}");
        let shape = self.shape;
        let pipeline = self.pipeline(key, ("affine", &pass::bindings(1, false)), || {
            shader::generate(&Program {
                functions: PIXEL.to_owned(),
                sources: vec![source],
                output: format,
                store: if is_subsampled(format) { Store::Matrix } else { Store::Plain },
                dither: false,
                numbers: 12,
                many: false,
                edges,
                block: block.clone(),
                shape,
            })
        })?;
        let uniforms: Vec<u32> = matrix.0.iter().flatten().map(|v| (*v as f32).to_bits()).collect();
        let (height, rows) = (to.spec.height, shape.rows);
        let columns = to.spec.width.div_ceil(block.width as u32);
        let region = pass::Region { x: [0, columns as i32], y: [0, height.div_ceil(rows) as i32] };
        let geometry = pass::geometry(region, &[(&to.spec, &to.layout), (&from.spec, &from.layout)]);
        let bindings = vec![
            frame.recording.params(&uniforms),
            frame.recording.params(&geometry),
            Binding::picture(to),
            Binding::picture(from),
        ];
        frame.recording.dispatch(&pipeline, bindings, pass::groups(region, shape));
        Ok(())
    }
}

/// All three rows at the pixel; where chroma is subsampled the store looks only at the first.
const PIXEL: &str = "fn chain(x: i32, y: i32, v0: vec4<f32>) -> vec4<f32> {
return vec4<f32>(
number(0) * v0.x + number(1) * v0.y + number(2) * v0.z + number(3),
number(4) * v0.x + number(5) * v0.y + number(6) * v0.z + number(7),
number(8) * v0.x + number(9) * v0.y + number(10) * v0.z + number(11), v0.w);
}
";

/// A plane of one code.
fn filled(value: f64, spec: PictureSpec) -> Picture {
    let mut buffer = PictureBuffer::new(spec);
    let code = (value.clamp(0.0, f64::from(spec.format.sample.top()))).round_ties_even();
    match spec.format.sample {
        Sample::U8 => buffer.plane_mut(0).fill(code as u8),
        Sample::U16(_) => bytemuck::cast_slice_mut(buffer.plane_mut(0)).fill(code as u16),
        Sample::F32(_) => bytemuck::cast_slice_mut(buffer.plane_mut(0)).fill(value as f32),
    }
    buffer.freeze()
}
