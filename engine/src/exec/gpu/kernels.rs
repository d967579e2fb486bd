//! Neighbourhood operations: the dispatches that `kernel` plans, on this device's buffers.
//!
//! Kernels take planes of floats. Float pictures lie in their buffers as kernels want them; codes are widened first,
//! each plane in its own resolution.

use std::sync::Arc;

use super::device::Access;
use super::layout::{Layout, per_word};
use super::pool::{Pooled, Purpose};
use super::ring::Binding;
use super::{DevicePicture, Frame, GpuExecutor, Value};
use crate::exec::ExecError;
use crate::exec::job::Slot;
use crate::kernel::{Floats, KernelPlan, PlaneLayout};
use crate::picture::{PictureSpec, PixelFormat, Sample};

/// What every kernel binds.
const BINDINGS: [Access; 3] = [Access::Read, Access::Write, Access::Read];

/// Rows of invocations of [`WIDEN`]'s workgroups.
const WIDEN_GROUP: u32 = 64;

/// Codes to floats, a word an invocation. 0 words a row, 1 rows, 2 and 3 input offset and stride, 4 and 5 the
/// output's, 6 samples a row, 7 samples a word.
const WIDEN: &str = "
@group(0) @binding(0) var<storage, read> codes: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> words: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= words[0] || id.y >= words[1]) { return; }
    let per = words[7];
    let bits = 32u / per;
    var word = codes[words[2] + id.y * words[3] + id.x];
    for (var i = 0u; i < per; i++) {
        let x = id.x * per + i;
        if (x < words[6]) {
            output[words[4] + id.y * words[5] + x] = f32(i32(word & ((1u << bits) - 1u)));
        }
        word = word >> bits;
    }
}
";

impl GpuExecutor {
    /// Runs a kernel from one slot to another. `plan` is handed the input's spec and both pictures' planes.
    pub(super) fn kernel(
        &mut self,
        frame: &mut Frame,
        from: Slot,
        to: Slot,
        spec: &PictureSpec,
        plan: impl FnOnce(&PictureSpec, &[PlaneLayout], &[PlaneLayout]) -> KernelPlan,
    ) -> Result<(), ExecError> {
        let source = self.on_device(frame, from)?;
        let target = self.target(frame, to, *spec)?;
        let plan = plan(&source.spec, &packed(&source.spec), &packed(spec));
        let floats = self.widened(frame, &source)?;
        let between = plan
            .intermediates
            .iter()
            .map(|count| self.pool.take(Purpose::Work, u64::from(*count).max(1) * 4))
            .collect::<Result<Vec<_>, _>>()?;
        let find = |which: Floats| -> Result<Binding, ExecError> {
            match which {
                Floats::Input => Ok(Binding::picture(&floats)),
                Floats::Output => Ok(Binding::picture(&target)),
                Floats::Intermediate(i) => {
                    let missing = || ExecError::Unavailable("a kernel lacks a buffer".to_owned());
                    let (buffer, count) =
                        between.get(i).zip(plan.intermediates.get(i)).ok_or_else(missing)?;
                    Ok(Binding::Buffer(Arc::clone(buffer), u64::from(*count).max(1) * 4))
                }
            }
        };
        for dispatch in &plan.dispatches {
            let shader = dispatch.shader;
            let key = format!("kernel {}", shader.key);
            let pipeline = self.pipeline(key, (shader.key, &BINDINGS), || shader.wgsl.to_owned())?;
            let bindings =
                vec![find(dispatch.input)?, find(dispatch.output)?, frame.recording.params(&dispatch.params)];
            frame.recording.dispatch(&pipeline, bindings, dispatch.groups);
        }
        frame.set(to, Value::Device(target))
    }

    /// The picture as floats on the scale of its codes.
    fn widened(&mut self, frame: &mut Frame, source: &DevicePicture) -> Result<DevicePicture, ExecError> {
        let depth = match source.spec.format.sample {
            Sample::F32(_) => return Ok(source.clone()),
            sample => sample.depth(),
        };
        let format = PixelFormat { sample: Sample::F32(depth), ..source.spec.format };
        let spec = PictureSpec { format, ..source.spec };
        let layout = Layout::new(&spec, &self.device.limits)?;
        let buffer: Arc<Pooled> = self.pool.take(Purpose::Work, layout.bytes)?;
        let target = DevicePicture { spec, layout, buffer };
        let pipeline = self.pipeline("widen".to_owned(), ("widen", &BINDINGS), || WIDEN.to_owned())?;
        let per = per_word(source.spec.format);
        for (from, to) in source.layout.planes.iter().zip(&target.layout.planes) {
            let words =
                [from.stride, from.height, from.offset, from.stride, to.offset, to.stride, from.width, per];
            let bindings =
                vec![Binding::picture(source), Binding::picture(&target), frame.recording.params(&words)];
            let groups = [from.stride.div_ceil(WIDEN_GROUP), from.height];
            frame.recording.dispatch(&pipeline, bindings, groups);
        }
        Ok(target)
    }
}

/// Where the planes of a float picture lie; of codes, where those of the widened picture will.
fn packed(spec: &PictureSpec) -> Vec<PlaneLayout> {
    PlaneLayout::packed(spec).0
}
